#pragma once

#include <map>

#include "storage/trust/trust.hpp"

namespace maillon::storage {

/// Which proposals have passed, seen from any point of annuaire; docs/trust.md has the rules.
///
/// A *view* is the past of one commit (its number), or everything that is stored (kAll). Whether a
/// decision passed in a view depends only on that view and on views of earlier commits, so all of
/// this ends; asking in order of numbers keeps it shallow.
class Tally {
 public:
  using View = std::uint32_t;
  static constexpr View kAll = 0xffffffff;

  Tally(const Annuaire& log, const Genesis& genesis, const MemberId& founder);

  [[nodiscard]] bool passed(std::size_t proposal, View view);
  [[nodiscard]] bool is_member(const MemberId& member, View view);
  /// Who votes on restrictive decisions.
  [[nodiscard]] const std::set<MemberId>& delegates(View view);
  [[nodiscard]] std::set<MemberId> members(View view);
  /// Who votes on a decision that is not additive: the space's keepers on a checkpoint of it, if it
  /// names any that are members; else the delegates.
  [[nodiscard]] const std::set<MemberId>& deciders(std::size_t proposal);
  /// Members whose vote for it counts.
  [[nodiscard]] std::set<MemberId> votes(std::size_t proposal, View view);
  [[nodiscard]] std::size_t needed(std::size_t proposal);
  [[nodiscard]] DecisionKind kind(std::size_t proposal) const { return kinds_[proposal]; }
  /// Of a passed decision that names one: everything named by the proposal and by the votes for it.
  [[nodiscard]] std::set<CutOff> cuts(std::size_t proposal);
  /// Passed changes of one thing that no other passed change of it has seen, the smallest id first.
  [[nodiscard]] std::vector<std::size_t> latest(const std::vector<std::size_t>& proposals) const;
  /// Whose nodes a root key, used in commit `number`, certifies and takes back in a view: those of
  /// the member whose key it is, or was before a replacement that has seen this use.
  [[nodiscard]] std::optional<MemberId> speaks_as(const MemberId& root, std::uint32_t number,
                                                  View view);
  /// Whether the author of a commit had its member's certificate by then.
  [[nodiscard]] bool speaks(std::uint32_t number);
  /// Passed removals, by whom they remove.
  [[nodiscard]] const std::map<MemberId, std::vector<std::size_t>>& removals();

 private:
  [[nodiscard]] bool in(View view, std::uint32_t number) const {
    return view == kAll || log_.at(view).past.contains(number);
  }
  [[nodiscard]] const KnownProposal& at(std::size_t proposal) const {
    return log_.proposals()[proposal];
  }
  [[nodiscard]] bool restrictive_passed(std::size_t proposal, View view);
  [[nodiscard]] bool additive_passed(std::size_t proposal, View view);
  [[nodiscard]] bool vote_stands(const CastVote& vote);
  /// Whether a commit says anything although its key was taken back: it was named then, or seen, or
  /// somebody else whom the taking back knows built on it without knowing of that.
  [[nodiscard]] bool key_stands(std::uint32_t number);
  void note_keepers(ByteView declaration);
  /// Whether the removals of its member, or its leaves, leave a vote standing. Neither spares what the
  /// other cuts off: who is removed could else leave with whatever it wrote since.
  [[nodiscard]] bool stands_after(const CastVote& vote, const std::vector<std::size_t>& gone,
                                  DecisionKind kind);
  /// Node keys taken back, by whom, and what each may have said until then.
  using Revoked = std::map<NodeId, std::vector<std::pair<MemberId, CommitSet>>>;
  [[nodiscard]] const Revoked& revoked();
  /// The named commits of annuaire, with all that they depend on.
  [[nodiscard]] CommitSet up_to(const std::set<CutOff>& cuts) const;
  [[nodiscard]] std::uint32_t quorum(View view);

  const Annuaire& log_;
  const Genesis& genesis_;
  MemberId founder_;
  std::vector<DecisionKind> kinds_;
  std::map<MemberId, std::vector<std::size_t>> admissions_;  ///< proposals, by whom they admit
  std::vector<std::size_t> of_delegates_;                    ///< proposals that change who votes
  std::vector<std::size_t> of_quorum_;
  std::vector<std::size_t> of_roots_;
  std::map<std::uint32_t, bool> speaks_;
  std::map<NodeId, std::vector<std::pair<std::uint32_t, const Revocation*>>> taken_back_;
  std::map<std::uint32_t, bool> key_stands_;
  std::map<std::pair<std::size_t, View>, bool> passed_;
  std::map<std::pair<MemberId, View>, bool> is_member_;
  std::map<View, std::set<MemberId>> delegates_;
  std::map<SpaceId, std::vector<MemberId>> keepers_;         ///< as the spaces' declarations name them
  std::map<std::size_t, std::set<MemberId>> deciders_;       ///< of checkpoints
  std::map<View, std::uint32_t> quorum_;
  std::optional<std::map<MemberId, std::vector<std::size_t>>> removals_;
  std::map<std::pair<MemberId, DecisionKind>, CommitSet> allowed_;  ///< of who is gone, in annuaire
  std::optional<Revoked> revoked_;
};

}  // namespace maillon::storage
