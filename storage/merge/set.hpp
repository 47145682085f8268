#pragma once

#include <set>
#include <span>
#include <vector>

#include "proto/bytes.hpp"
#include "storage/merge/elements.hpp"

namespace maillon::storage::merge {

/// What one op does to a set field, its dots resolved to local names as in a TextOp.
struct SetOp {
  OpRef ref;
  std::span<const ByteView> values;        ///< encoded, those that it adds
  std::span<const ElementRange> replaced;  ///< those that it takes out
};

/// An observed-remove set (Shapiro et al., "A comprehensive study of Convergent and Commutative
/// Replicated Data Types", 2011, section 3.3.5): each addition is an element with a name of its own,
/// and a removal takes out those that its author saw. So a concurrent addition wins.
///
/// Holds the elements that are there, of valid ops only. What is taken out leaves nothing behind:
/// a removal follows what it names.
class Set {
 public:
  /// One more valid op, all that it names having been applied.
  void apply(const SetOp& op);
  void remove(const ElementRange& range);
  void clear() noexcept { elements_.clear(); }

  /// Elements; two of them may have one value.
  [[nodiscard]] std::uint64_t size() const noexcept { return elements_.size(); }
  /// Each value once, ascending by its bytes.
  [[nodiscard]] std::vector<ByteView> values() const;
  /// The elements of one value.
  [[nodiscard]] std::vector<ElementRef> elements_of(ByteView value) const;
  /// Adds the ops that brought what is there.
  void authors(std::set<OpRef>& out) const;

  /// Equal sets have equal bytes.
  void encode(Bytes& out) const;
  /// Errc::integrity for bytes that are no set.
  [[nodiscard]] static Result<Set> decode(ByteView bytes);

 private:
  struct Element {
    ElementRef ref;
    Bytes value;
  };
  std::vector<Element> elements_;  ///< ascending by ref
};

}  // namespace maillon::storage::merge
