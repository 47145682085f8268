#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "node/sync/engine.hpp"
#include "storage/store/store.hpp"

namespace maillon::replica {

/// Storage as the sync engine sees it, over one connection; thread: that connection's.
/// A read that fails is remembered in error() and answered with nothing: the owner must check it
/// after each call of the engine and stop.
class StoreView final : public sync::SyncStore {
 public:
  using TrustSource = std::function<std::shared_ptr<const storage::Trust>()>;
  StoreView(storage::Database& db, TrustSource trust, const MemberId& self);

  /// Before a newcomer has the genesis: the space that its inviter named.
  void set_annuaire(const SpaceId& space) { annuaire_ = space; }
  /// A decision may find that this node is another member's.
  void set_self(const MemberId& self) {
    self_ = self;
    shared_.clear();
  }
  void set_unwanted(storage::Unwanted unwanted) {
    unwanted_ = std::move(unwanted);
    shared_.clear();
  }
  /// Forgets cached frontiers and the log's end; call when commits became durable.
  void changed() {
    frontiers_.clear();
    last_log_.reset();
  }
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

  [[nodiscard]] std::optional<SpaceId> annuaire() override;
  [[nodiscard]] std::vector<SpaceId> shared_with(const MemberId& peer) override;
  [[nodiscard]] std::vector<SpaceId> unwanted() override;
  [[nodiscard]] Digest frontier(const SpaceId& space) override;
  [[nodiscard]] std::optional<Digest> held(const SpaceId& space) override;
  [[nodiscard]] std::vector<Tip> tips(const SpaceId& space, std::int64_t after) override;
  [[nodiscard]] std::int64_t last_log() override;
  [[nodiscard]] std::optional<sync::Place> place(const CommitId& id) override;
  [[nodiscard]] std::optional<sync::Place> first_from(const FeedKey& feed,
                                                      std::uint64_t seq) override;
  [[nodiscard]] std::optional<sync::Place> before(const sync::Place& place) override;
  [[nodiscard]] std::vector<sync::Place> feed(const FeedKey& key) override;
  void scan(const SpaceId& space, std::int64_t after,
            const std::function<bool(const sync::Place&)>& each) override;
  [[nodiscard]] SignedCommit bytes(const sync::Place& place) override;
  [[nodiscard]] std::optional<Agreed> agreed(const NodeId& peer, const SpaceId& space) override;

 private:
  template <class T>
  T value_or(Result<T> result, T otherwise);
  Result<std::optional<sync::Place>> find_place(const CommitId& id);
  Result<std::vector<sync::Place>> feed_from(const FeedKey& key, std::uint64_t seq, int limit);
  Result<FeedKey> feed_key(std::int64_t feed);

  storage::Database& db_;
  storage::Log log_;
  TrustSource trust_;
  MemberId self_;
  storage::Unwanted unwanted_;
  std::optional<SpaceId> annuaire_;
  std::map<SpaceId, Digest> frontiers_;
  std::shared_ptr<const storage::Trust> judged_;  ///< by which shared_ was found out
  std::map<MemberId, std::vector<SpaceId>> shared_;
  std::optional<std::int64_t> last_log_;
  std::unordered_map<std::int64_t, FeedKey> feeds_;
  std::optional<Error> error_;
};

/// Writes down what two nodes agreed on; writer's connection, inside a transaction.
[[nodiscard]] Result<void> remember_agreed(storage::Store& store, const sync::Remember& what);

}  // namespace maillon::replica
