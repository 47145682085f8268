#pragma once

#include <boost/asio/steady_timer.hpp>

#include "node/net/framing.hpp"
#include "node/net/ws_stream.hpp"

namespace maillon::net {

class NetConnection;

/// What a connection needs of its network; outlives it while it is not gone.
struct SessionContext {
  boost::asio::io_context& io;
  const LocalIdentity& identity;
  Rng& rng;
  const NetworkOptions& options;
  /// False when no further session fits.
  std::function<bool()> has_room;
  /// The connection is over for good: forget it.
  std::function<void(NetConnection&)> on_gone;
};

/// A connection from its first byte to its last: WebSocket, handshake, session, goodbye.
class NetConnection final : public Connection,
                            public WsHandler,
                            public std::enable_shared_from_this<NetConnection> {
 public:
  /// `source` is the address that an incoming one has as TCP knows it, for counting strangers.
  NetConnection(const SessionContext& context, std::shared_ptr<WsStream> stream, bool outgoing,
                std::string source, std::optional<NodeId> expected, DialCallbacks callbacks);

  void start();
  /// Not open, and gives up; does nothing to a connection that is open or over.
  void give_up(const Error& error);
  /// Closes if open, gives up if opening.
  void shutdown();
  /// Cuts, whatever the state.
  void cut();
  [[nodiscard]] bool opening() const noexcept { return state_ <= State::awaiting_ready; }
  [[nodiscard]] const std::string& source() const noexcept { return source_; }

  const PeerIdentity& peer() const noexcept override { return *peer_; }
  const std::string& address() const noexcept override { return address_; }
  bool outgoing() const noexcept override { return outgoing_; }
  bool is_open() const noexcept override { return state_ == State::open; }
  Result<void> send(Bytes message, Priority priority) override;
  std::size_t queued_bytes() const noexcept override { return outbox_.bytes(); }
  void pause_reading(bool paused) override;
  void close(CloseReason reason, std::string_view text) override;
  std::uint64_t sent_bytes() const noexcept override;
  std::uint64_t received_bytes() const noexcept override;

  void on_ready(Result<std::string> address) override;
  void on_read(ByteView message) override;
  void on_read_failed(CloseReason reason, std::string text) override;
  void on_written(bool ok) override;
  void on_stream_closed(bool ok) override;

 private:
  enum class State : std::uint8_t {
    connecting,      ///< TCP, TLS, WebSocket
    handshaking,     ///< Noise
    awaiting_ready,  ///< outgoing: proven, but the other has not said that it agrees
    open,
    closing,    ///< our end of session is on its way
    lingering,  ///< reported as closed; the WebSocket still says goodbye
    gone,
  };

  void handshake_step(ByteView message);
  void open_session();
  void transport_step(ByteView message);
  void while_awaiting_ready();
  void deliver();
  void peer_ended();
  void read();
  void pump();
  void arm(std::chrono::milliseconds delay);
  void deadline_passed();
  void lost(CloseReason reason, const std::string& text);
  void report_closed(const CloseInfo& info);
  void linger();
  void become_gone();

  const SessionContext& context_;
  std::shared_ptr<WsStream> stream_;  ///< none once gone
  const bool outgoing_;
  const std::string source_;
  std::string address_;
  std::optional<NodeId> expected_;
  DialCallbacks callbacks_;
  ConnectionEvents events_;
  std::optional<boost::asio::steady_timer> timer_;  ///< of opening, then of closing
  std::uint64_t timer_round_ = 0;
  State state_ = State::connecting;

  std::optional<SecureChannel> channel_;
  std::optional<PeerIdentity> peer_;
  std::optional<Bytes> handshake_out_;
  Outbox outbox_;
  Inbox inbox_;
  CloseInfo closing_;  ///< what we said, once closing

  bool reading_ = false;
  bool writing_ = false;
  bool paused_ = false;
  bool delivering_ = false;
  bool in_on_open_ = false;
  bool inbox_broken_ = false;
  bool stream_closing_ = false;
  bool above_low_ = false;  ///< the queue has been above kSendQueueLow
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

}  // namespace maillon::net
