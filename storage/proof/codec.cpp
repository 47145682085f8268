#include "storage/proof/failure.hpp"
#include "storage/proof/record_proof.hpp"

namespace maillon::storage {
namespace {

constexpr std::string_view kMagic = "maillon-proof/1\n";
/// A header, its signature and a body take more than this: bounds what a count may ask for.
constexpr std::size_t kCommitMin = 1 + crypto::Signature::kSize + 1;

void write(const std::vector<SignedCommit>& commits, ByteWriter& out) {
  out.varint(commits.size());
  for (const SignedCommit& commit : commits) {
    out.sized(commit.header);
    out.raw(commit.signature);
    out.sized(commit.body);
  }
}

Bytes copied(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

std::vector<SignedCommit> read_commits(ByteReader& in) {
  std::vector<SignedCommit> out;
  const std::uint32_t count = in.varint32(limits::kProofCommitsMax);
  if (count > in.left() / kCommitMin) in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    SignedCommit commit;
    commit.header = copied(in.sized(limits::kHeaderMax));
    commit.signature = copied(in.raw(crypto::Signature::kSize));
    commit.body = copied(in.sized(limits::kProofBodyMax));
    out.push_back(std::move(commit));
  }
  return out;
}

}  // namespace

Bytes encode(const RecordProof& proof) {
  Bytes out;
  ByteWriter w{out};
  w.raw(as_bytes(kMagic));
  w.raw(proof.federation.bytes());
  w.raw(proof.space.bytes());
  w.sized(proof.collection);
  w.raw(proof.id.bytes());
  write(proof.annuaire, w);
  write(proof.commits, w);
  w.raw(crypto::hash(out).bytes());
  return out;
}

Result<RecordProof> decode_record_proof(ByteView file) {
  const std::string_view start = as_text(file.first(std::min(file.size(), kMagic.size())));
  if (start != kMagic)
    return unproved("this is not a proof made by `maillon prove`",
                    "ce n’est pas une preuve faite par « maillon prove »");
  if (file.size() > limits::kProofMax)
    return unproved("the file is too large for a proof", "le fichier est trop gros pour une preuve");
  const auto damaged = [] {
    return unproved("the proof was altered or cut short", "la preuve a été modifiée ou tronquée");
  };
  if (file.size() < kMagic.size() + Digest::kSize) return damaged();
  const ByteView before = file.first(file.size() - Digest::kSize);
  if (!std::ranges::equal(crypto::hash(before).bytes(), file.last(Digest::kSize))) return damaged();
  ByteReader in{before};
  (void)in.raw(kMagic.size());
  RecordProof out;
  const auto federation = FederationId::from_bytes(in.raw(FederationId::kSize));
  const auto space = SpaceId::from_bytes(in.raw(SpaceId::kSize));
  out.collection = as_text(in.sized(limits::kNameMax));
  const auto id = RecordId::from_bytes(in.raw(RecordId::kSize));
  out.annuaire = read_commits(in);
  out.commits = read_commits(in);
  if (!in.at_end() || !federation || !space || !id) return damaged();
  out.federation = *federation;
  out.space = *space;
  out.id = *id;
  return out;
}

}  // namespace maillon::storage
