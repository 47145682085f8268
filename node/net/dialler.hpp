#pragma once

#include <map>

#include "node/net/transport.hpp"

namespace maillon::net {

struct DiallerOptions {
  std::chrono::milliseconds backoff_min = std::chrono::milliseconds{500};
  std::chrono::milliseconds backoff_max = std::chrono::seconds{60};
  /// A session at least this long resets the back-off; a shorter one counts as a failure.
  std::chrono::milliseconds good_session = std::chrono::seconds{20};
};

/// Keeps a set of URLs connected. After a failure it waits: twice as long each time, with jitter
/// (a random half of the wait), so that a federation does not knock all at once when its hub
/// returns. A refusal, or a session closed as a duplicate, waits the longest at once.
/// Lives on the network thread: made, called and destroyed there, or destroyed after stop().
class Dialler {
 public:
  enum class State : std::uint8_t { connecting, connected, waiting };
  struct Status {
    std::string url;
    State state = State::waiting;
    std::chrono::milliseconds retry_in{0};  ///< when waiting
    std::string error = {};                 ///< the last failure in words; empty after a success
    std::string error_fr = {};
    std::optional<NodeId> node = {};  ///< when connected
    Errc code = Errc::unavailable;    ///< of the failure
  };

  Dialler(Network& network, OnOpen on_open, DiallerOptions options = {});
  ~Dialler();
  Dialler(const Dialler&) = delete;
  Dialler& operator=(const Dialler&) = delete;

  /// Dials now; a URL already there only gets the new expectation.
  void add(const std::string& url, std::optional<NodeId> expected = {});
  /// Stops dialling; an open session is the caller's to close.
  void remove(const std::string& url);
  /// Cuts short every wait, or that of one URL: after the machine is back on line.
  void retry_now();
  void retry_now(const std::string& url);
  [[nodiscard]] std::vector<Status> status() const;

 private:
  struct Target;
  void dial(const std::shared_ptr<Target>& target);
  void failed(const std::shared_ptr<Target>& target, const Error& error);
  ConnectionEvents opened(const std::shared_ptr<Target>& target, const ConnectionPtr& connection);
  void closed(const std::shared_ptr<Target>& target, const CloseInfo& info);
  void wait(const std::shared_ptr<Target>& target, bool longest);

  Network& network_;
  OnOpen on_open_;
  DiallerOptions options_;
  std::map<std::string, std::shared_ptr<Target>> targets_;
};

}  // namespace maillon::net
