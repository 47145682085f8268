#pragma once

#include <algorithm>
#include <set>
#include <span>
#include <string>

#include "storage/trust/annuaire.hpp"

/// Whose word counts: membership, roles and rights as a function of the set of commits of
/// `annuaire` (docs/trust.md). Pure; the same for every causal order in which they are added.
namespace maillon::storage {

inline constexpr std::string_view kAnnuaire = "annuaire";

/// H("maillon/space/v1" ‖ the declaration's bytes).
[[nodiscard]] SpaceId space_id(ByteView declaration);
/// The spaces that a federation has for a region, and those that it has for everyone.
[[nodiscard]] std::vector<Bytes> regional_spaces(const FederationId& federation,
                                                 std::string_view region);
[[nodiscard]] std::vector<Bytes> common_spaces(const FederationId& federation);
[[nodiscard]] Bytes annuaire_declaration(Rng& rng);

struct Member {
  MemberId id = MemberId::zero();
  std::string name;
  Role role = Role::cooperative;
  std::string region;
  bool delegate = false;
  MemberId root = MemberId::zero();  ///< the key that certifies its nodes: the id, unless replaced
};

struct NodeInfo {
  NodeId id = NodeId::zero();
  MemberId member = MemberId::zero();
  std::vector<std::string> urls;  ///< where it can be dialled, as it last said
  bool revoked = false;
};

struct Space {
  SpaceId id = SpaceId::zero();
  SpaceDeclaration declaration;
  std::vector<std::uint32_t> declared;  ///< the commits of annuaire that do
  bool is_default = false;  ///< one that every federation has under its name, whoever declared it
};

enum class DecisionKind : std::uint8_t {
  admit,
  space,
  remove,
  leave,
  delegate,
  charter,
  widen,
  narrow,
  root_key,
  succession,
  tellers,
  checkpoint,
  unknown,  ///< of a later version: counted by nobody here
};
/// Additive decisions need the admission quorum; a checkpoint more than half of the space's keepers,
/// all others more than half of the delegates.
[[nodiscard]] constexpr bool is_additive(DecisionKind kind) noexcept {
  return kind == DecisionKind::admit || kind == DecisionKind::space;
}

/// A proposal, and how it stands.
struct Decision {
  ProposalId id;
  DecisionKind kind = DecisionKind::unknown;
  const Proposal* proposal = nullptr;
  MemberId proposer = MemberId::zero();
  Hlc time;
  std::set<MemberId> voters;  ///< who may vote on it
  std::set<MemberId> votes;   ///< who of them did
  std::size_t needed = 0;     ///< votes
  bool passed = false;
  bool without_effect = false;  ///< passed, but another one for the same thing holds
};

/// A checkpoint that has passed.
struct Settled {
  ProposalId id;
  SpaceId space = SpaceId::zero();
  Hlc time;  ///< of its proposal: by a clock that was ahead, it settles nothing that comes after
  std::vector<CommitId> heads;  ///< on which no other settled commit stands
  std::map<FeedKey, std::vector<Tip>> seen;  ///< how far each feed was known when it was proposed
  std::map<FeedKey, std::vector<FeedRange>> without_effect;
  [[nodiscard]] static Settled by(const ProposalId& id, Hlc time, const Checkpoint& checkpoint);

  /// How far the feed was known then.
  [[nodiscard]] std::span<const Tip> ends(const FeedKey& feed) const {
    const auto found = seen.find(feed);
    return found == seen.end() ? std::span<const Tip>{} : std::span{found->second};
  }
  /// Of a settled commit: whether it was one that counts.
  [[nodiscard]] bool counted(const FeedKey& feed, std::uint64_t seq) const {
    const auto ranges = without_effect.find(feed);
    return ranges == without_effect.end() ||
           std::ranges::none_of(ranges->second, [&](const FeedRange& range) {
             return range.first <= seq && seq <= range.last;
           });
  }
};

/// Why part of what somebody wrote may not count.
struct Limit {
  MemberId member = MemberId::zero();
  std::optional<NodeId> node;    ///< a key taken back; else all of the member's
  std::optional<SpaceId> space;  ///< a right to write taken away; else everywhere
  bool left = false;             ///< the member itself said so
  std::uint32_t since = 0;       ///< the commit of annuaire that says so
  std::set<CutOff> cuts;         ///< up to these, with all they depend on, everything counts
  /// Where nothing is cut, or always for a key: what another member built on counts, unless it had
  /// seen the limit.
  bool spares_always = false;
  std::set<std::uint32_t> lifted;  ///< likewise, that end it for commits that have seen one of them
  friend bool operator==(const Limit&, const Limit&) = default;
};

/// What has been proved against a node key, all proofs of one thing together.
struct Charge {
  NodeId node = NodeId::zero();
  std::optional<FeedKey> fork;  ///< the feed with two commits of one number; else it is a flood
  std::uint64_t from = 1;       ///< the first number that is in doubt
  std::set<std::uint32_t> since;  ///< the commits of annuaire that bring a proof
  std::size_t needed = 2;         ///< other members that must have built on a commit for it to count
  friend bool operator==(const Charge&, const Charge&) = default;
  [[nodiscard]] bool covers(const FeedKey& feed, std::uint64_t seq) const {
    return feed.node == node && (!fork || *fork == feed) && seq >= from;
  }
};

/// What annuaire says of a commit that asks to erase. Words are never taken back: what was erased
/// on their strength is gone.
struct ErasureWords {
  std::set<MemberId> erase;     ///< who said so; it holds for ops of that member
  std::set<MemberId> lift;
  bool delegates_erase = false;  ///< two delegates, or the only one, for ops of anybody
  bool delegates_lift = false;
  friend bool operator==(const ErasureWords&, const ErasureWords&) = default;
};

class Trust {
 public:
  /// Judges a genesis by itself: one op, signed by the creator whom it admits, in the space that it
  /// declares. Errc::refused says what is wrong.
  [[nodiscard]] static Result<Genesis> check_genesis(const Commit& commit);

  /// Adds one commit of annuaire whose past has been added. Of one that its member published again (`is_void`)
  /// proposals and votes count where others built on it (Annuaire::counts), an address no longer holds. Nothing else may be asked before settle().
  void add(const Commit& commit, bool is_void = false);
  /// Works out what all that was added makes of the federation.
  void settle();
  void apply(const Commit& commit, bool is_void = false) {
    add(commit, is_void);
    settle();
  }

  [[nodiscard]] const std::optional<FederationId>& federation() const noexcept {
    return federation_;
  }
  [[nodiscard]] const SpaceId& annuaire() const noexcept { return annuaire_; }
  [[nodiscard]] const Annuaire& graph() const noexcept { return log_; }
  [[nodiscard]] const Charter& charter() const noexcept {
    return charter_;
  }  ///< delegates of today
  [[nodiscard]] const Member* member(const MemberId& id) const;
  /// Also those who left or were removed.
  [[nodiscard]] const Member* ever_member(const MemberId& id) const;
  /// The node's member, if it is one today, has certified the node and not taken it back.
  [[nodiscard]] const Member* member_of(const NodeId& node) const;
  /// Whether annuaire knows the node as one of the member's, admitted or not: what it signs is
  /// stored.
  [[nodiscard]] bool known(const NodeId& node, const MemberId& member) const {
    return known_.contains({node, member});
  }
  /// Whether the node ever was a valid one of the member.
  [[nodiscard]] bool certified(const NodeId& node, const MemberId& member) const {
    return certified_.contains({node, member});
  }
  [[nodiscard]] const std::map<MemberId, Member>& members() const noexcept { return members_; }
  [[nodiscard]] const std::map<MemberId, Member>& former() const noexcept { return former_; }
  [[nodiscard]] const std::map<NodeId, NodeInfo>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const std::map<SpaceId, Space>& spaces() const noexcept { return spaces_; }
  [[nodiscard]] const Space* space(const SpaceId& id) const;
  /// Whether somebody proposed the space, passed or not: what is written there is stored.
  [[nodiscard]] bool knows_space(const SpaceId& id) const { return known_spaces_.contains(id); }
  /// Spaces that are declared by this and not by `other`, or the other way round.
  [[nodiscard]] std::vector<SpaceId> declared_otherwise(const Trust& other) const;
  /// The one that a name means, of several that share it.
  [[nodiscard]] const Space* space_named(std::string_view name) const;
  /// Today: what a node serves, and what it lets its own people do.
  [[nodiscard]] bool may_read(const MemberId& member, const SpaceId& space) const;
  [[nodiscard]] bool may_write(const MemberId& member, const SpaceId& space) const;
  /// Whether the member was ever granted to read there: what it has got by then stays its own.
  [[nodiscard]] bool ever_reader(const MemberId& member, const SpaceId& space) const;
  /// Whether the member was ever granted to write there: with limits(), what decides which commits
  /// count. Never today's role on yesterday's commit.
  [[nodiscard]] bool ever_writer(const MemberId& member, const SpaceId& space) const;
  /// Whether the same commits of the member count by this and by `other`, which knew less.
  [[nodiscard]] bool same_standing(const Trust& other, const MemberId& member) const;
  [[nodiscard]] const std::set<std::pair<NodeId, MemberId>>& known_nodes() const noexcept {
    return known_;
  }
  /// Whether a rule of readers or writers means the member, in any post that it ever had.
  [[nodiscard]] bool matches(const std::string& rule, const MemberId& member) const;
  [[nodiscard]] const std::vector<Limit>& limits() const noexcept { return limits_; }
  /// Evidence never voids what was said in annuaire: of forks there it holds the proof alone.
  [[nodiscard]] const std::vector<Charge>& charges() const noexcept { return charges_; }
  /// Whether something was proved against a node of the member's: it vouches for nobody.
  [[nodiscard]] bool charged(const MemberId& member) const { return charged_.contains(member); }
  /// Whether a commit of the author may speak for somebody else's in that space.
  [[nodiscard]] bool may_vouch(const NodeId& node, const MemberId& member,
                               const SpaceId& space) const {
    return certified(node, member) && (space == annuaire_ || ever_writer(member, space));
  }
  /// Whether a feed that has grown to so many ops and bytes has grown too far.
  [[nodiscard]] bool beyond_quota(const SpaceId& space, std::uint64_t total_ops,
                                  std::uint64_t total_bytes) const;
  /// Whether a limit was set by somebody who did not know yet what a charge says: what it names was
  /// settled before.
  [[nodiscard]] bool came_before(const Limit& limit, const Charge& charge) const;
  /// Whether a commit stands only if others vouch for it: it is beyond a quota, or charged.
  [[nodiscard]] bool in_doubt(const FeedKey& feed, std::uint64_t seq, std::uint64_t total_ops,
                              std::uint64_t total_bytes) const;
  /// Whether the same commits stand in the log by this and by `other`, which knew less.
  [[nodiscard]] bool same_admission(const Trust& other) const;
  /// Who votes on checkpoints of a space today: its keepers that are members, else the delegates.
  [[nodiscard]] std::vector<MemberId> keepers(const Space& space) const;
  /// The checkpoints of a space, in order of their ids.
  [[nodiscard]] std::span<const std::shared_ptr<const Settled>> checkpoints(
      const SpaceId& space) const;
  /// Spaces of which the checkpoints are not those of `other`.
  [[nodiscard]] std::vector<SpaceId> settled_since(const Trust& other) const;
  [[nodiscard]] const std::vector<Decision>& decisions() const noexcept { return decisions_; }
  [[nodiscard]] const Decision* decision(const ProposalId& id) const;
  /// In whose hands the member's owned records are.
  [[nodiscard]] MemberId heir_of(MemberId member) const;
  /// Whether what the author writes into the owner's records counts: it is the owner, or one of
  /// those who inherited from it one after the other.
  [[nodiscard]] bool may_change_of(const MemberId& owner, const MemberId& author) const;
  [[nodiscard]] const std::map<MemberId, MemberId>& heirs() const noexcept { return heirs_; }
  [[nodiscard]] bool invitation_used(const Digest& token_hash) const;
  [[nodiscard]] const std::map<CommitId, ErasureWords>& erasure_words() const noexcept {
    return erasure_words_;
  }
  /// How many payloads each node says to have destroyed, by the commit that asked for it.
  [[nodiscard]] const std::map<CommitId, std::map<NodeId, std::uint32_t>>& receipts()
      const noexcept {
    return receipts_;
  }
  /// Whether another member, against whom nothing is proved, has said that it destroyed what a
  /// commit of the author's asks to erase: everybody needs that commit then.
  [[nodiscard]] bool confirmed(const CommitId& asking, const MemberId& author) const;

 private:
  friend class TrustFold;
  /// A right given to a space, or taken away.
  struct AccessRule {
    std::uint32_t number = 0;
    SpaceId space = SpaceId::zero();
    bool write = false;
    bool narrow = false;
    std::string rule;
    friend bool operator==(const AccessRule&, const AccessRule&) = default;
  };
  [[nodiscard]] bool granted(const MemberId& member, const SpaceId& space, bool write) const;
  [[nodiscard]] bool allowed_now(const MemberId& member, const SpaceId& space, bool write) const;

  Annuaire log_;
  std::optional<Genesis> genesis_;
  std::optional<FederationId> federation_;
  SpaceId annuaire_ = SpaceId::zero();
  Charter charter_;
  std::map<MemberId, Member> members_;
  std::map<MemberId, Member> former_;
  std::map<MemberId, std::set<std::pair<Role, std::string>>>
      posts_;  ///< roles and regions ever had
  std::map<NodeId, NodeInfo> nodes_;
  std::set<std::pair<NodeId, MemberId>> known_;
  std::set<std::pair<NodeId, MemberId>> certified_;
  std::map<SpaceId, Space> spaces_;
  std::set<SpaceId> known_spaces_;
  std::map<std::string, SpaceId, std::less<>> names_;
  std::vector<AccessRule> access_;  ///< of passed decisions
  std::set<Digest> invitations_;
  std::vector<Limit> limits_;
  std::vector<Charge> charges_;
  std::set<MemberId> charged_;
  std::map<SpaceId, std::vector<std::shared_ptr<const Settled>>> checkpoints_;
  std::vector<Decision> decisions_;
  std::map<MemberId, MemberId> heirs_;
  std::map<CommitId, ErasureWords> erasure_words_;
  std::map<CommitId, std::map<NodeId, std::uint32_t>> receipts_;
};

}  // namespace maillon::storage
