#pragma once

#include <deque>
#include <memory>

#include "node/sync/engine.hpp"

/// Engines that talk to each other in memory, over a store that is a list of commits.
namespace maillon::test {

/// The log of one space, annuaire.
class ListStore final : public sync::SyncStore {
 public:
  /// False if it is stored already.
  bool add(const SignedCommit& commit);
  [[nodiscard]] std::size_t size() const { return log_.size(); }

  [[nodiscard]] std::optional<SpaceId> annuaire() override;
  [[nodiscard]] std::vector<SpaceId> shared_with(const MemberId&) override { return {}; }
  [[nodiscard]] Digest frontier(const SpaceId& space) override;
  [[nodiscard]] std::optional<Digest> held(const SpaceId&) override { return std::nullopt; }
  [[nodiscard]] std::vector<Tip> tips(const SpaceId& space, std::int64_t after) override;
  [[nodiscard]] std::int64_t last_log() override { return static_cast<std::int64_t>(log_.size()); }
  [[nodiscard]] std::optional<sync::Place> place(const CommitId& id) override;
  [[nodiscard]] std::optional<sync::Place> first_from(const FeedKey& feed,
                                                      std::uint64_t seq) override;
  [[nodiscard]] std::optional<sync::Place> before(const sync::Place& place) override;
  [[nodiscard]] std::vector<sync::Place> feed(const FeedKey& key) override;
  void scan(const SpaceId& space, std::int64_t after,
            const std::function<bool(const sync::Place&)>& each) override;
  [[nodiscard]] SignedCommit bytes(const sync::Place& place) override;
  [[nodiscard]] std::optional<Agreed> agreed(const NodeId&, const SpaceId&) override {
    return std::nullopt;
  }

 private:
  struct Entry {
    sync::Place place;
    SignedCommit commit;
  };
  std::vector<Entry> log_;
  std::map<CommitId, std::size_t> by_id_;
  std::optional<Digest> frontier_;
};

/// Nodes and links between them. Messages arrive in the order in which they were sent, at once.
class Mesh final : public Clock {
 public:
  explicit Mesh(std::size_t nodes);

  void link(std::size_t a, std::size_t b);
  void cut(std::size_t a, std::size_t b);
  /// Loses what `from` sends to `to` and `lost` says yes to.
  using Loss = std::function<bool(const Bytes&)>;
  void lose(std::size_t from, std::size_t to, Loss lost) { losses_[{from, to}] = std::move(lost); }
  /// Writes commits at a node, each with a body of `size` bytes, and tells its engine.
  void write(std::size_t node, std::size_t commits = 1, std::size_t size = 100);
  /// The next commit of a node, which it does not store.
  [[nodiscard]] SignedCommit draft(std::size_t node, std::size_t size = 100);
  /// Gives a node commits that came by another way than a session.
  void give(std::size_t node, const std::vector<SignedCommit>& commits);
  /// Sends a message in the name of one side of a link.
  void forge(std::size_t from, std::size_t to, Bytes message) {
    post(from, to, std::move(message));
  }
  /// Delivers until nobody says anything more.
  void settle();
  /// A second passes, everywhere, and what comes of it.
  void tick();

  [[nodiscard]] std::size_t stored(std::size_t node) const { return nodes_[node].store->size(); }
  [[nodiscard]] bool equal();
  /// Payloads that a node was sent.
  [[nodiscard]] std::size_t copies(std::size_t node) const { return nodes_[node].copies; }
  [[nodiscard]] std::size_t all_copies() const;
  /// Messages of a kind that were delivered, over all links.
  [[nodiscard]] std::size_t messages(MessageKind kind) { return kinds_[kind]; }
  [[nodiscard]] std::size_t missing(std::size_t node) const;
  [[nodiscard]] std::size_t sessions(std::size_t node) const;
  [[nodiscard]] std::size_t accused() const { return accused_; }

  [[nodiscard]] UnixMillis now() override { return now_; }
  [[nodiscard]] static SpaceId space();

 private:
  struct Node {
    std::unique_ptr<ListStore> store;
    std::unique_ptr<sync::Engine> engine;
    std::map<std::size_t, sync::SessionId> to;  ///< by neighbour
    std::optional<CommitId> last;
    std::uint64_t seq = 0;
    std::size_t copies = 0;
  };
  struct Message {
    std::size_t from;
    std::size_t to;
    Bytes bytes;
  };
  void post(std::size_t from, std::size_t to, Bytes message);
  void drain(std::size_t node);
  [[nodiscard]] std::optional<std::size_t> neighbour(std::size_t node, sync::SessionId id) const;

  std::vector<Node> nodes_;
  std::deque<Message> under_way_;
  std::map<std::pair<std::size_t, std::size_t>, Loss> losses_;
  std::map<MessageKind, std::size_t> kinds_;
  std::size_t accused_ = 0;
  UnixMillis now_{1'790'000'000'000};
};

}  // namespace maillon::test
