#include <gtest/gtest.h>

#include "tests/support/mixed_key.hpp"

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

TEST(Certificate, AKeyOfMixedOrderIsRefusedThoughItsSignaturesHold) {
  const Identity who;
  const test::MixedKey weak;
  for (const Bytes& bytes : {weak.as_root_of(who.node), weak.as_node_of(who.root)}) {
    const ByteView all{bytes};
    const auto holds = [&](std::size_t key, std::size_t signature) {
      return verify(all.subspan(key).first<32>(), test::MixedKey::kDomain, all.first(72),
                    Signature::from_bytes(all.subspan(signature, 64)).value());
    };
    EXPECT_TRUE(holds(0, 72) && holds(32, 136));
    const auto got = NodeCertificate::decode_verified(bytes);
    ASSERT_TRUE(got.has_error());
    EXPECT_EQ(got.error().detail, "the certificate names a malformed or weak key");
    EXPECT_FALSE(got.error().fr.empty());
  }
}

}  // namespace
}  // namespace maillon::crypto
