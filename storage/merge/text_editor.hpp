#pragma once

#include "storage/merge/edit_ranges.hpp"
#include "storage/merge/text.hpp"

namespace maillon::storage::merge {

/// One op as its author writes it: what a commit's body takes, with local names.
struct TextEdit {
  OpRef ref;
  std::vector<SequenceRun> runs;
  std::vector<ElementRange> replaced;  ///< ascending, none touches another
  std::string text;

  [[nodiscard]] TextOp op() const { return {ref, false, runs, replaced, text, {}}; }
};

/// Turns edits at positions into ops, and does them to the text at once. Typing on where one typed
/// last makes the run longer. An edit that erases what its own op inserted, or would make the op
/// too large for a commit, begins the next op; so does next().
///
/// While an editor is in use nothing else changes the text. Applying the ops to another copy of
/// what the text was before gives the same text.
class TextEditor {
 public:
  /// The first op is called `first`, further ones by the following leaves of the same commit.
  /// Whoever edits on and on begins a new commit, with a new editor, before limits::kCommitOpsMax.
  TextEditor(Text& text, const OpRef& first, const Context& context);

  /// Errc::usage when the index is beyond the end or the text is not UTF-8; then nothing happens.
  [[nodiscard]] Result<void> insert(std::uint64_t index, std::string_view utf8);
  [[nodiscard]] Result<void> erase(std::uint64_t index, std::uint64_t count);
  /// Ends the op that is being written, if it says anything.
  void next();
  /// The ops so far; nothing may follow.
  [[nodiscard]] std::vector<TextEdit> finish() &&;

 private:
  [[nodiscard]] std::uint32_t take_back(std::uint64_t end, std::uint64_t count);
  void insert_scalars(std::uint64_t index, std::string_view utf8, std::uint32_t length);

  Text& text_;
  const Context& context_;
  std::vector<TextEdit> done_;
  TextEdit edit_;
  EditRanges erased_;
  std::optional<std::uint32_t> op_;  ///< once the edit inserts
};

}  // namespace maillon::storage::merge
