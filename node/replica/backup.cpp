#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "node/replica/making.hpp"
#include "node/replica/marker.hpp"
#include "node/replica/replica.hpp"
#include "proto/no_room.hpp"

namespace maillon::replica {

namespace fs = std::filesystem;

namespace {

constexpr int kPagesAStep = 256;

Result<Bytes> whole_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return Error{Errc::io, "cannot read " + path.string()};
  return Bytes{std::istreambuf_iterator<char>{in}, {}};
}

Result<void> sync_file(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool ok = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!ok) return Error{Errc::io, "cannot make " + path.string() + " durable"};
  return {};
}

Result<void> copy_database(storage::Database& from, storage::Database& to,
                           const std::function<void(int)>& progress) {
  sqlite3_backup* copy = sqlite3_backup_init(to.raw(), "main", from.raw(), "main");
  if (copy == nullptr) return to.error("backup");
  int rc = SQLITE_OK;
  do {
    rc = sqlite3_backup_step(copy, kPagesAStep);
    const int all = sqlite3_backup_pagecount(copy);
    if (progress && all > 0) progress(100 - sqlite3_backup_remaining(copy) * 100 / all);
  } while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED);
  if (sqlite3_backup_finish(copy) != SQLITE_OK || rc != SQLITE_DONE) return to.error("backup");
  return {};
}

}  // namespace

Result<void> backup(Replica& replica, const fs::path& file,
                    const std::function<void(int percent)>& progress) {
  if (fs::exists(file))
    return Error{Errc::refused, file.string() + " exists already",
                 file.string() + " existe déjà", "give another name", "donnez un autre nom"};
  const fs::path partial = file.string() + ".partial";
  std::error_code ignored;
  fs::remove(partial, ignored);
  const int fd = ::open(partial.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return Error{Errc::io, "cannot write " + partial.string(),
                 "impossible d’écrire " + partial.string(), "choose another place",
                 "choisissez un autre emplacement"};
  ::close(fd);
  const auto copy = [&]() -> Result<void> {
    const auto key_stays = replica.hold_key();
    // One snapshot for the whole copy: a writer in between would make it start over for ever.
    MAILLON_TRY(auto from, replica.open_reader());
    MAILLON_CHECK(from.execute("BEGIN"));
    MAILLON_TRY(const std::int64_t tables, from.integer("SELECT count(*) FROM sqlite_schema"));
    MAILLON_ASSERT(tables > 0, "an open replica has tables");
    storage::DatabaseOptions how;
    how.create = true;
    MAILLON_TRY(auto to, storage::Database::open(partial, how));
    MAILLON_CHECK(copy_database(from, to, progress));
    MAILLON_TRY(const Bytes key, whole_file(replica.dir() / "node.key"));
    MAILLON_TRY(auto put, to.prepare("INSERT INTO meta(key, value) VALUES('backup.key', ?1)"));
    MAILLON_CHECK(put.bind(1, ByteView{key}).run());
    return to.execute("PRAGMA journal_mode=DELETE");
  };
  auto done = copy();
  if (done.has_value()) done = sync_file(partial);
  if (done.has_error()) {
    fs::remove(partial, ignored);
    return done;
  }
  fs::rename(partial, file);
  return {};
}

namespace {

Error unusable(const fs::path& file, const fs::path& dir, const Error& why) {
  if (why.code == Errc::full)
    return Error{Errc::full, "the disk is full: no room left in " + dir.string(),
                 "le disque est plein : plus de place dans " + dir.string(),
                 "the backup is as good as before: free some space, or name another --data",
                 "la sauvegarde est intacte : libérez de la place, ou indiquez un autre --data"};
  if (why.code == Errc::newer_version)
    return Error{Errc::newer_version, file.string() + " was made by a newer version of Maillon",
                 file.string() + " vient d’une version plus récente de Maillon",
                 "the backup is fine: upgrade Maillon, then restore it",
                 "la sauvegarde est bonne : mettez Maillon à jour, puis restaurez-la"};
  return Error{why.code, file.string() + " is no usable backup: " + why.detail,
               file.string() + " n’est pas une sauvegarde utilisable",
               "use a file that `maillon backup` made",
               "utilisez un fichier créé par « maillon backup »"};
}

Result<void> write_key(const fs::path& path, ByteView key) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = fd >= 0 &&
                       ::write(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size()) &&
                       ::fsync(fd) == 0;
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (written) return {};
  return Error{is_no_room(why) ? Errc::full : Errc::io, "cannot write the node key"};
}

/// As another life of the node, whose key is taken out of the database again.
Result<Identity> restore_into(const fs::path& dir, const fs::path& file, Rng& rng) {
  const HalfMade half = begin_making(dir);
  std::error_code failed;
  fs::copy_file(file, half.database, failed);
  if (!failed)
    fs::permissions(half.database, fs::perms::owner_read | fs::perms::owner_write, failed);
  if (failed) return Error{is_no_room(failed.value()) ? Errc::full : Errc::io, failed.message()};
  killed_at("killed_with_half_a_database");
  Identity who;
  who.incarnation = rng.u64();
  Bytes key;
  {
    storage::StoreOptions options;
    options.path = half.database;
    MAILLON_TRY(auto store, storage::Store::open(options));
    MAILLON_CHECK(store->database().check_pages());
    MAILLON_TRY(auto kept, store->meta("backup.key"));
    if (!kept) return Error{Errc::malformed, "it holds no node key"};
    key = *std::move(kept);
    MAILLON_TRY(const auto member, store->meta("member"));
    if (!member) return Error{Errc::malformed, "it holds no member"};
    MAILLON_TRY(who.member, MemberId::from_bytes(*member));
    // All that `status` reads can be read.
    MAILLON_TRY(const auto spaces, store->log().spaces());
    for (const auto& [row, space] : spaces) {
      MAILLON_TRY(const Digest digest, store->records().digest(row));
      (void)digest;
    }
    MAILLON_CHECK(store->begin());
    MAILLON_CHECK(store->database().execute("DELETE FROM meta WHERE key = 'backup.key'"));
    MAILLON_CHECK(save_incarnation(*store, dir, who.incarnation));
    MAILLON_CHECK(store->commit());
  }
  MAILLON_CHECK(sync_file(half.database));
  killed_at("killed_before_the_key");
  MAILLON_CHECK(write_key(half.key, key));
  MAILLON_CHECK(end_making(dir));
  return who;
}

/// Locked, so that nothing else is made there meanwhile.
Result<Identity> restore_alone(const fs::path& dir, const fs::path& file, Rng& rng) {
  MAILLON_TRY(const int lock, lock_folder(dir));
  auto made = restore_into(dir, file, rng);
  ::close(lock);
  if (made.has_error()) {
    forget_making(dir);
    return unusable(file, dir, made.error());
  }
  return made;
}

}  // namespace

Result<Identity> restore(const fs::path& file, const fs::path& dir, Rng& rng) {
  if (!fs::exists(file))
    return Error{Errc::not_found, "there is no file " + file.string(),
                 "il n’y a pas de fichier " + file.string(), "check the name", "vérifiez le nom"};
  MAILLON_TRY(const bool known, has_node(dir));
  if (known)
    return Error{Errc::refused, "there is a node in " + dir.string() + " already",
                 "il y a déjà un nœud dans " + dir.string(),
                 "if a restore into it was cut short, it is whole now: `maillon status` shows it; "
                 "else restore into a new folder",
                 "si une restauration y a été interrompue, elle est complète maintenant : « maillon "
                 "status » le montre ; sinon, restaurez dans un nouveau dossier"};
  if (!may_be_made(dir))
    return Error{Errc::refused, dir.string() + " is not empty", dir.string() + " n’est pas vide",
                 "restore into a new folder", "restaurez dans un nouveau dossier"};
  MAILLON_CHECK(make_folder(dir));
  return restore_alone(dir, file, rng);
}

}  // namespace maillon::replica
