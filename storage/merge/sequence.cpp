#include "storage/merge/sequence.hpp"

#include <algorithm>

namespace maillon::storage::merge {

std::size_t Sequence::memory() const noexcept {
  std::size_t sum = tree_.memory() + ops_.capacity() * sizeof(Op) + runs_.capacity() * sizeof(Run) +
                    pieces_.capacity() * sizeof(Pieces) +
                    by_ref_.bucket_count() * (sizeof(OpRef) + 2 * sizeof(std::uint32_t));
  constexpr std::size_t kMapNode = 48;
  for (const Pieces& pieces : pieces_) sum += pieces.size() * kMapNode;
  return sum;
}

std::optional<std::uint32_t> Sequence::find(const OpRef& ref) const {
  const auto found = by_ref_.find(ref);
  if (found == by_ref_.end()) return std::nullopt;
  return found->second;
}

Sequence::Element Sequence::find(const ElementRef& ref) const {
  const auto op = find(ref.op);
  if (!op || ref.offset >= ops_[*op].elements) return {};
  return {*op, ref.offset};
}

Sequence::Element Sequence::resolve(const std::optional<ElementRef>& ref) const {
  return ref ? find(*ref) : Element{};
}

boost::container::small_vector<OpRef, 2> aliases_of(const OpRef& ref, const Reissues& reissues) {
  boost::container::small_vector<OpRef, 2> out{ref};
  // A commit re-issues one other, so no alias is met twice; stored bytes might say so.
  for (std::size_t i = 0; i < out.size() && out.size() <= reissues.size(); ++i)
    for (const auto& [old, fresh] :
         std::ranges::equal_range(reissues, out[i].commit, {}, &Reissues::value_type::first))
      out.push_back({fresh, ref.leaf});
  return out;
}

const Sequence::Run& Sequence::run_of(Element element) const noexcept {
  const Op& op = ops_[element.op];
  const auto first = runs_.begin() + op.first_run;
  return *(std::ranges::upper_bound(first, first + op.runs, element.offset, {}, &Run::offset) - 1);
}

Sequence::Element Sequence::left_origin(Element element) const noexcept {
  const Run& run = run_of(element);
  return run.offset == element.offset ? run.left : Element{element.op, element.offset - 1};
}

bool Sequence::id_before(Element a, Element b, const Context& context) const {
  const OpRef& left = ops_[a.op].ref;
  const OpRef& right = ops_[b.op].ref;
  if (left.commit != right.commit)
    return context.commit_id(left.commit) < context.commit_id(right.commit);
  if (left.leaf != right.leaf) return left.leaf < right.leaf;
  return a.offset < b.offset;
}

Sequence::Located Sequence::locate(Element element) const {
  const Op& op = ops_[element.op];
  const std::uint32_t leaf =
      op.pieces == SpanTree::kNone
          ? op.leaf
          : std::prev(pieces_[op.pieces].upper_bound(element.offset))->second.leaf;
  const auto spans = tree_.in_leaf(leaf);
  std::uint32_t slot = 0;
  while (spans[slot].op != element.op || element.offset - spans[slot].offset >= spans[slot].length)
    ++slot;
  return {{leaf, slot}, element.offset - spans[slot].offset};
}

std::uint64_t Sequence::position(Element element) const {
  if (element.is_none()) return tree_.elements();
  const Located located = locate(element);
  return tree_.elements_before(located.at) + located.within;
}

std::uint64_t Sequence::visible_before(Element element) const {
  const Located located = locate(element);
  return tree_.visible_before(located.at) + (tree_[located.at].is_visible() ? located.within : 0);
}

std::uint32_t Sequence::enter_empty(const OpRef& ref) {
  const auto op = static_cast<std::uint32_t>(ops_.size());
  const bool fresh = by_ref_.emplace(ref, op).second;
  MAILLON_ASSERT(fresh, "an op has one name");
  ops_.push_back({ref, static_cast<std::uint32_t>(runs_.size())});
  return op;
}

std::optional<std::uint32_t> Sequence::enter(const OpRef& ref, std::span<const SequenceRun> runs) {
  std::uint64_t elements = 0;
  for (const SequenceRun& run : runs) elements += run.length;
  if (elements == 0 || elements > limits::kCommitBodyMax || by_ref_.contains(ref))
    return std::nullopt;
  return enter_empty(ref);
}

void Sequence::insert(std::uint32_t op, const SequenceRun& run, ElementState state,
                      std::uint64_t content, const Context& context) {
  if (run.length == 0) return;
  insert_between({op, ops_[op].elements}, {resolve(run.left), resolve(run.right)}, run.length,
                 state, content, context);
}

void Sequence::insert_in_gap(std::uint32_t op, const Gap& gap, std::uint32_t length,
                             ElementState state, std::uint64_t content, const Context& context) {
  insert_between({op, ops_[op].elements}, gap, length, state, content, context);
}

void Sequence::insert_between(Element fresh, const Gap& gap, std::uint32_t length,
                              ElementState state, std::uint64_t content, const Context& context) {
  const Place where = place(fresh, gap, context);
  Op& op = ops_[fresh.op];
  MAILLON_ASSERT(op.first_run + op.runs == runs_.size(), "the runs of an op follow each other");
  runs_.push_back({gap.left, gap.right, fresh.offset});
  ++op.runs;
  op.elements += length;
  Span span{fresh.op, fresh.offset, length, where.depth.siblings, where.depth.left, content, state};
  const SpanTree::Inserted inserted = tree_.insert(where.before, span);
  note(inserted);
  note_piece(span, inserted.at.leaf);
  typing_.reset();
}

Sequence::Place Sequence::place(Element fresh, const Gap& gap, const Context& context) {
  SpanTree::At left;
  SpanTree::At next = tree_.first();
  std::uint64_t depth = 0;
  if (!gap.left.is_none()) {
    const Located located = locate(gap.left);
    depth = tree_[located.at].depth + located.within;
    // What follows in the run is a child of the left anchor: it gets a span of its own.
    left = located.at;
    if (located.within + 1 < tree_[left].length) {
      divide(left, located.within + 1);
      left = locate(gap.left).at;
    }
    next = tree_.next(left);
  }
  // Without children of the left anchor, and before its first one, there is nothing to compare.
  // That is where all edits go that meet no concurrent one.
  if (next.at_end() || tree_[next].depth <= depth) return {next, {depth + 1, 0}};
  if (gap.right == Element{tree_[next].op, tree_[next].offset})
    return {next, {depth + 1, tree_[next].siblings + 1}};
  return among_siblings(fresh, gap, left, depth + 1, context);
}

/// Finds the place among the children of one left origin by halving the stretch that they fill.
Sequence::Place Sequence::among_siblings(Element fresh, const Gap& gap, SpanTree::At left,
                                         std::uint64_t depth, const Context& context) const {
  const bool before_child = !gap.right.is_none() && left_origin(gap.right) == gap.left;
  std::uint64_t from = gap.left.is_none() ? 0 : position(gap.left) + 1;
  std::uint64_t to = tree_.elements();
  Depth key{depth, 0};
  const std::uint64_t right = position(gap.right);
  if (before_child) {
    const SpanTree::At at = locate(gap.right).at;
    key.siblings = tree_[at].siblings + 1;
    to = right;
    const SpanTree::At limit = tree_.previous_below(at, key);
    if (!limit.at_end() && tree_[limit].depth == depth)
      from = tree_.elements_before(tree_.next_below(limit, {depth + 1, 0}));
  } else if (!left.at_end()) {
    to = tree_.elements_before(tree_.next_below(left, {depth, 0}));
  }
  const auto follows = [&](const Span& sibling) {
    const Element other{sibling.op, sibling.offset};
    if (!before_child) {
      const std::uint64_t others_right = position(run_of(other).right);
      if (right != others_right) return right < others_right;
    }
    return id_before(other, fresh, context);
  };

  std::uint64_t found = from;
  while (from < to) {
    const std::uint64_t middle = from + (to - from) / 2;
    SpanTree::At at = tree_.find_element(middle).at;
    if (!(tree_[at].key() < Depth{depth, key.siblings + 1}))
      at = tree_.previous_below(at, {depth, key.siblings + 1});
    const std::uint64_t start = at.at_end() ? 0 : tree_.elements_before(at);
    if (at.at_end() || start < from || tree_[at].key() != key) {
      from = middle + 1;
    } else if (follows(tree_[at])) {
      found = tree_.elements_before(tree_.next_below(at, {depth + 1, 0}));
      from = middle + 1;
    } else {
      to = start;
    }
  }
  return {tree_.find_element(found).at, key};
}

void Sequence::divide(SpanTree::At at, std::uint32_t count) {
  Span span = tree_[at];
  Span right = span;
  right.offset += count;
  right.length -= count;
  right.siblings = 0;
  right.depth += count;
  right.content += count;
  span.length = count;
  tree_.update(at, span);
  const SpanTree::Inserted inserted = tree_.insert_behind(at, right);
  note(inserted);
  note_piece(right, inserted.at.leaf);
}

void Sequence::note(const SpanTree::Inserted& inserted) {
  if (inserted.new_leaf == SpanTree::kNone) return;
  for (const Span& span : tree_.in_leaf(inserted.new_leaf)) note_piece(span, inserted.new_leaf);
}

void Sequence::note_piece(const Span& span, std::uint32_t leaf) {
  Op& op = ops_[span.op];
  if (op.pieces == SpanTree::kNone) {
    // The only span of an op begins at its first element.
    if (span.offset == 0) {
      op.leaf = leaf;
      return;
    }
    op.pieces = static_cast<std::uint32_t>(pieces_.size());
    pieces_.push_back({{0, Piece{op.leaf, 0}}});
  }
  pieces_[op.pieces][span.offset].leaf = leaf;
}

void Sequence::move_piece(std::uint32_t op, std::uint32_t from, std::uint32_t to) {
  Pieces& pieces = pieces_[ops_[op].pieces];
  auto piece = pieces.extract(from);
  piece.key() = to;
  pieces.insert(std::move(piece));
}

/// Whether `next` goes on where `span` ends, in the same run.
bool Sequence::continues(const Span& span, const Span& next) const noexcept {
  return next.op == span.op && next.offset == span.offset + span.length &&
         next.depth == span.depth + span.length && next.siblings == 0 &&
         run_of({next.op, next.offset}).offset != next.offset;
}

/// Changes the state of elements of one span; never to a visible one.
void Sequence::change(const Located& located, std::uint32_t count, ElementState state) {
  SpanTree::At at = located.at;
  Span span = tree_[at];
  const auto spans = tree_.in_leaf(at.leaf);
  const bool head = located.within == 0;
  const bool tail = located.within + count == span.length;
  typing_.reset();
  if (head && tail) {
    span.state = state;
    return tree_.update(at, span);
  }
  // Taking back what was typed makes the neighbour longer, not one more span.
  if (tail && at.slot + 1 < spans.size() && spans[at.slot + 1].state == state &&
      continues(span, spans[at.slot + 1])) {
    Span next = spans[at.slot + 1];
    move_piece(next.op, next.offset, next.offset - count);
    next.offset -= count;
    next.depth -= count;
    next.length += count;
    span.length -= count;
    tree_.update(at, span);
    return tree_.update_head({at.leaf, at.slot + 1}, next);
  }
  if (head && at.slot > 0 && spans[at.slot - 1].state == state &&
      continues(spans[at.slot - 1], span)) {
    Span previous = spans[at.slot - 1];
    move_piece(span.op, span.offset, span.offset + count);
    previous.length += count;
    span.offset += count;
    span.depth += count;
    span.content += count;
    span.length -= count;
    tree_.update({at.leaf, at.slot - 1}, previous);
    return tree_.update_head(at, span);
  }
  const Element first{span.op, span.offset + located.within};
  if (!head) {
    divide(at, located.within);
    at = locate(first).at;
  }
  if (!tail) {
    divide(at, count);
    at = locate(first).at;
  }
  span = tree_[at];
  span.state = state;
  tree_.update(at, span);
}

OffsetRange Sequence::within(std::uint32_t op, OffsetRange range) const noexcept {
  const std::uint32_t elements = ops_[op].elements;
  if (range.count == 0) return {0, elements};
  if (range.offset >= elements) return {range.offset, 0};
  return {range.offset, std::min(range.count, elements - range.offset)};
}

void Sequence::set_state(std::uint32_t op, OffsetRange range, ElementState state) {
  const std::uint32_t end = range.offset + range.count;
  std::uint32_t settled = end;
  for (std::uint32_t offset = range.offset; offset < end;) {
    const Located located = locate({op, offset});
    const Span& span = tree_[located.at];
    const std::uint32_t rest = std::min(span.length - located.within, end - offset);
    const bool changes = span.state == ElementState::shown ||
                         (span.state == ElementState::blank && state == ElementState::deleted);
    offset += rest;
    if (changes) {
      change(located, rest, state);
    } else if (const std::uint32_t pieces = ops_[op].pieces; pieces != SpanTree::kNone) {
      const auto piece = std::prev(pieces_[pieces].upper_bound(offset - 1));
      offset = std::max(offset, piece->second.settled);
      settled = std::max(settled, piece->second.settled);
    }
  }
  // Whoever deletes the same again, however often, finds it settled in one step.
  const std::uint32_t pieces = ops_[op].pieces;
  if (state != ElementState::deleted || pieces == SpanTree::kNone || range.count == 0) return;
  auto piece = pieces_[pieces].lower_bound(range.offset);
  while (piece != pieces_[pieces].end() && piece->first < end) {
    const std::uint32_t known = piece->second.settled;
    piece->second.settled = std::max(known, settled);
    piece = known > piece->first ? pieces_[pieces].lower_bound(known) : std::next(piece);
  }
}

void Sequence::put(Element element, ElementState state, std::uint64_t content) {
  Located located = locate(element);
  if (located.within > 0) {
    divide(located.at, located.within);
    located = locate(element);
  }
  if (tree_[located.at].length > 1) {
    divide(located.at, 1);
    located = locate(element);
  }
  Span span = tree_[located.at];
  span.state = state;
  span.content = content;
  tree_.update(located.at, span);
  typing_.reset();
}

Sequence::Gap Sequence::gap_at(std::uint64_t index) const {
  Gap gap;
  SpanTree::At next = tree_.first();
  if (index > 0) {
    const SpanTree::Found found = tree_.find_visible(index - 1);
    const Span& span = tree_[found.at];
    const auto within = static_cast<std::uint32_t>(found.within);
    gap.left = {span.op, span.offset + within};
    if (within + 1 < span.length) {
      gap.right = {span.op, span.offset + within + 1};
      return gap;
    }
    next = tree_.next(found.at);
  }
  if (!next.at_end()) gap.right = {tree_[next].op, tree_[next].offset};
  return gap;
}

/// Whether the run inserted last ends at `index`, as it was inserted, and its content at `content`;
/// notes in typing_ where.
bool Sequence::ends_last_run(std::uint64_t index, std::uint64_t content) {
  if (ops_.empty() || ops_.back().runs == 0) return false;
  if (!typing_) {
    const Op& op = ops_.back();
    const Located located = locate({static_cast<std::uint32_t>(ops_.size() - 1), op.elements - 1});
    const SpanTree::At next = tree_.next(located.at);
    const Element right = next.at_end() ? Element{} : Element{tree_[next].op, tree_[next].offset};
    if (right != runs_.back().right) return false;
    typing_ = Typing{located.at, tree_.visible_before(located.at) + tree_[located.at].visible()};
  }
  const Span& span = tree_[typing_->at];
  return typing_->index == index && span.state == ElementState::shown &&
         span.content + span.length == content;
}

bool Sequence::extend_last(std::uint64_t index, std::uint32_t length, std::uint64_t content) {
  if (!ends_last_run(index, content)) return false;
  Span span = tree_[typing_->at];
  span.length += length;
  ops_.back().elements += length;
  typing_->index += length;
  tree_.update(typing_->at, span);
  return true;
}

std::uint32_t Sequence::retract_last(std::uint64_t index, std::uint64_t count_max,
                                     std::uint64_t content) {
  if (!ends_last_run(index, content)) return 0;
  Span span = tree_[typing_->at];
  const auto count =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(count_max, span.length - 1));
  span.length -= count;
  ops_.back().elements -= count;
  typing_->index -= count;
  tree_.update(typing_->at, span);
  return count;
}

Sequence::Stretch Sequence::stretch_at(std::uint64_t index, std::uint64_t count_max) const {
  const SpanTree::Found found = tree_.find_visible(index);
  const Span& span = tree_[found.at];
  const auto within = static_cast<std::uint32_t>(found.within);
  const auto count =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(span.length - within, count_max));
  return {{span.op, span.offset + within}, count, span.content + within};
}

}  // namespace maillon::storage::merge
