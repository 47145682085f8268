#pragma once

#include <map>
#include <set>

#include "crypto/keys.hpp"
#include "storage/trust/trust.hpp"
#include "tests/support/federation.hpp"

/// Histories of `annuaire` without stores or disks: real keys, real commits, any graph.
namespace maillon::test {

/// A member with one node; further nodes of it are further voices with the same root.
struct Voice {
  Voice(std::uint64_t root_seed, std::uint64_t node_seed, std::string its_name);
  [[nodiscard]] MemberId member() const { return as ? *as : root.member_id(); }
  [[nodiscard]] NodeId node_id() const { return node.node_id(); }
  [[nodiscard]] Bytes certificate() const;
  [[nodiscard]] Admission admission() const;

  crypto::SigningKey root;
  crypto::SigningKey node;
  std::string name;
  std::string region = "28";
  Role role = Role::cooperative;
  std::optional<MemberId> as;  ///< whose words these are, if its root key is not the member's id
  std::uint64_t seq = 0;
  std::optional<CommitId> last;
};

struct Words {
  OpKind kind;
  Bytes message;
};
[[nodiscard]] Words propose(const Proposal& proposal);
[[nodiscard]] Words vote_for(std::optional<storage::ProposalId> proposal, std::uint32_t leaf = 1,
                             std::vector<CutOff> cut = {});

class Chronicle {
 public:
  /// The founder alone is a member; `delegates` may name others before they are.
  Chronicle(Voice& founder, std::vector<MemberId> delegates, std::uint32_t quorum);

  /// A commit by `who` that has seen `view`, its own last commit, and all that they depend on. One
  /// that `forks` is not seen by the next.
  const storage::CommitPtr& say(Voice& who, const std::set<CommitId>& view,
                                const std::vector<Words>& words, bool forks = false);
  /// The same, having seen everything so far.
  const storage::CommitPtr& say(Voice& who, const std::vector<Words>& words) {
    return say(who, all(), words);
  }

  [[nodiscard]] std::set<CommitId> all() const;
  /// A set with all that it depends on.
  [[nodiscard]] std::set<CommitId> closed(const std::set<CommitId>& view) const;
  [[nodiscard]] const std::set<CommitId>& past(const CommitId& id) const { return pasts_.at(id); }
  [[nodiscard]] const std::vector<storage::CommitPtr>& commits() const noexcept { return commits_; }
  [[nodiscard]] const FederationId& federation() const noexcept { return federation_; }
  [[nodiscard]] const SpaceId& annuaire() const noexcept { return annuaire_; }
  /// Everything, or part of it, in the order written.
  [[nodiscard]] storage::Trust trust(const std::set<CommitId>& of) const;
  [[nodiscard]] storage::Trust trust() const { return trust(all()); }

 private:
  [[nodiscard]] std::vector<CommitId> heads(const std::set<CommitId>& view) const;

  crypto::SeededRng rng_{7};
  FederationId federation_ = FederationId::zero();
  SpaceId annuaire_ = SpaceId::zero();
  std::vector<storage::CommitPtr> commits_;
  std::map<CommitId, std::set<CommitId>> pasts_;
};

}  // namespace maillon::test
