#pragma once

#include <span>
#include <vector>

#include "crypto/merkle.hpp"
#include "proto/random.hpp"

/// One 32-byte seed per body gives every leaf its salt through a binary hash tree (Goldreich,
/// Goldwasser, Micali 1986) of the same shape as the Merkle tree: a node's seed s gives its
/// children the two halves of BLAKE2b-512("maillon/salt/v1" ‖ s); a leaf's seed is its salt.
/// Dropping one leaf's seed and keeping the siblings on its path leaves all other salts computable.
namespace maillon::crypto {

using Seed = std::array<std::uint8_t, 32>;

/// The seed of one whole subtree.
struct SeedNode {
  LeafRange range;
  Seed seed{};
};

/// The salts of all leaves below `nodes`, written to salts[leaf]; leaves not covered are left
/// alone. salts.size() must be n. A node that reaches past n writes nothing, so that salts stay
/// wrong and the root shows it; whether ranges are subtrees, is_subtree tells.
void expand_salts(std::span<const SeedNode> nodes, std::uint32_t n, std::span<Salt> salts);

/// The seeds that still cover `kept` (ascending, disjoint ranges) and nothing else, derived from
/// `nodes`. The result follows subtree_cover of each range, in smaller parts where `nodes` has no
/// common seed; leaves that `nodes` does not cover (a body may come without them) are left out.
[[nodiscard]] std::vector<SeedNode> restrict_seeds(std::span<const SeedNode> nodes, std::uint32_t n,
                                                   std::span<const LeafRange> kept);

}  // namespace maillon::crypto
