#pragma once

#include <functional>
#include <optional>

#include "storage/log/commit.hpp"
#include "storage/sqlite/database.hpp"

namespace maillon::storage {

enum class CommitStatus : std::int64_t {
  applied = 0,
  held = 1,   ///< its time has not come
  aside = 2,  ///< in doubt, and nobody vouches for it: outside the frontier, not passed on
};

/// One commit's place in this node's log.
struct LogEntry {
  std::int64_t id = 0;
  CommitId cid = CommitId::zero();
  std::int64_t feed = 0;
  std::uint64_t seq = 0;
  Hlc hlc;
  CommitStatus status = CommitStatus::applied;
  bool is_void = false;
};

/// A feed as this node numbers it.
struct FeedRow {
  std::int64_t id = 0;
  std::int64_t space = 0;
  FeedKey key;
  MemberId member = MemberId::zero();
};

/// The tables of commits. Reading works on any connection, writing on the writer's, inside a
/// transaction that the caller owns. Thread: that of the connection.
class Log {
 public:
  explicit Log(Database& db) noexcept : db_(db) {}

  Result<std::int64_t> space_row(const SpaceId& space);              ///< made when new
  Result<std::optional<std::int64_t>> find_space(const SpaceId& space);
  Result<FeedRow> feed_row(const FeedKey& key, const MemberId& member);  ///< made when new
  Result<FeedRow> feed_by_id(std::int64_t id);
  /// The spaces in which a member wrote.
  Result<std::vector<std::pair<std::int64_t, SpaceId>>> spaces_of(const MemberId& member);

  Result<std::vector<MemberId>> members_of(std::int64_t space);

  Result<std::optional<LogEntry>> find(const CommitId& id);
  Result<bool> has(const CommitId& id);
  Result<CommitId> commit_id_of(std::int64_t log_id);
  Result<std::int64_t> feed_of(std::int64_t log_id);
  Result<SignedCommit> bytes_of(std::int64_t log_id);
  Result<Bytes> header_of(std::int64_t log_id);

  /// Appends and moves the frontier; heads move with applied commits only.
  Result<std::int64_t> insert(const Commit& commit, const FeedRow& feed, CommitStatus status,
                              bool is_void);
  Result<void> move_heads(const Commit& commit, std::int64_t log_id, std::int64_t space);
  Result<void> set_void(std::int64_t log_id, bool is_void);
  Result<void> set_status(std::int64_t log_id, CommitStatus status);
  /// The body without what was cut from it.
  Result<void> replace_body(std::int64_t log_id, ByteView packed);

  /// Tips in order of (node, incarnation, seq, commit); `after`: only of commits after that place.
  Result<std::vector<Tip>> tips(std::int64_t space, std::int64_t after = 0);
  /// Of one member, or of one of its nodes.
  Result<std::vector<CommitId>> tips_of(std::int64_t space, const MemberId& member,
                                        const std::optional<NodeId>& node);
  Result<Digest> frontier(std::int64_t space);
  Result<std::vector<LogEntry>> heads(std::int64_t space);
  Result<std::optional<LogEntry>> feed_tip(std::int64_t feed);
  Result<std::optional<LogEntry>> feed_tip(const FeedKey& feed);
  Result<std::optional<LogEntry>> at(std::int64_t feed, std::uint64_t seq);  ///< the first, if forked
  Result<std::uint64_t> stored_up_to(std::int64_t feed, std::uint64_t seq);  ///< of all branches
  Result<std::int64_t> last_id();

  /// Held commits whose time is at most `until`, in an order that respects causality.
  Result<std::vector<std::int64_t>> held_until(Hlc until);
  Result<std::optional<Hlc>> first_held();
  /// H("maillon/held/v1" ‖ ids of those that are not void, ascending); none where there are none. What
  /// was published again waits for nothing that anybody would miss.
  Result<std::optional<Digest>> held_hash(std::int64_t space);
  /// The member's commits that do not count, or stand after `latest` although applied: a wrong clock
  /// applies its own.
  Result<std::vector<LogEntry>> stranded(const MemberId& member, Hlc latest);

  Result<void> add_reissue(const CommitId& old, std::int64_t log_id);
  /// Commits that say they replace `old`.
  Result<std::vector<std::int64_t>> reissues_of(const CommitId& old);
  /// Whether a commit with this header, which names `old` as re-issued, may do so: only the same
  /// member, in the same space, does.
  Result<bool> replaces(const Header& fresh, const LogEntry& old);

  // Pending.
  Result<bool> is_pending(const CommitId& id);
  Result<std::size_t> pending_bytes(const NodeId& node);
  Result<void> add_pending(const Commit& commit, std::span<const CommitId> needs);
  /// Takes out those that waited for `arrived` alone.
  Result<std::vector<SignedCommit>> take_ready(const CommitId& arrived);
  Result<std::int64_t> pending_count(const SpaceId& space);

  /// Calls back for each entry of a space after `after`, in order, until it returns false. Those
  /// aside are not among them.
  Result<void> scan(std::int64_t space, std::int64_t after,
                    const std::function<Result<bool>(const LogEntry&)>& each);
  /// The same with those aside.
  Result<void> scan_all(std::int64_t space,
                        const std::function<Result<bool>(const LogEntry&)>& each);

  // Aside.
  Result<std::size_t> aside_bytes(const NodeId& node);
  Result<bool> has_aside(std::int64_t space);
  /// Whether a pending commit of a member other than `own` waits for this one, maybe through others.
  Result<bool> awaited_by_other(const CommitId& id, const MemberId& own);
  /// Replaces the tables of tips and heads of a space.
  Result<void> set_ends(std::int64_t space, std::span<const std::int64_t> tips,
                        std::span<const std::int64_t> heads);
  Result<void> drop_reissue(std::int64_t log_id);
  Result<std::vector<std::pair<std::int64_t, SpaceId>>> spaces();

  // What to bring evidence of.
  Result<void> add_suspect(std::int64_t first, std::optional<std::int64_t> second);
  Result<std::vector<std::pair<std::int64_t, std::optional<std::int64_t>>>> suspects();
  Result<void> clear_suspects();
  Result<std::size_t> incarnations_of(const NodeId& node);
  /// The first stored commit of each incarnation of a node, at most `limit`.
  Result<std::vector<std::int64_t>> first_of_incarnations(const NodeId& node, std::size_t limit);

 private:
  Result<void> walk(Statement& rows, const std::function<Result<bool>(const LogEntry&)>& each);
  Result<std::optional<LogEntry>> one(Statement& statement);
  Database& db_;
};

/// H("maillon/frontier/v1" ‖ for each tip in order: node ‖ incarnation ‖ seq ‖ commit).
[[nodiscard]] Digest frontier_hash(std::span<const Tip> tips);

}  // namespace maillon::storage
