#include "storage/log/log.hpp"

#include <algorithm>

#include "proto/fault.hpp"
#include "storage/log/row.hpp"

namespace maillon::storage {
namespace {

/// Big-endian, so that SQLite's order of blobs is the order of numbers.
std::array<std::uint8_t, 8> be64(std::uint64_t value) {
  std::array<std::uint8_t, 8> out{};
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return out;
}
std::uint64_t from_be64(ByteView raw) {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : raw) out = (out << 8) | byte;
  return out;
}

Result<LogEntry> entry_from(const Statement& row) {
  LogEntry out;
  out.id = row.integer(0);
  MAILLON_TRY(out.cid, CommitId::from_bytes(row.blob(1)));
  out.feed = row.integer(2);
  out.seq = static_cast<std::uint64_t>(row.integer(3));
  out.hlc.packed = from_be64(row.blob(4));
  out.status = static_cast<CommitStatus>(row.integer(5));
  out.is_void = row.integer(6) != 0;
  return out;
}

}  // namespace

Digest frontier_hash(std::span<const Tip> tips) {
  crypto::Hasher hasher;
  hasher.update("maillon/frontier/v1");
  for (const Tip& tip : tips) {
    Bytes out;
    ByteWriter w{out};
    w.raw(tip.node.bytes());
    w.le64(tip.incarnation);
    w.le64(tip.seq);
    w.raw(tip.commit.bytes());
    hasher.update(out);
  }
  return hasher.finish();
}

Result<std::optional<std::int64_t>> Log::find_space(const SpaceId& space) {
  MAILLON_TRY(auto get, db_.prepare("SELECT id FROM space WHERE sid = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, space.bytes()).step());
  return found ? std::optional{get.integer(0)} : std::nullopt;
}

Result<std::int64_t> Log::space_row(const SpaceId& space) {
  MAILLON_TRY(const auto found, find_space(space));
  if (found) return *found;
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO space(sid) VALUES(?1)"));
  MAILLON_CHECK(put.bind(1, space.bytes()).run());
  return db_.last_rowid();
}

Result<FeedRow> Log::feed_row(const FeedKey& key, const MemberId& member) {
  MAILLON_TRY(const std::int64_t space, space_row(key.space));
  const auto incarnation = be64(key.incarnation);
  MAILLON_TRY(auto get, db_.prepare("SELECT id, member FROM feed"
                                    " WHERE space = ?1 AND node = ?2 AND incarnation = ?3"));
  MAILLON_TRY(const bool found,
              get.bind(1, space).bind(2, key.node.bytes()).bind(3, ByteView{incarnation}).step());
  if (found) {
    MAILLON_TRY(const MemberId known, MemberId::from_bytes(get.blob(1)));
    return FeedRow{get.integer(0), space, key, known};
  }
  MAILLON_TRY(auto put,
              db_.prepare("INSERT INTO feed(space, node, incarnation, member) VALUES(?1,?2,?3,?4)"));
  MAILLON_CHECK(put.bind(1, space)
                    .bind(2, key.node.bytes())
                    .bind(3, ByteView{incarnation})
                    .bind(4, member.bytes())
                    .run());
  return FeedRow{db_.last_rowid(), space, key, member};
}

Result<FeedRow> Log::feed_by_id(std::int64_t id) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT f.space, s.sid, f.node, f.incarnation, f.member FROM feed f"
                          " JOIN space s ON s.id = f.space WHERE f.id = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, id).step());
  if (!found) return Error{Errc::integrity, "log: a commit of an unknown feed"};
  MAILLON_TRY(const SpaceId space, SpaceId::from_bytes(get.blob(1)));
  MAILLON_TRY(const NodeId node, NodeId::from_bytes(get.blob(2)));
  MAILLON_TRY(const MemberId member, MemberId::from_bytes(get.blob(4)));
  return FeedRow{id, get.integer(0), {space, node, from_be64(get.blob(3))}, member};
}

Result<std::optional<LogEntry>> Log::one(Statement& statement) {
  MAILLON_TRY(const bool found, statement.step());
  if (!found) return std::optional<LogEntry>{};
  MAILLON_TRY(const LogEntry entry, entry_from(statement));
  return std::optional{entry};
}

Result<std::vector<std::pair<std::int64_t, SpaceId>>> Log::spaces_of(const MemberId& member) {
  MAILLON_TRY(auto get, db_.prepare("SELECT DISTINCT s.id, s.sid FROM feed f"
                                    " CROSS JOIN space s ON s.id = f.space WHERE f.member = ?1"));
  get.bind(1, member.bytes());
  std::vector<std::pair<std::int64_t, SpaceId>> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const SpaceId id, SpaceId::from_bytes(get.blob(1)));
    out.emplace_back(get.integer(0), id);
  }
}

Result<std::vector<MemberId>> Log::members_of(std::int64_t space) {
  MAILLON_TRY(auto get, db_.prepare("SELECT DISTINCT member FROM feed WHERE space = ?1"));
  get.bind(1, space);
  std::vector<MemberId> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const MemberId member, MemberId::from_bytes(get.blob(0)));
    out.push_back(member);
  }
}

Result<std::optional<LogEntry>> Log::find(const CommitId& id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT id, cid, feed, seq, hlc, status, void FROM log"
                                    " WHERE cid = ?1"));
  get.bind(1, id.bytes());
  return one(get);
}

Result<bool> Log::has(const CommitId& id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT 1 FROM log WHERE cid = ?1"));
  return get.bind(1, id.bytes()).step();
}

Result<CommitId> Log::commit_id_of(std::int64_t log_id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT cid FROM log WHERE id = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, log_id).step());
  if (!found) return Error{Errc::integrity, "log: no such place"};
  return CommitId::from_bytes(get.blob(0));
}

Result<std::int64_t> Log::feed_of(std::int64_t log_id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT feed FROM log WHERE id = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, log_id).step());
  if (!found) return Error{Errc::integrity, "log: no such place"};
  return get.integer(0);
}

Result<SignedCommit> Log::bytes_of(std::int64_t log_id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT header, signature, body FROM log WHERE id = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, log_id).step());
  if (!found) return Error{Errc::integrity, "log: no such place"};
  return signed_from(get, 0);
}

Result<Bytes> Log::header_of(std::int64_t log_id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT header FROM log WHERE id = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, log_id).step());
  if (!found) return Error{Errc::integrity, "log: no such place"};
  const ByteView v = get.blob(0);
  return Bytes{v.begin(), v.end()};
}

Result<std::int64_t> Log::insert(const Commit& commit, const FeedRow& feed, CommitStatus status,
                                 bool is_void) {
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO log(cid, feed, seq, hlc, status, void, header,"
                                    " signature, body) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"));
  const auto hlc = be64(commit.header.hlc.packed);
  const bool again = MAILLON_FAULT("header_reserialised");
  const Bytes header = again ? encode_header(commit.header) : Bytes{};
  MAILLON_CHECK(put.bind(1, commit.id.bytes())
                    .bind(2, feed.id)
                    .bind(3, static_cast<std::int64_t>(commit.header.seq))
                    .bind(4, ByteView{hlc})
                    .bind(5, static_cast<std::int64_t>(status))
                    .bind(6, std::int64_t{is_void})
                    .bind(7, ByteView{again ? header : commit.bytes.header})
                    .bind(8, ByteView{commit.bytes.signature})
                    .bind(9, ByteView{commit.bytes.body})
                    .run());
  const std::int64_t id = db_.last_rowid();
  if (status == CommitStatus::aside) return id;
  if (commit.header.previous) {
    MAILLON_TRY(auto drop,
                db_.prepare("DELETE FROM tip WHERE log = (SELECT id FROM log WHERE cid = ?1)"));
    MAILLON_CHECK(drop.bind(1, commit.header.previous->bytes()).run());
  }
  if (MAILLON_FAULT("lost_tip") && status == CommitStatus::held) return id;
  MAILLON_TRY(auto tip, db_.prepare("INSERT INTO tip(log, space) VALUES(?1, ?2)"));
  MAILLON_CHECK(tip.bind(1, id).bind(2, feed.space).run());
  return id;
}

Result<void> Log::move_heads(const Commit& commit, std::int64_t log_id, std::int64_t space) {
  MAILLON_TRY(auto drop,
              db_.prepare("DELETE FROM head WHERE log = (SELECT id FROM log WHERE cid = ?1)"));
  for (const CommitId& dep : commit.header.deps) MAILLON_CHECK(drop.bind(1, dep.bytes()).run());
  if (commit.header.previous) MAILLON_CHECK(drop.bind(1, commit.header.previous->bytes()).run());
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO head(log, space) VALUES(?1, ?2)"));
  return put.bind(1, log_id).bind(2, space).run();
}

Result<void> Log::set_void(std::int64_t log_id, bool is_void) {
  MAILLON_TRY(auto put, db_.prepare("UPDATE log SET void = ?2 WHERE id = ?1"));
  return put.bind(1, log_id).bind(2, std::int64_t{is_void}).run();
}

Result<void> Log::set_status(std::int64_t log_id, CommitStatus status) {
  MAILLON_TRY(auto put, db_.prepare("UPDATE log SET status = ?2 WHERE id = ?1"));
  return put.bind(1, log_id).bind(2, static_cast<std::int64_t>(status)).run();
}

Result<void> Log::replace_body(std::int64_t log_id, ByteView packed) {
  MAILLON_TRY(auto put, db_.prepare("UPDATE log SET body = ?2 WHERE id = ?1"));
  return put.bind(1, log_id).bind(2, packed).run();
}

Result<std::vector<Tip>> Log::tips(std::int64_t space, std::int64_t after) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT f.node, f.incarnation, l.seq, l.cid FROM tip t"
                          " CROSS JOIN log l ON l.id = t.log CROSS JOIN feed f ON f.id = l.feed"
                          " WHERE t.space = ?1 AND t.log > ?2 ORDER BY 1, 2, 3, 4"));
  get.bind(1, space).bind(2, after);
  std::vector<Tip> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    Tip tip;
    MAILLON_TRY(tip.node, NodeId::from_bytes(get.blob(0)));
    tip.incarnation = from_be64(get.blob(1));
    tip.seq = static_cast<std::uint64_t>(get.integer(2));
    MAILLON_TRY(tip.commit, CommitId::from_bytes(get.blob(3)));
    out.push_back(tip);
  }
}

Result<std::vector<CommitId>> Log::tips_of(std::int64_t space, const MemberId& member,
                                           const std::optional<NodeId>& node) {
  MAILLON_TRY(auto get, db_.prepare("SELECT l.cid FROM tip t CROSS JOIN log l ON l.id = t.log"
                                    " CROSS JOIN feed f ON f.id = l.feed WHERE t.space = ?1"
                                    " AND f.member = ?2 AND (?3 IS NULL OR f.node = ?3) ORDER BY l.cid"));
  get.bind(1, space).bind(2, member.bytes());
  if (node)
    get.bind(3, node->bytes());
  else
    get.bind_null(3);
  std::vector<CommitId> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const CommitId id, CommitId::from_bytes(get.blob(0)));
    out.push_back(id);
  }
}

Result<Digest> Log::frontier(std::int64_t space) {
  MAILLON_TRY(const auto all, tips(space));
  return frontier_hash(all);
}

Result<std::vector<LogEntry>> Log::heads(std::int64_t space) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT l.id, l.cid, l.feed, l.seq, l.hlc, l.status, l.void FROM head h"
                          " CROSS JOIN log l ON l.id = h.log WHERE h.space = ?1 ORDER BY l.cid"));
  get.bind(1, space);
  std::vector<LogEntry> out;
  for (;;) {
    MAILLON_TRY(const auto entry, one(get));
    if (!entry) return out;
    out.push_back(*entry);
  }
}

Result<std::optional<LogEntry>> Log::feed_tip(std::int64_t feed) {
  MAILLON_TRY(auto get, db_.prepare("SELECT id, cid, feed, seq, hlc, status, void FROM log"
                                    " WHERE feed = ?1 ORDER BY seq DESC, id DESC LIMIT 1"));
  get.bind(1, feed);
  return one(get);
}

Result<std::optional<LogEntry>> Log::feed_tip(const FeedKey& feed) {
  const auto incarnation = be64(feed.incarnation);
  MAILLON_TRY(auto get, db_.prepare("SELECT l.id, l.cid, l.feed, l.seq, l.hlc, l.status, l.void"
                                    " FROM space s JOIN feed f ON f.space = s.id"
                                    " JOIN log l ON l.feed = f.id"
                                    " WHERE s.sid = ?1 AND f.node = ?2 AND f.incarnation = ?3"
                                    " ORDER BY l.seq DESC, l.id DESC LIMIT 1"));
  get.bind(1, feed.space.bytes()).bind(2, feed.node.bytes()).bind(3, ByteView{incarnation});
  return one(get);
}

Result<std::optional<LogEntry>> Log::at(std::int64_t feed, std::uint64_t seq) {
  MAILLON_TRY(auto get, db_.prepare("SELECT id, cid, feed, seq, hlc, status, void FROM log"
                                    " WHERE feed = ?1 AND seq = ?2 ORDER BY id LIMIT 1"));
  get.bind(1, feed).bind(2, static_cast<std::int64_t>(seq));
  return one(get);
}

Result<std::uint64_t> Log::stored_up_to(std::int64_t feed, std::uint64_t seq) {
  MAILLON_TRY(auto get, db_.prepare("SELECT count(*) FROM log WHERE feed = ?1 AND seq <= ?2"));
  MAILLON_TRY(const bool row, get.bind(1, feed).bind(2, static_cast<std::int64_t>(seq)).step());
  return row ? static_cast<std::uint64_t>(get.integer(0)) : 0;
}

Result<std::int64_t> Log::last_id() { return db_.integer("SELECT max(id) FROM log"); }

Result<std::vector<std::int64_t>> Log::held_until(Hlc until) {
  const auto limit = be64(until.packed);
  MAILLON_TRY(auto get,
              db_.prepare("SELECT id FROM log INDEXED BY log_held"
                          " WHERE status = 1 AND hlc <= ?1 ORDER BY id"));
  get.bind(1, ByteView{limit});
  std::vector<std::int64_t> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.push_back(get.integer(0));
  }
}

Result<std::optional<Digest>> Log::held_hash(std::int64_t space) {
  MAILLON_TRY(auto get, db_.prepare("SELECT l.cid FROM log l INDEXED BY log_held"
                                    " CROSS JOIN feed f ON f.id = l.feed"
                                    " WHERE l.status = 1 AND l.void = 0 AND f.space = ?1"
                                    " ORDER BY l.cid"));
  get.bind(1, space);
  crypto::Hasher hasher;
  hasher.update("maillon/held/v1");
  for (bool any = false;; any = true) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return any ? std::optional{hasher.finish()} : std::optional<Digest>{};
    hasher.update(get.blob(0));
  }
}

Result<std::optional<Hlc>> Log::first_held() {
  MAILLON_TRY(auto get, db_.prepare("SELECT min(hlc) FROM log WHERE status = 1"));
  MAILLON_TRY(const bool found, get.step());
  if (!found || get.is_null(0)) return std::optional<Hlc>{};
  return std::optional{Hlc{from_be64(get.blob(0))}};
}

Result<std::vector<LogEntry>> Log::stranded(const MemberId& member, Hlc latest) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT l.id, l.cid, l.feed, l.seq, l.hlc, l.status, l.void FROM log l"
                          " JOIN feed f ON f.id = l.feed"
                          " WHERE (l.status != 0 OR l.hlc > ?2 OR l.void = 1)"
                          " AND f.member = ?1 ORDER BY l.id"));
  const auto limit = be64(latest.packed);
  get.bind(1, member.bytes()).bind(2, ByteView{limit});
  std::vector<LogEntry> out;
  for (;;) {
    MAILLON_TRY(const auto entry, one(get));
    if (!entry) return out;
    out.push_back(*entry);
  }
}

Result<void> Log::add_reissue(const CommitId& old, std::int64_t log_id) {
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO reissue(old, log) VALUES(?1, ?2)"));
  return put.bind(1, old.bytes()).bind(2, log_id).run();
}

Result<std::vector<std::int64_t>> Log::reissues_of(const CommitId& old) {
  MAILLON_TRY(auto get, db_.prepare("SELECT log FROM reissue WHERE old = ?1 ORDER BY log"));
  get.bind(1, old.bytes());
  std::vector<std::int64_t> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.push_back(get.integer(0));
  }
}

Result<bool> Log::replaces(const Header& fresh, const LogEntry& old) {
  MAILLON_TRY(const FeedRow feed, feed_by_id(old.feed));
  return feed.member == fresh.member && feed.key.space == fresh.space;
}

Result<void> Log::walk(Statement& rows, const std::function<Result<bool>(const LogEntry&)>& each) {
  for (;;) {
    MAILLON_TRY(const auto entry, one(rows));
    if (!entry) return {};
    MAILLON_TRY(const bool more, each(*entry));
    if (!more) return {};
  }
}

Result<void> Log::scan(std::int64_t space, std::int64_t after,
                       const std::function<Result<bool>(const LogEntry&)>& each) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT l.id, l.cid, l.feed, l.seq, l.hlc, l.status, l.void FROM log l"
                          " CROSS JOIN feed f ON f.id = l.feed"
                          " WHERE l.id > ?2 AND l.status != 2 AND f.space = ?1 ORDER BY l.id"));
  get.bind(1, space).bind(2, after);
  return walk(get, each);
}

Result<void> Log::scan_all(std::int64_t space,
                           const std::function<Result<bool>(const LogEntry&)>& each) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT l.id, l.cid, l.feed, l.seq, l.hlc, l.status, l.void FROM log l"
                          " CROSS JOIN feed f ON f.id = l.feed"
                          " WHERE l.id > 0 AND f.space = ?1 ORDER BY l.id"));
  get.bind(1, space);
  return walk(get, each);
}

Result<void> Log::set_ends(std::int64_t space, std::span<const std::int64_t> tips,
                           std::span<const std::int64_t> heads) {
  const auto replace = [&](const char* drop_all, const char* add,
                           std::span<const std::int64_t> ends) -> Result<void> {
    MAILLON_TRY(auto drop, db_.prepare(drop_all));
    MAILLON_CHECK(drop.bind(1, space).run());
    MAILLON_TRY(auto put, db_.prepare(add));
    for (const std::int64_t id : ends) MAILLON_CHECK(put.bind(1, id).bind(2, space).run());
    return {};
  };
  MAILLON_CHECK(replace("DELETE FROM tip WHERE space = ?1",
                        "INSERT INTO tip(log, space) VALUES(?1, ?2)", tips));
  return replace("DELETE FROM head WHERE space = ?1",
                 "INSERT INTO head(log, space) VALUES(?1, ?2)", heads);
}

Result<void> Log::drop_reissue(std::int64_t log_id) {
  MAILLON_TRY(const Bytes raw, header_of(log_id));
  MAILLON_TRY(const Header header, decode_header(raw));
  if (!header.reissues) return {};
  MAILLON_TRY(auto drop, db_.prepare("DELETE FROM reissue WHERE old = ?1 AND log = ?2"));
  return drop.bind(1, header.reissues->bytes()).bind(2, log_id).run();
}

Result<std::vector<std::pair<std::int64_t, SpaceId>>> Log::spaces() {
  MAILLON_TRY(auto get, db_.prepare("SELECT id, sid FROM space ORDER BY id"));
  std::vector<std::pair<std::int64_t, SpaceId>> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const SpaceId id, SpaceId::from_bytes(get.blob(1)));
    out.emplace_back(get.integer(0), id);
  }
}

}  // namespace maillon::storage
