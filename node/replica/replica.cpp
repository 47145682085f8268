#include "node/replica/replica.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "node/replica/making.hpp"
#include "node/replica/marker.hpp"
#include "node/replica/next.hpp"
#include "proto/fault.hpp"

namespace maillon::replica {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDatabase = "maillon.db";
constexpr const char* kKey = "node.key";
constexpr const char* kNextKey = "node.key.new";
constexpr int kReaders = 2;
constexpr int kReaderCacheKib = 2048;

Error said(Errc code, std::string en, std::string fr, std::string hint, std::string hint_fr) {
  return Error{code, std::move(en), std::move(fr), std::move(hint), std::move(hint_fr)};
}

storage::StoreOptions store_options(const fs::path& dir) {
  storage::StoreOptions out;
  out.path = dir / kDatabase;
  return out;
}

/// The new key's file takes the name of the old one's, durably.
Result<void> put_key_in_place(const fs::path& dir) {
  std::error_code failed;
  fs::rename(dir / kNextKey, dir / kKey, failed);
  const int folder = failed ? -1 : ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = folder >= 0 && ::fsync(folder) == 0;
  if (folder >= 0) ::close(folder);
  if (done) return {};
  return said(Errc::io, "the new key stays in " + (dir / kNextKey).string(),
              "la nouvelle clé reste dans " + (dir / kNextKey).string(),
              "it counts already: start Maillon again, and it takes its place",
              "elle compte déjà : relancez Maillon, et elle prendra sa place");
}

std::optional<std::string_view> view_of(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>{*text} : std::nullopt;
}

Result<Bytes> need_meta(storage::Store& store, std::string_view key) {
  MAILLON_TRY(auto value, store.meta(key));
  if (!value)
    return said(Errc::integrity, "the data folder is not complete: `" + std::string{key} + "` is missing",
                "le dossier de données est incomplet : « " + std::string{key} + " » manque",
                "restore a backup, or start again with `maillon init` in another folder",
                "restaurez une sauvegarde, ou recommencez par « maillon init » dans un autre dossier");
  return *std::move(value);
}

}  // namespace

Result<int> lock_folder(const fs::path& dir) {
  const int fd = ::open((dir / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return said(
        Errc::not_allowed, "cannot write in " + dir.string(),
        "impossible d’écrire dans " + dir.string(),
        "check who owns the folder, and that its disk is not read-only or full",
        "vérifiez le propriétaire du dossier, et que le disque n’est ni plein ni en lecture seule");
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return said(Errc::busy, "another Maillon process uses " + dir.string(),
              "un autre processus Maillon utilise " + dir.string(),
              "stop it first, or let commands talk to it (is `maillon serve` running?)",
              "arrêtez-le d’abord (« maillon serve » tourne-t-il ?)");
}

Result<std::optional<std::string>> passphrase_from_environment() {
  fs::path file;
  if (const char* named = std::getenv("MAILLON_PASSPHRASE_FILE"); named != nullptr && *named != 0)
    file = named;
  else if (const char* dir = std::getenv("CREDENTIALS_DIRECTORY"); dir != nullptr && *dir != 0)
    file = fs::path{dir} / "maillon-passphrase";
  if (file.empty() || (!fs::exists(file) && std::getenv("MAILLON_PASSPHRASE_FILE") == nullptr))
    return std::optional<std::string>{};
  std::ifstream in{file};
  std::string phrase;
  if (!std::getline(in, phrase) || phrase.empty())
    return said(Errc::not_allowed, "no passphrase can be read from " + file.string(),
                "aucune phrase secrète lisible dans " + file.string(),
                "put it on the file's first line", "placez-la sur la première ligne du fichier");
  return std::optional{phrase};
}

namespace {

void remove_passing(const fs::path& dir) {
  std::error_code none;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator{dir, none})
    if (entry.path().filename().string().starts_with(kPassing)) left.push_back(entry.path());
  for (const fs::path& path : left) fs::remove_all(path, none);
}

}  // namespace

Result<std::unique_ptr<Replica>> Replica::open(const fs::path& dir,
                                               std::optional<std::string> passphrase) {
  MAILLON_CHECK(finish_take(dir));
  MAILLON_TRY(const bool made, has_node(dir));
  if (!made)
    return said(Errc::not_found, "there is no node in " + dir.string(),
                "il n’y a pas de nœud dans " + dir.string(),
                "make one with `maillon init --name NAME`, or name its folder with --data",
                "créez-le avec « maillon init --name NOM », ou indiquez son dossier avec --data");
  MAILLON_TRY(const int lock, lock_folder(dir));
  remove_passing(dir);
  const auto release = [&](const Error& error) {
    ::close(lock);
    return error;
  };
  auto secret = crypto::read_key_file(dir / kKey, view_of(passphrase));
  if (secret.has_error()) return release(secret.error());
  std::unique_ptr<Replica> out{new Replica{dir, *secret}};
  out->lock_ = lock;
  MAILLON_TRY(auto store, out->open_store());
  MAILLON_CHECK(out->load(*store, passphrase));
  out->follow_trust(*store);
  for (int i = 0; i < kReaders; ++i) {
    MAILLON_TRY(auto db, out->open_reader());
    out->databases_.push_back(std::make_unique<storage::Database>(std::move(db)));
    out->readers_.push_back(std::make_unique<Reader>(*out->databases_.back()));
    out->free_.push_back(out->readers_.back().get());
  }
  out->trust_ = store->trust();
  out->federation_ = store->federation();
  out->unwanted_ = store->unwanted();
  out->writer_ = std::make_unique<Writer>(std::move(store));
  out->writer_->set_on_durable([self = out.get()](storage::Store& s) {
    std::function<void()> call;
    {
      const std::lock_guard guard{self->mutex_};
      self->trust_ = s.trust();
      self->federation_ = s.federation();
      self->unwanted_ = s.unwanted();
      call = self->on_durable_;
    }
    self->follow_trust(s);
    if (call) call();
  });
  return out;
}

Replica::~Replica() {
  // The writer's connection goes last: only one that may write can take the WAL away.
  readers_.clear();
  databases_.clear();
  writer_.reset();
  if (lock_ >= 0) ::close(lock_);
}

Result<std::unique_ptr<storage::Store>> Replica::open_store() {
  auto options = store_options(dir_);
  auto store = storage::Store::open(options);
  if (store.has_value() || store.error().code != Errc::full) return store;
  // With a WAL, the file alone does not say how things are.
  std::error_code none;
  const auto wal = fs::file_size(options.path.string() + "-wal", none);
  if (!none && wal > 0) return store;
  options.immutable = only_reads_ = true;
  return storage::Store::open(options);
}

Result<void> Replica::load(storage::Store& store, const std::optional<std::string>& passphrase) {
  MAILLON_TRY(const Bytes member, need_meta(store, "member"));
  MAILLON_TRY(identity_.member, MemberId::from_bytes(member));
  MAILLON_TRY(identity_.certificate, need_meta(store, "certificate"));
  MAILLON_TRY(const Bytes name, need_meta(store, "name"));
  MAILLON_TRY(const Bytes role, need_meta(store, "role"));
  MAILLON_TRY(const Bytes region, need_meta(store, "region"));
  store.set_reader(identity_.member);
  identity_.name = as_text(name);
  identity_.region = as_text(region);
  identity_.role = role.size() == 1 && role[0] == 2 ? Role::hub : Role::cooperative;
  MAILLON_TRY(const auto recovered, store.meta("recovered"));
  identity_.recovered = recovered.has_value();
  MAILLON_TRY(const auto certificate,
              crypto::NodeCertificate::decode_verified(identity_.certificate));
  MAILLON_CHECK(settle_key(certificate.node, passphrase));
  identity_.node = key_->node_id();
  if (certificate.node != identity_.node || certificate.member != identity_.member)
    return Error{Errc::integrity, "the node key is not the one that this database was made with",
                 "la clé du nœud n’est pas celle de cette base",
                 "put back the right node.key, or restore a backup",
                 "remettez le bon fichier node.key, ou restaurez une sauvegarde"};
  MAILLON_CHECK(store.begin());
  MAILLON_TRY(const auto life, current_incarnation(store, dir_, rng_));
  MAILLON_CHECK(store.commit());
  identity_.incarnation = life.incarnation;
  drew_incarnation_ = life.drawn;
  return {};
}

Result<void> Replica::settle_key(const NodeId& node, const std::optional<std::string>& passphrase) {
  std::error_code failed;
  if (!fs::exists(dir_ / kNextKey, failed)) return {};
  if (key_->node_id() == node) {
    fs::remove(dir_ / kNextKey, failed);
    return {};
  }
  MAILLON_TRY(const auto secret, crypto::read_key_file(dir_ / kNextKey, view_of(passphrase)));
  auto next = std::make_shared<const crypto::SigningKey>(secret);
  if (next->node_id() != node) return {};
  MAILLON_CHECK(put_key_in_place(dir_));
  key_ = std::move(next);
  return {};
}

void Replica::follow_trust(storage::Store& store) {
  const std::lock_guard guard{mutex_};
  const auto trust = store.trust();
  const auto self = trust->nodes().find(identity_.node);
  if (self == trust->nodes().end() || self->second.member == identity_.member) return;
  identity_.member = self->second.member;
  store.set_reader(identity_.member);
}

Result<void> Replica::change_key(const crypto::SigningKey& root,
                                 const std::optional<std::string>& passphrase,
                                 const PublishKey& publish) {
  const auto alone = hold_key();
  MAILLON_TRY(const bool sealed, crypto::key_file_is_sealed(dir_ / kKey));
  if (sealed) {
    // One passphrase opens both keys: the other would be a surprise at the next start.
    MAILLON_TRY(const auto opened, crypto::read_key_file(dir_ / kKey, view_of(passphrase)));
  }
  const auto secret = crypto::Secret32::random(rng_);
  const auto next = std::make_shared<const crypto::SigningKey>(secret);
  const auto issued = static_cast<std::uint64_t>(clock_.now().count());
  const auto certificate = crypto::NodeCertificate::make(root, *next, issued);
  std::error_code none;
  fs::remove(dir_ / kNextKey, none);
  MAILLON_CHECK(crypto::write_key_file(dir_ / kNextKey, secret,
                                       sealed ? view_of(passphrase) : std::nullopt, rng_));
  if (MAILLON_FAULT("killed_before_key_change")) ::raise(SIGKILL);
  const std::uint64_t incarnation = rng_.u64();
  const auto job = [&](storage::Store& store) -> Result<void> {
    MAILLON_CHECK(publish(store, certificate));
    MAILLON_CHECK(store.set_meta("member", certificate.member.bytes()));
    MAILLON_CHECK(store.set_meta("certificate", certificate.encode()));
    return save_incarnation(store, dir_, incarnation);
  };
  const auto changed = writer_->run_alone(job, [&] {
    const std::lock_guard guard{mutex_};
    key_ = next;
    identity_.node = certificate.node;
    identity_.certificate = certificate.encode();
    identity_.incarnation = incarnation;
  });
  if (changed.has_error()) {
    fs::remove(dir_ / kNextKey, none);
    return changed;
  }
  if (MAILLON_FAULT("killed_after_key_change")) ::raise(SIGKILL);
  return put_key_in_place(dir_);
}

Identity Replica::identity() const {
  const std::lock_guard guard{mutex_};
  return identity_;
}

std::shared_ptr<const crypto::SigningKey> Replica::key() const {
  const std::lock_guard guard{mutex_};
  return key_;
}

storage::Author Replica::author() const {
  const std::lock_guard guard{mutex_};
  return {identity_.member, identity_.incarnation, key_.get()};
}

Result<void> Replica::draw_incarnation(storage::Store& store) {
  const std::uint64_t fresh = rng_.u64();
  {
    const std::lock_guard guard{mutex_};
    identity_.incarnation = fresh;
  }
  return save_incarnation(store, dir_, fresh);
}

std::shared_ptr<const storage::Trust> Replica::trust() const {
  const std::lock_guard guard{mutex_};
  return trust_;
}

storage::Unwanted Replica::unwanted() const {
  const std::lock_guard guard{mutex_};
  return unwanted_;
}

std::optional<FederationId> Replica::federation() const {
  const std::lock_guard guard{mutex_};
  return federation_;
}

void Replica::set_on_durable(std::function<void()> call) {
  const std::lock_guard guard{mutex_};
  on_durable_ = std::move(call);
}

Result<storage::Database> Replica::open_reader() const {
  storage::DatabaseOptions how;
  how.read_only = true;
  how.immutable = only_reads_;
  how.cache_kib = kReaderCacheKib;
  return storage::Database::open(dir_ / kDatabase, how);
}

Result<void> Replica::finish_index() {
  for (;;) {
    MAILLON_TRY(const std::size_t done, write<std::size_t>([](storage::Store& store) {
                  return storage::index_waiting(store, 2000);
                }));
    if (done == 0) return {};
  }
}

Result<std::optional<std::string>> Replica::setting(std::string_view key) {
  return write<std::optional<std::string>>(
      [key = "setting." + std::string{key}](storage::Store& store)
          -> Result<std::optional<std::string>> {
        MAILLON_TRY(const auto value, store.meta(key));
        if (!value) return std::optional<std::string>{};
        return std::optional{std::string{as_text(*value)}};
      });
}

Result<void> Replica::set_setting(std::string_view key, std::string_view value) {
  return writer_->run_void([key = "setting." + std::string{key}, text = std::string{value}](
                               storage::Store& store) { return store.set_meta(key, as_bytes(text)); });
}

Replica::Lease::Lease(Replica& from) : owner(from) {
  std::unique_lock lock{owner.mutex_};
  owner.reader_back_.wait(lock, [&] { return !owner.free_.empty(); });
  reader = owner.free_.back();
  owner.free_.pop_back();
  reader->records().set_owner_rule([trust = owner.trust_](const auto& of, const auto& by) {
    return trust->may_change_of(of, by);
  });
}

Replica::Lease::~Lease() {
  const std::lock_guard lock{owner.mutex_};
  owner.free_.push_back(reader);
  owner.reader_back_.notify_one();
}

}  // namespace maillon::replica
