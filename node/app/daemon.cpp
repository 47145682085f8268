#include "node/app/daemon.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include "node/admin/socket_server.hpp"
#include "node/federation/settling.hpp"
#include "node/replica/scrub.hpp"

namespace maillon::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kIndexStep =
    500;                         ///< records, so that a write waits a few milliseconds at most
constexpr auto kLookEvery = 2s;  ///< for held commits that are due
constexpr auto kSettleEvery = 1h;  ///< time alone makes things old enough
constexpr int kTellWithin = 4;   ///< looks, before evidence is published

/// Blocks SIGTERM and SIGINT for this thread and those that it starts, so that they come to wait().
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() const {
    int got = 0;
    while (sigwait(&set_, &got) != 0) {
    }
    spdlog::info("stopping ({})", got == SIGTERM ? "SIGTERM" : "SIGINT");
  }

 private:
  sigset_t set_{};
};

/// What must be looked at now and then: held commits whose time has come, and what to prove against
/// others.
class Chores {
 public:
  Chores(replica::Replica& replica, peers::PeerService& peers) : replica_(replica), peers_(peers) {
    thread_ = std::thread{[this] { loop(); }};
  }
  Chores(const Chores&) = delete;
  Chores& operator=(const Chores&) = delete;
  ~Chores() { stop(); }
  void stop() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  bool pause() {
    std::unique_lock lock{mutex_};
    return !wake_.wait_for(lock, kLookEvery, [&] { return stopping_; });
  }
  void loop() {
    do {
      if (const auto released = release_held(); released.has_error())
        spdlog::error("held commits: {}", released.error().detail);
      if (const auto told = publish_evidence(); told.has_error())
        spdlog::error("evidence: {}", told.error().detail);
      if (const auto done = finish_erasures(); done.has_error())
        spdlog::error("erasures: {}", done.error().detail);
      if (const auto done = settle(); done.has_error())
        spdlog::error("checkpoints: {}", done.error().detail);
      if (const auto done = prune(); done.has_error())
        spdlog::error("pruning: {}", done.error().detail);
    } while (pause());
  }

  Result<void> release_held() {
    const auto first = replica_.read<std::optional<Hlc>>(
        [](replica::Reader& reader) { return reader.log().first_held(); });
    if (first.has_error()) return first.error();
    const auto now = replica_.clock().now();
    if (!*first || (*first)->time() > now + limits::kClockAheadMax) return {};
    return replica_.writer().run_void([&](storage::Store& store) -> Result<void> {
      MAILLON_TRY(const std::size_t released, store.release_held(now));
      if (released > 0) spdlog::info("{} held commit(s) applied", released);
      return {};
    });
  }

  Result<void> publish_evidence() {
    const auto any = replica_.read<bool>([](replica::Reader& reader) -> Result<bool> {
      MAILLON_TRY(const auto suspects, reader.log().suspects());
      return !suspects.empty();
    });
    if (any.has_error()) return any.error();
    if (!*any) {
      looks_before_telling_ = 0;
      return {};
    }
    // All who meet both branches find out at the same time; one of them is to say so.
    if (looks_before_telling_ == 0) {
      looks_before_telling_ = 1 + static_cast<int>(replica_.rng().u64() % kTellWithin);
      return {};
    }
    if (--looks_before_telling_ > 0) return {};
    peers_.hear_own_tips(3s);
    return replica_.writer().run_void([&](storage::Store& store) -> Result<void> {
      MAILLON_TRY(const auto told, store.publish_evidence(
                                       replica_.author(), replica_.clock().now(), replica_.rng()));
      if (!told.empty()) spdlog::warn("proved against a node key: see `maillon evidence`");
      return {};
    });
  }

  Result<void> finish_erasures() {
    MAILLON_TRY(const bool any, replica::erasures_to_finish(replica_));
    if (!any) return {};
    peers_.hear_own_tips(3s);
    MAILLON_TRY(const bool done, replica::finish_erasures(replica_));
    if (done) spdlog::info("what was erased is gone, and that is confirmed");
    return {};
  }

  Result<void> settle() {
    const auto trust = replica_.trust();
    const auto now = std::chrono::steady_clock::now();
    const bool proposes = now >= settle_again_;
    if (trust == settled_by_ && !proposes) return {};
    if (proposes) settle_again_ = now + kSettleEvery;
    settled_by_ = trust;
    MAILLON_TRY(const std::size_t ops, federation::settle(replica_, proposes));
    if (ops > 0) spdlog::info("checkpoints: voted, or proposed");
    return {};
  }

  Result<void> prune() {
    const std::size_t before = pruner_.leaves();
    for (;;) {
      MAILLON_TRY(const bool more, pruner_.step());
      if (!more) break;
      const std::lock_guard lock{mutex_};
      if (stopping_) break;
    }
    if (pruner_.leaves() > before)
      spdlog::info("{} replaced version(s) that nobody needs any more are gone",
                   pruner_.leaves() - before);
    return {};
  }

  replica::Replica& replica_;
  peers::PeerService& peers_;
  federation::Pruner pruner_{replica_};
  std::shared_ptr<const storage::Trust> settled_by_;
  std::chrono::steady_clock::time_point settle_again_;
  int looks_before_telling_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  ///< protected by mutex_
  std::thread thread_;
};

Result<void> check(const DaemonOptions& options) {
  if (options.http == "off") return {};
  return Error{Errc::usage, "this version has no HTTP API", "cette version n’a pas d’API HTTP",
               "leave --http out, or write --http off", "omettez --http, ou écrivez --http off"};
}

}  // namespace

Result<void> serve(const DaemonOptions& options) {
  MAILLON_CHECK(check(options));
  // Before any thread starts: they all inherit the mask.
  const StopSignals signals;
  spdlog::set_level(spdlog::level::from_str(options.log));
  MAILLON_TRY(const auto passphrase, replica::passphrase_from_environment());
  MAILLON_TRY(const auto replica, replica::Replica::open(options.data, passphrase));
  if (replica->incarnation_was_drawn())
    spdlog::warn("this folder is a copy: from now on it writes under a new incarnation");
  replica->writer().set_idle([](storage::Store& store) -> Result<bool> {
    MAILLON_TRY(const std::size_t done, storage::index_waiting(store, kIndexStep));
    return done == kIndexStep;
  });
  peers::PeerOptions how;
  how.listen = options.listen;
  how.urls = options.public_urls;
  how.trusted_proxies = options.trusted_proxies;
  how.dial = options.dial;
  MAILLON_TRY(const auto peers, peers::PeerService::start(*replica, how));
  MAILLON_TRY(auto admin, admin::SocketServer::start(*replica, peers.get()));
  Chores chores{*replica, *peers};
  // Programs wait for this line, so it is the same in every language.
  const bool listens = !peers->listening_on().empty();
  fmt::print("maillon: ready {}\n",
             listens ? peers->listening_on() : "(listens for nobody: no federation yet)");
  std::fflush(stdout);
  spdlog::info("node {} of {} listens {}", replica->identity().node.hex(), replica->identity().name,
               listens ? "on " + peers->listening_on()
                       : "for nobody until a federation is created or joined");
  signals.wait();
  // Refuse new work, end what runs, then what it used; the writer drains in the replica's end.
  admin->stop_accepting();
  peers->stop();
  chores.stop();
  admin.reset();
  spdlog::info("stopped");
  return {};
}

}  // namespace maillon::app
