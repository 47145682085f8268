#include "node/federation/decisions.hpp"

#include <algorithm>

namespace maillon::federation {

using namespace storage;

namespace {

/// The last commits of a member, or of one of its nodes, in each space that this node stores.
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
  return proposal.admit || proposal.space || trust.member(who)->delegate;
}

Result<ProposalId> write(replica::Replica& replica, Store& store, const Proposal& proposal,
                         bool votes) {
  std::vector<GovernanceOp> ops{{OpKind::proposal, encode(proposal)}};
  if (votes) ops.push_back({OpKind::vote, encode(Vote{std::nullopt, 1, {}})});
  MAILLON_TRY(const auto commit,
              store.write_governance(ops, replica.author(), replica.clock().now(), replica.rng()));
  return ProposalId{commit->id, 1};
}

/// A passed decision that restricts, which the proposal's author had not seen.
const Decision* missed_by(const Trust& trust, const Decision& proposal) {
  const auto at = trust.graph().find(proposal.id.commit);
  if (!at) return nullptr;
  for (const Decision& decision : trust.decisions()) {
    if (!decision.passed || is_additive(decision.kind) || decision.kind == DecisionKind::leave)
      continue;
    const auto other = trust.graph().find(decision.id.commit);
    if (other && !trust.graph().reaches(*at, *other)) return &decision;
  }
  return nullptr;
}

Result<void> check_root(const Trust& trust, const MemberId& self, const crypto::SigningKey& root) {
  const Member* member = trust.ever_member(self);
  if (member != nullptr && root.member_id() == member->root) return {};
  return Error{Errc::not_allowed, "these are not the words of this member",
               "ce ne sont pas les mots de ce membre", "check the words and their order",
               "vérifiez les mots et leur ordre"};
}

/// What takes a node's key back, naming all that it wrote by now. Several add up.
Result<std::vector<GovernanceOp>> revocations_of(Store& store, const MemberId& member,
                                                 const NodeId& node,
                                                 const crypto::SigningKey& root) {
  MAILLON_TRY(const auto tips, tips_of(store, member, node));
  std::vector<GovernanceOp> out;
  for (std::size_t from = 0; from == 0 || from < tips.size(); from += limits::kCutOffsMax) {
    Revocation revocation;
    revocation.node = node;
    revocation.root = root.member_id();
    const std::size_t end = std::min(tips.size(), from + limits::kCutOffsMax);
    revocation.cut.assign(tips.begin() + static_cast<std::ptrdiff_t>(from),
                          tips.begin() + static_cast<std::ptrdiff_t>(end));
    const auto signature =
        root.sign("maillon/revocation/v1", revocation_bytes(*store.federation(), revocation));
    revocation.signature.assign(signature.bytes().begin(), signature.bytes().end());
    out.push_back({OpKind::revocation, encode(revocation)});
  }
  return out;
}

}  // namespace

Error not_a_member() {
  return Error{Errc::not_allowed, "this node's member is not part of the federation",
               "le membre de ce nœud ne fait pas partie de la fédération",
               "`maillon status` shows where it stands", "« maillon status » montre où il en est"};
}

Result<ProposalId> propose(replica::Replica& replica, Proposal proposal) {
  return replica.write<ProposalId>([&](Store& store) -> Result<ProposalId> {
    const MemberId self = replica.identity().member;
    if (store.trust()->member(self) == nullptr) return not_a_member();
    MAILLON_TRY(proposal.cut, cut_for(store, proposal));
    return write(replica, store, proposal, votes_on(*store.trust(), proposal, self));
  });
}

Result<void> vote(replica::Replica& replica, const ProposalId& id) {
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    const auto trust = store.trust();
    const MemberId self = replica.identity().member;
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
    if (!decision->voters.contains(self))
      return Error{Errc::not_allowed,
                   is_additive(decision->kind)
                       ? "only who was a member when it was made votes on it"
                       : "only who was a delegate when it was made votes on it",
                   is_additive(decision->kind)
                       ? "seuls votent ceux qui étaient membres lors de la proposition"
                       : "seuls votent ceux qui étaient délégués lors de la proposition",
                   "`maillon proposal show` says who", "« maillon proposal show » dit qui"};
    if (const Decision* missed = missed_by(*trust, *decision))
      return Error{
          Errc::refused,
          "it was made without knowing decision " + missed->id.commit.hex().substr(0, 12),
          "elle a été faite sans connaître la décision " + missed->id.commit.hex().substr(0, 12),
          "propose it again, now that this is known",
          "proposez-la à nouveau, maintenant que celle-ci est connue"};
    Vote vote{id.commit, id.leaf, {}};
    MAILLON_TRY(vote.cut, cut_for(store, *decision->proposal));
    const std::vector<GovernanceOp> ops{{OpKind::vote, encode(vote)}};
    MAILLON_TRY(const auto commit, store.write_governance(ops, replica.author(),
                                                          replica.clock().now(), replica.rng()));
    return {};
  });
}

Result<ProposalId> leave(replica::Replica& replica) {
  Proposal proposal;
  proposal.remove = Removal{replica.identity().member};
  return propose(replica, std::move(proposal));
}

Result<void> revoke(replica::Replica& replica, const NodeId& node, const crypto::SigningKey& root) {
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    const auto trust = store.trust();
    const MemberId self = replica.identity().member;
    const auto known = trust->nodes().find(node);
    if (known == trust->nodes().end() || known->second.member != self)
      return Error{Errc::not_found, "that is no node of this member",
                   "ce n’est pas un nœud de ce membre", "`maillon node list` shows them",
                   "« maillon node list » les montre"};
    MAILLON_CHECK(check_root(*trust, self, root));
    MAILLON_TRY(const auto ops, revocations_of(store, self, node, root));
    MAILLON_TRY(const auto commit, store.write_governance(ops, replica.author(),
                                                          replica.clock().now(), replica.rng()));
    return {};
  });
}

Result<void> rotate(replica::Replica& replica, const crypto::SigningKey& root,
                    const std::optional<std::string>& passphrase) {
  const auto publish = [&](Store& store, const crypto::NodeCertificate& fresh) -> Result<void> {
    const auto trust = store.trust();
    const auto old = replica.author();
    if (trust->member(old.member) == nullptr) return not_a_member();
    if (trust->member_of(old.node()) == nullptr)
      return Error{Errc::not_allowed, "the key of this node was taken back",
                   "la clé de ce nœud a été reprise",
                   "make a node in another folder with `maillon init --recover`",
                   "créez un nœud dans un autre dossier avec « maillon init --recover »"};
    MAILLON_CHECK(check_root(*trust, old.member, root));
    MAILLON_TRY(auto ops, revocations_of(store, old.member, old.node(), root));
    ops.insert(ops.begin(), {OpKind::certificate, fresh.encode()});
    MAILLON_TRY(const auto commit,
                store.write_governance(ops, old, replica.clock().now(), replica.rng()));
    return {};
  };
  return replica.change_key(root, passphrase, publish);
}

CommitSet farewell(const Trust& trust, const MemberId& former) {
  CommitSet out;
  const Annuaire& log = trust.graph();
  const auto serve = [&](std::uint32_t number) {
    out.insert(number);
    out.unite(log.at(number).past);
  };
  for (const KnownProposal& known : log.proposals()) {
    const auto& removal = known.proposal->remove;
    const Decision* decision =
        removal && removal->member == former ? trust.decision(known.id) : nullptr;
    if (decision == nullptr || !decision->passed) continue;
    serve(known.number);
    std::set<MemberId> counted;
    for (const CastVote& vote : known.votes) {
      const MemberId& voter = log.at(vote.number).member;
      if (counted.size() < decision->needed && decision->votes.contains(voter) &&
          counted.insert(voter).second)
        serve(vote.number);
    }
  }
  return out;
}

const Member* member_by_root(const Trust& trust, const MemberId& key) {
  for (const auto& [id, member] : trust.members())
    if (member.root == key) return &member;
  return nullptr;
}

Result<void> publish_certificate(replica::Replica& replica, ByteView certificate) {
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    MAILLON_TRY(const auto proven, crypto::NodeCertificate::decode_verified(certificate));
    const auto trust = store.trust();
    if (member_by_root(*trust, proven.member) == nullptr)
      return Error{Errc::not_allowed, "no member has that root key",
                   "aucun membre n’a cette clé racine", "check the words", "vérifiez les mots"};
    if (trust->nodes().contains(proven.node)) return {};
    const std::vector<GovernanceOp> ops{
        {OpKind::certificate, {certificate.begin(), certificate.end()}}};
    MAILLON_TRY(const auto commit, store.write_governance(ops, replica.author(),
                                                          replica.clock().now(), replica.rng()));
    return {};
  });
}

Result<ProposalId> create_space(replica::Replica& replica, const std::string& name,
                                std::vector<std::string> readers,
                                std::vector<std::string> writers) {
  const auto federation = replica.federation();
  if (!federation) return not_a_member();
  if (replica.trust()->space_named(name) != nullptr)
    return Error{Errc::refused, "there is a space `" + name + "` already",
                 "il y a déjà un espace « " + name + " »", "choose another name",
                 "choisissez un autre nom"};
  SpaceDeclaration declaration;
  declaration.federation = *federation;
  declaration.name = name;
  declaration.readers = std::move(readers);
  declaration.writers = std::move(writers);
  Proposal proposal;
  proposal.space = encode(declaration);
  return propose(replica, std::move(proposal));
}

bool is_rule(std::string_view rule) {
  if (rule == "all" || rule == "role:hub" || rule == "role:cooperative") return true;
  if (rule.starts_with("region:")) return rule.size() > 7 && rule.size() <= limits::kNameMax;
  return rule.starts_with("member:") && MemberId::from_hex(rule.substr(7)).has_value();
}

}  // namespace maillon::federation
