#include "crypto/merkle.hpp"

#include <bit>

namespace maillon::crypto {
namespace {

Digest inner(const Digest& left, const Digest& right) noexcept {
  std::array<std::uint8_t, 65> joined;
  joined[0] = 0x01;
  std::ranges::copy(left.bytes(), joined.begin() + 1);
  std::ranges::copy(right.bytes(), joined.begin() + 33);
  return hash(joined);
}

void cover_node(LeafRange node, LeafRange range, std::vector<LeafRange>& out) {
  const std::uint64_t node_end = std::uint64_t{node.first} + node.count;
  const std::uint64_t range_end = std::uint64_t{range.first} + range.count;
  if (node_end <= range.first || range_end <= node.first) return;
  if (range.first <= node.first && node_end <= range_end) {
    out.push_back(node);
    return;
  }
  const std::uint32_t left = left_leaves(node.count);
  cover_node({node.first, left}, range, out);
  cover_node({node.first + left, node.count - left}, range, out);
}

/// The hash of `node`, taking from `parts` what covers it.
Result<Digest> join(LeafRange node, std::span<const Subtree>& parts) {
  if (parts.empty() || parts.front().range.first != node.first)
    return Error{Errc::malformed, "merkle: the parts leave a gap"};
  if (parts.front().range.count == node.count) {
    const Digest known = parts.front().hash;
    parts = parts.subspan(1);
    return known;
  }
  // Judging the size here, before descending, bounds the work by the parts and not by n.
  if (parts.front().range.count > node.count || node.count == 1)
    return Error{Errc::malformed, "merkle: a part is no subtree"};
  const std::uint32_t half = left_leaves(node.count);
  MAILLON_TRY(const Digest left, join({node.first, half}, parts));
  MAILLON_TRY(const Digest right, join({node.first + half, node.count - half}, parts));
  return inner(left, right);
}

}  // namespace

Digest payload_hash(const Salt& salt, ByteView payload) noexcept {
  return Hasher{}.update(salt).update(payload).finish();
}

Digest leaf_hash(ByteView skeleton, const Digest& payload) noexcept {
  const auto size = static_cast<std::uint32_t>(skeleton.size());
  const std::array<std::uint8_t, 5> head = {
      0x00, static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(size >> 8),
      static_cast<std::uint8_t>(size >> 16), static_cast<std::uint8_t>(size >> 24)};
  return Hasher{}.update(head).update(skeleton).update(payload.bytes()).finish();
}

std::uint32_t left_leaves(std::uint32_t count) noexcept {
  return count < 2 ? count : std::bit_floor(count - 1);
}

bool is_subtree(LeafRange range, std::uint32_t n) noexcept {
  if (range.count == 0 || range.first >= n || range.count > n - range.first) return false;
  LeafRange node{0, n};
  while (node != range) {
    if (node.count <= range.count) return false;
    const std::uint32_t left = left_leaves(node.count);
    if (range.first < node.first + left) {
      node.count = left;
    } else {
      node = {node.first + left, node.count - left};
    }
  }
  return true;
}

Digest merkle_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return hash({});
  // A binary counter: after leaf i, as many perfect subtrees close as i has trailing ones. What is
  // left at the end are perfect trees of falling size, which is how RFC 6962 splits.
  std::vector<Digest> open;
  open.reserve(64);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    Digest node = leaves[i];
    for (std::size_t bits = i; (bits & 1) != 0; bits >>= 1) {
      node = inner(open.back(), node);
      open.pop_back();
    }
    open.push_back(node);
  }
  Digest root = open.back();
  while (open.pop_back(), !open.empty()) root = inner(open.back(), root);
  return root;
}

std::vector<LeafRange> subtree_cover(LeafRange range, std::uint32_t n) {
  std::vector<LeafRange> out;
  if (range.count == 0 || range.first >= n || range.count > n - range.first) return out;
  cover_node({0, n}, range, out);
  return out;
}

Result<Digest> merkle_root(std::span<const Subtree> parts, std::uint32_t n) {
  if (n == 0) {
    if (!parts.empty()) return Error{Errc::malformed, "merkle: parts of an empty tree"};
    return hash({});
  }
  MAILLON_TRY(const Digest root, join({0, n}, parts));
  if (!parts.empty()) return Error{Errc::malformed, "merkle: more parts than leaves"};
  return root;
}

std::vector<Digest> merkle_path(std::span<const Digest> leaves, std::uint32_t index) {
  std::vector<Digest> path;
  if (index >= leaves.size()) return path;
  auto at = static_cast<std::size_t>(index);
  while (leaves.size() > 1) {
    const std::size_t left = std::bit_floor(leaves.size() - 1);
    const bool goes_left = at < left;
    path.push_back(merkle_root(goes_left ? leaves.subspan(left) : leaves.first(left)));
    leaves = goes_left ? leaves.first(left) : leaves.subspan(left);
    if (!goes_left) at -= left;
  }
  std::ranges::reverse(path);
  return path;
}

Result<Digest> root_from_path(const Digest& leaf, std::uint32_t index, std::uint32_t n,
                              std::span<const Digest> path) {
  if (index >= n) return Error{Errc::malformed, "merkle: no such leaf"};
  // RFC 9162, section 2.1.3.2: the last node of a level that has no sibling rises unhashed.
  std::uint32_t at = index;
  std::uint32_t last = n - 1;
  Digest root = leaf;
  for (const Digest& sibling : path) {
    if (last == 0) return Error{Errc::malformed, "merkle: path too long"};
    if ((at & 1) != 0 || at == last) {
      root = inner(sibling, root);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      root = inner(root, sibling);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0) return Error{Errc::malformed, "merkle: path too short"};
  return root;
}

}  // namespace maillon::crypto
