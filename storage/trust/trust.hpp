#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/codec.hpp"
#include "storage/log/commit.hpp"

/// Whose word counts: a fold over the commits of `annuaire`. Pure; fed in causal order, and the same
/// for every such order.
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
};

struct NodeInfo {
  NodeId id = NodeId::zero();
  MemberId member = MemberId::zero();
  std::vector<std::string> urls;  ///< where it can be dialled, as it last said
};

struct Space {
  SpaceId id = SpaceId::zero();
  SpaceDeclaration declaration;
};

class Trust {
 public:
  /// Judges a genesis by itself: one op, signed by the creator whom it admits, in the space that it
  /// declares. Errc::refused says what is wrong.
  [[nodiscard]] static Result<Genesis> check_genesis(const Commit& commit);

  /// Adds one commit of annuaire whose past has been added. Ops that cannot be read have no effect.
  /// Decisions add up, and others may build on them, so proposals and votes count even if their
  /// member publishes them again (`is_void`); an address then no longer holds.
  void apply(const Commit& commit, bool is_void = false);

  [[nodiscard]] const std::optional<FederationId>& federation() const noexcept { return federation_; }
  [[nodiscard]] const SpaceId& annuaire() const noexcept { return annuaire_; }
  [[nodiscard]] const Charter& charter() const noexcept { return charter_; }
  [[nodiscard]] const Member* member(const MemberId& id) const;
  /// The node's member, if it is admitted and has certified the node.
  [[nodiscard]] const Member* member_of(const NodeId& node) const;
  /// Whether the node may sign for the member. A node key may have been certified by several.
  [[nodiscard]] bool certified(const NodeId& node, const MemberId& member) const {
    return certified_.contains({node, member});
  }
  [[nodiscard]] const std::map<MemberId, Member>& members() const noexcept { return members_; }
  [[nodiscard]] const std::map<NodeId, NodeInfo>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const std::map<SpaceId, Space>& spaces() const noexcept { return spaces_; }
  [[nodiscard]] const Space* space(const SpaceId& id) const;
  [[nodiscard]] const Space* space_named(std::string_view name) const;
  [[nodiscard]] bool may_read(const MemberId& member, const SpaceId& space) const;
  [[nodiscard]] bool may_write(const MemberId& member, const SpaceId& space) const;
  [[nodiscard]] bool invitation_used(const Digest& token_hash) const;

 private:
  struct Pending {
    Proposal proposal;
    std::set<MemberId> votes;
    bool passed = false;
  };
  void apply_op(const Commit& commit, std::uint32_t leaf, const Op& op, ByteView value);
  void apply_address(const Commit& commit, ByteView value);
  void apply_genesis(const Commit& commit, const Genesis& genesis);
  void count(const CommitId& commit, std::uint32_t leaf);
  void admit(const Admission& admission);
  void declare(ByteView declaration);
  [[nodiscard]] bool matches(const Member& member, const std::vector<std::string>& rules) const;

  std::optional<FederationId> federation_;
  SpaceId annuaire_ = SpaceId::zero();
  Charter charter_;
  std::map<MemberId, Member> members_;
  std::map<NodeId, NodeInfo> nodes_;
  std::set<std::pair<NodeId, MemberId>> certified_;
  std::map<SpaceId, Space> spaces_;
  std::set<Digest> invitations_;
  std::map<std::pair<CommitId, std::uint32_t>, Pending> proposals_;
  std::map<NodeId, std::pair<Hlc, CommitId>> address_stamps_;
};

}  // namespace maillon::storage
