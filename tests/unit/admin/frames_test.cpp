#include "node/admin/frames.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "crypto/sign.hpp"
#include "proto/limits.hpp"

namespace maillon::admin {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    left = fds[0];
    right.emplace(fds[1]);
  }
  ~Pair() { close_left(); }
  void close_left() {
    if (left >= 0) ::close(std::exchange(left, -1));
  }
  void write(ByteView bytes) {
    ASSERT_EQ(::send(left, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  int left = -1;
  std::optional<FrameSocket> right;
};

TEST(Frames, ComeBackAsSent) {
  Pair pair;
  FrameSocket left{::dup(pair.left)};
  const Bytes payload(70'000, 7);
  std::thread sender{[&] { EXPECT_TRUE(left.send(FrameKind::data, payload).has_value()); }};
  const auto frame = pair.right->receive();
  sender.join();
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->kind, FrameKind::data);
  EXPECT_EQ(frame->payload, payload);
}

TEST(Frames, LargeOnesGoInPieces) {
  Pair pair;
  FrameSocket left{::dup(pair.left)};
  const Bytes payload(kPieceMax * 3 + 1, 9);
  std::thread sender{[&] { EXPECT_TRUE(left.send_pieces(FrameKind::json, payload).has_value()); }};
  Bytes got;
  while (got.size() < payload.size()) {
    const auto frame = pair.right->receive();
    ASSERT_TRUE(frame.has_value());
    EXPECT_LE(frame->payload.size(), kPieceMax);
    got.insert(got.end(), frame->payload.begin(), frame->payload.end());
  }
  sender.join();
  EXPECT_EQ(got, payload);
}

TEST(Frames, RefuseAnOversizedClaim) {
  Pair pair;
  Bytes head;
  ByteWriter w{head};
  w.le32(static_cast<std::uint32_t>(limits::kAdminMessageMax) + 1);
  w.u8(1);
  pair.write(head);
  const auto frame = pair.right->receive();
  ASSERT_TRUE(frame.has_error());
  EXPECT_EQ(frame.error().code, Errc::malformed);
}

TEST(Frames, ACutConnectionIsNoFrame) {
  for (const std::size_t kept : {0, 3, 5, 8}) {
    Pair pair;
    Bytes bytes;
    ByteWriter w{bytes};
    w.le32(100);
    w.u8(1);
    w.raw(Bytes(10, 1));
    pair.write(ByteView{bytes}.first(kept));
    pair.close_left();
    const auto frame = pair.right->receive();
    ASSERT_TRUE(frame.has_error());
    EXPECT_EQ(frame.error().code, Errc::unavailable);
  }
}

TEST(Frames, RequestsComeBackAsSent) {
  Request request;
  request.command = "find";
  request.language = Language::english;
  request.json = true;
  request.options["where"] = {"nom=Médiathèque \"A\"", "x=\n"};
  request.options["collection"] = {"lieux"};
  const auto got = decode_request(encode_request(request));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->command, request.command);
  EXPECT_EQ(got->language, request.language);
  EXPECT_EQ(got->json, request.json);
  EXPECT_EQ(got->options, request.options);
}

TEST(Frames, HostileRequestsAreMalformed) {
  const std::string many = [] {
    std::string out = R"({"command":"x","options":{)";
    for (int i = 0; i < 100; ++i) out += (i ? ",\"" : "\"") + std::to_string(i) + "\":[]";
    return out + "}}";
  }();
  for (const std::string& text :
       {std::string{}, std::string{"null"}, std::string{"[]"}, std::string{"{}"},
        std::string{R"({"command":1})"}, std::string{R"({"command":"x","options":[]})"},
        std::string{R"({"command":"x","options":{"a":"b"}})"},
        std::string{R"({"command":"x","options":{"a":[1]}})"},
        std::string{R"({"command":"x"} trailing)"}, std::string{R"({"command":"x)"},
        std::string(100'000, '['), many}) {
    const auto got = decode_request(text);
    ASSERT_TRUE(got.has_error()) << text.substr(0, 60);
    EXPECT_EQ(got.error().code, Errc::malformed);
  }
}

TEST(Frames, DamagedRequestsNeverCrash) {
  Request request;
  request.command = "import";
  request.options["collection"] = {"lieux"};
  const std::string sound = encode_request(request);
  crypto::SeededRng rng{7};
  for (int round = 0; round < 5000; ++round) {
    std::string text = sound;
    for (std::uint64_t i = rng.u64() % 4 + 1; i > 0; --i)
      text[rng.u64() % text.size()] = static_cast<char>(rng.u64());
    const auto got = decode_request(text);
    EXPECT_TRUE(got.has_value() || got.error().code == Errc::malformed);
  }
}

TEST(Frames, SocketsWorkInDeepFolders) {
  const auto base =
      std::filesystem::temp_directory_path() / ("maillon-socket-" + std::to_string(::getpid()));
  const auto deep = base / std::string(100, 'a') / std::string(100, 'b');
  std::filesystem::create_directories(deep);
  const auto path = SocketPath::of(deep);
  ASSERT_TRUE(path.has_value());
  EXPECT_LT(path->connect(), 0);
  const int listener = path->listen();
  ASSERT_GE(listener, 0);
  const int fd = path->connect();
  EXPECT_GE(fd, 0);
  ::close(fd);
  ::close(listener);
  // What a killed daemon leaves is replaced.
  EXPECT_LT(path->connect(), 0);
  const int again = path->listen();
  EXPECT_GE(again, 0);
  ::close(again);
  std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace maillon::admin
