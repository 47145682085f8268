#pragma once

#include <bitset>
#include <map>

#include "storage/log/log.hpp"
#include "storage/trust/trust.hpp"

namespace maillon::storage {

/// Which commits had all that a checkpoint settles in their past. Says of one commit what Settlement
/// says of all, and remembers what it walked over, so that the next one costs a step.
class SettledSeen {
 public:
  explicit SettledSeen(Log& log) noexcept : log_(log) {}

  /// Of a commit whose parents are in the log.
  Result<bool> by(const Header& header, const Settled& checkpoint);
  /// After a rollback: what was walked over may be gone.
  void clear() { known_.clear(); }

 private:
  using Heads = std::bitset<limits::kSettledHeadsMax>;
  struct Known {
    Hlc oldest;  ///< of the heads: nothing before it has one in its past
    std::map<CommitId, std::size_t> heads;
    std::map<CommitId, Heads> past;  ///< of a commit and all that it stands on
  };
  /// None while one of the heads is not here: then nothing here can have seen it.
  Result<Known*> known_of(const Settled& checkpoint);
  Result<Heads> past_of(const CommitId& commit, Known& known);
  /// What it stands on; empty where no head can be.
  Result<std::vector<CommitId>> parents_of(const CommitId& commit, const Known& known);

  Log& log_;
  std::map<ProposalId, Known> known_;
};

}  // namespace maillon::storage
