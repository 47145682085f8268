#pragma once

#include "node/admin/call.hpp"

/// What members are called, what they decide, and by which rules, in words.
namespace maillon::admin {

/// The member's name; with the first digits of its id where another one has or had the same name.
[[nodiscard]] std::string named(const storage::Trust& trust, const MemberId& id);
/// Several of them, between commas.
[[nodiscard]] std::string named(const storage::Trust& trust, std::span<const MemberId> ids);
/// Rules of readers or writers: everybody, the hubs, the region 16, a member.
[[nodiscard]] std::string rules_in_words(const storage::Trust& trust,
                                         const std::vector<std::string>& rules, Language language);
/// What a proposal of this member's would change, and what follows from it.
[[nodiscard]] std::string proposal_in_words(const Call& call, const storage::Trust& trust,
                                            const Proposal& proposal);
/// What a proposal changes, or changed when it was made, and, before it has passed, what follows
/// from it. Alike for all who have the same commits of annuaire, whatever they may read.
[[nodiscard]] std::string decision_in_words(const Call& call, const storage::Trust& trust,
                                            const storage::Decision& decision);
/// The charter as it is today, line by line.
[[nodiscard]] std::string charter_in_words(const Call& call, const storage::Trust& trust);
/// What a federation without delegates can still do.
[[nodiscard]] std::string without_delegates(const Call& call);
/// What is left of a federation without members.
[[nodiscard]] std::string without_members(const Call& call);
/// Whether the proposal, once passed, takes the last member away.
[[nodiscard]] bool leaves_nobody(const storage::Trust& trust, const Proposal& proposal);
/// Whether the proposal, once passed, leaves a federation that has delegates without any.
[[nodiscard]] bool drops_last_delegate(const storage::Trust& trust, const Proposal& proposal);

}  // namespace maillon::admin
