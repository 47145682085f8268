#include "crypto/keys.hpp"
#include "node/federation/federation.hpp"
#include "storage/trust/evidence.hpp"
#include "tests/fuzz/target.hpp"

/// What the ops of annuaire say, and what people hand each other: certificates, invitations.
namespace maillon::fuzz {
namespace {

template <class Decode>
void stable(ByteView bytes, Decode decode) {
  expect_stable(
      bytes, [&](const auto& in) { return decode(in); },
      [](const auto& value) { return encode(value); });
}

void read_certificate(ByteView bytes) {
  if (const auto read = crypto::NodeCertificate::decode_verified(bytes))
    MAILLON_ASSERT(std::ranges::equal(read->encode(), bytes), "a certificate has one form");
}

void read_invitation(std::string_view code) {
  using federation::Invitation;
  const auto read = Invitation::decode(code);
  if (read.has_error()) return;
  const auto again = Invitation::decode(read->encode());
  MAILLON_ASSERT(again.has_value(), again.error().detail);
  MAILLON_ASSERT(again->encode() == read->encode(), "what was read is written alike");
}

/// Whatever it proves, it proves in whichever order the headers stand.
void read_evidence(ByteView bytes) {
  auto read = decode_evidence(bytes);
  if (read.has_error() || read->headers.empty()) return;
  const auto header = decode_header(read->headers.front().header);
  if (header.has_error()) return;
  const auto proof = storage::check_evidence(header->federation, *read);
  if (proof.has_error()) return;
  MAILLON_ASSERT(proof->node == header->node, "whoever signed is charged");
  std::ranges::reverse(read->headers);
  const auto again = storage::check_evidence(header->federation, *read);
  MAILLON_ASSERT(again.has_error() || *again == *proof, "one set of headers proves one thing");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(governance) {
  using namespace maillon;
  using namespace maillon::fuzz;
  Choices in{input};
  const std::size_t what = in.below(9);
  const ByteView bytes = in.rest();
  switch (what) {
    case 0:
      return stable(bytes, decode_space);
    case 1:
      return stable(bytes, decode_genesis);
    case 2:
      return stable(bytes, decode_proposal);
    case 3:
      return stable(bytes, decode_vote);
    case 4:
      return stable(bytes, decode_revocation);
    case 5:
      return stable(bytes, decode_address);
    case 6:
      stable(bytes, decode_evidence);
      return read_evidence(bytes);
    case 7:
      return read_certificate(bytes);
    default:
      return read_invitation(as_text(bytes));
  }
}
