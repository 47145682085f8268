#include <gtest/gtest.h>

#include "crypto/noise.hpp"
#include "vectors.hpp"

namespace maillon::crypto::noise {
namespace {

using test::fixed;
using test::hex_field;

Handshake::Keys keys_of(const boost::json::object& vector, const std::string& side) {
  Handshake::Keys keys;
  if (vector.contains(side + "_static"))
    keys.s.emplace(Secret32{fixed<32>(hex_field(vector, side + "_static"))});
  if (vector.contains(side + "_remote_static"))
    keys.rs = fixed<32>(hex_field(vector, side + "_remote_static"));
  if (vector.contains(side + "_ephemeral"))
    keys.fixed_ephemeral.emplace(fixed<32>(hex_field(vector, side + "_ephemeral")));
  if (const auto* const psks = vector.if_contains(side + "_psks")) {
    for (const auto& psk : psks->as_array())
      keys.psks.push_back(fixed<32>(test::unhex(psk.as_string())));
  }
  return keys;
}

std::string pattern_of(const boost::json::object& vector) {
  const std::string_view name = vector.at("protocol_name").as_string();
  return std::string{name.substr(6, name.find('_', 6) - 6)};
}

/// N, K and X have one message; there the initiator alone speaks, ever.
bool one_way(std::string_view pattern) {
  const auto base = pattern.substr(0, pattern.find("psk"));
  return base.size() == 1;
}

void run(const boost::json::object& vector) {
  const std::string pattern = pattern_of(vector);
  SCOPED_TRACE(pattern);
  SeededRng rng{1};
  auto initiator = Handshake::create(pattern, true, hex_field(vector, "init_prologue"),
                                     keys_of(vector, "init"), rng);
  auto responder = Handshake::create(pattern, false, hex_field(vector, "resp_prologue"),
                                     keys_of(vector, "resp"), rng);
  ASSERT_TRUE(initiator.has_value()) << initiator.error().detail;
  ASSERT_TRUE(responder.has_value()) << responder.error().detail;
  const auto& messages = vector.at("messages").as_array();
  std::size_t k = 0;
  for (; !initiator->done(); ++k) {
    auto& sender = k % 2 == 0 ? *initiator : *responder;
    auto& receiver = k % 2 == 0 ? *responder : *initiator;
    ASSERT_TRUE(sender.our_turn() && !receiver.our_turn());
    const auto payload = hex_field(messages.at(k).as_object(), "payload");
    const auto written = sender.write(payload);
    ASSERT_TRUE(written.has_value()) << written.error().detail;
    EXPECT_EQ(to_hex(*written), messages.at(k).at("ciphertext").as_string()) << k;
    const auto read = receiver.read(*written);
    ASSERT_TRUE(read.has_value()) << read.error().detail;
    EXPECT_EQ(*read, payload);
  }
  ASSERT_TRUE(responder->done());
  auto ours = initiator->split();
  auto theirs = responder->split();
  ASSERT_TRUE(ours.has_value() && theirs.has_value());
  EXPECT_EQ(ours->handshake_hash, theirs->handshake_hash);
  if (vector.contains("handshake_hash")) {
    EXPECT_EQ(to_hex(ours->handshake_hash), vector.at("handshake_hash").as_string());
  }
  ASSERT_LT(k, messages.size()) << "a vector has transport messages";
  for (; k < messages.size(); ++k) {
    const bool by_initiator = one_way(pattern) || k % 2 == 0;
    auto& sender = by_initiator ? ours->send : theirs->send;
    auto& receiver = by_initiator ? theirs->receive : ours->receive;
    const auto payload = hex_field(messages.at(k).as_object(), "payload");
    const auto sealed = sender.encrypt({}, payload).value();
    EXPECT_EQ(to_hex(sealed), messages.at(k).at("ciphertext").as_string()) << k;
    EXPECT_EQ(receiver.decrypt({}, sealed).value(), payload);
  }
}

TEST(NoiseVectors, BothOfXX) {
  const auto file = test::load_json("noise/noise_xx_25519_chachapoly_blake2b.json");
  const auto& vectors = file.at("vectors").as_array();
  ASSERT_EQ(vectors.size(), 2u);
  int with_hash = 0;
  for (const auto& vector : vectors) {
    EXPECT_EQ(vector.at("protocol_name").as_string(), kProtocolName);
    with_hash += vector.as_object().contains("handshake_hash") ? 1 : 0;
    run(vector.as_object());
  }
  EXPECT_EQ(with_hash, 1);
}

TEST(NoiseVectors, All59OfTheFamily) {
  const auto file = test::load_json("noise/cacophony_25519_chachapoly_blake2b_all_patterns.json");
  const auto& vectors = file.at("vectors").as_array();
  ASSERT_EQ(vectors.size(), 59u);
  int with_psk = 0;
  for (const auto& vector : vectors) {
    with_psk += pattern_of(vector.as_object()).find("psk") != std::string::npos ? 1 : 0;
    run(vector.as_object());
  }
  EXPECT_EQ(with_psk, 21);
}

TEST(NoiseVectors, WycheproofX25519) {
  int agreed = 0;
  int refused = 0;
  const auto file = test::load_json("wycheproof/x25519_test.json");
  for (const auto& group : file.at("testGroups").as_array()) {
    for (const auto& row : group.at("tests").as_array()) {
      const auto& vector = row.as_object();
      const DhKey key{Secret32{fixed<32>(hex_field(vector, "private"))}};
      const auto shared = key.agree(fixed<32>(hex_field(vector, "public")));
      const auto expected = hex_field(vector, "shared");
      const bool zero = std::ranges::all_of(expected, [](auto byte) { return byte == 0; });
      ++(zero ? refused : agreed);
      if (zero) {
        EXPECT_TRUE(shared.has_error() && shared.error().code == Errc::refused)
            << vector.at("tcId");
      } else {
        ASSERT_TRUE(shared.has_value()) << vector.at("tcId");
        EXPECT_TRUE(std::ranges::equal(shared->bytes(), expected)) << vector.at("tcId");
      }
    }
  }
  EXPECT_EQ(agreed, 487);
  EXPECT_EQ(refused, 31);
}

}  // namespace
}  // namespace maillon::crypto::noise
