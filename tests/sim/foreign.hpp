#pragma once

#include <functional>

#include "storage/store/store.hpp"

/// Commits that this version would not write: of a newer version, or of a member without the right.
namespace maillon::sim {

struct ForeignField {
  std::string name;
  std::uint32_t tag = 1;
  Bytes value;
};
struct ForeignOp {
  std::uint32_t kind = 1;
  std::string collection;
  RecordId id = RecordId::zero();
  std::vector<ForeignField> fields;  ///< ascending by (name, tag)
};

/// Signs one commit that follows everything `store` has applied. `extra_header` is appended to the
/// header: protobuf fields that this version does not know.
[[nodiscard]] Result<storage::CommitPtr> foreign_commit(storage::Store& store, const SpaceId& space,
                                                        std::span<const ForeignOp> ops,
                                                        ByteView extra_header,
                                                        const storage::Author& author,
                                                        UnixMillis now, Rng& rng);

/// The same without taking it in, its header changed before it is signed: what a dishonest program
/// hands to others. Its form alone is sound.
[[nodiscard]] Result<storage::CommitPtr> forged_commit(storage::Store& store, const SpaceId& space,
                                                       std::span<const ForeignOp> ops,
                                                       const std::function<void(Header&)>& change,
                                                       const storage::Author& author,
                                                       UnixMillis now, Rng& rng);

}  // namespace maillon::sim
