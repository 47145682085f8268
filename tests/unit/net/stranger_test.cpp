#include <future>

#include "node/net/secure_channel.hpp"
#include "tests/unit/net/test_node.hpp"

namespace maillon::net::testing {
namespace {

using Seen = TestNode::Seen;

bool refused(const Seen& seen) { return !seen.refused.empty(); }
bool failed(const Seen& seen) { return !seen.failed.empty(); }

std::string upgrade_request(const std::string& extra = {}) {
  return "GET " + federation_path(federation()) +
         " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
         extra + "\r\n";
}

/// A masked client frame; the mask is zero, so that the payload stands as it is.
Bytes client_frame(std::uint8_t opcode, const Bytes& payload) {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(0x80 | opcode));
  if (payload.size() < 126) {
    writer.u8(static_cast<std::uint8_t>(0x80 | payload.size()));
  } else {
    writer.u8(0x80 | 126);
    writer.u8(static_cast<std::uint8_t>(payload.size() >> 8));
    writer.u8(static_cast<std::uint8_t>(payload.size()));
  }
  writer.le32(0);
  writer.raw(payload);
  return out;
}

TEST(Stranger, OtherFederationIsToldApartBeforeAnyHandshake) {
  NetworkOptions options = TestNode::default_options();
  options.federation = federation(2);
  TestNode a(1, options);
  TestNode b(2);
  a.dial(b.listen());
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::refused);
  EXPECT_NE(a.look().failed[0].detail.find("another federation"), std::string::npos);
  EXPECT_NE(a.look().failed[0].fr.find("une autre fédération"), std::string::npos);
  EXPECT_FALSE(a.look().failed[0].hint_fr.empty());
  b.wait(refused, "the acceptor notes it");
  EXPECT_EQ(b.look().refused[0].code, Errc::refused);
}

TEST(Stranger, BrowsersGetALine) {
  TestNode b(2);
  RawClient client(b.listen());
  client.write(as_bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const std::string answer = client.read_until("fédération ici.\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
  EXPECT_NE(answer.find("No such federation here."), std::string::npos);
}

TEST(Stranger, OtherNodeThanExpectedIsRefused) {
  TestNode a(1);
  TestNode b(2);
  TestNode c(3);
  a.dial(b.listen(), c.id());
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::refused);
  EXPECT_NE(a.look().failed[0].detail.find("not the expected"), std::string::npos);
  EXPECT_TRUE(a.look().opened.empty());
  b.wait(refused, "the acceptor never opens");
  EXPECT_TRUE(b.look().opened.empty());
  a.dial(b.listen(), b.id());
  a.wait([](const Seen& seen) { return !seen.opened.empty(); }, "the expected one opens");
}

TEST(Stranger, OurselvesAreRefused) {
  TestNode a(1);
  a.dial(a.listen());
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::refused);
  EXPECT_TRUE(a.look().opened.empty());
}

TEST(Stranger, NobodyThereAndBadUrls) {
  TestNode a(1);
  std::uint16_t port = 0;
  {
    TestNode b(2);
    port = b.listen();
  }
  a.dial(port);
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::unavailable);
  EXPECT_FALSE(a.look().failed[0].fr.empty());
  a.dial_url("ftp://a");
  a.wait([](const Seen& seen) { return seen.failed.size() == 2; }, "the dial fails");
  EXPECT_EQ(a.look().failed[1].code, Errc::usage);
}

TEST(Stranger, GarbageIsRefused) {
  NetworkOptions options = TestNode::default_options();
  // Random bytes may announce a frame that never ends.
  options.handshake_timeout = 500ms;
  TestNode b(2, options);
  const std::uint16_t port = b.listen();
  RawClient noise(port);
  noise.write(pattern(5000));
  noise.wait_closed();
  b.wait(refused, "it is refused");
  EXPECT_EQ(b.look().refused[0].code, Errc::malformed);

  // Beyond the WebSocket: frames that are no handshake, of several kinds.
  std::size_t count = 1;
  for (const Bytes& bytes :
       {pattern(300), client_frame(2, pattern(31)), client_frame(2, pattern(40'000)),
        client_frame(1, Bytes(32, 'a')), client_frame(2, {}), client_frame(2, pattern(65'535)),
        client_frame(2, Bytes(32, 0))}) {
    RawClient client(port);
    client.write(as_bytes(upgrade_request()));
    EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    client.write(bytes);
    client.wait_closed();
    ++count;
    b.wait([&](const Seen& seen) { return seen.refused.size() == count; }, "it is refused");
  }
  EXPECT_TRUE(b.look().opened.empty());
}

TEST(Stranger, SpeechBeforeTheAnswerIsRefused) {
  TestNode b(2);
  RawClient client(b.listen());
  const Bytes frame = client_frame(2, pattern(32));
  client.write(as_bytes(upgrade_request() + std::string(as_text(frame))));
  client.wait_closed();
  b.wait(refused, "it is refused");
  EXPECT_EQ(b.look().refused[0].code, Errc::malformed);
}

TEST(Stranger, MayNotSendForEver) {
  TestNode b(2);
  RawClient client(b.listen());
  client.write(as_bytes(upgrade_request()));
  client.read_until("\r\n\r\n");
  // Pongs are no messages: only the cap on bytes ends this before the handshake's time is up.
  const Bytes pong = client_frame(10, pattern(100));
  std::size_t sent = 0;
  while (client.write(pong)) sent += pong.size();
  EXPECT_GE(sent, limits::kBeforeAuthenticationMax / 2);
  b.wait(refused, "it is cut off");
}

TEST(Stranger, StallingEndsInTime) {
  NetworkOptions options = TestNode::default_options();
  options.handshake_timeout = 100ms;
  TestNode b(2, options);
  const std::uint16_t port = b.listen();
  RawClient silent(port);
  RawClient slow(port);
  slow.write(as_bytes("GET /maillon"));
  RawClient upgraded(port);
  upgraded.write(as_bytes(upgrade_request()));
  silent.wait_closed();
  slow.wait_closed();
  upgraded.wait_closed();
  b.wait([](const Seen& seen) { return seen.refused.size() == 3; }, "all are refused");
  for (const Error& error : b.look().refused) EXPECT_EQ(error.code, Errc::unavailable);
}

TEST(Stranger, DialledOneThatStallsEndsInTime) {
  NetworkOptions options = TestNode::default_options();
  options.handshake_timeout = 100ms;
  TestNode a(1, options);
  TestNode b(2);
  TcpProxy proxy(b.listen(), [](Way, std::uint64_t, auto) { return false; });
  a.dial(proxy.port());
  a.wait(failed, "the dial fails");
  EXPECT_EQ(a.look().failed[0].code, Errc::unavailable);
}

TEST(Stranger, FloodOfStalledSocketsLeavesRoomForAMember) {
  TestNode b(2);
  const std::uint16_t port = b.listen();
  std::vector<RawClient> stalled;
  for (std::size_t i = 0; i < 5 * limits::kUnauthenticatedMax; ++i) {
    stalled.emplace_back(port);
    // Some get as far as they can without a key.
    if (i % 2 == 0) stalled.back().write(as_bytes(upgrade_request()));
  }
  const auto begun = std::chrono::steady_clock::now();
  TestNode a(1);
  a.dial(port);
  a.wait([](const Seen& seen) { return !seen.opened.empty(); }, "the member connects");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
  b.wait([](const Seen& seen) { return !seen.opened.empty(); }, "the member connects");
  EXPECT_GE(b.look().refused.size(), 4 * limits::kUnauthenticatedMax);
  for (const Error& error : b.look().refused) EXPECT_EQ(error.code, Errc::full);
}

TEST(Stranger, ForwardedAddressIsBelievedOnlyFromAListedProxy) {
  std::vector<std::string> addresses;
  for (const char* proxy : {"127.0.0.0/8", "192.0.2.1"}) {
    std::promise<std::string> seen;
    NetworkOptions options = TestNode::default_options();
    options.trusted_proxies = {proxy, "198.51.100.0/24"};
    const auto on_refused = [&](const std::string& address, const Error&) {
      seen.set_value(address);
    };
    crypto::SystemRng rng;
    const crypto::SigningKey root(crypto::Secret32::random(rng));
    const crypto::SigningKey node(crypto::Secret32::random(rng));
    options.certificate = crypto::NodeCertificate::make(root, node, 1).encode();
    options.on_refused = on_refused;
    auto network = Network::create(std::move(options), node, rng);
    ASSERT_TRUE(network.has_value());
    const auto endpoint = (*network)->listen("127.0.0.1", 0, {});
    ASSERT_TRUE(endpoint.has_value());
    RawClient client(endpoint->port);
    client.write(
        as_bytes(upgrade_request("X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n"
                                 "X-Forwarded-For: 198.51.100.7\r\n")));
    client.read_until("\r\n\r\n");
    client.write(client_frame(2, pattern(10)));
    addresses.push_back(seen.get_future().get());
    (*network)->stop();
  }
  EXPECT_EQ(addresses[0], "203.0.113.9");
  EXPECT_TRUE(addresses[1].starts_with("127.0.0.1:")) << addresses[1];
}

}  // namespace
}  // namespace maillon::net::testing
