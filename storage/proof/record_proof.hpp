#pragma once

#include <memory>

#include "storage/store/store.hpp"

/// A record with all that it takes to believe it, for whoever has nothing but the file
/// (docs/protocol.md, "Proofs"). No file is read or written here, and no clock.
namespace maillon::storage {

/// Commits stand in order of (HLC, commit id), which respects causality, with bodies that are not
/// compressed: a frame of zstd has more than one form.
struct RecordProof {
  FederationId federation = FederationId::zero();
  SpaceId space = SpaceId::zero();
  std::string collection;
  RecordId id = RecordId::zero();
  std::vector<SignedCommit> annuaire;  ///< whole
  /// Of the record's space: those that hold its ops, their other leaves gone; and, without a body,
  /// those that show that one of the former counts.
  std::vector<SignedCommit> commits;
};

[[nodiscard]] Bytes encode(const RecordProof& proof);
/// Judges the form alone. Errc::integrity for a file that was cut short or altered.
[[nodiscard]] Result<RecordProof> decode_record_proof(ByteView file);

/// The ops of which something is shown of a record, and its deletes: of each, the payload is proved.
[[nodiscard]] Result<std::set<merge::OpRef>> ops_behind(merge::RecordState& state);

/// Gathers what proves a record as `log` has it; all three as of one snapshot, which `trust` was
/// folded from. Errc::not_found when nothing of the record is here, ::full beyond a limit of proofs.
[[nodiscard]] Result<RecordProof> prove_record(Log& log, Records& records, Names& names,
                                               const Trust& trust, const SpaceId& space,
                                               std::string_view collection, const RecordId& id);

/// What a proof shows.
struct CheckedProof {
  FederationId federation = FederationId::zero();
  SpaceId space = SpaceId::zero();
  std::string collection;
  RecordId id = RecordId::zero();
  Hlc latest;  ///< of all that the proof holds; what came later it cannot know
  /// In memory: annuaire, taken in by the rules of every node, and the record as the proof's ops
  /// make it. Ops that do not count are void in it.
  std::unique_ptr<Store> store;
};

/// Checks all that the file holds: form, hashes, signatures, the genesis, who was a member, who
/// might write, what is cut off. Errc::integrity says what does not hold.
[[nodiscard]] Result<CheckedProof> check_record_proof(ByteView file);

}  // namespace maillon::storage
