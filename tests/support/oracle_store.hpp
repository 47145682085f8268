#pragma once

#include "storage/store/store.hpp"
#include "tests/support/oracle.hpp"

/// Between stores and the oracle.
namespace maillon::test {

/// A commit as the oracle wants it: dots by commit id, ops of records only.
[[nodiscard]] oracle::Commit for_oracle(const storage::Commit& commit);
/// The greatest HLC that a receiver whose clock says `now` applies.
[[nodiscard]] std::uint64_t latest_at(UnixMillis now);
/// What a store holds of a space, in the oracle's words.
[[nodiscard]] oracle::State state_of(storage::Store& store, const SpaceId& space);

}  // namespace maillon::test
