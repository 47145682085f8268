#include <gtest/gtest.h>

#include <random>

#include "storage/merge/list_editor.hpp"
#include "tests/support/text_world.hpp"

namespace maillon::test {
namespace {

using namespace storage::merge;

/// Any number has an id; they ascend as the numbers do.
class Ascending : public Context {
 public:
  [[nodiscard]] CommitId commit_id(std::int64_t commit) const override {
    std::array<std::uint8_t, CommitId::kSize> raw{};
    for (std::size_t i = 0; i < 8; ++i)
      raw[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(commit) >> (56 - 8 * i));
    return CommitId::from_array(raw);
  }
  [[nodiscard]] std::string_view name(std::int64_t) const override { return {}; }
  [[nodiscard]] std::int64_t feed(std::int64_t commit) const override { return commit; }
};
const Ascending kIds;

std::string text_of(const List& list) {
  std::string out;
  for (const ByteView value : list.values()) out += as_text(value);
  return out;
}

Bytes encoded(const List& list) {
  Bytes out;
  list.encode(out);
  return out;
}

void apply(List& list, const std::vector<ListEdit>& edits, bool bare = false) {
  for (const ListEdit& edit : edits) {
    const std::vector<ByteView> values{edit.values.begin(), edit.values.end()};
    ListOp op{edit.ref, edit.hlc, false, edit.runs, edit.replaced, values, {}};
    if (bare) op.values.reset();
    list.apply(op, kIds);
  }
}

template <class Edit>
std::vector<ListEdit> edited(List& list, std::int64_t commit, std::uint64_t hlc, Edit edit) {
  ListEditor editor{list, {commit, 1}, Hlc{hlc}, kIds};
  edit(editor);
  return std::move(editor).finish();
}

/// a b c d e, by commit 1 at time 1.
List letters() {
  List out;
  (void)edited(out, 1, 1, [](ListEditor& editor) {
    for (std::uint64_t i = 0; i < 5; ++i)
      ASSERT_TRUE(editor.insert(i, as_bytes(std::string_view{"abcde"}.substr(i, 1))));
  });
  return out;
}

/// What two make of the letters, each not knowing of the other.
template <class One, class Two>
std::string merged(std::uint64_t hlc_one, One one, std::uint64_t hlc_two, Two two) {
  List here = letters();
  List there = letters();
  const auto ones = edited(here, 2, hlc_one, one);
  const auto twos = edited(there, 3, hlc_two, two);
  apply(here, twos);
  apply(there, ones);
  EXPECT_EQ(text_of(here), text_of(there));
  EXPECT_EQ(encoded(here), encoded(*List::decode(encoded(here))));
  return text_of(here);
}

auto moving(std::uint64_t from, std::uint64_t to) {
  return [=](ListEditor& editor) { ASSERT_TRUE(editor.move(from, to)); };
}
auto erasing(std::uint64_t at) {
  return [=](ListEditor& editor) { ASSERT_TRUE(editor.erase(at, 1)); };
}
auto setting(std::uint64_t at, std::string_view value) {
  return [=](ListEditor& editor) { ASSERT_TRUE(editor.set(at, as_bytes(value))); };
}

TEST(List, OfTwoMovesOfOneElementTheGreaterCounts) {
  EXPECT_EQ(merged(5, moving(0, 4), 4, moving(0, 2)), "bcdea");
  EXPECT_EQ(merged(4, moving(0, 4), 5, moving(0, 2)), "bcade");
  EXPECT_EQ(merged(5, moving(0, 4), 5, moving(0, 2)), "bcade") << "the later commit id";
}

TEST(List, MovesOfDifferentElementsBothCount) {
  EXPECT_EQ(merged(5, moving(0, 4), 5, moving(4, 0)), "ebcda");
  EXPECT_EQ(merged(5, moving(0, 2), 5, moving(1, 3)), "cadbe");
}

TEST(List, ADeleteHoldsAgainstAMove) {
  EXPECT_EQ(merged(9, moving(0, 4), 5, erasing(0)), "bcde");
  EXPECT_EQ(merged(5, moving(0, 4), 9, erasing(0)), "bcde");
}

TEST(List, OfTwoWhoSetOneElementBothValuesAreShown) {
  EXPECT_EQ(merged(5, setting(1, "X"), 5, setting(1, "Y")), "aXYcde");
  EXPECT_EQ(merged(5, setting(1, "X"), 5, moving(1, 4)), "aXcde")
      << "the old value goes, moved or not";
}

TEST(List, WhatStandsByAMovedElementStaysByIt) {
  List list = letters();
  (void)edited(list, 2, 2, moving(0, 4));
  EXPECT_EQ(text_of(list), "bcdea");
  (void)edited(list, 3, 3, [](ListEditor& editor) {
    ASSERT_TRUE(editor.insert(5, as_bytes("X")));
    ASSERT_TRUE(editor.insert(6, as_bytes("Y")));
  });
  EXPECT_EQ(text_of(list), "bcdeaXY");
  EXPECT_EQ(list.element_at(4), (ElementRef{{1, 1}, 0}));
  EXPECT_EQ(list.index_of({{1, 1}, 0}), 4u);
  EXPECT_EQ(list.index_of({{9, 1}, 0}), std::nullopt);
}

TEST(List, MovesWithoutPayloadStillCount) {
  List list = letters();
  List other = letters();
  const auto edits = edited(list, 2, 2, [](ListEditor& editor) {
    ASSERT_TRUE(editor.move(0, 4));
    ASSERT_TRUE(editor.insert(0, as_bytes("X")));
  });
  apply(other, edits, true);
  EXPECT_EQ(text_of(list), "Xbcdea");
  EXPECT_EQ(text_of(other), "bcdea");
}

TEST(List, AsManyValuesAsElementsOrNone) {
  List list = letters();
  const SequenceRun run{ElementRef{{1, 1}, 0}, {}, {}, 2};
  const ElementRange first{{1, 1}, 0, 1};
  const std::vector<ByteView> values{as_bytes("X")};
  list.apply({{2, 1}, Hlc{2}, false, {&run, 1}, {&first, 1}, values, {}}, kIds);
  EXPECT_EQ(text_of(list), "bcde");
  EXPECT_EQ(list.sequence().elements(), 7u);
}

TEST(List, ErasedValuesAreAsIfTheyHadNeverCome) {
  const OffsetRange second{1, 1};
  List list;
  List other;
  const auto letters_of = [](List& into, std::span<const OffsetRange> erased) {
    const SequenceRun run{{}, {}, {}, 3};
    const std::vector<ByteView> values{as_bytes("a"), as_bytes("b"), as_bytes("c")};
    into.apply({{1, 1}, Hlc{1}, false, {&run, 1}, {}, values, erased}, kIds);
  };
  const SequenceRun to_end{ElementRef{{1, 1}, 2}, {}, ElementRef{{1, 1}, 1}, 1};
  const ListOp move{{2, 1}, Hlc{2}, false, {&to_end, 1}, {}, {}, {}};
  letters_of(list, {});
  list.apply(move, kIds);
  EXPECT_EQ(text_of(list), "acb");
  list.erase_values({{1, 1}, second.offset, second.count});
  letters_of(other, {&second, 1});
  other.apply(move, kIds);
  EXPECT_EQ(text_of(list), "ac");
  EXPECT_EQ(encoded(list), encoded(other));
}

TEST(List, PlacesOfMovesAreNoElements) {
  List list = letters();
  (void)edited(list, 2, 2, moving(0, 4));
  ASSERT_EQ(text_of(list), "bcdea");
  // Whoever names the place deletes nothing and moves nothing.
  const ElementRange place{{2, 1}, 0, 1};
  list.apply({{3, 1}, Hlc{3}, false, {}, {&place, 1}, {}, {}}, kIds);
  const SequenceRun again{{}, {}, ElementRef{{2, 1}, 0}, 1};
  list.apply({{4, 1}, Hlc{4}, false, {&again, 1}, {}, {}, {}}, kIds);
  EXPECT_EQ(text_of(list), "bcdea");
}

TEST(List, AVoidMoveLeavesTheElementWhereItWas) {
  List list = letters();
  const SequenceRun to_end{ElementRef{{1, 1}, 4}, {}, ElementRef{{1, 1}, 0}, 1};
  list.apply({{2, 1}, Hlc{2}, true, {&to_end, 1}, {}, {}, {}}, kIds);
  EXPECT_EQ(text_of(list), "abcde");
}

TEST(List, EditorsRefuseWhatIsBeyondTheEnd) {
  List list = letters();
  (void)edited(list, 2, 2, [](ListEditor& editor) {
    EXPECT_EQ(editor.insert(6, {}).error().code, Errc::usage);
    EXPECT_EQ(editor.erase(4, 2).error().code, Errc::usage);
    EXPECT_EQ(editor.set(5, {}).error().code, Errc::usage);
    EXPECT_EQ(editor.move(5, 0).error().code, Errc::usage);
    EXPECT_EQ(editor.move(0, 5).error().code, Errc::usage);
  });
  EXPECT_EQ(text_of(list), "abcde");
}

TEST(List, DamagedBytesAreAnErrorOrAnotherList) {
  List list = letters();
  (void)edited(list, 2, 2, moving(0, 4));
  (void)edited(list, 3, 3, [](ListEditor& editor) {
    ASSERT_TRUE(editor.move(0, 2));
    ASSERT_TRUE(editor.set(1, as_bytes("XYZ")));
    ASSERT_TRUE(editor.erase(0, 1));
  });
  const Bytes stored = encoded(list);
  for (std::size_t size = 0; size < stored.size(); ++size)
    EXPECT_EQ(List::decode(ByteView{stored}.first(size)).error().code, Errc::integrity) << size;
  std::mt19937_64 random{8};
  std::size_t read = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes damaged = stored;
    for (auto flips = 1 + random() % 3; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<std::uint8_t>(1u << random() % 8);
    auto other = List::decode(damaged);
    if (!other) continue;
    ++read;
    const Bytes once = encoded(*other);
    EXPECT_EQ(encoded(*List::decode(once)), once);
    // Whatever it says, it can be worked with.
    if (other->size() > 1)
      (void)edited(*other, 1'000'000'000'000, 9, [&](ListEditor& editor) {
        EXPECT_TRUE(editor.move(0, other->size() - 1));
        EXPECT_TRUE(editor.erase(0, other->size()));
      });
  }
  EXPECT_GT(read, 100u);
  Bytes newer = stored;
  ++newer[0];
  EXPECT_EQ(List::decode(newer).error().code, Errc::newer_version);
}

}  // namespace
}  // namespace maillon::test
