#include "proto/fault.hpp"
#include "storage/store/opening.hpp"

namespace maillon::storage {

namespace {
constexpr std::string_view kFederationKey = "federation";
constexpr std::string_view kUnwantedKey = "unwanted";  ///< u8 all, then the ids of spaces
}

Store::Store(Database db) noexcept
    : db_(std::move(db)),
      log_(db_),
      names_(db_),
      records_(db_, log_, names_),
      trust_(std::make_shared<Trust>()),
      scratch_(std::make_unique<OpScratch>()) {
  records_.set_owner_rule([this](const MemberId& owner, const MemberId& author) {
    return trust_->may_change_of(owner, author);
  });
}

Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  DatabaseOptions how;
  how.create = !options.immutable;
  how.read_only = options.immutable;
  how.immutable = options.immutable;
  how.cache_kib = options.cache_kib;
  how.vfs = options.vfs;
  how.exclusive = options.exclusive;
  MAILLON_TRY(Database db, Database::open(options.path, how));
  MAILLON_CHECK(migrate(db));
  std::unique_ptr<Store> store{new Store{std::move(db)}};
  MAILLON_CHECK(store->load());
  return store;
}

Result<void> Store::load() {
  federation_.reset();
  MAILLON_TRY(const auto federation, meta(kFederationKey));
  if (federation) {
    MAILLON_TRY(federation_, FederationId::from_bytes(*federation));
  }
  MAILLON_CHECK(load_unwanted());
  return fold_trust();
}

Result<void> Store::load_unwanted() {
  unwanted_ = {};
  MAILLON_TRY(const auto raw, meta(kUnwantedKey));
  if (!raw) return {};
  ByteReader in{*raw};
  unwanted_.all = in.u8() != 0;
  while (!in.at_end()) {
    MAILLON_TRY(const SpaceId space, SpaceId::from_bytes(in.raw(SpaceId::kSize)));
    unwanted_.spaces.insert(space);
  }
  return {};
}

Result<void> Store::set_unwanted(Unwanted unwanted) {
  Bytes raw;
  ByteWriter w{raw};
  w.u8(unwanted.all ? 1 : 0);
  for (const SpaceId& space : unwanted.spaces) w.raw(space.bytes());
  MAILLON_CHECK(set_meta(kUnwantedKey, raw));
  unwanted_ = std::move(unwanted);
  return {};
}

bool Store::keeps(const SpaceId& space) const {
  if (!trust_->federation() || space == trust_->annuaire()) return true;
  if (unwanted_.contains(space)) return false;
  return !reader_ || trust_->space(space) == nullptr || trust_->may_read(*reader_, space);
}

Result<void> Store::fold_trust() {
  MAILLON_TRY(trust_, trust_until(Hlc{~std::uint64_t{0}}));
  return {};
}

Result<std::shared_ptr<const Trust>> Store::trust_until(Hlc latest) {
  auto trust = std::make_shared<Trust>();
  const auto genesis = federation_ ? *CommitId::from_bytes(federation_->bytes()) : CommitId::zero();
  MAILLON_TRY(const auto first, log_.find(genesis));
  if (!first) return trust;
  MAILLON_TRY(const FeedRow feed, log_.feed_by_id(first->feed));
  std::vector<std::pair<std::int64_t, bool>> entries;
  MAILLON_CHECK(log_.scan(feed.space, 0, [&](const LogEntry& entry) -> Result<bool> {
    if (entry.status == CommitStatus::applied && entry.hlc <= latest)
      entries.emplace_back(entry.id, entry.is_void);
    return true;
  }));
  for (const auto& [entry, is_void] : entries) {
    MAILLON_TRY(SignedCommit bytes, log_.bytes_of(entry));
    MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
    trust->add(*commit, is_void);
  }
  trust->settle();
  return trust;
}

Result<void> Store::begin() { return db_.execute("BEGIN IMMEDIATE"); }

Result<void> Store::commit() {
  MAILLON_CHECK(records_.flush());
  return db_.execute("COMMIT");
}

Result<void> Store::rollback() {
  if (db_.in_transaction()) MAILLON_CHECK(db_.execute("ROLLBACK"));
  names_.clear();
  records_.forget_cached();
  told_heads_.clear();
  settled_seen_.clear();
  pruning_.clear();
  came_back_ = false;
  return load();
}

Result<void> Store::set_federation(const FederationId& id) {
  if (federation_ && *federation_ != id)
    return Error{Errc::refused, "this folder already belongs to another federation",
                 "ce dossier appartient déjà à une autre fédération",
                 "use another folder with --data", "utilisez un autre dossier avec --data"};
  MAILLON_CHECK(set_meta(kFederationKey, id.bytes()));
  federation_ = id;
  return {};
}

Result<std::optional<Bytes>> Store::meta(std::string_view key) {
  MAILLON_TRY(auto get, db_.prepare("SELECT value FROM meta WHERE key = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, key).step());
  if (!found) return std::optional<Bytes>{};
  const ByteView value = get.blob(0);
  return std::optional{Bytes{value.begin(), value.end()}};
}

Result<void> Store::set_meta(std::string_view key, ByteView value) {
  MAILLON_TRY(auto put, db_.prepare("INSERT INTO meta(key, value) VALUES(?1, ?2)"
                                    " ON CONFLICT(key) DO UPDATE SET value = excluded.value"));
  return put.bind(1, key).bind(2, value).run();
}

}  // namespace maillon::storage
