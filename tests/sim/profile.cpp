#include "tests/sim/profile.hpp"

#include <algorithm>

namespace maillon::sim {
namespace {

void draw_network(Dice& dice, Profile& p) {
  p.latency_min = dice.between(1, 30);
  p.latency_max =
      p.latency_min + (dice.chance(300) ? dice.between(500, 8000) : dice.between(0, 80));
  p.bytes_per_ms = dice.chance(300) ? dice.between(2, 40) : 2000;
  p.congested_bytes = dice.chance(300) ? dice.between(2'000, 20'000) : 1 << 20;
  p.double_links = dice.chance(300) ? 400 : 0;
  p.links_per_node = static_cast<int>(dice.between(0, 3));
}

void draw_clocks(Dice& dice, Profile& p) {
  if (dice.chance(350)) p.clock_step = dice.pick(std::vector<std::int64_t>{50, 1000, 5000});
  if (dice.chance(500)) p.clock_offset_max = dice.between(0, 200'000);
  if (dice.chance(300)) p.clock_drift_ppm = dice.between(0, 20'000);
  if (dice.chance(500)) {
    p.future_max = dice.chance(500) ? dice.between(310'000, 900'000)
                                    : dice.between(3'600'000, 400ll * 86'400'000);
    p.future_nodes = static_cast<int>(dice.between(150, 600));
    p.republish = dice.chance(700) ? static_cast<int>(dice.between(1, 8)) : 0;
    p.heal_by_time = dice.chance(350);
  }
  if (dice.chance(350)) {
    p.clock_jump = static_cast<int>(dice.between(1, 6));
    p.clock_jump_max =
        dice.chance(500) ? dice.between(1000, 60'000) : dice.between(60'000, 7'200'000);
  }
}

/// Off half of the time; otherwise rare or frequent.
int maybe(Dice& dice, int on_per_mille = 500) {
  return dice.chance(on_per_mille) ? static_cast<int>(dice.between(1, 10)) : 0;
}

void draw_mischief(Dice& dice, Profile& p) {
  p.mischief_gap = dice.chance(300) ? dice.between(2'000, 6'000) : dice.between(6'000, 40'000);
  p.cut = maybe(dice, 700);
  p.partition = maybe(dice);
  p.one_way = maybe(dice, 400);
  p.kill = maybe(dice);
  p.power_cut = maybe(dice);
  p.torn_write = maybe(dice);
  if (dice.chance(350)) {
    p.backup = static_cast<int>(dice.between(2, 8));
    p.restore = static_cast<int>(dice.between(1, 4));
  }
  p.clone = dice.chance(250) ? static_cast<int>(dice.between(1, 3)) : 0;
  p.disk_full = maybe(dice, 300);
  p.bundle = maybe(dice, 400);
}

void draw_work(Dice& dice, Profile& p) {
  p.write_gap = dice.between(600, 4000);
  p.pool = static_cast<int>(dice.between(1, 16));
  p.rows = static_cast<int>(dice.between(1, 12));
  p.values = static_cast<int>(dice.between(2, 6));
  p.patch = static_cast<int>(dice.between(4, 20));
  p.import = maybe(dice, 600);
  p.remove = maybe(dice, 600) / 2;
  p.resolve = maybe(dice, 600);
  p.unknown = maybe(dice, 400) / 2;
  p.trespass = maybe(dice, 400);
  p.bulky = dice.chance(100) ? 1 : 0;
  p.settle_first = 500;
}

/// Most dishonest worlds decide as well, and many of those that were honest so far.
void draw_politics(Dice& dice, Profile& p) {
  if (p.careless || !dice.chance(p.dishonest != 0 ? 750 : 600)) return;
  if (p.dishonest == 0 && dice.chance(700))
    p.dishonest = static_cast<int>(dice.between(1, (p.nodes - 1) / 3));
  p.politics_gap = dice.between(800, 6000);
  p.propose = static_cast<int>(dice.between(2, 5));
  p.vote = static_cast<int>(dice.between(5, 12));
  p.vote_twice = maybe(dice, 700) / 2;
  if (dice.chance(700)) p.feed_ops_max = static_cast<std::uint64_t>(dice.between(100, 600));
  if (p.dishonest == 0) return;
  p.plot = maybe(dice, 800);
  p.flood = std::max(p.flood, maybe(dice, 500));
  p.overdraw = p.feed_ops_max != 0 ? maybe(dice, 900) : 0;
  p.linger = 2 * maybe(dice, 900);
  p.ahead = maybe(dice, 700);
  p.replay = maybe(dice, 700);
  p.malform = maybe(dice, 700);
  p.withhold = dice.chance(600) ? static_cast<int>(dice.between(100, 1000)) : 0;
  p.stale = dice.chance(600) ? static_cast<int>(dice.between(100, 800)) : 0;
}

void draw_settling(Dice& dice, Profile& p) {
  // A clock that is ahead settles nothing (Settling.AClockThatIsAheadSettlesNothing), and strands its owner.
  if (p.future_nodes != 0 || p.clock_jump != 0 || !dice.chance(850)) return;
  if (p.politics_gap == 0) {
    p.politics_gap = dice.between(800, 6000);
    p.vote = static_cast<int>(dice.between(5, 12));
  }
  p.settle = static_cast<int>(dice.between(3, 10));
  p.settled_after = dice.between(2'000, 40'000);
  p.prune = static_cast<int>(dice.between(0, 200));
}

}  // namespace

Profile draw_profile(Dice& dice, std::uint64_t seed) {
  Profile p;
  p.nodes = static_cast<int>(dice.chance(700) ? dice.between(3, 5) : dice.between(5, 8));
  p.joiners = dice.chance(500) ? static_cast<int>(dice.between(1, 2)) : 0;
  p.length = dice.between(60'000, 360'000);
  p.store_delay_max = dice.chance(250) ? dice.between(100, 4000) : dice.between(0, 20);
  p.tell_delay_max = dice.chance(250) ? dice.between(100, 3000) : dice.between(0, 20);
  p.group_max = static_cast<int>(dice.between(1, 12));
  draw_network(dice, p);
  draw_clocks(dice, p);
  draw_mischief(dice, p);
  draw_work(dice, p);
  p.memo = dice.chance(900);
  Dice aside = dice;  // So that the other seeds keep the course that they had without this.
  p.careless = (p.clone != 0 || p.restore != 0) && aside.chance(200);
  // Whose clock is wrong as well could not publish again what it stranded.
  if (p.nodes >= 4 && p.future_nodes == 0 && p.clock_jump == 0 && aside.chance(500)) {
    p.dishonest = static_cast<int>(aside.between(1, (p.nodes - 1) / 3));
    p.fork = maybe(aside, 800);
    p.forge = maybe(aside, 800);
    p.flood = maybe(aside, 300);
  }
  if (p.nodes >= 4 && p.future_nodes == 0 && p.clock_jump == 0) draw_politics(aside, p);
  if (seed >= kSettling) draw_settling(aside, p);
  return p;
}

std::string describe(const Profile& p) {
  std::string out;
  const auto add = [&](const char* name, std::int64_t value) {
    if (value == 0) return;
    if (!out.empty()) out += ' ';
    out += name;
    out += '=' + std::to_string(value);
  };
  add("nodes", p.nodes);
  add("joiners", p.joiners);
  add("links", p.links_per_node);
  add("double_links", p.double_links);
  add("length", p.length);
  add("latency_min", p.latency_min);
  add("latency_max", p.latency_max);
  add("bytes_per_ms", p.bytes_per_ms);
  add("congested_bytes", p.congested_bytes);
  add("store_delay", p.store_delay_max);
  add("tell_delay", p.tell_delay_max);
  add("group", p.group_max);
  add("clock_step", p.clock_step);
  add("clock_offset", p.clock_offset_max);
  add("drift_ppm", p.clock_drift_ppm);
  add("clock_jump_max", p.clock_jump_max);
  add("future", p.future_max);
  add("future_nodes", p.future_nodes);
  add("heal_by_time", p.heal_by_time ? 1 : 0);
  add("mischief_gap", p.mischief_gap);
  add("cut", p.cut);
  add("partition", p.partition);
  add("one_way", p.one_way);
  add("kill", p.kill);
  add("power_cut", p.power_cut);
  add("torn_write", p.torn_write);
  add("backup", p.backup);
  add("restore", p.restore);
  add("clone", p.clone);
  add("careless", p.careless ? 1 : 0);
  add("disk_full", p.disk_full);
  add("clock_jump", p.clock_jump);
  add("republish", p.republish);
  add("bundle", p.bundle);
  add("dishonest", p.dishonest);
  add("fork", p.fork);
  add("forge", p.forge);
  add("flood", p.flood);
  add("politics_gap", p.politics_gap);
  add("feed_ops_max", static_cast<std::int64_t>(p.feed_ops_max));
  add("propose", p.propose);
  add("vote", p.vote);
  add("vote_twice", p.vote_twice);
  add("settle", p.settle);
  add("settled_after", p.settled_after);
  add("prune", p.prune);
  add("plot", p.plot);
  add("overdraw", p.overdraw);
  add("linger", p.linger);
  add("ahead", p.ahead);
  add("replay", p.replay);
  add("malform", p.malform);
  add("withhold", p.withhold);
  add("stale", p.stale);
  add("write_gap", p.write_gap);
  add("pool", p.pool);
  add("rows", p.rows);
  add("values", p.values);
  add("patch", p.patch);
  add("import", p.import);
  add("remove", p.remove);
  add("resolve", p.resolve);
  add("unknown", p.unknown);
  add("trespass", p.trespass);
  add("bulky", p.bulky);
  add("memo", p.memo ? 1 : 0);
  return out;
}

}  // namespace maillon::sim
