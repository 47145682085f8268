#pragma once

#include <string>

#include "node/net/transport.hpp"

namespace maillon::net {

/// How a session ended, for people: the reason, and what the other side said. That is English, as
/// every node says it; sentences of this program are known in French.
[[nodiscard]] std::string close_in_english(CloseReason reason, const std::string& text);
[[nodiscard]] std::string close_in_french(CloseReason reason, const std::string& text);

}  // namespace maillon::net
