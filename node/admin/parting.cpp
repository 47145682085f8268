#include "node/admin/parting.hpp"

#include "node/federation/decisions.hpp"

namespace maillon::admin {

std::optional<Parting> parting_of(const storage::Trust& trust, const MemberId& member) {
  if (trust.member(member) != nullptr || trust.ever_member(member) == nullptr) return std::nullopt;
  std::optional<Parting> out;
  for (const storage::Decision& decision : trust.decisions()) {
    const auto& removal = decision.proposal->remove;
    if (!removal || removal->member != member || !decision.passed) continue;
    if (out && out->time >= decision.time.time()) continue;
    out = Parting{decision.kind == storage::DecisionKind::leave, decision.time.time(), {}};
    for (const MemberId& voter : decision.votes) {
      const storage::Member* known = trust.ever_member(voter);
      out->deciders += (out->deciders.empty() ? "" : ", ") +
                       (known == nullptr ? shortened(voter) : for_terminal(known->name, 60));
    }
  }
  return out;
}

std::string parting_in_words(const Parting& parting, Language language) {
  const std::string when = local(parting.time);
  if (parting.by_itself)
    return say(language, "ce membre a quitté la fédération le {}",
               "this member left the federation on {}", when);
  return say(language, "ce membre a été exclu de la fédération le {}, par une décision de : {}",
             "this member was removed from the federation on {}, by a decision of: {}", when,
             parting.deciders);
}

std::optional<Error> left_ahead(replica::Replica& replica) {
  const auto trust = replica.trust();
  const auto now = replica.clock().now();
  const auto* const leave = federation::leave_ahead(*trust, replica.identity().member, now);
  if (leave == nullptr) return std::nullopt;
  const std::string when = local(leave->time.time());
  return said(
      Errc::not_allowed,
      "this member said that it leaves while a clock was ahead (dated " + when +
          "): the others wait for that time, and have it as a member until then",
      "ce membre a dit qu’il quittait la fédération alors qu’une horloge avançait (daté du " +
          when + ") : les autres attendent cette date, et le tiennent pour membre d’ici là",
      "`maillon reissue` publishes the leave again, at the right time",
      "« maillon reissue » publie ce départ à nouveau, à la bonne heure");
}

}  // namespace maillon::admin
