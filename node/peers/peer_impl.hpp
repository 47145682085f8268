#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <semaphore>
#include <set>

#include "node/net/dialler.hpp"
#include "node/peers/peer_service.hpp"
#include "node/peers/verifier.hpp"
#include "node/replica/store_view.hpp"
#include "node/topology/topology.hpp"

namespace maillon::peers {

/// Everything below belongs to the network thread unless it says otherwise.
class PeerService::Impl {
 public:
  Impl(replica::Replica& replica, PeerOptions options);
  ~Impl();

  /// Any thread but the network's. Needs the federation's id: the network speaks its name.
  Result<void> start_network(const FederationId& federation);
  void stop();

  std::vector<PeerState> peers();
  SyncOutcome sync(std::chrono::milliseconds wait);
  Result<void> pursue(const federation::Invitation& invitation);
  [[nodiscard]] bool serves() const { return !options_.listen.empty(); }
  Result<JoinReply> join(const federation::Invitation& invitation, std::chrono::milliseconds wait);
  void hear_own_tips(std::chrono::milliseconds wait);
  ClockState clock();
  Result<void> key_changed();
  void reconnect();
  void refresh_dials();
  [[nodiscard]] bool disk_full() const { return disk_full_; }
  [[nodiscard]] std::string listening_on() const { return listening_; }
  void set_on_durable(std::function<void()> call) {
    const std::lock_guard guard{mutex_};
    also_on_durable_ = std::move(call);
  }

 private:
  static constexpr int kBatchesInMemory = 3;  ///< of up to 256 KiB packed, some 10 MiB each
  struct Peer {
    net::ConnectionPtr connection;
    std::optional<sync::SessionId> session = {};
    std::optional<UnixMillis> last_sync = {};
    bool asked = false;  ///< to join; nobody needs to twice on one connection
  };
  using Key = net::Connection*;

  /// Runs `ask` on the network thread and waits for its answer; `otherwise` when stopping.
  template <class T>
  T ask(std::function<T()> question, T otherwise);
  /// Any thread but the network's: asks until the answer is yes, each time that a session moved.
  bool await(std::chrono::steady_clock::time_point until, const std::function<bool()>& settled);

  net::ConnectionEvents opened(const net::ConnectionPtr& connection);
  net::ConnectionEvents session_events();
  net::ConnectionEvents opened_as_stranger(const net::ConnectionPtr& connection);
  bool keep_which(const net::ConnectionPtr& connection);
  void begin_session(const net::ConnectionPtr& connection);
  void on_message(net::Connection& connection, Bytes message);
  void on_closed(net::Connection& connection, const net::CloseInfo& info);
  void on_join_request(const net::ConnectionPtr& connection, ByteView message);
  net::ConnectionEvents ask_to_join(const net::ConnectionPtr& connection);
  void on_join_reply(const net::ConnectionPtr& connection, ByteView message,
                     const federation::Invitation& invitation, std::optional<Bytes> greeting);
  void entered(const net::ConnectionPtr& connection, const JoinReply& reply,
               std::optional<Bytes> greeting);
  void wish_granted();
  [[nodiscard]] bool is_member() const;
  Error not_joined(const federation::Invitation& invitation);
  void after_engine();
  void perform(sync::SendMessage& action);
  void perform(sync::Submit& action);
  void perform(sync::CloseSession& action);
  void perform(sync::Remember& action);
  void not_stored(const Error& why);
  void pause_peer(sync::SessionId session);
  void store_batch(sync::SessionId session, std::uint64_t token,
                   std::shared_ptr<std::vector<storage::CommitPtr>> commits);
  void tick();
  /// Ends sessions with nodes whose member was removed or left, or whose key was taken back.
  void part_from_strangers();
  /// Serves one who is no longer a member the decisions by which that is so, and nothing later; then
  /// closes.
  void say_farewell(const net::ConnectionPtr& connection, const MemberId& member);
  void greet_parted(const net::ConnectionPtr& connection);
  [[nodiscard]] bool told_lately(const NodeId& node) const;
  net::ConnectionEvents opened_as_former(const net::ConnectionPtr& connection);
  /// A stranger that greets like a member was one, by votes that no longer count; told so, if true.
  [[nodiscard]] bool part_from_lapsed(const net::ConnectionPtr& connection, ByteView message);
  [[nodiscard]] ClockState clock_now();
  void watch_clock();
  void bring_along();
  void update_targets();
  void want_members(std::map<std::string, std::optional<NodeId>>& wanted);
  /// A node that nobody calls any more hears of its removal from those who decided it.
  void want_parted(std::map<std::string, std::optional<NodeId>>& wanted);
  net::ConnectionPtr connection_of(sync::SessionId session);

  replica::Replica& replica_;
  PeerOptions options_;
  std::shared_ptr<spdlog::logger> log_;
  std::uint64_t salt_;  ///< of this run's choice of links
  std::optional<storage::Database> database_;
  std::unique_ptr<replica::StoreView> view_;
  std::unique_ptr<sync::Engine> engine_;
  std::unique_ptr<net::Network> network_;
  std::unique_ptr<net::Dialler> dialler_;
  net::Timer timer_;
  Verifier verifier_;
  std::counting_semaphore<> room_{kBatchesInMemory};  ///< any thread
  std::map<Key, Peer> peers_;
  std::map<sync::SessionId, Key> sessions_;
  std::map<NodeId, std::pair<UnixMillis, int>> banned_;  ///< until when, how often before
  /// Whose commits this node has no room for: until when it is not asked again, how often before.
  std::map<NodeId, std::pair<UnixMillis, int>> paused_;
  std::map<std::string, std::optional<NodeId>> targets_;
  std::optional<federation::Invitation> wish_;  ///< until annuaire names this node
  std::uint64_t pursuits_ = 0;  ///< how many times somebody asked to pursue a wish
  std::optional<Result<JoinReply>> answer_;     ///< the inviter's last, since somebody waits for it
  ToldClocks clocks_;
  std::optional<std::chrono::steady_clock::time_point> told_of_clock_;
  /// Nodes of former members, and when they were served how that came to be.
  std::map<NodeId, std::chrono::steady_clock::time_point> farewells_;
  bool brought_ = false;  ///< what this member wrote in a federation that this one continues
  std::vector<std::string> urls_;               ///< where this node says that it is reached
  std::mutex starting_;
  std::optional<FederationId> federation_;  ///< protected by starting_
  std::string listening_;
  std::atomic<bool> heard_ = false;  ///< some peer agreed with us in this run
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> disk_full_ = false;
  std::mutex mutex_;
  std::function<void()> also_on_durable_;  ///< protected by mutex_
  std::map<std::string, std::chrono::steady_clock::time_point> told_;  ///< protected by mutex_
  std::condition_variable moved_;
  std::uint64_t moves_ = 0;  ///< of sessions; protected by mutex_
};

template <class T>
T PeerService::Impl::ask(std::function<T()> question, T otherwise) {
  if (!network_) return otherwise;
  auto answer = std::make_shared<std::promise<T>>();
  auto future = answer->get_future();
  if (!network_->post([answer, question = std::move(question)] { answer->set_value(question()); }))
    return otherwise;
  // A network that stops drops what was posted, and the promise with it.
  answer.reset();
  try {
    return future.get();
  } catch (const std::future_error&) {
    return otherwise;
  }
}

}  // namespace maillon::peers
