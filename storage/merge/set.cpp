#include "storage/merge/set.hpp"

#include <algorithm>

#include "proto/limits.hpp"

namespace maillon::storage::merge {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

void Set::apply(const SetOp& op) {
  std::vector<Element> fresh;
  fresh.reserve(op.values.size());
  for (std::uint32_t i = 0; i < op.values.size(); ++i)
    fresh.push_back({{op.ref, i}, {op.values[i].begin(), op.values[i].end()}});
  const auto at = std::ranges::upper_bound(elements_, ElementRef{op.ref, 0}, {}, &Element::ref);
  elements_.insert(at, std::move_iterator{fresh.begin()}, std::move_iterator{fresh.end()});
  for (const ElementRange& range : op.replaced) remove(range);
}

void Set::remove(const ElementRange& range) {
  const std::uint64_t end =
      range.count == 0 ? ~std::uint64_t{0} : std::uint64_t{range.offset} + range.count;
  const auto first =
      std::ranges::lower_bound(elements_, ElementRef{range.op, range.offset}, {}, &Element::ref);
  auto last = first;
  while (last != elements_.end() && last->ref.op == range.op && last->ref.offset < end) ++last;
  elements_.erase(first, last);
}

std::vector<ByteView> Set::values() const {
  std::vector<ByteView> out;
  out.reserve(elements_.size());
  for (const Element& element : elements_) out.emplace_back(element.value);
  std::ranges::sort(out, std::ranges::lexicographical_compare);
  const auto repeated = std::ranges::unique(
      out, [](ByteView a, ByteView b) { return std::ranges::equal(a, b); });
  out.erase(repeated.begin(), repeated.end());
  return out;
}

std::vector<ElementRef> Set::elements_of(ByteView value) const {
  std::vector<ElementRef> out;
  for (const Element& element : elements_)
    if (std::ranges::equal(element.value, value)) out.push_back(element.ref);
  return out;
}

void Set::authors(std::set<OpRef>& out) const {
  for (const Element& element : elements_) out.insert(element.ref.op);
}

void Set::encode(Bytes& out) const {
  ByteWriter w{out};
  w.u8(kVersion);
  w.varint(elements_.size());
  for (const Element& element : elements_) {
    w.varint(static_cast<std::uint64_t>(element.ref.op.commit));
    w.varint(element.ref.op.leaf);
    w.varint(element.ref.offset);
    w.sized(element.value);
  }
}

Result<Set> Set::decode(ByteView bytes) {
  ByteReader in{bytes};
  if (const std::uint8_t version = in.u8(); in.ok() && version > kVersion)
    return Error{Errc::newer_version, "a stored set was written by a later version"};
  Set out;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Element element;
    element.ref.op.commit = static_cast<std::int64_t>(in.varint());
    element.ref.op.leaf = in.varint32(limits::kCommitOpsMax);
    element.ref.offset = in.varint32(limits::kCommitBodyMax);
    const ByteView value = in.sized(limits::kCommitBodyMax);
    element.value.assign(value.begin(), value.end());
    if (!out.elements_.empty() && element.ref <= out.elements_.back().ref) in.fail();
    out.elements_.push_back(std::move(element));
  }
  if (!in.at_end()) return Error{Errc::integrity, "a stored set cannot be read"};
  return out;
}

}  // namespace maillon::storage::merge
