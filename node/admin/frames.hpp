#pragma once

#include <filesystem>

#include "node/admin/command.hpp"

/// What travels over the admin socket: le32 length, one kind byte, the rest. Both sides judge what
/// they read; a message is at most limits::kAdminMessageMax.
namespace maillon::admin {

enum class FrameKind : std::uint8_t {
  // From the client.
  request = 1,  ///< JSON
  data = 2,     ///< of the input file
  data_end = 3,
  // From the daemon.
  want_data = 16,
  progress = 17,  ///< le32 per mille, then words
  output = 18,    ///< of the output file
  text = 19,      ///< Reply::text, in pieces
  error = 20,
  json = 21,
  done = 22,  ///< the exit code, one byte; nothing follows
};

struct Frame {
  FrameKind kind = FrameKind::done;
  Bytes payload;
};

/// One end of a connection; owns the descriptor. One thread at a time.
class FrameSocket {
 public:
  explicit FrameSocket(int fd) noexcept : fd_(fd) {}
  FrameSocket(FrameSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FrameSocket& operator=(FrameSocket&&) = delete;
  ~FrameSocket();

  /// Errc::unavailable when the other side went away or let time pass, ::malformed when it sent
  /// what is no frame.
  [[nodiscard]] Result<Frame> receive();
  [[nodiscard]] Result<void> send(FrameKind kind, ByteView payload);
  /// In pieces of bounded size; nothing for nothing.
  [[nodiscard]] Result<void> send_pieces(FrameKind kind, ByteView payload);
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  [[nodiscard]] Result<void> read_exactly(std::span<std::uint8_t> out);
  int fd_;
};
inline constexpr std::size_t kPieceMax = 256u << 10;

[[nodiscard]] std::string encode_request(const Request& request);
/// Judges hostile JSON. Errc::malformed.
[[nodiscard]] Result<Request> decode_request(std::string_view json);

/// A socket address that leads to DIR/admin.sock however long DIR is; keeps a descriptor of DIR.
class SocketPath {
 public:
  [[nodiscard]] static Result<SocketPath> of(const std::filesystem::path& dir);
  SocketPath(SocketPath&& other) noexcept
      : dir_fd_(std::exchange(other.dir_fd_, -1)), text_(std::move(other.text_)) {}
  SocketPath& operator=(SocketPath&&) = delete;
  ~SocketPath();
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] int connect() const;  ///< a descriptor, or -1 with errno
  [[nodiscard]] int listen() const;   ///< the same; replaces a socket that stands there

 private:
  SocketPath(int dir_fd, std::string text) : dir_fd_(dir_fd), text_(std::move(text)) {}
  int dir_fd_;
  std::string text_;
};

}  // namespace maillon::admin
