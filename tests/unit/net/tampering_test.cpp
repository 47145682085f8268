#include <atomic>
#include <mutex>

#include "tests/unit/net/test_node.hpp"

namespace maillon::net::testing {
namespace {

using Seen = TestNode::Seen;

/// How many bytes of each direction belong to HTTP, and how many to the handshake.
struct Recording {
  std::mutex mutex;
  std::string bytes[2];  ///< by Way
  [[nodiscard]] std::string of(Way way) {
    const std::lock_guard lock(mutex);
    return bytes[static_cast<int>(way)];
  }
  [[nodiscard]] std::size_t head(Way way) { return of(way).find("\r\n\r\n") + 4; }
};

TcpProxy::Hook record(Recording& into) {
  return [&into](Way way, std::uint64_t, std::span<std::uint8_t> piece) {
    const std::lock_guard lock(into.mutex);
    into.bytes[static_cast<int>(way)] += as_text(piece);
    return true;
  };
}

TcpProxy::Hook flip(Way which, std::uint64_t at) {
  return [which, at](Way way, std::uint64_t offset, std::span<std::uint8_t> piece) {
    if (way == which && at >= offset && at < offset + piece.size()) {
      piece[at - offset] ^= static_cast<std::uint8_t>(1u << (at % 8));
    }
    return true;
  };
}

NetworkOptions impatient() {
  NetworkOptions options = TestNode::default_options();
  // A flipped length makes one side wait for bytes that never come.
  options.handshake_timeout = 150ms;
  options.close_timeout = 150ms;
  return options;
}

/// A session through `hook`, open at both ends.
void connect_through(TestNode& a, TestNode& b, TcpProxy& proxy) {
  a.dial(proxy.port());
  const auto open = [](const Seen& seen) { return !seen.opened.empty(); };
  a.wait(open, "open");
  b.wait(open, "open");
}

/// Sizes on the wire after the WebSocket is open: frame headers and the messages of the handshake.
constexpr std::size_t kPayload = 200 + 64 + 16;
constexpr std::size_t kMessage1 = 2 + 4 + 32;
constexpr std::size_t kMessage2 = 4 + 32 + 48 + kPayload;
constexpr std::size_t kMessage3 = 4 + 4 + 48 + kPayload;
constexpr std::size_t kReady = 2 + 1 + 16;

TEST(Tampering, AnyFlippedByteOfTheHandshakeKeepsBothFromOpening) {
  Recording recording;
  {
    TestNode a(1);
    TestNode b(2);
    TcpProxy proxy(b.listen(), record(recording));
    connect_through(a, b, proxy);
  }
  TestNode a(1, impatient());
  TestNode b(2, impatient());
  const std::uint16_t port = b.listen();
  std::size_t tries = 0;
  const auto try_flip = [&](Way way, std::size_t at, bool acceptor_may_open) {
    TcpProxy proxy(port, flip(way, at));
    a.dial(proxy.port());
    ++tries;
    a.wait([&](const Seen& seen) { return seen.failed.size() + seen.opened.size() == tries; },
           "the dial ends");
    ASSERT_EQ(a.look().failed.size(), tries) << "dialler opened; flipped " << at;
    b.wait([&](const Seen& seen) { return seen.refused.size() + seen.closed.size() == tries; },
           "the acceptor ends");
    ASSERT_TRUE(acceptor_may_open || b.look().opened.empty()) << "flipped " << at;
  };
  const std::size_t up = recording.head(Way::to_acceptor);
  const std::size_t down = recording.head(Way::to_dialler);
  for (std::size_t i = 0; i < kMessage1 + kMessage3; ++i) try_flip(Way::to_acceptor, up + i, false);
  for (std::size_t i = 0; i < kMessage2; ++i) try_flip(Way::to_dialler, down + i, false);
  // The acceptor is open when its ready is altered; the dialler must not be.
  for (std::size_t i = 0; i < kReady; ++i) {
    try_flip(Way::to_dialler, down + kMessage2 + i, true);
  }
  for (const auto& closed : b.look().closed) EXPECT_FALSE(closed.info.clean);
}

TEST(Tampering, FlippedByteOfTheSessionEndsItUncleanAndIsNamed) {
  Recording recording;
  {
    TestNode a(1);
    TestNode b(2);
    TcpProxy proxy(b.listen(), record(recording));
    connect_through(a, b, proxy);
  }
  const std::size_t session = recording.head(Way::to_acceptor) + kMessage1 + kMessage3;
  // A frame of 8 bytes header, 1,000 of message, kind and tag.
  for (const std::size_t at : {8, 9, 500, 1007, 1008, 1009, 1024}) {
    TestNode a(1);
    TestNode b(2);
    TcpProxy proxy(b.listen(), flip(Way::to_acceptor, session + at));
    connect_through(a, b, proxy);
    a.send(pattern(1000));
    for (TestNode* node : {&a, &b}) {
      node->wait([](const Seen& seen) { return !seen.closed.empty(); }, "both end");
      EXPECT_FALSE(node->look().closed[0].info.clean);
    }
    EXPECT_EQ(b.look().closed[0].info.reason, CloseReason::corrupt);
    EXPECT_TRUE(b.look().messages.empty());
  }
}

TEST(Tampering, AlteredGoodbyeIsNoGoodbye) {
  TestNode a(1);
  TestNode b(2);
  std::atomic<bool> alter = false;
  TcpProxy proxy(b.listen(), [&](Way way, std::uint64_t, std::span<std::uint8_t> piece) {
    if (alter && way == Way::to_acceptor && piece.size() > 6) piece[6] ^= 1;
    return true;
  });
  connect_through(a, b, proxy);
  alter = true;
  a.close(CloseReason::done);
  for (TestNode* node : {&a, &b}) {
    node->wait([](const Seen& seen) { return !seen.closed.empty(); }, "both end");
    EXPECT_FALSE(node->look().closed[0].info.clean);
  }
  EXPECT_EQ(b.look().closed[0].info.reason, CloseReason::corrupt);
}

TEST(Tampering, WebSocketCloseByAProxyIsNoGoodbye) {
  TestNode a(1);
  TestNode b(2);
  // Turns the next message of the acceptor into a close frame of the same length.
  std::atomic<bool> forge = false;
  TcpProxy proxy(b.listen(), [&](Way way, std::uint64_t, std::span<std::uint8_t> piece) {
    if (forge && way == Way::to_dialler && piece.size() > 4) {
      piece[0] = 0x88;
      piece[2] = 1000 >> 8;
      piece[3] = 1000 & 0xff;
      for (std::size_t i = 4; i < piece.size(); ++i) piece[i] = 'x';
    }
    return true;
  });
  connect_through(a, b, proxy);
  forge = true;
  b.send(pattern(20));
  a.wait([](const Seen& seen) { return !seen.closed.empty(); }, "the dialler ends");
  EXPECT_FALSE(a.look().closed[0].info.clean);
  EXPECT_EQ(a.look().closed[0].info.reason, CloseReason::lost);
}

TEST(Tampering, ReplayedSessionIsRefused) {
  Recording recording;
  TestNode b(2);
  const std::uint16_t port = b.listen();
  {
    TestNode a(1);
    TcpProxy proxy(port, record(recording));
    connect_through(a, b, proxy);
    a.send(pattern(100));
    b.wait([](const Seen& seen) { return seen.messages.size() == 1; }, "it comes");
  }
  const std::string said = recording.of(Way::to_acceptor);
  const std::size_t head = recording.head(Way::to_acceptor);
  RawClient client(port);
  client.write(as_bytes(said.substr(0, head)));
  client.read_until("\r\n\r\n");
  client.write(as_bytes(said.substr(head)));
  client.wait_closed();
  b.wait([](const Seen& seen) { return !seen.refused.empty(); }, "it is refused");
  EXPECT_EQ(b.look().refused[0].code, Errc::integrity);
  EXPECT_EQ(b.look().opened.size(), 1u);
  EXPECT_EQ(b.look().messages.size(), 1u);
}

}  // namespace
}  // namespace maillon::net::testing
