#include "storage/store/space_history.hpp"

#include <algorithm>
#include <bitset>

namespace maillon::storage {

Result<SpaceHistory> SpaceHistory::read(Log& log, std::int64_t space, const Annuaire& annuaire,
                                        bool aside) {
  SpaceHistory out;
  out.whole_ = true;
  std::vector<LogEntry> entries;
  std::vector<std::pair<std::size_t, CommitId>> reissues;
  MAILLON_CHECK(log.scan_all(space, [&](const LogEntry& entry) -> Result<bool> {
    if (aside || entry.status != CommitStatus::aside) entries.push_back(entry);
    return true;
  }));
  for (const LogEntry& entry : entries) {
    MAILLON_TRY(const Bytes raw, log.header_of(entry.id));
    MAILLON_TRY(const Header header, decode_header(raw));
    out.add(entry, header, annuaire);
    if (header.reissues) reissues.emplace_back(out.commits_.size() - 1, *header.reissues);
  }
  // An original may come after what replaces it.
  for (const auto& [at, old] : reissues) out.commits_[at].reissues = out.find(old);
  return out;
}

SpaceHistory SpaceHistory::of(std::span<const std::pair<CommitId, Header>> commits,
                              const Annuaire& annuaire) {
  SpaceHistory out;
  for (const auto& [id, header] : commits) {
    LogEntry entry;
    entry.cid = id;
    entry.seq = header.seq;
    entry.hlc = header.hlc;
    out.add(entry, header, annuaire);
  }
  for (std::size_t i = 0; i < commits.size(); ++i)
    if (const auto& old = commits[i].second.reissues) out.commits_[i].reissues = out.find(*old);
  return out;
}

Result<void> SpaceHistory::read_tables(Log& log, std::size_t from) {
  for (std::size_t i = from; i < commits_.size(); ++i) {
    MAILLON_TRY(SignedCommit bytes, log.bytes_of(commits_[i].entry.id));
    MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
    for (const CommitId& id : commit->body.table.commits)
      if (const auto known = find(id); known && id != commit->header.reissues && *known < i)
        commits_[i].parents.push_back(*known);
  }
  return {};
}

bool SpaceHistory::has_seen(const Commit& commit, std::uint32_t what,
                            const Annuaire& annuaire) const {
  return std::ranges::any_of(commit.view,
                             [&](std::uint32_t head) { return annuaire.reaches(head, what); });
}

void SpaceHistory::mark_past(std::vector<bool>& marked) const {
  for (std::size_t i = commits_.size(); i-- > 0;)
    if (marked[i])
      for (const std::size_t parent : commits_[i].parents) marked[parent] = true;
}

std::vector<bool> SpaceHistory::up_to(const std::set<CutOff>& cuts, const SpaceId& space) const {
  std::vector<bool> out(commits_.size());
  for (const CutOff& cut : cuts)
    if (const auto at = find(cut.commit); at && cut.space == space) out[*at] = true;
  mark_past(out);
  return out;
}

std::optional<std::size_t> SpaceHistory::find(const CommitId& id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? std::nullopt : std::optional{found->second};
}

void SpaceHistory::add(const LogEntry& entry, const Header& header, const Annuaire& annuaire) {
  Commit one{entry, header.member, header.feed(), header.total_ops, header.total_bytes,
             {},    0,             {},            {},               {}};
  if (header.previous) {
    one.previous = find(*header.previous);
    if (one.previous) {
      one.parents.push_back(*one.previous);
      one.view = commits_[*one.previous].view;
    }
  }
  for (const CommitId& dep : header.deps)
    if (const auto known = find(dep)) one.parents.push_back(*known);
  one.deps = one.parents.size();
  if (!header.annuaire_heads.empty()) one.view.clear();
  for (const CommitId& head : header.annuaire_heads)
    if (const auto number = annuaire.find(head)) one.view.push_back(*number);
  places_.emplace(entry.cid, commits_.size());
  commits_.push_back(std::move(one));
}

Settlement::Settlement(const SpaceHistory& history, const Trust& trust, const SpaceId& space)
    : Settlement(history, trust.checkpoints(space)) {}

Settlement::Settlement(const SpaceHistory& history,
                       std::span<const std::shared_ptr<const Settled>> checkpoints) {
  if (checkpoints.empty()) return;
  stands_.resize(history.commits().size());
  late_.resize(history.commits().size());
  for (const auto& checkpoint : checkpoints) {
    const bool ahead = std::ranges::any_of(checkpoint->heads, [&](const CommitId& head) {
      const auto at = history.find(head);
      return at && history.commits()[*at].entry.hlc >= checkpoint->time;
    });
    if (ahead) continue;
    mark_standing(history, *checkpoint);
    mark_late(history, *checkpoint);
  }
}

void Settlement::mark_standing(const SpaceHistory& history, const Settled& checkpoint) {
  const auto& commits = history.commits();
  std::vector<bool> settled(commits.size());
  for (const CommitId& head : checkpoint.heads)
    if (const auto at = history.find(head)) settled[*at] = true;
  history.mark_past(settled);
  for (std::size_t i = 0; i < commits.size(); ++i)
    if (settled[i] && checkpoint.counted(commits[i].feed, commits[i].entry.seq)) stands_[i] = true;
}

std::vector<bool> Settlement::seen_by(const SpaceHistory& history, const Settled& checkpoint) {
  const auto& commits = history.commits();
  std::vector<bool> out(commits.size());
  std::map<FeedKey, std::uint64_t> by_number;  // up to here nobody can tell branches apart
  const auto up_to = [&](const FeedKey& feed, std::uint64_t seq) {
    auto& known = by_number[feed];
    known = std::max(known, seq);
  };
  for (const auto& [feed, ends] : checkpoint.seen)
    for (const Tip& end : ends) {
      auto at = history.find(end.commit);
      if (!at) up_to(feed, end.seq);
      while (at && !out[*at]) {
        out[*at] = true;
        const auto before = commits[*at].previous;
        // In part of a history, as a proof has it.
        if (!before) up_to(feed, commits[*at].entry.seq - 1);
        at = before;
      }
    }
  for (std::size_t i = 0; i < commits.size(); ++i)
    if (const auto known = by_number.find(commits[i].feed);
        known != by_number.end() && commits[i].entry.seq <= known->second)
      out[i] = true;
  return out;
}

void Settlement::mark_late(const SpaceHistory& history, const Settled& checkpoint) {
  const auto& commits = history.commits();
  const std::vector<bool> seen = seen_by(history, checkpoint);
  // Which of the heads each commit has in its past.
  std::vector<std::bitset<limits::kSettledHeadsMax>> past(commits.size());
  std::map<std::size_t, std::size_t> heads;
  for (const CommitId& head : checkpoint.heads)
    if (const auto at = history.find(head)) heads.emplace(*at, heads.size());
  for (std::size_t i = 0; i < commits.size(); ++i) {
    for (const std::size_t parent : commits[i].parents) {
      past[i] |= past[parent];
      if (const auto head = heads.find(parent); head != heads.end()) past[i].set(head->second);
    }
  }
  for (std::size_t i = 0; i < commits.size(); ++i) {
    // Its deps leave out what it publishes again, which its author knew.
    auto known = past[i];
    if (const auto old = commits[i].reissues) {
      known |= past[*old];
      if (const auto head = heads.find(*old); head != heads.end()) known.set(head->second);
    }
    if (!seen[i] && known.count() < checkpoint.heads.size()) late_[i] = true;
  }
}

Named::Named(const SpaceHistory& history, const Trust& trust, const SpaceId& space)
    : history_(history), trust_(trust), space_(space) {
  for (const Limit& limit : trust.limits())
    if (!limit.space || *limit.space == space)
      all_.push_back({&limit, history.up_to(limit.cuts, space)});
  confirmed_.resize(history.commits().size());
  for (const auto& [asking, nodes] : trust.receipts())
    if (const auto at = history.find(asking))
      confirmed_[*at] = trust.confirmed(asking, history.commits()[*at].member);
  history.mark_past(confirmed_);
}

template <class Test>
bool Named::any(std::size_t i, Test test) const {
  const SpaceHistory::Commit& commit = history_.commits()[i];
  return std::ranges::any_of(all_, [&](const Up& up) {
    return up.to[i] && up.limit->member == commit.member &&
           (!up.limit->node || *up.limit->node == commit.feed.node) && test(*up.limit);
  });
}

bool Named::keeps(std::size_t i) const {
  if (confirmed_[i]) return true;
  const SpaceHistory::Commit& commit = history_.commits()[i];
  const bool beyond = trust_.beyond_quota(space_, commit.total_ops, commit.total_bytes);
  return any(i, [&](const Limit& limit) { return !beyond || !limit.node; });
}

bool Named::settles(std::size_t i, const Charge& charge) const {
  return any(i, [&](const Limit& limit) { return trust_.came_before(limit, charge); });
}

}  // namespace maillon::storage
