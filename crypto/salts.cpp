#include "crypto/salts.hpp"

#include <sodium.h>

#include <algorithm>
#include <iterator>

namespace maillon::crypto {
namespace {

constexpr std::string_view kDomain = "maillon/salt/v1";

struct Children {
  Seed left;
  Seed right;
};

Children children(const Seed& seed) noexcept {
  std::array<std::uint8_t, kDomain.size() + 32> input;
  std::ranges::copy(kDomain, input.begin());
  std::ranges::copy(seed, input.begin() + kDomain.size());
  std::array<std::uint8_t, 64> both;
  crypto_generichash_blake2b(both.data(), both.size(), input.data(), input.size(), nullptr, 0);
  Children out;
  std::copy_n(both.begin(), 32, out.left.begin());
  std::copy_n(both.begin() + 32, 32, out.right.begin());
  return out;
}

void expand(const Seed& seed, std::span<Salt> salts) noexcept {
  if (salts.size() == 1) {
    salts[0] = seed;
    return;
  }
  const auto [left, right] = children(seed);
  const std::size_t half = left_leaves(static_cast<std::uint32_t>(salts.size()));
  expand(left, salts.first(half));
  expand(right, salts.subspan(half));
}

bool within(LeafRange range, std::uint32_t n) noexcept {
  return range.count > 0 && range.first < n && range.count <= n - range.first;
}

bool contains(LeafRange outer, LeafRange part) noexcept {
  return outer.first <= part.first &&
         std::uint64_t{part.first} + part.count <= std::uint64_t{outer.first} + outer.count;
}

/// The seed of `part` below `node`; false when it is no subtree of it.
bool descend(SeedNode node, LeafRange part, SeedNode& out) noexcept {
  while (node.range != part) {
    if (node.range.count <= part.count) return false;
    const std::uint32_t half = left_leaves(node.range.count);
    const auto [left, right] = children(node.seed);
    if (part.first < node.range.first + half) {
      node = {{node.range.first, half}, left};
    } else {
      node = {{node.range.first + half, node.range.count - half}, right};
    }
  }
  out = node;
  return true;
}

/// Appends what `ordered` (by first leaf) knows of the subtree `part`.
void derive(std::span<const SeedNode> ordered, LeafRange part, std::vector<SeedNode>& out) {
  const auto after = std::ranges::upper_bound(
      ordered, part.first, {}, [](const SeedNode& node) { return node.range.first; });
  if (after != ordered.begin() && contains(std::prev(after)->range, part)) {
    if (SeedNode found; descend(*std::prev(after), part, found)) {
      out.push_back(found);
      return;
    }
  }
  if (part.count == 1) return;
  const std::uint32_t half = left_leaves(part.count);
  derive(ordered, {part.first, half}, out);
  derive(ordered, {part.first + half, part.count - half}, out);
}

}  // namespace

void expand_salts(std::span<const SeedNode> nodes, std::uint32_t n, std::span<Salt> salts) {
  MAILLON_ASSERT(salts.size() == n, "room for every leaf's salt");
  for (const SeedNode& node : nodes) {
    if (within(node.range, n)) expand(node.seed, salts.subspan(node.range.first, node.range.count));
  }
}

std::vector<SeedNode> restrict_seeds(std::span<const SeedNode> nodes, std::uint32_t n,
                                     std::span<const LeafRange> kept) {
  std::vector<SeedNode> ordered;
  ordered.reserve(nodes.size());
  std::ranges::copy_if(nodes, std::back_inserter(ordered),
                       [n](const SeedNode& node) { return within(node.range, n); });
  std::ranges::sort(ordered, {}, [](const SeedNode& node) { return node.range.first; });
  std::vector<SeedNode> out;
  for (const LeafRange& range : kept) {
    for (const LeafRange& part : subtree_cover(range, n)) derive(ordered, part, out);
  }
  return out;
}

}  // namespace maillon::crypto
