#pragma once

#include "storage/store/store.hpp"

/// A slow second reading of which commits count (docs/trust.md), from headers and sets alone.
namespace maillon::sim {

/// Throws a Violation that names the first commit of `log` that counts in `store` and should not,
/// or the other way round. `log` is in causal order; `latest` is what has come of age.
void check_rights(storage::Store& store, const std::vector<storage::CommitPtr>& log, Hlc latest);

}  // namespace maillon::sim
