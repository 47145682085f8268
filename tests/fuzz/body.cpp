#include <map>

#include "storage/log/commit.hpp"
#include "tests/fuzz/target.hpp"

/// Bodies: what is signed is the root, which must not change by what a node forgets.
namespace maillon::fuzz {
namespace {

using namespace storage;

using Cuts = std::vector<LeafCut>;

Cuts some_cuts(Choices& in) {
  Cuts out;
  std::uint32_t leaf = 0;
  for (std::size_t i = in.below(6); i > 0; --i) {
    leaf += 1 + static_cast<std::uint32_t>(in.below(4));
    out.push_back({leaf, in.below(2) == 0 ? LeafState::bare : LeafState::gone});
  }
  return out;
}

Cuts both(const Cuts& a, const Cuts& b) {
  std::map<std::uint32_t, LeafState> most;
  for (const Cuts* cuts : {&a, &b})
    for (const LeafCut& cut : *cuts) {
      const auto [at, fresh] = most.emplace(cut.leaf, cut.to);
      if (!fresh) at->second = std::max(at->second, cut.to);
    }
  Cuts out;
  for (const auto& [leaf, to] : most) out.push_back({leaf, to});
  return out;
}

void drop_beyond(Cuts& cuts, std::uint32_t leaves) {
  std::erase_if(cuts, [&](const LeafCut& cut) { return cut.leaf >= leaves; });
}

/// The header says how many leaves there are; here the body itself.
std::uint32_t leaves_in(ByteView raw) {
  ByteReader in{raw};
  (void)in.u8();
  (void)in.sized(limits::kCommitBodyMax);
  return in.varint32(limits::kCommitOpsMax) + 1;
}

Bytes skeleton_of(const Body& body, std::size_t k) {
  Bytes out;
  encode_skeleton(body.ops, body.ops.ops[k], false, out);
  return out;
}

/// Cuts a body whose form is good, and judges the rest as a stranger would.
Bytes cut(ByteView packed, const Body& whole, std::uint32_t leaves, const Cuts& cuts) {
  auto rest = cut_body(packed, leaves, cuts);
  MAILLON_ASSERT(rest.has_value(), rest.error().detail);
  const auto raw = unpack_body(*rest);
  MAILLON_ASSERT(raw.has_value(), raw.error().detail);
  const auto body = parse_body(*raw, leaves, /*trusted=*/false);
  MAILLON_ASSERT(body.has_value(), body.error().detail);
  MAILLON_ASSERT(body->root == whole.root, "a cut body has the same root");
  auto next = cuts.begin();
  for (std::size_t k = 0; k < whole.ops.ops.size(); ++k) {
    LeafState wanted = whole.ops.ops[k].state;
    if (next != cuts.end() && next->leaf == k + 1) wanted = std::max(wanted, (next++)->to);
    MAILLON_ASSERT(body->ops.ops[k].state == wanted, "leaves are cut as wanted, and no others");
    if (wanted != LeafState::gone)
      MAILLON_ASSERT(skeleton_of(*body, k) == skeleton_of(whole, k), "skeletons stay as they are");
  }
  return *std::move(rest);
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(body) {
  using namespace maillon;
  using namespace maillon::fuzz;
  Choices in{input};
  const bool comes_packed = in.rarely(4);
  Cuts first = some_cuts(in);
  Cuts second = some_cuts(in);
  Bytes raw = copied(in.rest());
  if (comes_packed) {
    auto unpacked = unpack_body(raw);
    if (unpacked.has_error()) return;
    raw = *std::move(unpacked);
  }
  const std::uint32_t leaves = leaves_in(raw);
  const auto body = parse_body(raw, leaves, /*trusted=*/false);
  if (body.has_error()) return;
  const auto trusted = parse_body(raw, leaves, /*trusted=*/true);
  MAILLON_ASSERT(trusted.has_value(), "what a stranger may send can be read back");
  for (std::size_t k = 0; k < body->ops.ops.size(); ++k)
    MAILLON_ASSERT(body->ops.ops[k].state == LeafState::gone ||
                       skeleton_of(*body, k) == skeleton_of(*trusted, k),
                   "trust changes nothing of what is read");
  const Bytes packed = pack_body(raw);
  const auto unpacked = unpack_body(packed);
  MAILLON_ASSERT(unpacked.has_value() && *unpacked == raw, "packing changes nothing");
  drop_beyond(first, leaves);
  drop_beyond(second, leaves);
  const Bytes at_once = cut(packed, *body, leaves, both(first, second));
  const auto cut_twice = [&](const Cuts& a, const Cuts& b) {
    const Bytes once = cut(packed, *body, leaves, a);
    auto rest = unpack_body(once);
    const auto between = parse_body(*std::move(rest), leaves, /*trusted=*/false);
    return cut(once, *between, leaves, b);
  };
  MAILLON_ASSERT(cut_twice(first, second) == at_once && cut_twice(second, first) == at_once,
                 "it does not matter in which order leaves go");
}
