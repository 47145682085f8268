#pragma once

#include <memory>
#include <optional>

#include "crypto/noise.hpp"
#include "node/net/transport.hpp"

/// The cryptographic part of a session, without I/O: bytes in, bytes out.
namespace maillon::net {

/// Bytes that Noise adds to each message.
inline constexpr std::size_t kNoiseTag = 16;
/// What one Noise message can carry.
inline constexpr std::size_t kNoisePlainMax = limits::kNoiseMessageMax - kNoiseTag;

/// What this node shows in every handshake of this run of the process.
struct LocalIdentity {
  FederationId federation;
  NodeId node;
  crypto::Secret32 static_secret;  ///< X25519, made anew at each start
  Bytes payload;                   ///< certificate ‖ signature over federation ‖ static key

  /// Errc::refused when the certificate is another node's; else as decode_verified.
  [[nodiscard]] static Result<LocalIdentity> make(const FederationId& federation,
                                                  const crypto::SigningKey& key,
                                                  const Bytes& certificate, Rng& rng);
};

/// "/maillon/v1/" and 16 hexadecimal digits that tell federations apart without naming them.
[[nodiscard]] std::string federation_path(const FederationId& federation);

/// One Noise_XX handshake and the channel that follows. After any error nothing can be done with
/// it but to let it go: there is no second try on the same connection.
class SecureChannel {
 public:
  /// `identity` must outlive the handshake.
  [[nodiscard]] static Result<SecureChannel> create(const LocalIdentity& identity, bool initiator,
                                                    Rng& rng);
  SecureChannel(SecureChannel&&) noexcept = default;
  SecureChannel& operator=(SecureChannel&&) noexcept = default;

  /// The initiator's first message.
  [[nodiscard]] Result<Bytes> start();
  /// The other's handshake message in, ours out, if one is due.
  [[nodiscard]] Result<std::optional<Bytes>> on_handshake(ByteView message);
  /// The other has proven its node key and both have the session's keys.
  [[nodiscard]] bool established() const noexcept { return channel_.has_value(); }
  /// Once established().
  [[nodiscard]] const PeerIdentity& peer() const noexcept { return *peer_; }

  [[nodiscard]] Result<Bytes> seal(ByteView plaintext);
  /// Errc::integrity for any altered, repeated, missing or reordered message.
  [[nodiscard]] Result<Bytes> open(ByteView message);

 private:
  SecureChannel(const LocalIdentity& identity, crypto::noise::Handshake handshake) noexcept;
  Result<void> check_payload(ByteView payload);

  const LocalIdentity* identity_;
  std::optional<crypto::noise::Handshake> handshake_;
  std::optional<crypto::noise::Channel> channel_;
  std::optional<PeerIdentity> peer_;
};

}  // namespace maillon::net
