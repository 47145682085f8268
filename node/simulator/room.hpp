#pragma once

#include <map>
#include <set>

#include "node/simulator/dice.hpp"
#include "node/simulator/schedule.hpp"
#include "node/simulator/trace.hpp"
#include "storage/log/commit.hpp"

/// What all nodes of one simulated world share: time, chance, and what has been seen.
namespace maillon::sim {

/// What the network and the machines are like. Times in milliseconds, chances in thousandths.
struct Conditions {
  std::int64_t latency_min = 1;
  std::int64_t latency_max = 20;
  int loss = 0;  ///< chance that a message must be sent again
  std::int64_t bytes_per_ms = 1000;
  std::int64_t congested_bytes = 1 << 20;
  int double_links = 0;  ///< chance that a pair keeps two connections

  std::int64_t store_delay_max = 5;
  std::int64_t tell_delay_max = 5;  ///< from durable until the engine hears of it
  int group_max = 8;                ///< jobs in one transaction

  bool careless = false;  ///< restored and copied folders keep their incarnation: feeds fork
  bool memo = true;       ///< each commit is verified once for all nodes
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
  /// Whoever signs with this key is dishonest, and may fork.
  void excuse(const NodeId& node) { excused_.insert(node); }
  [[nodiscard]] bool excused(const NodeId& node) const { return excused_.contains(node); }
  /// Throws when another commit was signed for the same place.
  void see(const storage::Commit& commit);
  [[nodiscard]] std::uint64_t forks() const noexcept { return forked_.size(); }

 private:
  bool forks_;
  std::set<NodeId> excused_;
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
  std::uint64_t pruned = 0;  ///< leaves
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;   ///< of messages sent
  std::uint64_t copies = 0;  ///< commits in messages that arrived, wanted or not
};

struct Room {
  Room(const Dice& chance, const Conditions& what, Trace::Listener listener)
      : dice(chance),
        conditions(what),
        trace(std::move(listener)),
        memo(what.memo),
        feeds(what.careless) {}
  Dice dice;
  Conditions conditions;  ///< may change while it runs
  Schedule schedule;
  Trace trace;
  Memo memo;
  FeedRegister feeds;
  Stats stats;
  std::set<std::string> deeds;  ///< what was done on purpose that a test counts
  std::int64_t passed = 0;  ///< wall time that went by in one leap, for all clocks

  void say(const std::string& words) { trace.say(schedule.now(), words); }
};

}  // namespace maillon::sim
