#pragma once

#include <vector>

#include "crypto/hash.hpp"

/// The tree over a commit's leaves: the shape of RFC 6962 section 2.1 over BLAKE2b-256.
/// Inner nodes are H(0x01 ‖ left ‖ right); the tree of no leaves is H("").
namespace maillon::crypto {

using Salt = std::array<std::uint8_t, 32>;

/// H(salt ‖ payload): what binds a payload that may be erased later.
[[nodiscard]] Digest payload_hash(const Salt& salt, ByteView payload) noexcept;
/// H(0x00 ‖ le32(skeleton size) ‖ skeleton ‖ payload hash).
[[nodiscard]] Digest leaf_hash(ByteView skeleton, const Digest& payload) noexcept;

[[nodiscard]] Digest merkle_root(std::span<const Digest> leaves);

/// `count` leaves from `first` on.
struct LeafRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  friend auto operator<=>(const LeafRange&, const LeafRange&) = default;
};

/// RFC 6962's split: of `count` leaves the left part takes the largest power of two smaller.
[[nodiscard]] std::uint32_t left_leaves(std::uint32_t count) noexcept;
/// True when `range` is a whole subtree (or a single leaf) of an n-leaf tree.
[[nodiscard]] bool is_subtree(LeafRange range, std::uint32_t n) noexcept;

/// The fewest whole subtrees of an n-leaf tree that cover exactly `range`, in order; none when the
/// range is empty or reaches past n.
[[nodiscard]] std::vector<LeafRange> subtree_cover(LeafRange range, std::uint32_t n);

/// A whole subtree (or single leaf) whose hash is known.
struct Subtree {
  LeafRange range;
  Digest hash;
};
/// The root of an n-leaf tree of which `parts`, in order, are known and cover every leaf once.
/// Errc::malformed when they do not line up with subtrees.
[[nodiscard]] Result<Digest> merkle_root(std::span<const Subtree> parts, std::uint32_t n);

/// Sibling hashes from leaf `index` to the root (RFC 6962 section 2.1.1); none for no such leaf.
[[nodiscard]] std::vector<Digest> merkle_path(std::span<const Digest> leaves, std::uint32_t index);
/// The root that `leaf` at `index` of `n` has under `path`; Errc::malformed for a wrong length.
[[nodiscard]] Result<Digest> root_from_path(const Digest& leaf, std::uint32_t index,
                                            std::uint32_t n, std::span<const Digest> path);

}  // namespace maillon::crypto
