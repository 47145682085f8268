#include "storage/merge/text.hpp"

#include <algorithm>

#include "storage/merge/utf8.hpp"

namespace maillon::storage::merge {
namespace {

constexpr std::uint8_t kVersion = 1;

/// Calls `use(span)` for each span of which something is shown, in order.
template <class Use>
void for_each_visible(const SpanTree& tree, Use use) {
  for (SpanTree::At at = tree.first(); !at.at_end(); at = tree.next(at))
    if (tree[at].is_visible()) use(tree[at]);
}

bool holds_characters(const TextOp& op) {
  if (op.is_void || !op.text || !is_utf8(*op.text)) return false;
  std::uint64_t wanted = 0;
  for (const SequenceRun& run : op.runs) wanted += run.moved ? 0 : run.length;
  return wanted == count_scalars(*op.text);
}

}  // namespace

Text Text::build(std::span<const TextOp> ops, const Reissues& reissues, const Context& context) {
  Text out;
  out.reissues_ = reissues;
  std::ranges::sort(out.reissues_);
  // A re-issue may stand behind what deletes its original's elements.
  for (const TextOp& op : ops) out.insert(op, context);
  for (const TextOp& op : ops) out.remove_all(op);
  return out;
}

void Text::apply(const TextOp& op, const Context& context) {
  insert(op, context);
  remove_all(op);
}

void Text::insert(const TextOp& op, const Context& context) {
  const auto entered = sequence_.enter(op.ref, op.runs);
  if (!entered) return;
  const bool known = holds_characters(op);
  std::uint64_t content = characters_.size();
  if (known) append_scalars(*op.text, characters_);
  for (const SequenceRun& run : op.runs) {
    const bool shown = known && !run.moved;
    sequence_.insert(*entered, run, shown ? ElementState::shown : ElementState::blank, content,
                     context);
    if (shown) content += run.length;
  }
  for (const OffsetRange& range : op.erased) erase_characters({op.ref, range.offset, range.count});
}

void Text::remove_all(const TextOp& op) {
  if (op.is_void) return;
  for (const ElementRange& range : op.replaced) remove(range);
}

void Text::remove(const ElementRange& range) {
  sequence_.remove(range, reissues_, [](std::uint32_t, OffsetRange) {});
}

void Text::erase_characters(const ElementRange& range) {
  const auto op = sequence_.find(range.op);
  if (!op) return;
  const OffsetRange offsets = sequence_.within(*op, {range.offset, range.count});
  for (std::uint32_t i = 0; i < offsets.count;) {
    const Sequence::Located located = sequence_.locate({*op, offsets.offset + i});
    const Span& span = sequence_.tree()[located.at];
    const std::uint32_t count = std::min(span.length - located.within, offsets.count - i);
    if (span.is_visible())
      characters_.replace(static_cast<std::size_t>(span.content + located.within), count, count,
                          U'\0');
    i += count;
  }
  sequence_.set_state(*op, offsets, ElementState::blank);
}

std::string Text::str() const {
  std::string out;
  out.reserve(static_cast<std::size_t>(size()));
  for_each_visible(sequence_.tree(), [&](const Span& span) {
    append_utf8(std::u32string_view{characters_}.substr(static_cast<std::size_t>(span.content),
                                                        span.length),
                out);
  });
  return out;
}

std::vector<Text::Part> Text::parts() const {
  std::vector<Part> out;
  std::uint64_t at = 0;
  for_each_visible(sequence_.tree(), [&](const Span& span) {
    const OpRef author = sequence_.ref(span.op);
    if (!out.empty() && out.back().author == author)
      out.back().count += span.length;
    else
      out.push_back({author, at, span.length});
    at += span.length;
  });
  return out;
}

ElementRef Text::element_at(std::uint64_t index) const {
  MAILLON_ASSERT(index < size(), "an index within the text");
  return sequence_.ref(sequence_.stretch_at(index, 1).first);
}

std::optional<std::uint64_t> Text::index_of(const ElementRef& element) const {
  const Sequence::Element found = sequence_.find(element);
  if (found.is_none()) return std::nullopt;
  return sequence_.visible_before(found);
}

void Text::encode(Bytes& out) const {
  ByteWriter w{out};
  w.u8(kVersion);
  encode_reissues(reissues_, w);
  sequence_.encode(out);
  w.sized(str());
}

namespace {

/// As lists alone do.
bool moves_elements(const SpanTree& tree) {
  for (auto at = tree.first(); !at.at_end(); at = tree.next(at))
    if (tree[at].state == ElementState::place || tree[at].state == ElementState::held) return true;
  return false;
}

}  // namespace

Result<Text> Text::decode(ByteView bytes) {
  ByteReader in{bytes};
  const std::uint8_t version = in.u8();
  if (in.ok() && version > kVersion)
    return Error{Errc::newer_version, "a stored text was written by a later version"};
  Text out;
  const bool sound = version == kVersion && decode_reissues(in, out.reissues_);
  auto sequence = sound ? Sequence::decode(in) : std::nullopt;
  const std::string_view text = as_text(in.sized(in.left()));
  if (!sequence || !in.at_end() || !is_utf8(text) || count_scalars(text) != sequence->visible() ||
      moves_elements(sequence->tree()))
    return Error{Errc::integrity, "a stored text cannot be read"};
  out.sequence_ = *std::move(sequence);
  append_scalars(text, out.characters_);
  return out;
}

std::size_t Text::memory() const noexcept {
  return sequence_.memory() + characters_.capacity() * sizeof(char32_t);
}

}  // namespace maillon::storage::merge
