#include <memory>
#include <numeric>
#include <set>

#include "storage/merge/document.hpp"
#include "storage/merge/record_state.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/text_world.hpp"

/// Ops on one record that several people write, honest and not, come to two nodes in two orders.
/// Each node takes them one by one as the store does, and folds them all at once.
namespace maillon::fuzz {
namespace {

using namespace storage::merge;

constexpr std::size_t kAuthors = 3;
constexpr std::size_t kCommitsMax = 24;
constexpr std::array<std::uint32_t, 8> kTags{1, 2, 3, 4, 5, 6, 7, 42};

struct Change {
  std::int64_t name = 0;
  std::uint32_t tag = 0;
  std::vector<OpRef> replaced;
  std::vector<ElementRange> removed;
  std::vector<SequenceRun> runs;
  Bytes value;
};

/// A commit of one op; its local name is its place in the order written, from 1.
struct Said {
  OpInput input;
  std::vector<OpRef> replaced;
  std::vector<Change> changes;
  std::set<std::size_t> past;
};

class Story {
 public:
  explicit Story(Choices& in) : in_(in) {
    while (!in_.empty() && said_.size() < kCommitsMax) step();
  }
  [[nodiscard]] const std::vector<Said>& said() const { return said_; }

 private:
  void step() {
    const std::size_t who = in_.below(kAuthors);
    if (in_.below(3) == 0) {
      const auto& other = known_[in_.below(kAuthors)];
      known_[who].insert(other.begin(), other.end());
    }
    self_ = {static_cast<std::int64_t>(said_.size()) + 1, 1};
    past_ = known_[who];
    Said op;
    op.past = past_;
    op.input.ref = self_;
    op.input.hlc = stamp();
    const std::size_t kind = in_.below(8);
    op.input.kind = kind == 7 ? 2 : kind == 6 ? 99 : 1;
    op.input.is_void = in_.rarely(8);
    op.input.readable = op.input.kind < 3 && !in_.rarely(8);
    if (kind >= 6 || in_.rarely(8)) op.replaced = some_ops();
    if (kind < 6)
      for (std::size_t i = 1 + in_.below(2); i > 0; --i) add_change(op);
    known_[who].insert(said_.size());
    said_.push_back(std::move(op));
  }

  /// Above all that the author has seen; concurrent ones may tie.
  Hlc stamp() {
    Hlc highest;
    for (const std::size_t at : past_) highest = std::max(highest, said_[at].input.hlc);
    return highest.next();
  }

  OpRef any_op() {
    if (past_.empty()) return self_;
    auto at = past_.begin();
    std::advance(at, in_.below(past_.size()));
    return said_[*at].input.ref;
  }
  std::vector<OpRef> some_ops() {
    std::set<OpRef> out;
    if (in_.below(2) == 0)  // All of them, as an honest program would.
      for (const std::size_t at : past_) out.insert(said_[at].input.ref);
    else
      for (std::size_t i = in_.below(3); i > 0 && !past_.empty(); --i) out.insert(any_op());
    out.erase(self_);
    return {out.begin(), out.end()};
  }
  std::optional<ElementRef> any_element() {
    if (in_.rarely(4)) return std::nullopt;
    const OpRef op = in_.rarely(6) ? self_ : any_op();
    return ElementRef{op, static_cast<std::uint32_t>(in_.below(5))};
  }

  void add_change(Said& op) {
    Change change;
    change.name = 1 + static_cast<std::int64_t>(in_.below(2));
    change.tag = kTags[in_.below(kTags.size())];
    const auto at = std::ranges::lower_bound(op.changes, std::pair{change.name, change.tag}, {},
                                             [](const Change& c) {
                                               return std::pair{c.name, c.tag};
                                             });
    if (at != op.changes.end() && at->name == change.name && at->tag == change.tag) return;
    if (in_.below(2) == 0) change.replaced = some_ops();
    if (has_elements(change.tag))
      add_elements(change);
    else
      change.value = {3, static_cast<std::uint8_t>('0' + in_.below(10))};
    op.changes.insert(at, std::move(change));
  }

  void add_elements(Change& change) {
    std::uint32_t length = 0;
    const bool is_set = change.tag == static_cast<std::uint32_t>(FieldTag::set);
    for (std::size_t i = is_set ? 1 : in_.below(3); i > 0; --i) {
      SequenceRun run;
      run.length = static_cast<std::uint32_t>(in_.below(4));
      if (!is_set) {
        run.left = any_element();
        run.right = any_element();
        if (change.tag == static_cast<std::uint32_t>(FieldTag::list) && in_.rarely(4))
          run.moved = any_element();
      }
      if (!run.moved) length += run.length;
      change.runs.push_back(run);
    }
    for (std::size_t i = in_.below(3); i > 0 && !past_.empty(); --i)
      change.removed.push_back({any_op(), static_cast<std::uint32_t>(in_.below(4)),
                                1 + static_cast<std::uint32_t>(in_.below(3))});
    std::ranges::sort(change.removed);
    if (in_.rarely(8)) ++length;  // Not as many as the runs say.
    if (change.tag == static_cast<std::uint32_t>(FieldTag::text)) {
      change.value.assign(length, static_cast<std::uint8_t>('a' + in_.below(26)));
      return;
    }
    const std::vector<Bytes> values(length,
                                    Bytes{3, static_cast<std::uint8_t>('0' + in_.below(10))});
    encode_elements(values, change.value);
  }

  Choices& in_;
  std::vector<Said> said_;
  std::array<std::set<std::size_t>, kAuthors> known_;
  std::set<std::size_t> past_;
  OpRef self_;
};

/// A node that got the commits in some order that respects causality.
class Node {
 public:
  Node(const std::vector<Said>& said, const std::vector<std::size_t>& order) : said_(said) {
    number_.resize(said.size());
    log_.ids.resize(said.size(), CommitId::zero());
    for (std::size_t i = 0; i < order.size(); ++i) {
      number_[order[i]] = static_cast<std::int64_t>(i) + 1;
      log_.ids[i] = test::id_of(order[i] + 1);
    }
    for (const std::size_t at : order) ops_.push_back(renamed(said[at]));
    for (const auto& op : ops_) history_.ops.push_back(op->input);
  }

  [[nodiscard]] RecordState folded() const { return fold(history_, log_); }

  /// As the store does: simply where it may, by a fold beside what is void. With `again`, the log
  /// is as it is, but commits take effect in another order, as held ones do.
  [[nodiscard]] RecordState one_by_one(const std::vector<std::size_t>& again) const {
    RecordState state;
    History seen;
    for (const std::size_t at : again) {
      const OpInput& op = history_.ops[static_cast<std::size_t>(number_[at]) - 1];
      seen.ops.push_back(op);
      if (op.is_void || state.touched_by_void() || names_void(op) || !adds_simply(state, op))
        state = fold(seen, log_);
      else
        MAILLON_ASSERT(apply(state, op, log_).has_value(), "what was made can be read");
    }
    return state;
  }

  [[nodiscard]] Digest digest(const RecordState& state) const {
    crypto::Hasher hasher;
    MAILLON_ASSERT(digest_into(hasher, "lieux", RecordId::zero(), state, log_).has_value(),
                   "what was made can be read");
    return hasher.finish();
  }

 private:
  struct Names final : test::Ids {
    [[nodiscard]] std::string_view name(std::int64_t id) const override {
      return id == 1 ? "nom" : "téléphone";
    }
  };
  struct Owned {
    Said said;
    std::vector<FieldChange> fields;
    OpInput input;
  };

  void rename(OpRef& ref) const { ref.commit = number_[static_cast<std::size_t>(ref.commit) - 1]; }

  [[nodiscard]] std::unique_ptr<Owned> renamed(const Said& said) const {
    auto out = std::make_unique<Owned>(Owned{said, {}, {}});
    for (OpRef& ref : out->said.replaced) rename(ref);
    std::ranges::sort(out->said.replaced);
    for (Change& change : out->said.changes) {
      for (OpRef& ref : change.replaced) rename(ref);
      std::ranges::sort(change.replaced);
      for (ElementRange& range : change.removed) rename(range.op);
      for (SequenceRun& run : change.runs)
        for (auto* element : {&run.left, &run.right, &run.moved})
          if (*element) rename((*element)->op);
      if (!said.input.readable) change.value.clear();
      out->fields.push_back(
          {change.name, change.tag, change.replaced, change.value, change.removed, change.runs});
    }
    out->input = out->said.input;
    rename(out->input.ref);
    out->input.replaced = out->said.replaced;
    out->input.fields = out->fields;
    return out;
  }

  [[nodiscard]] bool is_void(const OpRef& ref) const {
    return history_.ops[static_cast<std::size_t>(ref.commit) - 1].is_void;
  }
  [[nodiscard]] bool names_void(const OpInput& op) const {
    const auto any = [&](std::span<const OpRef> refs) {
      return std::ranges::any_of(refs, [&](const OpRef& ref) { return is_void(ref); });
    };
    return any(op.replaced) || std::ranges::any_of(op.fields, [&](const FieldChange& change) {
             return any(change.replaced) ||
                    std::ranges::any_of(
                        change.removed,
                        [&](const ElementRange& range) { return is_void(range.op); }) ||
                    std::ranges::any_of(change.runs, [&](const SequenceRun& run) {
                      const auto stands_by_void = [&](const std::optional<ElementRef>& element) {
                        return element && is_void(element->op);
                      };
                      return stands_by_void(run.left) || stands_by_void(run.right) ||
                             stands_by_void(run.moved);
                    });
           });
  }

  const std::vector<Said>& said_;
  std::vector<std::int64_t> number_;
  std::vector<std::unique_ptr<Owned>> ops_;
  History history_;
  Names log_;
};

/// The last first, as far as causality allows.
std::vector<std::size_t> backwards(const std::vector<Said>& said) {
  std::vector<std::size_t> out;
  std::set<std::size_t> done;
  while (out.size() < said.size())
    for (std::size_t i = said.size(); i-- > 0;)
      if (!done.contains(i) && std::ranges::includes(done, said[i].past)) {
        out.push_back(i);
        done.insert(i);
        break;
      }
  return out;
}

Bytes written(const RecordState& state) {
  Bytes out;
  encode_state(state, out);
  return out;
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(merge) {
  using namespace maillon::fuzz;
  Choices in{input};
  const Story story{in};
  std::vector<std::size_t> forwards(story.said().size());
  std::iota(forwards.begin(), forwards.end(), 0u);
  auto other = backwards(story.said());
  std::vector<maillon::Digest> digests;
  for (const auto* order : {&forwards, &other}) {
    const Node node{story.said(), *order};
    const maillon::Bytes folded = written(node.folded());
    for (const auto* again : {&forwards, &other})
      MAILLON_ASSERT(written(node.one_by_one(*again)) == folded, "any order gives one state");
    const auto read = decode_state(folded);
    MAILLON_ASSERT(read.has_value(), "what was made can be read");
    MAILLON_ASSERT(written(*read) == folded, "what was read is written alike");
    digests.push_back(node.digest(*read));
  }
  MAILLON_ASSERT(digests[0] == digests[1], "two nodes show the same");
}
