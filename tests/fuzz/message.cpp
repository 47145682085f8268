#include "proto/codec.hpp"
#include "tests/fuzz/target.hpp"

/// The messages of a session.
namespace maillon::fuzz {
namespace {

template <class Decode>
void stable(ByteView message, Decode decode) {
  expect_stable(
      message, [&](const auto& bytes) { return decode(bytes); },
      [](const auto& value) { return encode(value); });
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(message) {
  using namespace maillon;
  using namespace maillon::fuzz;
  const auto kind = kind_of(input);
  if (kind.has_error()) return;
  switch (*kind) {
    case MessageKind::hello:
      return stable(input, decode_hello);
    case MessageKind::tips:
      return stable(input, decode_tips);
    case MessageKind::want:
      return stable(input, decode_want);
    case MessageKind::commits:
      return stable(input, decode_commits);
    case MessageKind::frontier:
      return stable(input, decode_frontier);
    case MessageKind::join_request:
      return stable(input, decode_join_request);
    case MessageKind::join_reply:
      return stable(input, decode_join_reply);
    case MessageKind::push:
      return stable(input, decode_push);
  }
}
