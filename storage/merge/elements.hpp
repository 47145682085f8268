#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Names of ops and of the elements of a set, list or text that they brought.
namespace maillon::storage::merge {

/// An op by the place of its commit in this node's log: a local name, never sent or hashed.
struct OpRef {
  std::int64_t commit = 0;
  std::uint32_t leaf = 0;
  friend auto operator<=>(const OpRef&, const OpRef&) noexcept = default;
};

/// An element: the offset counts all elements of the op in this field, over its runs. Elements of a
/// list's moves are places.
struct ElementRef {
  OpRef op;
  std::uint32_t offset = 0;
  friend auto operator<=>(const ElementRef&, const ElementRef&) noexcept = default;
};

/// Elements of one op. A count of 0 names all of them.
struct ElementRange {
  OpRef op;
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
  friend auto operator<=>(const ElementRange&, const ElementRange&) noexcept = default;
};

/// Elements of the op at hand.
struct OffsetRange {
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
};

/// What an op inserts between the elements `left` and `right` that its author saw side by side,
/// deleted ones counted; none is the start or the end.
struct SequenceRun {
  std::optional<ElementRef> left;
  std::optional<ElementRef> right;
  std::optional<ElementRef> moved;  ///< lists: makes places for this element and those after it
  std::uint32_t length = 0;
  friend bool operator==(const SequenceRun&, const SequenceRun&) noexcept = default;
};

/// Commits that were published again: `first` as `second`, leaf for leaf. Ascending.
using Reissues = std::vector<std::pair<std::int64_t, std::int64_t>>;

}  // namespace maillon::storage::merge
