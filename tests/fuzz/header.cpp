#include "node/sync/header_delta.hpp"
#include "tests/fuzz/target.hpp"

/// Headers by themselves, and as differences to those before them.
namespace maillon::fuzz {
namespace {

template <class Id>
Id id_from(Choices& in) {
  std::array<std::uint8_t, Id::kSize> raw{};
  raw.fill(in.u8());
  raw[0] = in.u8();
  return Id::from_array(raw);
}

Header some_header(Choices& in) {
  Header out;
  out.federation = id_from<FederationId>(in);
  out.member = id_from<MemberId>(in);
  out.incarnation = in.below(3);
  out.seq = 1 + in.below(3);
  if (out.seq > 1) out.previous = id_from<CommitId>(in);
  out.hlc = Hlc{in.below(0x10000)};
  for (std::size_t i = in.below(8); i > 0; --i) out.deps.push_back(id_from<CommitId>(in));
  std::ranges::sort(out.deps);
  const auto repeated = std::ranges::unique(out.deps);
  out.deps.erase(repeated.begin(), repeated.end());
  return out;
}

/// The two ends of a session. Whatever a receiver refuses leaves it where it was.
void exchange(Choices& in) {
  sync::HeaderWindow sender;
  sync::HeaderWindow receiver;
  for (int i = 0; i < 40 && !in.empty(); ++i) {
    if (in.rarely(4)) {
      WireCommit hostile;
      hostile.base = static_cast<std::uint32_t>(in.below(40));
      (in.rarely(4) ? hostile.header : hostile.header_delta) = copied(in.some());
      if (receiver.unpack(hostile).has_value()) return;
      continue;
    }
    const Header header = some_header(in);
    const Bytes bytes = encode_header(header);
    if (decode_header(bytes).has_error()) continue;
    WireCommit wire;
    sender.pack(bytes, header.feed(), !in.rarely(8), wire);
    if (in.rarely(8) && !wire.header_delta.empty()) {
      wire.header_delta[in.below(wire.header_delta.size())] ^= in.u8();
      const auto got = receiver.unpack(wire);
      if (got.has_value()) MAILLON_ASSERT(decode_header(*got).has_value(), "only headers come out");
      return;
    }
    const auto got = receiver.unpack(wire);
    MAILLON_ASSERT(got.has_value(), got.error().detail);
    MAILLON_ASSERT(*got == bytes, "a header arrives byte for byte");
  }
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(header) {
  using namespace maillon;
  using namespace maillon::fuzz;
  Choices in{input};
  if (in.below(4) == 3) return exchange(in);
  expect_stable(
      in.rest(), [](const auto& bytes) { return decode_header(bytes); },
      [](const Header& header) { return encode_header(header); });
}
