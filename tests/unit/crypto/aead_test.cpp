#include "crypto/aead.hpp"

#include <gtest/gtest.h>

#include "vectors.hpp"

namespace maillon::crypto {
namespace {

using test::fixed;
using test::hex_field;

struct Count {
  int applied = 0;
  int skipped = 0;
};

/// Runs a Wycheproof file of AEAD vectors; `kNonce` is the nonce size that applies.
template <std::size_t kNonce>
Count run(std::string_view name, auto seal, auto open) {
  Count count;
  const auto file = test::load_json(name);
  for (const auto& group : file.at("testGroups").as_array()) {
    for (const auto& row : group.at("tests").as_array()) {
      const auto& vector = row.as_object();
      const auto iv = hex_field(vector, "iv");
      if (iv.size() != kNonce) {
        ++count.skipped;
        continue;
      }
      ++count.applied;
      const auto nonce = fixed<kNonce>(iv);
      const Secret32 key{fixed<32>(hex_field(vector, "key"))};
      const auto ad = hex_field(vector, "aad");
      const auto plaintext = hex_field(vector, "msg");
      auto sealed = hex_field(vector, "ct");
      const auto tag = hex_field(vector, "tag");
      sealed.insert(sealed.end(), tag.begin(), tag.end());
      const auto opened = open(key, nonce, ad, sealed);
      if (vector.at("result").as_string() == "valid") {
        EXPECT_EQ(seal(key, nonce, ad, plaintext), sealed) << vector.at("tcId");
        EXPECT_TRUE(opened.has_value() && *opened == plaintext) << vector.at("tcId");
      } else {
        EXPECT_TRUE(opened.has_error() && opened.error().code == Errc::integrity)
            << vector.at("tcId");
      }
    }
  }
  return count;
}

TEST(Aead, WycheproofChaCha20Poly1305) {
  const auto count = run<12>("wycheproof/chacha20_poly1305_test.json", chacha_seal, chacha_open);
  EXPECT_EQ(count.applied, 316);
  EXPECT_EQ(count.skipped, 9);
}

TEST(Aead, WycheproofXChaCha20Poly1305) {
  const auto count = run<24>("wycheproof/xchacha20_poly1305_test.json", xchacha_seal, xchacha_open);
  EXPECT_EQ(count.applied, 306);
  EXPECT_EQ(count.skipped, 9);
}

TEST(Aead, ShorterThanATagIsRefused) {
  const Secret32 key;
  const std::array<std::uint8_t, 12> nonce{};
  for (std::size_t size = 0; size <= kTagSize; ++size)
    EXPECT_EQ(chacha_open(key, nonce, {}, Bytes(size)).error().code, Errc::integrity);
}

TEST(Aead, WipeLeavesNothing) {
  std::array<std::uint8_t, 4> bytes = {1, 2, 3, 4};
  wipe(bytes);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 4>{}));
  std::string text = "secret";
  wipe(text);
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace maillon::crypto
