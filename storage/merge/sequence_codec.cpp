#include <algorithm>
#include <numeric>

#include "storage/merge/sequence.hpp"

/// The encoded form of a sequence.
///
///   varint  number of ops, which ascend by (commit, leaf)
///   each:
///     varint  commit, less that of the op before it, doubled; plus 1 unless the leaf is 1
///     varint  leaf; only with that 1
///   varint  number of spans, in the order of the sequence
///   each:
///     varint  state (3 bits), 8 when a run begins here; then
///               of a run's first span: 16 before a child, 32 right origin, 64 offset; 128 × steps
///               of any other: 16 × steps
///     varint  length
///     only of a run's first span:
///       varint  op, less that of the run before it, as zigzag
///       varint  offset, varint elements that its left origin stands before the end of its span;
///               only with 64, else 0
///       varint  siblings; only with 16
///       varint  op + 1 and varint offset of the right origin, or 0; only with 32
///
/// Left origins are not written but counted in steps: how many spans of the line of left origins
/// end with the span before. Without 32, the right origin is the next element that stands higher:
/// that is what it was unless somebody else wrote at the same place.
namespace maillon::storage::merge {
namespace {

constexpr std::uint64_t kStateMask = 7;
constexpr std::uint64_t kFirst = 8;
constexpr std::uint64_t kBeforeChild = 16;
constexpr std::uint64_t kRight = 32;
constexpr std::uint64_t kOffset = 64;

std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// For each span the next one with a lesser key, or the number of spans.
std::vector<std::uint32_t> next_higher(std::span<const Span> spans) {
  const auto count = static_cast<std::uint32_t>(spans.size());
  std::vector<std::uint32_t> out(count, count);
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = count; i-- > 0;) {
    while (!open.empty() && !(spans[open.back()].key() < spans[i].key())) open.pop_back();
    if (!open.empty()) out[i] = open.back();
    open.push_back(i);
  }
  return out;
}

/// The spans that the left origins of what comes next are in.
class Line {
 public:
  /// Ends spans until `depth` is in the last one, and cuts that behind it. Gives the number of
  /// spans that ended, and of the elements cut.
  std::pair<std::uint64_t, std::uint64_t> end_below(std::uint64_t depth) {
    std::uint64_t steps = 0;
    for (; !open_.empty() && open_.back().depth > depth; ++steps) open_.pop_back();
    if (open_.empty()) return {steps, 0};
    const std::uint64_t cut = open_.back().depth + open_.back().length - 1 - depth;
    open_.back().length -= static_cast<std::uint32_t>(cut);
    return {steps, cut};
  }
  /// The same when the counts are known; false when there are not so many.
  bool end(std::uint64_t steps, std::uint64_t cut) {
    if (steps > open_.size()) return false;
    open_.resize(open_.size() - static_cast<std::size_t>(steps));
    if (cut == 0) return true;
    if (open_.empty() || cut >= open_.back().length) return false;
    open_.back().length -= static_cast<std::uint32_t>(cut);
    return true;
  }
  void push(const Span& span) { open_.push_back(span); }
  [[nodiscard]] const Span* last() const { return open_.empty() ? nullptr : &open_.back(); }

 private:
  std::vector<Span> open_;
};

}  // namespace

void encode_reissues(const Reissues& reissues, ByteWriter& w) {
  w.varint(reissues.size());
  for (const auto& [old, fresh] : reissues) {
    w.varint(static_cast<std::uint64_t>(old));
    w.varint(static_cast<std::uint64_t>(fresh));
  }
}

bool decode_reissues(ByteReader& in, Reissues& out) {
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto old = static_cast<std::int64_t>(in.varint());
    out.emplace_back(old, static_cast<std::int64_t>(in.varint()));
  }
  return in.ok() && std::ranges::is_sorted(out);
}

std::vector<std::uint32_t> Sequence::ranks() const {
  std::vector<std::uint32_t> order(ops_.size());
  std::iota(order.begin(), order.end(), 0);
  const auto by_ref = [&](std::uint32_t op) { return ops_[op].ref; };
  if (!std::ranges::is_sorted(order, {}, by_ref)) std::ranges::sort(order, {}, by_ref);
  std::vector<std::uint32_t> out(ops_.size());
  for (std::uint32_t rank = 0; rank < order.size(); ++rank) out[order[rank]] = rank;
  return out;
}

/// Without the cuts that editing left and that mean nothing, so that equal states are equal bytes.
std::vector<Span> Sequence::merged_spans() const {
  std::vector<Span> out;
  out.reserve(tree_.spans());
  for (SpanTree::At at = tree_.first(); !at.at_end(); at = tree_.next(at)) {
    const Span& span = tree_[at];
    if (!out.empty() && out.back().state == span.state && continues(out.back(), span))
      out.back().length += span.length;
    else
      out.push_back(span);
  }
  return out;
}

void Sequence::encode(Bytes& out) const {
  ByteWriter w{out};
  const std::vector<std::uint32_t> rank = ranks();
  std::vector<OpRef> refs(ops_.size());
  for (std::size_t i = 0; i < ops_.size(); ++i) refs[rank[i]] = ops_[i].ref;
  w.varint(refs.size());
  std::int64_t commit = 0;
  for (const OpRef& ref : refs) {
    w.varint((static_cast<std::uint64_t>(ref.commit - commit) << 1) | (ref.leaf != 1 ? 1u : 0u));
    if (ref.leaf != 1) w.varint(ref.leaf);
    commit = ref.commit;
  }

  const std::vector<Span> spans = merged_spans();
  const std::vector<std::uint32_t> higher = next_higher(spans);
  w.varint(spans.size());
  Line line;
  std::int64_t op = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const Span& span = spans[i];
    const Run& run = run_of({span.op, span.offset});
    const auto [steps, cut] = line.end_below(span.depth - 1);
    const auto state = static_cast<std::uint64_t>(span.state);
    line.push(span);
    if (run.offset != span.offset) {
      w.varint(state | steps << 4);
      w.varint(span.length);
      continue;
    }
    const Element expected = higher[i] == spans.size()
                                 ? Element{}
                                 : Element{spans[higher[i]].op, spans[higher[i]].offset};
    const bool explicit_right = run.right != expected;
    const bool offset = span.offset != 0 || cut != 0;
    w.varint(state | kFirst | (span.siblings != 0 ? kBeforeChild : 0) |
             (explicit_right ? kRight : 0) | (offset ? kOffset : 0) | steps << 7);
    w.varint(span.length);
    w.varint(zigzag(static_cast<std::int64_t>(rank[span.op]) - op));
    op = rank[span.op];
    if (offset) {
      w.varint(span.offset);
      w.varint(cut);
    }
    if (span.siblings != 0) w.varint(span.siblings);
    if (!explicit_right) continue;
    w.varint(run.right.is_none() ? 0 : rank[run.right.op] + std::uint64_t{1});
    if (!run.right.is_none()) w.varint(run.right.offset);
  }
}

/// Reads the encoded form in three linear passes: the spans, the runs of each op, the places.
class Sequence::Reader {
 public:
  explicit Reader(ByteReader& in) : in_(in) {}

  bool read(Sequence& out) {
    read_ops(out);
    read_spans(out);
    if (!in_.ok() || !gather_runs(out)) return false;
    out.tree_.build(spans_);
    note_pieces(out);
    return true;
  }

 private:
  void read_ops(Sequence& out) {
    const std::uint64_t count = in_.varint();
    if (count > in_.left()) return in_.fail();
    out.ops_.reserve(static_cast<std::size_t>(count));
    out.by_ref_.reserve(static_cast<std::size_t>(count));
    OpRef ref;
    for (std::uint32_t i = 0; i < count && in_.ok(); ++i) {
      const std::uint64_t packed = in_.varint();
      const OpRef before = ref;
      constexpr auto kCommitMax = std::uint64_t{1} << 62;
      if ((packed >> 1) > kCommitMax - static_cast<std::uint64_t>(ref.commit)) return in_.fail();
      ref.commit += static_cast<std::int64_t>(packed >> 1);
      ref.leaf = (packed & 1) != 0 ? in_.varint32(limits::kCommitOpsMax) : 1;
      if (i > 0 && ref <= before) return in_.fail();
      out.ops_.push_back({ref});
      out.by_ref_.emplace(ref, i);
    }
  }

  void read_spans(Sequence& out) {
    const std::uint64_t count = in_.varint();
    if (count > in_.left()) return in_.fail();
    spans_.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      const std::uint64_t head = in_.varint();
      Span span;
      if ((head & kStateMask) > static_cast<std::uint64_t>(ElementState::held)) return in_.fail();
      span.state = static_cast<ElementState>(head & kStateMask);
      span.length = in_.varint32(limits::kCommitBodyMax);
      const bool sound = (head & kFirst) != 0 ? read_first(out, head, span) : read_next(head, span);
      if (!sound || span.length == 0) return in_.fail();
      if (span.is_visible()) {
        span.content = content_;
        content_ += span.length;
      }
      line_.push(span);
      spans_.push_back(span);
    }
  }

  bool read_first(const Sequence& out, std::uint64_t head, Span& span) {
    const std::int64_t step = unzigzag(in_.varint());
    const auto ops = static_cast<std::int64_t>(out.ops_.size());
    if (step < -op_ || step >= ops - op_) return false;
    const std::int64_t op = op_ += step;
    span.op = static_cast<std::uint32_t>(op);
    std::uint64_t cut = 0;
    if ((head & kOffset) != 0) {
      span.offset = in_.varint32(limits::kCommitBodyMax);
      cut = in_.varint();
    }
    if ((head & kBeforeChild) != 0) span.siblings = in_.varint32(0xffff'ffff);
    if (!line_.end(head >> 7, cut)) return false;
    First first{span.op, static_cast<std::uint32_t>(spans_.size()), (head & kRight) != 0, {}};
    first.run.offset = span.offset;
    if (const Span* left = line_.last(); left != nullptr) {
      first.run.left = {left->op, left->offset + left->length - 1};
      span.depth = left->depth + left->length;
    } else {
      span.depth = 1;
    }
    if (first.explicit_right) {
      const std::uint32_t right = in_.varint32(static_cast<std::uint32_t>(out.ops_.size()));
      if (right != 0) first.run.right = {right - 1, in_.varint32(limits::kCommitBodyMax)};
    }
    firsts_.push_back(first);
    return true;
  }

  bool read_next(std::uint64_t head, Span& span) {
    if (!line_.end(head >> 4, 0) || line_.last() == nullptr) return false;
    const Span& left = *line_.last();
    span.op = left.op;
    span.offset = left.offset + left.length;
    span.depth = left.depth + left.length;
    return span.offset < limits::kCommitBodyMax;
  }

  /// Indexes of `items` by op, those of one op by offset.
  template <class Item, class OpOf, class OffsetOf>
  static std::vector<std::uint32_t> by_op(const std::vector<Item>& items, std::size_t ops,
                                          OpOf op_of, OffsetOf offset_of) {
    std::vector<std::uint32_t> starts(ops + 1, 0);
    for (const Item& item : items) ++starts[op_of(item) + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    std::vector<std::uint32_t> out(items.size());
    std::vector<std::uint32_t> next = starts;
    for (std::uint32_t i = 0; i < items.size(); ++i) out[next[op_of(items[i])]++] = i;
    const auto offset = [&](std::uint32_t i) { return offset_of(items[i]); };
    for (std::size_t op = 0; op < ops; ++op) {
      const auto from = out.begin() + starts[op];
      const auto to = out.begin() + starts[op + 1];
      if (!std::ranges::is_sorted(from, to, {}, offset)) std::ranges::sort(from, to, {}, offset);
    }
    return out;
  }

  /// False unless the spans are each op's elements from the first to the last, once.
  bool gather_runs(Sequence& out) {
    const auto span_op = [](const Span& span) { return span.op; };
    const auto span_offset = [](const Span& span) { return span.offset; };
    for (const std::uint32_t i : by_op(spans_, out.ops_.size(), span_op, span_offset)) {
      Op& op = out.ops_[spans_[i].op];
      if (spans_[i].offset != op.elements) return false;
      op.elements += spans_[i].length;
      if (op.elements > limits::kCommitBodyMax) return false;
    }
    const std::vector<std::uint32_t> higher = next_higher(spans_);
    const auto first_op = [](const First& first) { return first.op; };
    const auto first_offset = [](const First& first) { return first.run.offset; };
    out.runs_.reserve(firsts_.size());
    for (const std::uint32_t i : by_op(firsts_, out.ops_.size(), first_op, first_offset)) {
      First& first = firsts_[i];
      const std::uint32_t right = higher[first.span];
      if (!first.explicit_right && right < spans_.size())
        first.run.right = {spans_[right].op, spans_[right].offset};
      const Element named = first.run.right;
      if (!named.is_none() && named.offset >= out.ops_[named.op].elements) return false;
      Op& op = out.ops_[first.op];
      if (op.runs++ == 0) op.first_run = static_cast<std::uint32_t>(out.runs_.size());
      out.runs_.push_back(first.run);
    }
    return std::ranges::all_of(out.ops_,
                               [](const Op& op) { return op.elements > 0 && op.runs > 0; });
  }

  void note_pieces(Sequence& out) const {
    for (SpanTree::At at = out.tree_.first(); !at.at_end(); at = out.tree_.next(at))
      out.note_piece(out.tree_[at], at.leaf);
  }

  struct First {
    std::uint32_t op;
    std::uint32_t span;
    bool explicit_right;
    Run run;
  };
  ByteReader& in_;
  Line line_;
  std::int64_t op_ = 0;
  std::uint64_t content_ = 0;
  std::vector<Span> spans_;
  std::vector<First> firsts_;
};

std::optional<Sequence> Sequence::decode(ByteReader& in) {
  Sequence out;
  if (!Reader{in}.read(out)) return std::nullopt;
  return out;
}

}  // namespace maillon::storage::merge
