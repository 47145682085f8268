#include <algorithm>

#include "tests/sim/foreign.hpp"
#include "tests/sim/world.hpp"

/// What nodes do that run another program on purpose. Their keys are real, their federation is too.
namespace maillon::sim {

using namespace storage;

namespace {

ForeignOp some_op(Dice& dice) {
  ForeignOp op;
  op.collection = "lieux";
  op.id = derived_record_id("lieux", "carte", "row-" + std::to_string(dice.below(4)));
  op.fields.push_back({"nom", 1, Value::of_text("x" + std::to_string(dice.below(9))).encoded()});
  return op;
}

/// One way in which a header lies.
void lie(Dice& dice, Header& h, const SpaceId& other_space, const MemberId& other_member) {
  switch (dice.below(9)) {
    case 0:
      h.seq += 1 + dice.below(3);
      break;
    case 1:
      h.total_ops += 1;
      break;
    case 2:
      h.space = other_space;
      break;
    case 3: {
      auto raw = h.federation.bytes();
      std::array<std::uint8_t, 32> changed{};
      std::ranges::copy(raw, changed.begin());
      changed[7] ^= 1;
      h.federation = FederationId::from_array(changed);
      break;
    }
    case 4:
      h.member = other_member;
      break;
    case 5:
      h.hlc.packed -= std::min<std::uint64_t>(h.hlc.packed, dice.below(1ull << 40));
      break;
    case 6:  // As if nothing had been seen since.
      h.deps.clear();
      break;
    case 7:
      h.annuaire_heads.clear();
      break;
    default:
      if (!h.deps.empty()) h.previous = h.deps.front();
  }
}

}  // namespace

std::optional<int> World::dishonest() {
  std::vector<int> up;
  for (const int node : dishonest_)
    if (at(node).up() && at(node).space(kCatalogue)) up.push_back(node);
  if (up.empty()) return std::nullopt;
  return room_.dice.pick(up);
}

/// Two commits, or three, for one place, each told to somebody else.
void World::fork() {
  const auto who = dishonest();
  if (!who) return;
  SimNode& liar = at(*who);
  liar.look([&] {
    const SpaceId space = *liar.space(kCatalogue);
    for (auto branches = room_.dice.between(2, 3); branches > 0; --branches) {
      const ForeignOp op = some_op(room_.dice);
      const auto commit = forged_commit(liar.store(), space, std::span{&op, 1}, [](Header&) {},
                                        liar.author(), liar.clock().now(), liar.rng());
      if (!commit) return;  // Its disk is full.
      SimNode& told = at(room_.dice.pick(living()));
      room_.say(liar.name() + " tells " + told.name() + " of " +
                (*commit)->id.hex().substr(0, 8) + " as its number " +
                std::to_string((*commit)->header.seq));
      told.hear({*commit});
    }
  });
}

/// A commit whose header lies, well signed, told to several.
void World::forge() {
  const auto who = dishonest();
  if (!who) return;
  SimNode& liar = at(*who);
  liar.look([&] {
    const ForeignOp op = some_op(room_.dice);
    const auto change = [&](Header& h) {
      lie(room_.dice, h, *liar.space(kTraining), at(0).who().member);
    };
    const auto commit =
        forged_commit(liar.store(), *liar.space(kCatalogue), std::span{&op, 1}, change,
                      liar.author(), liar.clock().now(), liar.rng());
    if (!commit) return;  // Not even its form holds, or its disk is full.
    room_.say(liar.name() + " forges " + (*commit)->id.hex().substr(0, 8));
    for (auto others = room_.dice.between(1, 3); others > 0; --others)
      at(room_.dice.pick(living())).hear({*commit});
  });
}

/// Feeds without end, one commit each.
void World::flood() {
  const auto who = dishonest();
  if (!who) return;
  SimNode& liar = at(*who);
  liar.look([&] {
    SimNode& told = at(room_.dice.pick(living()));
    room_.say(liar.name() + " floods " + told.name());
    for (auto count = room_.dice.between(4, 20); count > 0; --count) {
      const ForeignOp op = some_op(room_.dice);
      const Author other{liar.who().member, room_.dice.u64(), &liar.who().key};
      const auto commit = forged_commit(liar.store(), *liar.space(kCatalogue), std::span{&op, 1},
                                        [](Header&) {}, other, liar.clock().now(), liar.rng());
      if (!commit) return;  // Its disk is full.
      told.hear({*commit});
    }
  });
}

}  // namespace maillon::sim
