#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>

#include "tests/support/text_world.hpp"

namespace maillon::test {

/// One thing that one of the authors does.
struct TextStep {
  unsigned action = 0;
  unsigned who = 0;
  unsigned where = 0;
  unsigned how = 0;
};

void showValue(const TextStep& step, std::ostream& out) {
  out << '{' << step.action << ',' << step.who << ',' << step.where << ',' << step.how << '}';
}

}  // namespace maillon::test

namespace rc {
template <>
struct Arbitrary<maillon::test::TextStep> {
  static Gen<maillon::test::TextStep> arbitrary() {
    using maillon::test::TextStep;
    const auto below = [](unsigned end) { return gen::resize(100, gen::inRange(0u, end)); };
    return gen::build<TextStep>(
        gen::set(&TextStep::action, below(16)), gen::set(&TextStep::who, below(24)),
        gen::set(&TextStep::where, below(60)), gen::set(&TextStep::how, below(1000)));
  }
};
}  // namespace rc

namespace maillon::test {
namespace {

using namespace storage::merge;

/// The same histories in every run unless RC_PARAMS says otherwise.
class Params : public testing::Environment {
  void SetUp() override { setenv("RC_PARAMS", "seed=20260101 max_success=400", 0); }
};
const auto* const kParams = testing::AddGlobalTestEnvironment(new Params);

rc::Gen<std::vector<TextStep>> history() {
  return rc::gen::resize(40, rc::gen::arbitrary<std::vector<TextStep>>());
}

/// Letters tell who wrote them; some take two and four bytes.
std::u32string word(const TextStep& step, std::size_t who) {
  const std::u32string letters = U"abcdefgh";
  std::u32string out;
  for (unsigned i = 0; i <= step.how % 5; ++i)
    out += (step.how + i) % 7 == 0    ? U'é'
           : (step.how + i) % 11 == 0 ? U'😀'
                                      : letters[(who * 2 + i) % 8];
  return out;
}

void play(TextWorld& world, const std::vector<TextStep>& steps) {
  using Action = TextWorld::Action;
  std::vector<std::vector<Action>> open(world.authors.size());
  const auto close = [&](std::size_t who) {
    world.write(who, open[who]);
    open[who].clear();
  };
  for (const TextStep& step : steps) {
    const std::size_t who = step.who % world.authors.size();
    // Often the same place, so that people meet there.
    const std::size_t at = step.where % 3 == 0 ? step.where : step.where % 4;
    if (step.action < 5) open[who].push_back({Action::type, at, word(step, who)});
    if (step.action == 5) open[who].push_back({Action::type_backwards, at, word(step, who)});
    if (step.action == 6) open[who].push_back({Action::erase, at, word(step, who)});
    if (step.action == 7) open[who].push_back({Action::sweep, at, word(step, who)});
    if (step.action >= 8 && step.action < 13) close(who);
    if (step.action >= 13) {
      const std::size_t from = step.how % world.authors.size();
      close(who);
      close(from);
      world.pull(who, from);
    }
  }
  for (std::size_t i = 0; i < world.authors.size(); ++i) close(i);
}

/// Every way in which a node may come to the history, against the paper's algorithm.
void check_deliveries(TextWorld& world, std::uint64_t seed) {
  const std::string expected = world.expected();
  for (std::uint64_t i = 0; i < 4; ++i) {
    const Delivery delivery{world, seed + i};
    const Text text = delivery.one_by_one(i % 2 == 0);
    RC_ASSERT(text.str() == expected);
    RC_ASSERT(encoded(text) == encoded(delivery.at_once()));
  }
}

TEST(TextMerge, AnyOrderOfDeliveryGivesWhatThePaperSays) {
  EXPECT_TRUE(rc::check([] {
    const auto steps = *history();
    TextWorld world{*rc::gen::inRange<std::size_t>(2, 5)};
    play(world, steps);
    world.meet();
    for (Author& author : world.authors) RC_ASSERT(author.text.str() == utf8(author.tree.text()));
    check_deliveries(world, *rc::gen::arbitrary<std::uint64_t>());
  }));
}

TEST(TextMerge, VoidAndBareOpsKeepTheirPlacesAndShowNothing) {
  EXPECT_TRUE(rc::check([] {
    const auto steps = *history();
    TextWorld world{*rc::gen::inRange<std::size_t>(2, 5)};
    play(world, steps);
    world.meet();
    const auto fate = *rc::gen::container<std::vector<unsigned>>(
        world.commits.size(), rc::gen::resize(100, rc::gen::inRange(0u, 6u)));
    for (std::size_t i = 0; i < fate.size(); ++i) {
      world.commits[i].is_void = fate[i] == 0;
      world.commits[i].bare = fate[i] == 1;
    }
    check_deliveries(world, *rc::gen::arbitrary<std::uint64_t>());
  }));
}

/// An element that an op of `commit` might name: one of its past, of itself, or none at all.
std::optional<ElementRef> any_element(const TextWorld& world, const std::set<std::size_t>& past,
                                      std::int64_t self) {
  const auto kind = *rc::gen::resize(100, rc::gen::inRange(0, 12));
  const auto offset = *rc::gen::resize(100, rc::gen::inRange(0u, 9u));
  if (kind == 0) return std::nullopt;
  if (kind == 1) return ElementRef{{1'000'000, 1}, offset};
  if (kind == 2) return ElementRef{{self, 1}, offset};
  if (past.empty()) return ElementRef{{self, 2}, offset};
  auto at = past.begin();
  std::advance(at, *rc::gen::inRange<std::size_t>(0, past.size()));
  const TextEdit& edit = world.commits[*at].edits.front();
  return ElementRef{edit.ref, offset};
}

/// The rule that stands in the description of Sequence, element by element.
void put(TextWorld& world, fugue::Tree& tree, const TextEdit& edit) {
  std::uint32_t offset = 0;
  for (const SequenceRun& run : edit.runs) {
    std::optional<fugue::Id> left;
    std::optional<fugue::Id> right;
    if (run.left && world.ids.knows(run.left->op)) left = world.id(*run.left);
    if (run.right && world.ids.knows(run.right->op)) right = world.id(*run.right);
    if (right && tree.find(*right) == nullptr) right.reset();
    for (std::uint32_t i = 0; i < run.length; ++i, ++offset) {
      const fugue::Id id = world.id({edit.ref, offset});
      tree.put(left ? &*left : nullptr, right ? &*right : nullptr,
               static_cast<char32_t>(edit.text[offset]), id);
      left = id;
    }
  }
}

TEST(TextMerge, AnchorsThatNobodyWouldWriteGiveOneOrderToo) {
  EXPECT_TRUE(rc::check([] {
    TextWorld world{1};
    std::vector<std::set<std::size_t>> known(3);
    const auto commits = *rc::gen::resize(100, rc::gen::inRange(1, 30));
    for (int i = 0; i < commits; ++i) {
      const auto who = *rc::gen::inRange<std::size_t>(0, 3);
      const auto from = *rc::gen::inRange<std::size_t>(0, 3);
      known[who].insert(known[from].begin(), known[from].end());
      world.ids.ids.push_back(id_of(world.ids.ids.size() + 1));
      const auto self = static_cast<std::int64_t>(world.ids.ids.size());
      TextEdit edit{{self, 1}, {}, {}, {}};
      for (int runs = *rc::gen::inRange(0, 4); runs > 0; --runs) {
        const SequenceRun run{any_element(world, known[who], self),
                              any_element(world, known[who], self), std::nullopt,
                              *rc::gen::resize(100, rc::gen::inRange(0u, 4u))};
        edit.runs.push_back(run);
        edit.text.append(run.length, static_cast<char>('a' + i));
      }
      if (const auto first = any_element(world, known[who], self);
          first && first->op.commit != self)
        edit.replaced.push_back({first->op, first->offset, *rc::gen::inRange(1u, 5u)});
      put(world, world.authors[0].tree, edit);
      const auto number = world.commits.size();
      world.commits.push_back({{edit}, known[who]});
      known[who].insert(number);
    }
    check_deliveries(world, *rc::gen::arbitrary<std::uint64_t>());
  }));
}

}  // namespace
}  // namespace maillon::test
