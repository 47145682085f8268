#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "node/admin/frames.hpp"

namespace maillon::admin {

/// The daemon's end of the admin socket: DIR/admin.sock, for this user and root only. Each
/// connection runs one command on a thread of its own; there are never more than kConnectionsMax.
class SocketServer {
 public:
  static constexpr std::size_t kConnectionsMax = 16;

  /// `replica` and `peers` must outlive this.
  [[nodiscard]] static Result<std::unique_ptr<SocketServer>> start(replica::Replica& replica,
                                                                   peers::PeerService* peers);
  ~SocketServer();  ///< stop_accepting(), then waits for the commands that run
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  /// No more commands; those that run find their client gone. Call before stopping what they use.
  void stop_accepting();

 private:
  SocketServer(replica::Replica& replica, peers::PeerService* peers, SocketPath path, int listener,
               int wake);
  void accept_loop();
  void admit(int fd);
  void serve(FrameSocket& socket);
  [[nodiscard]] Reply run(const Request& request, FrameSocket& socket);

  struct Connection {
    std::thread thread;
    int fd = -1;  ///< -1 once closed
    bool ended = false;
  };
  void reap(bool all);

  replica::Replica& replica_;
  peers::PeerService* peers_;
  SocketPath path_;
  int listener_;
  int wake_;
  DigestCache digests_;
  std::mutex mutex_;
  bool stopping_ = false;              ///< protected by mutex_
  std::list<Connection> connections_;  ///< protected by mutex_
  std::thread acceptor_;
};

}  // namespace maillon::admin
