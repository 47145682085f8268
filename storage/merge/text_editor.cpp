#include "storage/merge/text_editor.hpp"

#include "storage/merge/utf8.hpp"

namespace maillon::storage::merge {
namespace {

/// Of one op, so that it fits into a commit with its runs and dots and some neighbours.
constexpr std::size_t kTextMax = limits::kCommitBodyMax / 4;
constexpr std::size_t kRangesMax = 4096;

}  // namespace

TextEditor::TextEditor(Text& text, const OpRef& first, const Context& context)
    : text_(text), context_(context) {
  edit_.ref = first;
}

Result<void> TextEditor::insert(std::uint64_t index, std::string_view utf8) {
  if (index > text_.size()) return Error{Errc::usage, "a position beyond the end of the text"};
  if (!is_utf8(utf8)) return Error{Errc::usage, "text that is not UTF-8"};
  while (!utf8.empty()) {
    std::size_t size = std::min(utf8.size(), kTextMax);
    while (size < utf8.size() && (static_cast<std::uint8_t>(utf8[size]) & 0xc0) == 0x80) --size;
    const std::string_view part = utf8.substr(0, size);
    const auto length = static_cast<std::uint32_t>(count_scalars(part));
    insert_scalars(index, part, length);
    index += length;
    utf8.remove_prefix(size);
  }
  return {};
}

void TextEditor::insert_scalars(std::uint64_t index, std::string_view utf8, std::uint32_t length) {
  if (edit_.text.size() + utf8.size() > kTextMax) next();
  Sequence& sequence = text_.sequence_;
  MAILLON_ASSERT(!op_ || *op_ + 1 == sequence.ops(), "while an editor is in use nothing else is");
  const std::uint64_t content = text_.characters_.size();
  append_scalars(utf8, text_.characters_);
  if (op_ && sequence.extend_last(index, length, content)) {
    edit_.runs.back().length += length;
  } else {
    if (edit_.runs.size() == limits::kRunsMax) next();
    if (!op_) op_ = sequence.enter_empty(edit_.ref);
    const Sequence::Gap gap = sequence.gap_at(index);
    edit_.runs.push_back({sequence.name(gap.left), sequence.name(gap.right), std::nullopt, length});
    sequence.insert_in_gap(*op_, gap, length, ElementState::shown, content, context_);
  }
  edit_.text += utf8;
}

Result<void> TextEditor::erase(std::uint64_t index, std::uint64_t count) {
  if (index > text_.size() || count > text_.size() - index)
    return Error{Errc::usage, "a position beyond the end of the text"};
  count -= take_back(index + count, count);
  while (count > 0) {
    const Sequence::Stretch stretch = text_.sequence_.stretch_at(index, count);
    if (op_ == stretch.first.op || erased_.size() == kRangesMax) next();
    erased_.add({text_.sequence_.ref(stretch.first.op), stretch.first.offset, stretch.count});
    text_.sequence_.set_state(stretch.first.op, {stretch.first.offset, stretch.count},
                              ElementState::deleted);
    count -= stretch.count;
  }
  return {};
}

/// Shortens what was typed last, if that ends at `end`, and says by how much.
std::uint32_t TextEditor::take_back(std::uint64_t end, std::uint64_t count) {
  if (!op_) return 0;
  MAILLON_ASSERT(*op_ + 1 == text_.sequence_.ops(), "while an editor is in use nothing else is");
  const std::uint32_t taken = text_.sequence_.retract_last(end, count, text_.characters_.size());
  for (std::uint32_t i = taken; i > 0;) {
    if ((static_cast<std::uint8_t>(edit_.text.back()) & 0xc0) != 0x80) --i;
    edit_.text.pop_back();
  }
  edit_.runs.back().length -= taken;
  // What is typed next goes on in the same stretch of characters.
  text_.characters_.resize(text_.characters_.size() - taken);
  return taken;
}

void TextEditor::next() {
  edit_.replaced = erased_.take();
  if (edit_.runs.empty() && edit_.replaced.empty()) return;
  const OpRef name{edit_.ref.commit, edit_.ref.leaf + 1};
  done_.push_back(std::move(edit_));
  edit_ = {};
  edit_.ref = name;
  op_.reset();
}

std::vector<TextEdit> TextEditor::finish() && {
  next();
  return std::move(done_);
}

}  // namespace maillon::storage::merge
