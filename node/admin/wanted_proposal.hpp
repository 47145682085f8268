#pragma once

#include "node/admin/call.hpp"

/// What people ask to propose, checked before anybody is asked to vote on it.
namespace maillon::admin {

/// By id, by the beginning of it, or by name; also those who left. Errc::not_found; Errc::usage
/// when it may mean several.
[[nodiscard]] Result<MemberId> member_named(const storage::Trust& trust, const std::string& wanted);
/// Rules of readers or writers, as spaces have them, from what was typed.
[[nodiscard]] Result<std::vector<std::string>> rules_of(const Call& call,
                                                        const storage::Trust& trust,
                                                        const std::string& option);
/// What `propose KIND …` proposes. Errc::refused when it would change nothing.
[[nodiscard]] Result<Proposal> wanted_proposal(const Call& call, const storage::Trust& trust);

}  // namespace maillon::admin
