#pragma once

#include <sqlite3.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "proto/bytes.hpp"
#include "proto/random.hpp"

/// A disk in memory under SQLite, which remembers what was not synced yet.
namespace maillon::storage {

/// What stood on a disk: files by path.
using DiskImage = std::map<std::string, Bytes>;

/// One node's disk, and the SQLite VFS of the same name: give name() to StoreOptions::vfs, with
/// `exclusive` set, since there is no shared memory. Deterministic; one thread at a time; must
/// outlive every connection through it.
///
/// A power cut is modelled as on a disk with powersafe overwrites: what was synced stays; of later
/// writes each 512-byte piece may or may not have reached the disk, and so for truncations and
/// deletions. A file's name is durable once the file was synced.
class MemoryVfs {
 public:
  enum class Call { open, remove, access, read, write, truncate, sync, size };
  /// Calls that change what a power cut may leave.
  [[nodiscard]] static bool changes(Call call) noexcept {
    return call == Call::remove || call == Call::write || call == Call::truncate ||
           call == Call::sync;
  }

  explicit MemoryVfs(std::string name);
  ~MemoryVfs();
  MemoryVfs(const MemoryVfs&) = delete;
  MemoryVfs& operator=(const MemoryVfs&) = delete;
  [[nodiscard]] const char* name() const noexcept;

  /// Calls made so far; the next one has this number.
  [[nodiscard]] std::uint64_t calls() const noexcept;
  /// Before each call, with its number and kind: the place to take images.
  void on_call(std::function<void(std::uint64_t, Call)> watch);

  /// From call `number` on, every call fails and changes nothing, until load().
  void crash_at(std::uint64_t number);
  [[nodiscard]] bool crashed() const noexcept;
  /// Call `number` alone fails with `code`: SQLITE_IOERR, SQLITE_FULL … Reads, writes, truncations,
  /// syncs, sizes and deletions can fail.
  void fail_at(std::uint64_t number, int code);
  /// Every write that would make a file longer than this fails with SQLITE_FULL; nothing: no limit.
  void limit_file_size(std::optional<std::size_t> bytes);
  /// Whether an injected failure has been met since it was asked for.
  [[nodiscard]] bool failed() const noexcept;

  /// What a reader sees now.
  [[nodiscard]] DiskImage current() const;
  /// What is sure to be there after a power cut.
  [[nodiscard]] DiskImage synced() const;
  /// One possible outcome of a power cut: every piece of unsynced work survives by coin.
  [[nodiscard]] DiskImage after_power_cut(Rng& rng) const;
  /// Puts a disk in place of this one, all of it synced, without faults: a restart, an old backup,
  /// a clone. No connection may be open.
  void load(const DiskImage& image);
  /// Damages a file, synced or not.
  void flip_bit(const std::string& path, std::size_t bit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace maillon::storage
