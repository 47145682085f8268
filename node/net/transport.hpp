#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/sign.hpp"
#include "proto/bytes.hpp"
#include "proto/ids.hpp"
#include "proto/limits.hpp"
#include "proto/random.hpp"

/// Authenticated, encrypted, message-oriented connections between nodes: WebSocket, inside it
/// Noise_XX, inside it messages of up to kFrameMax bytes. docs/protocol.md has the bytes.
///
/// A Network has one thread. Except where said otherwise, everything here is called on that thread
/// (inside a callback, or through Network::post), and every callback comes on it, never from inside
/// a call of the caller's.
namespace maillon::net {

/// Who is at the other end, proven. Whether that member is admitted is for the caller to say.
struct PeerIdentity {
  NodeId node;
  MemberId member;
  Bytes certificate;  ///< crypto::NodeCertificate as sent, both signatures verified
};

/// Why a session ended. Values below 128 travel in the end-of-session message.
enum class CloseReason : std::uint8_t {
  done = 0,          ///< nothing more to say
  stopping = 1,      ///< the node is going down
  not_admitted = 2,  ///< this member or node has no place in the federation (yet, or any more)
  duplicate = 3,     ///< another connection to the same node is kept
  malformed = 4,     ///< bytes that no honest peer writes
  misbehaviour = 5,  ///< provable, and told to the administrator
  full = 6,          ///< no room for another session
  other = 127,       ///< a reason this version does not know
  lost = 128,        ///< the connection was cut: nothing may be taken as complete
  timed_out = 129,   ///< silent for kIdleTimeout, or the goodbye was not answered
  corrupt = 130,     ///< a message failed authentication: somebody between the nodes alters bytes
};

/// A word for logs and the admin surface, as "not admitted".
[[nodiscard]] std::string_view to_string(CloseReason reason) noexcept;

struct CloseInfo {
  CloseReason reason = CloseReason::lost;
  std::string text = {};  ///< printable; the peer's words when by_peer
  bool clean = false;     ///< both ends know that this was the end, and of what
  bool by_peer = false;
};

enum class Priority : std::uint8_t {
  bulk,
  urgent,  ///< goes ahead of bulk messages that wait, never inside one that has begun
};

/// `send` refuses beyond this many waiting bytes; a peer that slow should have been paused before.
inline constexpr std::size_t kSendQueueMax = 4 * limits::kWindowBytes;
/// on_drained comes when the queue falls below this after having been above.
inline constexpr std::size_t kSendQueueLow = 256u << 10;

/// One open session. Stays valid while somebody holds it; after on_closed its calls do nothing.
class Connection {
 public:
  virtual ~Connection() = default;

  [[nodiscard]] virtual const PeerIdentity& peer() const noexcept = 0;
  /// "192.0.2.7:4242"; behind a listed proxy the address that the proxy reports, without a port.
  [[nodiscard]] virtual const std::string& address() const noexcept = 0;
  [[nodiscard]] virtual bool outgoing() const noexcept = 0;
  [[nodiscard]] virtual bool is_open() const noexcept = 0;

  /// Writes at once when nothing is under way, else queues. Errc::usage beyond kFrameMax,
  /// Errc::full beyond kSendQueueMax, Errc::unavailable once closing.
  virtual Result<void> send(Bytes message, Priority priority = Priority::bulk) = 0;
  /// Bytes accepted and not yet handed to the operating system, 32 more for each message.
  [[nodiscard]] virtual std::size_t queued_bytes() const noexcept = 0;

  /// While paused no message is delivered and the peer is slowed by TCP. A pause longer than
  /// kIdleTimeout ends the session, as the peer then seems dead.
  virtual void pause_reading(bool paused) = 0;

  /// Sends what waits, then the end of session with `reason` (< 128) and `text` (cut at 256
  /// bytes), then closes the WebSocket; all within the close timeout, else cuts. on_closed follows.
  virtual void close(CloseReason reason, std::string_view text = {}) = 0;

  /// Bytes on the wire, with the overhead of Noise, WebSocket, HTTP and TLS.
  [[nodiscard]] virtual std::uint64_t sent_bytes() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t received_bytes() const noexcept = 0;
};

using ConnectionPtr = std::shared_ptr<Connection>;

/// What the owner of a session wants to hear; each may be empty.
struct ConnectionEvents {
  std::function<void(Connection&, Bytes message)> on_message = {};
  std::function<void(Connection&)> on_drained = {};
  /// Once, last.
  std::function<void(Connection&, const CloseInfo&)> on_closed = {};
};

/// A peer has proven its node key. Sends made inside are queued; a close made inside is told to
/// the peer, which then never sees the session open.
using OnOpen = std::function<ConnectionEvents(const ConnectionPtr&)>;

struct DialCallbacks {
  OnOpen on_open;
  /// Instead of on_open. Errc::refused: other federation, other node than expected, ourselves, or
  /// the peer said no; Errc::unavailable: no answer, not in time, stopping; Errc::integrity or
  /// Errc::malformed: bytes altered, or a certificate that does not verify; Errc::usage: bad URL.
  std::function<void(const Error&)> on_failed = {};
};

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};

struct NetworkOptions {
  FederationId federation;
  Bytes certificate;  ///< crypto::NodeCertificate of this node

  /// Addresses or CIDR ranges of reverse proxies whose X-Forwarded-For is believed.
  std::vector<std::string> trusted_proxies = {};
  std::string ca_file = {};   ///< PEM, instead of the system's store, for wss://
  /// Whether this peer may answer where another node is expected; none: nobody may.
  std::function<bool(const NodeId& expected, const PeerIdentity& peer)> stands_for = {};
  bool insecure_tls = false;  ///< accept any TLS certificate: Noise still authenticates the node

  /// An incoming connection that never opened, for logs and counters.
  std::function<void(const std::string& address, const Error&)> on_refused = {};

  std::chrono::milliseconds handshake_timeout = limits::kHandshakeTimeout;
  std::chrono::milliseconds idle_timeout = limits::kIdleTimeout;
  std::chrono::milliseconds close_timeout = std::chrono::seconds{3};
  std::size_t unauthenticated_max = limits::kUnauthenticatedMax;
  std::size_t sessions_max = limits::kSessionsMax;
};

class NetworkCore;

/// A call to come; letting go of it cancels it. Belongs to the network thread while that runs.
class Timer {
 public:
  struct State;
  Timer() noexcept;
  explicit Timer(std::weak_ptr<State> state) noexcept;
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  ~Timer();
  void cancel() noexcept;

 private:
  std::weak_ptr<State> state_;
};

/// The network thread, its listeners and its connections.
class Network {
 public:
  /// Checks the certificate against `key`, makes this run's Noise static key, starts the thread.
  /// `key` is not kept; `rng` is used on the network thread and must outlive the Network.
  [[nodiscard]] static Result<std::unique_ptr<Network>> create(NetworkOptions options,
                                                               const crypto::SigningKey& key,
                                                               Rng& rng);
  ~Network();  ///< stop()
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Any thread. Port 0 takes a free one; the result says which. Errc::busy: somebody has the port;
  /// Errc::not_allowed: a port below 1024 without the right; Errc::usage: no such address here.
  [[nodiscard]] Result<Endpoint> listen(const std::string& host, std::uint16_t port,
                                        OnOpen on_open);

  /// Any thread. ws:// or wss://; with `expected` another node there is Errc::refused. Exactly one
  /// of the callbacks comes, except that a network already stopping calls none.
  void dial(std::string url, std::optional<NodeId> expected, DialCallbacks callbacks);

  /// Any thread, in order; false once stopping, and then `call` will not run.
  bool post(std::function<void()> call);
  [[nodiscard]] bool on_network_thread() const noexcept;
  /// Network thread. Every connection ends; those that follow show the new key. Errc::refused when
  /// the certificate is another key's.
  [[nodiscard]] Result<void> change_key(const crypto::SigningKey& key, const Bytes& certificate);
  /// Network thread.
  [[nodiscard]] Timer call_after(std::chrono::milliseconds delay, std::function<void()> call);
  /// Network thread: the randomness given to create().
  [[nodiscard]] Rng& rng() noexcept;

  /// Any thread but the network's. Refuses new work, says goodbye on every connection, waits for
  /// the answers within the close timeout, ends the thread. All on_closed have come when it
  /// returns. (The destructor also waits for a name lookup under way: nothing can interrupt that.)
  void stop();

 private:
  explicit Network(std::shared_ptr<NetworkCore> core) noexcept;
  std::shared_ptr<NetworkCore> core_;
};

}  // namespace maillon::net
