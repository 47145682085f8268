#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "tests/unit/net/test_node.hpp"

namespace maillon::net::testing {
namespace {

using Seen = TestNode::Seen;

TEST(Session, ProvesIdentitiesAndEchoes) {
  TestNode a(1);
  TestNode b(2);
  b.echo = true;
  connect(a, b);
  EXPECT_EQ(a.connection()->peer().node, b.id());
  EXPECT_EQ(a.connection()->peer().member, b.member());
  EXPECT_EQ(a.connection()->peer().certificate, b.certificate());
  EXPECT_EQ(b.connection()->peer().node, a.id());
  EXPECT_TRUE(a.connection()->outgoing());
  EXPECT_FALSE(b.connection()->outgoing());
  EXPECT_TRUE(b.connection()->address().starts_with("127.0.0.1:"));
  a.send(pattern(100));
  a.send({});
  a.wait([](const Seen& seen) { return seen.messages.size() == 2; }, "the echo comes");
  EXPECT_EQ(a.look().messages, (std::vector<Bytes>{pattern(100), {}}));
}

TEST(Session, OpensWithMessagesSentInsideOnOpen) {
  TestNode a(1);
  TestNode b(2);
  for (TestNode* node : {&a, &b}) {
    node->also = [](const ConnectionPtr& connection) {
      EXPECT_TRUE(connection->send(pattern(300'000)).has_value());
    };
  }
  connect(a, b);
  for (TestNode* node : {&a, &b}) {
    node->wait([](const Seen& seen) { return seen.messages.size() == 1; }, "it comes");
    EXPECT_EQ(node->look().messages[0], pattern(300'000));
  }
}

TEST(Session, CarriesFullFramesBothWaysAtOnce) {
  TestNode a(1);
  TestNode b(2);
  connect(a, b);
  constexpr std::size_t kCount = 12;
  for (TestNode* node : {&a, &b}) {
    const ConnectionPtr connection = node->connection();
    node->run([&] {
      for (std::uint64_t i = 0; i < kCount; ++i) {
        EXPECT_TRUE(connection->send(pattern(limits::kFrameMax, i + 1)).has_value());
      }
    });
  }
  for (TestNode* node : {&a, &b}) {
    node->wait([](const Seen& seen) { return seen.messages.size() == kCount && seen.drained > 0; },
               "all come, and go");
    const Seen seen = node->look();
    for (std::uint64_t i = 0; i < kCount; ++i) {
      EXPECT_EQ(seen.messages[i], pattern(limits::kFrameMax, i + 1));
    }
    node->run([&] {
      EXPECT_EQ(node->connection()->queued_bytes(), 0u);
      EXPECT_GT(node->connection()->sent_bytes(), kCount * limits::kFrameMax);
      EXPECT_GT(node->connection()->received_bytes(), kCount * limits::kFrameMax);
      EXPECT_LT(node->connection()->sent_bytes(), kCount * (limits::kFrameMax + 3000) + 4000);
    });
  }
}

TEST(Session, UrgentOvertakesBulk) {
  TestNode a(1);
  TestNode b(2);
  connect(a, b);
  const ConnectionPtr connection = a.connection();
  a.run([&] {
    for (std::uint64_t i = 0; i < 8; ++i) {
      EXPECT_TRUE(connection->send(pattern(1u << 20, i)).has_value());
    }
    EXPECT_TRUE(connection->send(pattern(7), Priority::urgent).has_value());
  });
  b.wait([](const Seen& seen) { return seen.messages.size() == 9; }, "all come");
  const Seen seen = b.look();
  const auto urgent = std::ranges::find(seen.messages, pattern(7));
  EXPECT_LE(urgent - seen.messages.begin(), 1);
}

TEST(Session, RefusesOversizeAndGoesOn) {
  TestNode a(1);
  TestNode b(2);
  connect(a, b);
  const ConnectionPtr connection = a.connection();
  a.run([&] {
    EXPECT_EQ(connection->send(Bytes(limits::kFrameMax + 1)).error().code, Errc::usage);
    EXPECT_TRUE(connection->send(pattern(1)).has_value());
  });
  b.wait([](const Seen& seen) { return seen.messages.size() == 1; }, "the next one comes");
}

TEST(Session, PauseHoldsMessagesBackAndSlowsThePeer) {
  TestNode a(1);
  TestNode b(2);
  std::vector<Bytes> sent;
  for (std::uint64_t i = 0; i < 100; ++i) sent.push_back(pattern(i, i));
  // Pausing inside a batch must hold back its rest.
  b.also_message = [](Connection& connection, const Bytes& message) {
    if (message.size() == 10) connection.pause_reading(true);
  };
  connect(a, b);
  const ConnectionPtr sender = a.connection();
  const ConnectionPtr reader = b.connection();
  a.run([&] {
    for (const Bytes& message : sent) EXPECT_TRUE(sender->send(message).has_value());
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(sender->send(pattern(limits::kFrameMax)).has_value());
  });
  b.wait([](const Seen& seen) { return seen.messages.size() == 11; }, "up to the pause");
  // A round trip through both threads: nothing more may have come.
  a.run([&] { EXPECT_GT(sender->queued_bytes(), limits::kFrameMax); });
  b.run([] {});
  EXPECT_EQ(b.look().messages.size(), 11u);
  b.run([&] { reader->pause_reading(false); });
  b.wait([](const Seen& seen) { return seen.messages.size() == 112; }, "the rest");
  const Seen seen = b.look();
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), seen.messages.begin()));
}

TEST(Session, GoodbyeIsCleanAndAfterEverythingSent) {
  TestNode a(1);
  TestNode b(2);
  connect(a, b);
  const ConnectionPtr connection = a.connection();
  a.run([&] {
    for (std::uint64_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(connection->send(pattern(limits::kFrameMax, i)).has_value());
    }
    connection->close(CloseReason::done, "à bientôt");
    EXPECT_EQ(connection->send(pattern(1)).error().code, Errc::unavailable);
  });
  const auto closed = [](const Seen& seen) { return !seen.closed.empty(); };
  a.wait(closed, "the closer hears");
  b.wait(closed, "the peer hears");
  EXPECT_EQ(b.look().messages.size(), 4u);
  const CloseInfo at_a = a.look().closed[0].info;
  const CloseInfo at_b = b.look().closed[0].info;
  EXPECT_TRUE(at_a.clean);
  EXPECT_FALSE(at_a.by_peer);
  EXPECT_TRUE(at_b.clean);
  EXPECT_TRUE(at_b.by_peer);
  EXPECT_EQ(at_b.reason, CloseReason::done);
  EXPECT_EQ(at_b.text, "à bientôt");
}

TEST(Session, GoodbyeWorksWhileThePeerSends) {
  TestNode a(1);
  TestNode b(2);
  connect(a, b);
  const ConnectionPtr from_b = b.connection();
  b.run([&] {
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(from_b->send(Bytes(limits::kFrameMax)).has_value());
  });
  a.close(CloseReason::misbehaviour);
  const auto closed = [](const Seen& seen) { return !seen.closed.empty(); };
  a.wait(closed, "the closer hears");
  b.wait(closed, "the peer hears");
  EXPECT_TRUE(a.look().closed[0].info.clean);
  EXPECT_TRUE(b.look().closed[0].info.clean);
  EXPECT_EQ(b.look().closed[0].info.reason, CloseReason::misbehaviour);
}

TEST(Session, BothMaySayGoodbyeAtOnce) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    TestNode a(1);
    TestNode b(2);
    connect(a, b);
    const ConnectionPtr from_a = a.connection();
    const ConnectionPtr from_b = b.connection();
    ASSERT_TRUE(a.network().post([&] { from_a->close(CloseReason::done); }));
    ASSERT_TRUE(b.network().post([&] { from_b->close(CloseReason::duplicate); }));
    for (TestNode* node : {&a, &b}) {
      node->wait([](const Seen& seen) { return !seen.closed.empty(); }, "it ends");
      EXPECT_TRUE(node->look().closed[0].info.clean);
    }
  }
}

TEST(Session, CutIsNotClean) {
  TestNode a(1);
  TestNode b(2);
  TcpProxy proxy(b.listen(), {});
  a.dial(proxy.port());
  const auto open = [](const Seen& seen) { return !seen.opened.empty(); };
  a.wait(open, "open");
  b.wait(open, "open");
  proxy.cut();
  for (TestNode* node : {&a, &b}) {
    node->wait([](const Seen& seen) { return !seen.closed.empty(); }, "both notice");
    const CloseInfo info = node->look().closed[0].info;
    EXPECT_FALSE(info.clean);
    EXPECT_EQ(info.reason, CloseReason::lost);
  }
}

TEST(Session, SilenceEndsItAndPingsKeepIt) {
  NetworkOptions options = TestNode::default_options();
  options.idle_timeout = 800ms;
  TestNode a(1, options);
  TestNode b(2, options);
  std::atomic<bool> swallow = false;
  std::atomic<int> pieces = 0;
  TcpProxy proxy(b.listen(), [&](Way, std::uint64_t, auto) {
    ++pieces;
    return !swallow;
  });
  a.dial(proxy.port());
  const auto open = [](const Seen& seen) { return !seen.opened.empty(); };
  a.wait(open, "open");
  b.wait(open, "open");
  // Nothing is sent, so what passes is pings and pongs: longer than the idle time-out lasts.
  const int before = pieces;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (pieces < before + 12 && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_GE(pieces, before + 12);
  EXPECT_TRUE(a.look().closed.empty());
  EXPECT_TRUE(b.look().closed.empty());
  swallow = true;
  for (TestNode* node : {&a, &b}) {
    node->wait([](const Seen& seen) { return !seen.closed.empty(); }, "both notice");
    EXPECT_FALSE(node->look().closed[0].info.clean);
  }
}

TEST(Session, GoodbyeToADeadPeerEndsInTime) {
  NetworkOptions options = TestNode::default_options();
  options.close_timeout = 100ms;
  TestNode a(1, options);
  TestNode b(2);
  std::atomic<bool> swallow = false;
  TcpProxy proxy(b.listen(), [&](Way, std::uint64_t, auto) { return !swallow; });
  a.dial(proxy.port());
  a.wait([](const Seen& seen) { return !seen.opened.empty(); }, "open");
  swallow = true;
  a.close(CloseReason::done);
  a.wait([](const Seen& seen) { return !seen.closed.empty(); }, "it ends");
  EXPECT_FALSE(a.look().closed[0].info.clean);
  EXPECT_EQ(a.look().closed[0].info.reason, CloseReason::timed_out);
}

TEST(Session, RefusalInOnOpenReachesTheDialler) {
  TestNode a(1);
  TestNode b(2);
  b.also = [](const ConnectionPtr& connection) {
    connection->close(CloseReason::not_admitted, "ask your region");
  };
  a.dial(b.listen());
  a.wait([](const Seen& seen) { return !seen.failed.empty(); }, "the dial fails");
  EXPECT_TRUE(a.look().opened.empty());
  EXPECT_EQ(a.look().failed[0].code, Errc::refused);
  EXPECT_EQ(a.look().failed[0].detail, "the peer refuses: not admitted: ask your region");
  b.wait([](const Seen& seen) { return !seen.closed.empty(); }, "the acceptor hears the end");
  EXPECT_TRUE(b.look().closed[0].info.clean);
}

TEST(Session, NoRoomIsSaid) {
  NetworkOptions options = TestNode::default_options();
  options.sessions_max = 1;
  TestNode b(2, options);
  TestNode a(1);
  connect(a, b);
  TestNode c(3);
  c.dial_url(ws_url(b.listen()));
  c.wait([](const Seen& seen) { return !seen.failed.empty(); }, "the dial fails");
  EXPECT_EQ(c.look().failed[0].code, Errc::unavailable);
  EXPECT_EQ(b.look().refused.at(0).code, Errc::full);
}

TEST(Session, BusyPortSaysWhatToDo) {
  TestNode a(1);
  TestNode b(2);
  const std::uint16_t port = a.listen();
  const auto second = b.network().listen("127.0.0.1", port, b.on_open());
  ASSERT_TRUE(second.has_error());
  EXPECT_EQ(second.error().code, Errc::busy);
  EXPECT_FALSE(second.error().fr.empty());
  EXPECT_FALSE(second.error().hint.empty());
  EXPECT_FALSE(second.error().hint_fr.empty());
  EXPECT_EQ(b.network().listen("192.0.2.1", 0, b.on_open()).error().code, Errc::usage);
}

TEST(Session, AnotherNodesCertificateIsRefusedAtStart) {
  crypto::SystemRng rng;
  const crypto::SigningKey root(crypto::Secret32::random(rng));
  const crypto::SigningKey node(crypto::Secret32::random(rng));
  const crypto::SigningKey other(crypto::Secret32::random(rng));
  NetworkOptions options = TestNode::default_options();
  options.certificate = crypto::NodeCertificate::make(root, node, 1).encode();
  EXPECT_EQ(Network::create(options, other, rng).error().code, Errc::refused);
  options.trusted_proxies = {"not an address"};
  EXPECT_EQ(Network::create(options, node, rng).error().code, Errc::usage);
}

TEST(Session, StopWithTrafficInFlightReturnsAndIsClean) {
  TestNode a(1);
  TestNode b(2);
  b.echo = true;
  const std::uint16_t port = b.listen();
  for (int i = 0; i < 4; ++i) a.dial(port);
  a.wait([](const Seen& seen) { return seen.opened.size() == 4; }, "open");
  for (std::size_t n = 0; n < 4; ++n) {
    for (int i = 0; i < 3; ++i) a.send(pattern(limits::kFrameMax), Priority::bulk, n);
  }
  a.wait([](const Seen& seen) { return !seen.messages.empty(); }, "traffic flows");
  b.stop();
  EXPECT_EQ(b.look().closed.size(), 4u);
  EXPECT_FALSE(b.network().post([] {}));
  EXPECT_EQ(b.network().listen("127.0.0.1", 0, b.on_open()).error().code, Errc::unavailable);
  a.wait([](const Seen& seen) { return seen.closed.size() == 4; }, "the other side hears");
  for (const auto& closed : a.look().closed) {
    EXPECT_TRUE(closed.info.clean);
    EXPECT_EQ(closed.info.reason, CloseReason::stopping);
  }
}

TEST(Session, TimersRunAndCancel) {
  TestNode a(1);
  std::atomic<int> ran = 0;
  std::atomic<bool> wrong = false;
  Timer kept;
  std::promise<void> done;
  a.run([&] {
    kept = a.network().call_after(30ms, [&] {
      ++ran;
      done.set_value();
    });
    {
      Timer dropped = a.network().call_after(1ms, [&] { wrong = true; });
    }
  });
  done.get_future().wait();
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(wrong);
  a.stop();
  kept.cancel();
}

}  // namespace
}  // namespace maillon::net::testing
