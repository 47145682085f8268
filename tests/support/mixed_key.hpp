#pragma once

#include <sodium.h>

#include "crypto/keys.hpp"

namespace maillon::test {

/// A key of mixed order: a good one plus the point of order 2. It makes signatures that verify, so
/// nothing but a look at the key itself tells it apart.
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

  [[nodiscard]] crypto::PublicKey public_key() const { return public_; }

  [[nodiscard]] crypto::Signature sign(std::string_view domain, ByteView message) const {
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
      return crypto::Signature::from_array(out);
    }
  }

  /// A certificate whose signatures hold, that names this key as one of the two.
  [[nodiscard]] Bytes as_root_of(const crypto::SigningKey& node) const {
    const Bytes said = statement(public_, node.public_key());
    return signed_by(said, sign(kDomain, said), node.sign(kDomain, said));
  }
  [[nodiscard]] Bytes as_node_of(const crypto::SigningKey& root) const {
    const Bytes said = statement(root.public_key(), public_);
    return signed_by(said, root.sign(kDomain, said), sign(kDomain, said));
  }

  static constexpr std::string_view kDomain = "maillon/node-certificate/v1";

 private:
  static Bytes statement(crypto::PublicKey member, crypto::PublicKey node) {
    Bytes out;
    ByteWriter w{out};
    w.raw(member);
    w.raw(node);
    w.le64(1);
    return out;
  }
  static Bytes signed_by(Bytes said, const crypto::Signature& root, const crypto::Signature& node) {
    ByteWriter w{said};
    w.raw(root.bytes());
    w.raw(node.bytes());
    return said;
  }

  std::array<std::uint8_t, 32> scalar_{};
  std::array<std::uint8_t, 32> public_{};
};

}  // namespace maillon::test
