#include "crypto/salts.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <map>
#include <set>

#include "crypto/sign.hpp"

namespace maillon::crypto {
namespace {

constexpr std::uint32_t kSizeMax = 70;

using Tree = std::map<std::pair<std::uint32_t, std::uint32_t>, Seed>;

/// Every node's seed, by the definition and with a BLAKE2b-512 fed byte by byte.
void naive_tree(std::uint32_t first, std::uint32_t count, const Seed& seed, Tree& out) {
  out.emplace(std::pair{first, count}, seed);
  if (count < 2) return;
  std::string input = "maillon/salt/v1";
  input.append(seed.begin(), seed.end());
  std::array<std::uint8_t, 64> both;
  crypto_generichash(both.data(), 64, reinterpret_cast<const std::uint8_t*>(input.data()),
                     input.size(), nullptr, 0);
  Seed left;
  Seed right;
  std::copy(both.begin(), both.begin() + 32, left.begin());
  std::copy(both.begin() + 32, both.end(), right.begin());
  std::uint32_t k = 1;
  while (k * 2 < count) k *= 2;
  naive_tree(first, k, left, out);
  naive_tree(first + k, count - k, right, out);
}

Seed root_seed() { return SeededRng{42}.bytes<32>(); }

std::vector<Salt> expanded(std::span<const SeedNode> nodes, std::uint32_t n) {
  std::vector<Salt> out(n);
  expand_salts(nodes, n, out);
  return out;
}

TEST(Salts, FollowTheRecursiveDefinition) {
  for (std::uint32_t n = 1; n <= kSizeMax; ++n) {
    Tree tree;
    naive_tree(0, n, root_seed(), tree);
    const std::vector<SeedNode> root = {{{0, n}, root_seed()}};
    const auto salts = expanded(root, n);
    for (std::uint32_t i = 0; i < n; ++i) EXPECT_EQ(salts[i], tree.at({i, 1})) << n << " " << i;
  }
}

TEST(Salts, AnyKeptRangeIsExpandedAlike) {
  for (const std::uint32_t n : {1u, 2u, 3u, 7u, 13u, 32u, 33u}) {
    const std::vector<SeedNode> root = {{{0, n}, root_seed()}};
    const auto all = expanded(root, n);
    for (std::uint32_t first = 0; first < n; ++first) {
      for (std::uint32_t count = 1; count <= n - first; ++count) {
        const std::vector<LeafRange> kept = {{first, count}};
        const auto nodes = restrict_seeds(root, n, kept);
        std::vector<LeafRange> ranges;
        for (const auto& node : nodes) ranges.push_back(node.range);
        EXPECT_EQ(ranges, subtree_cover(kept[0], n));
        const auto some = expanded(nodes, n);
        for (std::uint32_t i = 0; i < n; ++i)
          EXPECT_EQ(some[i], i >= first && i < first + count ? all[i] : Salt{});
      }
    }
  }
}

std::vector<LeafRange> all_but(const std::set<std::uint32_t>& dropped, std::uint32_t n) {
  std::vector<LeafRange> out;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (dropped.contains(i)) continue;
    if (!out.empty() && out.back().first + out.back().count == i) {
      ++out.back().count;
    } else {
      out.push_back({i, 1});
    }
  }
  return out;
}

// Erasing leaves one after another, as years of a commit's life would: every other salt stays, and
// nothing that is left gives a dropped one.
TEST(Salts, DroppedLeavesAreGoneAndTheOthersStay) {
  SeededRng rng{7};
  for (const std::uint32_t n : {1u, 2u, 5u, 16u, 37u, 70u}) {
    Tree tree;
    naive_tree(0, n, root_seed(), tree);
    std::vector<SeedNode> nodes = {{{0, n}, root_seed()}};
    const auto all = expanded(nodes, n);
    std::set<std::uint32_t> dropped;
    while (dropped.size() < n) {
      dropped.insert(static_cast<std::uint32_t>(rng.u64() % n));
      nodes = restrict_seeds(nodes, n, all_but(dropped, n));
      const auto left = expanded(nodes, n);
      for (std::uint32_t i = 0; i < n; ++i)
        ASSERT_EQ(left[i], dropped.contains(i) ? Salt{} : all[i]) << n << " " << i;
      for (const auto& node : nodes) {
        for (const auto& [range, seed] : tree) {
          if (seed != node.seed) continue;
          const auto next = dropped.lower_bound(range.first);
          ASSERT_TRUE(next == dropped.end() || *next >= range.first + range.second)
              << "a seed above a dropped leaf";
        }
      }
    }
    EXPECT_TRUE(nodes.empty());
  }
}

TEST(Salts, SplitsWhereTheCommonSeedIsGone) {
  const std::vector<SeedNode> root = {{{0, 8}, root_seed()}};
  const auto all = expanded(root, 8);
  // Given out of order, and the seed of {0, 4} known only by its quarters.
  const std::vector<LeafRange> halves = {{0, 2}, {2, 2}};
  auto nodes = restrict_seeds(root, 8, halves);
  ASSERT_EQ(nodes.size(), 2u);
  std::swap(nodes[0], nodes[1]);
  const std::vector<LeafRange> both = {{0, 4}};
  const auto again = restrict_seeds(nodes, 8, both);
  ASSERT_EQ(again.size(), 2u);
  const auto salts = expanded(again, 8);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(salts[i], all[i]);
}

TEST(Salts, WhatDoesNotFitTheTreeIsLeftOut) {
  const std::vector<SeedNode> wild = {{{4, 1}, root_seed()},
                                      {{2, 3}, root_seed()},
                                      {{0, 0}, root_seed()},
                                      {{1, 0xffffffff}, root_seed()}};
  EXPECT_EQ(expanded(wild, 4), std::vector<Salt>(4));
  const std::vector<LeafRange> kept = {{0, 4}, {3, 9}};
  EXPECT_TRUE(restrict_seeds(wild, 4, kept).empty());
}

}  // namespace
}  // namespace maillon::crypto
