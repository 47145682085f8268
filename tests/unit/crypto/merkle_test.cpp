#include "crypto/merkle.hpp"

#include <gtest/gtest.h>

#include "crypto/sign.hpp"

namespace maillon::crypto {
namespace {

constexpr std::uint32_t kSizeMax = 70;

std::vector<Digest> leaves_of(std::uint32_t n) {
  std::vector<Digest> out;
  for (std::uint32_t i = 0; i < n; ++i) {
    Bytes name;
    ByteWriter(name).le32(i);
    out.push_back(hash(name));
  }
  return out;
}

std::uint32_t naive_split(std::uint32_t n) {
  std::uint32_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/// RFC 6962 section 2.1, word for word.
Digest naive_root(std::span<const Digest> d) {
  if (d.empty()) return hash({});
  if (d.size() == 1) return d[0];
  const auto k = naive_split(static_cast<std::uint32_t>(d.size()));
  Bytes joined{0x01};
  ByteWriter writer(joined);
  writer.raw(naive_root(d.first(k)).bytes());
  writer.raw(naive_root(d.subspan(k)).bytes());
  return hash(joined);
}

/// RFC 6962 section 2.1.1.
std::vector<Digest> naive_path(std::uint32_t m, std::span<const Digest> d) {
  if (d.size() == 1) return {};
  const auto k = naive_split(static_cast<std::uint32_t>(d.size()));
  auto out = m < k ? naive_path(m, d.first(k)) : naive_path(m - k, d.subspan(k));
  out.push_back(naive_root(m < k ? d.subspan(k) : d.first(k)));
  return out;
}

void all_subtrees(LeafRange node, std::vector<LeafRange>& out) {
  out.push_back(node);
  if (node.count < 2) return;
  const auto k = naive_split(node.count);
  all_subtrees({node.first, k}, out);
  all_subtrees({node.first + k, node.count - k}, out);
}

TEST(Merkle, LeafHashesSpellTheirDefinition) {
  const Salt salt = {7};
  const auto payload = as_bytes("payload");
  Bytes inner(salt.begin(), salt.end());
  ByteWriter(inner).raw(payload);
  EXPECT_EQ(payload_hash(salt, payload), hash(inner));

  const Bytes skeleton(300, 0x5a);
  Bytes outer{0x00, 0x2c, 0x01, 0x00, 0x00};
  ByteWriter(outer).raw(skeleton);
  ByteWriter(outer).raw(hash(inner).bytes());
  EXPECT_EQ(leaf_hash(skeleton, hash(inner)), hash(outer));
}

TEST(Merkle, RootsFollowTheRecursiveDefinition) {
  for (std::uint32_t n = 0; n <= kSizeMax; ++n)
    EXPECT_EQ(merkle_root(leaves_of(n)), naive_root(leaves_of(n))) << n;
}

TEST(Merkle, PathsLeadToTheRoot) {
  for (std::uint32_t n = 1; n <= kSizeMax; ++n) {
    const auto leaves = leaves_of(n);
    const auto root = naive_root(leaves);
    for (std::uint32_t i = 0; i < n; ++i) {
      auto path = merkle_path(leaves, i);
      ASSERT_EQ(path, naive_path(i, leaves)) << n << " " << i;
      ASSERT_EQ(root_from_path(leaves[i], i, n, path).value(), root) << n << " " << i;
      path.push_back(root);
      EXPECT_EQ(root_from_path(leaves[i], i, n, path).error().code, Errc::malformed);
      path.pop_back();
      if (path.empty()) continue;
      const auto other = root_from_path(leaves[i], i ^ 1, n, path);
      EXPECT_TRUE(!other || *other != root) << "another place, same root";
      path.pop_back();
      EXPECT_EQ(root_from_path(leaves[i], i, n, path).error().code, Errc::malformed);
    }
    EXPECT_TRUE(merkle_path(leaves, n).empty());
    EXPECT_EQ(root_from_path(leaves[0], n, n, {}).error().code, Errc::malformed);
  }
}

TEST(Merkle, SubtreesAreThoseOfTheSplit) {
  for (std::uint32_t n = 0; n <= 40; ++n) {
    std::vector<LeafRange> real;
    if (n > 0) all_subtrees({0, n}, real);
    for (std::uint32_t first = 0; first <= n + 1; ++first) {
      for (std::uint32_t count = 0; count <= n + 1; ++count) {
        const LeafRange range{first, count};
        EXPECT_EQ(is_subtree(range, n), std::ranges::find(real, range) != real.end());
      }
    }
  }
}

TEST(Merkle, CoversAreExactMinimalAndGiveTheRoot) {
  for (std::uint32_t n = 1; n <= kSizeMax; n += 3) {
    const auto leaves = leaves_of(n);
    const auto root = naive_root(leaves);
    for (std::uint32_t first = 0; first < n; ++first) {
      for (std::uint32_t count = 1; count <= n - first; ++count) {
        std::vector<LeafRange> parts = subtree_cover({0, first}, n);
        const auto middle = subtree_cover({first, count}, n);
        const auto tail = subtree_cover({first + count, n - first - count}, n);
        parts.insert(parts.end(), middle.begin(), middle.end());
        parts.insert(parts.end(), tail.begin(), tail.end());
        std::vector<Subtree> known;
        std::uint32_t at = 0;
        for (const auto& part : parts) {
          ASSERT_EQ(part.first, at);
          ASSERT_TRUE(is_subtree(part, n));
          known.push_back({part, naive_root(std::span{leaves}.subspan(part.first, part.count))});
          at += part.count;
        }
        ASSERT_EQ(at, n);
        ASSERT_EQ(merkle_root(known, n).value(), root);
        // Minimal: no two neighbours of one cover are together a subtree.
        for (std::size_t i = 1; i < middle.size(); ++i)
          ASSERT_FALSE(is_subtree({middle[i - 1].first, middle[i - 1].count + middle[i].count}, n));
      }
    }
  }
}

TEST(Merkle, CoverOfNothingIsNothing) {
  EXPECT_TRUE(subtree_cover({0, 0}, 8).empty());
  EXPECT_TRUE(subtree_cover({0, 1}, 0).empty());
  EXPECT_TRUE(subtree_cover({8, 1}, 8).empty());
  EXPECT_TRUE(subtree_cover({4, 5}, 8).empty());
  EXPECT_TRUE(subtree_cover({1, 0xffffffff}, 8).empty());
}

TEST(Merkle, PartsThatDoNotLineUpAreMalformed) {
  const Digest any = hash({});
  const auto bad = [&](std::vector<LeafRange> ranges, std::uint32_t n) {
    std::vector<Subtree> parts;
    for (const auto& range : ranges) parts.push_back({range, any});
    const auto root = merkle_root(parts, n);
    return root.has_error() && root.error().code == Errc::malformed;
  };
  EXPECT_TRUE(bad({}, 1));
  EXPECT_TRUE(bad({{0, 1}}, 0));
  EXPECT_TRUE(bad({{0, 4}}, 5)) << "a leaf is missing";
  EXPECT_TRUE(bad({{0, 4}, {4, 1}, {5, 1}}, 5)) << "one too many";
  EXPECT_TRUE(bad({{0, 3}, {3, 2}}, 5)) << "no subtrees";
  EXPECT_TRUE(bad({{0, 2}, {1, 2}, {3, 2}}, 5)) << "an overlap";
  EXPECT_TRUE(bad({{4, 1}, {0, 4}}, 5)) << "out of order";
  EXPECT_TRUE(bad({{0, 0}, {0, 4}, {4, 1}}, 5)) << "an empty part";
  EXPECT_TRUE(bad({{0, 1}}, 0xffffffff)) << "a huge tree costs nothing";
  EXPECT_FALSE(bad({{0, 4}, {4, 1}}, 5));
}

}  // namespace
}  // namespace maillon::crypto
