#pragma once

#include "node/admin/call.hpp"

/// What people are told of a clock that is wrong.
namespace maillon::admin {

/// In one sentence, without its full stop; nothing when it is right, or nobody told its time.
[[nodiscard]] std::optional<std::string> clock_warning(Language language,
                                                       const peers::ClockState& clock);

/// Errc::refused while this machine's clock is known to be so far ahead that peers would hold what
/// is written now.
[[nodiscard]] Result<void> check_clock(Call& call);

}  // namespace maillon::admin
