#include "node/simulator/room.hpp"

namespace maillon::sim {

Result<storage::CommitPtr> Memo::verify(const SignedCommit& bytes) {
  const CommitId id = storage::commit_id(bytes.header);
  if (const auto known = known_.find(id); on_ && known != known_.end()) {
    const SignedCommit& same = known->second->bytes;
    if (same.signature == bytes.signature && same.body == bytes.body) return known->second;
  }
  MAILLON_TRY(auto commit, storage::verify_commit(bytes));
  known_[id] = commit;
  return commit;
}

void FeedRegister::see(const storage::Commit& commit) {
  const auto [at, fresh] =
      places_.try_emplace({commit.header.feed(), commit.header.seq}, commit.id);
  if (fresh || at->second == commit.id) return;
  forked_.insert(commit.id);
  if (!forks_ && !excused(commit.header.node))
    throw Violation{"a node signed two commits with one seq: " + at->second.hex() + " and " +
                    commit.id.hex()};
}

}  // namespace maillon::sim
