#include <algorithm>
#include <set>

#include "storage/state/records.hpp"

/// The slow check of what is stored against what the log says.
namespace maillon::storage {

namespace {

using RecordKey = std::pair<std::int64_t, RecordId>;

Error disagrees(const std::string& collection, const RecordId& rid) {
  return Error{
      Errc::integrity,
      "record " + collection + "/" + rid.hex() + " is not what the log makes of it",
      "la fiche " + collection + "/" + rid.hex() + " ne correspond pas au journal",
      "restore a backup, or start afresh and let the peers send everything again",
      "restaurez une sauvegarde, ou repartez d’un dossier neuf : les pairs renverront tout"};
}

}  // namespace

Result<void> Records::verify(std::int64_t space) {
  MAILLON_CHECK(flush());
  std::vector<std::int64_t> applied;
  MAILLON_CHECK(log_.scan(space, 0, [&](const LogEntry& entry) -> Result<bool> {
    if (entry.status == CommitStatus::applied) applied.push_back(entry.id);
    return true;
  }));
  std::map<RecordKey, std::vector<merge::OpRef>> ops;
  std::set<RecordKey> owned;
  std::map<std::int64_t, std::string> collections;
  for (const std::int64_t log_id : applied) {
    MAILLON_TRY(const CommitPtr commit, commits_.get(log_id));
    std::uint32_t leaf = 0;
    for (const Op& op : commit->body.ops.ops) {
      ++leaf;
      if (!touches_records(op)) continue;
      MAILLON_TRY(const auto collection, names_.find_collection(space, op.collection));
      if (!collection) return disagrees(std::string{op.collection}, op.id);
      collections.emplace(*collection, op.collection);
      ops[{*collection, op.id}].push_back({log_id, leaf});
      if (op.id_form == IdForm::owned) owned.insert({*collection, op.id});
    }
  }
  MAILLON_TRY(auto count, db_.prepare("SELECT count(*) FROM record r JOIN collection c"
                                      " ON c.id = r.collection WHERE c.space = ?1"));
  MAILLON_TRY(const bool counted, count.bind(1, space).step());
  if (!counted || count.integer(0) != static_cast<std::int64_t>(ops.size()))
    return Error{Errc::integrity, "the log and the records do not speak of the same records"};
  count.reset();
  for (auto& [key, from] : ops) {
    const std::string& name = collections.at(key.first);
    MAILLON_TRY(const auto row, find(key.first, key.second));
    if (!row) return disagrees(name, key.second);
    std::vector<CommitPtr> keep;
    MAILLON_TRY(const auto state, fold_from(name, key.second, std::move(from), keep));
    Bytes want;
    merge::encode_state(state, want);
    const std::int64_t flags = flags_of(state, context_) | (owned.contains(key) ? kFlagOwned : 0);
    if (want != row->state || flags != row->flags) return disagrees(name, key.second);
  }
  return {};
}

}  // namespace maillon::storage
