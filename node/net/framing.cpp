#include "node/net/framing.hpp"

#include <algorithm>
#include <utility>

namespace maillon::net {
namespace {

/// Longer messages gain nothing by sharing a Noise message.
constexpr std::size_t kBatchItemMax = 8u << 10;

/// Ends text at a character, at most `max` bytes, without bytes that drive a terminal.
std::string printable(std::string_view text, std::size_t max) {
  if (!is_utf8(text)) return {};
  std::string out(text.substr(0, max));
  while (!out.empty() && !is_utf8(out)) out.pop_back();
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return out;
}

}  // namespace

Result<void> Outbox::push(Bytes message, Priority priority) {
  if (message.size() > limits::kFrameMax) {
    return Error{Errc::usage, "a message of " + std::to_string(message.size()) +
                                  " bytes is beyond the limit of a frame"};
  }
  const std::size_t charge = message.size() + kMessageCharge;
  if (bytes_ + charge > kSendQueueMax) return Error{Errc::full, "the send queue is full"};
  if (end_ || end_given_) return Error{Errc::unavailable, "the session is ending"};
  bytes_ += charge;
  (priority == Priority::urgent ? urgent_ : bulk_).push_back(std::move(message));
  return {};
}

void Outbox::push_end(CloseReason reason, std::string_view text) {
  if (end_ || end_given_) return;
  end_.emplace();
  ByteWriter writer(*end_);
  writer.u8(static_cast<std::uint8_t>(reason));
  writer.raw(as_bytes(printable(text, kEndTextMax)));
}

void Outbox::drop_messages() {
  urgent_.clear();
  bulk_.clear();
  current_.reset();
  borrowed_.reset();
  bytes_ = given_ = 0;
}

std::optional<ByteView> Outbox::next() {
  bytes_ -= std::exchange(given_, 0);
  if (std::exchange(ready_, false)) return scratch({}, FrameKind::ready);
  if (current_) return fragment();
  std::deque<Bytes>& queue = urgent_.empty() ? bulk_ : urgent_;
  if (!queue.empty()) {
    if (queue.front().size() <= kFragmentMax) return batch(queue);
    current_ = std::move(queue.front());
    queue.pop_front();
    at_ = 0;
    return fragment();
  }
  if (end_) {
    end_given_ = true;
    const Bytes content = *std::exchange(end_, std::nullopt);
    return scratch(content, FrameKind::end);
  }
  Bytes().swap(scratch_);  // idle sessions are many: keep nothing
  return std::nullopt;
}

/// The kind must follow the content in memory. Instead of copying every fragment of a long message,
/// the byte after it is lent to the kind and put back at the next call.
ByteView Outbox::fragment() {
  if (borrowed_) (*current_)[*std::exchange(borrowed_, std::nullopt)] = borrowed_byte_;
  const std::size_t left = current_->size() - at_;
  if (left > kFragmentMax) {
    const std::size_t kind_at = at_ + kFragmentMax;
    borrowed_ = kind_at;
    borrowed_byte_ =
        std::exchange((*current_)[kind_at], static_cast<std::uint8_t>(FrameKind::more));
    const ByteView out = ByteView(*current_).subspan(at_, kFragmentMax + 1);
    at_ = kind_at;
    given_ = kFragmentMax;
    return out;
  }
  const ByteView out = scratch(ByteView(*current_).subspan(at_), FrameKind::last);
  given_ = left + kMessageCharge;
  current_.reset();
  return out;
}

ByteView Outbox::batch(std::deque<Bytes>& queue) {
  const auto fits = [&](std::size_t used) {
    // Three bytes are enough for the length of any item that may share.
    return !queue.empty() && queue.front().size() <= kBatchItemMax &&
           used + queue.front().size() + 3 <= kFragmentMax;
  };
  Bytes first = std::move(queue.front());
  queue.pop_front();
  given_ = first.size() + kMessageCharge;
  if (first.size() > kBatchItemMax || !fits(first.size() + 3)) {
    return scratch(first, FrameKind::last);
  }
  scratch_.clear();
  ByteWriter writer(scratch_);
  writer.sized(first);
  while (fits(scratch_.size())) {
    given_ += queue.front().size() + kMessageCharge;
    writer.sized(queue.front());
    queue.pop_front();
  }
  writer.u8(static_cast<std::uint8_t>(FrameKind::batch));
  return scratch_;
}

ByteView Outbox::scratch(ByteView content, FrameKind kind) {
  scratch_.assign(content.begin(), content.end());
  scratch_.push_back(static_cast<std::uint8_t>(kind));
  return scratch_;
}

Result<void> Inbox::feed(Bytes plaintext) {
  if (plaintext.empty()) return Error{Errc::malformed, "a message without its kind"};
  if (end_) return Error{Errc::malformed, "a message after the end of session"};
  const auto kind = static_cast<FrameKind>(plaintext.back());
  plaintext.pop_back();
  switch (kind) {
    case FrameKind::more:
      return feed_part(std::move(plaintext), false);
    case FrameKind::last:
      return feed_part(std::move(plaintext), true);
    case FrameKind::batch:
      return feed_batch(std::move(plaintext));
    case FrameKind::ready:
      if (!parts_.empty() || !plaintext.empty()) break;
      ready_ = true;
      return {};
    case FrameKind::end:
      return feed_end(plaintext);
  }
  return Error{Errc::malformed, "a message of unknown kind"};
}

Result<void> Inbox::feed_part(Bytes content, bool last) {
  // Only full fragments go on: a peer cannot keep us busy with crumbs.
  if (!last && content.size() != kFragmentMax) {
    return Error{Errc::malformed, "a fragment that is not full"};
  }
  const std::size_t size = parts_.size() * kFragmentMax + content.size();
  if (size > limits::kFrameMax) {
    return Error{Errc::malformed, "a message beyond the limit of a frame"};
  }
  if (!last) {
    parts_.push_back(std::move(content));
    return {};
  }
  if (parts_.empty()) {
    whole_ = std::move(content);
    return {};
  }
  // Joined only now: one allocation of the right size, and every byte is copied once.
  whole_.emplace().reserve(size);
  for (const Bytes& part : parts_) whole_->insert(whole_->end(), part.begin(), part.end());
  whole_->insert(whole_->end(), content.begin(), content.end());
  parts_ = {};
  return {};
}

Result<void> Inbox::feed_batch(Bytes content) {
  if (!parts_.empty()) return Error{Errc::malformed, "a batch inside a message"};
  ByteReader reader(content);
  while (reader.left() > 0) (void)reader.sized(kFragmentMax);
  if (!reader.at_end() || content.empty()) return Error{Errc::malformed, "a broken batch"};
  batch_ = std::move(content);
  batch_at_ = 0;
  return {};
}

Result<void> Inbox::feed_end(ByteView content) {
  if (!parts_.empty()) return Error{Errc::malformed, "an end of session inside a message"};
  if (content.empty() || content.size() > 1 + kEndTextMax) {
    return Error{Errc::malformed, "a broken end of session"};
  }
  const auto reason = static_cast<CloseReason>(content[0]);
  end_ = End{reason <= CloseReason::full ? reason : CloseReason::other,
             printable(as_text(content.subspan(1)), kEndTextMax)};
  return {};
}

std::optional<Bytes> Inbox::next() {
  if (whole_) return std::exchange(whole_, std::nullopt);
  if (batch_at_ >= batch_.size()) return std::nullopt;
  ByteReader reader(ByteView(batch_).subspan(batch_at_));
  const ByteView item = reader.sized(kFragmentMax);
  batch_at_ += reader.position();
  return Bytes(item.begin(), item.end());
}

}  // namespace maillon::net
