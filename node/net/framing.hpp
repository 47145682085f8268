#pragma once

#include <deque>
#include <optional>

#include "node/net/secure_channel.hpp"

/// Messages of any allowed size on one side, plaintexts of Noise messages on the other. Each
/// plaintext is content ‖ kind (one byte, last so that content is cut off without moving it).
namespace maillon::net {

enum class FrameKind : std::uint8_t {
  more = 0,   ///< kFragmentMax bytes of a message that goes on
  last = 1,   ///< the end of a message, or the whole of it
  batch = 2,  ///< several whole messages, each a varint length and its bytes
  ready = 3,  ///< the acceptor has accepted the handshake; empty, first, once
  end = 4,    ///< end of session: reason byte ‖ UTF-8 text
};

/// Content that fits beside the kind.
inline constexpr std::size_t kFragmentMax = kNoisePlainMax - 1;
/// Bytes of text in an end of session.
inline constexpr std::size_t kEndTextMax = 256;
/// What a waiting message counts for beside its bytes: thousands of empty ones are not free.
inline constexpr std::size_t kMessageCharge = 32;

/// Messages waiting to leave, and the one that is leaving.
class Outbox {
 public:
  /// Errc::usage beyond kFrameMax, Errc::full beyond kSendQueueMax; then nothing is queued.
  Result<void> push(Bytes message, Priority priority);
  void push_ready() { ready_ = true; }
  /// After all that waits. Nothing can be pushed afterwards.
  void push_end(CloseReason reason, std::string_view text);
  /// Forgets what waits, but not ready and end.
  void drop_messages();

  /// The next plaintext, valid until the next call; nothing when there is none. The bytes given
  /// count as waiting until the call after.
  [[nodiscard]] std::optional<ByteView> next();
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// The end of session has been given out.
  [[nodiscard]] bool ended() const noexcept { return end_given_; }

 private:
  ByteView fragment();
  ByteView batch(std::deque<Bytes>& queue);
  ByteView scratch(ByteView content, FrameKind kind);

  std::deque<Bytes> urgent_;
  std::deque<Bytes> bulk_;
  std::optional<Bytes> current_;         ///< a message longer than a fragment, partly given out
  std::size_t at_ = 0;                   ///< how much of current_
  std::optional<std::size_t> borrowed_;  ///< where in current_ the kind stands in for a byte
  std::uint8_t borrowed_byte_ = 0;
  std::optional<Bytes> end_;
  Bytes scratch_;
  std::size_t bytes_ = 0;
  std::size_t given_ = 0;  ///< part of bytes_ given out by the last next()
  bool ready_ = false;
  bool end_given_ = false;
};

/// Puts hostile plaintexts together again, within kFrameMax.
class Inbox {
 public:
  struct End {
    CloseReason reason;
    std::string text;  ///< printable UTF-8
  };
  /// Errc::malformed for anything that Outbox does not write. Give in the next plaintext only
  /// after next() has given nothing.
  Result<void> feed(Bytes plaintext);
  [[nodiscard]] std::optional<Bytes> next();
  /// True once, when the acceptor's ready came.
  [[nodiscard]] bool take_ready() noexcept { return std::exchange(ready_, false); }
  [[nodiscard]] const std::optional<End>& end() const noexcept { return end_; }

 private:
  Result<void> feed_part(Bytes content, bool last);
  Result<void> feed_batch(Bytes content);
  Result<void> feed_end(ByteView content);

  std::vector<Bytes> parts_;  ///< fragments of a message whose last has not come
  std::optional<Bytes> whole_;
  Bytes batch_;
  std::size_t batch_at_ = 0;
  std::optional<End> end_;
  bool ready_ = false;
};

}  // namespace maillon::net
