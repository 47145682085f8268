#include "node/simulator/scenario.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

namespace maillon::sim {
namespace {

const std::string kTwo = R"(length = 60
[[member]]
name = "A"
region = "16"
[[member]]
name = "B"
region = "33"
nodes = 2
)";

TEST(Scenario, ReadsWhatADescriptionSays) {
  const auto got = read_scenario("name = \"Essai\"\nsettle = 5.5\n" + kTwo + R"(
dial_out_only = true
clock = -30
[network]
latency = [5, 6]
loss = 1.5
[[link]]
between = ["A", "B"]
latency = [100, 200]
[[outage]]
of = "B"
from = 10
how = "stop"
[[edit]]
by = ["A", "B/2"]
every = 0.25
)",
                                 "f.toml");
  ASSERT_TRUE(got) << got.error().detail;
  EXPECT_EQ(got->name, "Essai");
  EXPECT_EQ(got->length_ms, 60'000);
  EXPECT_EQ(got->settle_ms, 5'500);
  EXPECT_EQ(got->loss, 15);
  ASSERT_EQ(got->nodes.size(), 3u);
  EXPECT_EQ(got->nodes[2].second, "B/2");
  EXPECT_EQ(got->members[1].clock_ms, -30'000);
  ASSERT_EQ(got->links.size(), 2u) << "both nodes of B";
  EXPECT_EQ(got->links[1].latency_max, 200);
  EXPECT_EQ(got->links[1].loss, 15) << "as the network, where it says nothing else";
  ASSERT_EQ(got->outages.size(), 2u);
  EXPECT_EQ(got->outages[0].when.to, 60'000);
  EXPECT_FALSE(got->outages[0].power);
  EXPECT_EQ(got->edits.at(0).by, (std::vector<int>{0, 2}));
  EXPECT_EQ(got->edits.at(0).every_ms, 250);
}

struct Bad {
  std::string_view name;
  std::string text;
  std::string_view where;
  std::string_view what;
};
class BadScenario : public testing::TestWithParam<Bad> {};

TEST_P(BadScenario, IsRefusedWithItsLine) {
  const Bad& bad = GetParam();
  const auto got = read_scenario(bad.text, "f.toml");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::malformed);
  EXPECT_NE(got.error().detail.find("f.toml, line " + std::string{bad.where} + ": "),
            std::string::npos)
      << got.error().detail;
  EXPECT_NE((got.error().detail + got.error().hint).find(bad.what), std::string::npos)
      << got.error().detail << " - " << got.error().hint;
  EXPECT_FALSE(got.error().fr.empty() || got.error().hint_fr.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadScenario,
    testing::Values(
        Bad{"NotToml", "length = 60\nlength = \n", "2", "not TOML"},
        Bad{"ThreeBrackets", "length = 60\n[[[", "2", "brackets"},
        Bad{"AccentInAKey", kTwo + "rôle = \"hub\"\n", "9", "plain letters"},
        Bad{"ControlCharacter", "length = 60\n# \x01\n", "2", "control"},
        Bad{"NotUtf8", "name = \"\xff\"\n", "1", "UTF-8"},
        Bad{"AfterALongText", "name = \"\"\"\né\n\"\"\"é\n", "3", "plain letters"},
        Bad{"NoLength", "[[member]]\nname = \"A\"\nregion = \"1\"\n", "1", "`length`"},
        Bad{"NoMember", "length = 60\n", "1", "`member`"},
        Bad{"MemberIsNoList", "length = 60\n[member]\nname = \"A\"\n", "2", "[[member]]"},
        Bad{"UnknownField", kTwo + "colour = 1\n", "9", "`colour`"},
        Bad{"NameTaken", kTwo + "[[member]]\nname = \"A\"\nregion = \"1\"\n", "10", "taken"},
        Bad{"WrongRole", kTwo + "role = \"king\"\n", "9", "cooperative, hub"},
        Bad{"TooManyNodes", kTwo + "[[member]]\nname = \"C\"\nregion = \"1\"\nnodes = 10\n", "12",
            "1 to 9"},
        Bad{"UnknownName", kTwo + "[[outage]]\nof = \"C\"\n", "10", "A, B, B/1, B/2"},
        Bad{"SpanBackwards", kTwo + "[[outage]]\nof = \"A\"\nfrom = 20\nto = 10\n", "9",
            "from < to"},
        Bad{"AfterTheEnd", kTwo + "[[clock]]\nof = \"A\"\nat = 61\noffset = 1\n", "11", "length"},
        Bad{"TwiceInAPartition", kTwo + "[[partition]]\ngroups = [[\"A\"], [\"A\"]]\n", "10",
            "one group"},
        Bad{"AdmitsAMember",
            kTwo + "[[decision]]\nat = 1\nkind = \"admit\"\nmember = \"B\"\nby = [\"A\"]\n", "12",
            "founding = false"},
        Bad{"NobodyDecides", kTwo + "[[decision]]\nat = 1\nkind = \"remove\"\nmember = \"B\"\n",
            "9", "`by`"},
        Bad{"LinkOfOne", kTwo + "[[link]]\nbetween = [\"A\"]\n", "10", "between"},
        Bad{"LatencyBackwards", kTwo + "[network]\nlatency = [9, 3]\n", "10", "9 to"}),
    [](const auto& row) { return std::string{row.param.name}; });

constexpr std::string_view kLikely = "[]{}=\"'.,#\\\n\r\t -+_:0eé\xff";

/// One byte is flipped, deleted or inserted, or a piece is there twice.
std::string damaged(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t bound) { return random() % std::max<std::size_t>(1, bound); };
  for (std::size_t times = 1 + below(4); times > 0; --times) {
    const std::size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        text.erase(at, 1 + below(8));
        break;
      case 2:
        text.insert(at, 1 + below(3), kLikely[below(kLikely.size())]);
        break;
      default:
        text.insert(below(text.size()), text.substr(at, below(40)));
    }
  }
  return text;
}

TEST(Scenario, NothingThatSomebodyMistypesEndsTheProgram) {
  std::ifstream in{MAILLON_SCENARIO};
  const std::string example{std::istreambuf_iterator<char>{in}, {}};
  ASSERT_TRUE(read_scenario(example, "example"));
  std::mt19937 random{16};
  const char* many = std::getenv("MAILLON_MUTATIONS");
  for (int left = many == nullptr ? 500 : std::atoi(many); left > 0; --left) {
    const auto got = read_scenario(damaged(example, random), "f.toml");
    if (got.has_error()) {
      EXPECT_FALSE(got.error().hint_fr.empty());
    }
  }
}

}  // namespace
}  // namespace maillon::sim
