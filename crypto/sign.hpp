#pragma once

#include <array>
#include <string_view>

#include "proto/ids.hpp"
#include "proto/random.hpp"

namespace maillon::crypto {

/// An Ed25519 signature (RFC 8032).
using Signature = ByteId<struct SignatureTag, 64>;
using PublicKey = std::span<const std::uint8_t, 32>;

/// 32 secret bytes, zeroed when they go; move-only, never printed.
class Secret32 {
 public:
  Secret32() noexcept = default;
  /// Copies `raw`, which the caller should then zero.
  explicit Secret32(std::span<const std::uint8_t, 32> raw) noexcept;
  [[nodiscard]] static Secret32 random(Rng& rng);
  Secret32(Secret32&& other) noexcept;
  Secret32& operator=(Secret32&& other) noexcept;
  Secret32(const Secret32&) = delete;
  Secret32& operator=(const Secret32&) = delete;
  ~Secret32();
  [[nodiscard]] std::span<const std::uint8_t, 32> bytes() const noexcept { return bytes_; }
  [[nodiscard]] Secret32 copy() const noexcept { return Secret32{bytes_}; }

 private:
  std::array<std::uint8_t, 32> bytes_{};
};

/// An Ed25519 key pair made from its 32-byte seed (RFC 8032, section 5.1.5).
class SigningKey {
 public:
  explicit SigningKey(const Secret32& seed) noexcept;
  SigningKey(SigningKey&& other) noexcept;
  SigningKey& operator=(SigningKey&& other) noexcept;
  ~SigningKey();

  [[nodiscard]] PublicKey public_key() const noexcept { return public_; }
  [[nodiscard]] NodeId node_id() const noexcept { return NodeId::from_array(public_); }
  [[nodiscard]] MemberId member_id() const noexcept { return MemberId::from_array(public_); }
  /// Signs `domain ‖ message`; every use has a domain of its own ("maillon/commit/v1", …).
  [[nodiscard]] Signature sign(std::string_view domain, ByteView message) const;

 private:
  std::array<std::uint8_t, 64> secret_{};
  std::array<std::uint8_t, 32> public_{};
};

/// True when `signature` covers `domain ‖ message` under `key` (libsodium: no small-order keys,
/// canonical S). The key must have passed is_acceptable_key once, on admission.
[[nodiscard]] bool verify(PublicKey key, std::string_view domain, ByteView message,
                          const Signature& signature);

/// Canonical, on the curve, in the prime-order subgroup: what a key must be to be admitted.
[[nodiscard]] bool is_acceptable_key(PublicKey key);

/// sodium_init, and the check that this libsodium refuses mixed-order keys (CVE-2025-69277): a
/// random key plus the order-2 point must not be acceptable. Errc::refused tells what to upgrade.
[[nodiscard]] Result<void> self_test();

/// The operating system's randomness.
class SystemRng final : public Rng {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

/// A ChaCha20 stream from a seed: the same seed gives the same bytes. For the simulator and tests.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed) noexcept;
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::array<std::uint8_t, 32> key_{};
  std::uint64_t counter_ = 0;
  std::array<std::uint8_t, 64> block_{};
  std::size_t used_ = 64;
};

}  // namespace maillon::crypto
