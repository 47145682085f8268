#pragma once

#include <chrono>
#include <memory>

#include "node/federation/federation.hpp"
#include "node/peers/clock_state.hpp"
#include "node/replica/replica.hpp"

/// The live side of a node: connections, the sync engine, verification; for the daemon, and for
/// commands that work without one. No Boost here.
namespace maillon::peers {

struct PeerOptions {
  std::string listen;             ///< "HOST:PORT", or empty: only dial out
  std::vector<std::string> urls;  ///< how others reach it; none: made from where it listens
  std::vector<std::string> trusted_proxies = {};
  std::string ca_file = {};
  bool dial = true;  ///< configured peers, members' known addresses
  bool take_up_wish = true;  ///< start() goes on with a wish to join that was kept
};

struct PeerState {
  std::optional<NodeId> node;
  std::string name;  ///< of its member
  std::string address;
  std::string state;   ///< connected, connecting, waiting, refused
  Error why = {};  ///< it is not connected, if something went wrong
  bool in_sync = false;
  std::optional<UnixMillis> last_sync;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
};

struct SyncOutcome {
  bool converged = false;  ///< every connected peer has our frontiers in every shared space
  std::size_t connected = 0;
  bool disk_full = false;  ///< what came could not be stored here
};

struct DialEntry {
  std::string url;
  std::optional<NodeId> node;
};

class PeerService {
 public:
  /// Starts the network thread and the verifying thread; listens and dials.
  [[nodiscard]] static Result<std::unique_ptr<PeerService>> start(replica::Replica& replica,
                                                                  const PeerOptions& options);
  ~PeerService();  ///< stop()

  /// "HOST:PORT" as bound, or empty.
  [[nodiscard]] std::string listening_on() const;
  [[nodiscard]] std::vector<PeerState> peers();
  /// Dials now whoever is not connected, asks all for their frontiers, and waits until all agree.
  [[nodiscard]] SyncOutcome sync(std::chrono::milliseconds wait);
  /// Whether it listens, as a daemon does: it will be there when the command has ended.
  [[nodiscard]] bool serves() const;
  /// Listens and dials, if start() could not yet for want of a federation.
  [[nodiscard]] Result<void> begin(const FederationId& federation);
  /// From now on dials the inviter, at every address of the invitation and again and again, until
  /// annuaire names this node or the inviter refuses.
  [[nodiscard]] Result<void> pursue(const federation::Invitation& invitation);
  /// pursue(), and waits: for annuaire to name this node, or for a reply that admits nobody.
  /// Errc::unavailable names the addresses when neither came in time.
  [[nodiscard]] Result<JoinReply> join(const federation::Invitation& invitation,
                                       std::chrono::milliseconds wait);
  /// Before the first local commit of a run: hears one reachable peer about our own feeds, so that
  /// a rolled-back snapshot does not fork. Returns at once when heard before, or nobody to ask.
  void hear_own_tips(std::chrono::milliseconds wait);
  /// By what the connected peers said when they connected.
  [[nodiscard]] ClockState clock();
  /// Whether this node could not store what a peer sent last, for want of room.
  [[nodiscard]] bool disk_full() const;
  /// After the node's key changed: ends all sessions, and those that follow speak under the new
  /// one.
  [[nodiscard]] Result<void> key_changed();
  /// After the choice of spaces changed: begins all sessions anew.
  void reconnect();
  /// Re-reads the table of whom to dial.
  void dials_changed();
  /// Called on the writer's thread after each durable transaction, besides what replication does.
  void set_on_durable(std::function<void()> call);
  void stop();

 private:
  class Impl;
  explicit PeerService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Errc::usage, in words, for what is no ws:// or wss:// address.
[[nodiscard]] Result<void> check_url(std::string_view url);

/// Whom to dial, as configured (the table `dial`).
[[nodiscard]] Result<std::vector<DialEntry>> dial_list(replica::Replica& replica);
[[nodiscard]] Result<void> dial_add(replica::Replica& replica, const DialEntry& entry);
[[nodiscard]] Result<bool> dial_remove(replica::Replica& replica, std::string_view url_or_node);

}  // namespace maillon::peers
