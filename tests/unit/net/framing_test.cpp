#include "node/net/framing.hpp"

#include <gtest/gtest.h>

#include "tests/unit/net/test_node.hpp"

namespace maillon::net {
namespace {

using testing::pattern;

std::vector<Bytes> pass(Outbox& outbox, Inbox& inbox) {
  std::vector<Bytes> out;
  while (const auto plaintext = outbox.next()) {
    EXPECT_LE(plaintext->size(), kNoisePlainMax);
    const auto fed = inbox.feed(Bytes(plaintext->begin(), plaintext->end()));
    EXPECT_TRUE(fed.has_value());
    while (auto message = inbox.next()) out.push_back(*std::move(message));
  }
  return out;
}

Bytes framed(Bytes content, FrameKind kind) {
  content.push_back(static_cast<std::uint8_t>(kind));
  return content;
}

TEST(Framing, EverySizeAroundABorderComesBackWhole) {
  Outbox outbox;
  Inbox inbox;
  std::vector<Bytes> sent;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{8192}, std::size_t{8193}, kFragmentMax - 1,
        kFragmentMax, kFragmentMax + 1, 2 * kFragmentMax, 2 * kFragmentMax + 1,
        limits::kFrameMax}) {
    sent.push_back(pattern(size, size + 1));
    ASSERT_TRUE(outbox.push(sent.back(), Priority::bulk).has_value());
  }
  EXPECT_EQ(pass(outbox, inbox), sent);
  EXPECT_EQ(outbox.bytes(), 0u);
}

TEST(Framing, SmallMessagesTravelTogether) {
  Outbox outbox;
  Inbox inbox;
  std::vector<Bytes> sent;
  for (std::size_t i = 0; i < 1000; ++i) {
    sent.push_back(pattern(i % 200, i));
    ASSERT_TRUE(outbox.push(sent.back(), Priority::bulk).has_value());
  }
  std::size_t plaintexts = 0;
  std::vector<Bytes> got;
  while (const auto plaintext = outbox.next()) {
    ++plaintexts;
    ASSERT_TRUE(inbox.feed(Bytes(plaintext->begin(), plaintext->end())).has_value());
    while (auto message = inbox.next()) got.push_back(*std::move(message));
  }
  EXPECT_EQ(got, sent);
  EXPECT_LE(plaintexts, 3u);
}

TEST(Framing, UrgentGoesAheadButNeverInside) {
  Outbox outbox;
  Inbox inbox;
  const Bytes first = pattern(3 * kFragmentMax, 1);
  const Bytes second = pattern(3 * kFragmentMax, 2);
  const Bytes urgent = pattern(10, 3);
  ASSERT_TRUE(outbox.push(first, Priority::bulk).has_value());
  ASSERT_TRUE(outbox.push(second, Priority::bulk).has_value());
  const auto begun = outbox.next();
  ASSERT_TRUE(begun && inbox.feed(Bytes(begun->begin(), begun->end())).has_value());
  ASSERT_TRUE(outbox.push(urgent, Priority::urgent).has_value());
  EXPECT_EQ(pass(outbox, inbox), (std::vector<Bytes>{first, urgent, second}));
}

TEST(Framing, CountsAndCapsWhatWaits) {
  Outbox outbox;
  EXPECT_EQ(outbox.push(Bytes(limits::kFrameMax + 1), Priority::bulk).error().code, Errc::usage);
  const std::size_t fit = kSendQueueMax / (limits::kFrameMax + kMessageCharge);
  for (std::size_t i = 0; i < fit; ++i) {
    ASSERT_TRUE(outbox.push(Bytes(limits::kFrameMax), Priority::bulk).has_value());
  }
  EXPECT_EQ(outbox.bytes(), fit * (limits::kFrameMax + kMessageCharge));
  EXPECT_EQ(outbox.push(Bytes(limits::kFrameMax), Priority::bulk).error().code, Errc::full);
  while (outbox.next()) {
  }
  EXPECT_EQ(outbox.bytes(), 0u);
}

TEST(Framing, EndComesLastAndIsPrintable) {
  Outbox outbox;
  Inbox inbox;
  outbox.push_ready();
  ASSERT_TRUE(outbox.push(pattern(5), Priority::bulk).has_value());
  outbox.push_end(CloseReason::not_admitted, "é\x1b[31m" + std::string(400, 'x'));
  EXPECT_TRUE(outbox.push(pattern(5), Priority::bulk).has_error());
  EXPECT_EQ(pass(outbox, inbox), std::vector<Bytes>{pattern(5)});
  EXPECT_TRUE(outbox.ended());
  EXPECT_TRUE(inbox.take_ready());
  ASSERT_TRUE(inbox.end());
  EXPECT_EQ(inbox.end()->reason, CloseReason::not_admitted);
  EXPECT_EQ(inbox.end()->text, "é [31m" + std::string(kEndTextMax - 7, 'x'));
  EXPECT_TRUE(inbox.feed(framed({}, FrameKind::last)).has_error());
}

TEST(Framing, RefusesWhatOutboxNeverWrites) {
  const auto refuses = [](std::vector<Bytes> plaintexts) {
    Inbox inbox;
    for (std::size_t i = 0; i + 1 < plaintexts.size(); ++i) {
      EXPECT_TRUE(inbox.feed(plaintexts[i]).has_value());
    }
    const auto last = inbox.feed(plaintexts.back());
    return last.has_error() && last.error().code == Errc::malformed;
  };
  const Bytes full = framed(Bytes(kFragmentMax), FrameKind::more);
  EXPECT_TRUE(refuses({Bytes{}}));
  EXPECT_TRUE(refuses({Bytes{5}}));
  EXPECT_TRUE(refuses({framed(Bytes(kFragmentMax - 1), FrameKind::more)}));
  EXPECT_TRUE(refuses({full, framed(Bytes{1, 0}, FrameKind::batch)}));
  EXPECT_TRUE(refuses({full, framed(Bytes{0}, FrameKind::end)}));
  EXPECT_TRUE(refuses({full, framed({}, FrameKind::ready)}));
  EXPECT_TRUE(refuses({framed({1}, FrameKind::ready)}));
  EXPECT_TRUE(refuses({framed({}, FrameKind::end)}));
  EXPECT_TRUE(refuses({framed(Bytes(2 + kEndTextMax), FrameKind::end)}));
  EXPECT_TRUE(refuses({framed({}, FrameKind::batch)}));
  EXPECT_TRUE(refuses({framed({2, 7}, FrameKind::batch)}));
  EXPECT_TRUE(refuses(std::vector<Bytes>(limits::kFrameMax / kFragmentMax + 1, full)));
}

}  // namespace
}  // namespace maillon::net
