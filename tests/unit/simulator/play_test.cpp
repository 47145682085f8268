#include "node/simulator/play.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace maillon::sim {
namespace {

Scenario scenario(const std::string& more) {
  auto got = read_scenario(R"(length = 120
settle = 300
[[member]]
name = "A"
region = "16"
[[member]]
name = "B"
region = "16"
delegate = true
[[member]]
name = "C"
region = "33"
delegate = true
[[member]]
name = "D"
region = "33"
founding = false
)" + more,
                           "test");
  EXPECT_TRUE(got) << got.error().detail;
  return *std::move(got);
}
Played played(const Scenario& plan, std::uint64_t seed = 1) {
  auto got = play(plan, seed);
  EXPECT_TRUE(got) << got.error().detail;
  return *std::move(got);
}
bool happened(const Played& out, std::string_view what) {
  return std::ranges::any_of(out.events, [&](const Event& event) { return event.en == what; });
}

const std::string kEdits = "[[edit]]\nevery = 2\nrecords = 5\nspace = \"formation\"\n";

TEST(Play, TheSameSeedGivesTheSame) {
  const Scenario plan = scenario(kEdits);
  const Played first = played(plan);
  EXPECT_TRUE(first.converged);
  EXPECT_GT(first.edits, 30u);
  EXPECT_EQ(first.spaces.at("formation").readers, 3u);
  EXPECT_EQ(first.spaces.at("catalogue/16").readers, 2u);
  const Played again = played(plan);
  EXPECT_EQ(again.digest, first.digest);
  EXPECT_EQ(again.bytes, first.bytes);
  EXPECT_EQ(again.time_ms, first.time_ms);
  EXPECT_NE(played(plan, 2).digest, first.digest);
}

TEST(Play, TwoHalvesThatBothWriteAgreeInTheEnd) {
  const Played out =
      played(scenario(kEdits + "[[partition]]\nfrom = 10\nto = 120\ngroups = [[\"A\"]]\n"));
  EXPECT_TRUE(out.converged) << out.apart_en;
  EXPECT_GT(out.time_ms, 120'000);
  EXPECT_GT(out.spaces.at("formation").conflicts, 0);
}

TEST(Play, WhoIsAdmittedGetsEverything) {
  const Played out = played(
      scenario(kEdits + "[[decision]]\nat = 30\nkind = \"admit\"\nmember = \"D\"\nby = [\"C\"]\n"));
  EXPECT_TRUE(out.converged) << out.apart_en;
  EXPECT_TRUE(happened(out, "the decision on D has passed"));
  EXPECT_EQ(out.nodes, 4u);
  EXPECT_EQ(out.spaces.at("formation").readers, 4u);
}

TEST(Play, ARemovalNeedsMoreThanHalfOfTheDelegates) {
  const std::string removal = "[[decision]]\nat = 30\nkind = \"remove\"\nmember = \"C\"\nby = ";
  const Played alone = played(scenario(kEdits + removal + "[\"A\"]\n"));
  EXPECT_TRUE(alone.converged);
  EXPECT_FALSE(happened(alone, "the decision on C has passed"));
  EXPECT_EQ(alone.spaces.at("formation").readers, 3u);
  const Played both = played(scenario(kEdits + removal + "[\"A\", \"B\"]\n"));
  EXPECT_TRUE(both.converged) << both.apart_en;
  EXPECT_TRUE(happened(both, "the decision on C has passed"));
  EXPECT_EQ(both.spaces.at("formation").readers, 2u);
}

TEST(Play, WhoLeavesNeedsNobodysVoteAndIsReadNoMore) {
  const Played out =
      played(scenario(kEdits + "[[decision]]\nat = 30\nkind = \"leave\"\nmember = \"A\"\n"));
  EXPECT_TRUE(out.converged) << out.apart_en;
  EXPECT_TRUE(happened(out, "the decision on A has passed"));
  EXPECT_EQ(out.spaces.at("formation").readers, 2u);
}

TEST(Play, AHigherQuorumMakesANewcomerWaitForVotes) {
  const std::string charter =
      "[[decision]]\nat = 10\nkind = \"charter\"\nkey = \"quorum\"\nvalue = 2\n"
      "by = [\"A\", \"C\"]\n";
  const std::string admission =
      "[[decision]]\nat = 40\nkind = \"admit\"\nmember = \"D\"\nby = ";
  const Played alone = played(scenario(charter + admission + "[\"A\"]\n"));
  EXPECT_TRUE(happened(alone, "the decision on quorum has passed"));
  EXPECT_FALSE(happened(alone, "the decision on D has passed"));
  const Played both = played(scenario(charter + admission + "[\"A\", \"B\"]\n"));
  EXPECT_TRUE(happened(both, "the decision on D has passed"));
}

TEST(Play, ANodeThatLosesPowerCatchesUp) {
  const Played out = played(scenario(kEdits + "[[outage]]\nof = \"B\"\nfrom = 20\nto = 120\n"));
  EXPECT_TRUE(out.converged) << out.apart_en;
  EXPECT_TRUE(happened(out, "B loses power"));
  EXPECT_TRUE(happened(out, "B starts again"));
}

TEST(Play, NodesThatNoLinkReachesDoNotAgree) {
  const Played out = played(scenario(kEdits + "[[link]]\nbetween = [\"A\", \"B\"]\n"));
  EXPECT_FALSE(out.converged);
  EXPECT_NE(out.apart_en.find("differ in"), std::string::npos);
  EXPECT_EQ(out.time_ms, 420'000);
}

}  // namespace
}  // namespace maillon::sim
