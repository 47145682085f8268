#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "proto/no_room.hpp"

// A key file is a few lines of text:
//
//   maillon key 1                               maillon key 1
//   plain                                       argon2id 3 262144
//   <64 hex digits: the secret>                 <32 hex digits: salt>
//   <16 hex digits: checksum>                   <48 hex digits: nonce>
//                                               <96 hex digits: sealed secret>
//
// 3 and 262144 are passes and KiB. The seal covers all lines above it, so that nothing can be
// exchanged; the checksum of a plain file is there for bad disks and slips of an editor.

namespace maillon::crypto {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "maillon key 1\n";
constexpr std::string_view kPlain = "plain\n";
constexpr std::string_view kSealed = "argon2id ";
constexpr std::size_t kFileMax = 1024;

class File {
 public:
  explicit File(int descriptor) noexcept : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// Text that holds a secret: never grows beyond its first buffer, wiped at the end.
struct SecretText {
  std::string text;
  SecretText() { text.reserve(kFileMax); }
  SecretText(SecretText&&) = default;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { wipe(text); }
};

Error system_error(const fs::path& path, std::string_view doing, std::string_view doing_fr) {
  const std::string why = std::strerror(errno);
  return {is_no_room(errno) ? Errc::full : Errc::io,
          fmt::format("{} {}: {}", doing, path.string(), why),
          fmt::format("{} {} : {}", doing_fr, path.string(), why)};
}

Error not_a_key_file(const fs::path& path, std::string_view why) {
  return {
      Errc::malformed, fmt::format("{} is not a key file of Maillon ({})", path.string(), why),
      fmt::format("{} n’est pas un fichier de clé de Maillon, ou il est abîmé", path.string()),
      "restore the file from a backup, or make a new node key with the member's 24 words",
      "restaurez le fichier depuis une sauvegarde, ou refaites une clé de nœud avec les 24 mots"};
}

std::string checksum(const Secret32& secret) {
  const Digest digest = Hasher{}.update("maillon/key-check/v1").update(secret.bytes()).finish();
  return digest.hex().substr(0, 16);
}

void append_hex(std::string& out, ByteView bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
}

bool within_bounds(const PassphraseCost& cost) noexcept {
  return cost.passes >= kPassphraseCostMin.passes && cost.passes <= kPassphraseCostMax.passes &&
         cost.memory_kib >= kPassphraseCostMin.memory_kib &&
         cost.memory_kib <= kPassphraseCostMax.memory_kib;
}

Result<Secret32> stretch(std::string_view passphrase,
                         std::span<const std::uint8_t, crypto_pwhash_SALTBYTES> salt,
                         const PassphraseCost& cost) {
  std::array<std::uint8_t, 32> raw;
  if (crypto_pwhash(raw.data(), raw.size(), passphrase.data(), passphrase.size(), salt.data(),
                    cost.passes, std::size_t{cost.memory_kib} << 10,
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return Error{Errc::full,
                 fmt::format("opening the key takes {} MiB of memory", cost.memory_kib >> 10),
                 fmt::format("ouvrir la clé demande {} Mio de mémoire", cost.memory_kib >> 10),
                 "free some memory and try again", "libérez de la mémoire, puis réessayez"};
  Secret32 out{raw};
  wipe(raw);
  return out;
}

Result<void> seal_into(std::string& text, const Secret32& secret, std::string_view passphrase,
                       Rng& rng, const PassphraseCost& cost) {
  if (passphrase.empty())
    return Error{Errc::usage, "an empty passphrase protects nothing",
                 "une phrase de passe vide ne protège rien", "type a passphrase, or ask for none",
                 "saisissez une phrase de passe, ou n’en demandez pas"};
  if (!within_bounds(cost)) return Error{Errc::usage, "key file: Argon2 cost out of bounds"};
  const auto salt = rng.bytes<crypto_pwhash_SALTBYTES>();
  const auto nonce = rng.bytes<24>();
  text += fmt::format("{}{} {}\n", kSealed, cost.passes, cost.memory_kib);
  append_hex(text, salt);
  text += '\n';
  append_hex(text, nonce);
  text += '\n';
  MAILLON_TRY(const Secret32 key, stretch(passphrase, salt, cost));
  const Bytes sealed = xchacha_seal(key, nonce, as_bytes(text), secret.bytes());
  append_hex(text, sealed);
  text += '\n';
  return {};
}

bool write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<void> sync_folder(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path{"."};
  const File opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!opened.is_open() || ::fsync(opened.get()) != 0)
    return system_error(folder, "cannot sync the folder", "impossible de synchroniser le dossier");
  return {};
}

Result<void> create_file(const fs::path& path, std::string_view text) {
  const File file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file.is_open()) {
    if (errno != EEXIST)
      return system_error(path, "cannot create the key file",
                          "impossible de créer le fichier de clé");
    return Error{Errc::refused, fmt::format("{} exists and is never overwritten", path.string()),
                 fmt::format("{} existe déjà et n’est jamais écrasé", path.string()),
                 "name another file, or move this one away yourself",
                 "nommez un autre fichier, ou déplacez vous-même celui-ci"};
  }
  // fchmod, because the umask may have taken even the owner's rights from the mode of open().
  if (::fchmod(file.get(), 0600) != 0 || !write_all(file.get(), text) || ::fsync(file.get()) != 0) {
    const Error failed =
        system_error(path, "cannot write the key file", "impossible d’écrire le fichier de clé");
    ::unlink(path.c_str());
    return failed;
  }
  return sync_folder(path);
}

Result<void> check_private(const fs::path& path, int descriptor) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0)
    return system_error(path, "cannot read the key file", "impossible de lire le fichier de clé");
  if (!S_ISREG(info.st_mode)) return not_a_key_file(path, "not a regular file");
  if ((info.st_mode & 077) != 0)
    return Error{
        Errc::not_allowed,
        fmt::format("{} can be read by others (mode {:04o})", path.string(), info.st_mode & 07777u),
        fmt::format("{} peut être lu par d’autres (mode {:04o})", path.string(),
                    info.st_mode & 07777u),
        fmt::format("chmod 600 {}; if others had access, make a new key", path.string()),
        fmt::format("chmod 600 {} ; si d’autres y avaient accès, changez de clé", path.string())};
  return {};
}

/// Takes a line off the front of `rest`; nothing when there is no whole line.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  if (end == rest.npos) return std::nullopt;
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

bool take_number(std::string_view& text, std::uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool is_of_later_version(std::string_view text) {
  static constexpr std::string_view kName = "maillon key ";
  auto line = take_line(text).value_or("");
  std::uint32_t version = 0;
  if (!line.starts_with(kName)) return false;
  line.remove_prefix(kName.size());
  return take_number(line, version) && line.empty() && version > 1;
}

Result<SecretText> load(const fs::path& path) {
  // O_NONBLOCK, so that a named pipe put there cannot hold the daemon up.
  const File file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  if (!file.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR)
      return Error{Errc::not_found, fmt::format("no key file at {}", path.string()),
                   fmt::format("pas de fichier de clé à l’emplacement {}", path.string()),
                   "check the path and the data folder",
                   "vérifiez le chemin et le dossier de données"};
    Error failed =
        system_error(path, "cannot read the key file", "impossible de lire le fichier de clé");
    if (errno == EACCES) failed.code = Errc::not_allowed;
    return failed;
  }
  MAILLON_CHECK(check_private(path, file.get()));
  SecretText out;
  out.text.resize(kFileMax);
  std::size_t size = 0;
  while (size < kFileMax) {
    const ssize_t got = ::read(file.get(), out.text.data() + size, kFileMax - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return system_error(path, "cannot read the key file", "impossible de lire le fichier de clé");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size == kFileMax) return not_a_key_file(path, "too large");
  out.text.resize(size);
  if (!out.text.starts_with(kMagic)) {
    if (is_of_later_version(out.text))
      return Error{Errc::newer_version, fmt::format("{} is of a later version", path.string()),
                   fmt::format("{} vient d’une version plus récente", path.string()),
                   "upgrade Maillon", "mettez Maillon à jour"};
    return not_a_key_file(path, "wrong first line");
  }
  return out;
}

/// A line of exactly out.size() bytes in lower-case hex, decoded in place: no copy to wipe.
bool take_hex(std::string_view& rest, std::span<std::uint8_t> out) {
  const auto line = take_line(rest);
  if (!line || line->size() != out.size() * 2) return false;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit((*line)[2 * i]);
    const int low = digit((*line)[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

Result<Secret32> read_plain(const fs::path& path, std::string_view rest) {
  std::array<std::uint8_t, 32> raw;
  if (!take_hex(rest, raw)) return not_a_key_file(path, "bad secret");
  const Secret32 secret{raw};
  wipe(raw);
  const auto check = take_line(rest);
  if (!check || *check != checksum(secret) || !rest.empty())
    return not_a_key_file(path, "the checksum does not fit");
  return secret.copy();
}

Result<Secret32> read_sealed(const fs::path& path, std::string_view text, std::string_view rest,
                             std::string_view passphrase) {
  PassphraseCost cost;
  std::array<std::uint8_t, crypto_pwhash_SALTBYTES> salt;
  std::array<std::uint8_t, 24> nonce;
  std::array<std::uint8_t, 32 + kTagSize> sealed;
  auto line = take_line(rest).value_or("");
  const bool parsed = take_number(line, cost.passes) && line.starts_with(' ') &&
                      (line.remove_prefix(1), take_number(line, cost.memory_kib)) && line.empty();
  if (!parsed) return not_a_key_file(path, "bad Argon2 parameters");
  // Before any work: a forged file must not make the daemon take all memory, or hours.
  if (!within_bounds(cost)) return not_a_key_file(path, "Argon2 parameters out of bounds");
  if (!take_hex(rest, salt) || !take_hex(rest, nonce)) return not_a_key_file(path, "bad seal");
  const ByteView covered = as_bytes(text.substr(0, text.size() - rest.size()));
  if (!take_hex(rest, sealed) || !rest.empty()) return not_a_key_file(path, "bad seal");
  MAILLON_TRY(const Secret32 key, stretch(passphrase, salt, cost));
  auto opened = xchacha_open(key, nonce, covered, sealed);
  if (!opened)
    return Error{
        Errc::not_allowed,
        fmt::format("wrong passphrase for {}, or the file was altered", path.string()),
        fmt::format("phrase de passe incorrecte pour {}, ou fichier modifié", path.string()),
        "try again; capital letters, spaces and accents count",
        "réessayez ; les majuscules, les espaces et les accents comptent"};
  Secret32 out{std::span{*opened}.first<32>()};
  wipe(*opened);
  return out;
}

}  // namespace

Result<void> write_key_file(const fs::path& path, const Secret32& secret,
                            std::optional<std::string_view> passphrase, Rng& rng,
                            PassphraseCost cost) {
  SecretText file;
  file.text += kMagic;
  if (passphrase) {
    MAILLON_CHECK(seal_into(file.text, secret, *passphrase, rng, cost));
  } else {
    file.text += kPlain;
    append_hex(file.text, secret.bytes());
    file.text += '\n';
    file.text += checksum(secret);
    file.text += '\n';
  }
  return create_file(path, file.text);
}

Result<Secret32> read_key_file(const fs::path& path, std::optional<std::string_view> passphrase) {
  MAILLON_TRY(const SecretText file, load(path));
  std::string_view rest = file.text;
  rest.remove_prefix(kMagic.size());
  if (rest.starts_with(kPlain)) return read_plain(path, rest.substr(kPlain.size()));
  if (!rest.starts_with(kSealed)) return not_a_key_file(path, "unknown kind");
  if (!passphrase)
    return Error{Errc::not_allowed, fmt::format("{} is sealed with a passphrase", path.string()),
                 fmt::format("{} est protégé par une phrase de passe", path.string()),
                 "put it on the first line of a file that $MAILLON_PASSPHRASE_FILE names",
                 "placez-la sur la première ligne d’un fichier nommé par $MAILLON_PASSPHRASE_FILE"};
  return read_sealed(path, file.text, rest.substr(kSealed.size()), *passphrase);
}

Result<bool> key_file_is_sealed(const fs::path& path) {
  MAILLON_TRY(const SecretText file, load(path));
  return std::string_view{file.text}.substr(kMagic.size()).starts_with(kSealed);
}

}  // namespace maillon::crypto
