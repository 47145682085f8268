#include <algorithm>

#include "tests/sim/world.hpp"

/// What goes wrong in a world, by chance.
namespace maillon::sim {

using namespace storage;

namespace {

constexpr std::size_t kNodesMax = 10;

}  // namespace

void World::mischief() {
  if (healing_) return;
  const Profile& p = profile_;
  const std::vector<std::pair<int, std::function<void()>>> deeds{
      {p.cut, [this] { network_.cut_one(room_.dice); }},
      {p.partition, [this] { partition(); }},
      {p.one_way, [this] { one_way(); }},
      {p.kill, [this] { end_one(End::kill); }},
      {p.power_cut, [this] { end_one(End::power_cut); }},
      {p.torn_write, [this] { tear(); }},
      {p.backup, [this] { back_up(); }},
      {p.restore, [this] { restore(); }},
      {p.clone, [this] { clone(); }},
      {p.disk_full, [this] { fill_disk(); }},
      {p.clock_jump, [this] { jump_clock(); }},
      {p.republish, [this] { republish(); }},
      {p.bundle, [this] { bundle(); }},
      {p.fork, [this] { fork(); }},
      {p.forge, [this] { forge(); }},
      {p.flood, [this] { flood(); }},
      {1, [this] { end_one(End::clean); }}};
  std::vector<int> weights;
  for (const auto& [weight, deed] : deeds) weights.push_back(weight);
  deeds[room_.dice.weighted(weights)].second();
  room_.schedule.in(room_.dice.between(1, 2 * p.mischief_gap), [this] { mischief(); });
}

void World::partition() {
  std::vector<int> left;
  std::vector<int> right;
  for (const auto& node : nodes_) (room_.dice.chance(500) ? left : right).push_back(node->index());
  const std::int64_t length = room_.dice.between(2'000, 60'000);
  room_.say("partition for " + std::to_string(length) + " ms");
  for (const int a : left)
    for (const int b : right)
      for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
        network_.block(from, to, true);
        room_.schedule.in(length, [this, f = from, t = to] { network_.block(f, t, false); });
      }
}

void World::one_way() {
  const auto alive = living();
  if (alive.size() < 2) return;
  const int from = room_.dice.pick(alive);
  const int to = room_.dice.pick(alive);
  if (from == to) return;
  room_.say("nothing passes from " + std::to_string(from) + " to " + std::to_string(to));
  network_.block(from, to, true);
  room_.schedule.in(room_.dice.between(2'000, 120'000),
                    [this, from, to] { network_.block(from, to, false); });
}

void World::restart_in(int node, std::int64_t delay) {
  if (!restarting_.insert(node).second) return;
  room_.schedule.in(delay, [this, node] {
    restarting_.erase(node);
    if (!at(node).up()) at(node).start();
  });
}

void World::end_one(End end) {
  const auto alive = living();
  if (alive.empty()) return;
  const int node = room_.dice.pick(alive);
  at(node).stop(end);
  restart_in(node, room_.dice.between(500, 20'000));
}

/// The power goes in the middle of some coming transaction.
void World::tear() {
  const auto alive = living();
  if (alive.empty()) return;
  at(room_.dice.pick(alive)).tear(room_.dice.below(60));
}

void World::back_up() {
  const auto alive = living();
  if (alive.empty()) return;
  const int node = room_.dice.pick(alive);
  room_.say("backup of node " + std::to_string(node));
  backups_.insert_or_assign(node, at(node).backup());
}

void World::restore() {
  if (backups_.empty()) return;
  auto entry =
      std::next(backups_.begin(), static_cast<std::ptrdiff_t>(room_.dice.below(backups_.size())));
  SimNode& node = at(entry->first);
  node.stop(room_.dice.chance(500) ? End::clean : End::power_cut);
  room_.say(node.name() + " goes back to its backup");
  node.put(entry->second);
  restart_in(node.index(), room_.dice.between(500, 10'000));
}

/// A copy of a data folder is started while the original runs on.
void World::clone() {
  const auto alive = living();
  if (alive.empty() || nodes_.size() >= kNodesMax) return;
  SimNode& original = at(room_.dice.pick(alive));
  if (!original.space(kReserve)) return;
  auto copied = original.backup();
  SimNode& copy = add(original.identity());
  room_.say(copy.name() + " is a copy of " + original.name());
  copy.put(std::move(copied));
  copy.start();
  weave(copy.index());
}

void World::fill_disk() {
  const auto alive = living();
  if (alive.empty()) return;
  const int node = room_.dice.pick(alive);
  at(node).set_disk_full(true);
  room_.schedule.in(room_.dice.between(2'000, 40'000),
                    [this, node] { at(node).set_disk_full(false); });
}

void World::jump_clock() {
  const auto alive = living();
  if (alive.empty()) return;
  SimNode& node = at(room_.dice.pick(alive));
  const auto max = profile_.clock_jump_max;
  const auto by = room_.dice.between(-max, max);
  room_.say(node.name() + "'s clock jumps by " + std::to_string(by) + " ms");
  node.clock().set_offset(node.clock().offset() + by);
}

/// Somebody sets a clock right and publishes again what it stranded.
void World::republish() {
  std::vector<int> ahead;
  for (const int node : living())
    if (at(node).clock().offset() > 0) ahead.push_back(node);
  if (ahead.empty()) return;
  SimNode& node = at(room_.dice.pick(ahead));
  room_.say(node.name() + "'s clock is set right");
  node.clock().set_offset(room_.dice.between(-profile_.clock_offset_max / 4, 0));
  room_.schedule.in(room_.dice.between(0, 60'000), [this, index = node.index()] {
    if (at(index).up()) at(index).republish();
  });
}

/// A file of commits is carried from one node to another, some missing, in any order.
void World::bundle() {
  const auto alive = living();
  if (alive.size() < 2) return;
  SimNode& from = at(room_.dice.pick(alive));
  SimNode& to = at(room_.dice.pick(alive));
  if (from.index() == to.index() || !to.space(kReserve)) return;
  std::vector<SignedCommit> commits;
  from.look([&] {
    const auto last = sure(from.store().log().last_id(), "log");
    const std::int64_t first = std::max<std::int64_t>(1, last - room_.dice.between(1, 40));
    for (std::int64_t place = first; place <= last; ++place)
      if (room_.dice.chance(500))
        commits.push_back(sure(from.store().log().bytes_of(place), "a bundle"));
  });
  room_.dice.shuffle(commits);
  room_.say("a bundle of " + std::to_string(commits.size()) + " goes from " + from.name() + " to " +
            to.name());
  to.import(std::move(commits));
}

void World::join() {
  const auto alive = living();
  if (healing_ || alive.empty() || nodes_.size() >= kNodesMax) return;
  SimNode& inviter = at(room_.dice.pick(alive));
  if (!inviter.space(kReserve)) return;
  // Whose own admission still waits for its time admits nobody.
  if (inviter.store().trust()->member(inviter.who().member) == nullptr) return;
  const auto who = draw_identity();
  room_.say(inviter.name() + " votes for " + who->name);
  const std::vector<GovernanceOp> ops{{OpKind::proposal, who->admission()},
                                      {OpKind::vote, encode(Vote{std::nullopt, 1})}};
  inviter.decide(ops, [this, who, &inviter] {
    if (healing_ || nodes_.size() >= kNodesMax) return;
    SimNode& node = add(who);
    node.follow(*inviter.store().federation(), inviter.store().trust()->annuaire());
    node.start();
    network_.link(node.index(), inviter.index());
    weave(node.index());
  });
}

}  // namespace maillon::sim
