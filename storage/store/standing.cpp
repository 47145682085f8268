#include <algorithm>
#include <set>

#include "proto/fault.hpp"
#include "storage/store/space_history.hpp"
#include "storage/store/store.hpp"

/// Which commits count: rights ever granted, less what removals, narrowings and revocations cut off
/// (docs/trust.md, "Cut-offs"). Judged from the signed past alone, so every node judges alike.
namespace maillon::storage {

namespace {

/// One limit in one space: what it leaves standing.
struct Applied {
  const Limit* limit;
  bool cuts_here = false;
  std::vector<bool> inside;  ///< up to its cut-offs
  std::vector<bool> spared;  ///< what others built on before they knew
};

Applied apply_limit(const Limit& limit, const SpaceId& space, const SpaceHistory& history,
                    const Trust& trust) {
  const Annuaire& annuaire = trust.graph();
  const auto& commits = history.commits();
  Applied out{&limit, false, std::vector<bool>(commits.size()), std::vector<bool>(commits.size())};
  bool all_here = true;
  for (const CutOff& cut : limit.cuts) {
    if (cut.space != space) continue;
    out.cuts_here = true;
    // Also one whose time has not come: what it stands on was there when it was named.
    const auto at = history.find(cut.commit);
    if (at) out.inside[*at] = true;
    all_here = all_here && at;
  }
  history.mark_past(out.inside);
  // On what stood an end that nobody has brought is not known; who leaves with work that reached
  // nobody must not take the rest along. Whoever is removed might date back what it writes on.
  const Hlc decided = annuaire.at(limit.since).hlc;
  if (!all_here && limit.left && history.is_whole())
    for (std::size_t i = 0; i < commits.size(); ++i)
      if (commits[i].member == limit.member && commits[i].entry.hlc < decided) out.inside[i] = true;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    const SpaceHistory::Commit& other = commits[i];
    if (other.member == limit.member || history.is_held(i) ||
        !trust.may_vouch(other.feed.node, other.member, space) ||
        history.has_seen(other, limit.since, annuaire))
      continue;
    for (const std::size_t parent : commits[i].parents) out.spared[parent] = true;
  }
  history.mark_past(out.spared);
  return out;
}

/// Who built on what a charged node wrote, before knowing what was proved.
Vouchers vouchers_for(const Charge& charge, const SpaceId& space, const SpaceHistory& history,
                      const Trust& trust) {
  const auto& commits = history.commits();
  return {history, [&](std::size_t i) {
            const SpaceHistory::Commit& commit = commits[i];
            return !history.is_held(i) && !trust.charged(commit.member) &&
                   trust.may_vouch(commit.feed.node, commit.member, space) &&
                   std::ranges::none_of(charge.since, [&](std::uint32_t since) {
                     return history.has_seen(commit, since, trust.graph());
                   });
          }};
}

/// Limits that add up: several removals of one member leave what any of them leaves. What it says
/// itself when it leaves adds nothing to them.
enum class Group : std::uint8_t { member, left, space, node };
Group group_of(const Limit& limit) {
  if (limit.node) return Group::node;
  if (limit.left) return Group::left;
  return limit.space ? Group::space : Group::member;
}

/// The heads of annuaire that a commit's feed had named by then.
Result<std::vector<std::uint32_t>> view_of(Log& log, Header header, const Annuaire& annuaire) {
  while (header.annuaire_heads.empty() && header.previous) {
    MAILLON_TRY(const auto before, log.find(*header.previous));
    if (!before) break;
    MAILLON_TRY(const Bytes raw, log.header_of(before->id));
    MAILLON_TRY(header, decode_header(raw));
  }
  std::vector<std::uint32_t> out;
  for (const CommitId& head : header.annuaire_heads)
    if (const auto number = annuaire.find(head)) out.push_back(*number);
  return out;
}

}  // namespace

std::vector<bool> counting(const SpaceHistory& history, const Settlement& settlement,
                           const SpaceId& space, const MemberId& member, const Trust& trust) {
  const Annuaire& annuaire = trust.graph();
  std::vector<Applied> limits;
  for (const Limit& limit : trust.limits())
    if (limit.member == member && (!limit.space || *limit.space == space))
      limits.push_back(apply_limit(limit, space, history, trust));
  std::vector<std::pair<const Charge*, Vouchers>> charges;
  for (const Charge& charge : trust.charges())
    if (trust.known(charge.node, member) && (!charge.fork || charge.fork->space == space))
      charges.emplace_back(&charge, vouchers_for(charge, space, history, trust));
  std::optional<Named> named;
  if (!charges.empty()) named.emplace(history, trust, space);
  const bool writer = trust.ever_writer(member, space);
  const auto& commits = history.commits();
  std::vector<bool> counts(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i) {
    const SpaceHistory::Commit& commit = commits[i];
    if (commit.member != member) continue;
    const auto stands = [&](Group group) {
      bool active = false;
      for (const Applied& one : limits) {
        const Limit& limit = *one.limit;
        if (group_of(limit) != group || (limit.node && *limit.node != commit.feed.node)) continue;
        const auto seen = [&](std::uint32_t what) {
          return history.has_seen(commit, what, annuaire);
        };
        if (std::ranges::any_of(limit.lifted, seen)) continue;
        if (one.inside[i]) return true;
        if ((limit.spares_always || !one.cuts_here) && one.spared[i]) return true;
        active = true;
      }
      return !active;
    };
    const bool vouched = std::ranges::all_of(charges, [&](const auto& one) {
      const auto& [charge, vouchers] = one;
      return !charge->covers(commit.feed, commit.entry.seq) ||
             vouchers.others(i, member) >= charge->needed || named->settles(i, *charge) ||
             MAILLON_FAULT("evidence_ignored");
    });
    counts[i] = writer && trust.certified(commit.feed.node, member) && vouched &&
                !trust.beyond_quota(space, commit.total_ops, commit.total_bytes) &&
                stands(Group::member) && stands(Group::left) && stands(Group::space) &&
                stands(Group::node);
    const bool late = settlement.is_late(i) && !MAILLON_FAULT("late_counts");
    counts[i] = settlement.stands(i) || (counts[i] && !late);
  }
  // A re-issue that does not count takes nothing back: who was removed cannot undo what it did.
  std::vector<bool> replaced(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i)
    if (const auto old = commits[i].reissues; old && counts[i] && commits[*old].member == member)
      replaced[*old] = true;
  for (std::size_t i = 0; i < commits.size(); ++i)
    counts[i] = counts[i] && (!replaced[i] || settlement.stands(i));
  return counts;
}

Result<void> Store::judge_again(std::int64_t row, const SpaceId& space, const MemberId& member) {
  return judge_members(row, space, {member});
}

Result<void> Store::judge_members(std::int64_t row, const SpaceId& space,
                                  const std::set<MemberId>& members) {
  if (space == trust_->annuaire() || members.empty()) return {};
  MAILLON_TRY(const auto history, SpaceHistory::read(log_, row, trust_->graph()));
  const Settlement settlement{history, *trust_, space};
  const auto& commits = history.commits();
  for (const MemberId& member : members) {
    const std::vector<bool> counts = counting(history, settlement, space, member, *trust_);
    for (std::size_t i = 0; i < commits.size(); ++i)
      if (commits[i].member == member)
        MAILLON_CHECK(set_standing(commits[i].entry, counts[i], row));
  }
  return {};
}

Result<void> Store::judge_everybody(std::int64_t row, const SpaceId& space) {
  MAILLON_TRY(const auto members, log_.members_of(row));
  return judge_members(row, space, {members.begin(), members.end()});
}

Result<void> Store::set_standing(const LogEntry& entry, bool counts, std::int64_t space) {
  if (entry.is_void == !counts) return {};
  MAILLON_CHECK(log_.set_void(entry.id, !counts));
  if (entry.status != CommitStatus::applied) return {};
  MAILLON_TRY(SignedCommit bytes, log_.bytes_of(entry.id));
  MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
  MAILLON_CHECK(records_.refold(*commit, space));
  return settle_erasures(entry.id);
}

Result<void> Store::judge_all_again(const Trust& before) {
  if (MAILLON_FAULT("applied_stays")) return {};
  std::set<MemberId> changed;
  const bool other_charges = trust_->charges() != before.charges();
  const auto is_charged = [&](const NodeId& node) {
    return std::ranges::find(trust_->charges(), node, &Charge::node) != trust_->charges().end();
  };
  for (const auto& [node, member] : trust_->known_nodes())
    if (!trust_->same_standing(before, member) || (other_charges && is_charged(node)))
      changed.insert(member);
  if (trust_->heirs() != before.heirs()) MAILLON_CHECK(records_.refold_owned());
  auto changed_spaces = trust_->settled_since(before);
  std::ranges::move(trust_->declared_otherwise(before), std::back_inserter(changed_spaces));
  for (const SpaceId& space : changed_spaces) {
    MAILLON_TRY(const auto row, log_.find_space(space));
    if (row) MAILLON_CHECK(judge_everybody(*row, space));
  }
  for (const MemberId& member : changed) {
    MAILLON_TRY(const auto spaces, log_.spaces_of(member));
    for (const auto& [row, space] : spaces) MAILLON_CHECK(judge_again(row, space, member));
  }
  return {};
}

Result<void> Store::judge_own(const Commit& commit, std::int64_t row) {
  const Header& h = commit.header;
  // With this one, all that it stands on is known to be settled.
  if (settles(commit)) return judge_everybody(row, h.space);
  std::set<MemberId> again;
  const bool limited = std::ranges::any_of(
      trust_->limits(), [&](const Limit& limit) { return limit.member == h.member; });
  if (limited || in_doubt(h)) again.insert(h.member);
  if (!trust_->checkpoints(h.space).empty()) {
    // A late one takes nothing back, and nothing takes back what is settled.
    if (h.reissues) again.insert(h.member);
    // Whoever published it again knew all that it had seen.
    MAILLON_TRY(const auto by, log_.reissues_of(commit.id));
    for (const std::int64_t fresh : by) {
      MAILLON_TRY(const std::int64_t of, log_.feed_of(fresh));
      MAILLON_TRY(const FeedRow feed, log_.feed_by_id(of));
      if (feed.space == row) again.insert({h.member, feed.member});
    }
    MAILLON_TRY(const bool branch, ends_branch(commit));
    if (branch) again.insert(h.member);
  }
  return judge_members(row, h.space, again);
}

bool Store::settles(const Commit& commit) const {
  return std::ranges::any_of(trust_->checkpoints(commit.header.space), [&](const auto& one) {
    return std::ranges::binary_search(one->heads, commit.id);
  });
}

Result<bool> Store::is_late(const Header& header) {
  for (const auto& checkpoint : trust_->checkpoints(header.space)) {
    // Of a feed whose end is here, what comes now is another branch.
    bool known = MAILLON_FAULT("late_counts");
    for (const Tip& end : checkpoint->ends(header.feed())) {
      if (header.seq > end.seq || known) continue;
      MAILLON_TRY(const auto here, log_.find(end.commit));
      known = !here || here->status == CommitStatus::aside;
    }
    for (const CommitId& head : checkpoint->heads) {
      if (known) break;
      MAILLON_TRY(const auto here, log_.find(head));
      known = here && here->status != CommitStatus::aside && here->hlc >= checkpoint->time;
    }
    if (known) continue;
    MAILLON_TRY(const bool seen, settled_seen_.by(header, *checkpoint));
    if (!seen) return true;
  }
  return false;
}

Result<bool> Store::ends_branch(const Commit& commit) {
  const Header& h = commit.header;
  const bool ends = std::ranges::any_of(trust_->checkpoints(h.space), [&](const auto& one) {
    return std::ranges::any_of(one->ends(h.feed()),
                               [&](const Tip& end) { return end.commit == commit.id; });
  });
  if (!ends) return false;
  MAILLON_TRY(const FeedRow feed, log_.feed_row(h.feed(), h.member));
  MAILLON_TRY(const std::uint64_t stored, log_.stored_up_to(feed.id, h.seq));
  return stored > h.seq;
}

Result<void> Store::judge_around(const Commit& commit, std::int64_t row) {
  const Header& h = commit.header;
  if (trust_->limits().empty() && trust_->charges().empty()) return {};
  MAILLON_TRY(const auto view, view_of(log_, h, trust_->graph()));
  const auto seen = [&](std::uint32_t what) {
    return std::ranges::any_of(
        view, [&](std::uint32_t head) { return trust_->graph().reaches(head, what); });
  };
  std::set<MemberId> again;
  for (const Charge& charge : trust_->charges()) {
    if ((charge.fork && charge.fork->space != h.space) || std::ranges::any_of(charge.since, seen))
      continue;
    for (const auto& [node, member] : trust_->known_nodes())
      if (node == charge.node && member != h.member) again.insert(member);
  }
  for (const Limit& limit : trust_->limits()) {
    if (limit.space && *limit.space != h.space) continue;
    // What another wrote may be spared because this one built on it.
    const bool cuts_here =
        std::ranges::any_of(limit.cuts, [&](const CutOff& cut) { return cut.space == h.space; });
    const bool spares = (limit.spares_always || !cuts_here) && !seen(limit.since);
    // A cut-off may name a commit that came only now.
    const bool named =
        std::ranges::any_of(limit.cuts, [&](const CutOff& cut) { return cut.commit == commit.id; });
    if (spares || named) again.insert(limit.member);
  }
  for (const MemberId& member : again) MAILLON_CHECK(judge_again(row, h.space, member));
  return {};
}

}  // namespace maillon::storage
