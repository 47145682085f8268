#pragma once

#include <functional>
#include <string>

#include "proto/bytes.hpp"

namespace maillon::sim {

/// A hash of all that happened; whoever listens also gets the words.
class Trace {
 public:
  using Listener = std::function<void(std::int64_t time, const std::string& words)>;
  explicit Trace(Listener listener) : listener_(std::move(listener)) {}
  /// Whether details are worth putting into words.
  [[nodiscard]] bool verbose() const noexcept { return static_cast<bool>(listener_); }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  void mix(std::uint64_t value) noexcept {
    for (int i = 0; i < 8; ++i) step(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void mix(ByteView bytes) noexcept {
    for (const std::uint8_t byte : bytes) step(byte);
  }
  void say(std::int64_t time, const std::string& words) {
    mix(static_cast<std::uint64_t>(time));
    mix(as_bytes(words));
    if (listener_) listener_(time, words);
  }

 private:
  void step(std::uint8_t byte) noexcept { hash_ = (hash_ ^ byte) * 1099511628211u; }
  std::uint64_t hash_ = 14695981039346656037u;
  Listener listener_;
};

}  // namespace maillon::sim
