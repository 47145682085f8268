#include "node/replica/making.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "node/replica/marker.hpp"
#include "node/replica/replica.hpp"
#include "proto/fault.hpp"

namespace maillon::replica {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDatabase = "maillon.db";
constexpr const char* kNext = "maillon.next.db";  ///< a database that takes another's place, next.cpp
constexpr const char* kKey = "node.key";
// Until all of it is made. The key takes its name first: beside a key that has it, the database is
// whole.
constexpr const char* kMadeDatabase = "maillon.init.db";
constexpr const char* kMadeKey = "node.key.init";
constexpr const char* kNoted = "init.member";

Error said(Errc code, std::string en, std::string fr, std::string hint, std::string hint_fr) {
  return Error{code, std::move(en), std::move(fr), std::move(hint), std::move(hint_fr)};
}

Result<void> save_identity(storage::Store& store, const Identity& who) {
  MAILLON_CHECK(store.set_meta("member", who.member.bytes()));
  MAILLON_CHECK(store.set_meta("certificate", who.certificate));
  MAILLON_CHECK(store.set_meta("name", as_bytes(who.name)));
  const std::uint8_t role = static_cast<std::uint8_t>(who.role);
  MAILLON_CHECK(store.set_meta("role", ByteView{&role, 1}));
  if (who.recovered) MAILLON_CHECK(store.set_meta("recovered", as_bytes("1")));
  return store.set_meta("region", as_bytes(who.region));
}

/// Under its new name, durably.
Result<void> put_in_place(const fs::path& dir, const char* from, const char* to) {
  const int folder = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Somebody who opens the folder at the same time may have been faster.
  const auto moved = [&] {
    return ::renameat(folder, from, folder, to) == 0 || (errno == ENOENT && fs::exists(dir / to));
  };
  const bool done = folder >= 0 && moved() && ::fsync(folder) == 0;
  const std::error_code why{errno, std::generic_category()};
  if (folder >= 0) ::close(folder);
  if (done) return {};
  return said(Errc::io, "cannot write in " + dir.string() + ": " + why.message(),
              "impossible d’écrire dans " + dir.string() + " : " + why.message(),
              "see to the disk, then run it again", "voyez le disque, puis relancez");
}

void remove_database(const fs::path& path) {
  std::error_code none;
  for (const char* end : {"", "-wal", "-shm", "-journal"}) fs::remove(path.string() + end, none);
}

/// What a try that was cut short left, and nothing stands on.
void remove_half_made(const fs::path& dir) {
  std::error_code none;
  remove_database(dir / kMadeDatabase);
  fs::remove(dir / kMadeKey, none);
}

Identity identity_from(const InitOptions& options, const crypto::SigningKey& root,
                       const crypto::SigningKey& node, Rng& rng) {
  SystemClock clock;
  Identity out;
  out.member = root.member_id();
  out.node = node.node_id();
  out.certificate =
      crypto::NodeCertificate::make(root, node, static_cast<std::uint64_t>(clock.now().count()))
          .encode();
  out.name = options.name;
  out.role = options.role;
  out.region = options.region;
  out.incarnation = rng.u64();
  out.recovered = options.recovered;
  return out;
}

Result<void> make(const fs::path& dir, const Identity& who, const crypto::Secret32& secret,
                  const std::optional<std::string>& passphrase, Rng& rng) {
  const HalfMade half = begin_making(dir);
  {
    storage::StoreOptions options;
    options.path = half.database;
    MAILLON_TRY(auto store, storage::Store::open(options));
    killed_at("killed_with_half_a_database");
    MAILLON_CHECK(store->begin());
    MAILLON_CHECK(save_identity(*store, who));
    MAILLON_CHECK(save_incarnation(*store, dir, who.incarnation));
    MAILLON_CHECK(store->commit());
  }
  killed_at("killed_before_the_key");
  const auto phrase =
      passphrase ? std::optional<std::string_view>{*passphrase} : std::nullopt;
  MAILLON_CHECK(crypto::write_key_file(half.key, secret, phrase, rng));
  return end_making(dir);
}

}  // namespace

void killed_at([[maybe_unused]] std::string_view point) {
  if (MAILLON_FAULT(point)) ::raise(SIGKILL);
}

Result<void> make_folder(const fs::path& dir) {
  std::error_code failed;
  fs::create_directories(dir, failed);
  if (!failed) fs::permissions(dir, fs::perms::owner_all, failed);
  if (!failed) return {};
  return said(Errc::io, "cannot make " + dir.string() + ": " + failed.message(),
              "impossible de créer " + dir.string() + " : " + failed.message(),
              "choose another folder with --data", "choisissez un autre dossier avec --data");
}

HalfMade begin_making(const fs::path& dir) {
  remove_half_made(dir);
  return {dir / kMadeDatabase, dir / kMadeKey};
}

Result<void> end_making(const fs::path& dir) {
  killed_at("killed_after_the_key");
  MAILLON_CHECK(put_in_place(dir, kMadeKey, kKey));
  killed_at("killed_before_the_database");
  return put_in_place(dir, kMadeDatabase, kDatabase);
}

bool may_be_made(const fs::path& dir) {
  std::error_code none;
  if (!fs::exists(dir, none)) return true;
  if (!fs::is_directory(dir, none)) return false;
  const auto is_ours = [](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return name == "lock" || name == "marker" || name == kMadeKey || name.starts_with(kMadeDatabase);
  };
  fs::directory_iterator all{dir, none};
  return !none && std::all_of(begin(all), end(all), is_ours);
}

Result<bool> has_node(const fs::path& dir) {
  std::error_code none;
  const auto there = [&](const char* file) { return fs::exists(dir / file, none); };
  if (there(kDatabase) || there(kNext)) return true;
  if (!there(kKey) || !there(kMadeDatabase)) return false;
  MAILLON_CHECK(put_in_place(dir, kMadeDatabase, kDatabase));
  fs::remove(dir / kNoted, none);
  return true;
}

Result<void> note_member(const fs::path& dir, const MemberId& member) {
  MAILLON_CHECK(make_folder(dir));
  std::ofstream out{dir / kNoted, std::ios::trunc};
  out << member.hex() << std::flush;
  if (out) return {};
  return said(Errc::io, "cannot write in " + dir.string(), "impossible d’écrire dans " + dir.string(),
              "check who owns the folder, and the space left",
              "vérifiez le propriétaire du dossier, et la place restante");
}

std::optional<MemberId> noted_member(const fs::path& dir) {
  std::ifstream in{dir / kNoted};
  std::string text;
  in >> text;
  const auto out = MemberId::from_hex(text);
  return out ? std::optional{*out} : std::nullopt;
}

void forget_making(const fs::path& dir) {
  std::error_code none;
  if (fs::exists(dir / kDatabase, none) || fs::exists(dir / kKey, none)) return;
  remove_half_made(dir);
  fs::remove(dir / kNoted, none);
  // Ours are empty; the folder may be somebody's who gave the wrong name.
  for (const char* file : {"lock", "marker"})
    if (fs::is_regular_file(dir / file, none) && fs::file_size(dir / file, none) == 0)
      fs::remove(dir / file, none);
  if (fs::is_directory(dir, none) && fs::is_empty(dir, none)) fs::remove(dir, none);
}

Result<Identity> Replica::init(const fs::path& dir, const InitOptions& options,
                               const crypto::SigningKey& root, Rng& rng) {
  MAILLON_CHECK(make_folder(dir));
  MAILLON_TRY(const int lock, lock_folder(dir));
  const auto made = [&]() -> Result<Identity> {
    MAILLON_TRY(const bool known, has_node(dir));
    if (known)
      return said(Errc::refused, "there is a node in " + dir.string() + " already",
                  "il y a déjà un nœud dans " + dir.string(),
                  "choose another folder with --data", "choisissez un autre dossier avec --data");
    if (fs::exists(dir / kKey))
      return said(Errc::refused, "there is a node.key without its database in " + dir.string(),
                  "il y a un node.key sans sa base dans " + dir.string(),
                  "restore a backup into another folder, or move this file away",
                  "restaurez une sauvegarde dans un autre dossier, ou déplacez ce fichier");
    const auto secret = crypto::Secret32::random(rng);
    const Identity who = identity_from(options, root, crypto::SigningKey{secret}, rng);
    MAILLON_CHECK(make(dir, who, secret, options.passphrase, rng));
    std::error_code none;
    fs::remove(dir / kNoted, none);
    return who;
  }();
  ::close(lock);
  return made;
}

}  // namespace maillon::replica
