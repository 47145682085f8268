#include "crypto/noise.hpp"

#include <gtest/gtest.h>

#include "proto/limits.hpp"

namespace maillon::crypto::noise {
namespace {

constexpr std::size_t kMessages = 3;

/// Two nodes that shake hands with XX; the same seed gives the same bytes.
struct Pair {
  SeededRng rng{1};
  DhKey a{Secret32::random(rng)};
  DhKey b{Secret32::random(rng)};
  std::array<std::uint8_t, 32> a_key = a.public_key();
  std::array<std::uint8_t, 32> b_key = b.public_key();
  Handshake initiator = make(true, std::move(a), "prologue");
  Handshake responder = make(false, std::move(b), "prologue");

  Handshake make(bool first, DhKey key, std::string_view prologue) {
    Handshake::Keys keys;
    keys.s = std::move(key);
    return Handshake::create("XX", first, as_bytes(prologue), std::move(keys), rng).value();
  }
  Handshake& writer(std::size_t k) { return k % 2 == 0 ? initiator : responder; }
  Handshake& reader(std::size_t k) { return k % 2 == 0 ? responder : initiator; }
  /// Plays the messages before `k`, then writes that one.
  Bytes message(std::size_t k) {
    for (std::size_t i = 0; i < k; ++i)
      EXPECT_TRUE(reader(i).read(writer(i).write(as_bytes("hello")).value()).has_value());
    return writer(k).write(as_bytes("hello")).value();
  }
};

void expect_dead(Handshake& handshake, ByteView genuine) {
  EXPECT_FALSE(handshake.our_turn());
  EXPECT_FALSE(handshake.done());
  EXPECT_TRUE(handshake.read(genuine).has_error()) << "not even the true message may follow";
  EXPECT_TRUE(handshake.write({}).has_error());
  EXPECT_TRUE(handshake.split().has_error());
  EXPECT_FALSE(handshake.remote_static().has_value());
}

TEST(Noise, XxTellsBothTheOthersKey) {
  Pair pair;
  EXPECT_FALSE(pair.initiator.remote_static().has_value());
  pair.reader(2).read(pair.message(2)).value();
  EXPECT_TRUE(pair.initiator.done() && pair.responder.done());
  auto ours = pair.initiator.split().value();
  auto theirs = pair.responder.split().value();
  EXPECT_EQ(pair.initiator.remote_static(), pair.b_key);
  EXPECT_EQ(pair.responder.remote_static(), pair.a_key);
  EXPECT_EQ(ours.handshake_hash, theirs.handshake_hash);
  EXPECT_TRUE(pair.initiator.split().has_error()) << "keys leave once";
  const auto sealed = ours.send.encrypt(as_bytes("ad"), as_bytes("text")).value();
  EXPECT_EQ(as_text(theirs.receive.decrypt(as_bytes("ad"), sealed).value()), "text");
}

// A flip in message 0 changes an ephemeral key or a payload that nothing protects yet, so message 1
// must fail; any other flip is seen at once.
TEST(Noise, EveryFlippedByteOfTheHandshakeEndsIt) {
  for (std::size_t k = 0; k < kMessages; ++k) {
    const std::size_t size = Pair{}.message(k).size();
    for (std::size_t at = 0; at < size; ++at) {
      Pair pair;
      const auto genuine = pair.message(k);
      auto flipped = genuine;
      flipped[at] ^= 0x01;
      if (k == 0) {
        const auto read = pair.responder.read(flipped);
        if (read.has_error()) {
          expect_dead(pair.responder, genuine);
          continue;
        }
        const auto answer = pair.responder.write(as_bytes("hello")).value();
        EXPECT_TRUE(pair.initiator.read(answer).has_error()) << at;
        expect_dead(pair.initiator, answer);
      } else {
        // In message 1 the flip of the ephemeral's top bit changes no secret, yet the hash.
        EXPECT_TRUE(pair.reader(k).read(flipped).has_error()) << k << " " << at;
        expect_dead(pair.reader(k), genuine);
      }
    }
  }
}

TEST(Noise, TheMaskedTopBitOfAnEphemeralIsNoticed) {
  Pair pair;
  auto message = pair.message(1);
  message[31] ^= 0x80;
  EXPECT_EQ(pair.initiator.read(message).error().code, Errc::integrity);
}

TEST(Noise, EveryCutAndTailEndsTheHandshake) {
  for (std::size_t k = 1; k < kMessages; ++k) {
    const std::size_t size = Pair{}.message(k).size();
    for (std::size_t cut = 0; cut < size; ++cut) {
      Pair pair;
      const auto genuine = pair.message(k);
      EXPECT_TRUE(pair.reader(k).read(ByteView{genuine}.first(cut)).has_error());
      expect_dead(pair.reader(k), genuine);
    }
    Pair pair;
    auto longer = pair.message(k);
    longer.push_back(0);
    EXPECT_TRUE(pair.reader(k).read(longer).has_error());
  }
  for (std::size_t cut = 0; cut < 32; ++cut) {
    Pair pair;
    EXPECT_EQ(pair.responder.read(Bytes(cut)).error().code, Errc::malformed);
  }
}

TEST(Noise, SmallOrderEphemeralIsRefused) {
  Pair pair;
  const Bytes zeros(32);
  EXPECT_TRUE(pair.responder.read(zeros).has_value()) << "no secret is made in message 0";
  EXPECT_EQ(pair.responder.write({}).error().code, Errc::refused);
  expect_dead(pair.responder, zeros);
}

TEST(Noise, AnotherPrologueFails) {
  Pair pair;
  pair.responder = pair.make(false, DhKey{Secret32::random(pair.rng)}, "another federation");
  EXPECT_TRUE(pair.responder.read(pair.message(0)).has_value());
  const auto answer = pair.responder.write({}).value();
  EXPECT_EQ(pair.initiator.read(answer).error().code, Errc::integrity);
}

TEST(Noise, OutOfTurnEndsTheHandshake) {
  Pair writing;
  EXPECT_EQ(writing.responder.write({}).error().code, Errc::usage);
  expect_dead(writing.responder, Bytes(32));
  Pair reading;
  EXPECT_EQ(reading.initiator.read(Bytes(32)).error().code, Errc::refused);
  expect_dead(reading.initiator, Bytes(32));
  Pair early;
  EXPECT_EQ(early.initiator.split().error().code, Errc::usage);
  expect_dead(early.initiator, Bytes(32));
}

TEST(Noise, MessagesAreBounded) {
  Pair fits;
  EXPECT_EQ(fits.initiator.write(Bytes(limits::kNoiseMessageMax - 32)).value().size(),
            limits::kNoiseMessageMax);
  Pair writing;
  EXPECT_EQ(writing.initiator.write(Bytes(limits::kNoiseMessageMax - 31)).error().code,
            Errc::usage);
  Pair reading;
  EXPECT_EQ(reading.responder.read(Bytes(limits::kNoiseMessageMax + 1)).error().code,
            Errc::malformed);
  Cipher cipher{Secret32{}};
  EXPECT_EQ(cipher.encrypt({}, Bytes(limits::kNoiseMessageMax - 16)).value().size(),
            limits::kNoiseMessageMax);
  EXPECT_EQ(cipher.encrypt({}, Bytes(limits::kNoiseMessageMax - 15)).error().code, Errc::usage);
  EXPECT_EQ(cipher.decrypt({}, Bytes(limits::kNoiseMessageMax + 1)).error().code, Errc::malformed);
}

TEST(Noise, EveryFlippedByteOfATransportMessageIsRefused) {
  Cipher sender{Secret32{}};
  Cipher receiver{Secret32{}};
  const auto sealed = sender.encrypt(as_bytes("ad"), as_bytes("a transport message")).value();
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = sealed;
      flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ (1 << bit));
      EXPECT_EQ(receiver.decrypt(as_bytes("ad"), flipped).error().code, Errc::integrity);
    }
  }
  EXPECT_EQ(receiver.decrypt(as_bytes("aD"), sealed).error().code, Errc::integrity);
  for (std::size_t cut = 0; cut < sealed.size(); ++cut)
    EXPECT_TRUE(receiver.decrypt(as_bytes("ad"), ByteView{sealed}.first(cut)).has_error());
  // The nonce stayed: the true message still opens, and only once.
  EXPECT_EQ(as_text(receiver.decrypt(as_bytes("ad"), sealed).value()), "a transport message");
  EXPECT_TRUE(receiver.decrypt(as_bytes("ad"), sealed).has_error()) << "a replay";
}

TEST(Noise, TransportKeepsOrder) {
  Cipher sender{Secret32{}};
  Cipher receiver{Secret32{}};
  const auto first = sender.encrypt({}, as_bytes("1")).value();
  const auto second = sender.encrypt({}, as_bytes("2")).value();
  EXPECT_TRUE(receiver.decrypt({}, second).has_error());
  EXPECT_TRUE(receiver.decrypt({}, first).has_value());
  EXPECT_TRUE(receiver.decrypt({}, second).has_value());
}

TEST(Noise, RekeyedSidesUnderstandOnlyEachOther) {
  Cipher sender{Secret32{}};
  Cipher receiver{Secret32{}};
  sender.rekey();
  const auto sealed = sender.encrypt({}, as_bytes("text")).value();
  EXPECT_TRUE(receiver.decrypt({}, sealed).has_error());
  receiver.rekey();
  EXPECT_EQ(as_text(receiver.decrypt({}, sealed).value()), "text");
}

TEST(Noise, CreateJudgesPatternAndKeys) {
  SeededRng rng{3};
  const auto code = [&](std::string_view pattern, Handshake::Keys keys) {
    auto made = Handshake::create(pattern, true, {}, std::move(keys), rng);
    return made ? std::nullopt : std::optional{made.error().code};
  };
  for (const auto* const name :
       {"", "xx", "XX2", "NNpsk", "NNpsk3", "NNpskx", "NNpsk0psk2", "NNfallback", "psk0"}) {
    EXPECT_EQ(code(name, {}), Errc::usage) << name;
  }
  EXPECT_EQ(code("NN", {}), std::nullopt);
  EXPECT_EQ(code("XX", {}), Errc::usage) << "no static key of ours";
  EXPECT_EQ(code("NK", {}), Errc::usage) << "none of theirs";
  EXPECT_EQ(code("NNpsk0", {}), Errc::usage) << "no psk";
  Handshake::Keys one;
  one.psks.emplace_back();
  EXPECT_EQ(code("NN", std::move(one)), Errc::usage) << "a psk too many";
  Handshake::Keys two;
  two.psks.resize(2);
  EXPECT_EQ(code("NNpsk0+psk2", std::move(two)), std::nullopt);
  Handshake::Keys pinned;
  pinned.rs.emplace();
  EXPECT_EQ(code("NX", std::move(pinned)), Errc::usage) << "NX would not look at it";
}

}  // namespace
}  // namespace maillon::crypto::noise
