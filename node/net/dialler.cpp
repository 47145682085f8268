#include "node/net/dialler.hpp"

#include <algorithm>
#include <utility>

#include "node/net/close_words.hpp"

namespace maillon::net {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Shared with the callbacks under way, which check `dropped` before they touch the dialler.
struct Dialler::Target {
  std::string url;
  std::optional<NodeId> expected;
  State state = State::waiting;
  bool dropped = false;
  int failures = 0;
  steady_clock::time_point since{};  ///< connected since, or retry at
  Timer timer;
  Error error = {};
  std::optional<NodeId> node = {};
};

Dialler::Dialler(Network& network, OnOpen on_open, DiallerOptions options)
    : network_(network), on_open_(std::move(on_open)), options_(options) {}

Dialler::~Dialler() {
  for (const auto& [url, target] : targets_) target->dropped = true;
}

void Dialler::add(const std::string& url, std::optional<NodeId> expected) {
  auto& target = targets_[url];
  if (target) {
    target->expected = expected;
    return;
  }
  target = std::make_shared<Target>();
  target->url = url;
  target->expected = expected;
  dial(target);
}

void Dialler::remove(const std::string& url) {
  const auto found = targets_.find(url);
  if (found == targets_.end()) return;
  found->second->dropped = true;
  found->second->timer.cancel();
  targets_.erase(found);
}

void Dialler::retry_now() {
  for (const auto& [url, target] : targets_) {
    if (target->state == State::waiting) dial(target);
  }
}

void Dialler::retry_now(const std::string& url) {
  const auto found = targets_.find(url);
  if (found != targets_.end() && found->second->state == State::waiting) dial(found->second);
}

void Dialler::dial(const std::shared_ptr<Target>& target) {
  target->timer.cancel();
  target->state = State::connecting;
  DialCallbacks callbacks;
  callbacks.on_open = [this, target](const ConnectionPtr& connection) {
    return opened(target, connection);
  };
  callbacks.on_failed = [this, target](const Error& error) {
    if (!target->dropped) failed(target, error);
  };
  network_.dial(target->url, target->expected, std::move(callbacks));
}

ConnectionEvents Dialler::opened(const std::shared_ptr<Target>& target,
                                 const ConnectionPtr& connection) {
  if (target->dropped) {
    connection->close(CloseReason::done, {});
    return {};
  }
  target->state = State::connected;
  target->since = steady_clock::now();
  target->error = {};
  target->node = connection->peer().node;
  ConnectionEvents events = on_open_(connection);
  // The owner hears of the end first: it may want to remove the URL.
  events.on_closed = [this, target, theirs = std::move(events.on_closed)](Connection& ended,
                                                                          const CloseInfo& info) {
    if (theirs) theirs(ended, info);
    if (!target->dropped) closed(target, info);
  };
  return events;
}

void Dialler::failed(const std::shared_ptr<Target>& target, const Error& error) {
  target->error = error;
  ++target->failures;
  wait(target, /*longest=*/error.code == Errc::refused || error.code == Errc::usage);
}

void Dialler::closed(const std::shared_ptr<Target>& target, const CloseInfo& info) {
  const auto lasted = steady_clock::now() - target->since;
  target->failures = lasted >= options_.good_session ? 1 : target->failures + 1;
  target->error =
      Error{Errc::unavailable, "the session ended: " + close_in_english(info.reason, info.text),
            "la session a pris fin : " + close_in_french(info.reason, info.text)};
  target->node.reset();
  wait(target, info.reason == CloseReason::duplicate || info.reason == CloseReason::not_admitted ||
                   info.reason == CloseReason::misbehaviour);
}

void Dialler::wait(const std::shared_ptr<Target>& target, bool longest) {
  milliseconds base = options_.backoff_min;
  for (int i = 1; i < target->failures && base < options_.backoff_max; ++i) base *= 2;
  if (longest || base > options_.backoff_max) base = options_.backoff_max;
  const auto half = static_cast<std::uint64_t>(base.count() / 2);
  const milliseconds delay(half + network_.rng().u64() % (half + 1));
  target->state = State::waiting;
  target->since = steady_clock::now() + delay;
  target->timer = network_.call_after(delay, [this, target] {
    if (!target->dropped) dial(target);
  });
}

std::vector<Dialler::Status> Dialler::status() const {
  std::vector<Status> out;
  out.reserve(targets_.size());
  for (const auto& [url, target] : targets_) {
    Status status{url, target->state, {}, target->error.detail, target->error.fr, target->node};
    status.code = target->error.code;
    if (target->state == State::waiting) {
      status.retry_in =
          std::max(milliseconds{0},
                   std::chrono::duration_cast<milliseconds>(target->since - steady_clock::now()));
    }
    out.push_back(std::move(status));
  }
  return out;
}

}  // namespace maillon::net
