#include "node/admin/admission_words.hpp"

#include "node/admin/decision_words.hpp"
#include "node/admin/parting.hpp"
#include "node/federation/proposal_names.hpp"

namespace maillon::admin {
namespace {

using federation::Lapse;
using federation::Waiting;
using storage::Member;
using storage::Trust;

constexpr std::size_t kPrefixMin = 6;  ///< digits of an id that may stand for the whole

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + for_terminal(name, 60);
  // Longer lists are cut before they are sent.
  if (names.size() >= limits::kJoinNamesMax) out += ", …";
  return out;
}

/// Why what somebody voted no longer counts.
std::string loss_in_words(const Trust& trust, const MemberId& voter, Language language) {
  const std::string who = named(trust, voter);
  const auto parting = parting_of(trust, voter);
  if (!parting)
    return say(language, "{} (la clé qui avait voté a été reprise)",
               "{} (the key that voted was taken back)", who);
  const std::string when = local(parting->time);
  if (parting->by_itself)
    return say(language, "{} (parti le {})", "{} (left on {})", who, when);
  return say(language, "{} (exclu le {}, par une décision de : {})",
             "{} (removed on {}, by a decision of: {})", who, when, parting->deciders);
}

std::string lapse_in_words(const Trust& trust, const Lapse& lapse, Language language) {
  std::string lost;
  for (const MemberId& voter : lapse.lost)
    lost += (lost.empty() ? "" : ", ") + loss_in_words(trust, voter, language);
  return say(language,
             "ce membre n’est pas, ou plus, membre de la fédération : son admission a {} voix sur "
             "{} nécessaires, car celle-ci ne compte pas : {}",
             "this member is not, or no longer, one of the federation: its admission has {} of {} "
             "votes needed, since this one does not count: {}",
             lapse.admission->votes.size(), lapse.admission->needed, lost);
}

std::string way_back(const Trust& trust, const Lapse& lapse, Language language) {
  const auto voters = federation::may_still_vote(trust, *lapse.admission);
  if (lapse.admission->votes.size() + voters.size() < lapse.admission->needed)
    return say(language,
               "ceux qui pouvaient voter ne suffisent plus : demandez un nouveau code à un membre, "
               "puis « maillon join CODE »",
               "those who could vote are too few now: ask a member for a new code, then `maillon "
               "join CODE`");
  std::string names;
  for (const Member* member : voters)
    names += (names.empty() ? "" : ", ") + named(trust, member->id);
  return say(language, "demandez une voix à : {} ; c’est « maillon vote {} » chez eux",
             "ask one of these for a vote: {}; they run `maillon vote {}`", names,
             federation::ProposalNames{trust}.brief(lapse.admission->id));
}

}  // namespace

Result<std::optional<Waiting>> waiting_of(replica::Replica& replica) {
  if (replica.trust()->federation()) return std::optional<Waiting>{};
  MAILLON_TRY(const auto wish, federation::wish(replica));
  if (!wish) return std::optional<Waiting>{};
  return federation::votes_told(replica);
}

std::string votes_in_words(const JoinVotes& votes, Language language) {
  std::string out = say(language, "{} voix sur {} nécessaires", "{} of {} votes needed",
                        votes.votes, votes.needed);
  if (!votes.voted.empty())
    out += say(language, " ; ont voté : {}", "; voted: {}", listed(votes.voted));
  if (votes.missing.empty())
    return out + say(language, " ; plus personne ne peut voter : demandez un autre code",
                     "; nobody is left who may vote: ask for another code");
  return out + say(language, " ; peuvent encore voter : {}, par « maillon vote {} »",
                   "; who may still vote: {}, by `maillon vote {}`", listed(votes.missing),
                   for_terminal(votes.proposal, 80));
}

Error inviter_gone() {
  return said(Errc::refused,
              "the inviter's node is itself no longer a member, or its key was taken back, and can "
              "let nobody in",
              "le nœud qui a invité n’est plus lui-même membre, ou sa clé a été reprise : il ne peut "
              "faire entrer personne",
              "ask any other member for a code: `maillon join CODE` lets you in at once if the votes "
              "are there",
              "demandez un code à n’importe quel autre membre : « maillon join CODE » fait entrer "
              "aussitôt si les voix y sont");
}

Error inviter_clock_wrong() {
  return said(Errc::refused,
              "the clock of the inviter's node is wrong: until it is set, that node lets nobody in",
              "l’horloge du nœud qui invite n’est pas à l’heure : tant qu’elle n’est pas réglée, il "
              "ne fait entrer personne",
              "have it set there, then run the same `maillon join` again; the wish is kept, and "
              "`maillon serve` goes on asking",
              "faites-la régler là-bas, puis relancez le même « maillon join » ; la demande est "
              "gardée, et « maillon serve » continue de demander");
}

std::string waiting_in_words(const Waiting& waiting, Language language) {
  const std::string votes = votes_in_words(waiting.votes, language);
  if (!waiting.inviter_gone) return votes;
  return votes + say(language, ". Mais {}", ". But {}", sentence(inviter_gone(), language));
}

void write_votes(JsonWriter& json, const JoinVotes& votes) {
  json.field("votes", votes.votes).field("needed", votes.needed).key("voted").array();
  for (const std::string& name : votes.voted) json.text(name);
  json.end_array().key("missing").array();
  for (const std::string& name : votes.missing) json.text(name);
  json.end_array();
}

Error without_federation(replica::Replica& replica) {
  const auto wish = federation::wish(replica);
  if (wish.has_error()) return wish.error();
  if (!*wish)
    return said(Errc::refused, "this node belongs to no federation yet",
                "ce nœud n’appartient encore à aucune fédération",
                "create one with `maillon federation create NAME`, or `maillon join CODE`",
                "créez-la avec « maillon federation create NOM », ou « maillon join CODE »");
  const auto waiting = federation::votes_told(replica);
  if (waiting.has_error()) return waiting.error();
  const auto wrong = federation::inviter_clock_ahead(replica);
  if (wrong.has_error()) return wrong.error();
  if (!*waiting && *wrong) return inviter_clock_wrong();
  if (!*waiting)
    return said(Errc::refused,
                "this node is no member yet: the inviter's node has not answered",
                "ce nœud n’est pas encore membre : le nœud qui invite n’a pas répondu",
                "`maillon serve` goes on asking; `maillon status` shows whom it calls",
                "« maillon serve » continue ; « maillon status » montre qui il appelle");
  const JoinVotes& votes = (*waiting)->votes;
  const std::string no = "this node is no member yet: " + votes_in_words(votes, Language::english);
  const std::string non =
      "ce nœud n’est pas encore membre : " + votes_in_words(votes, Language::french);
  if ((*waiting)->inviter_gone)
    return said(Errc::refused, no + ". But " + inviter_gone().detail,
                non + ". Mais " + inviter_gone().fr, inviter_gone().hint, inviter_gone().hint_fr);
  return said(Errc::refused, no, non,
              "`maillon serve` joins as soon as there are enough",
              "« maillon serve » entrera dès qu’il y en aura assez");
}

Error without_directory() {
  return said(
      Errc::refused, "this node is admitted, but the directory has not arrived yet",
      "ce nœud est admis, mais l’annuaire n’est pas encore arrivé",
      "`maillon serve` or `maillon sync --wait 60` fetches it; `maillon status` shows whom it "
      "calls",
      "« maillon serve » ou « maillon sync --wait 60 » va le chercher ; « maillon status » "
      "montre qui il appelle");
}

Error lapsed(const Trust& trust, const Lapse& lapse) {
  return said(Errc::not_allowed, lapse_in_words(trust, lapse, Language::english),
              lapse_in_words(trust, lapse, Language::french),
              way_back(trust, lapse, Language::english), way_back(trust, lapse, Language::french));
}

Reply own_admission(Call& call, const Waiting& waiting) {
  const auto who = call.replica().identity();
  const std::string text = call.say(
      "« {} » ({}{}) devient membre.", "`{}` ({}{}) becomes a member.", for_terminal(who.name, 60),
      role_in_words(who.role, call.language()),
      who.region.empty() ? "" : ", " + for_terminal(who.region, 20));
  JsonWriter json;
  json.object().key("proposals").array().object();
  json.field("id", waiting.votes.proposal)
      .field("kind", "admit")
      .field("text", text)
      .field("status", "open")
      .field("told", utc(waiting.told))
      .field("inviter_gone", waiting.inviter_gone);
  write_votes(json, waiting.votes);
  json.end_object().end_array().end_object();
  return answer(call,
                call.say("{}  {}\n  {}.\n  Dit par le nœud qui invite le {}.\n",
                         "{}  {}\n  {}.\n  Said by the inviter's node on {}.\n",
                         for_terminal(waiting.votes.proposal, 80), text,
                         waiting_in_words(waiting, call.language()), local(waiting.told)),
                std::move(json));
}

Reply own_entry(Call& call, std::string_view status, const std::string& words) {
  const auto who = call.replica().identity();
  JsonWriter json;
  json.object().key("members").array().object();
  json.field("member_id", who.member.hex())
      .field("name", who.name)
      .field("role", who.role == Role::hub ? "hub" : "cooperative")
      .field("region", who.region)
      .field("status", status)
      .field("reason", words)
      .field("delegate", false)
      .field("this", true)
      .key("nodes")
      .array()
      .end_array()
      .end_object()
      .end_array()
      .end_object();
  return answer(call, fmt::format("{}\n  {}\n  {}.\n", for_terminal(who.name), who.member.hex(), words),
                std::move(json));
}

bool means(const std::string& wanted, const MemberId& member) {
  return wanted.size() >= kPrefixMin && member.hex().starts_with(wanted);
}

bool means_itself(Call& call, const std::string& wanted) {
  const auto who = call.replica().identity();
  return wanted == who.name || means(wanted, who.member);
}

}  // namespace maillon::admin
