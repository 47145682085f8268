#pragma once

#include <string>

#include "node/simulator/room.hpp"

namespace maillon::sim {

/// What one seed is about (swarm testing): each draws which faults exist, and how harsh they are.
/// Times in milliseconds, chances in thousandths, weights relative to each other.
struct Profile : Conditions {
  // The federation.
  int nodes = 3;
  int joiners = 0;          ///< members admitted during the run
  int links_per_node = 2;   ///< beyond those that keep it in one piece
  std::int64_t length = 0;  ///< of the part with faults

  // Clocks.
  std::int64_t clock_step = 1;  ///< what clocks count in
  std::int64_t clock_offset_max = 0;
  std::int64_t clock_drift_ppm = 0;
  std::int64_t clock_jump_max = 0;
  std::int64_t future_max = 0;  ///< some clocks run this far ahead
  int future_nodes = 0;         ///< chance for each node
  bool heal_by_time = false;    ///< held commits come of age, instead of being published again

  // How often something goes wrong, and what.
  std::int64_t mischief_gap = 10'000;
  int cut = 0;
  int partition = 0;
  int one_way = 0;
  int kill = 0;
  int power_cut = 0;
  int torn_write = 0;
  int backup = 0;
  int restore = 0;
  int clone = 0;
  int disk_full = 0;
  int clock_jump = 0;
  int republish = 0;
  int bundle = 0;
  int dishonest = 0;  ///< nodes, less than a third of all
  int fork = 0;
  int forge = 0;
  int flood = 0;

  // What is decided, and how dishonest members meddle with it.
  std::int64_t politics_gap = 0;  ///< 0: nobody decides anything
  std::uint64_t feed_ops_max = 0;
  int propose = 0;
  int vote = 0;
  int vote_twice = 0;  ///< an honest member, from two nodes at once
  int settle = 0;      ///< delegates settle what is old enough
  std::int64_t settled_after = 0;
  int prune = 0;       ///< chance, whenever somebody works
  int plot = 0;        ///< votes again and again, with other keys and through accomplices
  int overdraw = 0;
  int linger = 0;  ///< writes on after its removal
  int ahead = 0;
  int replay = 0;
  int malform = 0;
  int withhold = 0;  ///< chance that commits are not sent; unless it is 0, none are in the end
  int stale = 0;     ///< chance that an old frontier is told

  // What people do.
  std::int64_t write_gap = 3000;
  int pool = 8;
  int rows = 6;
  int values = 4;
  int patch = 10;
  int import = 0;
  int remove = 0;
  int resolve = 0;
  int unknown = 0;
  int trespass = 0;
  int bulky = 0;
  int settle_first = 0;  ///< chance that work begins only when all are in sync
};

/// Seeds below kSettling keep the course that they had before anything was settled.
[[nodiscard]] Profile draw_profile(Dice& dice, std::uint64_t seed);
inline constexpr std::uint64_t kSettling = 4000;
[[nodiscard]] std::string describe(const Profile& profile);

}  // namespace maillon::sim
