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
      room_.deeds.insert("fork");
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
    room_.deeds.insert("lying header");
    tell_some(*commit);
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
      room_.deeds.insert("flood of incarnations");
    }
  });
}

void World::tell_some(const CommitPtr& commit) {
  for (auto others = room_.dice.between(1, 3); others > 0; --others)
    at(room_.dice.pick(living())).hear({commit});
}

/// One proposal of its own, and votes for it without end: repeated, with other words, with a second
/// key, by an accomplice that it invited.
void World::plot() {
  const auto who = dishonest();
  if (!who) return;
  SimNode& liar = at(*who);
  Cheat& cheat = cheats_.at(*who);
  const auto vote_op = [](std::optional<CommitId> commit, std::uint32_t leaf,
                          std::vector<CutOff> cut) {
    return GovernanceOp{OpKind::vote, encode(Vote{commit, leaf, std::move(cut)})};
  };
  if (!cheat.plot) {
    Proposal wanted;
    if (room_.dice.chance(500))
      wanted.remove = Removal{at(room_.dice.pick(std::vector{0, 1, 2})).who().member};
    else
      wanted.delegate = DelegateChange{cheat.accomplice->member, false};
    const std::vector<GovernanceOp> ops{{OpKind::proposal, encode(wanted)},
                                        vote_op(std::nullopt, 1, {}),
                                        {OpKind::certificate, cheat.second->certificate()},
                                        {OpKind::proposal, cheat.accomplice->admission()},
                                        vote_op(std::nullopt, 4, {})};
    room_.say(liar.name() + " plots");
    auto made = std::make_shared<std::optional<CommitId>>();
    liar.write(
        [&liar, ops, made](Store& store) -> Result<std::vector<CommitPtr>> {
          MAILLON_TRY(auto commit,
                      store.write_governance(ops, liar.author(), liar.clock().now(), liar.rng()));
          *made = commit->id;
          return std::vector{std::move(commit)};
        },
        [&cheat, made] { cheat.plot = ProposalId{**made, 1}; });
    return;
  }
  room_.say(liar.name() + " votes again and again");
  room_.deeds.insert("double vote");
  const ProposalId id = *cheat.plot;
  const std::vector<CutOff> cut{{liar.store().trust()->annuaire(), id.commit}};
  const std::vector<GovernanceOp> ops{vote_op(id.commit, id.leaf, {}), vote_op(id.commit, id.leaf, cut),
                                      vote_op(id.commit, 4, {})};
  liar.write([&liar, &cheat, ops](Store& store) -> Result<std::vector<CommitPtr>> {
    std::vector<CommitPtr> out;
    for (const Author& author :
         {liar.author(), Author{liar.who().member, cheat.incarnation, &cheat.second->key},
          Author{cheat.accomplice->member, cheat.incarnation, &cheat.accomplice->key}}) {
      MAILLON_TRY(auto commit, store.write_governance(ops, author, liar.clock().now(), liar.rng()));
      out.push_back(std::move(commit));
    }
    return out;
  });
}

/// More ops than the charter lets one feed have.
void World::overdraw() {
  tell_forged("overdraws", "quota", profile_.feed_ops_max + 1, [](Header&) {});
}

/// As if it had never heard that it was removed, and dated before.
void World::linger() {
  const auto who = dishonest();
  if (!who) return;
  const MemberId& member = at(*who).who().member;
  const bool removed = std::ranges::any_of(living(), [&](int node) {
    return !is_dishonest(at(node).who().member) &&
           at(node).store().trust()->former().contains(member);
  });
  if (!removed) return;
  tell_forged("writes on after its removal", "removed but writing", 1, [this](Header& h) {
    if (room_.dice.chance(500)) h.deps.clear();
    if (room_.dice.chance(500)) h.annuaire_heads.clear();
    if (room_.dice.chance(300)) h.hlc.packed -= room_.dice.below(std::uint64_t{60'000} << 16);
  }, *who);
}

void World::ahead() {
  constexpr std::int64_t kFarthest = 400LL * 86'400'000;
  tell_forged("dates a commit far ahead", "clock ahead", 1, [this](Header& h) {
    h.hlc = Hlc::at(h.hlc.time() + std::chrono::milliseconds{room_.dice.between(310'000, kFarthest)});
  });
}

void World::tell_forged(const std::string& words, const std::string& deed, std::uint64_t ops,
                        const std::function<void(Header&)>& change, std::optional<int> who) {
  if (!who) who = dishonest();
  if (!who) return;
  SimNode& liar = at(*who);
  liar.look([&] {
    std::vector<ForeignOp> all;
    for (std::uint64_t i = 0; i < ops; ++i) {
      all.push_back(some_op(room_.dice));
      if (ops > 1) all.back().id = random_record_id(liar.rng());
    }
    const auto commit = forged_commit(liar.store(), *liar.space(kCatalogue), all, change,
                                      liar.author(), liar.clock().now(), liar.rng());
    if (!commit) return;  // Not even its form holds, or its disk is full.
    room_.say(liar.name() + " " + words + ": " + (*commit)->id.hex().substr(0, 8));
    room_.deeds.insert(deed);
    tell_some(*commit);
  });
}

/// What was said before is said again, and what was said in another federation.
void World::replay() {
  const auto who = dishonest();
  if (!who) return;
  SimNode& liar = at(*who);
  if (!elsewhere_) {
    constexpr int kApart = 90;  // No node of this federation has that number.
    elsewhere_ = std::make_unique<SimNode>(room_, network_, kApart, liar.identity());
    elsewhere_->start();
    elsewhere_->found(annuaire_declaration(room_.dice.rng()));
  }
  auto& inject = cheats_.at(*who).inject;
  const auto take = [&](SimNode& from) {
    from.look([&] {
      const auto last = sure(from.store().log().last_id(), "log");
      for (auto count = room_.dice.between(1, 5); count > 0; --count)
        inject.emplace_back(
            &from == &liar ? "replay" : "replay of another federation",
            sure(from.store().log().bytes_of(room_.dice.between(1, last)), "a replay"));
    });
  };
  take(liar);
  take(*elsewhere_);
}

/// Well signed, and of no form that a program would write.
void World::malform() {
  const auto who = dishonest();
  if (!who) return;
  SimNode& liar = at(*who);
  liar.look([&] {
    const ForeignOp op = some_op(room_.dice);
    const auto commit = forged_commit(liar.store(), *liar.space(kCatalogue), std::span{&op, 1},
                                      [](Header&) {}, liar.author(), liar.clock().now(), liar.rng());
    if (!commit) return;  // Its disk is full.
    Header h = (*commit)->header;
    const CommitId other = (*commit)->id;
    switch (room_.dice.below(4)) {
      case 0:
        h.root = Digest::from_bytes(other.bytes()).value();
        break;
      case 1:
        ++h.leaves;
        break;
      case 2:
        ++h.body_size;
        break;
      default:
        h.deps.assign(3, other);
    }
    SignedCommit bytes{encode_header(h), {}, (*commit)->bytes.body};
    const auto signature = liar.who().key.sign(kCommitDomain, bytes.header);
    bytes.signature.assign(signature.bytes().begin(), signature.bytes().end());
    cheats_.at(*who).inject.emplace_back("malformed but signed", std::move(bytes));
  });
}

/// What leaves a dishonest node instead of a message.
std::vector<Bytes> World::tamper(SimNode& liar, Bytes message) {
  const Profile& p = profile_;
  Dice& dice = room_.dice;
  Cheat& cheat = cheats_.at(liar.index());
  const auto kind = sure(kind_of(message), "kind of message");
  // In the end nothing of it comes out at all, and the others must do without it.
  if (kind == MessageKind::commits && dice.chance(healing_ && p.withhold != 0 ? 1000 : p.withhold)) {
    room_.deeds.insert("withhold");
    return {};
  }
  if (healing_ || kind == MessageKind::hello) return {std::move(message)};
  if (kind == MessageKind::frontier) {
    const SpaceId space = sure(decode_frontier(message), "frontier").space;
    const auto [old, fresh] = cheat.old_frontier.try_emplace(space, message);
    if (!fresh && dice.chance(p.stale)) {
      room_.deeds.insert("stale frontier");
      message = old->second;
    } else if (dice.chance(100)) {
      old->second = message;
    }
  }
  std::vector<Bytes> out{std::move(message)};
  if (!cheat.inject.empty()) {
    Commits extra;
    for (auto& [deed, commit] : std::exchange(cheat.inject, {})) {
      room_.deeds.insert(deed);
      extra.commits.push_back({std::move(commit.header), {}, std::move(commit.signature),
                               std::move(commit.body), 0});
    }
    out.push_back(encode(extra));
  }
  return out;
}

}  // namespace maillon::sim
