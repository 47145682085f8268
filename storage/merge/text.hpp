#pragma once

#include <string>
#include <vector>

#include "storage/merge/sequence.hpp"

namespace maillon::storage::merge {

/// What one op does to a text field, its dots resolved to local names. Names of commits that are
/// not here, and of the commit that the op's own one re-issues, are left out: they name nothing.
struct TextOp {
  OpRef ref;
  bool is_void = false;
  std::span<const SequenceRun> runs;
  std::span<const ElementRange> replaced;
  std::optional<std::string_view> text;  ///< the characters of all runs; none when they are gone
  std::span<const OffsetRange> erased;   ///< of these elements the characters are gone
};

/// A text that several people write (docs/merge.md). Its elements are Unicode scalars.
///
/// The state is a pure function of the set of ops: any causal order gives the same. An element is
/// shown when its op is not void, its character is known and no valid op deletes it. All others
/// keep their place, since elements may stand by them.
///
/// The characters of an op are unknown as a whole when they are gone, are not UTF-8, or are not as
/// many as its runs say. Its deletes hold all the same. Runs that would move an element have no
/// meaning in a text; their elements are blank and take no characters.
///
/// What one author types without a break in the middle, forwards or backwards and over however many
/// ops, is never interleaved with what others type at the same place.
class Text {
 public:
  /// All that was ever said, in an order that respects causality. `reissues` go on counting for ops
  /// applied later; when one is new, build anew.
  [[nodiscard]] static Text build(std::span<const TextOp> ops, const Reissues& reissues,
                                  const Context& context);
  /// One more op, all that it names having been applied. When an op becomes void, or ceases to be,
  /// build anew.
  void apply(const TextOp& op, const Context& context);
  /// As if one more op deleted these elements.
  void remove(const ElementRange& range);
  /// Forgets the characters of these elements, as if the op had come without them.
  void erase_characters(const ElementRange& range);

  [[nodiscard]] std::uint64_t size() const noexcept { return sequence_.visible(); }
  /// UTF-8.
  [[nodiscard]] std::string str() const;

  /// A stretch of the shown text that one op wrote.
  struct Part {
    OpRef author;
    std::uint64_t begin = 0;
    std::uint64_t count = 0;
    friend bool operator==(const Part&, const Part&) noexcept = default;
  };
  [[nodiscard]] std::vector<Part> parts() const;
  /// The element shown at an index below size().
  [[nodiscard]] ElementRef element_at(std::uint64_t index) const;
  /// Before how many shown elements this one stands, or stood; nothing if it is not there.
  [[nodiscard]] std::optional<std::uint64_t> index_of(const ElementRef& element) const;

  /// Equal states have equal bytes.
  void encode(Bytes& out) const;
  /// Errc::integrity for bytes that are no text, Errc::newer_version for those of a later version.
  [[nodiscard]] static Result<Text> decode(ByteView bytes);

  [[nodiscard]] const Sequence& sequence() const noexcept { return sequence_; }
  /// Bytes of memory, about.
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  friend class TextEditor;
  void insert(const TextOp& op, const Context& context);
  void remove_all(const TextOp& op);

  Sequence sequence_;
  std::u32string characters_;  ///< in no order; spans point into it
  Reissues reissues_;
};

}  // namespace maillon::storage::merge
