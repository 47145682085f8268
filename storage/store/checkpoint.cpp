#include <algorithm>
#include <set>

#include "storage/store/space_history.hpp"
#include "storage/store/store.hpp"

/// What a checkpoint would say of a space, and whether one says what this node sees (docs/trust.md,
/// "Checkpoints").
namespace maillon::storage {
namespace {

/// Bytes of bodies that one step packs anew, each for a second at most: others wait to write.
constexpr std::size_t kPackedAtOnce = 256u << 10;

/// What others had for long: commits from before a moment on which another member had built by then.
/// Of a space that nobody else reads, all from before it.
std::vector<bool> shared_before(const SpaceHistory& history, const Trust& trust,
                                const SpaceId& space, Hlc before) {
  const auto& commits = history.commits();
  const auto is_old = [&](std::size_t i) {
    return commits[i].entry.status == CommitStatus::applied && commits[i].entry.hlc < before;
  };
  const auto reads = [&](const auto& entry) { return trust.may_read(entry.first, space); };
  const bool alone = std::ranges::count_if(trust.members(), reads) <= 1;
  const Vouchers built{history, is_old};
  std::vector<bool> out(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i)
    out[i] = is_old(i) && (alone || built.others(i, commits[i].member) > 0);
  return out;
}

/// Of the marked commits those that do not count, as parts of their feeds.
std::vector<FeedRange> void_ranges(const SpaceHistory& history, const std::vector<bool>& marked) {
  std::map<FeedKey, std::set<std::uint64_t>> numbers;
  for (std::size_t i = 0; i < marked.size(); ++i) {
    const SpaceHistory::Commit& commit = history.commits()[i];
    if (marked[i] && commit.entry.is_void) numbers[commit.feed].insert(commit.entry.seq);
  }
  std::vector<FeedRange> out;
  for (const auto& [feed, seqs] : numbers)
    for (const std::uint64_t seq : seqs) {
      const bool goes_on = !out.empty() && out.back().node == feed.node &&
                           out.back().incarnation == feed.incarnation && out.back().last + 1 == seq;
      if (goes_on)
        out.back().last = seq;
      else
        out.push_back({feed.node, feed.incarnation, seq, seq});
    }
  return out;
}

/// Those of the marked commits on which no other one stands.
std::vector<CommitId> heads_of(const SpaceHistory& history, const std::vector<bool>& marked) {
  std::vector<bool> built_on(marked.size());
  for (std::size_t i = 0; i < marked.size(); ++i)
    if (marked[i])
      for (const std::size_t parent : history.commits()[i].parents) built_on[parent] = true;
  std::vector<CommitId> out;
  for (std::size_t i = 0; i < marked.size(); ++i)
    if (marked[i] && !built_on[i]) out.push_back(history.commits()[i].entry.cid);
  std::ranges::sort(out);
  return out;
}

std::string pruned_key(const SpaceId& space) { return "pruned." + space.hex(); }

/// As encoded() gives it, or empty.
Result<Bytes> pruned_with(Database& db, const SpaceId& space) {
  MAILLON_TRY(auto get, db.prepare("SELECT value FROM meta WHERE key = ?1"));
  const std::string key = pruned_key(space);
  MAILLON_TRY(const bool known, get.bind(1, std::string_view{key}).step());
  return known ? Bytes{get.blob(0).begin(), get.blob(0).end()} : Bytes{};
}

/// By which checkpoints a space was pruned.
Bytes encoded(const std::vector<ProposalId>& checkpoints) {
  Bytes out;
  ByteWriter w{out};
  for (const ProposalId& id : checkpoints) {
    w.raw(id.commit.bytes());
    w.le32(id.leaf);
  }
  return out;
}

bool lists(ByteView encoded_ids, const ProposalId& id) {
  ByteReader in{encoded_ids};
  while (in.left() > 0) {
    const ByteView commit = in.raw(CommitId::kSize);
    const bool same = in.le32() == id.leaf;
    if (same && std::ranges::equal(commit, id.commit.bytes())) return true;
  }
  return false;
}

/// Those of which all that they settle is here.
Result<std::vector<std::shared_ptr<const Settled>>> whole_ones(Log& log, const Trust& trust,
                                                               const SpaceId& space) {
  std::vector<std::shared_ptr<const Settled>> out;
  for (const auto& checkpoint : trust.checkpoints(space)) {
    bool here = true;
    for (const CommitId& head : checkpoint->heads) {
      MAILLON_TRY(const auto entry, log.find(head));
      here = here && entry && entry->status == CommitStatus::applied;
    }
    if (here) out.push_back(checkpoint);
  }
  return out;
}

std::vector<ProposalId> ids_of(const std::vector<std::shared_ptr<const Settled>>& checkpoints) {
  std::vector<ProposalId> out;
  for (const auto& one : checkpoints) out.push_back(one->id);
  return out;
}

}  // namespace

Result<std::vector<SpaceId>> to_prune(Database& db, Log& log, const Trust& trust) {
  std::vector<SpaceId> out;
  for (const auto& [id, space] : trust.spaces()) {
    if (trust.checkpoints(id).empty()) continue;
    MAILLON_TRY(const auto row, log.find_space(id));
    if (!row) continue;
    MAILLON_TRY(const Bytes before, pruned_with(db, id));
    const auto all = trust.checkpoints(id);
    if (before == encoded(ids_of({all.begin(), all.end()}))) continue;
    MAILLON_TRY(const auto whole, whole_ones(log, trust, id));
    if (before != encoded(ids_of(whole))) out.push_back(id);
  }
  return out;
}

Result<bool> lacks_settled(Log& log, const Trust& trust, const SpaceId& space) {
  MAILLON_TRY(const auto whole, whole_ones(log, trust, space));
  return whole.size() < trust.checkpoints(space).size();
}

Result<std::optional<Checkpoint>> Store::draft_checkpoint(const SpaceId& space, Hlc before) {
  MAILLON_TRY(const auto row, log_.find_space(space));
  if (!row || space == trust_->annuaire()) return std::optional<Checkpoint>{};
  // Reading all headers is for spaces that are old enough.
  bool any = false;
  MAILLON_CHECK(log_.scan(*row, 0, [&](const LogEntry& entry) -> Result<bool> {
    any = entry.hlc < before;
    return false;
  }));
  if (!any) return std::optional<Checkpoint>{};
  MAILLON_TRY(const auto history, SpaceHistory::read(log_, *row, trust_->graph()));
  // With a commit goes all that it stands on: that is older, and whoever had it had that as well.
  const auto settled = shared_before(history, *trust_, space, before);
  Checkpoint out;
  out.space = space;
  out.settled = heads_of(history, settled);
  out.without_effect = void_ranges(history, settled);
  MAILLON_TRY(out.seen, log_.tips(*row));
  const bool fits = out.settled.size() <= limits::kSettledHeadsMax &&
                    out.seen.size() <= limits::kFeedEndsMax &&
                    out.without_effect.size() <= limits::kVoidRangesMax;
  const bool known = std::ranges::any_of(trust_->checkpoints(space), [&](const auto& one) {
    return one->heads == out.settled;
  });
  if (out.settled.empty() || !fits || known) return std::optional<Checkpoint>{};
  return std::optional{std::move(out)};
}

Result<Agreement> Store::agrees_with(const Checkpoint& checkpoint, Hlc before) {
  MAILLON_TRY(const auto row, log_.find_space(checkpoint.space));
  if (!row) return Agreement::misses;
  MAILLON_TRY(const auto history, SpaceHistory::read(log_, *row, trust_->graph()));
  const auto& commits = history.commits();
  std::vector<bool> settled(commits.size());
  for (const CommitId& head : checkpoint.settled) {
    const auto at = history.find(head);
    if (!at || commits[*at].entry.status != CommitStatus::applied) return Agreement::misses;
    settled[*at] = true;
  }
  for (const Tip& end : checkpoint.seen)
    if (!history.find(end.commit)) return Agreement::misses;
  history.mark_past(settled);
  const auto shared = shared_before(history, *trust_, checkpoint.space, before);
  for (std::size_t i = 0; i < commits.size(); ++i)
    if (settled[i] && !shared[i]) return Agreement::too_young;
  const auto alone = std::make_shared<const Settled>(Settled::by({}, Hlc{~std::uint64_t{0}}, checkpoint));
  const Settlement settlement{history, std::span{&alone, 1}};
  for (std::size_t i = 0; i < commits.size(); ++i)
    if (settlement.is_late(i)) return Agreement::would_be_late;
  return void_ranges(history, settled) == checkpoint.without_effect ? Agreement::agrees
                                                                    : Agreement::differs;
}

Result<Pruned> Store::prune(const SpaceId& space, std::int64_t after, std::size_t records,
                            bool all) {
  MAILLON_TRY(const auto row, log_.find_space(space));
  if (!row) return Pruned{};
  const auto known = pruning_.find(space);
  if (known == pruning_.end() || after == 0) {
    MAILLON_TRY(auto fresh, what_is_settled(*row, space));
    pruning_.insert_or_assign(space, std::move(fresh));
  }
  Pruning& pruning = pruning_.at(space);
  Pruned out{0, after};
  MAILLON_CHECK(pruning.found ? take_out_spent(pruning, *row, all, out)
                              : look_for_spent(pruning, *row, records, out));
  out.more = !pruning.found || !pruning.spent.empty();
  if (out.more) return out;
  MAILLON_CHECK(set_meta(pruned_key(space), encoded(pruning.checkpoints)));
  pruning_.erase(space);
  return out;
}

Result<void> Store::look_for_spent(Pruning& pruning, std::int64_t space, std::size_t records,
                                   Pruned& out) {
  MAILLON_TRY(const auto next, records_.after(space, out.last, records));
  pruning.found = next.size() < records;
  for (const RecordPlace& place : next) {
    out.last = place.row;
    MAILLON_TRY(const auto found, records_.find(place.collection, place.rid));
    if (!found) continue;
    MAILLON_TRY(const auto spent,
                records_.spent(place.name, place.rid, found->state, pruning.settled));
    for (const merge::OpRef& ref : spent) pruning.spent[ref.commit].push_back({ref.leaf});
  }
  if (pruning.found)
    for (auto& [log_id, leaves] : pruning.spent) std::ranges::sort(leaves, {}, &LeafCut::leaf);
  return {};
}

Result<void> Store::take_out_spent(Pruning& pruning, std::int64_t space, bool all, Pruned& out) {
  std::size_t bytes = 0;
  std::set<std::pair<std::int64_t, RecordId>> changed;
  while (!pruning.spent.empty() && bytes < kPackedAtOnce) {
    const auto [log_id, leaves] = *pruning.spent.begin();
    pruning.spent.erase(pruning.spent.begin());
    MAILLON_TRY(const SignedCommit stored, log_.bytes_of(log_id));
    MAILLON_TRY(const CommitPtr commit, load_commit(stored));
    const auto& ops = commit->body.ops.ops;
    // What somebody asked to erase meanwhile has gone its own way.
    auto cuts = leaves;
    std::erase_if(cuts, [&](const LeafCut& cut) {
      return ops[cut.leaf - 1].state != LeafState::full;
    });
    const bool packed_before = pruning.before.contains(log_id);
    const Resting how = all             ? Resting::cut
                        : packed_before ? Resting::cut_if_smaller
                                        : Resting::whole_or_cut;
    MAILLON_TRY(const auto resting, resting_body(stored.body, commit->header.leaves, cuts, how));
    bytes += commit->header.body_size;
    if (!resting) continue;
    MAILLON_CHECK(log_.replace_body(log_id, resting->packed));
    records_.commits().forget(log_id);
    if (!resting->is_cut) continue;
    out.leaves += cuts.size();
    for (const LeafCut& cut : cuts) {
      const Op& op = ops[cut.leaf - 1];
      MAILLON_TRY(const auto collection, names_.find_collection(space, op.collection));
      if (collection) changed.emplace(*collection, op.id);
    }
  }
  for (const auto& [collection, rid] : changed)
    MAILLON_CHECK(records_.refold_record(collection, rid));
  return {};
}

Result<Store::Pruning> Store::what_is_settled(std::int64_t row, const SpaceId& space) {
  Pruning out;
  MAILLON_TRY(const auto history, SpaceHistory::read(log_, row, trust_->graph()));
  const auto& commits = history.commits();
  MAILLON_TRY(const auto whole, whole_ones(log_, *trust_, space));
  out.checkpoints = ids_of(whole);
  MAILLON_TRY(const Bytes last, pruned_with(db_, space));
  std::vector<std::shared_ptr<const Settled>> before;
  for (const auto& one : whole)
    if (lists(last, one->id)) before.push_back(one);
  const Settlement settlement{history, whole};
  const Settlement settled_before{history, before};
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (settlement.stands(i)) out.settled.insert(commits[i].entry.id);
    if (settled_before.stands(i)) out.before.insert(commits[i].entry.id);
  }
  return out;
}

}  // namespace maillon::storage
