#include "node/peers/clock_state.hpp"

#include <gtest/gtest.h>

namespace maillon::peers {
namespace {

using namespace std::chrono_literals;

struct ClockCase {
  std::string_view name;
  std::vector<std::int64_t> offsets;
  std::optional<std::chrono::milliseconds> offset;
  bool off;
};
class ClockStateOf : public testing::TestWithParam<ClockCase> {};

TEST_P(ClockStateOf, IsTheMedian) {
  const auto& [name, offsets, offset, off] = GetParam();
  const ClockState got = clock_state(offsets);
  EXPECT_EQ(got.peers, offsets.size());
  EXPECT_EQ(got.offset, offset);
  EXPECT_EQ(got.is_off(), off);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ClockStateOf,
    testing::Values(ClockCase{"Nobody", {}, std::nullopt, false},
                    ClockCase{"OnePeer", {-61'000}, -61s, true},
                    ClockCase{"ExactlyAMinute", {60'000}, 60s, false},
                    ClockCase{"OneOfThreeIsWrong", {3'600'000, 20, -10}, 20ms, false},
                    ClockCase{"OursIsWrong", {-90'000, -91'000, 10}, -90s, true},
                    ClockCase{"HalfOfTwoAgrees", {-200'000, 15}, 0ms, false},
                    ClockCase{"HalfOfFourAgrees", {5, 7, 300'000, 300'001}, 7ms, false},
                    ClockCase{"BothAreAhead", {80'000, 70'000}, 70s, true}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(ToldClocks, FollowAClockThatIsSet) {
  ToldClocks clocks;
  const std::vector<ToldClocks::Told> told{{1, -600'000}, {2, -600'500}};
  EXPECT_EQ(clocks.look(told, 50'000).offset, -600s);
  EXPECT_TRUE(clocks.look(told, 50'000).is_ahead());
  // Set back by ten minutes: nobody needs to tell it again.
  EXPECT_EQ(clocks.look(told, -550'000).offset, 0ms);
  // Who comes now tells what is so now.
  EXPECT_EQ(clocks.look(std::vector<ToldClocks::Told>{{3, 40}}, -550'000).offset, 40ms);
  // A session that ended is forgotten.
  EXPECT_EQ(clocks.look(told, -550'000).offset, -600s);
}

}  // namespace
}  // namespace maillon::peers
