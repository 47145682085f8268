#pragma once

#include "storage/store/store.hpp"

/// What a node does about checkpoints by itself (docs/trust.md, "Checkpoints"). No I/O beyond the
/// store, so that the simulator settles as the daemon does.
namespace maillon::federation {

/// What is older than this is settled: `settlement_days` before now.
[[nodiscard]] Hlc settled_before(const storage::Trust& trust, UnixMillis now);

/// Errc::refused says in words why this node does not agree with a checkpoint.
[[nodiscard]] Result<void> agree(storage::Store& store, const Checkpoint& checkpoint,
                                 UnixMillis now);

/// The proposal of a checkpoint of a space. Errc::refused when nothing new is old enough.
[[nodiscard]] Result<Proposal> checkpoint_of(storage::Store& store, const SpaceId& space,
                                             UnixMillis now);

/// The ops that a keeper writes at this moment: its votes for checkpoints that it agrees with, and,
/// if it `proposes`, one where one is due. Empty when there is nothing to do.
[[nodiscard]] Result<std::vector<storage::GovernanceOp>> settling(storage::Store& store,
                                                                  const MemberId& self,
                                                                  UnixMillis now, bool proposes);

}  // namespace maillon::federation
