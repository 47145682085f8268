#include <algorithm>

#include "storage/store/opening.hpp"

/// Publishing again what a wrong clock stranded: same ops, same order, under a correct time.
namespace maillon::storage {

Result<std::vector<CommitPtr>> Store::reissue_held(const Author& author, UnixMillis now, Rng& rng) {
  MAILLON_TRY(const auto held, log_.held_of(author.member));
  std::vector<CommitPtr> out;
  std::map<CommitId, CommitId> renamed;
  for (const LogEntry& old : held) {
    MAILLON_TRY(auto commit, reissue_one(old, author, now, rng, renamed));
    out.push_back(std::move(commit));
  }
  return out;
}

Result<CommitPtr> Store::reissue_one(const LogEntry& old, const Author& author, UnixMillis now,
                                     Rng& rng, std::map<CommitId, CommitId>& renamed) {
  MAILLON_TRY(SignedCommit bytes, log_.bytes_of(old.id));
  MAILLON_TRY(const CommitPtr original, load_commit(std::move(bytes)));
  MAILLON_TRY(Opening opening, open_feed(original->header.space, author, now));
  std::erase(opening.header.deps, old.cid);
  opening.header.reissues = old.cid;
  CommitDraft draft;
  draft.set_reissues(old.cid);
  // The original's indexes in the draft's table; what it named of a replaced commit is now named of
  // the replacement.
  std::vector<std::uint32_t> index{0};
  for (const CommitId& id : original->body.table.commits) {
    const auto fresh = renamed.find(id);
    index.push_back(draft.index_of(fresh == renamed.end() ? id : fresh->second));
  }
  OpTable table = original->body.ops;
  for (const MemberId& member : original->body.table.members) (void)draft.index_of(member);
  for (DotRange& dot : table.dots) dot.index = index[dot.index];
  for (Run& run : table.runs)
    for (auto* anchor : {&run.left, &run.right, &run.moved})
      if (*anchor) (*anchor)->index = index[(*anchor)->index];
  for (Op& op : table.ops) {
    const auto sort = [&](Slice slice) {
      std::sort(table.dots.begin() + slice.first, table.dots.begin() + slice.first + slice.count);
    };
    sort(op.replaced);
    for (const OpField& field : table.fields_of(op)) sort(field.replaced);
    draft.add(table, op);
  }
  MAILLON_TRY(const CommitPtr commit, seal_and_take(draft, opening, author, rng));
  renamed.emplace(old.cid, commit->id);
  return commit;
}

}  // namespace maillon::storage
