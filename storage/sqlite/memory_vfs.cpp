#include "storage/sqlite/memory_vfs.hpp"

#include <algorithm>
#include <cstring>
#include <variant>
#include <vector>

namespace maillon::storage {
namespace {

constexpr std::size_t kPiece = 512;

struct Write {
  std::size_t at = 0;
  Bytes bytes;
};
struct Resize {
  std::size_t size = 0;
};
struct Removal {};
using Change = std::variant<Write, Resize, Removal>;

void put(Bytes& content, std::size_t at, ByteView bytes) {
  if (content.size() < at + bytes.size()) content.resize(at + bytes.size());
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
}

struct File {
  std::optional<Bytes> now;  ///< nothing: no such file
  std::optional<Bytes> durable;
  std::vector<Change> unsynced;

  /// Brings `durable` up to `now`, by what changed: most of a file stays as it was.
  void settle() {
    const bool plain = durable && now && std::ranges::all_of(unsynced, [](const Change& change) {
      return !std::holds_alternative<Removal>(change);
    });
    if (!plain) durable = now;
    for (const Change& change : unsynced) {
      if (!plain) break;
      if (const auto* write = std::get_if<Write>(&change)) put(*durable, write->at, write->bytes);
      if (const auto* resize = std::get_if<Resize>(&change)) durable->resize(resize->size);
    }
    unsynced.clear();
  }
};

/// One coin for each 512-byte piece of a write, as a disk's sectors are laid out.
void survive_in_part(Bytes& content, const Write& write, Rng& rng) {
  std::size_t from = 0;
  while (from < write.bytes.size()) {
    const std::size_t room = kPiece - (write.at + from) % kPiece;
    const std::size_t size = std::min(room, write.bytes.size() - from);
    if ((rng.u64() & 1) != 0)
      put(content, write.at + from, ByteView{write.bytes}.subspan(from, size));
    from += size;
  }
}

std::optional<Bytes> cut(const File& file, Rng& rng) {
  std::optional<Bytes> content = file.durable;
  for (const Change& change : file.unsynced) {
    if (const auto* write = std::get_if<Write>(&change)) {
      // The name of a new file may be lost with all that was written to it.
      if (!content && (rng.u64() & 1) == 0) continue;
      if (!content) content.emplace();
      survive_in_part(*content, *write, rng);
    } else if ((rng.u64() & 1) != 0) {
      if (const auto* resize = std::get_if<Resize>(&change)) {
        if (content) content->resize(resize->size);
      } else {
        content.reset();
      }
    }
  }
  return content;
}

struct Handle {
  sqlite3_file base;
  MemoryVfs* owner;
  void* disk;
  char path[512];
  bool delete_on_close;
};

}  // namespace

struct MemoryVfs::Impl {
  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_io_methods methods{};
  std::map<std::string, File> files;
  std::uint64_t calls = 0;
  std::uint64_t random = 1;
  std::function<void(std::uint64_t, Call)> watch;
  std::optional<std::uint64_t> crash_at;
  std::optional<std::pair<std::uint64_t, int>> fail_at;
  std::optional<std::size_t> file_max;
  bool crashed = false;
  bool failed = false;

  /// Counts a call; the error that it must give, or SQLITE_OK.
  int enter(Call call, int on_crash) {
    if (watch && !crashed) watch(calls, call);
    const std::uint64_t number = calls++;
    if (crash_at && number >= *crash_at) crashed = true;
    if (crashed) return on_crash;
    const bool may_fail = call != Call::open && call != Call::access;
    if (fail_at && may_fail && number == fail_at->first) {
      failed = true;
      return fail_at->second;
    }
    return SQLITE_OK;
  }

  static Impl& of(sqlite3_vfs* vfs) { return *static_cast<Impl*>(vfs->pAppData); }
  static Impl& of(sqlite3_file* file) {
    return *static_cast<Impl*>(reinterpret_cast<Handle*>(file)->disk);
  }
  static File& file_of(sqlite3_file* file) {
    return of(file).files[reinterpret_cast<Handle*>(file)->path];
  }

  void remove(const std::string& path, bool durable) {
    const auto found = files.find(path);
    if (found == files.end() || !found->second.now) return;
    found->second.now.reset();
    found->second.unsynced.emplace_back(Removal{});
    if (durable) found->second.settle();
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* out, int flags, int* out_flags);
  static int close(sqlite3_file* file);
  static int read(sqlite3_file* file, void* to, int size, sqlite3_int64 at);
  static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int flags);
  static int file_size(sqlite3_file* file, sqlite3_int64* size);
  static int remove_file(sqlite3_vfs* vfs, const char* path, int sync_folder);
  static int access(sqlite3_vfs* vfs, const char* path, int flags, int* out);
  void fill_methods();
  void fill_vfs();
};

int MemoryVfs::Impl::open(sqlite3_vfs* vfs, const char* path, sqlite3_file* out, int flags,
                          int* out_flags) {
  Impl& disk = of(vfs);
  out->pMethods = nullptr;
  if (const int rc = disk.enter(Call::open, SQLITE_CANTOPEN); rc != SQLITE_OK) return rc;
  auto* handle = reinterpret_cast<Handle*>(out);
  const std::string name = path == nullptr ? "temp-" + std::to_string(disk.calls) : path;
  if (name.size() >= sizeof handle->path) return SQLITE_CANTOPEN;
  const auto found = disk.files.find(name);
  const bool exists = found != disk.files.end() && found->second.now;
  if (!exists && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  if (!exists) disk.files[name].now.emplace();
  handle->disk = &disk;
  std::memcpy(handle->path, name.c_str(), name.size() + 1);
  handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  handle->base.pMethods = &disk.methods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int MemoryVfs::Impl::close(sqlite3_file* file) {
  const auto* handle = reinterpret_cast<Handle*>(file);
  if (handle->delete_on_close && !of(file).crashed) of(file).remove(handle->path, true);
  return SQLITE_OK;
}

int MemoryVfs::Impl::read(sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
  if (const int rc = of(file).enter(Call::read, SQLITE_IOERR_READ); rc != SQLITE_OK) return rc;
  const File& content = file_of(file);
  const auto want = static_cast<std::size_t>(size);
  const auto from = static_cast<std::size_t>(at);
  const std::size_t have = content.now ? content.now->size() : 0;
  const std::size_t got = from >= have ? 0 : std::min(want, have - from);
  if (got > 0) std::memcpy(to, content.now->data() + from, got);
  if (got == want) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + got, 0, want - got);
  return SQLITE_IOERR_SHORT_READ;
}

int MemoryVfs::Impl::write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  Impl& disk = of(file);
  if (const int rc = disk.enter(Call::write, SQLITE_IOERR_WRITE); rc != SQLITE_OK) return rc;
  const auto* data = static_cast<const std::uint8_t*>(from);
  Write change{static_cast<std::size_t>(at), Bytes{data, data + size}};
  if (disk.file_max && change.at + change.bytes.size() > *disk.file_max) {
    disk.failed = true;
    return SQLITE_FULL;
  }
  File& content = file_of(file);
  if (!content.now) content.now.emplace();
  put(*content.now, change.at, change.bytes);
  content.unsynced.emplace_back(std::move(change));
  return SQLITE_OK;
}

int MemoryVfs::Impl::truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const int rc = of(file).enter(Call::truncate, SQLITE_IOERR_TRUNCATE); rc != SQLITE_OK)
    return rc;
  File& content = file_of(file);
  if (content.now) content.now->resize(static_cast<std::size_t>(size));
  content.unsynced.emplace_back(Resize{static_cast<std::size_t>(size)});
  return SQLITE_OK;
}

int MemoryVfs::Impl::sync(sqlite3_file* file, int /*flags*/) {
  if (const int rc = of(file).enter(Call::sync, SQLITE_IOERR_FSYNC); rc != SQLITE_OK) return rc;
  file_of(file).settle();
  return SQLITE_OK;
}

int MemoryVfs::Impl::file_size(sqlite3_file* file, sqlite3_int64* size) {
  if (const int rc = of(file).enter(Call::size, SQLITE_IOERR_FSTAT); rc != SQLITE_OK) return rc;
  const File& content = file_of(file);
  *size = content.now ? static_cast<sqlite3_int64>(content.now->size()) : 0;
  return SQLITE_OK;
}

int MemoryVfs::Impl::remove_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  Impl& disk = of(vfs);
  if (const int rc = disk.enter(Call::remove, SQLITE_IOERR_DELETE); rc != SQLITE_OK) return rc;
  disk.remove(path, sync_folder != 0);
  return SQLITE_OK;
}

int MemoryVfs::Impl::access(sqlite3_vfs* vfs, const char* path, int /*flags*/, int* out) {
  Impl& disk = of(vfs);
  if (const int rc = disk.enter(Call::access, SQLITE_IOERR_ACCESS); rc != SQLITE_OK) return rc;
  const auto found = disk.files.find(path);
  *out = found != disk.files.end() && found->second.now ? 1 : 0;
  return SQLITE_OK;
}

void MemoryVfs::Impl::fill_methods() {
  methods.iVersion = 1;  // No shared memory: WAL works with locking_mode=EXCLUSIVE only.
  methods.xClose = &Impl::close;
  methods.xRead = &Impl::read;
  methods.xWrite = &Impl::write;
  methods.xTruncate = &Impl::truncate;
  methods.xSync = &Impl::sync;
  methods.xFileSize = &Impl::file_size;
  methods.xLock = [](sqlite3_file*, int) { return SQLITE_OK; };
  methods.xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; };
  methods.xCheckReservedLock = [](sqlite3_file*, int* out) { return *out = 0, SQLITE_OK; };
  methods.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
  methods.xSectorSize = [](sqlite3_file*) { return 4096; };
  methods.xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
}

void MemoryVfs::Impl::fill_vfs() {
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 511;
  vfs.zName = name.c_str();
  vfs.pAppData = this;
  vfs.xOpen = &Impl::open;
  vfs.xDelete = &Impl::remove_file;
  vfs.xAccess = &Impl::access;
  vfs.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", path);
    return SQLITE_OK;
  };
  vfs.xRandomness = [](sqlite3_vfs* self, int size, char* out) {
    std::uint64_t& state = of(self).random;
    for (int i = 0; i < size; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      out[i] = static_cast<char>(state >> 56);
    }
    return size;
  };
  vfs.xSleep = [](sqlite3_vfs*, int micros) { return micros; };
  vfs.xCurrentTime = [](sqlite3_vfs*, double* out) { return *out = 2'460'000.5, SQLITE_OK; };
  vfs.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* out) {
    *out = 212'544'043'200'000;
    return SQLITE_OK;
  };
  vfs.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
}

MemoryVfs::MemoryVfs(std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->name = std::move(name);
  impl_->fill_methods();
  impl_->fill_vfs();
  MAILLON_ASSERT(sqlite3_vfs_find(impl_->name.c_str()) == nullptr, "one disk of a name at a time");
  MAILLON_ASSERT(sqlite3_vfs_register(&impl_->vfs, 0) == SQLITE_OK, "a VFS can be registered");
}

MemoryVfs::~MemoryVfs() { sqlite3_vfs_unregister(&impl_->vfs); }

const char* MemoryVfs::name() const noexcept { return impl_->name.c_str(); }
std::uint64_t MemoryVfs::calls() const noexcept { return impl_->calls; }
void MemoryVfs::on_call(std::function<void(std::uint64_t, Call)> watch) {
  impl_->watch = std::move(watch);
}
void MemoryVfs::crash_at(std::uint64_t number) { impl_->crash_at = number; }
bool MemoryVfs::crashed() const noexcept { return impl_->crashed; }
void MemoryVfs::fail_at(std::uint64_t number, int code) {
  impl_->fail_at.emplace(number, code);
  impl_->failed = false;
}
void MemoryVfs::limit_file_size(std::optional<std::size_t> bytes) {
  impl_->file_max = bytes;
  impl_->failed = false;
}
bool MemoryVfs::failed() const noexcept { return impl_->failed; }

DiskImage MemoryVfs::current() const {
  DiskImage out;
  for (const auto& [path, file] : impl_->files)
    if (file.now) out.emplace(path, *file.now);
  return out;
}

DiskImage MemoryVfs::synced() const {
  DiskImage out;
  for (const auto& [path, file] : impl_->files)
    if (file.durable) out.emplace(path, *file.durable);
  return out;
}

DiskImage MemoryVfs::after_power_cut(Rng& rng) const {
  DiskImage out;
  for (const auto& [path, file] : impl_->files)
    if (auto content = cut(file, rng)) out.emplace(path, *std::move(content));
  return out;
}

void MemoryVfs::load(const DiskImage& image) {
  impl_->files.clear();
  for (const auto& [path, bytes] : image) impl_->files[path] = File{bytes, bytes, {}};
  impl_->crash_at.reset();
  impl_->fail_at.reset();
  impl_->file_max.reset();
  impl_->crashed = impl_->failed = false;
}

void MemoryVfs::flip_bit(const std::string& path, std::size_t bit) {
  const auto found = impl_->files.find(path);
  if (found == impl_->files.end()) return;
  for (auto* content : {&found->second.now, &found->second.durable})
    if (*content && bit / 8 < (*content)->size())
      (**content)[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
}

}  // namespace maillon::storage
