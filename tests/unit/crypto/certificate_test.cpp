#include <gtest/gtest.h>
#include <sodium.h>

#include "crypto/keys.hpp"

namespace maillon::crypto {
namespace {

struct Identity {
  SeededRng rng{1};
  SigningKey root{Secret32::random(rng)};
  SigningKey node{Secret32::random(rng)};
};

TEST(Certificate, SurvivesItsEncoding) {
  const Identity who;
  const auto made = NodeCertificate::make(who.root, who.node, 1'760'000'000'000);
  const auto bytes = made.encode();
  ASSERT_EQ(bytes.size(), NodeCertificate::kSize);
  EXPECT_EQ(bytes.size(), 200u);
  const auto read = NodeCertificate::decode_verified(bytes).value();
  EXPECT_EQ(read.member, who.root.member_id());
  EXPECT_EQ(read.node, who.node.node_id());
  EXPECT_EQ(read.issued, 1'760'000'000'000u);
  EXPECT_EQ(read.encode(), bytes);
}

TEST(Certificate, EveryFlippedByteIsRefused) {
  const Identity who;
  const auto bytes = NodeCertificate::make(who.root, who.node, 1).encode();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto flipped = bytes;
    flipped[at] ^= 0x10;
    EXPECT_EQ(NodeCertificate::decode_verified(flipped).error().code, Errc::integrity) << at;
  }
}

TEST(Certificate, OtherSizesAreMalformed) {
  const Identity who;
  auto bytes = NodeCertificate::make(who.root, who.node, 1).encode();
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_EQ(NodeCertificate::decode_verified(ByteView{bytes}.first(cut)).error().code,
              Errc::malformed);
  bytes.push_back(0);
  EXPECT_EQ(NodeCertificate::decode_verified(bytes).error().code, Errc::malformed);
}

TEST(Certificate, NeitherSideClaimsTheOther) {
  Identity who;
  const SigningKey thief{Secret32::random(who.rng)};
  const auto honest = NodeCertificate::make(who.root, who.node, 1);
  // A thief has its own signature for either role, never the other's.
  auto as_member = NodeCertificate::make(thief, who.node, 1);
  as_member.by_node = honest.by_node;
  EXPECT_EQ(NodeCertificate::decode_verified(as_member.encode()).error().code, Errc::integrity);
  auto as_node = NodeCertificate::make(who.root, thief, 1);
  as_node.by_root = honest.by_root;
  EXPECT_EQ(NodeCertificate::decode_verified(as_node.encode()).error().code, Errc::integrity);
  auto swapped = honest;
  std::swap(swapped.by_root, swapped.by_node);
  EXPECT_EQ(NodeCertificate::decode_verified(swapped.encode()).error().code, Errc::integrity);
}

/// A key of mixed order: a good one plus the point of order 2. It makes signatures that verify, and
/// each of them verifies under the good key's twin just as often.
class MixedKey {
 public:
  MixedKey() {
    crypto_core_ed25519_scalar_random(scalar_.data());
    std::array<std::uint8_t, 32> good;
    crypto_scalarmult_ed25519_base_noclamp(good.data(), scalar_.data());
    std::array<std::uint8_t, 32> order_two;
    order_two.fill(0xff);
    order_two.front() = 0xec;
    order_two.back() = 0x7f;
    crypto_core_ed25519_add(public_.data(), good.data(), order_two.data());
  }
  [[nodiscard]] PublicKey public_key() const { return public_; }

  [[nodiscard]] Signature sign(std::string_view domain, ByteView message) const {
    for (;;) {
      std::array<std::uint8_t, 32> nonce;
      crypto_core_ed25519_scalar_random(nonce.data());
      std::array<std::uint8_t, 64> out;
      crypto_scalarmult_ed25519_base_noclamp(out.data(), nonce.data());
      Bytes text{out.begin(), out.begin() + 32};
      text.insert(text.end(), public_.begin(), public_.end());
      text.insert(text.end(), domain.begin(), domain.end());
      text.insert(text.end(), message.begin(), message.end());
      std::array<std::uint8_t, 64> wide;
      crypto_hash_sha512(wide.data(), text.data(), text.size());
      std::array<std::uint8_t, 32> challenge;
      crypto_core_ed25519_scalar_reduce(challenge.data(), wide.data());
      if (challenge[0] % 2 != 0) continue;  // Times an even number, the point of order 2 is gone.
      std::array<std::uint8_t, 32> product;
      crypto_core_ed25519_scalar_mul(product.data(), challenge.data(), scalar_.data());
      crypto_core_ed25519_scalar_add(out.data() + 32, product.data(), nonce.data());
      return Signature::from_array(out);
    }
  }

 private:
  std::array<std::uint8_t, 32> scalar_{};
  std::array<std::uint8_t, 32> public_{};
};

TEST(Certificate, AKeyOfMixedOrderIsRefusedThoughItsSignaturesHold) {
  constexpr std::string_view kDomain = "maillon/node-certificate/v1";
  const Identity who;
  const MixedKey weak;
  const auto named = [&](PublicKey member, PublicKey node) {
    Bytes out;
    ByteWriter w{out};
    w.raw(member);
    w.raw(node);
    w.le64(1);
    return out;
  };
  const auto refuse = [&](Bytes said, const Signature& by_root, const Signature& by_node) {
    EXPECT_TRUE(verify(PublicKey{said.data(), 32}, kDomain, said, by_root));
    EXPECT_TRUE(verify(PublicKey{said.data() + 32, 32}, kDomain, said, by_node));
    ByteWriter w{said};
    w.raw(by_root.bytes());
    w.raw(by_node.bytes());
    const auto got = NodeCertificate::decode_verified(said);
    ASSERT_TRUE(got.has_error());
    EXPECT_EQ(got.error().detail, "the certificate names a malformed or weak key");
    EXPECT_FALSE(got.error().fr.empty());
  };
  const Bytes as_root = named(weak.public_key(), who.node.public_key());
  refuse(as_root, weak.sign(kDomain, as_root), who.node.sign(kDomain, as_root));
  const Bytes as_node = named(who.root.public_key(), weak.public_key());
  refuse(as_node, who.root.sign(kDomain, as_node), weak.sign(kDomain, as_node));
}

}  // namespace
}  // namespace maillon::crypto
