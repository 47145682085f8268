#include "node/federation/checkpoints.hpp"

#include <algorithm>

#include "node/federation/ballot.hpp"

namespace maillon::federation {

using namespace storage;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kOften = 8;              ///< checkpoints within the time that settles
constexpr auto kLeast = std::chrono::days{1};   ///< between two of them
constexpr auto kTurn = std::chrono::days{1};    ///< for each keeper, before the next one proposes
constexpr auto kStale = std::chrono::days{7};  ///< an open one is given up, and another proposed

std::chrono::milliseconds settlement(const Trust& trust) {
  return std::chrono::days{std::max<std::uint32_t>(1, trust.charter().settlement_days)};
}

Error says_no(const char* en, const char* fr, const char* hint, const char* hint_fr) {
  return Error{Errc::refused, en, fr, hint, hint_fr};
}

/// When the space was settled last.
std::optional<UnixMillis> last_of(const Trust& trust, const SpaceId& space) {
  std::optional<UnixMillis> out;
  for (const Decision& decision : trust.decisions()) {
    const auto& what = decision.proposal->checkpoint;
    if (what && what->space == space && decision.passed)
      out = std::max(out.value_or(decision.time.time()), decision.time.time());
  }
  return out;
}

/// Whether people still wait for votes on a checkpoint: it is not old, and those who may vote and
/// have not left could make it pass.
bool is_open(const Trust& trust, const Decision& decision, UnixMillis now) {
  if (decision.passed || now >= decision.time.time() + kStale) return false;
  const auto can = std::ranges::count_if(decision.voters, [&](const MemberId& voter) {
    return decision.votes.contains(voter) || trust.member(voter) != nullptr;
  });
  return static_cast<std::size_t>(can) >= decision.needed;
}

/// Keepers take turns, so that not all of them propose the same at once.
bool is_due(const Trust& trust, const Space& space, const MemberId& self, UnixMillis now) {
  const auto keepers = trust.keepers(space);
  const auto place = std::ranges::find(keepers, self);
  if (place == keepers.end() || space.id == trust.annuaire()) return false;
  const bool open = std::ranges::any_of(trust.decisions(), [&](const Decision& decision) {
    const auto& what = decision.proposal->checkpoint;
    return what && what->space == space.id && is_open(trust, decision, now);
  });
  if (open) return false;
  const auto pause = std::max<std::chrono::milliseconds>(kLeast, settlement(trust) / kOften);
  const auto last = last_of(trust, space.id);
  return !last || now >= *last + pause + kTurn * (place - keepers.begin());
}

}  // namespace

Hlc settled_before(const Trust& trust, UnixMillis now) {
  return Hlc::at(std::max(UnixMillis{0}, now - settlement(trust)), 0);
}

Result<void> agree(Store& store, const Checkpoint& checkpoint, UnixMillis now) {
  MAILLON_TRY(const Agreement agreement,
              store.agrees_with(checkpoint, settled_before(*store.trust(), now)));
  switch (agreement) {
    case Agreement::agrees: return {};
    case Agreement::misses:
      return says_no("something that it settles is not here yet",
                     "une partie de ce qu’il arrête n’est pas encore ici",
                     "run `maillon sync` first", "lancez d’abord « maillon sync »");
    case Agreement::too_young:
      return says_no("it would settle what is not old enough",
                     "il arrêterait ce qui n’est pas assez ancien",
                     "the charter says how many days must pass",
                     "la charte dit combien de jours doivent passer");
    case Agreement::would_be_late:
      return says_no("something is here that its author did not know: it would be late",
                     "il y a ici ce que son auteur ne connaissait pas : ce serait en "
                     "retard",
                     "propose it again once everything has been exchanged",
                     "proposez-le à nouveau quand tout aura été échangé");
    case Agreement::differs:
      return says_no("by what this node knows, other commits of it do not count",
                     "d’après ce que ce nœud connaît, d’autres commits n’y comptent "
                     "pas",
                     "propose it again once everything has been exchanged",
                     "proposez-le à nouveau quand tout aura été échangé");
  }
  return {};
}

Result<Proposal> checkpoint_of(Store& store, const SpaceId& space, UnixMillis now) {
  MAILLON_TRY(auto checkpoint,
              store.draft_checkpoint(space, settled_before(*store.trust(), now)));
  if (!checkpoint)
    return says_no("nothing new in this space is old enough to be settled",
                   "rien de nouveau dans cet espace n’est assez ancien pour être arrêté",
                   "the charter's settlement_days says how old",
                   "settlement_days, dans la charte, dit l’âge qu’il faut");
  for (const Decision& decision : store.trust()->decisions()) {
    const auto& other = decision.proposal->checkpoint;
    if (other && other->space == space && other->settled == checkpoint->settled &&
        is_open(*store.trust(), decision, now))
      return says_no("somebody has proposed that already", "quelqu’un l’a déjà proposé",
                     "`maillon proposal list` shows it", "« maillon proposal list » le montre");
  }
  Proposal out;
  out.checkpoint = *std::move(checkpoint);
  return out;
}

Result<std::vector<GovernanceOp>> settling(Store& store, const MemberId& self, UnixMillis now,
                                           bool proposes) {
  const auto trust = store.trust();
  std::vector<GovernanceOp> out;
  if (trust->member(self) == nullptr) return out;
  for (const Decision& decision : trust->decisions()) {
    if (decision.kind != DecisionKind::checkpoint || decision.passed) continue;
    if (!decision.voters.contains(self) || decision.votes.contains(self)) continue;
    const auto ops = voting(store, decision.id, self, now);
    if (ops.has_value()) out.insert(out.end(), ops->begin(), ops->end());
  }
  for (const auto& [id, space] : trust->spaces()) {
    if (!proposes || !is_due(*trust, space, self, now) || !trust->may_read(self, id)) continue;
    const auto proposal = checkpoint_of(store, id, now);
    if (proposal.has_error() && proposal.error().code != Errc::refused) return proposal.error();
    if (proposal.has_error()) continue;
    const auto leaf = static_cast<std::uint32_t>(out.size()) + 1;
    out.push_back({OpKind::proposal, encode(*proposal)});
    out.push_back({OpKind::vote, encode(Vote{std::nullopt, leaf, {}})});
  }
  return out;
}

}  // namespace maillon::federation
