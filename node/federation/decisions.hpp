#pragma once

#include "node/federation/ballot.hpp"
#include "node/replica/replica.hpp"

/// What members decide together: proposing, voting, leaving (docs/trust.md).
namespace maillon::federation {

/// Writes a proposal, with the vote of this member if it has one, and with what this node knows of
/// whom the proposal removes or narrows. Errc::not_allowed for one who is no member.
[[nodiscard]] Result<storage::ProposalId> propose(replica::Replica& replica,
                                                  const Proposal& proposal);

/// Votes for a proposal. Errc::not_allowed when this member has no vote on it; Errc::refused when
/// it voted before, or when the proposal was made without knowing a decision that has passed since.
[[nodiscard]] Result<void> vote(replica::Replica& replica, const storage::ProposalId& id);

/// Ends this member's membership; what it has written so far stays.
[[nodiscard]] Result<storage::ProposalId> leave(replica::Replica& replica);

/// Takes a node key of this member back, in the name of its root key.
[[nodiscard]] Result<void> revoke(replica::Replica& replica, const NodeId& node,
                                  const crypto::SigningKey& root);

/// Makes a new key for this node, certified by its member's root key, and takes the old one back
/// with all that it wrote by now, unless that was done already. `passphrase`: of the key file, if it
/// is sealed.
[[nodiscard]] Result<void> rotate(replica::Replica& replica, const crypto::SigningKey& root,
                                  const std::optional<std::string>& passphrase);

/// An admission that had votes which no longer count, and does not pass without them: who cast them
/// was removed meanwhile, or its key taken back.
struct Lapse {
  const storage::Decision* admission = nullptr;
  std::vector<MemberId> lost;  ///< whose votes these were
};
/// Of one whom nothing else admitted; for as long as the Trust lives.
[[nodiscard]] std::optional<Lapse> lapse_of(const storage::Trust& trust, const MemberId& member);

/// The leave of a member, said under a clock that was ahead, if nothing else ended its membership:
/// the others still have it as a member. nullptr otherwise; for as long as the Trust lives.
[[nodiscard]] const storage::Decision* leave_ahead(const storage::Trust& trust,
                                                   const MemberId& member, UnixMillis now);

/// What one who is no longer a member is still served of annuaire: the decisions that ended its
/// membership, or took the votes from its admission, the votes by which they passed, and all that
/// these had seen.
[[nodiscard]] storage::CommitSet farewell(const storage::Trust& trust, const MemberId& former);

/// Members of today whose vote on an open proposal would count, and is missing; by name.
[[nodiscard]] std::vector<const storage::Member*> may_still_vote(const storage::Trust& trust,
                                                                 const storage::Decision& decision);

/// The member whose nodes a key certifies today, or nullptr.
[[nodiscard]] const storage::Member* member_by_root(const storage::Trust& trust,
                                                    const MemberId& key);
/// The decision by which a root key is one no more, or nullptr; for as long as the Trust lives.
[[nodiscard]] const storage::Decision* root_replaced_by(const storage::Trust& trust,
                                                        const MemberId& key);
/// Of a node that no certificate makes one of its member's: the decision by which the words that
/// certified it were replaced, or nullptr; for as long as the Trust lives.
[[nodiscard]] const storage::Decision* certificate_void_by(const storage::Trust& trust,
                                                           const NodeId& node);
/// Publishes the certificate of a further node of a member, if annuaire has not got it yet.
[[nodiscard]] Result<void> publish_certificate(replica::Replica& replica, ByteView certificate);

/// What would declare a space. Errc::refused when there is one of that name.
[[nodiscard]] Result<Proposal> space_proposal(const storage::Trust& trust, const std::string& name,
                                              std::vector<std::string> readers,
                                              std::vector<std::string> writers);

/// Whether a rule of readers or writers means anything: all, role:…, region:…, member:….
[[nodiscard]] bool is_rule(std::string_view rule);

}  // namespace maillon::federation
