#pragma once

#include <cstdio>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "storage/log/commit.hpp"
#include "tests/sim/profile.hpp"

/// What all nodes of one simulated world share: time, chance, and what has been seen.
namespace maillon::sim {

/// A rule was broken. Thrown from anywhere inside a run.
struct Violation {
  std::string what;
};

/// Virtual milliseconds; tasks run in order of (time, order of being asked for).
class Schedule {
 public:
  using Task = std::function<void()>;
  [[nodiscard]] std::int64_t now() const noexcept { return now_; }
  void in(std::int64_t delay, Task task) {
    tasks_.emplace(std::pair{now_ + (delay < 0 ? 0 : delay), next_++}, std::move(task));
  }
  /// Runs everything up to `until`, which is the time afterwards.
  void run(std::int64_t until) {
    while (!tasks_.empty() && tasks_.begin()->first.first <= until) {
      const auto first = tasks_.begin();
      now_ = first->first.first;
      const Task task = std::move(first->second);
      tasks_.erase(first);
      if (++done_ > kTasksMax) throw Violation{"the run never comes to rest"};
      task();
    }
    now_ = until;
  }

 private:
  static constexpr std::uint64_t kTasksMax = 3'000'000;
  std::map<std::pair<std::int64_t, std::uint64_t>, Task> tasks_;
  std::int64_t now_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t done_ = 0;
};

/// A hash of all that happened, and, when asked for, its words.
class Trace {
 public:
  explicit Trace(bool verbose) noexcept : verbose_(verbose) {}
  [[nodiscard]] bool verbose() const noexcept { return verbose_; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  void mix(std::uint64_t value) noexcept {
    for (int i = 0; i < 8; ++i) step(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void mix(ByteView bytes) noexcept {
    for (const std::uint8_t byte : bytes) step(byte);
  }
  void say(std::int64_t time, const std::string& words) {
    mix(static_cast<std::uint64_t>(time));
    mix(as_bytes(words));
    if (verbose_) std::printf("%8.3f %s\n", static_cast<double>(time) / 1000.0, words.c_str());
  }

 private:
  void step(std::uint8_t byte) noexcept { hash_ = (hash_ ^ byte) * 1099511628211u; }
  std::uint64_t hash_ = 14695981039346656037u;
  bool verbose_;
};

/// Verified commits of this world by id.
class Memo {
 public:
  explicit Memo(bool on) noexcept : on_(on) {}
  [[nodiscard]] Result<storage::CommitPtr> verify(const SignedCommit& bytes);

 private:
  bool on_;
  std::map<CommitId, storage::CommitPtr> known_;
};

/// Which commit stands at each place of each feed, over all nodes.
class FeedRegister {
 public:
  /// `forks`: feeds may fork in this world, because its people are careless.
  explicit FeedRegister(bool forks) noexcept : forks_(forks) {}
  /// Throws when another commit was signed for the same place.
  void see(const storage::Commit& commit);
  [[nodiscard]] std::uint64_t forks() const noexcept { return forked_.size(); }

 private:
  bool forks_;
  std::set<CommitId> forked_;  ///< further commits at places that were taken
  std::map<std::pair<FeedKey, std::uint64_t>, CommitId> places_;
};

struct Stats {
  std::uint64_t commits = 0;
  std::uint64_t received = 0;
  std::uint64_t held = 0;
  std::uint64_t pending = 0;
  std::uint64_t voids = 0;
  std::uint64_t forks = 0;
  std::uint64_t sessions = 0;
  std::uint64_t crashes = 0;
  std::uint64_t republished = 0;
  std::uint64_t messages = 0;
};

struct Room {
  Room(std::uint64_t seed, bool verbose)
      : dice(seed),
        profile(draw_profile(dice)),
        trace(verbose),
        memo(profile.memo),
        feeds(profile.careless) {}
  Dice dice;
  Profile profile;
  Schedule schedule;
  Trace trace;
  Memo memo;
  FeedRegister feeds;
  Stats stats;
  bool healing = false;
  std::int64_t passed = 0;  ///< wall time that went by in one leap, for all clocks

  void say(const std::string& words) { trace.say(schedule.now(), words); }
};

}  // namespace maillon::sim
