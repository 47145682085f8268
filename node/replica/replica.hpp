#pragma once

#include <filesystem>

#include "crypto/keys.hpp"
#include "node/replica/reader.hpp"
#include "node/replica/writer.hpp"
#include "proto/clock.hpp"

/// A data folder at work: its lock, its keys, its one writer and its readers.
namespace maillon::replica {

/// Who this node is. Kept in the database, but for the key.
struct Identity {
  MemberId member = MemberId::zero();
  NodeId node = NodeId::zero();
  Bytes certificate;
  std::string name;
  Role role = Role::cooperative;
  std::string region;
  std::uint64_t incarnation = 0;
  bool recovered = false;  ///< made from 24 words: of the member that has them, or of nobody
};

struct InitOptions {
  std::string name;
  Role role = Role::cooperative;
  std::string region;
  std::optional<std::string> passphrase;
  bool recovered = false;  ///< from words that exist
};

/// $MAILLON_PASSPHRASE_FILE, else the systemd credential `maillon-passphrase`, else nothing.
[[nodiscard]] Result<std::optional<std::string>> passphrase_from_environment();

/// The folder's lock, for as long as the descriptor is open. Errc::busy: another process has it.
[[nodiscard]] Result<int> lock_folder(const std::filesystem::path& dir);

/// What begins so in a data folder is somebody's for a moment. Whatever a process that was killed left
/// of it goes when the next one opens the folder: a copy for a backup holds the node's key.
inline constexpr std::string_view kPassing = "tmp-";

class Replica {
 public:
  /// Makes the folder (0700), the node key and the database: all of it, or nothing that a further
  /// init() would find. Errc::refused when there is one.
  [[nodiscard]] static Result<Identity> init(const std::filesystem::path& dir,
                                             const InitOptions& options,
                                             const crypto::SigningKey& root, Rng& rng);
  /// On a full disk it still opens, to read; then what writes is Errc::full.
  /// Errc::not_found: no such folder; Errc::busy: another process has it; ::not_allowed:
  /// passphrase.
  [[nodiscard]] static Result<std::unique_ptr<Replica>> open(const std::filesystem::path& dir,
                                                             std::optional<std::string> passphrase);
  ~Replica();

  [[nodiscard]] const std::filesystem::path& dir() const noexcept { return dir_; }
  /// As it is now: a decision may replace the root key, and the node's key can be changed.
  [[nodiscard]] Identity identity() const;
  [[nodiscard]] std::shared_ptr<const crypto::SigningKey> key() const;
  [[nodiscard]] Clock& clock() noexcept { return clock_; }
  [[nodiscard]] Rng& rng() noexcept { return rng_; }  ///< any thread
  /// For use inside a writer's job: the key and the incarnation are what they are by then.
  [[nodiscard]] storage::Author author() const;
  /// A copy of the folder was found at open(), and this run writes under a new incarnation.
  [[nodiscard]] bool only_reads() const noexcept { return only_reads_; }
  [[nodiscard]] bool incarnation_was_drawn() const noexcept { return drew_incarnation_; }
  /// Draws another one and remembers it; writer's thread.
  Result<void> draw_incarnation(storage::Store& store);
  /// Makes a new node key, certified by `root`, this folder's own, with a fresh incarnation.
  /// `publish` tells the others in the same transaction, still under the former key. The file
  /// stays sealed if it was: `passphrase` must open it. Whatever is cut short, the folder opens
  /// with the one key or the other.
  using PublishKey = std::function<Result<void>(storage::Store&, const crypto::NodeCertificate&)>;
  [[nodiscard]] Result<void> change_key(const crypto::SigningKey& root,
                                        const std::optional<std::string>& passphrase,
                                        const PublishKey& publish);
  /// While it is held, the key file and the database belong together.
  [[nodiscard]] std::unique_lock<std::mutex> hold_key() { return std::unique_lock{changing_key_}; }

  [[nodiscard]] Writer& writer() noexcept { return *writer_; }
  template <class T>
  Result<T> write(std::function<Result<T>(storage::Store&)> job) {
    return writer_->run<T>(std::move(job));
  }
  /// On a connection of the pool; waits for one.
  template <class T>
  Result<T> read(const std::function<Result<T>(Reader&)>& job) {
    const Lease lease{*this};
    return job(*lease.reader);
  }
  /// As of the last durable transaction; any thread.
  [[nodiscard]] std::shared_ptr<const storage::Trust> trust() const;
  /// What this node keeps nothing of by choice; likewise.
  [[nodiscard]] storage::Unwanted unwanted() const;
  /// None before a federation was created or joined.
  [[nodiscard]] std::optional<FederationId> federation() const;
  /// Called on the writer's thread after each durable transaction.
  void set_on_durable(std::function<void()> call);
  /// A further read-only connection, for a thread of the caller's.
  [[nodiscard]] Result<storage::Database> open_reader() const;
  /// Brings the full-text index up to date.
  Result<void> finish_index();

  // Local settings, kept in the database.
  Result<std::optional<std::string>> setting(std::string_view key);
  Result<void> set_setting(std::string_view key, std::string_view value);

 private:
  struct Lease {
    explicit Lease(Replica& owner);
    ~Lease();
    Replica& owner;
    Reader* reader;
  };
  Replica(std::filesystem::path dir, const crypto::Secret32& secret)
      : dir_(std::move(dir)), key_(std::make_shared<const crypto::SigningKey>(secret)) {}
  [[nodiscard]] Result<std::unique_ptr<storage::Store>> open_store();
  Result<void> load(storage::Store& store, const std::optional<std::string>& passphrase);
  /// Ends a change of the key that was cut short: `node` is the one that the database says.
  Result<void> settle_key(const NodeId& node, const std::optional<std::string>& passphrase);
  /// A node certified by a root key that replaced another is one of the member that had the other.
  void follow_trust(storage::Store& store);

  /// Usable from every thread.
  class SharedRng final : public Rng {
   public:
    void fill(std::span<std::uint8_t> out) override { system_.fill(out); }

   private:
    crypto::SystemRng system_;
  };

  std::filesystem::path dir_;
  std::shared_ptr<const crypto::SigningKey> key_;  ///< protected by mutex_
  int lock_ = -1;
  Identity identity_;  ///< protected by mutex_
  std::mutex changing_key_;
  bool drew_incarnation_ = false;
  bool only_reads_ = false;  ///< there is no room even for what SQLite keeps beside the database
  SystemClock clock_;
  SharedRng rng_;
  mutable std::mutex mutex_;
  std::condition_variable reader_back_;
  std::shared_ptr<const storage::Trust> trust_;       ///< protected by mutex_
  std::optional<FederationId> federation_;            ///< protected by mutex_
  storage::Unwanted unwanted_;                        ///< protected by mutex_
  std::function<void()> on_durable_;                  ///< protected by mutex_
  std::vector<std::unique_ptr<storage::Database>> databases_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<Reader*> free_;                         ///< protected by mutex_
  std::unique_ptr<Writer> writer_;
};

/// A consistent copy of the database and the key in one file, while the node runs.
[[nodiscard]] Result<void> backup(Replica& replica, const std::filesystem::path& file,
                                  const std::function<void(int percent)>& progress);
/// Makes a folder of a backup, under a new incarnation.
[[nodiscard]] Result<Identity> restore(const std::filesystem::path& file,
                                       const std::filesystem::path& dir, Rng& rng);

}  // namespace maillon::replica
