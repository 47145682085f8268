#pragma once

#include <deque>
#include <memory>

#include "crypto/keys.hpp"
#include "node/replica/store_view.hpp"
#include "node/simulator/room.hpp"
#include "storage/sqlite/memory_vfs.hpp"

namespace maillon::sim {

using sync::SessionId;

/// Who a data folder belongs to; copies of the folder share one.
struct Identity {
  Identity(std::string name_, std::string region_, Rng& rng, Role role_ = Role::cooperative);
  /// A further node of the same member.
  Identity(const Identity& sibling, std::string name_, Rng& rng);
  [[nodiscard]] Bytes certificate() const;
  [[nodiscard]] Bytes admission() const;  ///< encoded proposal
  std::string name;
  std::string region;
  Role role;
  crypto::Secret32 root_seed;
  crypto::SigningKey root;
  crypto::SigningKey key;
  MemberId member;
  NodeId node;
};

/// A machine's clock: some way off the true time, drifting, counting in steps.
class NodeClock final : public Clock {
 public:
  explicit NodeClock(const Room& room) noexcept : room_(room) {}
  [[nodiscard]] UnixMillis now() override;
  void set_offset(std::int64_t offset) noexcept { offset_ = offset; }
  void set_drift(std::int64_t ppm) noexcept { drift_ppm_ = ppm; }
  void set_step(std::int64_t step) noexcept { step_ = step; }
  [[nodiscard]] std::int64_t offset() const noexcept { return offset_; }

 private:
  const Room& room_;
  std::int64_t offset_ = 0;
  std::int64_t drift_ppm_ = 0;
  std::int64_t step_ = 1;
};

/// Where a node's messages go.
class Post {
 public:
  virtual ~Post() = default;
  virtual void send(int node, SessionId session, Bytes message, bool urgent) = 0;
  virtual void hang_up(int node, SessionId session) = 0;
  /// The node is no more, and with it its ends of all connections.
  virtual void died(int node) = 0;
};

enum class End { clean, kill, power_cut };

/// One data folder at work: what node/replica does with threads, done with virtual time.
class SimNode {
 public:
  SimNode(Room& room, Post& post, int index, std::shared_ptr<const Identity> who);

  // The life of the process.
  void start();
  void stop(End end);
  [[nodiscard]] bool up() const noexcept { return store_ != nullptr; }
  /// The power goes during the disk call that is `calls` away.
  void tear(std::uint64_t calls) { disk_.crash_at(disk_.calls() + calls); }

  // Its folder. A backup is what stands on the disk, with what the node had acknowledged by then.
  struct Backup {
    storage::DiskImage image;
    std::set<CommitId> acked;
  };
  [[nodiscard]] Backup backup() const { return {disk_.synced(), acked_}; }
  /// Down only. Puts another state of the folder in place; `fresh_folder` as a copy has it.
  void put(Backup backup);
  void set_disk_full(bool full);

  // Its sessions.
  SessionId open(const SimNode& peer);
  /// Does what the engine asks; to be called after open() once its session can be sent to.
  void drain();
  void closed(SessionId session);
  void message(SessionId session, ByteView bytes);
  void congested(SessionId session, bool on);
  [[nodiscard]] bool accepts(const SimNode& peer) const;

  /// What leaves instead of a message: of a node that runs another program on purpose.
  using Tamper = std::function<std::vector<Bytes>(Bytes message)>;
  void set_tamper(Tamper tamper) { tamper_ = std::move(tamper); }

  // Its writer.
  struct Job {
    std::function<Result<void>(storage::Store&)> run;
    std::function<void()> durable;   ///< right after commit
    std::function<void(bool)> told;  ///< when the rest of the node hears of it
  };
  void submit(Job job);
  /// Writes as this node's member; what comes out is acknowledged once it is durable.
  using Work = std::function<Result<std::vector<storage::CommitPtr>>(storage::Store&)>;
  void write(Work work, std::function<void()> told = {});
  /// Writes decisions into annuaire.
  void decide(std::vector<storage::GovernanceOp> ops, std::function<void()> told);
  /// Commits from a file, outside any session.
  void import(std::vector<SignedCommit> commits);
  /// Commits of a dishonest peer: whatever they are, they are only judged.
  void hear(std::vector<storage::CommitPtr> commits);
  /// A new incarnation, under which what is held for the future is published again.
  void republish();
  /// At once and outside the writer, before anything runs. The creator is the first delegate.
  void found(const Bytes& annuaire, Charter charter = {});
  /// Likewise, in the name of `who`.
  void note(const Identity& who, const std::vector<storage::GovernanceOp>& ops);
  void follow(const FederationId& federation, const SpaceId& annuaire);

  // What others look at.
  [[nodiscard]] const Identity& who() const noexcept { return *who_; }
  [[nodiscard]] const std::shared_ptr<const Identity>& identity() const noexcept { return who_; }
  [[nodiscard]] int index() const noexcept { return index_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] storage::Store& store() { return *store_; }
  [[nodiscard]] storage::Author author() const { return {who_->member, incarnation_, &who_->key}; }
  [[nodiscard]] NodeClock& clock() noexcept { return clock_; }
  [[nodiscard]] Rng& rng() noexcept { return rng_; }
  [[nodiscard]] const std::set<CommitId>& acked() const noexcept { return acked_; }
  [[nodiscard]] bool idle() const noexcept { return queue_.empty() && !writing_; }
  [[nodiscard]] std::optional<SpaceId> space(std::string_view name) const;
  /// Does `what`, which reads this node's store, unless its power is off, or goes meanwhile.
  void look(const std::function<void()>& what);
  /// Throws when something acknowledged is gone.
  void check_kept();
  void check_bounds();

 private:
  struct Incoming;
  void open_folder();
  void see_own();
  /// Ends the process at once; `left` is what its disk will show.
  void lose(const storage::DiskImage& left);
  void later(std::int64_t delay, std::function<void()> task);
  void tick();
  void settle_clock();
  void tell_of_suspects();
  void confirm_erasures();
  void wake();
  void run_batch(std::vector<Job> batch);
  Result<void> attempt(std::vector<Job>& batch);
  void tell(std::vector<Job> batch, bool ok);
  void take_in(std::shared_ptr<Incoming> incoming, std::function<void(bool)> told);
  void act(sync::SendMessage& action);
  void act(sync::Submit& action);
  void act(sync::CloseSession& action);
  void act(sync::Remember& action);
  /// Whether the process ended because its disk did.
  bool ended();
  void durable(const storage::CommitPtr& commit);

  Room& room_;
  Post& post_;
  int index_;
  std::shared_ptr<const Identity> who_;
  std::string name_;
  Dice dice_;
  crypto::SeededRng rng_;
  storage::MemoryVfs disk_;
  NodeClock clock_;
  std::uint64_t folder_;  ///< what tells this folder from a copy of it
  std::uint64_t incarnation_ = 0;
  std::optional<FederationId> federation_;
  std::optional<SpaceId> annuaire_;
  std::set<CommitId> acked_;

  Tamper tamper_;
  std::map<SessionId, NodeId> peers_;  ///< of sessions that were opened

  std::uint64_t life_ = 0;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<replica::StoreView> view_;
  std::unique_ptr<sync::Engine> engine_;
  std::deque<Job> queue_;
  bool writing_ = false;
  std::int64_t last_told_ = 0;
  std::uint64_t ticks_ = 0;
  std::int64_t ticks_before_telling_ = 3;
};

}  // namespace maillon::sim
