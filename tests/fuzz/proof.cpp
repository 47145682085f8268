#include "storage/proof/record_proof.hpp"
#include "tests/fuzz/made.hpp"
#include "tests/fuzz/target.hpp"

/// Proofs of records: files as they come, and an honest proof that somebody tampered with.
namespace maillon::fuzz {
namespace {

using namespace storage;

/// The hash at the end keeps out accidents, not people.
Bytes with_hash(ByteView content) {
  Bytes out = copied(content);
  const Digest hash = crypto::hash(out);
  out.insert(out.end(), hash.bytes().begin(), hash.bytes().end());
  return out;
}

void read_any(ByteView content) {
  const Bytes file = with_hash(content);
  const auto proof = decode_record_proof(file);
  if (proof.has_error()) return;
  MAILLON_ASSERT(encode(*proof) == file, "a proof has one form");
  (void)check_record_proof(file);
}

/// Whoever leaves something out may be believed, as long as nothing of the rest depends on it.
void leave_out(Choices& in) {
  const Bytes& honest = made().proof;
  const auto proof = decode_record_proof(honest);
  RecordProof less = *proof;
  bool same = true;
  for (std::size_t i = in.below(6); i > 0; --i) {
    auto& commits = in.below(2) == 0 ? less.annuaire : less.commits;
    if (commits.empty()) continue;
    const std::size_t at = in.below(commits.size());
    const std::size_t how = in.below(4);
    same = false;
    if (how == 0) commits.erase(commits.begin() + static_cast<std::ptrdiff_t>(at));
    if (how == 1) commits[at].body.clear();
    if (how == 2) std::swap(commits[at], commits[in.below(commits.size())]);
    if (how == 3) {
      const std::vector<LeafCut> cuts{{static_cast<std::uint32_t>(1 + in.below(3)),
                                       in.below(2) == 0 ? LeafState::bare : LeafState::gone}};
      const auto header = decode_header(commits[at].header);
      if (commits[at].body.empty() || header.has_error()) continue;
      const auto cut = cut_body(pack_body(commits[at].body), header->leaves, cuts);
      if (cut.has_value()) commits[at].body = *unpack_body(*cut);
    }
  }
  const auto checked = check_record_proof(encode(less));
  MAILLON_ASSERT(checked.has_value() || !same, "an honest proof holds");
  if (checked.has_error()) return;
  MAILLON_ASSERT(checked->id == proof->id && checked->space == proof->space &&
                     checked->federation == proof->federation,
                 "it proves of the same record");
}

/// One byte of an honest proof is wrong, and the hash at the end is right again.
void flip(Choices& in) {
  const Bytes& honest = made().proof;
  Bytes content{honest.begin(), honest.end() - Digest::kSize};
  const std::size_t at = in.below(content.size());
  const std::uint8_t bits = in.u8();
  if (bits == 0) return;
  content[at] ^= bits;
  MAILLON_ASSERT(check_record_proof(with_hash(content)).has_error(), "every bit is covered");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(proof) {
  using namespace maillon::fuzz;
  Choices in{input};
  switch (in.below(4)) {
    case 0:
      return leave_out(in);
    case 1:
      return flip(in);
    default:
      return read_any(in.rest());
  }
}
