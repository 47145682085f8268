#pragma once

#include <span>

#include "crypto/sign.hpp"

/// Authenticated encryption; the 16-byte tag follows the ciphertext.
namespace maillon::crypto {

inline constexpr std::size_t kTagSize = 16;

/// ChaCha20-Poly1305 (RFC 8439). A nonce may serve once per key: only noise counts them.
[[nodiscard]] Bytes chacha_seal(const Secret32& key, std::span<const std::uint8_t, 12> nonce,
                                ByteView ad, ByteView plaintext);
/// Errc::integrity when the tag does not fit.
[[nodiscard]] Result<Bytes> chacha_open(const Secret32& key,
                                        std::span<const std::uint8_t, 12> nonce, ByteView ad,
                                        ByteView sealed);

/// XChaCha20-Poly1305, whose nonce is long enough to be drawn at random.
[[nodiscard]] Bytes xchacha_seal(const Secret32& key, std::span<const std::uint8_t, 24> nonce,
                                 ByteView ad, ByteView plaintext);
/// Errc::integrity when the tag does not fit.
[[nodiscard]] Result<Bytes> xchacha_open(const Secret32& key,
                                         std::span<const std::uint8_t, 24> nonce, ByteView ad,
                                         ByteView sealed);

/// Overwrites bytes that held a secret; unlike memset it is never optimised away.
void wipe(std::span<std::uint8_t> secret) noexcept;
void wipe(std::string& secret) noexcept;

}  // namespace maillon::crypto
