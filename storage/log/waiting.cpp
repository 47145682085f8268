#include <set>

#include "storage/log/row.hpp"

/// What is kept beside the log: commits that wait for others, those that are aside, and pairs that
/// prove something against a node.
namespace maillon::storage {

Result<bool> Log::is_pending(const CommitId& id) {
  MAILLON_TRY(auto get, db_.prepare("SELECT 1 FROM pending WHERE cid = ?1"));
  return get.bind(1, id.bytes()).step();
}

Result<std::size_t> Log::pending_bytes(const NodeId& node) {
  MAILLON_TRY(auto get, db_.prepare("SELECT coalesce(sum(length(body) + length(header)), 0)"
                                    " FROM pending WHERE node = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, node.bytes()).step());
  return found ? static_cast<std::size_t>(get.integer(0)) : 0;
}

Result<void> Log::add_pending(const Commit& commit, std::span<const CommitId> needs) {
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO pending(cid, space, node, header, signature, body)"
                                    " VALUES(?1,?2,?3,?4,?5,?6)"));
  MAILLON_CHECK(put.bind(1, commit.id.bytes())
                    .bind(2, commit.header.space.bytes())
                    .bind(3, commit.header.node.bytes())
                    .bind(4, ByteView{commit.bytes.header})
                    .bind(5, ByteView{commit.bytes.signature})
                    .bind(6, ByteView{commit.bytes.body})
                    .run());
  const std::int64_t id = db_.last_rowid();
  MAILLON_TRY(auto need, db_.prepare("INSERT INTO pending_need(need, pending) VALUES(?1, ?2)"
                                     " ON CONFLICT DO NOTHING"));
  for (const CommitId& what : needs) MAILLON_CHECK(need.bind(1, what.bytes()).bind(2, id).run());
  return {};
}

Result<std::vector<SignedCommit>> Log::take_ready(const CommitId& arrived) {
  std::vector<std::int64_t> waiting;
  {
    MAILLON_TRY(auto get, db_.prepare("SELECT pending FROM pending_need WHERE need = ?1"));
    get.bind(1, arrived.bytes());
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      waiting.push_back(get.integer(0));
    }
  }
  std::vector<SignedCommit> ready;
  if (waiting.empty()) return ready;
  MAILLON_TRY(auto drop, db_.prepare("DELETE FROM pending_need WHERE need = ?1"));
  MAILLON_CHECK(drop.bind(1, arrived.bytes()).run());
  MAILLON_TRY(auto get, db_.prepare("SELECT header, signature, body FROM pending p WHERE id = ?1"
                                    " AND NOT EXISTS(SELECT 1 FROM pending_need"
                                    " WHERE pending = p.id)"));
  MAILLON_TRY(auto remove, db_.prepare("DELETE FROM pending WHERE id = ?1"));
  for (const std::int64_t id : waiting) {
    MAILLON_TRY(const bool found, get.bind(1, id).step());
    if (found) ready.push_back(signed_from(get, 0));
    get.reset();
    if (found) MAILLON_CHECK(remove.bind(1, id).run());
  }
  return ready;
}

Result<std::int64_t> Log::pending_count(const SpaceId& space) {
  MAILLON_TRY(auto get, db_.prepare("SELECT count(*) FROM pending WHERE space = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, space.bytes()).step());
  return found ? get.integer(0) : std::int64_t{0};
}

Result<std::size_t> Log::aside_bytes(const NodeId& node) {
  MAILLON_TRY(auto get, db_.prepare("SELECT coalesce(sum(length(l.body) + length(l.header)), 0)"
                                    " FROM log l INDEXED BY log_aside"
                                    " CROSS JOIN feed f ON f.id = l.feed"
                                    " WHERE l.status = 2 AND f.node = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, node.bytes()).step());
  return found ? static_cast<std::size_t>(get.integer(0)) : 0;
}

Result<bool> Log::has_aside(std::int64_t space) {
  MAILLON_TRY(auto get, db_.prepare("SELECT 1 FROM log l INDEXED BY log_aside"
                                    " CROSS JOIN feed f ON f.id = l.feed"
                                    " WHERE l.status = 2 AND f.space = ?1 LIMIT 1"));
  return get.bind(1, space).step();
}

Result<bool> Log::awaited_by_other(const CommitId& id, const MemberId& own) {
  std::vector<CommitId> work{id};
  std::set<CommitId> seen;
  MAILLON_TRY(auto get, db_.prepare("SELECT p.cid, p.header FROM pending_need n"
                                    " CROSS JOIN pending p ON p.id = n.pending WHERE n.need = ?1"));
  while (!work.empty()) {
    const CommitId next = work.back();
    work.pop_back();
    if (!seen.insert(next).second) continue;
    get.bind(1, next.bytes());
    for (;;) {
      MAILLON_TRY(const bool more, get.step());
      if (!more) break;
      MAILLON_TRY(const CommitId waiting, CommitId::from_bytes(get.blob(0)));
      MAILLON_TRY(const Header header, decode_header(get.blob(1)));
      if (header.member != own) return true;
      work.push_back(waiting);
    }
    get.reset();
  }
  return false;
}

Result<void> Log::add_suspect(std::int64_t first, std::optional<std::int64_t> second) {
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO suspect(first, second) VALUES(?1, ?2)"
                                    " ON CONFLICT DO NOTHING"));
  put.bind(1, first);
  if (second)
    put.bind(2, *second);
  else
    put.bind_null(2);
  return put.run();
}

Result<std::vector<std::pair<std::int64_t, std::optional<std::int64_t>>>> Log::suspects() {
  MAILLON_TRY(auto get, db_.prepare("SELECT first, second FROM suspect ORDER BY first"));
  std::vector<std::pair<std::int64_t, std::optional<std::int64_t>>> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.emplace_back(get.integer(0),
                     get.is_null(1) ? std::nullopt : std::optional{get.integer(1)});
  }
}

Result<void> Log::clear_suspects() { return db_.execute("DELETE FROM suspect"); }

Result<std::size_t> Log::incarnations_of(const NodeId& node) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT count(DISTINCT incarnation) FROM feed INDEXED BY feed_node"
                          " WHERE node = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, node.bytes()).step());
  return found ? static_cast<std::size_t>(get.integer(0)) : 0;
}

Result<std::vector<std::int64_t>> Log::first_of_incarnations(const NodeId& node,
                                                             std::size_t limit) {
  MAILLON_TRY(auto get, db_.prepare("SELECT min(l.id) FROM feed f INDEXED BY feed_node"
                                    " CROSS JOIN log l ON l.feed = f.id WHERE f.node = ?1"
                                    " GROUP BY f.incarnation ORDER BY 1 LIMIT ?2"));
  get.bind(1, node.bytes()).bind(2, static_cast<std::int64_t>(limit));
  std::vector<std::int64_t> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    out.push_back(get.integer(0));
  }
}

}  // namespace maillon::storage
