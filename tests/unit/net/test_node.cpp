#include "tests/unit/net/test_node.hpp"

#include <future>

namespace maillon::net::testing {

FederationId federation(std::uint8_t number) {
  std::array<std::uint8_t, 32> raw{};
  raw.fill(number);
  return FederationId::from_array(raw);
}

Bytes pattern(std::size_t size, std::uint64_t seed) {
  Bytes out(size);
  crypto::SeededRng(seed).fill(out);
  return out;
}

std::string ws_url(std::uint16_t port) { return "ws://127.0.0.1:" + std::to_string(port); }

NetworkOptions TestNode::default_options() {
  NetworkOptions options{federation(), {}};
  return options;
}

TestNode::TestNode(std::uint64_t seed, NetworkOptions options)
    : rng_(seed),
      root_(crypto::Secret32::random(rng_)),
      key_(crypto::Secret32::random(rng_)),
      certificate_(crypto::NodeCertificate::make(root_, key_, 1).encode()) {
  options.certificate = certificate_;
  options.on_refused = [this](const std::string&, const Error& error) {
    note([&](Seen& seen) { seen.refused.push_back(error); });
  };
  auto network = Network::create(std::move(options), key_, rng_);
  if (network.has_error()) throw std::runtime_error(network.error().detail);
  network_ = *std::move(network);
}

TestNode::~TestNode() { network_->stop(); }

template <class Change>
void TestNode::note(Change change) {
  const std::lock_guard lock(mutex_);
  change(seen_);
  changed_.notify_all();
}

std::uint16_t TestNode::listen(std::uint16_t port) {
  const auto endpoint = network_->listen("127.0.0.1", port, on_open());
  EXPECT_TRUE(endpoint.has_value()) << endpoint.error().detail;
  return endpoint.has_value() ? endpoint->port : std::uint16_t{0};
}

void TestNode::dial(std::uint16_t port, std::optional<NodeId> expected) {
  dial_url(ws_url(port), expected);
}

void TestNode::dial_url(const std::string& url, std::optional<NodeId> expected) {
  DialCallbacks callbacks;
  callbacks.on_open = on_open();
  callbacks.on_failed = [this](const Error& error) {
    note([&](Seen& seen) { seen.failed.push_back(error); });
  };
  network_->dial(url, expected, std::move(callbacks));
}

OnOpen TestNode::on_open() {
  return [this](const ConnectionPtr& connection) {
    if (also) also(connection);
    ConnectionEvents events;
    events.on_message = [this](Connection& from, Bytes message) {
      if (also_message) also_message(from, message);
      if (echo) (void)from.send(message);
      note([&](Seen& seen) { seen.messages.push_back(std::move(message)); });
    };
    events.on_drained = [this](Connection&) { note([](Seen& seen) { ++seen.drained; }); };
    events.on_closed = [this](Connection& ended, const CloseInfo& info) {
      note([&](Seen& seen) { seen.closed.push_back({&ended, info}); });
    };
    note([&](Seen& seen) { seen.opened.push_back(connection); });
    return events;
  };
}

void TestNode::run(std::function<void()> call) {
  std::promise<void> done;
  ASSERT_TRUE(network_->post([&] {
    call();
    done.set_value();
  }));
  done.get_future().wait();
}

void TestNode::send(Bytes message, Priority priority, std::size_t n) {
  const ConnectionPtr to = connection(n);
  run([&] { EXPECT_TRUE(to->send(std::move(message), priority).has_value()); });
}

void TestNode::close(CloseReason reason, std::string text, std::size_t n) {
  const ConnectionPtr which = connection(n);
  run([&] { which->close(reason, text); });
}

void TestNode::wait(const std::function<bool(const Seen&)>& enough, std::string_view what) {
  std::unique_lock lock(mutex_);
  ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return enough(seen_); })) << what;
}

TestNode::Seen TestNode::look() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

ConnectionPtr TestNode::connection(std::size_t n) {
  const std::lock_guard lock(mutex_);
  return seen_.opened.at(n);
}

void connect(TestNode& a, TestNode& b) {
  a.dial(b.listen());
  const auto open = [](const TestNode::Seen& seen) { return !seen.opened.empty(); };
  a.wait(open, "the dialler opens");
  b.wait(open, "the acceptor opens");
}

}  // namespace maillon::net::testing
