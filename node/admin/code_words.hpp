#pragma once

#include "node/admin/words.hpp"
#include "node/federation/federation.hpp"

/// What an invitation code is good for, and why the inviter's node said no.
namespace maillon::admin {

/// Errc::usage when `region`, if it says any, contradicts the code.
[[nodiscard]] Result<void> check_region_of(const federation::Invitation& invitation,
                                           const std::string& region);
/// Errc::refused when the code is for another role than this folder's, which the inviter's node
/// would refuse; Errc::usage when the folder is of another region than `region`, if that says any.
[[nodiscard]] Result<void> check_code_for(replica::Replica& replica,
                                          const federation::Invitation& invitation,
                                          const std::string& region = {});
/// The inviter's word for why not.
[[nodiscard]] Error refusal(const JoinReply& reply);

}  // namespace maillon::admin
