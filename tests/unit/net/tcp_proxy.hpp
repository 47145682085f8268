#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "proto/bytes.hpp"

namespace maillon::net::testing {

enum class Way { to_acceptor, to_dialler };

/// Stands between two nodes on loopback, on a thread of its own, and does what the test wants to
/// the bytes.
class TcpProxy {
 public:
  /// Sees each piece before it goes on and may change it. `offset` is its place in that direction
  /// of that connection. False swallows the piece.
  using Hook = std::function<bool(Way way, std::uint64_t offset, std::span<std::uint8_t> piece)>;
  /// PEM texts: with them the proxy ends TLS, as a reverse proxy does.
  struct Tls {
    std::string certificate;
    std::string key;
  };

  TcpProxy(std::uint16_t target_port, Hook hook, const Tls* tls = nullptr);
  ~TcpProxy();
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Resets every connection.
  void cut();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A plain socket for behaving badly with.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(RawClient&&) noexcept;
  /// False once the other has closed.
  bool write(ByteView bytes);
  /// Reads until the text has come or the other closes; what was read.
  std::string read_until(std::string_view text);
  /// Waits until the other closes.
  void wait_closed();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace maillon::net::testing
