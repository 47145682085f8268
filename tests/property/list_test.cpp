#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "storage/merge/list_editor.hpp"
#include "tests/support/text_world.hpp"

namespace maillon::test {

/// One thing that one of the authors does to the list.
struct ListStep {
  unsigned action = 0;
  unsigned who = 0;
  unsigned where = 0;
  unsigned how = 0;
};

void showValue(const ListStep& step, std::ostream& out) {
  out << '{' << step.action << ',' << step.who << ',' << step.where << ',' << step.how << '}';
}

}  // namespace maillon::test

namespace rc {
template <>
struct Arbitrary<maillon::test::ListStep> {
  static Gen<maillon::test::ListStep> arbitrary() {
    using maillon::test::ListStep;
    const auto below = [](unsigned end) { return gen::resize(100, gen::inRange(0u, end)); };
    return gen::build<ListStep>(
        gen::set(&ListStep::action, below(16)), gen::set(&ListStep::who, below(3)),
        gen::set(&ListStep::where, below(60)), gen::set(&ListStep::how, below(60)));
  }
};
}  // namespace rc

namespace maillon::test {
namespace {

using namespace storage::merge;

struct ListCommit {
  std::vector<ListEdit> edits;
  std::set<std::size_t> past;
  bool is_void = false;
  bool bare = false;
};

Bytes encoded(const List& list) {
  Bytes out;
  list.encode(out);
  return out;
}

std::string text_of(const List& list) {
  std::string out;
  for (const ByteView value : list.values()) out += std::string{as_text(value)} + ' ';
  return out;
}

std::vector<ListOp> ops_of(const ListCommit& commit, const std::vector<ListEdit>& edits,
                           std::vector<std::vector<ByteView>>& views) {
  std::vector<ListOp> out;
  for (const ListEdit& edit : edits) {
    views.emplace_back(edit.values.begin(), edit.values.end());
    out.push_back({edit.ref, edit.hlc, commit.is_void, edit.runs, edit.replaced, views.back(), {}});
    if (commit.bare) out.back().values.reset();
  }
  return out;
}

class ListWorld {
 public:
  static constexpr std::size_t kAuthors = 3;
  struct Author {
    List list;
    std::set<std::size_t> known;
  };

  template <class Edit>
  void write(std::size_t who, Edit edit) {
    ids.ids.push_back(id_of(ids.ids.size() + 1));
    const OpRef ref{static_cast<std::int64_t>(ids.ids.size()), 1};
    ListEditor editor{authors[who].list, ref, stamp_of(who), ids};
    edit(editor);
    add(who, std::move(editor).finish());
  }

  /// Moves what no editor would move to where no editor would put it.
  void write_strange(std::size_t who, const ListStep& step) {
    const auto& known = authors[who].known;
    if (known.empty()) return;
    const auto some = [&](std::size_t n) -> ElementRef {
      auto at = known.begin();
      std::advance(at, n % known.size());
      return {commits[*at].edits.front().ref, static_cast<std::uint32_t>(n % 3)};
    };
    ids.ids.push_back(id_of(ids.ids.size() + 1));
    const OpRef ref{static_cast<std::int64_t>(ids.ids.size()), 1};
    ListEdit edit{ref, stamp_of(who), {}, {}, {}};
    edit.runs.push_back({some(step.where), some(step.how), some(step.where * 7 + step.how), 2});
    edit.runs.push_back({some(step.how), ElementRef{ref, 0}, ElementRef{ref, step.how % 4}, 1});
    edit.replaced.push_back({some(step.where + step.how).op, step.how % 2, 1 + step.where % 3});
    const ListCommit commit{{edit}, {}};
    std::vector<std::vector<ByteView>> views;
    for (const ListOp& op : ops_of(commit, commit.edits, views)) authors[who].list.apply(op, ids);
    add(who, commit.edits);
  }

  void pull(std::size_t who, std::size_t from) {
    for (const std::size_t at : authors[from].known) {
      if (!authors[who].known.insert(at).second) continue;
      std::vector<std::vector<ByteView>> views;
      for (const ListOp& op : ops_of(commits[at], commits[at].edits, views))
        authors[who].list.apply(op, ids);
    }
  }

  [[nodiscard]] std::string expected() const;

  std::array<Author, kAuthors> authors;
  std::vector<ListCommit> commits;
  Ids ids;

 private:
  /// Above all that the author has seen, and often that of a concurrent commit.
  [[nodiscard]] Hlc stamp_of(std::size_t who) const {
    Hlc highest;
    for (const std::size_t at : authors[who].known)
      highest = std::max(highest, commits[at].edits.front().hlc);
    return highest.next();
  }
  void add(std::size_t who, std::vector<ListEdit> edits) {
    if (edits.empty()) return ids.ids.pop_back();
    authors[who].known.insert(commits.size());
    commits.push_back({std::move(edits), authors[who].known});
    commits.back().past.erase(commits.size() - 1);
  }
  [[nodiscard]] fugue::Id id(const ElementRef& element) const {
    const CommitId commit = ids.commit_id(element.op.commit);
    return {std::string{as_text(commit.bytes())}, element.op.leaf, element.offset};
  }
};

/// What the description of List says, over the paper's tree.
std::string ListWorld::expected() const {
  fugue::Tree tree;
  std::map<fugue::Id, std::string> values;  // of elements, not of places
  std::set<fugue::Id> hidden;
  std::map<fugue::Id, std::pair<std::uint64_t, fugue::Id>> winner;
  for (const ListCommit& commit : commits)
    for (const ListEdit& edit : commit.edits) {
      std::uint32_t offset = 0;
      std::size_t value = 0;
      for (const SequenceRun& run : edit.runs) {
        std::optional<fugue::Id> left;
        std::optional<fugue::Id> right;
        if (run.left) left = id(*run.left);
        if (run.right && tree.find(id(*run.right)) != nullptr) right = id(*run.right);
        for (std::uint32_t i = 0; i < run.length; ++i, ++offset) {
          const fugue::Id here = id({edit.ref, offset});
          tree.put(left ? &*left : nullptr, right ? &*right : nullptr, U'x', here);
          left = here;
          if (!run.moved) {
            values[here] = as_text(edit.values[value++]);
            if (commit.is_void || commit.bare) hidden.insert(here);
          } else if (!commit.is_void) {
            const fugue::Id moved = id({run.moved->op, run.moved->offset + i});
            if (!values.contains(moved)) continue;
            auto& best = winner[moved];
            best = std::max(best, std::pair{edit.hlc.packed, here});
          }
        }
      }
      if (commit.is_void) continue;
      for (const ElementRange& range : edit.replaced)
        for (std::uint32_t i = 0; i < range.count; ++i)
          hidden.insert(id({range.op, range.offset + i}));
    }
  std::map<fugue::Id, fugue::Id> shown;  // element by place
  for (const auto& [element, value] : values) {
    const auto best = winner.find(element);
    if (!hidden.contains(element))
      shown[best == winner.end() ? element : best->second.second] = element;
  }
  std::string out;
  for (const fugue::Node* node : tree.all())
    if (const auto found = shown.find(node->id); found != shown.end())
      out += values[found->second] + ' ';
  return out;
}

void play(ListWorld& world, const std::vector<ListStep>& steps) {
  std::size_t values = 0;
  for (const ListStep& step : steps) {
    List& list = world.authors[step.who].list;
    const auto size = static_cast<std::size_t>(list.size());
    const std::string value = "v" + std::to_string(++values);
    const auto done = [](const Result<void>& result) { RC_ASSERT(result.has_value()); };
    if (step.action < 4 || (size == 0 && step.action < 11)) {
      world.write(step.who, [&](ListEditor& editor) {
        for (unsigned i = 0; i <= step.how % 3; ++i)
          done(editor.insert(step.where % (size + 1) + i, as_bytes(value + "abc"[i])));
      });
    } else if (step.action < 6) {
      world.write(step.who, [&](ListEditor& editor) { done(editor.erase(step.where % size, 1)); });
    } else if (step.action == 6) {
      world.write(step.who, [&](ListEditor& editor) {
        done(editor.set(step.where % size, as_bytes(value)));
      });
    } else if (step.action < 10) {
      world.write(step.who, [&](ListEditor& editor) {
        const ElementRef element = list.element_at(step.where % size);
        done(editor.move(step.where % size, step.how % size));
        RC_ASSERT(list.element_at(step.how % size) == element);
        RC_ASSERT(list.index_of(element) == step.how % size);
        if (step.how % 4 == 0) done(editor.insert(step.how % size, as_bytes(value)));
        if (step.how % 4 == 1) done(editor.erase(step.how % size, 1));
      });
    } else if (step.action == 10) {
      world.write_strange(step.who, step);
    } else {
      world.pull(step.who, step.how % ListWorld::kAuthors);
    }
  }
}

void check_deliveries(const ListWorld& world, std::uint64_t seed) {
  const std::string expected = world.expected();
  std::vector<std::set<std::size_t>> pasts;
  for (const ListCommit& commit : world.commits) pasts.push_back(commit.past);
  for (std::uint64_t i = 0; i < 4; ++i) {
    const Arrival arrival{pasts, world.ids, seed + i};
    List list;
    std::vector<std::vector<ListEdit>> edits;
    std::vector<std::vector<ByteView>> views;
    std::vector<ListOp> all;
    for (const std::size_t at : arrival.order()) {
      edits.push_back(world.commits[at].edits);
      for (ListEdit& edit : edits.back()) {
        arrival.rename(edit.ref);
        arrival.rename(edit.runs);
        arrival.rename(edit.replaced);
      }
      for (const ListOp& op : ops_of(world.commits[at], edits.back(), views)) {
        all.push_back(op);
        list.apply(op, arrival.ids);
        const Bytes bytes = encoded(list);
        list = *List::decode(bytes);
        RC_ASSERT(encoded(list) == bytes);
      }
    }
    RC_ASSERT(text_of(list) == expected);
    RC_ASSERT(encoded(List::build(all, {}, arrival.ids)) == encoded(list));
  }
}

rc::Gen<std::vector<ListStep>> history() {
  return rc::gen::resize(40, rc::gen::arbitrary<std::vector<ListStep>>());
}

TEST(ListMerge, EveryElementIsShownOnceInAnyOrderOfDelivery) {
  EXPECT_TRUE(rc::check([] {
    ListWorld world;
    play(world, *history());
    check_deliveries(world, *rc::gen::arbitrary<std::uint64_t>());
    for (std::size_t i = 1; i < ListWorld::kAuthors; ++i) world.pull(0, i);
    RC_ASSERT(text_of(world.authors[0].list) == world.expected());
  }));
}

TEST(ListMerge, VoidAndBareOpsKeepTheirPlacesAndShowNothing) {
  EXPECT_TRUE(rc::check([] {
    ListWorld world;
    play(world, *history());
    const auto fate = *rc::gen::container<std::vector<unsigned>>(
        world.commits.size(), rc::gen::resize(100, rc::gen::inRange(0u, 6u)));
    for (std::size_t i = 0; i < fate.size(); ++i) {
      world.commits[i].is_void = fate[i] == 0;
      world.commits[i].bare = fate[i] == 1;
    }
    check_deliveries(world, *rc::gen::arbitrary<std::uint64_t>());
  }));
}

}  // namespace
}  // namespace maillon::test
