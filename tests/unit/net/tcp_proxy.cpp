#include "tests/unit/net/tcp_proxy.hpp"

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <thread>
#include <vector>

namespace maillon::net::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using TlsSocket = asio::ssl::stream<tcp::socket>;

const asio::ip::address kLoopback = asio::ip::address_v4::loopback();

/// Both directions of one connection; `Near` faces the dialler.
template <class Near>
class Link : public std::enable_shared_from_this<Link<Near>> {
 public:
  Link(Near near, asio::io_context& io, TcpProxy::Hook& hook)
      : near_(std::move(near)), far_(io), hook_(hook) {}

  void start(std::uint16_t port) {
    const tcp::endpoint target(kLoopback, port);
    far_.async_connect(target, [self = this->shared_from_this()](const error_code& ec) {
      if (ec) return self->cut();
      error_code ignored;
      self->far_.set_option(tcp::no_delay(true), ignored);
      self->near_.lowest_layer().set_option(tcp::no_delay(true), ignored);
      if constexpr (std::is_same_v<Near, TlsSocket>) {
        self->near_.async_handshake(asio::ssl::stream_base::server,
                                    [self](const error_code& failure) {
                                      if (failure) return self->cut();
                                      self->run();
                                    });
      } else {
        self->run();
      }
    });
  }

  /// Resets, so that even what has been passed on may not arrive.
  void cut() {
    error_code ignored;
    for (auto* socket : {&near_.lowest_layer(), &far_.lowest_layer()}) {
      socket->set_option(asio::socket_base::linger(true, 0), ignored);
      socket->close(ignored);
    }
  }

  /// One side has hung up: hang up on the other, which still gets what has been passed on.
  void finish() {
    error_code ignored;
    for (auto* socket : {&near_.lowest_layer(), &far_.lowest_layer()}) socket->close(ignored);
  }

 private:
  struct Direction {
    Way way;
    std::uint64_t offset = 0;
    std::array<std::uint8_t, 64 << 10> buffer{};
  };

  void run() {
    pump(near_, far_, up_);
    pump(far_, near_, down_);
  }

  template <class From, class To>
  void pump(From& from, To& to, Direction& direction) {
    from.async_read_some(
        asio::buffer(direction.buffer), [self = this->shared_from_this(), &from, &to, &direction](
                                            const error_code& ec, std::size_t size) {
          if (ec) return self->finish();
          const auto piece = std::span(direction.buffer).first(size);
          const bool pass = !self->hook_ || self->hook_(direction.way, direction.offset, piece);
          direction.offset += size;
          if (!pass) return self->pump(from, to, direction);
          asio::async_write(to, asio::buffer(piece.data(), piece.size()),
                            [self, &from, &to, &direction](const error_code& failure, std::size_t) {
                              if (failure) return self->finish();
                              self->pump(from, to, direction);
                            });
        });
  }

  Near near_;
  tcp::socket far_;
  TcpProxy::Hook& hook_;
  Direction up_{Way::to_acceptor};
  Direction down_{Way::to_dialler};
};

}  // namespace

struct TcpProxy::Impl {
  Impl(std::uint16_t port, Hook what, const Tls* with_tls)
      : target(port), hook(std::move(what)), acceptor(io, tcp::endpoint(kLoopback, 0)) {
    if (with_tls) {
      tls.emplace(asio::ssl::context::tls_server);
      tls->use_certificate_chain(asio::buffer(with_tls->certificate));
      tls->use_private_key(asio::buffer(with_tls->key), asio::ssl::context::pem);
    }
    accept();
    thread = std::thread([this] { io.run(); });
  }

  ~Impl() {
    asio::post(io, [this] {
      error_code ignored;
      acceptor.close(ignored);
      cut();
    });
    thread.join();
  }

  void accept() {
    acceptor.async_accept([this](const error_code& ec, tcp::socket socket) {
      if (ec) return;
      if (tls) {
        begin(std::make_shared<Link<TlsSocket>>(TlsSocket(std::move(socket), *tls), io, hook));
      } else {
        begin(std::make_shared<Link<tcp::socket>>(std::move(socket), io, hook));
      }
      accept();
    });
  }

  template <class Near>
  void begin(const std::shared_ptr<Link<Near>>& link) {
    cuts.push_back([weak = std::weak_ptr(link)] {
      if (const auto held = weak.lock()) held->cut();
    });
    link->start(target);
  }

  void cut() {
    for (const auto& cut_one : cuts) cut_one();
    cuts.clear();
  }

  std::uint16_t target;
  Hook hook;
  asio::io_context io{1};
  std::optional<asio::ssl::context> tls;
  tcp::acceptor acceptor;
  std::vector<std::function<void()>> cuts;
  std::thread thread;
};

TcpProxy::TcpProxy(std::uint16_t target_port, Hook hook, const Tls* tls)
    : impl_(std::make_unique<Impl>(target_port, std::move(hook), tls)) {}
TcpProxy::~TcpProxy() = default;
std::uint16_t TcpProxy::port() const noexcept { return impl_->acceptor.local_endpoint().port(); }
void TcpProxy::cut() {
  asio::post(impl_->io, [impl = impl_.get()] { impl->cut(); });
}

struct RawClient::Impl {
  asio::io_context io;
  tcp::socket socket{io};
};

RawClient::RawClient(std::uint16_t port) : impl_(std::make_unique<Impl>()) {
  impl_->socket.connect(tcp::endpoint(kLoopback, port));
}
RawClient::~RawClient() = default;
RawClient::RawClient(RawClient&&) noexcept = default;

bool RawClient::write(ByteView bytes) {
  error_code ec;
  asio::write(impl_->socket, asio::buffer(bytes.data(), bytes.size()), ec);
  return !ec;
}

std::string RawClient::read_until(std::string_view text) {
  std::string out;
  error_code ec;
  asio::read_until(impl_->socket, asio::dynamic_buffer(out), std::string(text), ec);
  return out;
}

void RawClient::wait_closed() {
  error_code ec;
  std::array<char, 4096> buffer{};
  while (!ec) impl_->socket.read_some(asio::buffer(buffer), ec);
}

}  // namespace maillon::net::testing
