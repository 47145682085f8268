#pragma once

#include "node/simulator/sim_node.hpp"

/// What must hold of a world that has come to rest.
namespace maillon::sim {

using NodeList = std::vector<SimNode*>;

/// The first thing that keeps `nodes` from being the same; nothing when they agree on frontiers and
/// nothing waits. Cheap.
[[nodiscard]] std::optional<std::string> unsettled(const Room& room, const NodeList& nodes);

/// All that must be true once they agree; throws a Violation.
void check_settled(Room& room, const NodeList& nodes);

/// A space's records in words that do not depend on the node: ops by commit id, names as text.
[[nodiscard]] std::string describe_state(storage::Store& store, const SpaceId& space);

}  // namespace maillon::sim
