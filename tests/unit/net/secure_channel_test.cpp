#include "node/net/secure_channel.hpp"

#include "tests/support/mixed_key.hpp"
#include "tests/unit/net/test_node.hpp"

namespace maillon::net::testing {
namespace {

/// What the dialler makes of the acceptor's first answer.
Result<std::optional<Bytes>> greeted_by(const LocalIdentity& acceptor, Rng& rng) {
  const crypto::SigningKey root{crypto::Secret32::random(rng)};
  const crypto::SigningKey node{crypto::Secret32::random(rng)};
  const auto honest = LocalIdentity::make(
      federation(), node, crypto::NodeCertificate::make(root, node, 1).encode(), rng);
  auto dialling = SecureChannel::create(*honest, /*initiator=*/true, rng);
  auto accepting = SecureChannel::create(acceptor, /*initiator=*/false, rng);
  const auto answer = accepting->on_handshake(*dialling->start());
  return dialling->on_handshake(**answer);
}

TEST(SecureChannelKeys, AWeakKeyIsRefusedThoughItsSignaturesHold) {
  crypto::SeededRng rng{1};
  const crypto::SigningKey root{crypto::Secret32::random(rng)};
  const crypto::SigningKey node{crypto::Secret32::random(rng)};
  const test::MixedKey weak;
  const auto secret = crypto::Secret32::random(rng);
  Bytes said;
  ByteWriter w{said};
  w.raw(federation().bytes());
  w.raw(crypto::noise::DhKey{secret.copy()}.public_key());
  const auto identity = [&](Bytes certificate, const crypto::Signature& of_static) {
    ByteWriter{certificate}.raw(of_static.bytes());
    return LocalIdentity{federation(), node.node_id(), secret.copy(), std::move(certificate)};
  };
  constexpr std::string_view kStatic = "maillon/noise-static/v1";
  const auto sound = crypto::NodeCertificate::make(root, node, 1).encode();
  EXPECT_TRUE(greeted_by(identity(sound, node.sign(kStatic, said)), rng).has_value());
  const auto refused = [&](const LocalIdentity& who) {
    const auto got = greeted_by(who, rng);
    ASSERT_TRUE(got.has_error());
    EXPECT_EQ(got.error().detail, "the certificate names a malformed or weak key");
  };
  refused(identity(weak.as_node_of(root), weak.sign(kStatic, said)));
  refused(identity(weak.as_root_of(node), node.sign(kStatic, said)));
}

}  // namespace
}  // namespace maillon::net::testing
