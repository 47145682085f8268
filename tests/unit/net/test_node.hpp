#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "crypto/keys.hpp"
#include "node/net/transport.hpp"
#include "tests/unit/net/tcp_proxy.hpp"

namespace maillon::net::testing {

using namespace std::chrono_literals;

[[nodiscard]] FederationId federation(std::uint8_t number = 1);
/// Bytes that differ from place to place, so that a mixed-up fragment shows.
[[nodiscard]] Bytes pattern(std::size_t size, std::uint64_t seed = 1);
[[nodiscard]] std::string ws_url(std::uint16_t port);

/// A node with nothing above its network: it notes what happens and lets the test wait for it.
class TestNode {
 public:
  struct Closed {
    Connection* connection;
    CloseInfo info;
  };
  /// What has happened; read it inside wait() or with the lock of look().
  struct Seen {
    std::vector<ConnectionPtr> opened;
    std::vector<Bytes> messages;
    std::vector<Closed> closed;
    std::vector<Error> failed;
    std::vector<Error> refused;
    std::size_t drained = 0;
  };

  /// Every node of a test has another `seed`, and keys made from it.
  explicit TestNode(std::uint64_t seed, NetworkOptions options = default_options());
  ~TestNode();

  [[nodiscard]] static NetworkOptions default_options();

  std::uint16_t listen(std::uint16_t port = 0);
  void dial(std::uint16_t port, std::optional<NodeId> expected = {});
  void dial_url(const std::string& url, std::optional<NodeId> expected = {});
  /// What on_open gives to the network; notes, then does `also`.
  [[nodiscard]] OnOpen on_open();
  /// Runs on the network thread and waits for it.
  void run(std::function<void()> call);
  /// Sends on the n-th opened connection.
  void send(Bytes message, Priority priority = Priority::bulk, std::size_t n = 0);
  void close(CloseReason reason, std::string text = {}, std::size_t n = 0);

  /// Waits up to 20 s; fails the test when `enough` stays false.
  void wait(const std::function<bool(const Seen&)>& enough, std::string_view what);
  [[nodiscard]] Seen look();
  [[nodiscard]] ConnectionPtr connection(std::size_t n = 0);

  [[nodiscard]] NodeId id() const { return key_.node_id(); }
  [[nodiscard]] MemberId member() const { return root_.member_id(); }
  [[nodiscard]] const Bytes& certificate() const { return certificate_; }
  [[nodiscard]] Network& network() { return *network_; }
  void stop() { network_->stop(); }

  bool echo = false;
  std::function<void(const ConnectionPtr&)> also = {};
  std::function<void(Connection&, const Bytes&)> also_message = {};

 private:
  template <class Change>
  void note(Change change);

  crypto::SeededRng rng_;
  crypto::SigningKey root_;
  crypto::SigningKey key_;
  Bytes certificate_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
  std::unique_ptr<Network> network_;
};

/// A dials B and both are open.
void connect(TestNode& a, TestNode& b);

}  // namespace maillon::net::testing
