#pragma once

#include "node/replica/replica.hpp"

namespace maillon::replica {

/// Whether this node has destroyed something and not finished with it, or not told the others.
[[nodiscard]] Result<bool> erasures_to_finish(Replica& replica);
/// After payloads were destroyed: takes their words out of the search index and their bytes out of
/// the WAL, and then confirms it in annuaire. False when something is left for another time, because
/// somebody still reads an older snapshot. Any thread but the writer's.
[[nodiscard]] Result<bool> finish_erasures(Replica& replica);

}  // namespace maillon::replica
