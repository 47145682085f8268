#pragma once

#include <map>
#include <vector>

#include "storage/merge/sequence.hpp"

namespace maillon::storage::merge {

/// What one op does to a list field, its dots resolved to local names as in a TextOp.
struct ListOp {
  OpRef ref;
  Hlc hlc;
  bool is_void = false;
  std::span<const SequenceRun> runs;
  std::span<const ElementRange> replaced;
  /// Encoded, of all elements of all runs that move nothing; none when they are gone.
  std::optional<std::span<const ByteView>> values;
  std::span<const OffsetRange> erased;  ///< of these elements the values are gone
};

/// A list that several people keep in order (docs/merge.md). Elements have values.
///
/// The state is a pure function of the set of ops: any causal order gives the same. The order is
/// that of a Sequence. An element stands where its op inserted it, or, once moved, where the move
/// put it (Kleppmann, "Moving Elements in List CRDTs", 2020): a moved run makes a new place for an
/// element, and of all places that valid moves gave it, that of the greatest (HLC, commit id, leaf,
/// offset) counts. So each element is shown once. Other places are empty, and elements may stand by
/// them.
///
/// - A delete holds against a concurrent move: moving changes nothing that anybody would miss.
/// - A value is changed by deleting its element and inserting another right behind. Of two who
///   change one value, both new ones are shown.
/// - A range that names the place of a move deletes nothing there; a move of such a place, of a
///   deleted element or of one without value has no effect.
/// - The values of an op are unknown as a whole when they are gone, or are not as many as its runs
///   say. Its deletes and moves hold all the same.
class List {
 public:
  /// All that was ever said, in an order that respects causality; see Text::build.
  [[nodiscard]] static List build(std::span<const ListOp> ops, const Reissues& reissues,
                                  const Context& context);
  /// One more op, all that it names having been applied; see Text::apply.
  void apply(const ListOp& op, const Context& context);
  /// As if one more op deleted these elements.
  void remove(const ElementRange& range);
  /// Forgets the values of these elements, as if the op had come without them.
  void erase_values(const ElementRange& range);

  [[nodiscard]] std::uint64_t size() const noexcept { return sequence_.visible(); }
  [[nodiscard]] std::vector<ByteView> values() const;
  /// The element shown at an index below size(): by the op that inserted it, moved or not.
  [[nodiscard]] ElementRef element_at(std::uint64_t index) const;
  /// Before how many shown elements this one stands, or stood; nothing if it is not there.
  [[nodiscard]] std::optional<std::uint64_t> index_of(const ElementRef& element) const;

  /// Equal states have equal bytes.
  void encode(Bytes& out) const;
  /// Errc::integrity for bytes that are no list, Errc::newer_version for those of a later version.
  [[nodiscard]] static Result<List> decode(ByteView bytes);

  [[nodiscard]] const Sequence& sequence() const noexcept { return sequence_; }

 private:
  friend class ListEditor;
  using Element = Sequence::Element;
  struct Moved {
    Element place;
    Hlc hlc;
  };

  void insert(const ListOp& op, const Context& context);
  void remove_all(const ListOp& op);
  void move(Element element, Element place, Hlc hlc, const Context& context);
  void empty_places(std::uint32_t op, OffsetRange range);
  [[nodiscard]] Element element_in(Element place) const;
  [[nodiscard]] bool decode_moves(ByteReader& in);
  [[nodiscard]] bool decode_values(ByteReader& in);

  Sequence sequence_;
  std::vector<Bytes> values_;        ///< in no order; spans point into it
  std::map<Element, Moved> moved_;   ///< shown elements that are not where they were inserted
  std::map<Element, Element> held_;  ///< the same by place
  Reissues reissues_;
};

}  // namespace maillon::storage::merge
