#include "storage/merge/span_tree.hpp"

#include <algorithm>

#include "proto/result.hpp"

namespace maillon::storage::merge {
namespace {

std::uint64_t visible_of(const Span& span) noexcept { return span.visible(); }
std::uint64_t length_of(const Span& span) noexcept { return span.length; }

std::int64_t difference(std::uint64_t now, std::uint64_t before) noexcept {
  return static_cast<std::int64_t>(now - before);
}

}  // namespace

std::size_t SpanTree::memory() const noexcept {
  return leaves_.capacity() * sizeof(Leaf) + inners_.capacity() * sizeof(Inner);
}

SpanTree::At SpanTree::next(At at) const noexcept {
  const Leaf& leaf = leaves_[at.leaf];
  if (at.slot + 1 < leaf.count) return {at.leaf, at.slot + 1};
  return {leaf.next, 0};
}

SpanTree::At SpanTree::previous(At at) const noexcept {
  if (!at.at_end() && at.slot > 0) return {at.leaf, at.slot - 1};
  const std::uint32_t leaf = at.at_end() ? last_leaf_ : leaves_[at.leaf].previous;
  return leaf == kNone ? At{} : At{leaf, leaves_[leaf].count - 1};
}

SpanTree::At SpanTree::descend(std::uint32_t node, bool leaf, Depth bound, bool from_back) const {
  while (!leaf) {
    const Inner& inner = inners_[node];
    const std::span<const Child> children{inner.children.data(), inner.count};
    const auto below = [&](const Child& child) { return child.least < bound; };
    leaf = inner.above_leaves;
    if (from_back) {
      const auto at = std::find_if(children.rbegin(), children.rend(), below);
      node = at->node;
    } else {
      node = std::ranges::find_if(children, below)->node;
    }
  }
  const auto spans = in_leaf(node);
  const auto below = [&](const Span& span) { return span.key() < bound; };
  const auto at = from_back ? std::find_if(spans.rbegin(), spans.rend(), below).base() - 1
                            : std::ranges::find_if(spans, below);
  return {node, static_cast<std::uint32_t>(at - spans.begin())};
}

SpanTree::At SpanTree::next_below(At at, Depth bound) const {
  const Leaf& leaf = leaves_[at.leaf];
  for (std::uint32_t slot = at.slot + 1; slot < leaf.count; ++slot)
    if (leaf.spans[slot].key() < bound) return {at.leaf, slot};
  bool leaves = true;
  for (std::uint32_t node = leaf.parent, index = leaf.index; node != kNone;) {
    const Inner& inner = inners_[node];
    for (std::uint32_t i = index + 1; i < inner.count; ++i)
      if (inner.children[i].least < bound)
        return descend(inner.children[i].node, leaves, bound, false);
    leaves = false;
    node = inner.parent;
    index = inner.index;
  }
  return {};
}

SpanTree::At SpanTree::previous_below(At at, Depth bound) const {
  const Leaf& leaf = leaves_[at.leaf];
  for (std::uint32_t slot = at.slot; slot-- > 0;)
    if (leaf.spans[slot].key() < bound) return {at.leaf, slot};
  bool leaves = true;
  for (std::uint32_t node = leaf.parent, index = leaf.index; node != kNone;) {
    const Inner& inner = inners_[node];
    for (std::uint32_t i = index; i-- > 0;)
      if (inner.children[i].least < bound)
        return descend(inner.children[i].node, leaves, bound, true);
    leaves = false;
    node = inner.parent;
    index = inner.index;
  }
  return {};
}

template <std::uint64_t SpanTree::Child::*Count, class Measure>
SpanTree::Found SpanTree::find(std::uint64_t position, Measure measure) const {
  std::uint32_t leaf = first_leaf_;
  for (std::uint32_t node = root_; node != kNone;) {
    const Inner& inner = inners_[node];
    std::uint32_t i = 0;
    while (position >= inner.children[i].*Count) position -= inner.children[i++].*Count;
    node = inner.children[i].node;
    if (inner.above_leaves) {
      leaf = node;
      break;
    }
  }
  std::uint32_t slot = 0;
  const auto& spans = leaves_[leaf].spans;
  while (position >= measure(spans[slot])) position -= measure(spans[slot++]);
  return {{leaf, slot}, position};
}

SpanTree::Found SpanTree::find_element(std::uint64_t position) const {
  if (position >= elements_) return {};
  return find<&Child::elements>(position, length_of);
}

SpanTree::Found SpanTree::find_visible(std::uint64_t index) const {
  if (index >= visible_) return {};
  return find<&Child::visible>(index, visible_of);
}

template <std::uint64_t SpanTree::Child::*Count, class Measure>
std::uint64_t SpanTree::before(At at, Measure measure) const noexcept {
  const Leaf& leaf = leaves_[at.leaf];
  std::uint64_t sum = 0;
  for (std::uint32_t slot = 0; slot < at.slot; ++slot) sum += measure(leaf.spans[slot]);
  for (std::uint32_t node = leaf.parent, index = leaf.index; node != kNone;) {
    const Inner& inner = inners_[node];
    for (std::uint32_t i = 0; i < index; ++i) sum += inner.children[i].*Count;
    node = inner.parent;
    index = inner.index;
  }
  return sum;
}

std::uint64_t SpanTree::elements_before(At at) const noexcept {
  return at.at_end() ? elements_ : before<&Child::elements>(at, length_of);
}

std::uint64_t SpanTree::visible_before(At at) const noexcept {
  return at.at_end() ? visible_ : before<&Child::visible>(at, visible_of);
}

SpanTree::Child SpanTree::sum_of_leaf(std::uint32_t leaf) const noexcept {
  Child sum{0, 0, leaves_[leaf].spans[0].key(), leaf};
  for (const Span& span : in_leaf(leaf)) {
    sum.elements += span.length;
    sum.visible += span.visible();
    sum.least = std::min(sum.least, span.key());
  }
  return sum;
}

SpanTree::Child SpanTree::sum_of_inner(std::uint32_t inner) const noexcept {
  Child sum{0, 0, inners_[inner].children[0].least, inner};
  for (std::uint32_t i = 0; i < inners_[inner].count; ++i) {
    const Child& child = inners_[inner].children[i];
    sum.elements += child.elements;
    sum.visible += child.visible;
    sum.least = std::min(sum.least, child.least);
  }
  return sum;
}

void SpanTree::add_up(std::uint32_t leaf, std::int64_t elements, std::int64_t visible,
                      Depth least) noexcept {
  elements_ += static_cast<std::uint64_t>(elements);
  visible_ += static_cast<std::uint64_t>(visible);
  for (std::uint32_t node = leaves_[leaf].parent, index = leaves_[leaf].index; node != kNone;) {
    Inner& inner = inners_[node];
    Child& child = inner.children[index];
    child.elements += static_cast<std::uint64_t>(elements);
    child.visible += static_cast<std::uint64_t>(visible);
    child.least = std::min(child.least, least);
    index = inner.index;
    node = inner.parent;
  }
}

void SpanTree::refresh_least(std::uint32_t leaf) noexcept {
  Depth least = sum_of_leaf(leaf).least;
  for (std::uint32_t node = leaves_[leaf].parent, index = leaves_[leaf].index; node != kNone;) {
    Inner& inner = inners_[node];
    if (inner.children[index].least == least) return;
    inner.children[index].least = least;
    least = sum_of_inner(node).least;
    index = inner.index;
    node = inner.parent;
  }
}

void SpanTree::update(At at, const Span& span) {
  Span& old = leaves_[at.leaf].spans[at.slot];
  const auto elements = difference(span.length, old.length);
  const auto visible = difference(span.visible(), old.visible());
  old = span;
  if (elements != 0 || visible != 0) add_up(at.leaf, elements, visible, span.key());
}

void SpanTree::update_head(At at, const Span& span) {
  const bool deeper = span.depth > leaves_[at.leaf].spans[at.slot].depth;
  update(at, span);
  if (deeper) refresh_least(at.leaf);
}

SpanTree::Inserted SpanTree::insert(At before, const Span& span) {
  if (before == first()) {
    if (leaves_.empty()) {
      leaves_.emplace_back();
      first_leaf_ = last_leaf_ = 0;
    }
    before = {first_leaf_, 0};
  } else {
    return insert_behind(previous(before), span);
  }
  Inserted out{before, kNone};
  if (leaves_[before.leaf].count == kFanOut) {
    out.new_leaf = split_leaf(before.leaf, kFanOut / 2);
  }
  Leaf& leaf = leaves_[before.leaf];
  std::copy_backward(leaf.spans.begin(), leaf.spans.begin() + leaf.count,
                     leaf.spans.begin() + leaf.count + 1);
  leaf.spans[0] = span;
  ++leaf.count;
  ++spans_;
  add_up(before.leaf, span.length, difference(span.visible(), 0), span.key());
  return out;
}

SpanTree::Inserted SpanTree::insert_behind(At after, const Span& span) {
  Inserted out{{after.leaf, after.slot + 1}, kNone};
  if (leaves_[after.leaf].count == kFanOut) {
    // Typing goes on where it was: what stands before stays packed.
    const bool at_back = out.at.slot == kFanOut;
    const std::uint32_t keep = at_back ? kFanOut - 1 : kFanOut / 2;
    out.new_leaf = split_leaf(after.leaf, keep);
    if (out.at.slot > keep) out.at = {out.new_leaf, out.at.slot - keep};
  }
  Leaf& leaf = leaves_[out.at.leaf];
  std::copy_backward(leaf.spans.begin() + out.at.slot, leaf.spans.begin() + leaf.count,
                     leaf.spans.begin() + leaf.count + 1);
  leaf.spans[out.at.slot] = span;
  ++leaf.count;
  ++spans_;
  add_up(out.at.leaf, span.length, difference(span.visible(), 0), span.key());
  return out;
}

std::uint32_t SpanTree::split_leaf(std::uint32_t leaf, std::uint32_t keep) {
  const auto fresh = static_cast<std::uint32_t>(leaves_.size());
  leaves_.emplace_back();
  Leaf& old = leaves_[leaf];
  Leaf& right = leaves_[fresh];
  std::copy(old.spans.begin() + keep, old.spans.begin() + old.count, right.spans.begin());
  right.count = old.count - keep;
  old.count = keep;
  right.next = old.next;
  right.previous = leaf;
  old.next = fresh;
  (right.next == kNone ? last_leaf_ : leaves_[right.next].previous) = fresh;
  if (old.parent == kNone)
    grow_root(leaf, fresh, true);
  else
    add_child(old.parent, old.index, fresh, true);
  return fresh;
}

void SpanTree::grow_root(std::uint32_t left, std::uint32_t right, bool leaves) {
  root_ = static_cast<std::uint32_t>(inners_.size());
  inners_.emplace_back();
  Inner& root = inners_[root_];
  root.above_leaves = leaves;
  root.count = 2;
  root.children[0] = leaves ? sum_of_leaf(left) : sum_of_inner(left);
  root.children[1] = leaves ? sum_of_leaf(right) : sum_of_inner(right);
  adopt(root_, 0);
}

/// Tells the children of `inner`, from one on, where they are.
void SpanTree::adopt(std::uint32_t inner, std::uint32_t from) noexcept {
  Inner& parent = inners_[inner];
  for (std::uint32_t i = from; i < parent.count; ++i) {
    const std::uint32_t node = parent.children[i].node;
    (parent.above_leaves ? leaves_[node].parent : inners_[node].parent) = inner;
    (parent.above_leaves ? leaves_[node].index : inners_[node].index) = i;
  }
}

/// Enters `node`, the right part of what the child at `index` was.
void SpanTree::add_child(std::uint32_t parent, std::uint32_t index, std::uint32_t node, bool leaf) {
  if (inners_[parent].count == kFanOut) {
    const std::uint32_t fresh = split_inner(parent);
    if (index >= inners_[parent].count) {
      index -= inners_[parent].count;
      parent = fresh;
    }
  }
  Inner& inner = inners_[parent];
  std::copy_backward(inner.children.begin() + index + 1, inner.children.begin() + inner.count,
                     inner.children.begin() + inner.count + 1);
  ++inner.count;
  const std::uint32_t old = inner.children[index].node;
  inner.children[index] = leaf ? sum_of_leaf(old) : sum_of_inner(old);
  inner.children[index + 1] = leaf ? sum_of_leaf(node) : sum_of_inner(node);
  adopt(parent, index + 1);
}

std::uint32_t SpanTree::split_inner(std::uint32_t inner) {
  const auto fresh = static_cast<std::uint32_t>(inners_.size());
  inners_.emplace_back();
  Inner& old = inners_[inner];
  Inner& right = inners_[fresh];
  right.above_leaves = old.above_leaves;
  right.count = old.count - kFanOut / 2;
  old.count = kFanOut / 2;
  std::copy_n(old.children.begin() + old.count, right.count, right.children.begin());
  adopt(fresh, 0);
  if (old.parent == kNone)
    grow_root(inner, fresh, false);
  else
    add_child(old.parent, old.index, fresh, false);
  return fresh;
}

void SpanTree::build(std::span<const Span> spans) {
  *this = {};
  // Room for a few insertions, so that the first ones do not split every leaf.
  constexpr std::size_t kFill = kFanOut * 7 / 8;
  leaves_.reserve(spans.size() / kFill + 1);
  for (std::size_t from = 0; from < spans.size(); from += kFill) {
    const auto part = spans.subspan(from, std::min(kFill, spans.size() - from));
    Leaf leaf;
    leaf.count = static_cast<std::uint32_t>(part.size());
    std::ranges::copy(part, leaf.spans.begin());
    const auto at = static_cast<std::uint32_t>(leaves_.size());
    if (at > 0) {
      leaf.previous = at - 1;
      leaves_[at - 1].next = at;
    }
    leaves_.push_back(leaf);
  }
  spans_ = spans.size();
  if (leaves_.empty()) return;
  first_leaf_ = 0;
  last_leaf_ = static_cast<std::uint32_t>(leaves_.size() - 1);
  for (const Span& span : spans) {
    elements_ += span.length;
    visible_ += span.visible();
  }
  std::uint32_t first = 0;
  auto nodes = static_cast<std::uint32_t>(leaves_.size());
  for (bool leaves = true; nodes > 1; leaves = false) {
    const auto level = static_cast<std::uint32_t>(inners_.size());
    build_level(nodes, first, leaves);
    first = level;
    nodes = static_cast<std::uint32_t>(inners_.size()) - level;
  }
  if (!inners_.empty()) root_ = static_cast<std::uint32_t>(inners_.size() - 1);
}

/// Puts inner nodes above the `nodes` nodes from `first` on.
void SpanTree::build_level(std::uint32_t nodes, std::uint32_t first, bool leaves) {
  for (std::uint32_t from = 0; from < nodes; from += kFanOut) {
    Inner inner;
    inner.above_leaves = leaves;
    inner.count = std::min(kFanOut, nodes - from);
    for (std::uint32_t i = 0; i < inner.count; ++i) {
      const std::uint32_t node = first + from + i;
      inner.children[i] = leaves ? sum_of_leaf(node) : sum_of_inner(node);
    }
    inners_.push_back(inner);
    adopt(static_cast<std::uint32_t>(inners_.size() - 1), 0);
  }
}

}  // namespace maillon::storage::merge
