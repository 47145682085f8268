#pragma once

#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "crypto/keys.hpp"
#include "proto/governance.hpp"
#include "storage/trust/evidence.hpp"

/// The commits of `annuaire` as a graph, with what they say. Pure; fed in causal order.
namespace maillon::storage {

/// A set of its commits, by the numbers that an Annuaire gave them.
class CommitSet {
 public:
  void insert(std::uint32_t number);
  void unite(const CommitSet& other);
  [[nodiscard]] bool contains(std::uint32_t number) const noexcept;

 private:
  std::vector<std::uint64_t> words_;
};

/// The name of a proposal: its commit and leaf.
struct ProposalId {
  CommitId commit = CommitId::zero();
  std::uint32_t leaf = 0;
  friend auto operator<=>(const ProposalId&, const ProposalId&) noexcept = default;
};

/// One op, with the certificate that it brings, if both its signatures hold.
struct Said {
  std::uint32_t leaf = 0;
  std::variant<Genesis, Proposal, Vote, crypto::NodeCertificate, Address, Revocation, Proof,
               ErasureWord, ErasureReceipt>
      what;
  std::optional<crypto::NodeCertificate> certificate = {};  ///< of an admission
};

/// One commit of annuaire.
struct AnnuaireCommit {
  CommitId id = CommitId::zero();
  MemberId member = MemberId::zero();
  NodeId node = NodeId::zero();
  Hlc hlc;
  bool is_void = false;  ///< its member published it again
  std::optional<CommitId> reissues = {};  ///< the commit that it publishes again
  CommitSet past;        ///< all that it depends on, without itself
  std::vector<Said> said;
};

/// A vote, by where it stands.
struct CastVote {
  std::uint32_t number = 0;
  const Vote* vote = nullptr;
};
/// A certificate, and the commit that brought it.
struct KnownCertificate {
  std::uint32_t number = 0;
  const crypto::NodeCertificate* certificate = nullptr;
};
struct KnownProposal {
  ProposalId id;
  std::uint32_t number = 0;
  const Proposal* proposal = nullptr;
  const crypto::NodeCertificate* certificate = nullptr;  ///< of an admission, if it holds
  std::vector<CastVote> votes;  ///< from who had seen it, in the order in which they came
};

/// What a revocation's signature covers.
[[nodiscard]] Bytes revocation_bytes(const FederationId& federation, const Revocation& revocation);

/// Whether a feed of annuaire has grown beyond its fixed limits: from there on it says nothing.
[[nodiscard]] bool beyond_annuaires_limits(std::uint64_t total_ops,
                                           std::uint64_t total_bytes) noexcept;

/// Cheap to copy: commits are shared.
class Annuaire {
 public:
  /// Adds a commit whose past was added. Ops that cannot be read say nothing.
  void add(const Commit& commit, bool is_void);

  [[nodiscard]] const AnnuaireCommit& at(std::uint32_t number) const { return *commits_[number]; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(commits_.size()); }
  [[nodiscard]] std::optional<std::uint32_t> find(const CommitId& id) const;
  [[nodiscard]] const std::vector<KnownProposal>& proposals() const noexcept { return proposals_; }
  /// All that were ever brought for a node, admitted or not.
  [[nodiscard]] std::span<const KnownCertificate> certificates(const NodeId& node) const;
  [[nodiscard]] const std::map<NodeId, std::vector<KnownCertificate>>& certificates()
      const noexcept {
    return certificates_;
  }
  /// Whether what a commit proposes and votes counts. Of one that its member published again it does
  /// if somebody else built on it who did not know that.
  [[nodiscard]] bool counts(std::uint32_t number) const;
  /// Whether `earlier` is `later` or in its past.
  [[nodiscard]] bool reaches(std::uint32_t later, std::uint32_t earlier) const {
    return later == earlier || at(later).past.contains(earlier);
  }

 private:
  std::vector<std::shared_ptr<const AnnuaireCommit>> commits_;
  std::map<CommitId, std::uint32_t> numbers_;
  std::multimap<CommitId, std::uint32_t> again_;  ///< by what they publish again
  std::vector<KnownProposal> proposals_;
  std::map<ProposalId, std::size_t> places_;
  std::map<NodeId, std::vector<KnownCertificate>> certificates_;
};

}  // namespace maillon::storage
