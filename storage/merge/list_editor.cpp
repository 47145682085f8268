#include "storage/merge/list_editor.hpp"

namespace maillon::storage::merge {
namespace {

/// Of one op, so that it fits into a commit with its runs and dots and some neighbours.
constexpr std::size_t kValuesMax = limits::kCommitBodyMax / 4;
constexpr std::size_t kRangesMax = 4096;

Error beyond_the_end() { return {Errc::usage, "a position beyond the end of the list"}; }

}  // namespace

ListEditor::ListEditor(List& list, const OpRef& first, Hlc hlc, const Context& context)
    : list_(list), context_(context) {
  edit_.ref = first;
  edit_.hlc = hlc;
}

Result<void> ListEditor::insert(std::uint64_t index, ByteView value) {
  if (index > list_.size()) return beyond_the_end();
  insert_value(index, value);
  return {};
}

Result<void> ListEditor::erase(std::uint64_t index, std::uint64_t count) {
  if (index > list_.size() || count > list_.size() - index) return beyond_the_end();
  for (; count > 0; --count) erase_one(index);
  return {};
}

Result<void> ListEditor::set(std::uint64_t index, ByteView value) {
  if (index >= list_.size()) return beyond_the_end();
  insert_value(index + 1, value);
  erase_one(index);
  return {};
}

Result<void> ListEditor::move(std::uint64_t from, std::uint64_t to) {
  if (from >= list_.size() || to >= list_.size()) return beyond_the_end();
  if (from == to) return {};
  make_room(0);
  const ElementRef moved = list_.element_at(from);
  insert_run(to > from ? to + 1 : to, moved, 0);
  const Sequence& sequence = list_.sequence_;
  list_.move(sequence.find(moved), {*op_, sequence.elements_of(*op_) - 1}, edit_.hlc, context_);
  return {};
}

void ListEditor::make_room(std::size_t bytes) {
  if (bytes_ + bytes > kValuesMax || edit_.runs.size() == limits::kRunsMax) next();
}

void ListEditor::insert_value(std::uint64_t index, ByteView value) {
  make_room(value.size());
  MAILLON_ASSERT(!op_ || *op_ + 1 == list_.sequence_.ops(),
                 "while an editor is in use nothing else is");
  const std::uint64_t content = list_.values_.size();
  list_.values_.emplace_back(value.begin(), value.end());
  if (op_ && !edit_.runs.back().moved && list_.sequence_.extend_last(index, 1, content))
    ++edit_.runs.back().length;
  else
    insert_run(index, std::nullopt, content);
  edit_.values.emplace_back(value.begin(), value.end());
  bytes_ += value.size();
}

void ListEditor::insert_run(std::uint64_t index, std::optional<ElementRef> moved,
                            std::uint64_t content) {
  Sequence& sequence = list_.sequence_;
  if (!op_) op_ = sequence.enter_empty(edit_.ref);
  const Sequence::Gap gap = sequence.gap_at(index);
  edit_.runs.push_back({sequence.name(gap.left), sequence.name(gap.right), moved, 1});
  sequence.insert_in_gap(*op_, gap, 1, moved ? ElementState::place : ElementState::shown, content,
                         context_);
}

void ListEditor::erase_one(std::uint64_t index) {
  const Sequence::Element element = list_.sequence_.find(list_.element_at(index));
  if (op_ == element.op || erased_.size() == kRangesMax) next();
  erased_.add({list_.sequence_.ref(element.op), element.offset, 1});
  list_.sequence_.set_state(element.op, {element.offset, 1}, ElementState::deleted);
  list_.empty_places(element.op, {element.offset, 1});
}

void ListEditor::next() {
  edit_.replaced = erased_.take();
  if (edit_.runs.empty() && edit_.replaced.empty()) return;
  const ListEdit empty{{edit_.ref.commit, edit_.ref.leaf + 1}, edit_.hlc, {}, {}, {}};
  done_.push_back(std::move(edit_));
  edit_ = empty;
  bytes_ = 0;
  op_.reset();
}

std::vector<ListEdit> ListEditor::finish() && {
  next();
  return std::move(done_);
}

}  // namespace maillon::storage::merge
