#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <vector>

/// A B+ tree of the spans of a text or list, in their order. Knows counts and depths, not why spans
/// stand where they stand (sequence.hpp).
namespace maillon::storage::merge {

/// What is to be seen where an element stands.
enum class ElementState : std::uint8_t {
  shown = 0,
  blank = 1,    ///< nothing: its op is void, its content is not known, or it was moved away
  deleted = 2,  ///< nothing, for good
  place = 3,    ///< a list's move made this place, and nothing stands here
  held = 4,     ///< a list's move made this place, and what it moved is shown here
};

/// Where an element stands in the tree of left origins, and among the siblings there. Compared
/// between neighbours, it tells where a subtree ends without following a single pointer.
struct Depth {
  std::uint64_t left = 0;      ///< steps to the start along left origins
  std::uint32_t siblings = 0;  ///< steps along right origins among the children of one left origin
  friend auto operator<=>(const Depth&, const Depth&) noexcept = default;
};

/// Consecutive elements of one run, one after the other in the sequence, in one state.
struct Span {
  std::uint32_t op = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  std::uint32_t siblings = 0;  ///< of the first element; that of the others is 0
  std::uint64_t depth = 0;     ///< of the first element; each further one is a step deeper
  std::uint64_t content =
      0;  ///< place of the first element's content; means nothing unless visible
  ElementState state = ElementState::shown;

  [[nodiscard]] Depth key() const noexcept { return {depth, siblings}; }
  [[nodiscard]] bool is_visible() const noexcept {
    return state == ElementState::shown || state == ElementState::held;
  }
  [[nodiscard]] std::uint64_t visible() const noexcept { return is_visible() ? length : 0; }
};

/// Every operation takes O(log n) of the number of spans. Places (`At`) hold until the next insert.
/// Copies are independent. One thread at a time.
class SpanTree {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  struct At {
    std::uint32_t leaf = kNone;  ///< kNone: the end
    std::uint32_t slot = 0;
    friend bool operator==(const At&, const At&) noexcept = default;
    [[nodiscard]] bool at_end() const noexcept { return leaf == kNone; }
  };

  [[nodiscard]] std::uint64_t elements() const noexcept { return elements_; }
  [[nodiscard]] std::uint64_t visible() const noexcept { return visible_; }
  [[nodiscard]] std::size_t spans() const noexcept { return spans_; }
  [[nodiscard]] std::size_t memory() const noexcept;

  [[nodiscard]] const Span& operator[](At at) const noexcept {
    return leaves_[at.leaf].spans[at.slot];
  }
  [[nodiscard]] At first() const noexcept { return leaves_.empty() ? At{} : At{first_leaf_, 0}; }
  [[nodiscard]] At next(At at) const noexcept;
  /// The end before the first.
  [[nodiscard]] At previous(At at) const noexcept;
  /// The spans of one leaf, to search it or to note anew where they are.
  [[nodiscard]] std::span<const Span> in_leaf(std::uint32_t leaf) const noexcept {
    return {leaves_[leaf].spans.data(), leaves_[leaf].count};
  }

  /// The next span behind `at`, or the one before it, with a key below `bound`; else the end.
  [[nodiscard]] At next_below(At at, Depth bound) const;
  [[nodiscard]] At previous_below(At at, Depth bound) const;

  struct Found {
    At at;
    std::uint64_t within = 0;  ///< elements of the span before the one searched
  };
  /// The span that holds the element with this number of elements, or visible ones, before it.
  [[nodiscard]] Found find_element(std::uint64_t position) const;
  [[nodiscard]] Found find_visible(std::uint64_t index) const;
  [[nodiscard]] std::uint64_t elements_before(At at) const noexcept;
  [[nodiscard]] std::uint64_t visible_before(At at) const noexcept;

  struct Inserted {
    At at;
    std::uint32_t new_leaf = kNone;  ///< spans that moved are in this one
  };
  /// Before the span at `before`, the end included.
  Inserted insert(At before, const Span& span);
  /// Behind the span at `after`.
  Inserted insert_behind(At after, const Span& span);

  /// Replaces a span by one with the same key.
  void update(At at, const Span& span);
  /// Removes elements from the head of a span, or adds some before it, and so changes its key. The
  /// elements that come are those that the neighbour loses in the same step, or there are none.
  void update_head(At at, const Span& span);

  /// From all spans in their order, in linear time.
  void build(std::span<const Span> spans);

 private:
  static constexpr std::uint32_t kFanOut = 32;

  struct Leaf {
    std::uint32_t parent = kNone;
    std::uint32_t index = 0;  ///< among the parent's children
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint32_t count = 0;
    std::array<Span, kFanOut> spans;
  };
  struct Child {
    std::uint64_t elements = 0;
    std::uint64_t visible = 0;
    Depth least;
    std::uint32_t node = 0;
  };
  struct Inner {
    std::uint32_t parent = kNone;
    std::uint32_t index = 0;
    bool above_leaves = true;
    std::uint32_t count = 0;
    std::array<Child, kFanOut> children;
  };

  [[nodiscard]] Child sum_of_leaf(std::uint32_t leaf) const noexcept;
  [[nodiscard]] Child sum_of_inner(std::uint32_t inner) const noexcept;
  template <std::uint64_t Child::*Count, class Measure>
  [[nodiscard]] Found find(std::uint64_t position, Measure measure) const;
  template <std::uint64_t Child::*Count, class Measure>
  [[nodiscard]] std::uint64_t before(At at, Measure measure) const noexcept;
  [[nodiscard]] At descend(std::uint32_t node, bool leaf, Depth bound, bool from_back) const;
  void add_up(std::uint32_t leaf, std::int64_t elements, std::int64_t visible,
              Depth least) noexcept;
  void refresh_least(std::uint32_t leaf) noexcept;
  std::uint32_t split_leaf(std::uint32_t leaf, std::uint32_t keep);
  void add_child(std::uint32_t parent, std::uint32_t index, std::uint32_t node, bool leaf);
  std::uint32_t split_inner(std::uint32_t inner);
  void grow_root(std::uint32_t left, std::uint32_t right, bool leaves);
  void adopt(std::uint32_t inner, std::uint32_t from) noexcept;
  void build_level(std::uint32_t nodes, std::uint32_t first, bool leaves);

  std::vector<Leaf> leaves_;
  std::vector<Inner> inners_;
  std::uint32_t root_ = kNone;  ///< an inner node; none while there is one leaf at most
  std::uint32_t first_leaf_ = kNone;
  std::uint32_t last_leaf_ = kNone;
  std::uint64_t elements_ = 0;
  std::uint64_t visible_ = 0;
  std::size_t spans_ = 0;
};

}  // namespace maillon::storage::merge
