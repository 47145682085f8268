#include "node/admin/socket_client.hpp"

#include <cerrno>
#include <cstring>

namespace maillon::admin {

Result<std::optional<SocketClient>> SocketClient::connect(const std::filesystem::path& dir) {
  const Error closed{Errc::not_allowed, "this user may not use " + dir.string(),
                     "cet utilisateur n’a pas accès à " + dir.string(),
                     "run the command as the user that runs `maillon serve`, or as root",
                     "lancez la commande sous l’utilisateur de « maillon serve », ou en root"};
  const auto path = SocketPath::of(dir);
  if (path.has_error()) {
    if (path.error().code == Errc::not_allowed) return closed;
    return std::optional<SocketClient>{};
  }
  const int fd = path->connect();
  if (fd >= 0) return std::optional<SocketClient>{SocketClient{FrameSocket{fd}}};
  // A socket file without a listener is what a killed daemon leaves.
  if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
    return std::optional<SocketClient>{};
  if (errno == EACCES || errno == EPERM) return closed;
  return Error{Errc::unavailable, "cannot reach the daemon: " + std::string{std::strerror(errno)}};
}

Result<void> SocketClient::send_input(const ClientHooks& hooks) {
  if (!hooks.input) return socket_.send(FrameKind::data_end, {});
  MAILLON_TRY(const Bytes all, hooks.input());
  MAILLON_CHECK(socket_.send_pieces(FrameKind::data, all));
  return socket_.send(FrameKind::data_end, {});
}

Result<Reply> SocketClient::run(const Request& request, const ClientHooks& hooks) {
  MAILLON_CHECK(socket_.send(FrameKind::request, as_bytes(encode_request(request))));
  Reply out;
  for (;;) {
    MAILLON_TRY(const Frame frame, socket_.receive());
    const ByteView payload = frame.payload;
    switch (frame.kind) {
      case FrameKind::want_data:
        MAILLON_CHECK(send_input(hooks));
        break;
      case FrameKind::progress: {
        ByteReader in{payload};
        const double part = in.le32() / 1000.0;
        if (in.ok() && hooks.progress)
          hooks.progress(part, std::string{as_text(payload.subspan(4))});
        break;
      }
      case FrameKind::output:
        if (hooks.output) MAILLON_CHECK(hooks.output(payload));
        break;
      case FrameKind::text:
        out.text += as_text(payload);
        break;
      case FrameKind::error:
        out.error += as_text(payload);
        break;
      case FrameKind::json:
        out.json += as_text(payload);
        break;
      case FrameKind::done:
        out.exit_code = payload.size() == 1 ? payload[0] : 1;
        return out;
      default:
        return Error{Errc::malformed, "the daemon sent what this version does not know",
                     "le démon a envoyé ce que cette version ne connaît pas",
                     "use the same version of Maillon on both sides",
                     "utilisez la même version de Maillon des deux côtés"};
    }
  }
}

}  // namespace maillon::admin
