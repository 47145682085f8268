#pragma once

#include <set>
#include <vector>

#include "storage/trust/trust.hpp"

/// Whom of the directory a node keeps links to, besides those that a person configured. Pure: the
/// daemon and the simulator run this same code.
namespace maillon::topology {

inline constexpr std::size_t kAllMax = 6;      ///< up to so many nodes, everybody dials everybody
inline constexpr std::size_t kHubs = 2;        ///< of the home region
inline constexpr std::size_t kOthers = 3;      ///< drawn, wherever they are
inline constexpr std::size_t kReadersMin = 2;  ///< linked, of each space that the node may read
inline constexpr std::size_t kDialsMax = 16;   ///< in all, whatever fails

struct Situation {
  NodeId self = NodeId::zero();
  std::uint64_t salt = 0;      ///< secret and random: nobody can choose an id that will be drawn
  std::set<NodeId> linked{};   ///< nodes with a session, whoever dialled
  std::set<NodeId> failing{};  ///< nodes that were dialled and did not answer
};

/// The nodes to dial or to stay connected to, all with an address. Those that fail are among them,
/// since they may come back, but do not count: others are taken as well. The same situation gives
/// the same choice, and one node more or less changes little of it.
[[nodiscard]] std::set<NodeId> choose(const storage::Trust& trust, const Situation& situation);

}  // namespace maillon::topology
