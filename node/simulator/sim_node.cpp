#include "node/simulator/sim_node.hpp"

#include <algorithm>

#include "proto/fault.hpp"

namespace maillon::sim {

using namespace storage;

namespace {

constexpr UnixMillis kEpoch{1'790'000'000'000};
constexpr std::int64_t kTick = 1000;
constexpr std::uint64_t kSettleTicks = 5;

Bytes be64(std::uint64_t value) {
  Bytes out(8);
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return out;
}

}  // namespace

Identity::Identity(std::string name_, std::string region_, Rng& rng, Role role_)
    : name(std::move(name_)),
      region(std::move(region_)),
      role(role_),
      root_seed(crypto::Secret32::random(rng)),
      root(root_seed),
      key(crypto::Secret32::random(rng)),
      member(root.member_id()),
      node(key.node_id()) {}

Identity::Identity(const Identity& sibling, std::string name_, Rng& rng)
    : name(std::move(name_)),
      region(sibling.region),
      role(sibling.role),
      root_seed(sibling.root_seed.copy()),
      root(root_seed),
      key(crypto::Secret32::random(rng)),
      member(root.member_id()),
      node(key.node_id()) {}

Bytes Identity::certificate() const { return crypto::NodeCertificate::make(root, key, 0).encode(); }

Bytes Identity::admission() const {
  Proposal proposal;
  proposal.admit = Admission{certificate(), name, role, region, std::nullopt, {}};
  return encode(proposal);
}

UnixMillis NodeClock::now() {
  const std::int64_t run = room_.schedule.now();
  const std::int64_t time =
      kEpoch.count() + room_.passed + run + offset_ + run * drift_ppm_ / 1'000'000;
  return UnixMillis{time - time % step_};
}

SimNode::SimNode(Room& room, Post& post, int index, std::shared_ptr<const Identity> who)
    : room_(room),
      post_(post),
      index_(index),
      who_(std::move(who)),
      name_(who_->name + "#" + std::to_string(index)),
      dice_(room.dice.u64()),
      rng_(room.dice.u64()),
      disk_("sim-" + std::to_string(index)),
      clock_(room),
      folder_(room.dice.u64()) {}

// The life of the process.

void SimNode::start() {
  ++life_;
  try {
    StoreOptions options{"maillon.db", 1024, disk_.name(), /*exclusive=*/true};
    store_ = sure(Store::open(options), "opening the store");
    open_folder();
    see_own();
    check_kept();
  } catch (const Violation&) {
    if (!disk_.crashed()) throw;
    lose(disk_.after_power_cut(dice_.rng()));
    return;
  }
  view_ = std::make_unique<replica::StoreView>(
      store_->database(), [this] { return store_->trust(); }, who_->member);
  if (annuaire_) view_->set_annuaire(*annuaire_);
  engine_ = std::make_unique<sync::Engine>(*view_, clock_, sync::EngineOptions{});
  writing_ = false;
  last_told_ = room_.schedule.now();
  room_.say(name_ + " starts, incarnation " + to_hex(be64(incarnation_)));
  later(dice_.between(0, kTick), [this] { tick(); });
}

void SimNode::open_folder() {
  sure(store_->begin(), "begin");
  const auto folder = sure(store_->meta("sim.folder"), "meta");
  const auto known = sure(store_->meta("sim.incarnation"), "meta");
  const bool copied = folder && *folder != be64(folder_) && !room_.conditions.careless &&
                      !MAILLON_FAULT("incarnation_reused");
  if (known && !copied) {
    incarnation_ = ByteReader{*known}.le64();
  } else {
    incarnation_ = rng_.u64();
    Bytes raw;
    ByteWriter{raw}.le64(incarnation_);
    sure(store_->set_meta("sim.incarnation", raw), "meta");
  }
  sure(store_->set_meta("sim.folder", be64(folder_)), "meta");
  if (federation_) sure(store_->set_federation(*federation_), "federation");
  sure(store_->commit(), "commit");
}

void SimNode::see_own() {
  auto get = sure(store_->database().prepare("SELECT l.header, l.signature, l.body FROM log l JOIN"
                                             " feed f ON f.id = l.feed WHERE f.node = ?1"),
                  "own feeds");
  get.bind(1, who_->node.bytes());
  while (sure(get.step(), "own feeds")) {
    Commit commit;
    const ByteView header = get.blob(0);
    commit.header = sure(decode_header(header), "own header");
    commit.id = commit_id(header);
    room_.feeds.see(commit);
  }
}

void SimNode::stop(End end) {
  if (!up()) return;
  room_.say(name_ + (end == End::clean  ? " stops"
                     : end == End::kill ? " is killed"
                                        : " loses power"));
  ++life_;
  queue_.clear();
  view_.reset();
  engine_.reset();
  if (end == End::clean)
    store_.reset();
  else
    lose(end == End::kill ? disk_.current() : disk_.after_power_cut(dice_.rng()));
  post_.died(index_);
}

void SimNode::lose(const storage::DiskImage& left) {
  ++room_.stats.crashes;
  disk_.crash_at(disk_.calls());  // Closing must not tidy up.
  store_.reset();
  disk_.load(left);
}

void SimNode::put(Backup backup) {
  disk_.load(backup.image);
  acked_ = std::move(backup.acked);
  folder_ = dice_.u64();
}

void SimNode::set_disk_full(bool full) {
  room_.say(name_ + (full ? "'s disk is full" : "'s disk has room"));
  std::size_t largest = 0;
  if (full)
    for (const auto& [path, bytes] : disk_.current()) largest = std::max(largest, bytes.size());
  disk_.limit_file_size(full ? std::optional{largest + dice_.below(20'000)} : std::nullopt);
}

bool SimNode::ended() {
  if (!disk_.crashed()) return false;
  stop(End::power_cut);
  return true;
}

void SimNode::later(std::int64_t delay, std::function<void()> task) {
  room_.schedule.in(delay, [this, life = life_, task = std::move(task)] {
    if (life == life_ && up()) task();
  });
}

void SimNode::tick() {
  later(kTick, [this] { tick(); });
  engine_->on_tick();
  drain();
  if (up() && ++ticks_ % kSettleTicks == 0) {
    settle_clock();
    if (up()) confirm_erasures();
  }
  if (up()) tell_of_suspects();
}

void SimNode::tell_of_suspects() {
  const auto suspects = store_->log().suspects();
  if (ended()) return;
  if (sure(suspects, "suspects").empty() || ticks_before_telling_-- > 0) return;
  // Whoever meets both branches finds out at the same time; one of them is to say so.
  ticks_before_telling_ = dice_.between(1, 8);
  write([this](Store& store) { return store.publish_evidence(author(), clock_.now(), rng_); });
}

void SimNode::confirm_erasures() {
  if (store_->trust()->member_of(who_->key.node_id()) == nullptr) return;
  const auto spaces = store_->log().spaces();
  if (ended()) return;
  // Where nothing is aside, nothing stands for having been confirmed.
  bool any = false;
  for (const auto& [row, space] : sure(spaces, "spaces")) {
    const auto aside = store_->log().has_aside(row);
    if (ended()) return;
    any = any || sure(aside, "aside");
  }
  if (!any) return;
  const auto left = store_->unconfirmed(who_->key.node_id());
  if (ended() || sure(left, "unconfirmed").empty()) return;
  write([this](Store& store) { return store.confirm_erasures(author(), clock_.now(), rng_); });
}

void SimNode::settle_clock() {
  const auto first = store_->log().first_held();
  if (ended()) return;
  const Hlc latest = Hlc::at(clock_.now() + limits::kClockAheadMax, 0xffff);
  if (!sure(first, "first held") || **first > latest) return;
  Job job;
  job.run = [this](Store& store) -> Result<void> {
    MAILLON_TRY(const auto released, store.release_held(clock_.now()));
    (void)released;
    return {};
  };
  submit(std::move(job));
}

// Sessions.

bool SimNode::accepts(const SimNode& peer) const {
  const auto trust = store_->trust();
  return !trust->federation() || trust->member_of(peer.who().node) != nullptr;
}

SessionId SimNode::open(const SimNode& peer) {
  const SessionId id = engine_->open(peer.who().node, peer.who().member);
  peers_.insert_or_assign(id, peer.who().node);
  return id;
}

void SimNode::closed(SessionId session) {
  engine_->closed(session);
  drain();
}

void SimNode::message(SessionId session, ByteView bytes) {
  room_.trace.mix(static_cast<std::uint64_t>(index_));
  room_.trace.mix(bytes);
  engine_->on_message(session, bytes);
  drain();
}

void SimNode::congested(SessionId session, bool on) {
  engine_->set_congested(session, on);
  drain();
}

void SimNode::drain() {
  while (up()) {
    auto actions = engine_->take_actions();
    if (actions.empty()) break;
    for (auto& action : actions) std::visit([this](auto& what) { act(what); }, action);
  }
  if (!up() || ended()) return;
  if (view_->error()) throw Violation{name_ + " cannot read: " + view_->error()->detail};
}

void SimNode::act(sync::SendMessage& action) {
  if (!tamper_) return post_.send(index_, action.session, std::move(action.message), action.urgent);
  for (Bytes& message : tamper_(std::move(action.message)))
    post_.send(index_, action.session, std::move(message), action.urgent);
}

void SimNode::act(sync::CloseSession& action) {
  if (action.misbehaved && !room_.feeds.excused(peers_.at(action.session)))
    throw Violation{name_ + " accuses an honest node: " + action.why};
  room_.say(name_ + " closes a session: " + action.why);
  post_.hang_up(index_, action.session);
}

void SimNode::act(sync::Remember& action) {
  Job job;
  job.run = [action](Store& store) { return replica::remember_agreed(store, action); };
  submit(std::move(job));
}

/// Commits on their way into the store, and what became of them in the last attempt.
struct SimNode::Incoming {
  std::vector<CommitPtr> commits;
  std::vector<CommitPtr> kept;
  sync::StoreResult result;
  std::uint64_t held = 0, pending = 0, voids = 0;
};

void SimNode::act(sync::Submit& action) {
  auto incoming = std::make_shared<Incoming>();
  room_.stats.copies += action.commits.size();
  std::optional<std::string> bad;
  for (SignedCommit& bytes : action.commits) {
    auto commit = room_.memo.verify(bytes);
    if (!commit) {
      bad = commit.error().detail;
      break;
    }
    incoming->commits.push_back(*std::move(commit));
  }
  take_in(incoming, [this, incoming, bad, session = action.session, token = action.token](bool ok) {
    auto result = incoming->result;
    result.failed = !ok;
    if (bad) result.misbehaved = bad;
    engine_->on_stored(session, token, result);
    drain();
  });
}

void SimNode::import(std::vector<SignedCommit> commits) {
  auto incoming = std::make_shared<Incoming>();
  for (const SignedCommit& bytes : commits)
    incoming->commits.push_back(sure(room_.memo.verify(bytes), "a bundle's commit"));
  take_in(incoming, [incoming](bool) {
    if (incoming->result.misbehaved) throw Violation{"bundle: " + *incoming->result.misbehaved};
  });
}

void SimNode::hear(std::vector<CommitPtr> commits) {
  auto incoming = std::make_shared<Incoming>();
  incoming->commits = std::move(commits);
  take_in(incoming, [](bool) {});
}

void SimNode::take_in(std::shared_ptr<Incoming> incoming, std::function<void(bool)> told) {
  Job job;
  job.run = [this, incoming](Store& store) -> Result<void> {
    Incoming& in = *incoming;
    in.kept.clear();
    in.result = {};
    in.held = in.pending = in.voids = 0;
    for (const CommitPtr& commit : in.commits) {
      const UnixMillis now = clock_.now();
      MAILLON_TRY(const Received got, store.receive(commit, now));
      using Outcome = Received::Outcome;
      if (got.outcome == Outcome::applied &&
          commit->header.hlc.time() > now + limits::kClockAheadMax)
        throw Violation{name_ + " applied a commit before its time"};
      if (got.outcome == Outcome::refused) {
        room_.say(name_ + " refuses " + commit->id.hex().substr(0, 8) + ": " + got.reason);
        if (got.provable) in.result.misbehaved = got.reason;
        continue;
      }
      in.held += got.outcome == Outcome::held ? 1 : 0;
      in.pending += got.outcome == Outcome::pending ? 1 : 0;
      in.voids += got.is_void ? 1 : 0;
      if (got.outcome == Outcome::applied || got.outcome == Outcome::held)
        in.result.stored.push_back(commit->id);
      in.kept.push_back(commit);
      for (const CommitPtr& more : got.with) {
        in.result.stored.push_back(more->id);
        in.kept.push_back(more);
      }
    }
    return {};
  };
  job.durable = [this, incoming] {
    for (const CommitPtr& commit : incoming->kept) durable(commit);
    room_.stats.received += incoming->kept.size();
    room_.stats.held += incoming->held;
    room_.stats.pending += incoming->pending;
    room_.stats.voids += incoming->voids;
  };
  job.told = std::move(told);
  submit(std::move(job));
}

void SimNode::durable(const CommitPtr& commit) {
  room_.feeds.see(*commit);
  // What a dishonest node signs may be refused once what it waited for is there.
  if (!room_.feeds.excused(commit->header.node)) acked_.insert(commit->id);
}

// The writer.

void SimNode::submit(Job job) {
  queue_.push_back(std::move(job));
  wake();
}

void SimNode::wake() {
  if (writing_ || queue_.empty()) return;
  writing_ = true;
  later(dice_.between(0, room_.conditions.store_delay_max), [this] {
    std::vector<Job> batch;
    const auto size = static_cast<std::size_t>(dice_.between(1, room_.conditions.group_max));
    while (!queue_.empty() && batch.size() < size) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    run_batch(std::move(batch));
    writing_ = false;
    if (up()) wake();
  });
}

Result<void> SimNode::attempt(std::vector<Job>& batch) {
  MAILLON_CHECK(store_->begin());
  for (Job& job : batch) MAILLON_CHECK(job.run(*store_));
  return store_->commit();
}

void SimNode::run_batch(std::vector<Job> batch) {
  const Result<void> result = attempt(batch);
  if (ended()) return;
  if (result.has_error()) {
    if (result.error().code == Errc::io || result.error().code == Errc::integrity)
      throw Violation{name_ + " cannot write: " + result.error().detail};
    const Result<void> undone = store_->rollback();
    if (ended()) return;
    sure(undone, "rollback");
    if (batch.size() == 1) {
      room_.say(name_ + " does not write: " + result.error().detail);
      return tell(std::move(batch), false);
    }
    for (Job& job : batch) {
      std::vector<Job> alone;
      alone.push_back(std::move(job));
      run_batch(std::move(alone));
      if (!up()) return;
    }
    return;
  }
  for (Job& job : batch)
    if (job.durable) job.durable();
  tell(std::move(batch), true);
  if (dice_.chance(60))
    (void)sqlite3_wal_checkpoint_v2(store_->database().raw(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                    nullptr, nullptr);
  (void)ended();
}

void SimNode::tell(std::vector<Job> batch, bool ok) {
  const std::int64_t now = room_.schedule.now();
  last_told_ = std::max(last_told_, now + dice_.between(0, room_.conditions.tell_delay_max));
  auto jobs = std::make_shared<std::vector<Job>>(std::move(batch));
  later(last_told_ - now, [this, jobs, ok] {
    if (ok) view_->changed();
    for (Job& job : *jobs) {
      if (job.told) job.told(ok);
      if (!up()) return;
    }
    if (ok) engine_->on_changed();
    drain();
  });
}

void SimNode::write(Work work, std::function<void()> told) {
  auto out = std::make_shared<std::vector<CommitPtr>>();
  Job job;
  job.run = [out, work = std::move(work)](Store& store) -> Result<void> {
    out->clear();
    MAILLON_TRY(*out, work(store));
    return {};
  };
  job.durable = [this, out] {
    for (const CommitPtr& commit : *out) {
      durable(commit);
      ++room_.stats.commits;
      if (room_.trace.verbose())
        room_.say(name_ + " signs " + commit->id.hex().substr(0, 8) + " seq " +
                  std::to_string(commit->header.seq));
    }
  };
  if (told)
    job.told = [told = std::move(told)](bool ok) {
      if (ok) told();
    };
  submit(std::move(job));
}

void SimNode::decide(std::vector<GovernanceOp> ops, std::function<void()> told) {
  write(
      [this, ops = std::move(ops)](Store& store) -> Result<std::vector<CommitPtr>> {
        MAILLON_TRY(auto commit, store.write_governance(ops, author(), clock_.now(), rng_));
        return std::vector{std::move(commit)};
      },
      std::move(told));
}

void SimNode::republish() {
  const std::uint64_t fresh = rng_.u64();
  auto out = std::make_shared<std::vector<CommitPtr>>();
  Job job;
  job.run = [this, fresh, out](Store& store) -> Result<void> {
    out->clear();
    const Author again{who_->member, fresh, &who_->key};
    MAILLON_TRY(*out, store.reissue_stranded(again, clock_.now(), rng_));
    if (out->empty()) return {};
    Bytes raw;
    ByteWriter{raw}.le64(fresh);
    return store.set_meta("sim.incarnation", raw);
  };
  job.durable = [this, fresh, out] {
    if (out->empty()) return;
    incarnation_ = fresh;
    room_.say(name_ + " publishes " + std::to_string(out->size()) + " commits again");
    room_.stats.republished += out->size();
    for (const CommitPtr& commit : *out) {
      durable(commit);
      if (room_.trace.verbose())
        room_.say("  " + commit->header.reissues->hex().substr(0, 8) + " becomes " +
                  commit->id.hex().substr(0, 8) + ", ahead by " +
                  std::to_string((commit->header.hlc.time() - clock_.now()).count()) + " ms");
    }
  };
  submit(std::move(job));
}

// At the beginning.

void SimNode::found(const Bytes& annuaire, Charter charter) {
  Genesis genesis;
  genesis.charter = std::move(charter);
  genesis.charter.name = "Fédération simulée";
  genesis.charter.delegates = {who_->member};
  genesis.creator = {who_->certificate(), who_->name,   who_->role,
                     who_->region,        std::nullopt, {annuaire}};
  sure(store_->begin(), "begin");
  const auto commit =
      sure(store_->write_genesis(genesis, annuaire, author(), clock_.now(), rng_), "genesis");
  sure(store_->commit(), "commit");
  durable(commit);
  federation_ = store_->federation();
  annuaire_ = commit->header.space;
}

void SimNode::note(const Identity& who, const std::vector<GovernanceOp>& ops) {
  const Author author{who.member, rng_.u64(), &who.key};
  sure(store_->begin(), "begin");
  const auto commit = sure(store_->write_governance(ops, author, clock_.now(), rng_), "governance");
  sure(store_->commit(), "commit");
  durable(commit);
}

void SimNode::follow(const FederationId& federation, const SpaceId& annuaire) {
  federation_ = federation;
  annuaire_ = annuaire;
}

// What others look at.

std::optional<SpaceId> SimNode::space(std::string_view name) const {
  const Space* found = store_->trust()->space_named(name);
  return found == nullptr ? std::nullopt : std::optional{found->id};
}

void SimNode::look(const std::function<void()>& what) {
  if (!up() || ended()) return;
  try {
    what();
  } catch (const Violation&) {
    if (!disk_.crashed()) throw;
  }
  (void)ended();
}

void SimNode::check_kept() {
  for (const CommitId& id : acked_) {
    const bool stored =
        sure(store_->log().has(id), "log") || sure(store_->log().is_pending(id), "log");
    if (!stored) throw Violation{name_ + " lost an acknowledged commit: " + id.hex().substr(0, 8)};
  }
}

void SimNode::check_bounds() {
  const auto bytes =
      sure(store_->database().integer("SELECT coalesce(max(b), 0) FROM (SELECT sum(length(body) +"
                                      " length(header)) AS b FROM pending GROUP BY node)"),
           "pending");
  if (bytes > static_cast<std::int64_t>(limits::kPendingPerFeedBytes + limits::kHeaderMax))
    throw Violation{name_ + " lets too much wait"};
}

}  // namespace maillon::sim
