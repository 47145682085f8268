#pragma once

#include <list>
#include <unordered_map>

#include "storage/log/log.hpp"

namespace maillon::storage {

/// A commit parsed once and kept while its neighbours are likely to be asked for.
class CommitCache {
 public:
  explicit CommitCache(Log& log) noexcept : log_(log) {}
  /// Errc::integrity where it is stored damaged.
  Result<CommitPtr> get(std::int64_t log_id);
  void forget(std::int64_t log_id);
  void clear();

 private:
  static constexpr std::size_t kBytes = 12u << 20;  ///< parsed; one commit of full size takes some 3 MiB
  struct Slot {
    std::int64_t log_id = 0;
    CommitPtr commit;
    std::size_t bytes = 0;
  };
  using Slots = std::list<Slot>;
  void drop(Slots::iterator slot);

  Log& log_;
  Slots slots_;  ///< what was asked for last comes first
  std::unordered_map<std::int64_t, Slots::iterator> by_id_;
  std::size_t bytes_ = 0;  ///< of all slots
};

/// Errc::integrity.
[[nodiscard]] Error damaged_commit(const CommitId& id);

}  // namespace maillon::storage
