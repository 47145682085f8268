#pragma once

#include "proto/ids.hpp"

namespace maillon::crypto {

/// BLAKE2b with 32 bytes of output, no key (RFC 7693). Before self_test() has run once, libsodium
/// has not chosen the fast code for this processor: the same bytes, only slower.
[[nodiscard]] Digest hash(ByteView data) noexcept;

/// The same over pieces.
class Hasher {
 public:
  Hasher() noexcept;
  Hasher& update(ByteView data) noexcept;
  Hasher& update(std::string_view text) noexcept { return update(as_bytes(text)); }
  /// Ends the hash; the object may not be used after.
  [[nodiscard]] Digest finish() noexcept;

 private:
  alignas(64) std::array<std::uint8_t, 384> state_;
};

}  // namespace maillon::crypto
