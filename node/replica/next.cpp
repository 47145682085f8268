#include "node/replica/next.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "node/replica/marker.hpp"
#include "proto/fault.hpp"

namespace maillon::replica {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDatabase = "maillon.db";
constexpr const char* kNext = "maillon.next.db";
constexpr const char* kKey = "node.key";
constexpr std::array<const char*, 6> kIdentity{"member", "certificate", "name",
                                               "role",   "region",      "setting.urls"};

Error failed_at(const fs::path& path, const std::error_code& why) {
  return Error{Errc::io, "cannot move the data to " + path.string() + ": " + why.message(),
               "impossible de déplacer les données vers " + path.string() + " : " + why.message(),
               "nothing is lost; see to the disk, then run it again",
               "rien n’est perdu ; voyez le disque, puis relancez"};
}

Result<void> sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const std::error_code why{errno, std::generic_category()};
  if (fd >= 0) ::close(fd);
  return done ? Result<void>{} : failed_at(path, why);
}

Result<void> move_file(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  if (failed) return failed_at(to, failed);
  MAILLON_CHECK(sync_path(from.parent_path()));
  return sync_path(to.parent_path());
}

Result<void> copy_identity(storage::Store& from, storage::Store& to) {
  for (const char* key : kIdentity) {
    MAILLON_TRY(const auto value, from.meta(key));
    if (value) MAILLON_CHECK(to.set_meta(key, *value));
  }
  return {};
}

Result<void> copy_dials(storage::Database& from, storage::Database& to) {
  MAILLON_TRY(auto get, from.prepare("SELECT url, node FROM dial"));
  for (;;) {
    MAILLON_TRY(const bool more, get.step());
    if (!more) return {};
    MAILLON_TRY(auto put, to.prepare("INSERT INTO dial(url, node) VALUES(?1, ?2)"));
    put.bind(1, get.text(0));
    if (get.is_null(1))
      put.bind_null(2);
    else
      put.bind(2, get.blob(1));
    MAILLON_CHECK(put.run());
  }
}

}  // namespace

fs::path former_folder(const fs::path& dir, const FederationId& former) {
  return dir / ("before-" + former.hex().substr(0, 12));
}

Result<std::unique_ptr<storage::Store>> make_next(Replica& replica, std::uint64_t incarnation) {
  const fs::path path = replica.dir() / kNext;
  std::error_code none;
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(path.string() + end, none);
  storage::StoreOptions options;
  options.path = path;
  MAILLON_TRY(auto next, storage::Store::open(options));
  MAILLON_CHECK(next->begin());
  const auto copy = [&](storage::Store& store) -> Result<void> {
    MAILLON_CHECK(copy_identity(store, *next));
    return copy_dials(store.database(), next->database());
  };
  const auto copied = replica.writer().run_void(copy);
  if (copied.has_error()) return copied.error();
  MAILLON_CHECK(save_incarnation(*next, replica.dir(), incarnation));
  MAILLON_CHECK(next->commit());
  return next;
}

namespace {

Result<void> take_locked(const fs::path& dir, const FederationId& former) {
  const fs::path beside = former_folder(dir, former);
  std::error_code failed;
  fs::create_directories(beside, failed);
  if (!failed) fs::permissions(beside, fs::perms::owner_all, failed);
  if (!failed)
    fs::copy_file(dir / kKey, beside / kKey, fs::copy_options::overwrite_existing, failed);
  if (!failed && fs::exists(beside / kDatabase))
    failed = std::make_error_code(std::errc::file_exists);
  if (failed) return failed_at(beside, failed);
  // What a log beside it still holds would stay behind.
  const fs::path log = (dir / kDatabase).string() + "-wal";
  std::error_code none;
  if (const auto size = fs::file_size(log, none); !none && size > 0)
    return failed_at(beside, std::make_error_code(std::errc::device_or_resource_busy));
  MAILLON_CHECK(sync_path(beside / kKey));
  MAILLON_CHECK(move_file(dir / kDatabase, beside / kDatabase));
  if (MAILLON_FAULT("killed_between_databases")) ::raise(SIGKILL);
  return finish_take(dir);
}

}  // namespace

Result<void> take_next(const fs::path& dir, const FederationId& former) {
  MAILLON_TRY(const int lock, lock_folder(dir));
  const auto taken = take_locked(dir, former);
  ::close(lock);
  return taken;
}

Result<void> finish_take(const fs::path& dir) {
  if (fs::exists(dir / kDatabase) || !fs::exists(dir / kNext)) return {};
  return move_file(dir / kNext, dir / kDatabase);
}

}  // namespace maillon::replica
