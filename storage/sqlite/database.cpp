#include "storage/sqlite/database.hpp"

#include <cctype>
#include <cerrno>

#include "proto/fault.hpp"
#include "proto/no_room.hpp"

namespace maillon::storage {

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_), raw_(std::exchange(other.raw_, nullptr)), bind_error_(other.bind_error_) {}

Statement::~Statement() {
  if (raw_ != nullptr) {
    sqlite3_reset(raw_);
    sqlite3_clear_bindings(raw_);
  }
}

Statement& Statement::bind(int at, std::int64_t value) {
  if (const int rc = sqlite3_bind_int64(raw_, at, value); rc != SQLITE_OK) bind_error_ = rc;
  return *this;
}

Statement& Statement::bind(int at, ByteView blob) {
  // A null pointer would bind NULL; an empty blob is a value.
  static constexpr std::uint8_t kNothing = 0;
  const void* data = blob.empty() ? &kNothing : blob.data();
  const int rc = sqlite3_bind_blob64(raw_, at, data, blob.size(), SQLITE_STATIC);
  if (rc != SQLITE_OK) bind_error_ = rc;
  return *this;
}

Statement& Statement::bind(int at, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  const int rc = sqlite3_bind_text64(raw_, at, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (rc != SQLITE_OK) bind_error_ = rc;
  return *this;
}

Statement& Statement::bind_null(int at) {
  if (const int rc = sqlite3_bind_null(raw_, at); rc != SQLITE_OK) bind_error_ = rc;
  return *this;
}

Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) return db_->error("bind");
  const int rc = sqlite3_step(raw_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return db_->error(sqlite3_sql(raw_));
}

Result<void> Statement::run() {
  MAILLON_CHECK(step());
  reset();
  return {};
}

void Statement::reset() noexcept { sqlite3_reset(raw_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(raw_, column); }
bool Statement::is_null(int column) const {
  return sqlite3_column_type(raw_, column) == SQLITE_NULL;
}
ByteView Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(raw_, column));
  return {data, data == nullptr ? 0u : static_cast<std::size_t>(sqlite3_column_bytes(raw_, column))};
}
std::string_view Statement::text(int column) const { return as_text(blob(column)); }

namespace {

/// The name as a URI: what is special in one is escaped.
std::string immutable_uri(const std::filesystem::path& path) {
  std::string out = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view{"/-_.~"}.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      constexpr const char* kHex = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out + "?immutable=1";
}

}  // namespace

Result<Database> Database::open(const std::filesystem::path& path, const DatabaseOptions& options) {
  sqlite3* raw = nullptr;
  int flags = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (options.create) flags |= SQLITE_OPEN_CREATE;
  if (options.immutable) flags |= SQLITE_OPEN_URI;
  const std::string name = options.immutable ? immutable_uri(path) : path.string();
  const int rc = sqlite3_open_v2(
      name.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, options.vfs);
  Database db{raw};
  if (rc != SQLITE_OK) return db.error("open " + path.string());
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 5000);
  if (options.exclusive) MAILLON_CHECK(db.execute("PRAGMA locking_mode=EXCLUSIVE"));
  // Before a byte is written: choosing a journal writes to the file.
  if (!options.read_only) MAILLON_CHECK(refuse_foreign(db));
  if (!options.read_only) {
    // What pruning frees goes back to the disk; only an empty file can choose that.
    MAILLON_TRY(const std::int64_t pages, db.integer("PRAGMA page_count"));
    if (pages == 0) MAILLON_CHECK(db.execute("PRAGMA auto_vacuum=INCREMENTAL"));
  }
  if (!options.read_only)
    // EXTRA also syncs the folder once the journal of the first steps is gone: come back after a
    // power cut, it would undo the whole file.
    MAILLON_CHECK(db.execute("PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL;"
                             "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864"));
  if (!options.read_only && MAILLON_FAULT("ack_before_fsync"))
    MAILLON_CHECK(db.execute("PRAGMA synchronous=OFF"));
  MAILLON_CHECK(db.execute("PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                           "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON"));
  const std::string cache = "PRAGMA cache_size=-" + std::to_string(options.cache_kib);
  MAILLON_CHECK(db.execute(cache.c_str()));
  return db;
}

Database::Database(Database&& other) noexcept
    : raw_(std::exchange(other.raw_, nullptr)), statements_(std::move(other.statements_)) {}

Database& Database::operator=(Database&& other) noexcept {
  close();
  raw_ = std::exchange(other.raw_, nullptr);
  statements_ = std::move(other.statements_);
  return *this;
}

Database::~Database() { close(); }

void Database::close() noexcept {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
  if (raw_ != nullptr) sqlite3_close_v2(raw_);
  raw_ = nullptr;
}

Result<void> Database::execute(const char* sql) {
  if (sqlite3_exec(raw_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error(sql);
  return {};
}

Result<Statement> Database::prepare(const char* sql) {
  auto& cached = statements_[static_cast<const void*>(sql)];
  if (cached == nullptr) {
    if (sqlite3_prepare_v3(raw_, sql, -1, SQLITE_PREPARE_PERSISTENT, &cached, nullptr) != SQLITE_OK)
      return error(sql);
  } else if (sqlite3_stmt_busy(cached) != 0) {
    return Error{Errc::io, std::string{"statement already in use: "} + sql};
  }
  return Statement{*this, cached};
}

Result<void> Database::check_pages() {
  MAILLON_TRY(auto check, prepare("PRAGMA integrity_check(1)"));
  MAILLON_TRY(const bool told, check.step());
  const std::string found{told ? check.text(0) : "nothing"};
  if (found == "ok") return {};
  return Error{Errc::integrity, "the database is damaged: " + found,
               "la base de données est abîmée : " + found,
               "restore a backup, or start afresh and let the peers send everything again",
               "restaurez une sauvegarde, ou repartez d’un dossier neuf : les pairs renverront tout"};
}

Result<std::int64_t> Database::integer(const char* sql) {
  MAILLON_TRY(auto statement, prepare(sql));
  MAILLON_TRY(const bool found, statement.step());
  return found ? statement.integer(0) : std::int64_t{0};
}

std::int64_t Database::changes() const noexcept { return sqlite3_changes64(raw_); }
std::int64_t Database::last_rowid() const noexcept { return sqlite3_last_insert_rowid(raw_); }
bool Database::in_transaction() const noexcept { return sqlite3_get_autocommit(raw_) == 0; }

Error Database::error(std::string_view doing) const {
  const int last = errno;
  const int rc = sqlite3_extended_errcode(raw_);
  const char* name = sqlite3_db_filename(raw_, "main");
  const std::filesystem::path file{name == nullptr ? "" : name};
  const std::string folder = file.parent_path().string();
  const bool wrote = rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_SHMSIZE;
  // Of a COMMIT that fails, SQLite does not keep why; but nothing failed since.
  const int system = wrote ? last : sqlite3_system_errno(raw_);
  if (wrote && system == EFBIG)
    return Error{Errc::full, "the system lets no file in " + folder + " grow further",
                 "le système ne laisse plus grandir les fichiers de " + folder,
                 "raise the limit on the size of files (`ulimit -f`), then try again; no change "
                 "is half written",
                 "relevez la limite de taille des fichiers (« ulimit -f ») puis recommencez ; "
                 "aucune modification n’est écrite à moitié"};
  const bool no_room =
      (rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE ||
      (((rc & 0xff) == SQLITE_CANTOPEN || wrote) && is_no_room(system)) ||
      // Opened so because there was no room to open it otherwise.
      ((rc & 0xff) == SQLITE_READONLY && sqlite3_uri_boolean(name, "immutable", 0) != 0);
  if (no_room)
    return Error{Errc::full, "the disk is full: no room left in " + folder,
                 "le disque est plein : plus de place dans " + folder,
                 "free some space, then try again; no change is half written",
                 "libérez de la place puis recommencez ; aucune modification n’est écrite à moitié"};
  const std::string words = (file.empty() ? std::string{doing} : file.string()) + ": " +
                            sqlite3_errmsg(raw_) + " (SQLite " + std::to_string(rc) + ")";
  switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error{Errc::busy, "the database is busy: " + words, "la base est occupée : " + words,
                   "try again in a moment", "recommencez dans un instant"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error{
          Errc::integrity, "the database is damaged: " + words, "la base est abîmée : " + words,
          "restore a backup, or start afresh and let the peers send everything again",
          "restaurez une sauvegarde, ou repartez d’un dossier neuf : les pairs renverront tout"};
    default:
      return Error{Errc::io, "the database cannot be used: " + words,
                   "la base est inutilisable : " + words, "check the disk and who owns the file",
                   "vérifiez le disque et le propriétaire du fichier"};
  }
}

Result<Transaction> Transaction::begin(Database& db) {
  MAILLON_CHECK(db.execute("BEGIN IMMEDIATE"));
  return Transaction{db};
}

Transaction::~Transaction() {
  // A failed statement may already have rolled back by itself.
  if (db_ != nullptr && db_->in_transaction()) {
    if (!db_->execute("ROLLBACK").has_value())
      MAILLON_ASSERT(!db_->in_transaction(), "a transaction can be rolled back");
  }
}

Result<void> Transaction::commit() {
  MAILLON_CHECK(db_->execute("COMMIT"));
  db_ = nullptr;
  return {};
}

}  // namespace maillon::storage
