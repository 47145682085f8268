#include "node/net/ws_stream.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <limits>
#include <optional>
#include <type_traits>

namespace maillon::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using beast::error_code;

/// Longer request heads than this are no node's.
constexpr std::uint32_t kHttpHeadMax = 8u << 10;
/// A whole frame of a client is masked into this before it is written: one system call each.
constexpr std::size_t kWriteBuffer = limits::kNoiseMessageMax + 16;
/// Tells our own 404 from that of a web server that knows nothing of us.
constexpr std::string_view kRefusalHeader = "Maillon-Refusal";
constexpr std::string_view kOtherFederation = "other-federation";

/// Limits nothing: counts what passes, and says when a stranger has sent too much.
class CountingPolicy {
 public:
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::function<void()> on_limit = {};

 private:
  friend class beast::rate_policy_access;
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  std::size_t available_read_bytes() const noexcept { return kAll; }
  std::size_t available_write_bytes() const noexcept { return kAll; }
  void transfer_read_bytes(std::size_t n) {
    received += n;
    if (on_limit && received > limits::kBeforeAuthenticationMax) std::exchange(on_limit, {})();
  }
  void transfer_write_bytes(std::size_t n) noexcept { sent += n; }
  void on_timer() const noexcept {}
};

using TcpStream = beast::basic_stream<tcp, asio::any_io_executor, CountingPolicy>;
using TlsStream = beast::ssl_stream<TcpStream>;

std::string in_french(const error_code& ec) {
  if (ec == asio::error::connection_refused) return "connexion refusée";
  if (ec == asio::error::host_not_found || ec == asio::error::host_not_found_try_again)
    return "nom d’hôte inconnu";
  if (ec == asio::error::timed_out || ec == beast::error::timeout) return "délai dépassé";
  if (ec == asio::error::network_unreachable) return "réseau injoignable";
  if (ec == asio::error::host_unreachable) return "machine injoignable";
  if (ec == asio::error::connection_reset || ec == asio::error::eof) return "connexion coupée";
  return ec.message();
}

Error unreachable(std::string_view doing, const error_code& ec) {
  const bool unknown =
      ec == asio::error::host_not_found || ec == asio::error::host_not_found_try_again;
  return Error{Errc::unavailable, std::string(doing) + ": " + ec.message(),
               "pas de réponse : " + in_french(ec),
               unknown ? "check the spelling of the host, and this machine's network"
                       : "check that the node runs there and that the way to it is open",
               unknown ? "vérifiez l’orthographe de l’hôte, et le réseau de cette machine"
                       : "vérifiez que le nœud y tourne et que le chemin jusqu’à lui est ouvert"};
}

bool in_range(const asio::ip::address& address, const std::string& range) {
  error_code ec;
  if (const auto single = asio::ip::make_address(range, ec); !ec) return single == address;
  if (const auto v4 = asio::ip::make_network_v4(range, ec); !ec) {
    return address.is_v4() &&
           asio::ip::make_network_v4(address.to_v4(), v4.prefix_length()).network() == v4.network();
  }
  if (const auto v6 = asio::ip::make_network_v6(range, ec); !ec) {
    return address.is_v6() &&
           asio::ip::make_network_v6(address.to_v6(), v6.prefix_length()).network() == v6.network();
  }
  return false;
}

/// A dual-stack listener reports IPv4 as mapped IPv6.
asio::ip::address unmapped(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

/// The address nearest to us that no listed proxy has: what stands further left in
/// X-Forwarded-For is the word of that very stranger.
std::string forwarded_address(std::string_view header, const std::vector<std::string>& proxies) {
  while (!header.empty()) {
    const auto comma = header.rfind(',');
    std::string_view item = comma == std::string_view::npos ? header : header.substr(comma + 1);
    header = comma == std::string_view::npos ? std::string_view{} : header.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    error_code ec;
    const auto address = asio::ip::make_address(std::string(item), ec);
    if (ec) return {};
    const auto listed = [&](const std::string& range) { return in_range(address, range); };
    if (std::ranges::none_of(proxies, listed)) return address.to_string();
  }
  return {};
}

Error explain_refusal(const websocket::response_type& response) {
  if (response[kRefusalHeader] == kOtherFederation) {
    return Error{Errc::refused, "the node at this address belongs to another federation",
                 "le nœud à cette adresse appartient à une autre fédération",
                 "check the address, or the invitation that this node was set up with",
                 "vérifiez l’adresse, ou l’invitation avec laquelle ce nœud a été installé"};
  }
  const std::string status = std::to_string(response.result_int());
  return Error{Errc::unavailable, "a web server answers there (HTTP " + status + "), not a node",
               "un serveur web répond là (HTTP " + status + "), pas un nœud",
               "check the address, and that its proxy passes WebSocket on to the node",
               "vérifiez l’adresse, et que le relais transmet les WebSocket au nœud"};
}

template <class Next>
class WsStreamImpl final : public WsStream,
                           public std::enable_shared_from_this<WsStreamImpl<Next>> {
 public:
  static constexpr bool kTls = std::is_same_v<Next, TlsStream>;

  /// Incoming.
  WsStreamImpl(tcp::socket socket, const WsConfig& config)
      : config_(config), resolver_(socket.get_executor()), ws_(std::move(socket)) {}
  /// Outgoing; `args` make the next layer.
  template <class... Args>
  WsStreamImpl(Url url, const WsConfig& config, asio::io_context& io, Args&... args)
      : config_(config), url_(std::move(url)), resolver_(io), ws_(io, args...) {}

  void start(std::shared_ptr<WsHandler> handler) override {
    handler_ = std::move(handler);
    lowest().rate_policy().on_limit = [weak = this->weak_from_this()] {
      const auto self = weak.lock();
      if (self) asio::post(self->ws_.get_executor(), [self] { self->abort(); });
    };
    websocket::stream_base::timeout timeouts{};
    timeouts.handshake_timeout = websocket::stream_base::none();  // the session's own timer
    timeouts.idle_timeout = config_.idle_timeout;
    timeouts.keep_alive_pings = true;  // at half of it
    ws_.set_option(timeouts);
    ws_.read_message_max(limits::kNoiseMessageMax);
    ws_.write_buffer_bytes(kWriteBuffer);
    ws_.auto_fragment(false);
    ws_.binary(true);
    if (url_) {
      resolve();
    } else if constexpr (!kTls) {
      read_request();
    }
  }

  void read() override {
    buffer_.clear();
    ws_.async_read(buffer_, [self = this->shared_from_this()](const error_code& ec, std::size_t) {
      self->read_done(ec);
    });
  }

  void write(Bytes message) override {
    out_ = std::move(message);
    ws_.async_write(asio::buffer(out_),
                    [self = this->shared_from_this()](const error_code& ec, std::size_t) {
                      Bytes().swap(self->out_);  // idle sessions are many: keep nothing
                      self->handler_->on_written(!ec);
                    });
  }

  void close() override {
    ws_.async_close(websocket::close_code::normal,
                    [self = this->shared_from_this()](const error_code& ec) {
                      self->handler_->on_stream_closed(!ec || self->ws_.reason());
                    });
  }

  void abort() override {
    resolver_.cancel();
    lowest().close();
  }

  void lift_limit() override { lowest().rate_policy().on_limit = {}; }
  std::uint64_t sent_bytes() const noexcept override { return lowest().rate_policy().sent; }
  std::uint64_t received_bytes() const noexcept override { return lowest().rate_policy().received; }

 private:
  TcpStream& lowest() { return beast::get_lowest_layer(ws_); }
  const TcpStream& lowest() const { return beast::get_lowest_layer(ws_); }
  void fail(Error error) { handler_->on_ready(Result<std::string>(std::move(error))); }
  void ready() {
    buffer_.clear();
    handler_->on_ready(Result<std::string>(address_));
  }

  /// False when the socket is already gone.
  bool note_socket() {
    error_code ec;
    const auto remote = lowest().socket().remote_endpoint(ec);
    if (ec) return false;
    remote_ = tcp::endpoint(unmapped(remote.address()), remote.port());
    address_ = to_string(remote_);
    lowest().socket().set_option(tcp::no_delay(true), ec);
    return true;
  }

  // Outgoing: resolve, connect, TLS, WebSocket.

  void resolve() {
    error_code ec;
    const auto address = asio::ip::make_address(url_->host, ec);
    if (!ec) {
      const tcp::endpoint endpoint(address, url_->port);
      lowest().async_connect(endpoint,
                             [self = this->shared_from_this()](const error_code& failure) {
                               self->connected(failure);
                             });
      return;
    }
    resolver_.async_resolve(url_->host, std::to_string(url_->port),
                            [self = this->shared_from_this()](
                                const error_code& failure, const tcp::resolver::results_type& all) {
                              if (failure) return self->fail(unreachable("name lookup", failure));
                              self->connect(all);
                            });
  }

  void connect(const tcp::resolver::results_type& endpoints) {
    lowest().async_connect(
        endpoints, [self = this->shared_from_this()](const error_code& ec, const tcp::endpoint&) {
          self->connected(ec);
        });
  }

  void connected(const error_code& ec) {
    if (ec) return fail(unreachable("connecting", ec));
    if (!note_socket()) return fail(Error{Errc::unavailable, "connecting: cut at once"});
    if constexpr (kTls) {
      start_tls();
    } else {
      start_websocket();
    }
  }

  void start_tls() {
    error_code ec;
    (void)asio::ip::make_address(url_->host, ec);
    // Server names are for names only (RFC 6066).
    if (ec) SSL_set_tlsext_host_name(ws_.next_layer().native_handle(), url_->host.c_str());
    ws_.next_layer().set_verify_callback(asio::ssl::host_name_verification(url_->host));
    ws_.next_layer().async_handshake(
        asio::ssl::stream_base::client,
        [self = this->shared_from_this()](const error_code& failure) {
          if (!failure) return self->start_websocket();
          if (failure.category() != asio::error::get_ssl_category()) {
            return self->fail(unreachable("TLS", failure));
          }
          self->fail(Error{Errc::integrity, "TLS: " + failure.message(),
                           "TLS : " + failure.message(),
                           "check the name in the address and the server's certificate, or give "
                           "the authority that signed it",
                           "vérifiez le nom dans l’adresse et le certificat du serveur, ou donnez "
                           "l’autorité qui l’a signé"});
        });
  }

  void start_websocket() {
    ws_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set(http::field::user_agent, "maillon/1");
    }));
    ws_.async_handshake(response_, url_->authority(), url_->prefix + config_.path,
                        [self = this->shared_from_this()](const error_code& ec) {
                          if (!ec) return self->ready();
                          if (ec == websocket::error::upgrade_declined) {
                            return self->fail(explain_refusal(self->response_));
                          }
                          self->fail(unreachable("opening the WebSocket", ec));
                        });
  }

  // Incoming: the request, then the answer.

  void read_request() {
    if (!note_socket()) {
      asio::post(ws_.get_executor(), [self = this->shared_from_this()] {
        self->fail(Error{Errc::unavailable, "cut at once"});
      });
      return;
    }
    parser_.emplace();
    parser_->header_limit(kHttpHeadMax);
    http::async_read(ws_.next_layer(), buffer_, *parser_,
                     [self = this->shared_from_this()](const error_code& ec, std::size_t) {
                       self->request_read(ec);
                     });
  }

  void request_read(const error_code& ec) {
    if (ec) {
      const bool cut = ec == http::error::end_of_stream || ec == http::error::partial_message ||
                       ec.category() == boost::system::system_category();
      return fail(Error{cut ? Errc::unavailable : Errc::malformed,
                        "reading the HTTP request: " + ec.message()});
    }
    const auto& request = parser_->get();
    believe_proxy(request);
    if (request.target() != config_.path) return refuse_path();
    if (!websocket::is_upgrade(request) || buffer_.size() > 0) {
      return fail(Error{Errc::malformed, "not a WebSocket request"});
    }
    ws_.async_accept(request, [self = this->shared_from_this()](const error_code& failure) {
      self->parser_.reset();
      if (failure) return self->fail(unreachable("accepting the WebSocket", failure));
      self->ready();
    });
  }

  void believe_proxy(const http::request<http::empty_body>& request) {
    const auto listed = [this](const std::string& range) {
      return in_range(remote_.address(), range);
    };
    if (std::ranges::none_of(config_.trusted_proxies, listed)) return;
    // Some proxies append to the line that came, some add a line of their own.
    std::string header;
    const auto [first, last] = request.equal_range("X-Forwarded-For");
    for (auto field = first; field != last; ++field) {
      header += (header.empty() ? "" : ",") + std::string(field->value());
    }
    const std::string address = forwarded_address(header, config_.trusted_proxies);
    if (!address.empty()) address_ = address;
  }

  void refuse_path() {
    refusal_.emplace(http::status::not_found, parser_->get().version());
    refusal_->set(kRefusalHeader, kOtherFederation);
    refusal_->set(http::field::content_type, "text/plain; charset=utf-8");
    refusal_->keep_alive(false);
    refusal_->body() = "No such federation here. / Pas de telle fédération ici.\n";
    refusal_->prepare_payload();
    http::async_write(ws_.next_layer(), *refusal_,
                      [self = this->shared_from_this()](const error_code& ec, std::size_t) {
                        self->refusal_written(ec);
                      });
  }

  /// Waits for the other to hang up: closing with unread input would reset the connection and
  /// might take our answer with it.
  void refusal_written(const error_code& ec) {
    const auto finish = [self = this->shared_from_this()](const error_code&, std::size_t) {
      self->fail(Error{Errc::refused, "asked for another federation, or another thing",
                       "a demandé une autre fédération, ou autre chose"});
    };
    if (ec) return finish(ec, 0);
    error_code ignored;
    lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    ws_.next_layer().async_read_some(buffer_.prepare(1024), finish);
  }

  void read_done(const error_code& ec) {
    if (!ec) {
      if (!ws_.got_binary()) {
        return handler_->on_read_failed(CloseReason::malformed, "a text message");
      }
      const auto data = buffer_.data();
      return handler_->on_read(
          ByteView(static_cast<const std::uint8_t*>(data.data()), data.size()));
    }
    auto reason = CloseReason::lost;
    // Once the close frame has come, it does not matter how TCP or TLS went down.
    if (ec == websocket::error::closed || ws_.reason()) {
      reason = CloseReason::done;
    } else if (ec == beast::error::timeout) {
      reason = CloseReason::timed_out;
    } else if (ec.category() == make_error_code(websocket::error::closed).category()) {
      reason = CloseReason::malformed;
    }
    handler_->on_read_failed(reason, ec.message());
  }

  const WsConfig& config_;
  std::optional<Url> url_;
  std::shared_ptr<WsHandler> handler_;
  tcp::resolver resolver_;
  websocket::stream<Next, false> ws_;
  beast::flat_buffer buffer_;
  Bytes out_;
  tcp::endpoint remote_;
  std::string address_;
  websocket::response_type response_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::optional<http::response<http::string_body>> refusal_;
};

}  // namespace

std::string to_string(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return host + ":" + std::to_string(endpoint.port());
}

Result<void> check_proxies(const std::vector<std::string>& proxies) {
  for (const std::string& range : proxies) {
    error_code single;
    error_code v4;
    error_code v6;
    (void)asio::ip::make_address(range, single);
    (void)asio::ip::make_network_v4(range, v4);
    (void)asio::ip::make_network_v6(range, v6);
    if (single && v4 && v6) {
      return Error{Errc::usage, "trusted proxy `" + range + "`: neither an address nor a range",
                   "proxy de confiance « " + range + " » : ni une adresse ni une plage",
                   "write it as 192.0.2.7 or 192.0.2.0/24",
                   "écrivez par exemple 192.0.2.7 ou 192.0.2.0/24"};
    }
  }
  return {};
}

std::shared_ptr<WsStream> make_accepted_stream(tcp::socket socket, const WsConfig& config) {
  return std::make_shared<WsStreamImpl<TcpStream>>(std::move(socket), config);
}

std::shared_ptr<WsStream> make_dialled_stream(asio::io_context& io, Url url,
                                              asio::ssl::context& tls, const WsConfig& config) {
  if (url.tls) return std::make_shared<WsStreamImpl<TlsStream>>(std::move(url), config, io, tls);
  return std::make_shared<WsStreamImpl<TcpStream>>(std::move(url), config, io);
}

}  // namespace maillon::net
