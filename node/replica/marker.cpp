#include "node/replica/marker.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "proto/fault.hpp"

namespace maillon::replica {
namespace {

/// "inode birth machine" of the marker file, made when it is not there.
Result<std::string> fingerprint(const std::filesystem::path& dir) {
  const auto file = dir / "marker";
  const int fd = ::open(file.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Error{Errc::io, "cannot make " + file.string()};
  struct statx stat {};
  const int rc = ::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stat);
  ::close(fd);
  if (rc != 0) return Error{Errc::io, "cannot look at " + file.string()};
  std::string machine;
  std::ifstream{"/etc/machine-id"} >> machine;
  return std::to_string(stat.stx_ino) + ' ' + std::to_string(stat.stx_btime.tv_sec) + '.' +
         std::to_string(stat.stx_btime.tv_nsec) + ' ' + machine;
}

}  // namespace

Result<void> save_incarnation(storage::Store& store, const std::filesystem::path& dir,
                              std::uint64_t incarnation) {
  MAILLON_TRY(const std::string marker, fingerprint(dir));
  MAILLON_CHECK(store.set_meta("marker", as_bytes(marker)));
  Bytes raw;
  ByteWriter{raw}.le64(incarnation);
  return store.set_meta("incarnation", raw);
}

Result<Life> current_incarnation(storage::Store& store, const std::filesystem::path& dir, Rng& rng) {
  MAILLON_TRY(const std::string marker, fingerprint(dir));
  MAILLON_TRY(const auto known, store.meta("marker"));
  MAILLON_TRY(const auto raw, store.meta("incarnation"));
  const bool same = known && as_text(*known) == marker;
  if (raw && (same || MAILLON_FAULT("incarnation_reused"))) {
    ByteReader in{*raw};
    return Life{in.le64(), false};
  }
  const std::uint64_t fresh = rng.u64();
  MAILLON_CHECK(save_incarnation(store, dir, fresh));
  return Life{fresh, true};
}

}  // namespace maillon::replica
