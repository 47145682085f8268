#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "node/sync/header_delta.hpp"
#include "node/sync/timing.hpp"
#include "proto/clock.hpp"
#include "proto/codec.hpp"

/// Replication without sockets: messages, results and ticks in, actions out (docs/protocol.md,
/// "Sessions"). Deterministic: the daemon and the simulator run this same code.
namespace maillon::sync {

/// A commit's place in the local log.
struct Place {
  std::int64_t log = 0;
  FeedKey feed;
  std::uint64_t seq = 0;
  CommitId id = CommitId::zero();
};

/// How the engine sees storage. Answers reflect what is durable.
class SyncStore {
 public:
  virtual ~SyncStore() = default;
  /// annuaire, as soon as it is known.
  [[nodiscard]] virtual std::optional<SpaceId> annuaire() = 0;
  /// Spaces other than annuaire that this node stores and that `peer` may read.
  [[nodiscard]] virtual std::vector<SpaceId> shared_with(const MemberId& peer) = 0;
  /// Spaces of which this node keeps nothing by choice, though its member may read them.
  [[nodiscard]] virtual std::vector<SpaceId> unwanted() { return {}; }
  [[nodiscard]] virtual Digest frontier(const SpaceId& space) = 0;
  /// Which commits of the space wait for their time; none: no one.
  [[nodiscard]] virtual std::optional<Digest> held(const SpaceId& space) = 0;
  /// Tips of commits placed after `after`.
  [[nodiscard]] virtual std::vector<Tip> tips(const SpaceId& space, std::int64_t after) = 0;
  [[nodiscard]] virtual std::int64_t last_log() = 0;
  [[nodiscard]] virtual std::optional<Place> place(const CommitId& id) = 0;
  /// The first commit of a feed with at least this seq.
  [[nodiscard]] virtual std::optional<Place> first_from(const FeedKey& feed, std::uint64_t seq) = 0;
  /// The commit before this one in its feed.
  [[nodiscard]] virtual std::optional<Place> before(const Place& place) = 0;
  /// All commits of a feed; for forked feeds only.
  [[nodiscard]] virtual std::vector<Place> feed(const FeedKey& key) = 0;
  /// Walks a space's log after `after`, in an order that respects causality, until `each` says no.
  virtual void scan(const SpaceId& space, std::int64_t after,
                    const std::function<bool(const Place&)>& each) = 0;
  [[nodiscard]] virtual SignedCommit bytes(const Place& place) = 0;
  struct Agreed {
    Digest frontier = Digest::zero();
    std::int64_t log = 0;
  };
  [[nodiscard]] virtual std::optional<Agreed> agreed(const NodeId& peer, const SpaceId& space) = 0;
};

using SessionId = std::uint64_t;

struct SendMessage {
  SessionId session;
  Bytes message;
  bool urgent = false;  ///< small and awaited: goes ahead of bulk
};
/// Commits to verify and store; answered by on_stored with the same token.
struct Submit {
  SessionId session;
  std::uint64_t token;
  std::vector<SignedCommit> commits;
};
struct CloseSession {
  SessionId session;
  std::string why;
  bool misbehaved = false;
};
/// Both sides agree: worth remembering for the next session.
struct Remember {
  NodeId peer;
  SpaceId space;
  SyncStore::Agreed agreed;
};
using Action = std::variant<SendMessage, Submit, CloseSession, Remember>;

/// What became of one Submit.
struct StoreResult {
  std::vector<CommitId> stored;           ///< new here, durable now
  std::optional<std::string> misbehaved;  ///< provable fault of the sender, in words
  bool failed = false;                    ///< the store could not take them (disk full)
};

struct EngineOptions {
  std::string software = "maillon";
  std::vector<std::string> urls;
};

/// What a person may want to know of one session.
struct SessionView {
  NodeId peer = NodeId::zero();
  bool in_sync = false;     ///< equal frontiers and held sets when last told, all spaces
  std::size_t pushing = 0;  ///< spaces whose commits travel here as they come
  std::size_t missing = 0;  ///< commits that it announced and that are not here yet
  std::size_t commits_received = 0;
  std::size_t commits_sent = 0;
  std::optional<std::int64_t> clock_offset_ms;  ///< theirs minus ours, at hello
};

class Engine {
 public:
  Engine(SyncStore& store, Clock& clock, EngineOptions options);

  SessionId open(const NodeId& peer, const MemberId& member);
  void closed(SessionId session);
  void on_message(SessionId session, ByteView message);
  void on_stored(SessionId session, std::uint64_t token, const StoreResult& result);
  /// Commits became durable, from here or from anyone; give them to whoever lacks them.
  void on_changed();
  /// The transport holds much of what was sent (true), or has room again (false).
  void set_congested(SessionId session, bool congested);
  /// Call every second or so.
  void on_tick();
  /// Asks every peer for its frontiers.
  void probe();

  [[nodiscard]] std::vector<Action> take_actions();
  [[nodiscard]] std::vector<std::pair<SessionId, SessionView>> sessions() const;
  /// Whether every open session last said the frontier that we have, in every shared space, and
  /// holds for later what we hold.
  [[nodiscard]] bool all_in_sync();

 private:
  using Feed = std::pair<NodeId, std::uint64_t>;
  struct Lane {
    std::optional<Digest> theirs;      ///< their frontier as last told
    std::optional<Digest> held;        ///< of theirs, with that
    std::optional<Digest> remembered;  ///< by them, from hello
    bool started = false;              ///< what they have is known; new commits flow
    bool tips_sent = false;
    std::int64_t base = 0;              ///< they have all commits placed up to here
    std::int64_t snapshot = 0;          ///< what follows applies to commits up to here
    std::int64_t cursor = 0;            ///< they were sent what they lack up to here, or told of it
    std::map<Feed, std::uint64_t> has;  ///< they have this feed up to seq
    std::set<std::int64_t> owed;        ///< of forked feeds, one by one
    std::set<Feed> forked;
    std::set<CommitId> came;       ///< sent or announced by them, so not to be sent back
    std::optional<Digest> told;    ///< our frontier as last told to them
    std::optional<Digest> agreed;  ///< what was last asked to be remembered

    // Push or announcements (push.cpp). Each side owns one of the first two.
    bool spared = false;    ///< we told them that we can do without their push
    bool spares = false;    ///< they told us that they can do without ours
    bool opened = false;    ///< it was decided whether this lane is needed for push
    bool repeated = false;  ///< they compare anew: told of what they lack, not sent it
    bool granted = false;   ///< they asked for push, and their tips tell from where on
    std::map<CommitId, UnixMillis> missing;  ///< announced by them, not here yet; since when
    std::optional<CommitId> promised;        ///< of these, one for which they were asked last
    UnixMillis patience{kPatience};          ///< before they are asked; longer for who lets down
    /// Whether commits flow as they come, both ways: unless neither side needs it.
    [[nodiscard]] bool pushes() const noexcept { return !(spared && spares); }

    // Anti-entropy.
    std::pair<std::optional<Digest>, Digest> compared{std::nullopt, Digest::zero()};
    UnixMillis quiet_since{};  ///< since when both frontiers have been as compared
    bool asked = false;        ///< for their frontier, since then
    bool differed = false;     ///< in the last round
  };
  struct Session {
    NodeId peer;
    MemberId member;
    bool greeted = false;
    bool congested = false;
    std::map<SpaceId, Lane> lanes;
    std::set<SpaceId> unwanted;        ///< by them, until they say a frontier
    HeaderWindow sent;
    HeaderWindow received;
    std::uint64_t sent_bytes = 0;  ///< of Commits messages
    std::uint64_t acked_bytes = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t stored_bytes = 0;
    struct Submitted {
      std::size_t bytes = 0;
      std::set<SpaceId> spaces;
      std::vector<CommitId> commits;
    };
    std::map<std::uint64_t, Submitted> submits;
    std::optional<std::int64_t> clock_offset_ms;
    std::size_t commits_received = 0;
    std::size_t commits_sent = 0;
  };
  /// What comes in, per space, from everybody.
  struct Inflow {
    std::size_t fresh_bytes = 0;  ///< of commits that were new, since the last tick
    UnixMillis asked{};           ///< when somebody was last asked for push
  };

  void handle(SessionId id, Session& s, ByteView message);
  void on_hello(SessionId id, Session& s, const Hello& hello);
  void on_tips(SessionId id, Session& s, const Tips& tips);
  void on_want(SessionId id, Session& s, const Want& want);
  void on_commits(SessionId id, Session& s, Commits commits, std::size_t size);
  void on_frontier(SessionId id, Session& s, const Frontier& frontier);
  void on_push(SessionId id, Session& s, const Push& push);

  [[nodiscard]] bool may_share(const Session& s, const SpaceId& space) const;
  [[nodiscard]] std::vector<SpaceId> spaces_of(const Session& s) const;
  [[nodiscard]] bool annuaire_settled(const Session& s);
  void compare(SessionId id, Session& s, const SpaceId& space, bool may_repeat);
  void compare_all(SessionId id, Session& s);
  void send_tips(SessionId id, Session& s, const SpaceId& space, Lane& lane);
  void learn(SessionId id, Session& s, const SpaceId& space, Lane& lane, const Tips& tips);
  void learn_forked(const SpaceId& space, Lane& lane, const Feed& feed,
                    std::span<const Tip> theirs,
                    std::int64_t base);
  void start(const SpaceId& space, Lane& lane, std::int64_t base, std::int64_t cursor);
  void pump(SessionId id, Session& s);
  bool pump_lane(SessionId id, Session& s, const SpaceId& space, Lane& lane);
  [[nodiscard]] bool lacks(Lane& lane, const Place& place) const;
  void tell(SessionId id, Session& s, const SpaceId& space, Lane& lane, bool reply);
  void tell(SessionId id, Session& s, const SpaceId& space, Lane& lane, bool reply,
            std::vector<CommitId> announced);
  void reconcile(SessionId id, Session& s, const SpaceId& space, Lane& lane, bool round);

  // push.cpp
  [[nodiscard]] bool pushed_by_another(SessionId id, const SpaceId& space) const;
  void open_lane(SessionId id, const SpaceId& space, Lane& lane);
  void spare(SessionId id, const SpaceId& space, Lane& lane);
  void ask(SessionId id, Session& s, const SpaceId& space, Lane& lane);
  void keep_one(const SpaceId& space);
  void part(SessionId id);
  void answered(const Session::Submitted& submit);
  void they_have(Lane& lane, const CommitId& id, const std::optional<Place>& place);
  void hear_of(Lane& lane, const CommitId& id);
  [[nodiscard]] std::vector<CommitId> news(const SpaceId& space, Lane& lane);
  void announce(SessionId id, Session& s, const SpaceId& space, Lane& lane);
  void chase(UnixMillis now);
  [[nodiscard]] bool storing(const SpaceId& space) const;

  void agree(Session& s, const SpaceId& space, Lane& lane);
  void send(SessionId id, Bytes message, bool urgent);
  void fail(SessionId id, std::string why, bool misbehaved);
  [[nodiscard]] bool idle(const Session& s) const;

  SyncStore& store_;
  Clock& clock_;
  EngineOptions options_;
  std::map<SessionId, Session> sessions_;
  SessionId next_session_ = 1;
  std::uint64_t next_token_ = 1;
  UnixMillis last_round_{};
  std::map<CommitId, int> under_way_;  ///< submitted and not answered, by how many sessions
  std::map<SpaceId, Inflow> inflow_;
  std::vector<Action> actions_;
};

}  // namespace maillon::sync
