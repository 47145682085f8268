#include <array>

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/migrations.hpp"

namespace maillon::storage {
namespace {

/// "Mail" in ASCII: tells our files from any other application's.
constexpr std::int64_t kApplicationId = 0x4d61696c;

Result<void> apply(Database& db, int version, const char* sql) {
  MAILLON_TRY(auto tx, Transaction::begin(db));
  MAILLON_CHECK(db.execute(sql));
  MAILLON_TRY(auto broken, db.prepare("PRAGMA foreign_key_check"));
  MAILLON_TRY(const bool any, broken.step());
  if (any) return Error{Errc::integrity, "migration would leave rows that refer to nothing"};
  broken.reset();
  const std::string stamp = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                            "; PRAGMA user_version=" + std::to_string(version);
  MAILLON_CHECK(db.execute(stamp.c_str()));
  return tx.commit();
}

}  // namespace

int newest_schema() noexcept { return static_cast<int>(kMigrations.size()); }

Result<void> refuse_foreign(Database& db) {
  MAILLON_TRY(const std::int64_t version, db.integer("PRAGMA user_version"));
  MAILLON_TRY(const std::int64_t application, db.integer("PRAGMA application_id"));
  if (application == kApplicationId && version > newest_schema())
    return Error{Errc::newer_version, "the data folder was written by a newer version of Maillon",
                 "le dossier de données vient d’une version plus récente de Maillon",
                 "install that version or a later one; nothing was changed",
                 "installez cette version ou une plus récente ; rien n’a été modifié"};
  MAILLON_TRY(const std::int64_t tables, db.integer("SELECT count(*) FROM sqlite_schema"));
  const bool fresh = tables == 0 && application == 0 && version == 0;
  if (application != kApplicationId && !fresh)
    return Error{Errc::malformed, "this database belongs to another application",
                 "cette base appartient à une autre application",
                 "choose another folder with --data", "choisissez un autre dossier avec --data"};
  return {};
}

Result<void> migrate(Database& db) {
  MAILLON_CHECK(refuse_foreign(db));
  MAILLON_TRY(const std::int64_t version, db.integer("PRAGMA user_version"));
  for (auto next = static_cast<std::size_t>(version); next < kMigrations.size(); ++next)
    MAILLON_CHECK(apply(db, static_cast<int>(next) + 1, kMigrations[next]));
  return {};
}

}  // namespace maillon::storage
