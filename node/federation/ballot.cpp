#include "node/federation/ballot.hpp"

#include <algorithm>

#include "node/federation/checkpoints.hpp"
#include "node/federation/proposal_names.hpp"

namespace maillon::federation {

using namespace storage;

namespace {

/// Whose work a proposal may cut off.
std::vector<MemberId> touched_by(const Trust& trust, const Proposal& proposal) {
  if (proposal.remove) return {proposal.remove->member};
  std::vector<MemberId> out;
  if (proposal.access && proposal.access->narrow && !proposal.access->writers.empty())
    for (const auto& [id, member] : trust.members())
      if (std::ranges::any_of(proposal.access->writers,
                              [&](const std::string& rule) { return trust.matches(rule, id); }))
        out.push_back(id);
  return out;
}

Result<std::vector<CutOff>> cut_for(Store& store, const Proposal& proposal) {
  std::vector<CutOff> out;
  for (const MemberId& member : touched_by(*store.trust(), proposal)) {
    MAILLON_TRY(const auto tips, tips_of(store, member, std::nullopt));
    for (const CutOff& tip : tips)
      if (!proposal.access || tip.space == proposal.access->space) out.push_back(tip);
  }
  if (out.size() > limits::kCutOffsMax) out.resize(limits::kCutOffsMax);
  return out;
}

bool votes_on(const Trust& trust, const Proposal& proposal, const MemberId& who) {
  if (trust.member(who) == nullptr) return false;
  if (proposal.checkpoint)
    if (const Space* space = trust.space(proposal.checkpoint->space)) {
      const auto keepers = trust.keepers(*space);
      return std::ranges::find(keepers, who) != keepers.end();
    }
  return proposal.admit || proposal.space || trust.member(who)->delegate;
}

/// A passed decision that restricts, which the author of another such proposal had not seen. Who
/// waits to be admitted waits for votes alone, whatever is decided meanwhile.
const Decision* missed_by(const Trust& trust, const Decision& proposal) {
  const auto at = trust.graph().find(proposal.id.commit);
  if (!at || is_additive(proposal.kind)) return nullptr;
  for (const Decision& decision : trust.decisions()) {
    if (!decision.passed || is_additive(decision.kind) || decision.kind == DecisionKind::leave)
      continue;
    // What was settled in a space concerns only what is settled there next.
    if (decision.kind == DecisionKind::checkpoint &&
        (proposal.kind != DecisionKind::checkpoint ||
         proposal.proposal->checkpoint->space != decision.proposal->checkpoint->space))
      continue;
    const auto other = trust.graph().find(decision.id.commit);
    if (other && !trust.graph().reaches(*at, *other)) return &decision;
  }
  return nullptr;
}

}  // namespace

Error not_a_member() {
  return Error{Errc::not_allowed, "this node's member is not part of the federation",
               "le membre de ce nœud ne fait pas partie de la fédération",
               "`maillon status` shows where it stands", "« maillon status » montre où il en est"};
}

Result<std::vector<CutOff>> tips_of(Store& store, const MemberId& member,
                                    std::optional<NodeId> node) {
  std::vector<CutOff> out;
  MAILLON_TRY(const auto spaces, store.log().spaces_of(member));
  for (const auto& [row, space] : spaces) {
    MAILLON_TRY(const auto tips, store.log().tips_of(row, member, node));
    for (const CommitId& tip : tips) out.push_back({space, tip});
  }
  return out;
}

Result<std::vector<GovernanceOp>> proposing(Store& store, Proposal proposal,
                                            const MemberId& self) {
  if (store.trust()->member(self) == nullptr) return not_a_member();
  MAILLON_TRY(proposal.cut, cut_for(store, proposal));
  std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)}};
  if (votes_on(*store.trust(), proposal, self))
    ops.push_back({OpKind::vote, encode(Vote{std::nullopt, 1, {}})});
  return ops;
}

Result<std::vector<GovernanceOp>> voting(Store& store, const ProposalId& id,
                                         const MemberId& self, UnixMillis now) {
  const auto trust = store.trust();
  const Decision* decision = trust->decision(id);
  if (decision == nullptr)
    return Error{Errc::not_found, "there is no such proposal",
                 "il n’y a pas de telle proposition", "`maillon proposal list` shows them all",
                 "« maillon proposal list » les montre toutes"};
  if (decision->votes.contains(self))
    return Error{Errc::refused, "this member has voted for it already",
                 "ce membre a déjà voté pour elle", "nothing is left to do",
                 "il n’y a plus rien à faire"};
  if (decision->passed)
    return Error{Errc::refused, "it has passed already", "elle est déjà adoptée",
                 "nothing is left to do", "il n’y a plus rien à faire"};
  if (trust->member(self) == nullptr) return not_a_member();
  if (!decision->voters.contains(self) && decision->kind == DecisionKind::checkpoint)
    return Error{Errc::not_allowed, "only who keeps the space votes on what is settled there",
                 "seuls votent sur ce qui est arrêté dans un espace ceux qui le gardent",
                 "`maillon proposal show` says who", "« maillon proposal show » dit qui"};
  if (!decision->voters.contains(self))
    return Error{Errc::not_allowed,
                 is_additive(decision->kind)
                     ? "only who was a member when it was made votes on it"
                     : "only who was a delegate when it was made votes on it",
                 is_additive(decision->kind)
                     ? "seuls votent ceux qui étaient membres lors de la proposition"
                     : "seuls votent ceux qui étaient délégués lors de la proposition",
                 "`maillon proposal show` says who", "« maillon proposal show » dit qui"};
  if (const Decision* missed = missed_by(*trust, *decision)) {
    const std::string name = ProposalNames{*trust}.brief(missed->id);
    return Error{Errc::refused, "it was made without knowing decision " + name,
                 "elle a été faite sans connaître la décision " + name,
                 "propose it again, now that this is known",
                 "proposez-la à nouveau, maintenant que celle-ci est connue"};
  }
  const auto& checkpoint = decision->proposal->checkpoint;
  if (checkpoint && !trust->may_read(self, checkpoint->space))
    return Error{Errc::not_allowed, "this member may not read that space, so it cannot tell",
                 "ce membre n’a pas le droit de lire cet espace : il ne peut pas en juger",
                 "a delegate who reads it votes, or `maillon propose widen` opens it",
                 "un délégué qui le lit vote, ou « maillon propose widen » l’ouvre"};
  if (checkpoint)
    MAILLON_CHECK(agree(store, *checkpoint, now));
  Vote vote{id.commit, id.leaf, {}};
  MAILLON_TRY(vote.cut, cut_for(store, *decision->proposal));
  return std::vector<GovernanceOp>{{OpKind::vote, encode(vote)}};
}

}  // namespace maillon::federation
