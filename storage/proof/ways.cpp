#include "storage/proof/ways.hpp"

#include <algorithm>

namespace maillon::storage {

bool is_limited(const Trust& trust, const MemberId& member, const SpaceId& space) {
  return std::ranges::any_of(trust.limits(),
                             [&](const Limit& limit) {
                               return limit.member == member &&
                                      (!limit.space || *limit.space == space);
                             }) ||
         std::ranges::any_of(trust.charges(), [&](const Charge& charge) {
           return trust.known(charge.node, member) && (!charge.fork || charge.fork->space == space);
         });
}

Ways::Ways(const SpaceHistory& history, const Trust& trust, const SpaceId& space)
    : history_(history), trust_(trust), space_(space), children_(history.commits().size()),
      settlement_(history, trust, space) {
  for (std::size_t i = 0; i < children_.size(); ++i)
    for (const std::size_t parent : history.commits()[i].parents) children_[parent].push_back(i);
}

std::vector<Ways::Wish> Ways::wishes_for(std::size_t i) const {
  const SpaceHistory::Commit& commit = history_.commits()[i];
  std::vector<Wish> out;
  if (settlement_.stands(i)) {
    for (const auto& checkpoint : trust_.checkpoints(space_))
      if (checkpoint->counted(commit.feed, commit.entry.seq))
        out.push_back({{}, {checkpoint->heads.begin(), checkpoint->heads.end()}, false, 0, {}});
    return out;
  }
  for (const Limit& limit : trust_.limits()) {
    if (limit.member != commit.member || (limit.space && *limit.space != space_) ||
        (limit.node && *limit.node != commit.feed.node))
      continue;
    Wish wish{{limit.since}, {}, false, 1, {commit.member}};
    for (const CutOff& cut : limit.cuts)
      if (cut.space == space_) wish.named.insert(cut.commit);
    if (!limit.spares_always && !wish.named.empty()) wish.vouchers = 0;
    out.push_back(std::move(wish));
  }
  for (const Charge& charge : trust_.charges())
    if (charge.covers(commit.feed, commit.entry.seq))
      out.push_back({charge.since, {}, true, charge.needed, {commit.member}});
  return out;
}

bool Ways::grants(std::size_t i, Wish& wish) const {
  const SpaceHistory::Commit& commit = history_.commits()[i];
  if (wish.named.erase(commit.entry.cid) > 0) return true;
  const auto seen = [&](std::uint32_t what) {
    return history_.has_seen(commit, what, trust_.graph());
  };
  // What waits for its time speaks for nothing before that.
  if (wish.vouchers == 0 || history_.is_held(i) || wish.asked.contains(commit.member) ||
      (wish.uncharged && trust_.charged(commit.member)) ||
      !trust_.may_vouch(commit.feed.node, commit.member, space_) ||
      std::ranges::any_of(wish.since, seen))
    return false;
  wish.asked.insert(commit.member);
  --wish.vouchers;
  return true;
}

void Ways::add_from(std::size_t i) {
  auto wishes = wishes_for(i);
  std::map<std::size_t, std::size_t> before{{i, i}};
  std::vector<std::size_t> queue{i};
  for (std::size_t at = 0; at < queue.size() && !wishes.empty(); ++at) {
    const std::size_t here = queue[at];
    bool useful = false;
    for (Wish& wish : wishes) useful |= grants(here, wish);
    std::erase_if(wishes, [](const Wish& w) { return w.named.empty() && w.vouchers == 0; });
    if (useful)
      for (std::size_t step = here; step != i; step = before.at(step)) commits_.insert(step);
    for (const std::size_t next : children_[here])
      if (before.emplace(next, here).second) queue.push_back(next);
  }
}

void Ways::add_branches(std::size_t i, const Settled& checkpoint) {
  const auto& commits = history_.commits();
  for (const Tip& end : checkpoint.ends(commits[i].feed))
    for (auto at = history_.find(end.commit); at && commits[*at].entry.seq >= commits[i].entry.seq;
         at = commits[*at].previous)
      commits_.insert(*at);
}

void Ways::add_back(std::size_t i) {
  const auto& commits = history_.commits();
  if (settlement_.stands(i)) {
    const bool otherwise = trust_.beyond_quota(space_, commits[i].total_ops, commits[i].total_bytes);
    return otherwise ? add_from(i) : void();
  }
  for (const auto& checkpoint : trust_.checkpoints(space_)) {
    const bool known = std::ranges::any_of(
        checkpoint->ends(commits[i].feed),
        [&](const Tip& end) { return commits[i].entry.seq <= end.seq; });
    if (known) {
      if (settlement_.is_late(i)) add_branches(i, *checkpoint);
      continue;
    }
    std::set<std::size_t> heads;
    for (const CommitId& head : checkpoint->heads)
      if (const auto at = history_.find(head)) heads.insert(*at);
    std::map<std::size_t, std::size_t> after{{i, i}};
    std::vector<std::size_t> queue{i};
    for (std::size_t at = 0; at < queue.size() && !heads.empty(); ++at) {
      const std::size_t here = queue[at];
      if (heads.erase(here) > 0)
        for (std::size_t step = here; step != i; step = after.at(step)) commits_.insert(step);
      for (const std::size_t parent : commits[here].parents)
        if (after.emplace(parent, here).second) queue.push_back(parent);
      if (const auto old = commits[here].reissues; old && here == i)
        if (after.emplace(*old, here).second) queue.push_back(*old);
    }
  }
}

}  // namespace maillon::storage
