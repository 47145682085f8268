#pragma once

#include "node/simulator/network.hpp"

namespace maillon::sim {

/// What a large federation made of commits written everywhere.
struct MeshFigures {
  std::size_t nodes = 0;
  std::size_t links = 0;
  double copies = 0;           ///< payloads that a reader was sent for each commit, trees formed
  double copies_early = 0;     ///< likewise, in the first minute
  double copies_heal = 0;      ///< likewise, of what two halves wrote alone
  std::int64_t spread_ms = 0;  ///< from the last commit until everybody has everything
  std::int64_t heal_ms = 0;    ///< from the end of the partition until everybody has everything
  double bytes_per_copy = 0;   ///< all messages, for each commit and reader, trees formed
  double payload_bytes = 0;    ///< of these, in messages of commits
};

/// `nodes` cooperatives and hubs, nine to a region, linked as the topology has it: everybody in
/// annuaire and formation, each in its region's catalogue. One in four can only dial out. They
/// start from one image of a folder in which all are admitted. Throws a Violation when they do not
/// agree.
[[nodiscard]] MeshFigures run_mesh(std::size_t nodes, std::uint64_t seed, Trace::Listener listener);

}  // namespace maillon::sim
