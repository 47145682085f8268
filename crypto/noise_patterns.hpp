#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

/// The handshake patterns of the Noise specification as data (sections 7.4, 7.5, 9 and 18.1).
namespace maillon::crypto::noise {

enum class Token : std::uint8_t { e, s, ee, es, se, ss, psk };

struct Pattern {
  bool initiator_known = false;  ///< pre-message "-> s"
  bool responder_known = false;  ///< pre-message "<- s"
  std::size_t psk_count = 0;
  std::vector<std::vector<Token>> messages;  ///< the initiator sends the even ones
};

/// Errc::usage for a name that the specification does not have.
[[nodiscard]] Result<Pattern> parse_pattern(std::string_view name);

}  // namespace maillon::crypto::noise
