#include "node/net/secure_channel.hpp"

#include "crypto/hash.hpp"
#include "crypto/keys.hpp"

namespace maillon::net {
namespace {

constexpr std::string_view kPattern = "XX";
constexpr std::string_view kPrologue = "maillon/noise/v1";
constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kStaticDomain = "maillon/noise-static/v1";
constexpr std::size_t kSignatureSize = crypto::Signature::kSize;

Bytes static_statement(const FederationId& federation, ByteView static_key) {
  Bytes out;
  ByteWriter writer(out);
  writer.raw(federation.bytes());
  writer.raw(static_key);
  return out;
}

}  // namespace

std::string federation_path(const FederationId& federation) {
  const Digest digest =
      crypto::Hasher().update("maillon/path/v1").update(federation.bytes()).finish();
  return "/maillon/v1/" + digest.hex().substr(0, 16);
}

Result<LocalIdentity> LocalIdentity::make(const FederationId& federation,
                                          const crypto::SigningKey& key, const Bytes& certificate,
                                          Rng& rng) {
  MAILLON_TRY(const auto decoded, crypto::NodeCertificate::decode_verified(certificate));
  if (decoded.node != key.node_id()) {
    return Error{Errc::refused, "the certificate is that of another node key",
                 "le certificat est celui d’une autre clé de nœud"};
  }
  crypto::Secret32 secret = crypto::Secret32::random(rng);
  const crypto::noise::DhKey dh(secret.copy());
  const crypto::Signature signature =
      key.sign(kStaticDomain, static_statement(federation, dh.public_key()));
  Bytes payload = certificate;
  ByteWriter(payload).raw(signature.bytes());
  return LocalIdentity{federation, key.node_id(), std::move(secret), std::move(payload)};
}

SecureChannel::SecureChannel(const LocalIdentity& identity,
                             crypto::noise::Handshake handshake) noexcept
    : identity_(&identity), handshake_(std::move(handshake)) {}

Result<SecureChannel> SecureChannel::create(const LocalIdentity& identity, bool initiator,
                                            Rng& rng) {
  Bytes prologue;
  ByteWriter writer(prologue);
  writer.raw(as_bytes(kPrologue));
  writer.u8(kVersion);
  writer.raw(identity.federation.bytes());
  crypto::noise::Handshake::Keys keys;
  keys.s.emplace(identity.static_secret.copy());
  MAILLON_TRY(auto handshake, crypto::noise::Handshake::create(kPattern, initiator, prologue,
                                                               std::move(keys), rng));
  return SecureChannel(identity, std::move(handshake));
}

Result<Bytes> SecureChannel::start() { return handshake_->write({}); }

Result<std::optional<Bytes>> SecureChannel::on_handshake(ByteView message) {
  if (!handshake_) return Error{Errc::refused, "the handshake is over"};
  MAILLON_TRY(const Bytes payload, handshake_->read(message));
  if (handshake_->remote_static()) {
    MAILLON_CHECK(check_payload(payload));
  } else if (!payload.empty()) {
    return Error{Errc::malformed, "the first handshake message carries a payload"};
  }
  std::optional<Bytes> reply;
  if (!handshake_->done()) {
    MAILLON_TRY(reply, handshake_->write(identity_->payload));
  }
  if (handshake_->done()) {
    MAILLON_TRY(channel_, handshake_->split());
    handshake_.reset();
  }
  return reply;
}

Result<void> SecureChannel::check_payload(ByteView payload) {
  if (payload.size() <= kSignatureSize) {
    return Error{Errc::malformed, "handshake payload too short"};
  }
  const ByteView certificate = payload.first(payload.size() - kSignatureSize);
  MAILLON_TRY(const auto decoded, crypto::NodeCertificate::decode_verified(certificate));
  MAILLON_TRY(const auto signature, crypto::Signature::from_bytes(payload.last(kSignatureSize)));
  const auto their_static = handshake_->remote_static();
  if (!crypto::verify(decoded.node.bytes(), kStaticDomain,
                      static_statement(identity_->federation, *their_static), signature)) {
    return Error{Errc::integrity, "the node key has not signed this session's static key"};
  }
  if (decoded.node == identity_->node) {
    return Error{Errc::refused, "this is our own node", "c’est notre propre nœud"};
  }
  peer_ = PeerIdentity{decoded.node, decoded.member, Bytes(certificate.begin(), certificate.end())};
  return {};
}

Result<Bytes> SecureChannel::seal(ByteView plaintext) {
  return channel_->send.encrypt({}, plaintext);
}

Result<Bytes> SecureChannel::open(ByteView message) {
  return channel_->receive.decrypt({}, message);
}

}  // namespace maillon::net
