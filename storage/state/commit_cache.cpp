#include "storage/state/commit_cache.hpp"

namespace maillon::storage {
namespace {

/// Bytes of memory, about.
std::size_t size_of(const Commit& commit) {
  const OpTable& table = commit.body.ops;
  return sizeof(Commit) + commit.bytes.header.size() + commit.bytes.body.size() +
         commit.body.raw.size() + commit.body.table.commits.size() * sizeof(CommitId) +
         table.ops.size() * sizeof(Op) + table.fields.size() * sizeof(OpField) +
         table.dots.size() * sizeof(DotRange) + table.runs.size() * sizeof(Run);
}

}  // namespace

Error damaged_commit(const CommitId& id) {
  return Error{Errc::integrity, "commit " + id.hex() + " is stored damaged",
               "le commit " + id.hex() + " est abîmé dans la base",
               "restore a backup, or start afresh and let the peers send everything again",
               "restaurez une sauvegarde, ou repartez d’un dossier neuf : les pairs renverront tout"};
}

Result<CommitPtr> CommitCache::get(std::int64_t log_id) {
  if (const auto known = by_id_.find(log_id); known != by_id_.end()) {
    slots_.splice(slots_.begin(), slots_, known->second);
    return slots_.front().commit;
  }
  MAILLON_TRY(SignedCommit bytes, log_.bytes_of(log_id));
  MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
  MAILLON_TRY(const CommitId id, log_.commit_id_of(log_id));
  if (commit->id != id) return damaged_commit(id);
  slots_.push_front({log_id, commit, size_of(*commit)});
  by_id_.emplace(log_id, slots_.begin());
  bytes_ += slots_.front().bytes;
  while (bytes_ > kBytes && slots_.size() > 1) drop(std::prev(slots_.end()));
  return commit;
}

void CommitCache::forget(std::int64_t log_id) {
  if (const auto known = by_id_.find(log_id); known != by_id_.end()) drop(known->second);
}

void CommitCache::clear() {
  slots_.clear();
  by_id_.clear();
  bytes_ = 0;
}

void CommitCache::drop(Slots::iterator slot) {
  bytes_ -= slot->bytes;
  by_id_.erase(slot->log_id);
  slots_.erase(slot);
}

}  // namespace maillon::storage
