#pragma once

#include <set>

#include "storage/store/space_history.hpp"

/// How a proof shows that what a limited member wrote counts. Not for use outside this folder.
namespace maillon::storage {

/// Whether only part of what the member wrote in the space may count: then a proof must show what
/// its commits, and those that speak for them, had seen of annuaire.
[[nodiscard]] bool is_limited(const Trust& trust, const MemberId& member, const SpaceId& space);

/// Ways through a space, from commits to what makes them count: those that a cut-off names, and
/// those of other members who built on them in good faith.
class Ways {
 public:
  Ways(const SpaceHistory& history, const Trust& trust, const SpaceId& space);
  /// Adds the commits of the shortest ways from commit i.
  void add_from(std::size_t i);
  /// Adds what shows whether commit i is late: ways back to all that the checkpoints which did not
  /// know it have settled, or what they knew of its feed instead.
  void add_back(std::size_t i);
  [[nodiscard]] const std::set<std::size_t>& commits() const noexcept { return commits_; }

 private:
  /// What could make a commit count in spite of one limit or charge.
  struct Wish {
    std::set<std::uint32_t> since;  ///< whoever had seen one of these speaks for nothing
    std::set<CommitId> named;       ///< by the cut-off, not reached yet
    bool uncharged = false;         ///< and whoever is charged does not
    std::size_t vouchers = 0;       ///< how many members still
    std::set<MemberId> asked;       ///< not these
  };
  [[nodiscard]] std::vector<Wish> wishes_for(std::size_t i) const;
  /// Whether commit i gives something of what is wished for.
  [[nodiscard]] bool grants(std::size_t i, Wish& wish) const;

  /// Adds the branches that a checkpoint knew of a feed of which it did not know commit i.
  void add_branches(std::size_t i, const Settled& checkpoint);

  const SpaceHistory& history_;
  const Trust& trust_;
  SpaceId space_;
  std::vector<std::vector<std::size_t>> children_;
  Settlement settlement_;
  std::set<std::size_t> commits_;
};

}  // namespace maillon::storage
