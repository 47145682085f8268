#include "node/net/dialler.hpp"

#include <optional>
#include <thread>

#include "tests/unit/net/test_node.hpp"

namespace maillon::net::testing {
namespace {

using Seen = TestNode::Seen;

class DiallerTest : public ::testing::Test {
 protected:
  DiallerTest() {
    DiallerOptions options;
    options.backoff_min = 20ms;
    options.backoff_max = 200ms;
    options.good_session = 10s;
    node_.run([&] { dialler_.emplace(node_.network(), node_.on_open(), options); });
  }
  ~DiallerTest() override { node_.stop(); }

  Dialler::Status status(const std::string& url) {
    Dialler::Status out;
    node_.run([&] {
      for (const auto& one : dialler_->status()) {
        if (one.url == url) out = one;
      }
    });
    return out;
  }
  void wait_status(const std::string& url, const std::function<bool(const Dialler::Status&)>& is) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!is(status(url))) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::yield();
    }
  }

  // The node outlives the dialler only in declaration: it is stopped first.
  TestNode node_{1};
  std::optional<Dialler> dialler_;
};

TEST_F(DiallerTest, ReconnectsWhenTheListenerComesBack) {
  std::optional<TestNode> peer(2);
  const std::uint16_t port = peer->listen();
  const std::string url = ws_url(port);
  node_.run([&] { dialler_->add(url, peer->id()); });
  node_.wait([](const Seen& seen) { return seen.opened.size() == 1; }, "the first session");
  EXPECT_EQ(status(url).state, Dialler::State::connected);
  EXPECT_EQ(status(url).node, peer->id());
  EXPECT_TRUE(status(url).error.empty());
  peer.reset();
  node_.wait([](const Seen& seen) { return seen.closed.size() == 1; }, "it ends");
  wait_status(url, [](const auto& s) {
    return s.state == Dialler::State::waiting && s.error.find("connecting:") == 0;
  });
  EXPECT_FALSE(status(url).error_fr.empty());
  peer.emplace(2);
  peer->listen(port);
  node_.wait([](const Seen& seen) { return seen.opened.size() == 2; }, "the second session");
  EXPECT_EQ(status(url).state, Dialler::State::connected);
}

TEST_F(DiallerTest, WaitsLongestAfterARefusalAndCanBeHurried) {
  NetworkOptions options = TestNode::default_options();
  options.federation = federation(2);
  TestNode stranger(3, options);
  const std::string url = ws_url(stranger.listen());
  node_.run([&] { dialler_->add(url); });
  wait_status(url, [](const auto& s) { return s.state == Dialler::State::waiting; });
  EXPECT_GT(status(url).retry_in, 0ms);
  EXPECT_NE(status(url).error.find("another federation"), std::string::npos);
  node_.run([&] {
    dialler_->retry_now(url);
    EXPECT_EQ(dialler_->status()[0].state, Dialler::State::connecting);
    dialler_->retry_now();
  });
  wait_status(url, [](const auto& s) { return s.state == Dialler::State::waiting; });
}

TEST_F(DiallerTest, RemovedUrlIsLeftAlone) {
  TestNode peer(2);
  const std::string url = ws_url(peer.listen());
  node_.run([&] { dialler_->add(url); });
  node_.wait([](const Seen& seen) { return seen.opened.size() == 1; }, "open");
  node_.run([&] {
    dialler_->remove(url);
    EXPECT_TRUE(dialler_->status().empty());
  });
  node_.close(CloseReason::done);
  node_.wait([](const Seen& seen) { return seen.closed.size() == 1; }, "closed");
  // Removed while it dials: the session that comes is closed at once and nobody hears of it.
  node_.run([&] {
    dialler_->add(url);
    dialler_->remove(url);
  });
  peer.wait([](const Seen& seen) { return seen.closed.size() == 2; }, "the peer sees it end");
  EXPECT_EQ(node_.look().opened.size(), 1u);
}

TEST_F(DiallerTest, BadUrlIsReportedInWords) {
  node_.run([&] { dialler_->add("http://a"); });
  wait_status("http://a", [](const auto& s) { return !s.error.empty(); });
  EXPECT_NE(status("http://a").error_fr.find("ni ws:// ni wss://"), std::string::npos);
}

}  // namespace
}  // namespace maillon::net::testing
