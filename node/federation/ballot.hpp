#pragma once

#include "storage/store/store.hpp"

/// What is written when a member proposes or votes, and when it does neither. No I/O beyond reading
/// the store, so that the simulator decides as the daemon does.
namespace maillon::federation {

/// Errc::not_allowed, in words: this node's member is not part of the federation.
[[nodiscard]] Error not_a_member();

/// The last commits of a member, or of one of its nodes, in each space that this node stores.
[[nodiscard]] Result<std::vector<CutOff>> tips_of(storage::Store& store, const MemberId& member,
                                                  std::optional<NodeId> node);

/// The ops of a proposal by `self`: with its vote, if it has one, and with what the store knows of
/// whom the proposal removes or narrows. Errc::not_allowed for one who is no member.
[[nodiscard]] Result<std::vector<storage::GovernanceOp>> proposing(storage::Store& store,
                                                                   Proposal proposal,
                                                                   const MemberId& self);

/// The op of a vote by `self`. Errc::not_found; Errc::not_allowed when it has no vote there;
/// Errc::refused when it voted before, when the proposal has passed, or when it restricts and was
/// made without knowing such a decision that has passed; or when it is a checkpoint that this node
/// does not agree with (checkpoints.hpp).
[[nodiscard]] Result<std::vector<storage::GovernanceOp>> voting(storage::Store& store,
                                                                const storage::ProposalId& id,
                                                                const MemberId& self,
                                                                UnixMillis now);

}  // namespace maillon::federation
