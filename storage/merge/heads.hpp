#pragma once

#include "storage/merge/record_state.hpp"

/// Shared by the two ways to reach a state: op by op, and all ops at once.
namespace maillon::storage::merge {

[[nodiscard]] OpEntry entry_of(const OpInput& op);
/// Whether `a` is the greater (HLC, commit id, leaf).
[[nodiscard]] bool shown_before(const OpEntry& a, const OpEntry& b, const Context& context);
/// The greatest (HLC, commit id, leaf) first.
void sort_heads(RecordState& state, FieldState& field, const Context& context);

}  // namespace maillon::storage::merge
