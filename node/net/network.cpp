#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "node/net/connection.hpp"

namespace maillon::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Between two tries to accept when the system has no descriptors left.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// What stop() grants beyond the close timeout that each connection keeps by itself.
constexpr std::chrono::milliseconds kStopGrace{500};

Error listen_error(const tcp::endpoint& endpoint, const error_code& ec) {
  const std::string where = to_string(endpoint);
  if (ec == asio::error::address_in_use) {
    return Error{Errc::busy, "another program already listens on " + where,
                 "un autre programme écoute déjà sur " + where,
                 "stop it, or choose another port with --listen HOST:PORT",
                 "arrêtez-le, ou choisissez un autre port avec --listen HÔTE:PORT"};
  }
  if (ec == asio::error::access_denied) {
    return Error{Errc::not_allowed, "this user may not listen on " + where,
                 "cet utilisateur ne peut pas écouter sur " + where,
                 "choose a port above 1023, or put a reverse proxy in front",
                 "choisissez un port au-dessus de 1023, ou placez un relais inverse devant"};
  }
  if (ec == boost::system::errc::address_not_available) {
    return Error{Errc::usage, "this machine has no address " + endpoint.address().to_string(),
                 "cette machine n’a pas l’adresse " + endpoint.address().to_string(),
                 "use 0.0.0.0 or :: for every address", "0.0.0.0 ou :: pour toutes les adresses"};
  }
  return Error{Errc::io, "listening on " + where + ": " + ec.message(),
               "écoute sur " + where + " : " + ec.message()};
}

Result<void> set_up_tls(asio::ssl::context& tls, const NetworkOptions& options) {
  error_code ec;
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  tls.set_verify_mode(options.insecure_tls ? asio::ssl::verify_none : asio::ssl::verify_peer, ec);
  if (options.ca_file.empty()) return {};
  tls.load_verify_file(options.ca_file, ec);
  if (!ec) return {};
  return Error{Errc::usage, "certificate authorities in " + options.ca_file + ": " + ec.message(),
               "autorités de certification dans " + options.ca_file + " : " + ec.message()};
}

}  // namespace

struct Timer::State {
  State(asio::io_context& io, std::function<void()> what) : timer(io), call(std::move(what)) {}
  asio::steady_timer timer;
  std::function<void()> call;
};

Timer::Timer() noexcept = default;
Timer::Timer(std::weak_ptr<State> state) noexcept : state_(std::move(state)) {}
Timer::Timer(Timer&& other) noexcept : state_(std::exchange(other.state_, {})) {}
Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::exchange(other.state_, {});
  }
  return *this;
}
Timer::~Timer() { cancel(); }

void Timer::cancel() noexcept {
  const auto state = std::exchange(state_, {}).lock();
  if (!state) return;
  state->call = {};
  state->timer.cancel();
}

/// Everything behind Network; all but the constructor, listen, post and stop on its thread.
class NetworkCore {
 public:
  NetworkCore(NetworkOptions options, LocalIdentity identity, Rng& rng)
      : options_(std::move(options)),
        identity_(std::move(identity)),
        rng_(rng),
        ws_config_{federation_path(options_.federation), options_.trusted_proxies,
                   options_.idle_timeout},
        context_{io_,
                 identity_,
                 rng_,
                 options_,
                 [this] { return has_room(); },
                 [this](NetConnection& connection) { gone(connection); }} {}

  Result<void> prepare() { return set_up_tls(tls_, options_); }
  /// The system's authorities take 30 ms to read, and few nodes dial wss://.
  asio::ssl::context& tls() {
    error_code ec;
    if (options_.ca_file.empty() && !std::exchange(tls_paths_set_, true))
      tls_.set_default_verify_paths(ec);
    return tls_;
  }
  void run() {
    thread_ = std::thread([this] { io_.run(); });
  }

  Result<Endpoint> listen(const std::string& host, std::uint16_t port, OnOpen on_open);
  void dial(const std::string& text, std::optional<NodeId> expected, DialCallbacks callbacks);
  bool post(std::function<void()> call);
  Timer call_after(std::chrono::milliseconds delay, std::function<void()> call);
  Result<void> change_key(const crypto::SigningKey& key, const Bytes& certificate);
  void stop();
  bool on_thread() const noexcept { return std::this_thread::get_id() == thread_.get_id(); }
  Rng& rng() noexcept { return rng_; }

 private:
  struct Listener {
    Listener(asio::io_context& io, OnOpen what)
        : acceptor(io), pause(io), on_open(std::move(what)) {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    OnOpen on_open;
  };

  void accept(const std::shared_ptr<Listener>& listener);
  void accepted(const std::shared_ptr<Listener>& listener, tcp::socket socket);
  void make_room_for_stranger();
  bool has_room() const;
  void gone(NetConnection& connection);
  void begin_stop();
  void end_stop();

  // First, so that it goes last: what waits in it may refer to all the rest.
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  bool tls_paths_set_ = false;
  const NetworkOptions options_;
  LocalIdentity identity_;
  Rng& rng_;
  const WsConfig ws_config_;
  const SessionContext context_;
  asio::steady_timer stop_timer_{io_};
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::shared_ptr<NetConnection>> connections_;  ///< in the order they began
  bool ending_ = false;

  std::mutex mutex_;
  bool stopping_ = false;  ///< under mutex_
  std::thread thread_;
};

Result<Endpoint> NetworkCore::listen(const std::string& host, std::uint16_t port, OnOpen on_open) {
  error_code ec;
  tcp::endpoint endpoint(asio::ip::make_address(host, ec), port);
  if (ec) {
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, ec);
    if (ec || found.empty()) {
      return Error{Errc::usage, "`" + host + "` is no address of this machine",
                   "« " + host + " » n’est pas une adresse de cette machine",
                   "use 0.0.0.0 or :: for every address, 127.0.0.1 for this machine alone",
                   "0.0.0.0 ou :: pour toutes les adresses, 127.0.0.1 pour cette machine seule"};
    }
    endpoint = found.begin()->endpoint();
  }
  auto listener = std::make_shared<Listener>(io_, std::move(on_open));
  tcp::acceptor& acceptor = listener->acceptor;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return listen_error(endpoint, ec);
  const auto local = acceptor.local_endpoint(ec);
  if (ec) return listen_error(endpoint, ec);
  const bool posted = post([this, listener] {
    listeners_.push_back(listener);
    accept(listener);
  });
  if (!posted) return Error{Errc::unavailable, "stopping", "arrêt en cours"};
  return Endpoint{local.address().to_string(), local.port()};
}

void NetworkCore::accept(const std::shared_ptr<Listener>& listener) {
  listener->acceptor.async_accept([this, listener](const error_code& ec, tcp::socket socket) {
    if (!listener->acceptor.is_open()) return;
    if (!ec) {
      accepted(listener, std::move(socket));
      return accept(listener);
    }
    listener->pause.expires_after(kAcceptPause);
    listener->pause.async_wait([this, listener](const error_code& cancelled) {
      if (!cancelled && listener->acceptor.is_open()) accept(listener);
    });
  });
}

void NetworkCore::accepted(const std::shared_ptr<Listener>& listener, tcp::socket socket) {
  error_code ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec) return;
  make_room_for_stranger();
  auto connection = std::make_shared<NetConnection>(
      context_, make_accepted_stream(std::move(socket), ws_config_), /*outgoing=*/false,
      remote.address().to_string(), std::nullopt, DialCallbacks{listener->on_open});
  connections_.push_back(connection);
  connection->start();
}

/// Keeps strangers within unauthenticated_max. The one that makes way is the oldest of the address
/// that holds the most places: stalled sockets are old and many, a member's handshake is neither.
void NetworkCore::make_room_for_stranger() {
  std::map<std::string, std::vector<std::shared_ptr<NetConnection>>> strangers;
  std::size_t count = 0;
  for (const auto& connection : connections_) {
    if (connection->outgoing() || !connection->opening()) continue;
    strangers[connection->source()].push_back(connection);
    ++count;
  }
  if (count < options_.unauthenticated_max || count == 0) return;
  const auto most = std::ranges::max_element(strangers, {},
                                             [](const auto& entry) { return entry.second.size(); });
  most->second.front()->give_up(Error{Errc::full,
                                      "made way: too many connections that have not shown a key",
                                      "a cédé la place : trop de connexions sans clé montrée"});
}

bool NetworkCore::has_room() const {
  const auto open = std::ranges::count_if(
      connections_, [](const auto& connection) { return !connection->opening(); });
  // The one that asks already counts.
  return static_cast<std::size_t>(open) <= options_.sessions_max;
}

void NetworkCore::dial(const std::string& text, std::optional<NodeId> expected,
                       DialCallbacks callbacks) {
  if (ending_) {
    if (callbacks.on_failed) {
      callbacks.on_failed(Error{Errc::unavailable, "stopping", "arrêt en cours"});
    }
    return;
  }
  const auto url = Url::parse(text);
  if (url.has_error()) {
    if (callbacks.on_failed) callbacks.on_failed(url.error());
    return;
  }
  auto connection = std::make_shared<NetConnection>(
      context_, make_dialled_stream(io_, *url, url->tls ? tls() : tls_, ws_config_), /*outgoing=*/true,
      url->authority(), expected, std::move(callbacks));
  connections_.push_back(connection);
  connection->start();
}

bool NetworkCore::post(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  asio::post(io_, std::move(call));
  return true;
}

Timer NetworkCore::call_after(std::chrono::milliseconds delay, std::function<void()> call) {
  auto state = std::make_shared<Timer::State>(io_, std::move(call));
  state->timer.expires_after(delay);
  state->timer.async_wait([state](const error_code& ec) {
    const auto what = std::exchange(state->call, {});
    if (!ec && what) what();
  });
  return Timer(state);
}

Result<void> NetworkCore::change_key(const crypto::SigningKey& key, const Bytes& certificate) {
  MAILLON_TRY(auto fresh, LocalIdentity::make(options_.federation, key, certificate, rng_));
  const auto connections = connections_;
  const Error changed{Errc::unavailable, "the key of this node changed",
                      "la clé de ce nœud a changé"};
  for (const auto& connection : connections) {
    // A handshake under way would end with a payload that is not its own.
    if (connection->opening())
      connection->give_up(changed);
    else
      connection->close(CloseReason::done, "the key of this node changed");
  }
  identity_ = std::move(fresh);
  return {};
}

void NetworkCore::gone(NetConnection& connection) {
  std::erase_if(connections_, [&](const auto& held) { return held.get() == &connection; });
  if (ending_ && connections_.empty()) end_stop();
}

void NetworkCore::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(stopping_, true)) asio::post(io_, [this] { begin_stop(); });
  }
  MAILLON_ASSERT(!on_thread(), "the network cannot wait for itself");
  if (thread_.joinable()) thread_.join();
}

void NetworkCore::begin_stop() {
  ending_ = true;
  for (const auto& listener : listeners_) {
    error_code ignored;
    listener->acceptor.close(ignored);
    listener->pause.cancel();
  }
  // A copy, as giving up takes a connection off the list.
  const auto connections = connections_;
  for (const auto& connection : connections) connection->shutdown();
  if (connections_.empty()) return end_stop();
  stop_timer_.expires_after(options_.close_timeout + kStopGrace);
  stop_timer_.async_wait([this](const error_code& ec) {
    if (ec) return;
    const auto late = connections_;
    for (const auto& connection : late) connection->cut();
  });
}

void NetworkCore::end_stop() {
  stop_timer_.cancel();
  // Posted, so that callbacks already on their way still come.
  asio::post(io_, [this] {
    work_.reset();
    io_.stop();
  });
}

Network::Network(std::shared_ptr<NetworkCore> core) noexcept : core_(std::move(core)) {}
Network::~Network() { stop(); }

Result<std::unique_ptr<Network>> Network::create(NetworkOptions options,
                                                 const crypto::SigningKey& key, Rng& rng) {
  MAILLON_CHECK(check_proxies(options.trusted_proxies));
  MAILLON_TRY(auto identity,
              LocalIdentity::make(options.federation, key, options.certificate, rng));
  auto core = std::make_shared<NetworkCore>(std::move(options), std::move(identity), rng);
  MAILLON_CHECK(core->prepare());
  core->run();
  return std::unique_ptr<Network>(new Network(std::move(core)));
}

Result<Endpoint> Network::listen(const std::string& host, std::uint16_t port, OnOpen on_open) {
  return core_->listen(host, port, std::move(on_open));
}

void Network::dial(std::string url, std::optional<NodeId> expected, DialCallbacks callbacks) {
  core_->post([core = core_.get(), url = std::move(url), expected,
               callbacks = std::move(callbacks)] { core->dial(url, expected, callbacks); });
}

bool Network::post(std::function<void()> call) { return core_->post(std::move(call)); }
bool Network::on_network_thread() const noexcept { return core_->on_thread(); }
Timer Network::call_after(std::chrono::milliseconds delay, std::function<void()> call) {
  return core_->call_after(delay, std::move(call));
}
Result<void> Network::change_key(const crypto::SigningKey& key, const Bytes& certificate) {
  return core_->change_key(key, certificate);
}
Rng& Network::rng() noexcept { return core_->rng(); }
void Network::stop() { core_->stop(); }

}  // namespace maillon::net
