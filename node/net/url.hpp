#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace maillon::net {

/// Where a node listens: ws://host[:port][/prefix] or wss://…; a reverse proxy may give a prefix,
/// before the path that protocol and federation dictate.
struct Url {
  bool tls = false;
  std::string host;  ///< a name, an IPv4 address, or an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::string prefix;  ///< empty, or begins with / and does not end with one

  /// Strict: Errc::usage says which part is wrong.
  [[nodiscard]] static Result<Url> parse(std::string_view text);
  /// host[:port] as the Host header wants it.
  [[nodiscard]] std::string authority() const;
};

}  // namespace maillon::net
