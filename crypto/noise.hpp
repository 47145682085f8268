#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/sign.hpp"

/// The Noise Protocol Framework, revision 34, with 25519, ChaChaPoly and BLAKE2b.
namespace maillon::crypto::noise {

inline constexpr std::string_view kProtocolName = "Noise_XX_25519_ChaChaPoly_BLAKE2b";

/// An X25519 key pair (RFC 7748).
class DhKey {
 public:
  explicit DhKey(Secret32 secret) noexcept;
  [[nodiscard]] const std::array<std::uint8_t, 32>& public_key() const noexcept { return public_; }
  /// Errc::refused when the shared secret is all zero.
  [[nodiscard]] Result<Secret32> agree(std::span<const std::uint8_t, 32> theirs) const;

 private:
  Secret32 secret_;
  std::array<std::uint8_t, 32> public_{};
};

/// One direction of an established channel. Each call uses the next nonce; after 2^64-1 it refuses.
class Cipher {
 public:
  explicit Cipher(Secret32 key) noexcept : key_(std::move(key)) {}
  /// plaintext.size() + 16 bytes.
  [[nodiscard]] Result<Bytes> encrypt(ByteView ad, ByteView plaintext);
  /// Errc::integrity when the tag does not fit; the nonce then stays.
  [[nodiscard]] Result<Bytes> decrypt(ByteView ad, ByteView ciphertext);
  /// Section 4.2.
  void rekey();

 private:
  Secret32 key_;
  std::uint64_t nonce_ = 0;
};

struct Channel {
  Cipher send;
  Cipher receive;
  std::array<std::uint8_t, 64> handshake_hash;
};

/// A handshake of any pattern of sections 7, 9 and 18.1 named as in the specification ("XX", "IK",
/// "NNpsk0" …); Maillon itself speaks XX, the rest is what its vectors check.
class Handshake {
 public:
  struct Keys {
    std::optional<DhKey> s;                          ///< our static key
    std::optional<std::array<std::uint8_t, 32>> rs;  ///< theirs, when known before
    std::vector<std::array<std::uint8_t, 32>> psks = {};
    std::optional<Secret32> fixed_ephemeral = {};  ///< test vectors only
  };
  /// Errc::usage for a pattern name not known, a key that the pattern needs and is not given, or a
  /// static key of theirs that it would not use.
  [[nodiscard]] static Result<Handshake> create(std::string_view pattern, bool initiator,
                                                ByteView prologue, Keys keys, Rng& rng);
  Handshake(Handshake&&) noexcept;
  Handshake& operator=(Handshake&&) noexcept;
  ~Handshake();

  [[nodiscard]] bool our_turn() const noexcept;
  [[nodiscard]] bool done() const noexcept;
  [[nodiscard]] Result<Bytes> write(ByteView payload);
  /// After an error the handshake is dead: every later call refuses.
  [[nodiscard]] Result<Bytes> read(ByteView message);
  /// Their static key, once the pattern has sent it; none after an error.
  [[nodiscard]] std::optional<std::array<std::uint8_t, 32>> remote_static() const;
  /// Once, when done().
  [[nodiscard]] Result<Channel> split();

 private:
  struct State;
  explicit Handshake(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace maillon::crypto::noise
