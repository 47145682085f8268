#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <optional>

#include "storage/merge/record_state.hpp"
#include "storage/merge/span_tree.hpp"

/// The order of the elements of a text or list: FugueMax (Weidner and Kleppmann, "The Art of the
/// Fugue: Minimizing Interleaving in Collaborative Text Editing", arXiv 2305.00583). Pure.
namespace maillon::storage::merge {

/// The op, and those that re-issue it. `reissues` ascend.
[[nodiscard]] boost::container::small_vector<OpRef, 2> aliases_of(const OpRef& ref,
                                                                  const Reissues& reissues);
void encode_reissues(const Reissues& reissues, ByteWriter& w);
[[nodiscard]] bool decode_reissues(ByteReader& in, Reissues& out);

/// Elements in the order that every node computes alike from the same ops.
///
/// The order. An element is a child of its left origin: the run's `left`, or the element before it
/// in the run. Everything is read in pre-order. Among the children of one origin, those whose right
/// origin is a child too stand right before that one, by id; the others stand by their right
/// origins, the last in the sequence first, then by id. Ids compare by commit id, leaf and offset.
/// This is FugueMax's tree, seen from the left origins; two elements, once there, never change
/// their order.
///
/// Ops arrive in causal order: what an op may name is there, else it is nothing. Then
/// - an anchor that names nothing is no anchor, but the start or the end: no such op in this field,
///   too great an offset, the element itself or a later one of its op;
/// - a left anchor that does not stand before the right one is taken as it is: the rule above gives
///   any two elements a place;
/// - an op with more than limits::kCommitBodyMax elements, which no payload could hold, has none;
/// - a range that goes beyond an op's elements names those that are there;
/// - an op that is there already is not entered again.
/// None of this depends on the order of arrival, save for one case that callers must exclude: what
/// an op says of the commit that its own commit re-issues, which may come later, is to be left out.
///
/// Cost: O(log² n) for a run among concurrent siblings, O(log n) else, n being the number of spans
/// (pieces of runs) in the field, whatever the ops say.
class Sequence {
 public:
  /// An element by the place of its op in this structure.
  struct Element {
    std::uint32_t op = SpanTree::kNone;
    std::uint32_t offset = 0;
    friend auto operator<=>(const Element&, const Element&) noexcept = default;
    [[nodiscard]] bool is_none() const noexcept { return op == SpanTree::kNone; }
  };

  [[nodiscard]] std::uint64_t visible() const noexcept { return tree_.visible(); }
  [[nodiscard]] std::uint64_t elements() const noexcept { return tree_.elements(); }
  [[nodiscard]] const SpanTree& tree() const noexcept { return tree_; }
  [[nodiscard]] std::size_t ops() const noexcept { return ops_.size(); }
  [[nodiscard]] std::size_t memory() const noexcept;

  /// Enters an op that inserts; nothing if it is there, or has no elements, or too many.
  [[nodiscard]] std::optional<std::uint32_t> enter(const OpRef& ref,
                                                   std::span<const SequenceRun> runs);
  /// Gives the next run of an entered op its place. Element i's content is `content` + i.
  void insert(std::uint32_t op, const SequenceRun& run, ElementState state, std::uint64_t content,
              const Context& context);

  [[nodiscard]] OpRef ref(std::uint32_t op) const noexcept { return ops_[op].ref; }
  [[nodiscard]] ElementRef ref(Element element) const noexcept {
    return {ref(element.op), element.offset};
  }
  [[nodiscard]] std::optional<ElementRef> name(Element element) const noexcept {
    if (element.is_none()) return std::nullopt;
    return ref(element);
  }
  [[nodiscard]] std::optional<std::uint32_t> find(const OpRef& ref) const;
  /// None when nothing of that name is there.
  [[nodiscard]] Element find(const ElementRef& ref) const;
  [[nodiscard]] std::uint32_t elements_of(std::uint32_t op) const noexcept {
    return ops_[op].elements;
  }

  /// Makes shown elements blank, or shown and blank ones deleted; places of moves stay as they are.
  void set_state(std::uint32_t op, OffsetRange range, ElementState state);
  /// Deletes what a range names, in this op and in those that re-issue it; calls `removed` for each
  /// op with the range of it.
  template <class Removed>
  void remove(const ElementRange& range, const Reissues& reissues, Removed removed) {
    for (const OpRef& name : aliases_of(range.op, reissues))
      if (const auto op = find(name)) {
        const OffsetRange offsets = within(*op, {range.offset, range.count});
        set_state(*op, offsets, ElementState::deleted);
        removed(*op, offsets);
      }
  }
  /// What of a range is there; all of the op for a count of 0.
  [[nodiscard]] OffsetRange within(std::uint32_t op, OffsetRange range) const noexcept;
  /// Gives one element a state and a content, whatever it had.
  void put(Element element, ElementState state, std::uint64_t content);

  /// By commit id, leaf and offset, which every node compares alike.
  [[nodiscard]] bool id_before(Element a, Element b, const Context& context) const;
  /// Elements before this one, whatever they show; none stands behind all.
  [[nodiscard]] std::uint64_t position(Element element) const;

  struct Located {
    SpanTree::At at;
    std::uint32_t within = 0;
  };
  [[nodiscard]] Located locate(Element element) const;
  /// Before how many visible elements the element stands, or stood.
  [[nodiscard]] std::uint64_t visible_before(Element element) const;

  // What an editor needs: elements side by side, and to go on with a run.

  struct Gap {
    Element left;
    Element right;
  };
  /// Between the visible element before `index` and what follows it, deleted elements counted.
  [[nodiscard]] Gap gap_at(std::uint64_t index) const;
  /// Enters an op that has no elements yet; it must not be there.
  [[nodiscard]] std::uint32_t enter_empty(const OpRef& ref);
  /// Inserts a new run of an op; the runs of one op follow each other, with no other op's between.
  void insert_in_gap(std::uint32_t op, const Gap& gap, std::uint32_t length, ElementState state,
                     std::uint64_t content, const Context& context);
  /// Adds shown elements to the run inserted last, if that ends at `index`, nothing else happened
  /// since and the content goes on; says whether.
  [[nodiscard]] bool extend_last(std::uint64_t index, std::uint32_t length, std::uint64_t content);
  /// Takes elements off the end of the run inserted last, all but its first one at most, under the
  /// same conditions; says how many. Nobody else may have heard of them.
  [[nodiscard]] std::uint32_t retract_last(std::uint64_t index, std::uint64_t count_max,
                                           std::uint64_t content);
  /// The visible stretch at `index`, `count_max` elements at most.
  struct Stretch {
    Element first;
    std::uint32_t count = 0;
    std::uint64_t content = 0;
  };
  [[nodiscard]] Stretch stretch_at(std::uint64_t index, std::uint64_t count_max) const;

  // The encoded form, without content: that of visible elements is numbered in their order.

  void encode(Bytes& out) const;
  /// Nothing when the bytes are no structure. Reads no further than what encode wrote.
  [[nodiscard]] static std::optional<Sequence> decode(ByteReader& in);
  /// The number of an op in the encoded form.
  [[nodiscard]] std::vector<std::uint32_t> ranks() const;

 private:
  struct Op {
    OpRef ref;
    std::uint32_t first_run = 0;
    std::uint32_t runs = 0;
    std::uint32_t elements = 0;
    std::uint32_t leaf = SpanTree::kNone;    ///< where its only span is
    std::uint32_t pieces = SpanTree::kNone;  ///< index into pieces_, once there are more
  };
  struct Run {
    Element left;
    Element right;
    std::uint32_t offset = 0;  ///< of its first element
  };
  struct Piece {
    std::uint32_t leaf = SpanTree::kNone;
    std::uint32_t settled = 0;  ///< up to this offset a delete has nothing to do; 0: not known
  };
  using Pieces = std::map<std::uint32_t, Piece>;  ///< an op's spans by their first offset
  struct RefHash {
    std::size_t operator()(const OpRef& ref) const noexcept {
      return (static_cast<std::size_t>(ref.commit) * 4099 + ref.leaf) * 0x9e37'79b9'7f4a'7c15u;
    }
  };
  struct Place {
    SpanTree::At before;
    Depth depth;
  };
  class Reader;

  [[nodiscard]] bool ends_last_run(std::uint64_t index, std::uint64_t content);
  [[nodiscard]] const Run& run_of(Element element) const noexcept;
  [[nodiscard]] Element left_origin(Element element) const noexcept;
  [[nodiscard]] Element resolve(const std::optional<ElementRef>& ref) const;

  void insert_between(Element fresh, const Gap& gap, std::uint32_t length, ElementState state,
                      std::uint64_t content, const Context& context);
  [[nodiscard]] Place place(Element fresh, const Gap& gap, const Context& context);
  [[nodiscard]] Place among_siblings(Element fresh, const Gap& gap, SpanTree::At left,
                                     std::uint64_t depth, const Context& context) const;

  /// Cuts a span so that `count` elements are left in it.
  void divide(SpanTree::At at, std::uint32_t count);
  void note(const SpanTree::Inserted& inserted);
  void note_piece(const Span& span, std::uint32_t leaf);
  void move_piece(std::uint32_t op, std::uint32_t from, std::uint32_t to);
  [[nodiscard]] bool continues(const Span& span, const Span& next) const noexcept;
  void change(const Located& located, std::uint32_t count, ElementState state);
  [[nodiscard]] std::vector<Span> merged_spans() const;

  SpanTree tree_;
  std::vector<Op> ops_;
  std::vector<Run> runs_;
  std::vector<Pieces> pieces_;
  boost::unordered_flat_map<OpRef, std::uint32_t, RefHash> by_ref_;

  /// Where the run inserted last ends, until something else happens.
  struct Typing {
    SpanTree::At at;
    std::uint64_t index = 0;
  };
  std::optional<Typing> typing_;
};

}  // namespace maillon::storage::merge
