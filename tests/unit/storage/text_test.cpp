#include <gtest/gtest.h>

#include <random>

#include "tests/support/text_world.hpp"

namespace maillon::test {
namespace {

using namespace storage::merge;
using Action = TextWorld::Action;

/// Some commits with ids that ascend, so that a test can say who stands first.
Ids ascending(std::uint8_t count) {
  Ids out;
  for (std::uint8_t i = 1; i <= count; ++i) {
    std::array<std::uint8_t, CommitId::kSize> raw{};
    raw[0] = i;
    out.ids.push_back(CommitId::from_array(raw));
  }
  return out;
}

/// A text of one op, commit 1.
Text text_of(std::string_view text, const Ids& ids) {
  Text out;
  const SequenceRun run{{}, {}, {}, static_cast<std::uint32_t>(text.size())};
  out.apply({{1, 1}, false, {&run, 1}, {}, text, {}}, ids);
  return out;
}

void apply_all(Text& text, const std::vector<TextEdit>& edits, const Ids& ids) {
  for (const TextEdit& edit : edits) text.apply(edit.op(), ids);
}

/// Two authors who type at the end of "x", each with commits of their own, key by key.
struct Pair {
  explicit Pair(const Ids& all) : ids(all) {}

  void insert(Text& text, std::vector<TextEdit>& edits, std::int64_t commit, std::uint64_t at,
              std::string_view typed) {
    TextEditor editor{text, {commit, 1}, ids};
    ASSERT_TRUE(editor.insert(at, typed));
    std::ranges::move(std::move(editor).finish(), std::back_inserter(edits));
  }
  /// The text of both, which must not depend on who gets what.
  std::string merged() {
    apply_all(one, twos, ids);
    apply_all(two, ones, ids);
    EXPECT_EQ(one.str(), two.str());
    return one.str();
  }

  const Ids& ids;
  Text one = text_of("x", ids);
  Text two = one;
  std::vector<TextEdit> ones;
  std::vector<TextEdit> twos;
};

TEST(Text, WordsTypedForwardsOverSeveralOpsStayTogether) {
  const Ids ids = ascending(9);
  Pair pair{ids};
  // The ids alternate between the two, so that ids alone would interleave.
  const std::string milk = "milk";
  const std::string eggs = "eggs";
  for (std::size_t i = 0; i < 4; ++i) {
    const auto commit = static_cast<std::int64_t>(2 + 2 * i);
    pair.insert(pair.one, pair.ones, commit, 1 + i, milk.substr(i, 1));
    pair.insert(pair.two, pair.twos, commit + 1, 1 + i, eggs.substr(i, 1));
  }
  EXPECT_EQ(pair.merged(), "xmilkeggs");
}

TEST(Text, WordsTypedBackwardsOverSeveralOpsStayTogether) {
  const Ids ids = ascending(9);
  Pair pair{ids};
  const std::string milk = "milk";
  const std::string eggs = "eggs";
  for (std::size_t i = 0; i < 4; ++i) {
    const auto commit = static_cast<std::int64_t>(2 + 2 * i);
    pair.insert(pair.one, pair.ones, commit, 1, milk.substr(3 - i, 1));
    pair.insert(pair.two, pair.twos, commit + 1, 1, eggs.substr(3 - i, 1));
  }
  EXPECT_EQ(pair.merged(), "xmilkeggs");
}

TEST(Text, WhatOneInsertsBeforeTheirOwnWordsStaysThere) {
  const Ids ids = ascending(9);
  Pair pair{ids};
  pair.insert(pair.one, pair.ones, 2, 1, " bread");
  pair.insert(pair.two, pair.twos, 3, 1, " wine");
  pair.insert(pair.one, pair.ones, 4, 1, " fresh");
  pair.insert(pair.two, pair.twos, 5, 1, " red");
  EXPECT_EQ(pair.merged(), "x fresh bread red wine");
}

TEST(Text, SiblingsStandByTheirRightOrigins) {
  // Three write behind "x" with different right neighbours; whoever saw the nearest one stands
  // last, and so next to it.
  const Ids ids = ascending(9);
  const ElementRef x{{1, 1}, 0};
  Text text = text_of("x", ids);
  const auto put = [&](Text& into, std::int64_t commit, std::optional<ElementRef> right,
                       std::string_view character) {
    const SequenceRun run{x, right, {}, 1};
    into.apply({{commit, 1}, false, {&run, 1}, {}, character, {}}, ids);
  };
  const SequenceRun end{{}, {}, {}, 1};
  text.apply({{2, 1}, false, {&end, 1}, {}, "y", {}}, ids);
  ASSERT_EQ(text.str(), "xy");
  Text other = text;
  const ElementRef y{{2, 1}, 0};
  put(text, 3, y, "a");
  put(text, 4, {}, "b");
  put(other, 4, {}, "b");
  put(other, 3, y, "a");
  EXPECT_EQ(text.str(), "xbay");
  EXPECT_EQ(other.str(), "xbay");
}

TEST(Text, TwoWhoRewriteOneParagraphOfflineKeepTheirSentences) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 random{seed};
    TextWorld world{2};
    const std::u32string paragraph =
        U"La coopérative ouvre le lundi. Un rendez-vous se prend par téléphone. Le café est "
        U"offert.";
    world.write(0, {{Action::type, 0, paragraph}});
    world.pull(1, 0);
    std::vector<std::string> sentences;
    for (std::size_t who = 0; who < 2; ++who)
      for (std::size_t i = 0; i < 3; ++i) {
        // Half of it goes, and a new sentence comes, at a place that both are likely to choose.
        const std::size_t at = random() % 3 * 10;
        world.write(who, {{Action::sweep, at, paragraph.substr(0, random() % 20)}});
        std::u32string sentence = who == 0 ? U"[Déjà 😀 vu " : U"[Un autre ";
        sentence += static_cast<char32_t>(U'0' + i);
        sentence += U"]";
        sentences.push_back(utf8(sentence));
        const bool backwards = random() % 3 == 0;
        if (backwards) std::ranges::reverse(sentence);
        const auto half = static_cast<std::ptrdiff_t>(random() % sentence.size());
        const std::u32string first{sentence.begin(), sentence.begin() + half};
        const std::u32string second{sentence.begin() + half, sentence.end()};
        const auto kind = backwards ? Action::type_backwards : Action::type;
        world.write(who, {{kind, at, first}});
        world.write(who, {{kind, backwards ? at : at + first.size(), second}});
      }
    // A later sentence may stand within an earlier one of the same author, or have swept it away.
    std::vector<std::string> whole;
    for (const Author& author : world.authors)
      for (const std::string& sentence : sentences)
        if (author.text.str().find(sentence) != std::string::npos) whole.push_back(sentence);
    ASSERT_GE(whole.size(), 2u);
    world.meet();
    const std::string text = world.authors[0].text.str();
    EXPECT_EQ(text, world.authors[1].text.str());
    EXPECT_EQ(text, world.expected());
    for (const std::string& sentence : whole)
      EXPECT_NE(text.find(sentence), std::string::npos) << sentence << " broke in: " << text;
  }
}

TEST(Text, PositionsCountScalars) {
  const Ids ids = ascending(3);
  Text text;
  TextEditor editor{text, {1, 1}, ids};
  ASSERT_TRUE(editor.insert(0, "né 😀!"));
  ASSERT_TRUE(editor.insert(4, "ça"));
  ASSERT_TRUE(editor.erase(3, 1));
  EXPECT_EQ(text.str(), "né ça!");
  EXPECT_EQ(text.size(), 6u);
  EXPECT_EQ(editor.insert(7, "x").error().code, Errc::usage);
  EXPECT_EQ(editor.erase(5, 2).error().code, Errc::usage);
  EXPECT_EQ(editor.insert(0, "\xc3").error().code, Errc::usage);
  EXPECT_EQ(text.str(), "né ça!");
}

TEST(Text, TypingOnMakesOneRunAndErasingOwnWordsTheNextOp) {
  const Ids ids = ascending(3);
  Text text = text_of("ab", ids);
  TextEditor editor{text, {2, 1}, ids};
  for (const char c : std::string_view{"xyz"}) ASSERT_TRUE(editor.insert(text.size() - 1, {&c, 1}));
  ASSERT_TRUE(editor.erase(4, 1));  // b
  ASSERT_TRUE(editor.erase(0, 1));  // a
  ASSERT_TRUE(editor.erase(1, 1));  // y
  const auto edits = std::move(editor).finish();
  ASSERT_EQ(edits.size(), 2u);
  const OpRef base{1, 1};
  const OpRef first{2, 1};
  EXPECT_EQ(edits[0].runs,
            (std::vector{SequenceRun{ElementRef{base, 0}, ElementRef{base, 1}, {}, 3}}));
  EXPECT_EQ(edits[0].text, "xyz");
  EXPECT_EQ(edits[0].replaced, (std::vector{ElementRange{base, 0, 2}}));
  EXPECT_EQ(edits[1].ref, (OpRef{2, 2}));
  EXPECT_EQ(edits[1].replaced, (std::vector{ElementRange{first, 1, 1}}));
}

TEST(Text, WhatIsTakenBackFromTheEndOfARunIsNotSaid) {
  const Ids ids = ascending(3);
  Text text = text_of("ab", ids);
  TextEditor editor{text, {2, 1}, ids};
  ASSERT_TRUE(editor.insert(1, "né😀e"));
  ASSERT_TRUE(editor.erase(2, 3));
  EXPECT_EQ(text.str(), "anb");
  ASSERT_TRUE(editor.insert(2, "uit"));
  ASSERT_TRUE(editor.erase(0, 2));  // "n" is not at the end of its run
  const auto edits = std::move(editor).finish();
  EXPECT_EQ(text.str(), "uitb");
  ASSERT_EQ(edits.size(), 2u);
  EXPECT_EQ(edits[0].text, "nuit");
  Text other = text_of("ab", ids);
  apply_all(other, edits, ids);
  EXPECT_EQ(encoded(other), encoded(text));
}

TEST(Text, ALargeTextBecomesOpsThatFitIntoCommits) {
  const Ids ids = ascending(3);
  std::string large;
  while (large.size() < 900'000) large += "é€😀.";
  Text text;
  TextEditor editor{text, {1, 1}, ids};
  ASSERT_TRUE(editor.insert(0, large));
  const auto edits = std::move(editor).finish();
  for (const TextEdit& edit : edits) EXPECT_LE(edit.text.size(), limits::kCommitBodyMax / 4);
  Text other;
  apply_all(other, edits, ids);
  EXPECT_EQ(other.str(), large);
  EXPECT_EQ(encoded(other), encoded(text));
}

TEST(Text, TellsWhoWroteWhat) {
  const Ids ids = ascending(3);
  Text text = text_of("abcd", ids);
  TextEditor editor{text, {2, 1}, ids};
  ASSERT_TRUE(editor.insert(2, "xy"));
  ASSERT_TRUE(editor.erase(5, 1));
  const OpRef one{1, 1};
  const OpRef two{2, 1};
  EXPECT_EQ(text.str(), "abxyc");
  EXPECT_EQ(text.parts(), (std::vector<Text::Part>{{one, 0, 2}, {two, 2, 2}, {one, 4, 1}}));
  EXPECT_EQ(text.element_at(3), (ElementRef{two, 1}));
  EXPECT_EQ(text.index_of({one, 2}), 4u);
  EXPECT_EQ(text.index_of({one, 3}), 5u);  // erased: where it stood
  EXPECT_EQ(text.index_of({one, 4}), std::nullopt);
  EXPECT_EQ(text.index_of({{3, 1}, 0}), std::nullopt);
}

TEST(Text, ADeleteReachesWhatReissuesItsTarget) {
  const Ids ids = ascending(4);
  const SequenceRun run{{}, {}, {}, 4};
  const ElementRange middle{{1, 1}, 1, 2};
  TextOp original{{1, 1}, true, {&run, 1}, {}, "loin", {}};
  const TextOp deletes{{2, 1}, false, {}, {&middle, 1}, {}, {}};
  const TextOp again{{3, 1}, false, {&run, 1}, {}, "loin", {}};
  const Reissues reissues{{1, 3}};
  const Text built = Text::build(std::vector{original, deletes, again}, reissues, ids);
  EXPECT_EQ(built.str(), "ln");

  Text later = Text::build(std::vector{original, again}, reissues, ids);
  Bytes stored;
  later.encode(stored);
  later = *Text::decode(stored);
  EXPECT_EQ(later.str(), "loin");
  later.apply(deletes, ids);
  EXPECT_EQ(encoded(later), encoded(built));
}

TEST(Text, ErasedCharactersAreAsIfTheyHadNeverCome) {
  const Ids ids = ascending(3);
  const SequenceRun run{{}, {}, {}, 6};
  const OffsetRange part{2, 3};
  const OffsetRange all{0, 0};
  Text text = text_of("secret", ids);
  text.erase_characters({{1, 1}, part.offset, part.count});
  EXPECT_EQ(text.str(), "set");
  Text other;
  other.apply({{1, 1}, false, {&run, 1}, {}, "secret", {&part, 1}}, ids);
  EXPECT_EQ(encoded(text), encoded(other));

  text.erase_characters({{1, 1}, all.offset, all.count});
  Text bare;
  bare.apply({{1, 1}, false, {&run, 1}, {}, std::nullopt, {}}, ids);
  EXPECT_EQ(text.str(), "");
  EXPECT_EQ(encoded(text), encoded(bare));
  const Bytes stored = encoded(text);
  EXPECT_EQ(as_text(stored).find("s"), std::string_view::npos);

  // They are anchors still, and can be deleted.
  const SequenceRun behind{ElementRef{{1, 1}, 2}, ElementRef{{1, 1}, 3}, {}, 1};
  const ElementRange whole{{1, 1}, 0, 0};
  for (Text* each : {&text, &bare})
    each->apply({{2, 1}, false, {&behind, 1}, {&whole, 1}, "x", {}}, ids);
  EXPECT_EQ(text.str(), "x");
  EXPECT_EQ(encoded(text), encoded(bare));
}

TEST(Text, PayloadsThatDoNotFitTheirRunsShowNothing) {
  const Ids ids = ascending(5);
  const SequenceRun run{ElementRef{{1, 1}, 1}, {}, {}, 3};
  const ElementRange first{{1, 1}, 0, 1};
  for (const std::string_view payload : {"ab", "abcd", "",
                                         "a\xff"
                                         "c",
                                         "\xed\xa0\x80"
                                         "ab"}) {
    Text text = text_of("xyz", ids);
    text.apply({{2, 1}, false, {&run, 1}, {&first, 1}, payload, {}}, ids);
    EXPECT_EQ(text.str(), "yz") << "its delete holds";
    EXPECT_EQ(text.sequence().elements(), 6u) << "and its places are there";
  }
}

TEST(Text, RunsThatWouldMoveShowNothingAndTakeNoCharacters) {
  const Ids ids = ascending(3);
  const ElementRef x{{1, 1}, 0};
  Text text = text_of("xy", ids);
  const std::vector<SequenceRun> runs{{x, {}, {}, 1}, {x, {}, x, 5}, {x, {}, {}, 1}};
  text.apply({{2, 1}, false, runs, {}, "ab", {}}, ids);
  EXPECT_EQ(text.size(), 4u);
  EXPECT_EQ(text.sequence().elements(), 9u);
}

TEST(Text, NoOpHasMoreElementsThanACommitCouldHold) {
  const Ids ids = ascending(5);
  Text text = text_of("xy", ids);
  const std::vector<SequenceRun> runs(limits::kRunsMax, {{}, {}, {}, 0xffff'ffff});
  const ElementRange first{{1, 1}, 0, 1};
  text.apply({{2, 1}, false, runs, {&first, 1}, std::nullopt, {}}, ids);
  EXPECT_EQ(text.str(), "y") << "its delete holds";
  EXPECT_EQ(text.sequence().elements(), 2u);
  const SequenceRun most{{}, {}, {}, limits::kCommitBodyMax};
  text.apply({{3, 1}, false, {&most, 1}, {}, std::nullopt, {}}, ids);
  EXPECT_EQ(text.sequence().elements(), 2u + limits::kCommitBodyMax);
  const ElementRange beyond{{1, 1}, 1, 0xffff'ffff};
  text.apply({{4, 1}, false, {}, {&beyond, 1}, {}, {}}, ids);
  EXPECT_EQ(text.str(), "");
}

TEST(Text, AnOpThatComesTwiceCountsOnce) {
  const Ids ids = ascending(2);
  Text text = text_of("xy", ids);
  const SequenceRun run{{}, {}, {}, 2};
  text.apply({{1, 1}, false, {&run, 1}, {}, "xy", {}}, ids);
  EXPECT_EQ(text.str(), "xy");
}

/// Any number has an id.
class AnyIds : public Context {
 public:
  [[nodiscard]] CommitId commit_id(std::int64_t commit) const override {
    return id_of(static_cast<std::uint64_t>(commit));
  }
  [[nodiscard]] std::string_view name(std::int64_t) const override { return {}; }
  [[nodiscard]] std::int64_t feed(std::int64_t commit) const override { return commit; }
};

/// A text with runs cut, nested, deleted, blank, and written concurrently.
Text grown(TextWorld& world) {
  std::mt19937_64 random{7};
  for (int i = 0; i < 60; ++i) {
    const auto who = random() % 3;
    const auto kind = static_cast<Action::Kind>(random() % 4);
    world.write(who, {{kind, random() % 40, U"wörd"}, {Action::type, random() % 9, U"x"}});
    if (i % 5 == 4) world.pull(random() % 3, random() % 3);
  }
  world.meet();
  world.commits[5].bare = true;
  world.commits[6].is_void = true;
  return Delivery{world, 1}.one_by_one(false);
}

TEST(Text, DamagedBytesAreAnErrorOrAnotherText) {
  TextWorld world{3};
  const Bytes stored = encoded(grown(world));
  for (std::size_t size = 0; size < stored.size(); ++size) {
    const auto cut = Text::decode(ByteView{stored}.first(size));
    ASSERT_TRUE(cut.has_error()) << size;
    EXPECT_EQ(cut.error().code, Errc::integrity);
  }
  std::mt19937_64 random{8};
  std::size_t read = 0;
  for (int i = 0; i < 5'000; ++i) {
    Bytes damaged = stored;
    for (auto flips = 1 + random() % 3; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1u << random() % 8);
    auto text = Text::decode(damaged);
    if (!text) continue;
    ++read;
    // Whatever it says, it can be worked with.
    const Bytes once = encoded(*text);
    EXPECT_EQ(encoded(*Text::decode(once)), once);
    if (text->sequence().ops() == 0) continue;
    const ElementRef some{text->sequence().ref(0), 0};
    const SequenceRun run{some, {}, {}, 2};
    const ElementRange all{some.op, 0, 0};
    text->apply({{1'000'000'000'000, 1}, false, {&run, 1}, {&all, 1}, "zz", {}}, AnyIds{});
    (void)text->str();
  }
  EXPECT_GT(read, 100u);
}

TEST(Text, ALaterVersionIsSaidToBeOne) {
  Bytes stored;
  Text{}.encode(stored);
  ++stored[0];
  EXPECT_EQ(Text::decode(stored).error().code, Errc::newer_version);
}

}  // namespace
}  // namespace maillon::test
