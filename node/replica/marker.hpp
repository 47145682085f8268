#pragma once

#include <filesystem>

#include "storage/store/store.hpp"

/// Which life of a data folder this is. A file beside the database is known to it by inode, birth
/// time and machine: a plain copy of the folder has another file, so it draws a new incarnation
/// and never forks its original's feed.
namespace maillon::replica {

struct Life {
  std::uint64_t incarnation = 0;
  bool drawn = false;  ///< just now, because the marker did not match
};

/// Inside a transaction of the caller's.
[[nodiscard]] Result<Life> current_incarnation(storage::Store& store,
                                               const std::filesystem::path& dir, Rng& rng);
[[nodiscard]] Result<void> save_incarnation(storage::Store& store, const std::filesystem::path& dir,
                                            std::uint64_t incarnation);

}  // namespace maillon::replica
