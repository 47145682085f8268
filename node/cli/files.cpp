#include "node/cli/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "node/admin/words.hpp"
#include "proto/limits.hpp"
#include "proto/no_room.hpp"

namespace maillon::cli {

namespace fs = std::filesystem;
using admin::said;

namespace {

Error cannot_read(const fs::path& path) {
  const int error = errno;
  const Errc code = error == ENOENT                     ? Errc::not_found
                    : error == EACCES || error == EPERM ? Errc::not_allowed
                                                        : Errc::io;
  return said(code, fmt::format("cannot read {}: {}", path.string(), std::strerror(error)),
              fmt::format("impossible de lire {} : {}", path.string(), system_in_french(error)),
              "check the name and who may read it", "vérifiez le nom et qui a le droit de le lire");
}

Error cannot_write(const fs::path& path) {
  const int error = errno;
  const bool full = is_no_room(error);
  return said(full ? Errc::full : Errc::io,
              fmt::format("cannot write {}: {}", path.string(), std::strerror(error)),
              fmt::format("impossible d’écrire {} : {}", path.string(), system_in_french(error)),
              error == EFBIG ? "raise the limit on the size of files (`ulimit -f`), or choose "
                               "another disk"
              : full         ? "free some space, or choose another disk"
                             : "check the name, the folder and who may write there",
              error == EFBIG ? "relevez la limite de taille des fichiers (« ulimit -f »), ou "
                               "choisissez un autre disque"
              : full         ? "libérez de la place, ou choisissez un autre disque"
                             : "vérifiez le nom, le dossier et qui a le droit d’y écrire");
}

/// Pieces of a file of unknown size, or of the size that it claims.
Result<Bytes> read_all(int fd, std::size_t expected, const fs::path& path) {
  Bytes out(std::min(expected, limits::kImportFileMax) + 1);
  std::size_t size = 0;
  for (;;) {
    if (size == out.size()) out.resize(std::min(out.size() * 2, limits::kImportFileMax + 1));
    const ssize_t got = ::read(fd, out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > limits::kImportFileMax)
      return said(Errc::full, path.string() + " is larger than 1 GiB",
                  path.string() + " dépasse 1 Gio", "split it", "découpez-le");
  }
  out.resize(size);
  return out;
}

Error no_file(const fs::path& path, mode_t mode) {
  const char* en = "a device";
  const char* fr = "un périphérique";
  if (S_ISDIR(mode)) en = "a folder", fr = "un dossier";
  if (S_ISFIFO(mode)) en = "a pipe", fr = "un tube";
  if (S_ISSOCK(mode)) en = "a socket", fr = "une prise";
  return said(Errc::refused, fmt::format("{} is {}, not a file: it is left alone", path.string(), en),
              fmt::format("{} est {}, pas un fichier : rien n’y est touché", path.string(), fr),
              "give the name of a file", "donnez le nom d’un fichier");
}

/// The file that a name means: where its links lead, be it there yet or not. Errc::refused for what
/// is there and no file, which a new file would push aside.
Result<fs::path> behind_links(const fs::path& path) {
  constexpr int kLinksMax = 40;  // As many as the system follows.
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
    return no_file(path, info.st_mode);
  fs::path out = path;
  std::error_code failed;
  for (int links = 0; fs::is_symlink(fs::symlink_status(out, failed)); ++links) {
    const fs::path next = links < kLinksMax ? fs::read_symlink(out, failed) : fs::path{};
    if (next.empty()) {
      errno = failed ? failed.value() : ELOOP;
      return cannot_write(path);
    }
    out = out.parent_path() / next;
  }
  return out;
}

}  // namespace

std::string system_in_french(int error) {
  switch (error) {
    case ENOENT:
      return "fichier ou dossier introuvable";
    case EACCES:
    case EPERM:
      return "accès refusé";
    case ENOSPC:
      return "plus de place sur le disque";
    case EDQUOT:
      return "quota de disque atteint";
    case EFBIG:
      return "fichier trop grand";
    case EEXIST:
      return "le fichier existe déjà";
    case EISDIR:
      return "c’est un dossier";
    case ENOTDIR:
      return "ce n’est pas un dossier";
    case EROFS:
      return "disque en lecture seule";
    case EIO:
      return "erreur du disque";
    case EPIPE:
      return "plus personne ne lit";
    default:
      return std::strerror(error);
  }
}

Result<Bytes> read_input(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, 1u << 20, "stdin");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot_read(path);
  struct stat info {};
  const bool known = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  auto out = read_all(fd, known ? static_cast<std::size_t>(info.st_size) : 1u << 20, path);
  ::close(fd);
  return out;
}

bool write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

Result<OutputFile> OutputFile::create(const fs::path& name, bool may_replace, bool secret) {
  MAILLON_TRY(const fs::path path, behind_links(name));
  std::error_code ignored;
  if (!may_replace && fs::exists(path, ignored))
    return said(Errc::refused, name.string() + " exists already", name.string() + " existe déjà",
                "give another name, or replace it with --force",
                "donnez un autre nom, ou remplacez-le avec --force");
  const fs::path partial = path.string() + ".partial";
  // What a run that was cut short left may be readable for more than this one is to be.
  ::unlink(partial.c_str());
  // Backups hold a key: nobody else may read them.
  const int fd = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        secret ? 0600 : 0644);
  if (fd < 0) return cannot_write(path);
  return OutputFile{fd, path, partial};
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      partial_(std::move(other.partial_)) {}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(partial_.c_str());
}

Result<void> OutputFile::write(ByteView piece) {
  if (!write_all(fd_, piece)) return cannot_write(path_);
  return {};
}

Result<void> OutputFile::finish() {
  if (::fsync(fd_) != 0 || ::rename(partial_.c_str(), path_.c_str()) != 0)
    return cannot_write(path_);
  ::close(std::exchange(fd_, -1));
  return {};
}

}  // namespace maillon::cli
