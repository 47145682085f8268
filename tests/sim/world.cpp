#include "tests/sim/world.hpp"

#include <algorithm>

namespace maillon::sim {

using namespace storage;

namespace {

constexpr std::int64_t kRedialGap = 1500;
constexpr std::int64_t kWatchGap = 30'000;
constexpr std::int64_t kHealMax = 600'000;
constexpr std::int64_t kSettleTime = 15'000;  ///< for what was under way when all became equal
constexpr std::int64_t kQuietCheck = 65'000;  ///< two rounds of anti-entropy

/// What machines and network are like once the faults are over.
void calm(Conditions& conditions) {
  conditions.latency_min = 1;
  conditions.latency_max = 30;
  conditions.bytes_per_ms = 2000;
  conditions.store_delay_max = 5;
  conditions.tell_delay_max = 5;
}

}  // namespace

World::World(Dice dice, std::uint64_t seed, Trace::Listener listener)
    : profile_(draw_profile(dice, seed)),
      room_(dice, profile_, std::move(listener)),
      network_(room_, nodes_),
      workload_(room_, profile_) {}

Outcome World::run() {
  Outcome out;
  out.profile = describe(profile_);
  try {
    found();
    play();
    heal();
  } catch (const Violation& violation) {
    out.violation = violation.what + "  [at " + std::to_string(room_.schedule.now()) + " ms]";
    room_.say("violated: " + violation.what);
  }
  out.hash = room_.trace.hash();
  out.stats = room_.stats;
  out.deeds = room_.deeds;
  out.stats.forks = room_.feeds.forks();
  return out;
}

std::shared_ptr<const Identity> World::draw_identity() {
  const std::string name(1, static_cast<char>('A' + names_++));
  const bool first = names_ == 1;
  return std::make_shared<const Identity>(name, first || room_.dice.chance(600) ? "28" : "35",
                                          room_.dice.rng());
}

SimNode& World::add(std::shared_ptr<const Identity> who) {
  const Profile& p = profile_;
  nodes_.push_back(
      std::make_unique<SimNode>(room_, network_, static_cast<int>(nodes_.size()), std::move(who)));
  SimNode& node = *nodes_.back();
  node.clock().set_step(p.clock_step);
  node.clock().set_offset(room_.dice.between(-p.clock_offset_max, p.clock_offset_max));
  node.clock().set_drift(room_.dice.between(-p.clock_drift_ppm, p.clock_drift_ppm));
  if (nodes_.size() > 1 && room_.dice.chance(p.future_nodes))
    node.clock().set_offset(room_.dice.between(p.future_max / 2, p.future_max));
  return node;
}

/// Links a node to an earlier one, so that all hang together, and to some others.
void World::weave(int node) {
  const auto free = [&](int other) {
    return other != node && at(other).who().node != at(node).who().node;
  };
  std::vector<int> earlier;
  for (int other = 0; other < node; ++other)
    if (free(other)) earlier.push_back(other);
  if (earlier.empty()) return;
  network_.link(node, room_.dice.pick(earlier));
  for (int i = 0; i < profile_.links_per_node; ++i) network_.link(node, room_.dice.pick(earlier));
}

void World::found() {
  SimNode& first = add(draw_identity());
  first.start();
  const Bytes annuaire = annuaire_declaration(room_.dice.rng());
  Charter charter;
  charter.feed_ops_max = profile_.feed_ops_max;
  first.found(annuaire, std::move(charter));
  std::vector<std::shared_ptr<const Identity>> others;
  for (int i = 1; i < profile_.nodes; ++i) others.push_back(draw_identity());
  std::vector<GovernanceOp> ops;
  const auto propose = [&](const Bytes& proposal) {
    ops.push_back({OpKind::proposal, proposal});
    ops.push_back(
        {OpKind::vote, encode(Vote{std::nullopt, static_cast<std::uint32_t>(ops.size())})});
  };
  for (const Bytes& declaration : declarations(*first.store().federation())) {
    Proposal proposal;
    proposal.space = declaration;
    propose(encode(proposal));
  }
  for (const auto& other : others) propose(other->admission());
  first.decide(ops, [] {});
  for (auto& other : others) {
    SimNode& node = add(std::move(other));
    node.follow(*first.store().federation(), first.store().trust()->annuaire());
    node.start();
    weave(node.index());
  }
  for (int i = 0; i < profile_.dishonest; ++i) {
    dishonest_.push_back(profile_.nodes - 1 - i);
    room_.feeds.excuse(at(dishonest_.back()).who().node);
  }
  found_politics();
}

void World::play() {
  const Profile& p = profile_;
  room_.schedule.in(0, [this] { redial(); });
  room_.schedule.in(kWatchGap, [this] { watch(); });
  room_.schedule.in(room_.dice.chance(p.settle_first) ? 15'000 : 10, [this] { work(); });
  room_.schedule.in(p.mischief_gap, [this] { mischief(); });
  if (p.politics_gap != 0) room_.schedule.in(p.politics_gap, [this] { politics(); });
  for (int i = 0; i < p.joiners; ++i)
    room_.schedule.in(room_.dice.between(5'000, p.length), [this] { join(); });
  room_.schedule.run(p.length);
}

void World::redial() {
  // Whom the power left during a disk call comes back as well.
  for (const auto& node : nodes_)
    if (!node->up()) restart_in(node->index(), room_.dice.between(500, healing_ ? 600 : 20'000));
  network_.redial();
  room_.schedule.in(kRedialGap, [this] { redial(); });
}

void World::watch() {
  for (const auto& node : nodes_)
    node->look([&] {
      node->check_bounds();
      node->check_kept();
    });
  room_.schedule.in(kWatchGap, [this] { watch(); });
}

void World::work() {
  if (healing_) return;
  const auto alive = living();
  if (!alive.empty()) {
    SimNode& node = at(room_.dice.pick(alive));
    node.look([&] { workload_.act(node); });
    if (profile_.prune != 0 && room_.dice.chance(profile_.prune)) prune(node);
  }
  room_.schedule.in(room_.dice.between(1, 2 * profile_.write_gap), [this] { work(); });
}

std::vector<int> World::living() const {
  std::vector<int> out;
  for (const auto& node : nodes_)
    if (node->up()) out.push_back(node->index());
  return out;
}

NodeList World::all() {
  NodeList out;
  for (const auto& node : nodes_) out.push_back(node.get());
  return out;
}

/// Whose admission may have gone with a disk is admitted once more.
void World::admit_forgotten() {
  for (const auto& node : nodes_)
    if (at(0).store().trust()->ever_member(node->who().member) == nullptr)
      at(0).decide({{OpKind::proposal, node->who().admission()},
                    {OpKind::vote, encode(Vote{std::nullopt, 1})}},
                   [] {});
}

/// A copy may be linked only with members whose admission it holds, since a clock was far ahead.
/// The founder is known to all, and so is the second member, who serves the founder's copies.
void World::link_stranded() {
  std::set<int> reached;
  const std::function<void(int)> spread = [&](int from) {
    if (!reached.insert(from).second) return;
    for (const auto& other : nodes_)
      if (network_.linked(from, other->index()) && at(from).accepts(*other) &&
          other->accepts(at(from)))
        spread(other->index());
  };
  spread(0);
  for (const auto& node : nodes_) {
    const int index = node->index();
    if (reached.contains(index)) continue;
    network_.link(index, node->who().node == at(0).who().node ? 1 : 0);
    spread(index);
  }
}

void World::heal() {
  room_.say("faults end");
  healing_ = true;
  calm(room_.conditions);
  network_.unblock_all();
  for (const auto& node : nodes_) {
    node->tear(~std::uint64_t{0} >> 1);
    while (!node->up()) node->start();  // Once more if the power went while it was stopping.
    node->set_disk_full(false);
    node->clock().set_offset(0);
    node->clock().set_drift(0);
    node->clock().set_step(1);
  }
  admit_forgotten();
  link_stranded();
  if (profile_.heal_by_time) room_.passed = profile_.future_max + profile_.clock_jump_max * 20;
  const std::int64_t end = room_.schedule.now() + kHealMax;
  for (;;) {
    room_.schedule.run(room_.schedule.now() + 2000);
    if (profile_.politics_gap != 0) {
      link_citizens();
      vote_on_admissions();
    }
    const auto why = unsettled(room_, citizens());
    const bool busy = std::ranges::any_of(nodes_, [](const auto& node) { return !node->idle(); });
    if (!why && !busy) break;
    if (room_.schedule.now() >= end)
      throw Violation{"ten minutes after the last fault: " + why.value_or("somebody still writes")};
    if (room_.schedule.now() % 10'000 < 2000)
      for (const auto& node : nodes_) node->republish();
  }
  if (profile_.prune != 0) prune_all();
  check_settled(room_, citizens());
  check_decisions();
  room_.schedule.run(room_.schedule.now() + kSettleTime);
  (void)network_.take_commit_bytes();
  room_.say("nothing more should be sent");
  room_.schedule.run(room_.schedule.now() + kQuietCheck);
  if (const auto bytes = network_.take_commit_bytes(); bytes != 0)
    throw Violation{"all are equal, and yet commits are sent: " + std::to_string(bytes) + " bytes"};
}

}  // namespace maillon::sim
