#include <gtest/gtest.h>

#include "crypto/sign.hpp"
#include "proto/limits.hpp"
#include "tests/unit/sync/mesh.hpp"

/// Who pushes, who announces, and what happens when a pusher fails (docs/protocol.md, "Push").
namespace maillon::test {
namespace {

bool carries_commits(const Bytes& message) { return *kind_of(message) == MessageKind::commits; }

/// Node 0 and five neighbours.
class FiveLinks : public testing::Test {
 protected:
  static constexpr std::size_t kBacklog = 600;
  void spread(std::size_t size = 100) {
    std::vector<SignedCommit> backlog;
    for (std::size_t i = 0; i < kBacklog; ++i) backlog.push_back(mesh.draft(6, size));
    for (std::size_t node = 1; node <= 5; ++node) mesh.give(node, backlog);
  }
  void link_all() {
    for (std::size_t node = 1; node <= 5; ++node) mesh.link(0, node);
  }
  void join_neighbours() {
    for (std::size_t node = 1; node <= 5; ++node) mesh.link(node, node % 5 + 1);
    mesh.settle();
  }
  Mesh mesh{7};
};

TEST(OneLink, CarriesAnEditAsItComes) {
  Mesh mesh{2};
  mesh.link(0, 1);
  mesh.settle();
  mesh.write(0);
  mesh.settle();
  EXPECT_EQ(mesh.stored(1), 1u) << "no tick was needed";
  mesh.write(1);
  mesh.settle();
  EXPECT_TRUE(mesh.equal());
  EXPECT_EQ(mesh.messages(MessageKind::push), 0u);
  EXPECT_EQ(mesh.messages(MessageKind::commits), 2u);
  EXPECT_EQ(mesh.messages(MessageKind::frontier), 2u);
  EXPECT_EQ(mesh.messages(MessageKind::tips), 0u);
  for (int i = 0; i < 100; ++i) mesh.tick();
  EXPECT_EQ(mesh.messages(MessageKind::commits), 2u);
}

TEST_F(FiveLinks, ABacklogComesOnceFromNodesThatHaveNobodyElse) {
  spread();
  link_all();
  mesh.settle();
  EXPECT_EQ(mesh.stored(0), kBacklog);
  EXPECT_EQ(mesh.copies(0), kBacklog);
  for (int i = 0; i < 100; ++i) mesh.tick();
  EXPECT_EQ(mesh.copies(0), kBacklog);
}

TEST_F(FiveLinks, ABacklogComesOnceFromNodesThatHaveOthers) {
  join_neighbours();
  spread();
  mesh.settle();
  const std::size_t before = mesh.all_copies();
  link_all();
  for (int i = 0; i < 100; ++i) mesh.tick();
  EXPECT_EQ(mesh.stored(0), kBacklog);
  EXPECT_EQ(mesh.all_copies() - before, kBacklog);
}

TEST_F(FiveLinks, ANeighbourOfNobodyElseStillPushesItsEdits) {
  link_all();
  mesh.settle();
  for (std::size_t node = 1; node <= 5; ++node) {
    mesh.write(node);
    mesh.settle();
    EXPECT_TRUE(mesh.stored(0) == node && mesh.stored(6 - node) == node) << "without a tick";
  }
}

TEST_F(FiveLinks, ASilentPusherIsReplaced) {
  spread();
  mesh.lose(1, 0, carries_commits);
  link_all();
  mesh.settle();
  EXPECT_EQ(mesh.stored(0), 0u) << "the first link was asked";
  for (int i = 0; i < 3; ++i) mesh.tick();
  EXPECT_EQ(mesh.stored(0), kBacklog);
  EXPECT_EQ(mesh.copies(0), kBacklog);
}

TEST_F(FiveLinks, APusherThatStopsHalfwayIsReplaced) {
  spread(2000);
  int messages = 0;
  mesh.lose(1, 0, [&](const Bytes& message) { return carries_commits(message) && ++messages > 3; });
  link_all();
  mesh.settle();
  EXPECT_GT(mesh.stored(0), 0u);
  EXPECT_LT(mesh.stored(0), kBacklog);
  for (int i = 0; i < 4; ++i) mesh.tick();
  EXPECT_EQ(mesh.stored(0), kBacklog);
  EXPECT_EQ(mesh.copies(0), kBacklog);
}

TEST_F(FiveLinks, APusherThatLeavesIsReplacedAtOnce) {
  spread();
  mesh.lose(1, 0, carries_commits);
  link_all();
  mesh.settle();
  mesh.tick();  // The others announce what they have.
  mesh.cut(0, 1);
  mesh.settle();
  EXPECT_EQ(mesh.stored(0), kBacklog);
  EXPECT_EQ(mesh.copies(0), kBacklog);
}

// It passes on what others write, so that nothing looks wrong but the commits that are not there.
TEST_F(FiveLinks, APusherThatWithholdsOneAuthorIsReplaced) {
  join_neighbours();
  link_all();
  mesh.settle();
  const SignedCommit hidden = mesh.draft(6);
  mesh.lose(1, 0, [&](const Bytes& message) {
    if (!carries_commits(message)) return false;
    const auto commits = decode_commits(message);
    return std::ranges::any_of(commits->commits,
                               [&](const auto& c) { return c.header == hidden.header; });
  });
  mesh.give(3, {hidden});
  mesh.settle();
  for (int i = 0; i < 3; ++i) {
    mesh.write(4);
    mesh.tick();
  }
  EXPECT_EQ(mesh.stored(0), 4u);
}

TEST_F(FiveLinks, AnnouncementsOfNothingCostLittleAndBlockNobody) {
  join_neighbours();
  link_all();
  mesh.settle();
  crypto::SeededRng rng{1};
  Frontier lie;
  lie.space = Mesh::space();
  for (int second = 0; second < 20; ++second) {
    for (int message = 0; message < 20; ++message) {
      lie.announced.clear();
      for (std::size_t i = 0; i < limits::kAnnouncedMax; ++i)
        lie.announced.push_back(CommitId::from_array(rng.bytes<32>()));
      mesh.forge(2, 0, encode(lie));
    }
    mesh.settle();
    EXPECT_LE(mesh.missing(0), limits::kAnnouncedMax + 5);
    mesh.write(3);
    mesh.tick();
  }
  for (int i = 0; i < 3; ++i) mesh.tick();
  EXPECT_EQ(mesh.stored(0), 20u);
  EXPECT_LE(mesh.copies(0), 30u);
  EXPECT_EQ(mesh.accused(), 0u) << "what comes too early, too late or not at all is no fault";
  EXPECT_LE(mesh.messages(MessageKind::tips), 200u);
}

TEST_F(FiveLinks, AnnouncedCommitsThatOnlyALinkWithoutPushHasAreFetched) {
  join_neighbours();
  link_all();
  mesh.settle();
  for (std::size_t node = 1; node <= 4; ++node) mesh.lose(node, 0, carries_commits);
  mesh.write(5);
  for (int i = 0; i < 6; ++i) mesh.tick();
  EXPECT_EQ(mesh.stored(0), 1u);
}

TEST_F(FiveLinks, WhatWasNeverAnnouncedIsFoundByComparing) {
  join_neighbours();
  link_all();
  mesh.settle();
  for (std::size_t node = 1; node <= 5; ++node)
    mesh.lose(node, 0, [](const Bytes& message) {
      const auto kind = *kind_of(message);
      return kind == MessageKind::commits ||
             (kind == MessageKind::frontier && !decode_frontier(message)->announced.empty());
    });
  mesh.write(5);
  mesh.tick();
  for (std::size_t node = 1; node <= 5; ++node)
    mesh.lose(node, 0, [](const Bytes&) { return false; });
  for (int i = 0; i < 70; ++i) mesh.tick();
  EXPECT_EQ(mesh.stored(0), 1u);
}

// 30 nodes with five links each or so; commits everywhere, several at once.
TEST(Mesh30, EachCommitTravelsAboutOncePerNode) {
  constexpr std::size_t kNodes = 30;
  Mesh mesh{kNodes};
  crypto::SeededRng rng{7};
  const auto any = [&] { return static_cast<std::size_t>(rng.u64() % kNodes); };
  std::set<std::pair<std::size_t, std::size_t>> links;
  for (std::size_t node = 1; node < kNodes; ++node) links.emplace(rng.u64() % node, node);
  while (links.size() < kNodes * 5 / 2)
    if (const auto a = any(), b = any(); a != b) links.insert(std::minmax(a, b));
  for (const auto& [a, b] : links) mesh.link(a, b);
  mesh.settle();
  std::size_t written = 0;
  const auto live = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      for (int j = 0; j < 3; ++j, ++written) mesh.write(any());
      mesh.tick();
    }
  };
  live(20);  // The tree forms.
  const std::size_t before = mesh.all_copies();
  const std::size_t old = written;
  live(60);
  for (int i = 0; i < 5; ++i) mesh.tick();
  EXPECT_TRUE(mesh.equal());
  EXPECT_EQ(mesh.stored(0), written);
  const auto due = static_cast<double>((written - old) * (kNodes - 1));
  EXPECT_LE(static_cast<double>(mesh.all_copies() - before) / due, 1.1);
}

}  // namespace
}  // namespace maillon::test
