#include <algorithm>
#include <set>

#include "storage/store/space_history.hpp"
#include "storage/store/store.hpp"

/// Which commits stand in the log at all (docs/trust.md, "Evidence" and "Quotas"): one in doubt does
/// only if an admitted commit of another member has it in its past, or a decision or its member's root
/// key named it or what stands on it; and nothing stands on one that does not. That is the greatest such set of all that is known, so every order of arrival gives it.
namespace maillon::storage {
namespace {

/// Whether annuaire has evidence of this already: of a fork at that number or before, or of a flood.
bool is_proved(const Trust& trust, const NodeId& node, const std::optional<FeedKey>& fork,
               std::uint64_t seq) {
  return std::ranges::any_of(trust.charges(), [&](const Charge& charge) {
    return charge.node == node && charge.fork == fork && (!fork || charge.from <= seq);
  });
}

}  // namespace

bool Store::in_doubt(const Header& h) const {
  return trust_->in_doubt(h.feed(), h.seq, h.total_ops, h.total_bytes);
}

Result<bool> Store::stands_on_aside(const Commit& commit) {
  std::vector<CommitId> past{commit.header.deps};
  if (commit.header.previous) past.push_back(*commit.header.previous);
  for (const CommitId& id : commit.body.table.commits)
    if (id != commit.header.reissues) past.push_back(id);
  for (const CommitId& id : past) {
    MAILLON_TRY(const auto entry, log_.find(id));
    if (entry && entry->status == CommitStatus::aside) return true;
  }
  return false;
}

Result<Received> Store::keep_aside(const Commit& commit, UnixMillis now) {
  const Header& h = commit.header;
  Received out;
  out.outcome = Received::Outcome::aside;
  out.is_void = true;
  out.reason = "nobody vouches for it";
  MAILLON_TRY(const std::size_t bytes, log_.aside_bytes(h.node));
  if (bytes + commit.bytes.body.size() + commit.bytes.header.size() > limits::kAsidePerNodeBytes) {
    MAILLON_TRY(const bool awaited, log_.awaited_by_other(commit.id, h.member));
    if (!awaited) {
      out.outcome = Received::Outcome::refused;
      return out;
    }
  }
  MAILLON_TRY(const FeedRow feed, log_.feed_row(h.feed(), h.member));
  MAILLON_TRY(const std::int64_t id,
              log_.insert(commit, feed, CommitStatus::aside, /*is_void=*/true));
  MAILLON_CHECK(note_suspect(commit, feed, id));
  // Who is not in doubt may vouch for what it stands on, and so does a cut-off that names it, or who
  // has destroyed what it asks to erase.
  const bool named = settles(commit) || trust_->confirmed(commit.id, h.member) ||
                     std::ranges::any_of(trust_->limits(), [&](const Limit& limit) {
                       return limit.cuts.contains({h.space, commit.id});
                     });
  if (in_doubt(h) && !named) return out;
  MAILLON_TRY(const bool moved, weigh(feed.space, h.space));
  if (!moved) return out;
  MAILLON_CHECK(release_returned(now));
  MAILLON_TRY(const auto entry, log_.find(commit.id));
  if (!entry || entry->status == CommitStatus::aside) return out;
  out.outcome = entry->status == CommitStatus::held ? Received::Outcome::held
                                                    : Received::Outcome::applied;
  out.is_void = entry->is_void;
  if (!out.is_void) out.reason.clear();
  return out;
}

Result<bool> Store::weigh(std::int64_t row, const SpaceId& space) {
  MAILLON_TRY(auto history, SpaceHistory::read(log_, row, trust_->graph(), /*aside=*/true));
  const auto& commits = history.commits();
  std::vector<bool> doubt(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i)
    doubt[i] = trust_->in_doubt(commits[i].feed, commits[i].entry.seq, commits[i].total_ops,
                                commits[i].total_bytes);
  const auto first = std::ranges::find(doubt, true);
  if (first != doubt.end())
    MAILLON_CHECK(history.read_tables(log_, static_cast<std::size_t>(first - doubt.begin())));
  const Named named{history, *trust_, space};
  const Settlement settlement{history, *trust_, space};
  for (std::size_t i = 0; i < commits.size(); ++i)
    doubt[i] = doubt[i] && !named.keeps(i) && !settlement.stands(i);
  std::vector<bool> stands(commits.size(), true);
  for (bool changed = true; changed;) {
    changed = false;
    const Vouchers vouchers{history, [&](std::size_t i) {
                              return stands[i] && trust_->may_vouch(commits[i].feed.node,
                                                                    commits[i].member, space);
                            }};
    for (std::size_t i = 0; i < commits.size(); ++i) {
      if (!stands[i]) continue;
      const auto& parents = commits[i].parents;
      if ((!doubt[i] || vouchers.others(i, commits[i].member) > 0) &&
          std::ranges::all_of(parents, [&](std::size_t parent) { return stands[parent]; }))
        continue;
      stands[i] = false;
      changed = true;
    }
  }
  return move(history, stands, row, space);
}

Result<bool> Store::move(const SpaceHistory& history, const std::vector<bool>& stands,
                         std::int64_t row, const SpaceId& space) {
  const auto& commits = history.commits();
  const auto is_aside = [&](std::size_t i) {
    return commits[i].entry.status == CommitStatus::aside;
  };
  std::vector<std::size_t> moved;
  for (std::size_t i = 0; i < commits.size(); ++i)
    if (is_aside(i) == stands[i]) moved.push_back(i);
  if (moved.empty()) return false;
  const auto before = trust_;
  std::set<MemberId> members;
  // What leaves goes before what it stands on, what returns comes after it.
  for (const std::size_t i : moved) {
    members.insert(commits[i].member);
    if (stands[i]) MAILLON_CHECK(bring_back(commits[i].entry));
  }
  for (auto i = moved.rbegin(); i != moved.rend(); ++i)
    if (!stands[*i]) MAILLON_CHECK(put_aside(commits[*i].entry, row, space));
  MAILLON_CHECK(find_ends(history, stands, row));
  if (space == trust_->annuaire()) {
    MAILLON_CHECK(fold_trust());
    MAILLON_CHECK(judge_all_again(*before));
    MAILLON_CHECK(settle_all_erasures(*before));
  }
  // What others wrote may have been spared for the sake of these alone.
  for (const Limit& limit : trust_->limits()) members.insert(limit.member);
  for (const Charge& charge : trust_->charges())
    for (const auto& [node, member] : trust_->known_nodes())
      if (node == charge.node) members.insert(member);
  for (const MemberId& member : members) MAILLON_CHECK(judge_again(row, space, member));
  return true;
}

Result<void> Store::put_aside(const LogEntry& entry, std::int64_t row, const SpaceId& space) {
  MAILLON_TRY(SignedCommit bytes, log_.bytes_of(entry.id));
  MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
  MAILLON_CHECK(log_.set_void(entry.id, true));
  MAILLON_CHECK(log_.set_status(entry.id, CommitStatus::aside));
  // Records may lead to some of their ops only through what this one re-issues.
  if (space != trust_->annuaire()) MAILLON_CHECK(records_.refold(*commit, row));
  MAILLON_CHECK(log_.drop_reissue(entry.id));
  const bool was_applied = entry.status == CommitStatus::applied && space != trust_->annuaire();
  return was_applied ? settle_erasures(entry.id) : Result<void>{};
}

Result<void> Store::bring_back(const LogEntry& entry) {
  MAILLON_TRY(SignedCommit bytes, log_.bytes_of(entry.id));
  MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
  MAILLON_TRY(const bool replaced, reissued_already(*commit));
  MAILLON_CHECK(log_.set_void(entry.id, replaced));
  // Whether its time has come is for release_held() to say, which applies it then.
  MAILLON_CHECK(log_.set_status(entry.id, CommitStatus::held));
  came_back_ = true;
  if (commit->header.reissues) {
    MAILLON_CHECK(log_.add_reissue(*commit->header.reissues, entry.id));
    MAILLON_CHECK(void_reissued(*commit));
  }
  return join_reissues(*commit, entry.id);
}

Result<void> Store::release_returned(UnixMillis now) {
  // What is applied may bring more back.
  while (std::exchange(came_back_, false)) {
    MAILLON_TRY(const auto released, release_held(now));
    (void)released;
  }
  return {};
}

Result<void> Store::find_ends(const SpaceHistory& history, const std::vector<bool>& stands,
                              std::int64_t row) {
  const auto& commits = history.commits();
  std::vector<bool> continued(commits.size());
  std::vector<bool> built_on(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (!stands[i]) continue;
    if (commits[i].previous) continued[*commits[i].previous] = true;
    if (commits[i].entry.status != CommitStatus::applied) continue;
    for (std::size_t k = 0; k < commits[i].deps; ++k) built_on[commits[i].parents[k]] = true;
  }
  std::vector<std::int64_t> tips;
  std::vector<std::int64_t> heads;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (!stands[i]) continue;
    if (!continued[i]) tips.push_back(commits[i].entry.id);
    if (!built_on[i] && commits[i].entry.status == CommitStatus::applied)
      heads.push_back(commits[i].entry.id);
  }
  return log_.set_ends(row, tips, heads);
}

Result<void> Store::weigh_all_again(const Trust& before) {
  if (trust_->same_admission(before)) return {};
  MAILLON_TRY(const auto spaces, log_.spaces());
  for (const auto& [row, space] : spaces) {
    MAILLON_TRY(bool doubtful, log_.has_aside(row));
    if (!doubtful) {
      // Doubts begin at some number of a feed and never end, so its last commit shows them.
      MAILLON_TRY(const auto tips, log_.tips(row));
      for (const Tip& tip : tips) {
        MAILLON_TRY(const auto entry, log_.find(tip.commit));
        if (!entry) return Error{Errc::integrity, "log: a tip that is not there"};
        MAILLON_TRY(const Bytes raw, log_.header_of(entry->id));
        MAILLON_TRY(const Header header, decode_header(raw));
        doubtful = doubtful || in_doubt(header);
      }
    }
    if (!doubtful) continue;
    MAILLON_TRY(const bool moved, weigh(row, space));
    (void)moved;
  }
  return {};
}

Result<void> Store::note_suspect(const Commit& commit, const FeedRow& feed, std::int64_t id) {
  const Header& h = commit.header;
  if (h.federation.is_zero()) return {};
  MAILLON_TRY(const auto other, log_.at(feed.id, h.seq));
  if (other && other->id != id && !is_proved(*trust_, h.node, h.feed(), h.seq))
    return log_.add_suspect(other->id, id);
  if (h.seq != 1 || is_proved(*trust_, h.node, std::nullopt, h.seq)) return {};
  MAILLON_TRY(const std::size_t incarnations, log_.incarnations_of(h.node));
  return incarnations > limits::kIncarnationsMax ? log_.add_suspect(id, std::nullopt)
                                                 : Result<void>{};
}

Result<Evidence> Store::evidence_of(std::int64_t first, std::optional<std::int64_t> second) {
  std::vector<std::int64_t> commits{first};
  if (second) {
    commits.push_back(*second);
  } else {
    MAILLON_TRY(const Bytes raw, log_.header_of(first));
    MAILLON_TRY(const Header header, decode_header(raw));
    MAILLON_TRY(commits, log_.first_of_incarnations(header.node, limits::kIncarnationsMax + 1));
  }
  Evidence out;
  for (const std::int64_t id : commits) {
    MAILLON_TRY(SignedCommit bytes, log_.bytes_of(id));
    out.headers.push_back({std::move(bytes.header), std::move(bytes.signature)});
  }
  return out;
}

Result<std::vector<CommitPtr>> Store::publish_evidence(const Author& author, UnixMillis now,
                                                       Rng& rng) {
  std::vector<CommitPtr> out;
  MAILLON_TRY(const auto suspects, log_.suspects());
  if (suspects.empty() || trust_->member(author.member) == nullptr) return out;
  for (const auto& [first, second] : suspects) {
    MAILLON_TRY(const Evidence evidence, evidence_of(first, second));
    MAILLON_TRY(const Proof proof, check_evidence(*federation_, evidence));
    // Somebody else may have been faster.
    if (is_proved(*trust_, proof.node, proof.fork, proof.seq)) continue;
    const std::vector<GovernanceOp> ops{{OpKind::evidence, encode(evidence)}};
    MAILLON_TRY(auto commit, write_governance(ops, author, now, rng));
    out.push_back(std::move(commit));
  }
  MAILLON_CHECK(log_.clear_suspects());
  return out;
}

}  // namespace maillon::storage
