#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <thread>

#include "node/peers/peer_service.hpp"
#include "tests/bench/rows.hpp"

/// Commands, one a line: `start` connects, `agree` answers when both sides agree, `watch` reports
/// the time of each durable change, `quiet` ends that, `edit FROM COUNT PER VALUE` edits records,
/// `stop` disconnects, `quit` ends. Answers: "word seconds bytes-in bytes-out".
namespace maillon::bench {
namespace {

using namespace std::chrono_literals;

class Receiver {
 public:
  explicit Receiver(std::unique_ptr<replica::Replica> replica) : replica_(std::move(replica)) {}

  void start() {
    auto service = peers::PeerService::start(*replica_, {});
    MAILLON_ASSERT(service.has_value(), "the receiver starts");
    service_ = *std::move(service);
  }

  bool join(const std::string& code) {
    const auto invitation = federation::Invitation::decode(code);
    if (!invitation) return false;
    return service_->join(*invitation, 30s).has_value();
  }

  void answer(const char* word) {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    if (service_)
      for (const auto& peer : service_->peers()) in += peer.received_bytes, out += peer.sent_bytes;
    std::printf("%s %.9f %llu %llu\n", word, seconds_now(), static_cast<unsigned long long>(in),
                static_cast<unsigned long long>(out));
    std::fflush(stdout);
  }

  void agree() {
    while (!service_->sync(60s).converged) {
    }
    answer("agreed");
  }

  /// Reports after the transaction that made a change durable here.
  void watch(bool on) {
    watching_ = on;
    if (!on) return answer("quiet");
    service_->set_on_durable([this] {
      if (!watching_) return;
      std::printf("durable %.9f 0 0\n", seconds_now());
      std::fflush(stdout);
    });
    answer("watching");
  }

  void edit(std::uint64_t from, std::uint64_t count, std::uint64_t per, const std::string& value) {
    for (std::uint64_t at = from; at < from + count; at += per) {
      std::vector<storage::Change> changes;
      for (std::uint64_t i = at; i < std::min(at + per, from + count); ++i)
        changes.push_back(typed(i, {{"telephone", Value::of_text(value + std::to_string(i))}}));
      const auto space = replica_->trust()->space_named("catalogue/16")->id;
      const auto done = replica_->write<storage::Written>([&](storage::Store& store) {
        return store.write(space, changes, replica_->author(), replica_->clock().now(),
                           replica_->rng());
      });
      MAILLON_ASSERT(done.has_value(), "the receiver can write");
    }
    answer("edited");
  }

  void stop() {
    service_.reset();
    answer("stopped");
  }

 private:
  std::unique_ptr<replica::Replica> replica_;
  std::unique_ptr<peers::PeerService> service_;
  std::atomic<bool> watching_ = false;
};

}  // namespace

int receive(const std::string& dir, const std::string& invitation) {
  crypto::SystemRng rng;
  if (!std::filesystem::exists(dir)) {
    const crypto::SigningKey root{crypto::Secret32::random(rng)};
    if (!replica::Replica::init(dir, {"Receveuse", Role::cooperative, "16", std::nullopt}, root, rng))
      return 1;
  }
  auto replica = replica::Replica::open(dir, std::nullopt);
  if (!replica) return 1;
  Receiver receiver{*std::move(replica)};
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words{line};
    std::string word;
    words >> word;
    if (word == "join") {
      receiver.start();
      receiver.answer(receiver.join(invitation) ? "joined" : "refused");
    } else if (word == "start") {
      receiver.start();
      receiver.answer("started");
    } else if (word == "agree") {
      receiver.agree();
    } else if (word == "bytes") {
      receiver.answer("bytes");
    } else if (word == "watch" || word == "quiet") {
      receiver.watch(word == "watch");
    } else if (word == "edit") {
      std::uint64_t from = 0, count = 0, per = 1;
      std::string value;
      words >> from >> count >> per >> value;
      receiver.edit(from, count, per, value);
    } else if (word == "stop") {
      receiver.stop();
    } else if (word == "quit") {
      return 0;
    }
  }
  return 0;
}

}  // namespace maillon::bench
