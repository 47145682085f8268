#include "storage/merge/list.hpp"

#include <algorithm>

namespace maillon::storage::merge {
namespace {

constexpr std::uint8_t kVersion = 1;

/// Calls `use(element, span, content)` for each visible element in order.
template <class Use>
void for_each_visible(const SpanTree& tree, Use use) {
  for (SpanTree::At at = tree.first(); !at.at_end(); at = tree.next(at)) {
    const Span& span = tree[at];
    if (!span.is_visible()) continue;
    for (std::uint32_t i = 0; i < span.length; ++i)
      use(Sequence::Element{span.op, span.offset + i}, span.state,
          static_cast<std::size_t>(span.content + i));
  }
}

bool holds_values(const ListOp& op) {
  if (op.is_void || !op.values) return false;
  std::uint64_t wanted = 0;
  for (const SequenceRun& run : op.runs) wanted += run.moved ? 0 : run.length;
  return wanted == op.values->size();
}

}  // namespace

List List::build(std::span<const ListOp> ops, const Reissues& reissues, const Context& context) {
  List out;
  out.reissues_ = reissues;
  std::ranges::sort(out.reissues_);
  // A re-issue may stand behind what deletes its original's elements.
  for (const ListOp& op : ops) out.insert(op, context);
  for (const ListOp& op : ops) out.remove_all(op);
  return out;
}

void List::apply(const ListOp& op, const Context& context) {
  insert(op, context);
  remove_all(op);
}

void List::insert(const ListOp& op, const Context& context) {
  const auto entered = sequence_.enter(op.ref, op.runs);
  if (!entered) return;
  const bool known = holds_values(op);
  std::uint64_t content = values_.size();
  if (known)
    for (const ByteView value : *op.values) values_.emplace_back(value.begin(), value.end());
  for (const SequenceRun& run : op.runs) {
    const std::uint32_t first = sequence_.elements_of(*entered);
    const ElementState state = run.moved ? ElementState::place
                               : known   ? ElementState::shown
                                         : ElementState::blank;
    sequence_.insert(*entered, run, state, content, context);
    if (state == ElementState::shown) content += run.length;
    if (!run.moved || op.is_void) continue;
    const Element from = sequence_.find(*run.moved);
    if (from.is_none()) continue;
    const std::uint32_t there = sequence_.elements_of(from.op) - from.offset;
    for (std::uint32_t i = 0; i < std::min(run.length, there); ++i)
      move({from.op, from.offset + i}, {*entered, first + i}, op.hlc, context);
  }
  for (const OffsetRange& range : op.erased) erase_values({op.ref, range.offset, range.count});
}

void List::remove_all(const ListOp& op) {
  if (op.is_void) return;
  for (const ElementRange& range : op.replaced) remove(range);
}

void List::remove(const ElementRange& range) {
  sequence_.remove(range, reissues_, [this](std::uint32_t removed, OffsetRange offsets) {
    empty_places(removed, offsets);
  });
}

/// Shows `element` at `place` if no greater move put it elsewhere.
void List::move(Element element, Element place, Hlc hlc, const Context& context) {
  const auto known = moved_.find(element);
  const Element from = known == moved_.end() ? element : known->second.place;
  const Sequence::Located at = sequence_.locate(from);
  const Span& span = sequence_.tree()[at.at];
  const std::uint64_t content = span.content + at.within;
  if (known == moved_.end()) {
    if (span.state != ElementState::shown) return;
    sequence_.put(element, ElementState::blank, 0);
  } else {
    const bool greater = hlc != known->second.hlc ? hlc > known->second.hlc
                                                  : sequence_.id_before(from, place, context);
    if (!greater) return;
    sequence_.put(from, ElementState::place, 0);
    held_.erase(from);
  }
  sequence_.put(place, ElementState::held, content);
  moved_[element] = {place, hlc};
  held_[place] = element;
}

/// Elements of the range are no longer shown, wherever moves had put them.
void List::empty_places(std::uint32_t op, OffsetRange range) {
  const auto begin = moved_.lower_bound({op, range.offset});
  const auto end = moved_.lower_bound({op, range.offset + range.count});
  for (auto at = begin; at != end; ++at) {
    sequence_.put(at->second.place, ElementState::place, 0);
    held_.erase(at->second.place);
  }
  moved_.erase(begin, end);
}

void List::erase_values(const ElementRange& range) {
  const auto op = sequence_.find(range.op);
  if (!op) return;
  const OffsetRange offsets = sequence_.within(*op, {range.offset, range.count});
  for (std::uint32_t i = 0; i < offsets.count; ++i) {
    const Element element{*op, offsets.offset + i};
    const auto moved = moved_.find(element);
    const auto at = sequence_.locate(moved == moved_.end() ? element : moved->second.place);
    const Span& span = sequence_.tree()[at.at];
    if (span.state == ElementState::shown || moved != moved_.end())
      values_[static_cast<std::size_t>(span.content + at.within)].clear();
  }
  sequence_.set_state(*op, offsets, ElementState::blank);
  empty_places(*op, offsets);
}

std::vector<ByteView> List::values() const {
  std::vector<ByteView> out;
  out.reserve(static_cast<std::size_t>(size()));
  for_each_visible(sequence_.tree(), [&](Element, ElementState, std::size_t content) {
    out.emplace_back(values_[content]);
  });
  return out;
}

List::Element List::element_in(Element place) const {
  const auto found = held_.find(place);
  return found == held_.end() ? place : found->second;
}

ElementRef List::element_at(std::uint64_t index) const {
  MAILLON_ASSERT(index < size(), "an index within the list");
  return sequence_.ref(element_in(sequence_.stretch_at(index, 1).first));
}

std::optional<std::uint64_t> List::index_of(const ElementRef& element) const {
  const Element found = sequence_.find(element);
  if (found.is_none()) return std::nullopt;
  const auto moved = moved_.find(found);
  return sequence_.visible_before(moved == moved_.end() ? found : moved->second.place);
}

void List::encode(Bytes& out) const {
  ByteWriter w{out};
  w.u8(kVersion);
  encode_reissues(reissues_, w);
  sequence_.encode(out);
  const std::vector<std::uint32_t> rank = sequence_.ranks();
  for_each_visible(sequence_.tree(), [&](Element place, ElementState state, std::size_t) {
    if (state != ElementState::held) return;
    const Element element = element_in(place);
    w.varint(rank[element.op]);
    w.varint(element.offset);
    w.le64(moved_.at(element).hlc.packed);
  });
  for (const ByteView value : values()) w.sized(value);
}

bool List::decode_moves(ByteReader& in) {
  bool sound = true;
  for_each_visible(sequence_.tree(), [&](Element place, ElementState state, std::size_t) {
    if (state != ElementState::held || !sound || !in.ok()) return;
    const Element element{in.varint32(0xffff'fffe), in.varint32(limits::kCommitBodyMax)};
    const Hlc hlc{in.le64()};
    sound = in.ok() && element.op < sequence_.ops() &&
            element.offset < sequence_.elements_of(element.op) &&
            sequence_.tree()[sequence_.locate(element).at].state == ElementState::blank &&
            moved_.emplace(element, Moved{place, hlc}).second;
    held_.emplace(place, element);
  });
  return sound && in.ok();
}

bool List::decode_values(ByteReader& in) {
  for (std::uint64_t i = 0; i < size() && in.ok(); ++i) {
    const ByteView value = in.sized(limits::kCommitBodyMax);
    values_.emplace_back(value.begin(), value.end());
  }
  return in.at_end();
}

Result<List> List::decode(ByteView bytes) {
  ByteReader in{bytes};
  const std::uint8_t version = in.u8();
  if (in.ok() && version > kVersion)
    return Error{Errc::newer_version, "a stored list was written by a later version"};
  List out;
  const bool sound = version == kVersion && decode_reissues(in, out.reissues_);
  auto sequence = sound ? Sequence::decode(in) : std::nullopt;
  if (sequence) out.sequence_ = *std::move(sequence);
  if (!sequence || !out.decode_moves(in) || !out.decode_values(in))
    return Error{Errc::integrity, "a stored list cannot be read"};
  return out;
}

}  // namespace maillon::storage::merge
