#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "node/net/transport.hpp"
#include "node/net/url.hpp"

/// One WebSocket connection, either side, with or without TLS, as bytes in and out. The only place
/// where Beast is compiled.
namespace maillon::net {

/// Hears of one stream; one handler for its whole life. No call comes from inside a call to the
/// stream.
class WsHandler {
 public:
  virtual ~WsHandler() = default;
  /// The WebSocket is open; `address` is the other end.
  virtual void on_ready(Result<std::string> address) = 0;
  /// One binary message, valid until the next read().
  virtual void on_read(ByteView message) = 0;
  /// Reading ended: `done` after a close frame, else lost, timed_out, malformed.
  virtual void on_read_failed(CloseReason reason, std::string text) = 0;
  virtual void on_written(bool ok) = 0;
  /// The closing handshake is over. Not ok when a read has seen its end first.
  virtual void on_stream_closed(bool ok) = 0;
};

/// What all streams of a network share; outlives them.
struct WsConfig {
  std::string path;                          ///< federation_path
  std::vector<std::string> trusted_proxies;  ///< checked by check_proxies
  std::chrono::milliseconds idle_timeout;
};

class WsStream {
 public:
  virtual ~WsStream() = default;
  /// Goes on until the WebSocket is open; on_ready follows.
  virtual void start(std::shared_ptr<WsHandler> handler) = 0;
  /// One at a time.
  virtual void read() = 0;
  /// One at a time; at most 65,535 bytes.
  virtual void write(Bytes message) = 0;
  /// Sends a close frame and waits for the other's; keep reading meanwhile.
  virtual void close() = 0;
  /// Cuts. What is under way fails.
  virtual void abort() = 0;
  /// The other end is no stranger any more: lifts kBeforeAuthenticationMax.
  virtual void lift_limit() = 0;
  [[nodiscard]] virtual std::uint64_t sent_bytes() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t received_bytes() const noexcept = 0;
};

[[nodiscard]] std::shared_ptr<WsStream> make_accepted_stream(boost::asio::ip::tcp::socket socket,
                                                             const WsConfig& config);
/// `tls` is used for wss:// only and must outlive the stream.
[[nodiscard]] std::shared_ptr<WsStream> make_dialled_stream(boost::asio::io_context& io, Url url,
                                                            boost::asio::ssl::context& tls,
                                                            const WsConfig& config);

/// Errc::usage names the entry that is neither an address nor a range.
[[nodiscard]] Result<void> check_proxies(const std::vector<std::string>& proxies);

/// "192.0.2.7:4242", "[2001:db8::7]:4242".
[[nodiscard]] std::string to_string(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace maillon::net
