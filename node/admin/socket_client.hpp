#pragma once

#include "node/admin/frames.hpp"

namespace maillon::admin {

/// What the daemon asks of the client while a command runs.
struct ClientHooks {
  std::function<void(double fraction, const std::string& what)> progress;
  std::function<Result<Bytes>()> input;
  std::function<Result<void>(ByteView)> output;
};

/// The command line's end of the admin socket.
class SocketClient {
 public:
  /// Nothing when no daemon listens: no socket, or one that a dead daemon left behind.
  /// Errc::not_allowed when there is one for another user.
  [[nodiscard]] static Result<std::optional<SocketClient>> connect(
      const std::filesystem::path& dir);
  /// Has one command run by the daemon.
  [[nodiscard]] Result<Reply> run(const Request& request, const ClientHooks& hooks);

 private:
  explicit SocketClient(FrameSocket socket) : socket_(std::move(socket)) {}
  [[nodiscard]] Result<void> send_input(const ClientHooks& hooks);
  FrameSocket socket_;
};

}  // namespace maillon::admin
