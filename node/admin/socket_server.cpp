#include "node/admin/socket_server.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proto/limits.hpp"

namespace maillon::admin {
namespace {

using namespace std::chrono_literals;

constexpr time_t kReceiveSeconds = 600;  ///< between two pieces of a file that somebody pipes in
constexpr time_t kSendSeconds = 60;      ///< a reader that stopped reading
constexpr auto kProgressEvery = 200ms;

bool is_allowed(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return false;
  return who.uid == ::geteuid() || who.uid == 0;
}

void set_timeouts(int fd) {
  const timeval receive{kReceiveSeconds, 0};
  const timeval send{kSendSeconds, 0};
  // Without them a connection only lasts longer.
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof receive);
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof send);
}

Result<Bytes> take_input(FrameSocket& socket) {
  MAILLON_CHECK(socket.send(FrameKind::want_data, {}));
  Bytes out;
  for (;;) {
    MAILLON_TRY(const Frame frame, socket.receive());
    if (frame.kind == FrameKind::data_end) return out;
    if (frame.kind != FrameKind::data) return Error{Errc::malformed, "admin socket: not a file"};
    if (out.size() + frame.payload.size() > limits::kImportFileMax)
      return Error{Errc::full, "the file is larger than 1 GiB", "le fichier dépasse 1 Gio",
                   "split it", "découpez-le"};
    out.insert(out.end(), frame.payload.begin(), frame.payload.end());
  }
}

void send_reply(FrameSocket& socket, const Reply& reply) {
  const auto exit_code = static_cast<std::uint8_t>(reply.exit_code);
  const bool sent = socket.send_pieces(FrameKind::text, as_bytes(reply.text)).has_value() &&
                    socket.send_pieces(FrameKind::error, as_bytes(reply.error)).has_value() &&
                    socket.send_pieces(FrameKind::json, as_bytes(reply.json)).has_value() &&
                    socket.send(FrameKind::done, ByteView{&exit_code, 1}).has_value();
  if (!sent) spdlog::debug("admin: the client left before the end");
}

}  // namespace

Result<std::unique_ptr<SocketServer>> SocketServer::start(replica::Replica& replica,
                                                          peers::PeerService* peers) {
  MAILLON_TRY(auto path, SocketPath::of(replica.dir()));
  const int listener = path.listen();
  const int wake = ::eventfd(0, EFD_CLOEXEC);
  if (listener < 0 || wake < 0) {
    const Error why{Errc::io, "cannot open " + path.text() + ": " + std::strerror(errno),
                    "impossible d’ouvrir " + path.text() + " : " + std::strerror(errno),
                    "check that the data folder is on a local disk and writable",
                    "vérifiez que le dossier de données est sur un disque local, en écriture"};
    if (listener >= 0) ::close(listener);
    if (wake >= 0) ::close(wake);
    return why;
  }
  return std::unique_ptr<SocketServer>{
      new SocketServer{replica, peers, std::move(path), listener, wake}};
}

SocketServer::SocketServer(replica::Replica& replica, peers::PeerService* peers, SocketPath path,
                           int listener, int wake)
    : replica_(replica), peers_(peers), path_(std::move(path)), listener_(listener), wake_(wake) {
  acceptor_ = std::thread{[this] { accept_loop(); }};
}

SocketServer::~SocketServer() {
  stop_accepting();
  reap(/*all=*/true);
  ::close(wake_);
}

void SocketServer::stop_accepting() {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) return;
    stopping_ = true;
    for (const Connection& connection : connections_)
      if (connection.fd >= 0) ::shutdown(connection.fd, SHUT_RDWR);
  }
  const std::uint64_t one = 1;
  MAILLON_ASSERT(::write(wake_, &one, sizeof one) == sizeof one, "an eventfd takes a number");
  acceptor_.join();
  ::close(listener_);
  ::unlink(path_.text().c_str());
}

void SocketServer::reap(bool all) {
  std::list<Connection> gone;
  {
    const std::lock_guard lock{mutex_};
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto next = std::next(at);
      if (all || at->ended) gone.splice(gone.end(), connections_, at);
      at = next;
    }
  }
  for (Connection& connection : gone) connection.thread.join();
}

void SocketServer::accept_loop() {
  std::array<pollfd, 2> wait{pollfd{listener_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
  for (;;) {
    if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) return;
    if (wait[1].revents != 0) return;
    if (wait[0].revents == 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    reap(/*all=*/false);
    if (fd >= 0) {
      admit(fd);
    } else if (errno == EMFILE || errno == ENFILE) {
      // The caller stays in the queue, and poll() would spin.
      std::this_thread::sleep_for(100ms);
    }
  }
}

void SocketServer::admit(int fd) {
  FrameSocket socket{fd};
  if (!is_allowed(fd)) {
    spdlog::warn("admin: refused a connection of another user");
    return;
  }
  set_timeouts(fd);
  const std::lock_guard lock{mutex_};
  if (stopping_) return;
  if (connections_.size() >= kConnectionsMax) {
    send_reply(socket, Reply{1, {}, "the daemon runs too many commands at once — try again", {}});
    return;
  }
  Connection& slot = connections_.emplace_back();
  slot.fd = fd;
  const auto work = [this, &slot, held = std::make_shared<FrameSocket>(std::move(socket))] {
    serve(*held);
    const std::lock_guard guard{mutex_};
    // Under the lock, so that nobody shuts down a descriptor that means something else by then.
    ::shutdown(slot.fd, SHUT_RDWR);
    slot.fd = -1;
    slot.ended = true;
  };
  try {
    slot.thread = std::thread{work};
  } catch (const std::system_error& none) {
    spdlog::warn("admin: no thread for a command: {}", none.what());
    connections_.pop_back();
  }
}

void SocketServer::serve(FrameSocket& socket) {
  const auto frame = socket.receive();
  if (frame.has_error() || frame->kind != FrameKind::request) return;
  Request request;
  auto decoded = decode_request(as_text(frame->payload));
  if (decoded.has_error()) return send_reply(socket, failure(request, decoded.error()));
  request = *std::move(decoded);
  spdlog::debug("admin: {}", request.command);
  send_reply(socket, run(request, socket));
}

Reply SocketServer::run(const Request& request, FrameSocket& socket) {
  Context context{replica_, peers_, &digests_};
  auto last = std::chrono::steady_clock::now() - kProgressEvery;
  context.progress = [&](double fraction, const std::string& what) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < kProgressEvery) return;
    last = now;
    Bytes payload;
    ByteWriter w{payload};
    w.le32(static_cast<std::uint32_t>(std::clamp(fraction, 0.0, 1.0) * 1000));
    w.raw(as_bytes(what));
    // A client that left is noticed when the reply is due.
    (void)socket.send(FrameKind::progress, payload).has_value();
  };
  context.input = [&] { return take_input(socket); };
  context.output = [&](ByteView piece) { return socket.send_pieces(FrameKind::output, piece); };
  return admin::run(request, context);
}

}  // namespace maillon::admin
