#pragma once

#include <deque>

#include "proto/codec.hpp"

namespace maillon::sync {

/// The last headers that went one way in a session; both sides keep the same, so that a header
/// may travel as a byte-exact difference to one of them.
class HeaderWindow {
 public:
  static constexpr std::size_t kSize = 32;
  /// Sender: fills `header` or `header_delta` and `base`, then remembers the header.
  void pack(const Bytes& header, const FeedKey& feed, bool small, WireCommit& out);
  /// Receiver: the header's bytes. Errc::malformed when the difference does not fit.
  [[nodiscard]] Result<Bytes> unpack(const WireCommit& in);

 private:
  struct Entry {
    Bytes header;
    FeedKey feed;
  };
  void remember(Bytes header, const FeedKey& feed);
  [[nodiscard]] static Bytes dictionary(const Bytes& header);
  std::deque<Entry> last_;  ///< newest first
};

}  // namespace maillon::sync
