#pragma once

#include "node/admin/call.hpp"
#include "node/federation/decisions.hpp"

/// A membership that has not come about yet, or that its votes no longer carry.
namespace maillon::admin {

/// What the inviter's node said last, as long as nothing of annuaire is here to read.
[[nodiscard]] Result<std::optional<federation::Waiting>> waiting_of(replica::Replica& replica);
/// Who voted, and who may still, without a full stop.
[[nodiscard]] std::string votes_in_words(const JoinVotes& votes, Language language);
/// Likewise of this node's own admission; with the way on where its inviter can let nobody in.
[[nodiscard]] std::string waiting_in_words(const federation::Waiting& waiting, Language language);
/// Why the inviter's node lets nobody in, and what does; Errc::refused.
[[nodiscard]] Error inviter_gone();
/// That the inviter's clock is wrong, and lets nobody in until it is set; Errc::refused.
[[nodiscard]] Error inviter_clock_wrong();
/// As fields of an open object.
void write_votes(JsonWriter& json, const JoinVotes& votes);

/// Why a command that needs a federation finds none, and what to do.
[[nodiscard]] Error without_federation(replica::Replica& replica);

/// Likewise where the inviter's node admitted this one, and annuaire is still to come;
/// Errc::refused.
[[nodiscard]] Error without_directory();

/// Why this member is none, and whom to ask; Errc::not_allowed.
[[nodiscard]] Error lapsed(const storage::Trust& trust, const federation::Lapse& lapse);

/// The newcomer's own admission and its own entry, in the form of `proposal list` and `member show`.
[[nodiscard]] Reply own_admission(Call& call, const federation::Waiting& waiting);
[[nodiscard]] Reply own_entry(Call& call, std::string_view status, const std::string& words);
/// Whether a text is a member's id, or enough of its beginning.
[[nodiscard]] bool means(const std::string& wanted, const MemberId& member);
/// Whether somebody means this node's member, which annuaire does not name.
[[nodiscard]] bool means_itself(Call& call, const std::string& wanted);

}  // namespace maillon::admin
