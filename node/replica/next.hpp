#pragma once

#include "node/replica/replica.hpp"

/// A database that is to take the place of a folder's own, which stays readable beside it. A crash
/// at any point leaves the folder with the one or the other.
namespace maillon::replica {

/// Makes it, with the replica's identity and its list of whom to dial, for a fresh incarnation.
[[nodiscard]] Result<std::unique_ptr<storage::Store>> make_next(Replica& replica,
                                                                std::uint64_t incarnation);
/// With the folder closed: moves its database, with a copy of the key, to former_folder(), and puts
/// the next one in place. Errc::busy when somebody opened it meanwhile.
[[nodiscard]] Result<void> take_next(const std::filesystem::path& dir, const FederationId& former);
/// Where the data of a federation that this folder has left stays: a data folder of its own.
[[nodiscard]] std::filesystem::path former_folder(const std::filesystem::path& dir,
                                                  const FederationId& former);
/// Ends a take_next() that was cut short.
[[nodiscard]] Result<void> finish_take(const std::filesystem::path& dir);

}  // namespace maillon::replica
