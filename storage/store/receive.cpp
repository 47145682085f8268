#include <algorithm>

#include "proto/fault.hpp"
#include "storage/store/store.hpp"

/// Taking in commits from anywhere, in causal order.
namespace maillon::storage {
namespace {

Received refused(std::string reason, bool provable) {
  Received out;
  out.outcome = Received::Outcome::refused;
  out.reason = std::move(reason);
  out.provable = provable;
  return out;
}

bool is_genesis(const Commit& commit) { return commit.header.federation.is_zero(); }

}  // namespace

Result<Received> Store::receive(const CommitPtr& commit, UnixMillis now) {
  MAILLON_TRY(Received first, admit(commit, now));
  using Outcome = Received::Outcome;
  if (first.outcome != Outcome::applied && first.outcome != Outcome::held &&
      first.outcome != Outcome::aside)
    return first;
  MAILLON_TRY(first.with, admit_waiting(commit->id, now));
  MAILLON_CHECK(release_returned(now));
  return first;
}

Result<std::vector<CommitPtr>> Store::admit_waiting(const CommitId& for_this, UnixMillis now) {
  using Outcome = Received::Outcome;
  std::vector<CommitPtr> out;
  std::vector<CommitId> arrived{for_this};
  while (!arrived.empty()) {
    const CommitId id = arrived.back();
    arrived.pop_back();
    MAILLON_TRY(auto ready, log_.take_ready(id));
    for (SignedCommit& bytes : ready) {
      MAILLON_TRY(const CommitPtr next, load_commit(std::move(bytes)));
      MAILLON_TRY(const Received got, admit(next, now));
      if (got.outcome == Outcome::applied || got.outcome == Outcome::held) out.push_back(next);
      else if (got.outcome != Outcome::aside) continue;
      arrived.push_back(next->id);
    }
  }
  return out;
}

Result<Received> Store::admit(const CommitPtr& commit, UnixMillis now) {
  const Header& h = commit->header;
  MAILLON_TRY(const bool known, log_.has(commit->id));
  if (known) return Received{Received::Outcome::duplicate};
  if (is_genesis(*commit)) {
    if (!federation_ || commit->id.bytes().size() != federation_->bytes().size() ||
        !std::ranges::equal(commit->id.bytes(), federation_->bytes()))
      return refused("the genesis of another federation", true);
    if (const auto genesis = Trust::check_genesis(*commit); !genesis)
      return refused(genesis.error().detail, true);
  } else {
    if (!federation_ || h.federation != *federation_)
      return refused("a commit of another federation", true);
    if (!keeps(h.space)) return Received{Received::Outcome::unread};
    MAILLON_TRY(const auto needs, missing(*commit));
    if (!needs.empty() && !MAILLON_FAULT("no_dependency_check")) {
      MAILLON_TRY(const bool waiting, log_.is_pending(commit->id));
      if (waiting) return Received{Received::Outcome::pending};
      // With the annuaire that it names already here, an author unknown now stays unknown: parking
      // for keys that nobody admitted would fill the disk.
      const auto misses = [&](const CommitId& id) {
        return std::ranges::find(needs, id) != needs.end();
      };
      MAILLON_TRY(const auto trust, trust_for(h));
      if (!trust->known(h.node, h.member) && !h.annuaire_heads.empty() &&
          std::ranges::none_of(h.annuaire_heads, misses))
        return refused("its author is not a member", false);
      MAILLON_TRY(const std::size_t bytes, log_.pending_bytes(h.node));
      if (bytes + commit->bytes.body.size() > limits::kPendingPerFeedBytes)
        return refused("too much of this node is waiting already", false);
      MAILLON_CHECK(log_.add_pending(*commit, needs));
      return Received{Received::Outcome::pending};
    }
    MAILLON_TRY(const auto verdict, judge(*commit));
    if (verdict) return *verdict;
    MAILLON_TRY(const bool on_aside, stands_on_aside(*commit));
    if ((in_doubt(h) || on_aside) && !MAILLON_FAULT("doubt_not_weighed"))
      return keep_aside(*commit, now);
  }
  Received out;
  MAILLON_TRY(out.is_void, reissued_already(*commit));
  if (out.is_void) out.reason = "published again by its member";
  MAILLON_TRY(const bool early, stands_on_held(*commit));
  const bool held = (h.hlc > latest_hlc(now) || early) && !MAILLON_FAULT("early_apply");
  // What gives its member the right may be held as well, and counts by the time this one does.
  if (!held && lacks_right(h, *trust_)) {
    out.is_void = true;
    out.reason = "its member may not write in this space";
  }
  MAILLON_TRY(const bool late, is_late(h));
  if (late) {
    out.is_void = true;
    out.reason = "it comes after what was settled without it";
  }
  out.outcome = held ? Received::Outcome::held : Received::Outcome::applied;
  MAILLON_CHECK(take_in(*commit, held ? CommitStatus::held : CommitStatus::applied, out.is_void));
  return out;
}

Result<std::vector<CommitId>> Store::missing(const Commit& commit) {
  const Header& h = commit.header;
  std::set<CommitId> needs{h.deps.begin(), h.deps.end()};
  needs.insert(h.annuaire_heads.begin(), h.annuaire_heads.end());
  if (h.previous) needs.insert(*h.previous);
  // Ops may name only what their author has seen, so what leaf 0 lists must be here as well; of a
  // re-issue alone the original may be missing.
  for (const CommitId& id : commit.body.table.commits)
    if (id != h.reissues) needs.insert(id);
  std::vector<CommitId> out;
  for (const CommitId& id : needs) {
    MAILLON_TRY(const bool here, log_.has(id));
    if (!here) out.push_back(id);
  }
  return out;
}

bool Store::lacks_right(const Header& header, const Trust& trust) {
  if (header.federation.is_zero() || header.space == trust.annuaire()) return false;
  return !trust.certified(header.node, header.member) ||
         !trust.ever_writer(header.member, header.space);
}

Result<std::shared_ptr<const Trust>> Store::trust_for(const Header& header) {
  if (trust_->known(header.node, header.member) && trust_->knows_space(header.space)) return trust_;
  auto out = std::make_shared<Trust>(*trust_);
  MAILLON_TRY(const auto held, log_.held_until(Hlc{~std::uint64_t{0}}));
  for (const std::int64_t id : held) {
    MAILLON_TRY(SignedCommit bytes, log_.bytes_of(id));
    MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
    if (is_genesis(*commit) || commit->header.space == out->annuaire()) out->add(*commit);
  }
  out->settle();
  return out;
}

bool Store::introduces_itself(const Commit& commit, const Trust& trust) {
  const bool brings = commit.header.space == trust.annuaire() &&
                      std::ranges::find(commit.body.ops.ops,
                                        static_cast<std::uint32_t>(OpKind::certificate),
                                        &Op::kind) != commit.body.ops.ops.end();
  if (!brings) return false;
  Trust with = trust;
  with.apply(commit);
  return with.certified(commit.header.node, commit.header.member);
}

Result<bool> Store::stands_on_held(const Commit& commit) {
  std::vector<CommitId> past{commit.header.deps};
  past.insert(past.end(), commit.header.annuaire_heads.begin(), commit.header.annuaire_heads.end());
  if (commit.header.previous) past.push_back(*commit.header.previous);
  // A node applies its own commits at once, so a dep may be applied and what it stands on held.
  for (const CommitId& id : commit.body.table.commits)
    if (id != commit.header.reissues) past.push_back(id);
  for (const CommitId& id : past) {
    MAILLON_TRY(const auto entry, log_.find(id));
    // Its time may have come already: it is still applied before what depends on it.
    if (entry && entry->status == CommitStatus::held) return true;
  }
  return false;
}

Result<const char*> Store::judge_references(const Commit& commit, const SpaceId& annuaire) {
  const Header& h = commit.header;
  for (const CommitId& id : commit.body.table.commits) {
    // A re-issue names its original, which stands in the future, and may not be here.
    if (id == h.reissues) continue;
    MAILLON_TRY(const auto entry, log_.find(id));
    if (!entry) continue;
    MAILLON_TRY(const FeedRow feed, log_.feed_by_id(entry->feed));
    if (feed.key.space != h.space) return "it names ops of another space";
    if (entry->hlc >= h.hlc) return "its clock is not after what it names";
  }
  for (const CommitId& id : h.annuaire_heads) {
    MAILLON_TRY(const auto entry, log_.find(id));
    if (!entry) continue;
    MAILLON_TRY(const FeedRow feed, log_.feed_by_id(entry->feed));
    if (feed.key.space != annuaire) return "its annuaire heads are of another space";
    if (entry->hlc >= h.hlc) return "its clock is not after annuaire's heads";
  }
  return nullptr;
}

Result<std::optional<Received>> Store::judge(const Commit& commit) {
  const Header& h = commit.header;
  const auto no = [](const char* why) { return std::optional{refused(why, true)}; };
  // Its annuaire heads are here, so what it says of itself can be judged now. If one of them is
  // held, so is what it says, an admission perhaps, and this commit with it.
  MAILLON_TRY(const auto trust, trust_for(h));
  if (!trust->known(h.node, h.member) && !introduces_itself(commit, *trust))
    return no("its author is not a member");
  if (!trust->knows_space(h.space)) return no("its space is not declared");
  const SpaceId& annuaire = trust->annuaire();
  if (h.seq == 1 && (h.space == annuaire ? h.deps : h.annuaire_heads).empty())
    return no("the first commit of a feed must name annuaire's heads");
  const std::uint64_t ops = h.leaves == 0 ? 0 : h.leaves - 1;
  std::uint64_t before_ops = 0;
  std::uint64_t before_bytes = 0;
  std::vector<CommitId> past{h.deps};
  if (h.previous) past.push_back(*h.previous);
  for (const CommitId& id : past) {
    MAILLON_TRY(const auto entry, log_.find(id));
    if (!entry) continue;  // Only when the dependency check is switched off.
    MAILLON_TRY(const FeedRow feed, log_.feed_by_id(entry->feed));
    if (feed.key.space != h.space) return no("it depends on another space");
    if (entry->hlc >= h.hlc) return no("its clock is not after what it depends on");
    if (h.previous != id) continue;
    if (feed.key != h.feed() || entry->seq + 1 != h.seq)
      return no("its previous commit is not its feed's");
    MAILLON_TRY(const Bytes raw, log_.header_of(entry->id));
    MAILLON_TRY(const Header previous, decode_header(raw));
    before_ops = previous.total_ops;
    before_bytes = previous.total_bytes;
  }
  MAILLON_TRY(const char* const wrong, judge_references(commit, annuaire));
  if (wrong != nullptr) return no(wrong);
  if (h.total_ops != before_ops + ops || h.total_bytes != before_bytes + h.body_size)
    return no("its totals do not follow its feed's");
  return std::optional<Received>{};
}

Result<bool> Store::reissued_already(const Commit& commit) {
  MAILLON_TRY(const auto by, log_.reissues_of(commit.id));
  for (const std::int64_t id : by) {
    MAILLON_TRY(const Bytes raw, log_.header_of(id));
    MAILLON_TRY(const Header header, decode_header(raw));
    if (header.member == commit.header.member && header.space == commit.header.space) return true;
  }
  return false;
}

Result<void> Store::take_in(const Commit& commit, CommitStatus status, bool is_void) {
  MAILLON_TRY(const FeedRow feed, log_.feed_row(commit.header.feed(), commit.header.member));
  MAILLON_TRY(const std::int64_t id, log_.insert(commit, feed, status, is_void));
  if (commit.header.reissues) MAILLON_CHECK(log_.add_reissue(*commit.header.reissues, id));
  MAILLON_CHECK(note_suspect(commit, feed, id));
  if (status == CommitStatus::applied) MAILLON_CHECK(apply_at(commit, id, feed, is_void));
  if (status == CommitStatus::held) MAILLON_CHECK(join_reissues(commit, id));
  const auto before = trust_;
  MAILLON_CHECK(void_reissued(commit));
  // What the replaced one took from somebody is given back, but for what this one says.
  if (trust_ != before) MAILLON_CHECK(judge_by_new_trust(*before));
  return judge_own(commit, feed.space);
}

Result<void> Store::judge_by_new_trust(const Trust& before) {
  MAILLON_CHECK(judge_all_again(before));
  MAILLON_CHECK(weigh_all_again(before));
  return settle_all_erasures(before);
}

Result<void> Store::apply_at(const Commit& commit, std::int64_t log_id, const FeedRow& feed,
                             bool is_void) {
  MAILLON_CHECK(log_.move_heads(commit, log_id, feed.space));
  const bool governs = is_genesis(commit) || commit.header.space == trust_->annuaire();
  if (governs) {
    auto next = std::make_shared<Trust>(*trust_);
    next->apply(commit, is_void);
    const auto before = std::exchange(trust_, std::move(next));
    // It has no records: nobody could erase or forget what they say.
    return judge_by_new_trust(*before);
  }
  MAILLON_CHECK(records_.apply(commit, log_id, feed.space, is_void));
  MAILLON_CHECK(take_erasures(commit, log_id));
  return judge_around(commit, feed.space);
}

Result<void> Store::join_reissues(const Commit& held, std::int64_t log_id) {
  MAILLON_TRY(const auto again, log_.reissues_of(held.id));
  if (again.empty() || held.header.space == trust_->annuaire()) return {};
  MAILLON_TRY(const std::int64_t space, log_.space_row(held.header.space));
  MAILLON_CHECK(records_.refold(held, space));
  return share_erasures(log_id);
}

Result<void> Store::void_reissued(const Commit& commit) {
  if (!commit.header.reissues) return {};
  MAILLON_TRY(const auto old, log_.find(*commit.header.reissues));
  if (!old || old->is_void) return {};
  MAILLON_TRY(const bool true_one, log_.replaces(commit.header, *old));
  if (!true_one) return {};
  MAILLON_TRY(const FeedRow feed, log_.feed_by_id(old->feed));
  MAILLON_CHECK(log_.set_void(old->id, true));
  if (old->status != CommitStatus::applied) return {};
  if (commit.header.space == trust_->annuaire()) MAILLON_CHECK(fold_trust());
  MAILLON_TRY(SignedCommit bytes, log_.bytes_of(old->id));
  MAILLON_TRY(const CommitPtr original, load_commit(std::move(bytes)));
  MAILLON_CHECK(records_.refold(*original, feed.space));
  return settle_erasures(old->id);
}

Result<std::size_t> Store::release_held(UnixMillis now) {
  MAILLON_TRY(const auto due, log_.held_until(latest_hlc(now)));
  for (const std::int64_t id : due) {
    MAILLON_TRY(SignedCommit bytes, log_.bytes_of(id));
    MAILLON_TRY(const CommitPtr commit, load_commit(std::move(bytes)));
    MAILLON_TRY(const auto entry, log_.find(commit->id));
    if (!entry) return Error{Errc::integrity, "log: a held commit is stored damaged"};
    // What was released before it may have put it aside.
    if (entry->status != CommitStatus::held) continue;
    MAILLON_TRY(const FeedRow feed, log_.feed_by_id(entry->feed));
    const bool is_void = entry->is_void || lacks_right(commit->header, *trust_);
    if (is_void) MAILLON_CHECK(log_.set_void(id, true));
    MAILLON_CHECK(log_.set_status(id, CommitStatus::applied));
    MAILLON_CHECK(apply_at(*commit, id, feed, is_void));
    MAILLON_CHECK(judge_own(*commit, feed.space));
  }
  return due.size();
}

}  // namespace maillon::storage
