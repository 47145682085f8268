#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/bytes.hpp"

namespace maillon::storage {

class Database;

/// A prepared statement borrowed from its database's cache; reset when it goes out of scope.
/// Binding errors and step errors come out of run() and step().
class Statement {
 public:
  Statement(Database& db, sqlite3_stmt* raw) noexcept : db_(&db), raw_(raw) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, ByteView blob);  ///< not copied: must outlive the last step
  Statement& bind(int at, std::string_view text);
  Statement& bind_null(int at);

  /// True while a row is there.
  Result<bool> step();
  /// For statements without rows; leaves the statement ready for new bindings.
  Result<void> run();
  void reset() noexcept;

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  /// Valid until the next step or reset.
  [[nodiscard]] ByteView blob(int column) const;
  [[nodiscard]] std::string_view text(int column) const;

 private:
  Database* db_;
  sqlite3_stmt* raw_;
  int bind_error_ = SQLITE_OK;
};

struct DatabaseOptions {
  bool read_only = false;
  bool create = false;
  int cache_kib = 2048;
  const char* vfs = nullptr;  ///< another VFS, for crash tests
  /// With read_only: nothing beside the file is made or looked at, so a full disk does not matter.
  /// Only while no other process writes and there is no WAL.
  bool immutable = false;
  bool exclusive = false;     ///< one connection only; the WAL index then needs no shared memory
};

/// One connection. Not thread-safe: it belongs to one thread at a time.
class Database {
 public:
  /// Errc::full when even reading needs room that the disk has not; Errc::io with SQLite's words;
  /// Errc::integrity when the file is no database. To write, also what refuse_foreign() says.
  [[nodiscard]] static Result<Database> open(const std::filesystem::path& path,
                                             const DatabaseOptions& options);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// Several statements without parameters.
  Result<void> execute(const char* sql);
  /// `sql` is a string literal: its address is the cache's key.
  [[nodiscard]] Result<Statement> prepare(const char* sql);
  /// Reads every page: Errc::integrity when one is not what SQLite wrote.
  Result<void> check_pages();
  [[nodiscard]] Result<std::int64_t> integer(const char* sql);

  [[nodiscard]] std::int64_t changes() const noexcept;
  [[nodiscard]] std::int64_t last_rowid() const noexcept;
  [[nodiscard]] bool in_transaction() const noexcept;
  [[nodiscard]] sqlite3* raw() noexcept { return raw_; }
  /// The last failure as an Error: Errc::full, ::busy, ::integrity or ::io.
  [[nodiscard]] Error error(std::string_view doing) const;

 private:
  explicit Database(sqlite3* raw) noexcept : raw_(raw) {}
  void close() noexcept;
  sqlite3* raw_ = nullptr;
  std::unordered_map<const void*, sqlite3_stmt*> statements_;
  friend class Statement;
};

/// BEGIN IMMEDIATE now; rolls back unless commit() succeeded.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Database& db);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& db) noexcept : db_(&db) {}
  Database* db_;
};

/// Errc::newer_version for a file of a later version, Errc::malformed for one of another
/// application; only reads.
Result<void> refuse_foreign(Database& db);
/// Brings a file to the newest schema in one transaction per step.
Result<void> migrate(Database& db);
/// The schema version that this build writes.
[[nodiscard]] int newest_schema() noexcept;

}  // namespace maillon::storage
