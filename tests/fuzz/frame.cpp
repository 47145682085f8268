#include "node/net/framing.hpp"
#include "tests/fuzz/target.hpp"

/// What comes out of a secure channel: hostile plaintexts, and messages of all sizes that must come
/// out as they went in.
namespace maillon::fuzz {
namespace {

using namespace net;

/// Messages that were taken in go through an Outbox and another Inbox unchanged.
void pass_on(const std::vector<Bytes>& messages) {
  Outbox outbox;
  for (const Bytes& message : messages)
    MAILLON_ASSERT(outbox.push(message, Priority::bulk).has_value(), "messages fit the queue");
  Inbox inbox;
  std::size_t came = 0;
  while (const auto plaintext = outbox.next()) {
    MAILLON_ASSERT(plaintext->size() <= kNoisePlainMax, "a plaintext fits a Noise message");
    MAILLON_ASSERT(inbox.feed(copied(*plaintext)).has_value(),
                   "an Inbox takes what an Outbox gives");
    while (const auto message = inbox.next()) {
      MAILLON_ASSERT(came < messages.size() && *message == messages[came],
                     "messages come out as they went in");
      ++came;
    }
  }
  MAILLON_ASSERT(came == messages.size() && outbox.bytes() == 0, "all messages come out");
}

void read_hostile(Choices& in) {
  Inbox inbox;
  std::vector<Bytes> got;
  for (int i = 0; i < 16 && !in.empty(); ++i) {
    const std::uint8_t kind = in.u8();
    Bytes plaintext = copied(in.some());
    // Only full fragments go on, and no input is as long.
    if (kind == 0 && !in.rarely(8)) plaintext.resize(kFragmentMax - (in.rarely(8) ? 1 : 0));
    plaintext.push_back(kind);
    if (inbox.feed(std::move(plaintext)).has_error()) break;
    while (auto message = inbox.next()) got.push_back(*std::move(message));
    if (const auto& end = inbox.end())
      MAILLON_ASSERT(is_utf8(end->text) && end->text.size() <= kEndTextMax, "words for people");
  }
  for (const Bytes& message : got)
    MAILLON_ASSERT(message.size() <= limits::kFrameMax, "a message is within its limit");
  pass_on(got);
}

/// Pushes and takes by turns: each queue keeps its order, and the urgent one does not wait.
void interleave(Choices& in) {
  Outbox outbox;
  Inbox inbox;
  std::array<std::vector<Bytes>, 2> sent;
  std::array<std::size_t, 2> came{};
  const auto take = [&] {
    const auto plaintext = outbox.next();
    if (!plaintext) return false;
    MAILLON_ASSERT(inbox.feed(copied(*plaintext)).has_value(),
                   "an Inbox takes what an Outbox gives");
    while (const auto message = inbox.next()) {
      const std::size_t queue = message->front();
      MAILLON_ASSERT(came[queue] < sent[queue].size() && *message == sent[queue][came[queue]],
                     "each queue keeps its order");
      ++came[queue];
    }
    return true;
  };
  for (int i = 0; i < 32 && !in.empty(); ++i) {
    if (in.rarely(3)) {
      (void)take();
      continue;
    }
    const std::size_t queue = in.below(2);
    constexpr std::array<std::size_t, 6> kBorders{
        1, 8u << 10, kFragmentMax - 3, kFragmentMax, 2 * kFragmentMax, 3 * kFragmentMax};
    Bytes message(kBorders[in.below(kBorders.size())] + in.below(4), in.u8());
    message.front() = static_cast<std::uint8_t>(queue);
    MAILLON_ASSERT(outbox.push(message, queue == 0 ? Priority::urgent : Priority::bulk).has_value(),
                   "messages fit the queue");
    sent[queue].push_back(std::move(message));
  }
  if (in.below(2) == 0) outbox.push_end(CloseReason::done, as_text(in.rest()));
  while (take()) {
  }
  for (const std::size_t queue : {0u, 1u})
    MAILLON_ASSERT(came[queue] == sent[queue].size(), "all messages come out");
  MAILLON_ASSERT(outbox.bytes() == 0, "nothing waits");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(frame) {
  using namespace maillon::fuzz;
  Choices in{input};
  if (in.below(2) == 0)
    read_hostile(in);
  else
    interleave(in);
}
