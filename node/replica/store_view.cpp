#include "node/replica/store_view.hpp"

namespace maillon::replica {

using storage::LogEntry;
using sync::Place;

namespace {

std::array<std::uint8_t, 8> be64(std::uint64_t value) {
  std::array<std::uint8_t, 8> out{};
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return out;
}

}  // namespace

StoreView::StoreView(storage::Database& db, TrustSource trust, const MemberId& self)
    : db_(db), log_(db), trust_(std::move(trust)), self_(self) {}

template <class T>
T StoreView::value_or(Result<T> result, T otherwise) {
  if (result.has_value()) return *std::move(result);
  if (!error_) error_ = std::move(result).error();
  return otherwise;
}

std::optional<SpaceId> StoreView::annuaire() {
  const auto trust = trust_();
  if (trust->federation()) return trust->annuaire();
  return annuaire_;
}

std::vector<SpaceId> StoreView::shared_with(const MemberId& peer) {
  auto trust = trust_();
  if (trust != judged_) {
    shared_.clear();
    judged_ = trust;
  }
  const auto [known, fresh] = shared_.try_emplace(peer);
  std::vector<SpaceId>& out = known->second;
  if (!fresh) return out;
  for (const auto& [id, space] : trust->spaces())
    if (id != trust->annuaire() && trust->may_read(self_, id) && trust->may_read(peer, id) &&
        !unwanted_.contains(id))
      out.push_back(id);
  return out;
}

std::vector<SpaceId> StoreView::unwanted() {
  std::vector<SpaceId> out;
  const auto trust = trust_();
  for (const auto& [id, space] : trust->spaces())
    if (id != trust->annuaire() && trust->may_read(self_, id) && unwanted_.contains(id))
      out.push_back(id);
  return out;
}

Digest StoreView::frontier(const SpaceId& space) {
  if (const auto known = frontiers_.find(space); known != frontiers_.end()) return known->second;
  (void)last_log();
  const Digest digest = storage::frontier_hash(tips(space, 0));
  frontiers_.emplace(space, digest);
  return digest;
}

std::optional<Digest> StoreView::held(const SpaceId& space) {
  const auto row = value_or(log_.find_space(space), std::optional<std::int64_t>{});
  return row ? value_or(log_.held_hash(*row), std::optional<Digest>{}) : std::nullopt;
}

std::vector<Tip> StoreView::tips(const SpaceId& space, std::int64_t after) {
  const auto row = value_or(log_.find_space(space), std::optional<std::int64_t>{});
  return row ? value_or(log_.tips(*row, after), std::vector<Tip>{}) : std::vector<Tip>{};
}

std::int64_t StoreView::last_log() {
  // Not younger than any cached frontier: what came since is not part of it.
  if (!last_log_) last_log_ = value_or(log_.last_id(), std::int64_t{0});
  return *last_log_;
}

Result<FeedKey> StoreView::feed_key(std::int64_t feed) {
  if (const auto known = feeds_.find(feed); known != feeds_.end()) return known->second;
  MAILLON_TRY(const auto row, log_.feed_by_id(feed));
  feeds_.emplace(feed, row.key);
  return row.key;
}

Result<std::optional<Place>> StoreView::find_place(const CommitId& id) {
  MAILLON_TRY(const auto entry, log_.find(id));
  if (!entry || entry->status == storage::CommitStatus::aside) return std::optional<Place>{};
  MAILLON_TRY(const FeedKey key, feed_key(entry->feed));
  return std::optional{Place{entry->id, key, entry->seq, entry->cid}};
}

std::optional<Place> StoreView::place(const CommitId& id) {
  return value_or(find_place(id), std::optional<Place>{});
}

Result<std::vector<Place>> StoreView::feed_from(const FeedKey& key, std::uint64_t seq, int limit) {
  MAILLON_TRY(auto get,
              db_.prepare("SELECT l.id, l.seq, l.cid FROM log l JOIN feed f ON f.id = l.feed"
                          " JOIN space s ON s.id = f.space"
                          " WHERE s.sid = ?1 AND f.node = ?2 AND f.incarnation = ?3 AND l.seq >= ?4"
                          " AND l.status != 2"
                          " ORDER BY l.seq, l.id LIMIT ?5"));
  const auto incarnation = be64(key.incarnation);
  get.bind(1, key.space.bytes())
      .bind(2, key.node.bytes())
      .bind(3, ByteView{incarnation})
      .bind(4, static_cast<std::int64_t>(seq))
      .bind(5, std::int64_t{limit});
  std::vector<Place> out;
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return out;
    MAILLON_TRY(const CommitId id, CommitId::from_bytes(get.blob(2)));
    out.push_back({get.integer(0), key, static_cast<std::uint64_t>(get.integer(1)), id});
  }
}

std::optional<Place> StoreView::first_from(const FeedKey& feed, std::uint64_t seq) {
  const auto found = value_or(feed_from(feed, seq, 1), std::vector<Place>{});
  return found.empty() ? std::nullopt : std::optional{found.front()};
}

std::optional<Place> StoreView::before(const Place& at) {
  const auto read = [&]() -> Result<std::optional<Place>> {
    MAILLON_TRY(const Bytes raw, log_.header_of(at.log));
    MAILLON_TRY(const Header header, decode_header(raw));
    if (!header.previous) return std::optional<Place>{};
    return find_place(*header.previous);
  };
  return value_or(read(), std::optional<Place>{});
}

std::vector<Place> StoreView::feed(const FeedKey& key) {
  return value_or(feed_from(key, 1, -1), std::vector<Place>{});
}

void StoreView::scan(const SpaceId& space, std::int64_t after,
                     const std::function<bool(const Place&)>& each) {
  const auto walk = [&]() -> Result<bool> {
    MAILLON_TRY(const auto row, log_.find_space(space));
    if (!row) return true;
    MAILLON_CHECK(log_.scan(*row, after, [&](const LogEntry& entry) -> Result<bool> {
      MAILLON_TRY(const FeedKey key, feed_key(entry.feed));
      return each({entry.id, key, entry.seq, entry.cid});
    }));
    return true;
  };
  (void)value_or(walk(), false);
}

SignedCommit StoreView::bytes(const Place& at) {
  return value_or(log_.bytes_of(at.log), SignedCommit{});
}

std::optional<sync::SyncStore::Agreed> StoreView::agreed(const NodeId& peer, const SpaceId& space) {
  const auto read = [&]() -> Result<std::optional<Agreed>> {
    MAILLON_TRY(auto get, db_.prepare("SELECT a.frontier, a.log FROM agreed a"
                                      " JOIN space s ON s.id = a.space"
                                      " WHERE a.peer = ?1 AND s.sid = ?2"));
    MAILLON_TRY(const bool found, get.bind(1, peer.bytes()).bind(2, space.bytes()).step());
    if (!found) return std::optional<Agreed>{};
    MAILLON_TRY(const Digest digest, Digest::from_bytes(get.blob(0)));
    return std::optional{Agreed{digest, get.integer(1)}};
  };
  return value_or(read(), std::optional<Agreed>{});
}

Result<void> remember_agreed(storage::Store& store, const sync::Remember& what) {
  MAILLON_TRY(const std::int64_t space, store.log().space_row(what.space));
  MAILLON_TRY(auto put, store.database().prepare(
                            "INSERT INTO agreed(peer, space, frontier, log) VALUES(?1,?2,?3,?4)"
                            " ON CONFLICT(peer, space) DO UPDATE SET frontier = excluded.frontier,"
                            " log = excluded.log"));
  return put.bind(1, what.peer.bytes())
      .bind(2, space)
      .bind(3, what.agreed.frontier.bytes())
      .bind(4, what.agreed.log)
      .run();
}

}  // namespace maillon::replica
