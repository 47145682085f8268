#include "node/federation/decisions.hpp"

#include <algorithm>

#include "node/federation/proposal_names.hpp"

namespace maillon::federation {

using namespace storage;

namespace {

Result<void> check_root(const Trust& trust, const MemberId& self, const crypto::SigningKey& root) {
  const Member* member = trust.ever_member(self);
  if (member != nullptr && root.member_id() == member->root) return {};
  if (const Decision* by = root_replaced_by(trust, root.member_id())) {
    const std::string name = ProposalNames{trust}.brief(by->id);
    return Error{
        Errc::not_allowed, "these words were replaced by decision " + name,
        "ces mots ont été remplacés par la décision " + name,
        "use the new ones; `maillon proposal show " + name + "` says who decided it, and when",
        "prenez les nouveaux ; « maillon proposal show " + name +
            " » dit qui l’a décidé, et quand"};
  }
  return Error{Errc::not_allowed, "these are not the words of this member",
               "ce ne sont pas les mots de ce membre", "check the words and their order",
               "vérifiez les mots et leur ordre"};
}

/// What takes a node's key back, naming `tips` as the last that it wrote. Several add up.
std::vector<GovernanceOp> revocations_of(const Store& store, const NodeId& node,
                                         const std::vector<CutOff>& tips,
                                         const crypto::SigningKey& root) {
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

Result<ProposalId> propose(replica::Replica& replica, const Proposal& proposal) {
  return replica.write<ProposalId>([&](Store& store) -> Result<ProposalId> {
    MAILLON_TRY(const auto ops, proposing(store, proposal, replica.identity().member));
    MAILLON_TRY(const auto commit, store.write_governance(ops, replica.author(),
                                                          replica.clock().now(), replica.rng()));
    return ProposalId{commit->id, 1};
  });
}

Result<void> vote(replica::Replica& replica, const ProposalId& id) {
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    MAILLON_TRY(const auto ops, voting(store, id, replica.identity().member,
                                       replica.clock().now()));
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
    MAILLON_TRY(const auto tips, tips_of(store, self, node));
    const auto ops = revocations_of(store, node, tips, root);
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
    MAILLON_CHECK(check_root(*trust, old.member, root));
    const auto tip = store.log().feed_tip(FeedKey{trust->annuaire(), old.node(), old.incarnation});
    if (tip.has_error()) return tip.error();
    // The new key would be known only by then.
    if (*tip && (*tip)->hlc > latest_hlc(replica.clock().now()))
      return Error{Errc::refused, "the clock of this node was ahead, and what it said then waits",
                   "l’horloge de ce nœud avançait, et ce qu’il a dit alors est en attente",
                   "run `maillon reissue` first, then `maillon node rotate` again",
                   "lancez d’abord « maillon reissue », puis à nouveau « maillon node rotate »"};
    std::vector<GovernanceOp> ops{{OpKind::certificate, fresh.encode()}};
    // What a key that was taken back wrote since may be a thief's: it is not named as its own.
    if (trust->member_of(old.node()) != nullptr) {
      // Of a node that was copied, both branches are its own.
      MAILLON_TRY(const auto tips, store.branch_ends(old.member, old.node()));
      std::ranges::move(revocations_of(store, old.node(), tips, root), std::back_inserter(ops));
    }
    MAILLON_TRY(const auto commit,
                store.write_governance(ops, old, replica.clock().now(), replica.rng()));
    return {};
  };
  return replica.change_key(root, passphrase, publish);
}

namespace {

/// Commits to serve, each with all that it had seen.
class Serving {
 public:
  explicit Serving(const Trust& trust) : trust_(trust) {}

  /// The removals of a member, with as many votes as it took.
  void removals_of(const MemberId& member) {
    for (const KnownProposal& known : trust_.graph().proposals()) {
      const auto& removal = known.proposal->remove;
      const Decision* decision =
          removal && removal->member == member ? trust_.decision(known.id) : nullptr;
      if (decision == nullptr || !decision->passed) continue;
      serve(known.number);
      std::set<MemberId> counted;
      for (const CastVote& vote : known.votes) {
        const MemberId& voter = trust_.graph().at(vote.number).member;
        if (counted.size() < decision->needed && decision->votes.contains(voter) &&
            counted.insert(voter).second)
          serve(vote.number);
      }
    }
  }
  /// What took a member's votes away besides.
  void keys_taken_back_of(const MemberId& member) {
    for (std::uint32_t number = 0; number < trust_.graph().size(); ++number)
      for (const Said& said : trust_.graph().at(number).said)
        if (const auto* revocation = std::get_if<Revocation>(&said.what))
          if (const auto node = trust_.nodes().find(revocation->node);
              node != trust_.nodes().end() && node->second.member == member)
            serve(number);
  }
  void all_of(const ProposalId& id) {
    for (const KnownProposal& known : trust_.graph().proposals()) {
      if (known.id != id) continue;
      serve(known.number);
      for (const CastVote& vote : known.votes) serve(vote.number);
    }
  }
  [[nodiscard]] CommitSet take() { return std::move(out_); }

 private:
  void serve(std::uint32_t number) {
    out_.insert(number);
    out_.unite(trust_.graph().at(number).past);
  }

  const Trust& trust_;
  CommitSet out_;
};

}  // namespace

std::optional<Lapse> lapse_of(const Trust& trust, const MemberId& member) {
  if (!trust.federation() || trust.ever_member(member) != nullptr) return std::nullopt;
  std::optional<Lapse> out;
  for (const KnownProposal& known : trust.graph().proposals()) {
    if (known.certificate == nullptr || known.certificate->member != member) continue;
    Lapse one{trust.decision(known.id), {}};
    if (one.admission == nullptr) continue;
    for (const CastVote& cast : known.votes) {
      const MemberId& voter = trust.graph().at(cast.number).member;
      if (!one.admission->votes.contains(voter)) one.lost.push_back(voter);
    }
    if (one.lost.empty()) continue;
    std::ranges::sort(one.lost);
    const auto repeated = std::ranges::unique(one.lost);
    one.lost.erase(repeated.begin(), repeated.end());
    if (!out || out->admission->votes.size() < one.admission->votes.size()) out = std::move(one);
  }
  return out;
}

namespace {

/// Whether the member was admitted again by somebody who knew of that commit.
bool came_back_after(const Trust& trust, const MemberId& member, std::uint32_t number) {
  return std::ranges::any_of(trust.graph().proposals(), [&](const KnownProposal& known) {
    if (known.certificate == nullptr || known.certificate->member != member) return false;
    const Decision* const decision = trust.decision(known.id);
    return decision != nullptr && decision->passed && trust.graph().reaches(known.number, number);
  });
}

}  // namespace

const Decision* leave_ahead(const Trust& trust, const MemberId& member, UnixMillis now) {
  if (trust.member(member) != nullptr || trust.ever_member(member) == nullptr) return nullptr;
  const Decision* out = nullptr;
  for (const KnownProposal& known : trust.graph().proposals()) {
    const auto& removal = known.proposal->remove;
    const Decision* const decision =
        removal && removal->member == member ? trust.decision(known.id) : nullptr;
    if (decision == nullptr || !decision->passed || came_back_after(trust, member, known.number))
      continue;
    if (decision->kind != DecisionKind::leave || decision->time <= latest_hlc(now)) return nullptr;
    out = decision;
  }
  return out;
}

CommitSet farewell(const Trust& trust, const MemberId& former) {
  Serving out{trust};
  out.removals_of(former);
  if (const auto lapse = lapse_of(trust, former)) {
    out.all_of(lapse->admission->id);
    for (const MemberId& voter : lapse->lost) {
      out.removals_of(voter);
      out.keys_taken_back_of(voter);
    }
  }
  return out.take();
}

std::vector<const Member*> may_still_vote(const Trust& trust, const Decision& decision) {
  std::vector<const Member*> out;
  for (const MemberId& id : decision.voters)
    if (const Member* member = trust.member(id); member != nullptr && !decision.votes.contains(id))
      out.push_back(member);
  std::ranges::sort(out, {}, &Member::name);
  return out;
}

const Member* member_by_root(const Trust& trust, const MemberId& key) {
  for (const auto& [id, member] : trust.members())
    if (member.root == key) return &member;
  return nullptr;
}

const Decision* root_replaced_by(const Trust& trust, const MemberId& key) {
  for (const auto* map : {&trust.members(), &trust.former()})
    for (const auto& [id, member] : *map) {
      if (member.root == key) return nullptr;
      const Decision* now = nullptr;
      bool before = id == key;
      for (const Decision& decision : trust.decisions()) {
        const auto& change = decision.proposal->root_key;
        if (!change || change->member != id || !decision.passed) continue;
        before = before || change->key == key;
        if (!decision.without_effect && change->key == member.root) now = &decision;
      }
      if (before) return now;
    }
  return nullptr;
}

const Decision* certificate_void_by(const Trust& trust, const NodeId& node) {
  if (trust.nodes().contains(node)) return nullptr;
  for (const storage::KnownCertificate& known : trust.graph().certificates(node))
    if (const Decision* by = root_replaced_by(trust, known.certificate->member)) return by;
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

Result<Proposal> space_proposal(const Trust& trust, const std::string& name,
                                std::vector<std::string> readers,
                                std::vector<std::string> writers) {
  if (trust.space_named(name) != nullptr)
    return Error{Errc::refused, "there is a space `" + name + "` already",
                 "il y a déjà un espace « " + name + " »", "choose another name",
                 "choisissez un autre nom"};
  SpaceDeclaration declaration;
  declaration.federation = trust.federation();
  declaration.name = name;
  declaration.readers = std::move(readers);
  declaration.writers = std::move(writers);
  Proposal out;
  out.space = encode(declaration);
  return out;
}

bool is_rule(std::string_view rule) {
  if (rule == "all" || rule == "role:hub" || rule == "role:cooperative") return true;
  if (rule.starts_with("region:")) return rule.size() > 7 && rule.size() <= limits::kNameMax;
  return rule.starts_with("member:") && MemberId::from_hex(rule.substr(7)).has_value();
}

}  // namespace maillon::federation
