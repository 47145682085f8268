#pragma once

#include "node/replica/replica.hpp"

namespace maillon::replica {

/// Something that is not as it must be.
struct VerifyError {
  std::string space;               ///< its id
  std::optional<CommitId> commit;  ///< none for what concerns the whole space
  std::string en;
  std::string fr;
};

struct VerifyReport {
  std::int64_t commits = 0;
  std::int64_t records = 0;         ///< visible ones, compared only when deep
  std::vector<VerifyError> errors;  ///< the first kVerifyErrorsMax, in order of the log
};
inline constexpr std::size_t kVerifyErrorsMax = 100;

/// Checks every stored commit as if it had just come (form, signature, root), its chain, and the
/// tables that say where feeds and spaces end. `deep`: also folds the whole log again in a new
/// database, in the data folder and removed at the end, and compares every record and the digests.
/// Works on one snapshot; the node may go on. Errc::integrity when SQLite itself finds damage.
[[nodiscard]] Result<VerifyReport> verify(Replica& replica, bool deep,
                                          const std::function<void(double)>& progress);

}  // namespace maillon::replica
