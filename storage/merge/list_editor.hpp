#pragma once

#include "storage/merge/edit_ranges.hpp"
#include "storage/merge/list.hpp"

namespace maillon::storage::merge {

/// One op as its author writes it: what a commit's body takes, with local names.
struct ListEdit {
  OpRef ref;
  Hlc hlc;
  std::vector<SequenceRun> runs;
  std::vector<ElementRange> replaced;  ///< ascending, none touches another
  std::vector<Bytes> values;
};

/// Turns edits at positions into ops, and does them to the list at once; see TextEditor.
class ListEditor {
 public:
  /// `hlc` is that of the commit to be: above all that the list has seen.
  ListEditor(List& list, const OpRef& first, Hlc hlc, const Context& context);

  /// Errc::usage when an index is beyond the end; then nothing happens.
  [[nodiscard]] Result<void> insert(std::uint64_t index, ByteView value);
  [[nodiscard]] Result<void> erase(std::uint64_t index, std::uint64_t count);
  [[nodiscard]] Result<void> set(std::uint64_t index, ByteView value);
  /// Afterwards the element is at index `to`.
  [[nodiscard]] Result<void> move(std::uint64_t from, std::uint64_t to);
  /// Ends the op that is being written, if it says anything.
  void next();
  /// The ops so far; nothing may follow.
  [[nodiscard]] std::vector<ListEdit> finish() &&;

 private:
  void insert_run(std::uint64_t index, std::optional<ElementRef> moved, std::uint64_t content);
  void insert_value(std::uint64_t index, ByteView value);
  void erase_one(std::uint64_t index);
  void make_room(std::size_t bytes);

  List& list_;
  const Context& context_;
  std::vector<ListEdit> done_;
  ListEdit edit_;
  EditRanges erased_;
  std::size_t bytes_ = 0;            ///< of the values of this op
  std::optional<std::uint32_t> op_;  ///< once the edit inserts or moves
};

}  // namespace maillon::storage::merge
