#include <sys/socket.h>

#include "node/admin/frames.hpp"
#include "tests/fuzz/target.hpp"

/// What comes over the admin socket.
namespace maillon::fuzz {
namespace {

using namespace admin;

/// Frames that were taken off a socket are written as they came.
void read_frames(ByteView bytes) {
  std::array<int, 2> ends{};
  MAILLON_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0,
                 "there are sockets");
  Bytes again;
  {
    const FrameSocket sender{ends[0]};
    FrameSocket receiver{ends[1]};
    const ByteView sent = bytes.first(std::min<std::size_t>(bytes.size(), 32u << 10));
    MAILLON_ASSERT(::send(ends[0], sent.data(), sent.size(), MSG_NOSIGNAL) ==
                       static_cast<ssize_t>(sent.size()),
                   "so much fits a socket");
    ::shutdown(ends[0], SHUT_WR);
    while (const auto frame = receiver.receive()) {
      ByteWriter w{again};
      w.le32(static_cast<std::uint32_t>(frame->payload.size()));
      w.u8(static_cast<std::uint8_t>(frame->kind));
      w.raw(frame->payload);
    }
  }
  MAILLON_ASSERT(
      again.size() <= bytes.size() && std::ranges::equal(again, bytes.first(again.size())),
      "frames are what was sent");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(request) {
  using namespace maillon;
  using namespace maillon::fuzz;
  Choices in{input};
  if (in.below(4) == 0) return read_frames(in.rest());
  expect_stable(
      in.rest(), [](const auto& bytes) { return admin::decode_request(as_text(ByteView{bytes})); },
      [](const admin::Request& request) {
        return copied(as_bytes(admin::encode_request(request)));
      });
}
