#include <algorithm>

#include "storage/store/opening.hpp"
#include "storage/store/space_history.hpp"

/// Publishing again what a wrong clock stranded: same ops, same order, under a correct time.
namespace maillon::storage {
namespace {

template <class T>
std::optional<Bytes> cuts_renamed(Result<T> said, const std::map<CommitId, CommitId>& renamed) {
  bool any = false;
  if (said.has_error()) return std::nullopt;
  for (CutOff& cut : said->cut) {
    const auto fresh = renamed.find(cut.commit);
    if (fresh == renamed.end()) continue;
    cut.commit = fresh->second;
    any = true;
  }
  return any ? std::optional{encode(*said)} : std::nullopt;
}

/// A proposal or a vote that says up to where somebody's work counts, naming what replaces the
/// commits that it named: who leaves would lose else what it published again just before.
std::optional<Bytes> cuts_renamed(const Op& op, ByteView message,
                                  const std::map<CommitId, CommitId>& renamed) {
  if (op.kind == static_cast<std::uint32_t>(OpKind::proposal))
    return cuts_renamed(decode_proposal(message), renamed);
  if (op.kind == static_cast<std::uint32_t>(OpKind::vote))
    return cuts_renamed(decode_vote(message), renamed);
  return std::nullopt;
}

/// The original's ops, naming by the indexes of another table. An index of nothing drops the dot.
class Renaming {
 public:
  Renaming(const OpTable& from, std::vector<std::optional<std::uint32_t>> index,
           const std::map<CommitId, CommitId>& renamed)
      : from_(from), index_(std::move(index)), renamed_(renamed) {
    to_.attachments = from.attachments;
  }

  /// `remains`: what is left of it, where its payload is gone.
  std::uint32_t add_to(CommitDraft& draft, const Op& op, const Remains* remains) {
    Bytes message;  // What the draft reads until it has the op.
    Op out = op;
    out.replaced = dots(op.replaced);
    out.fields.first = static_cast<std::uint32_t>(to_.fields.size());
    const auto fields = from_.fields_of(op);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      OpField copy = fields[i];
      if (remains != nullptr) copy.value = remains->fields[i].value;
      if (auto again = cuts_renamed(op, copy.value, renamed_)) {
        message = *std::move(again);
        copy.value = message;
      }
      copy.replaced = dots(copy.replaced);
      copy.runs = runs(copy.runs);
      to_.fields.push_back(copy);
    }
    if (remains != nullptr) {
      out.source = remains->source;
      out.external_id = remains->external_id;
      // What asked to erase, and was erased itself, has had its effect, and another says what is left.
      if (op.kind == static_cast<std::uint32_t>(OpKind::erase)) out.replaced = {};
    }
    return draft.add(to_, out);
  }

 private:
  Slice dots(Slice slice) {
    std::vector<DotRange> out;
    for (DotRange dot : from_.dots_in(slice)) {
      if (!index_[dot.index]) continue;
      dot.index = *index_[dot.index];
      out.push_back(dot);
    }
    std::ranges::sort(out);
    const auto repeated = std::ranges::unique(out);
    out.erase(repeated.begin(), repeated.end());
    to_.dots.insert(to_.dots.end(), out.begin(), out.end());
    const auto count = static_cast<std::uint32_t>(out.size());
    return {static_cast<std::uint32_t>(to_.dots.size()) - count, count};
  }

  Slice runs(Slice slice) {
    for (Run run : from_.runs_in(slice)) {
      for (auto* anchor : {&run.left, &run.right, &run.moved}) {
        if (!*anchor) continue;
        if (const auto to = index_[(*anchor)->index])
          (*anchor)->index = *to;
        else
          anchor->reset();
      }
      to_.runs.push_back(run);
    }
    return {static_cast<std::uint32_t>(to_.runs.size()) - slice.count, slice.count};
  }

  const OpTable& from_;
  std::vector<std::optional<std::uint32_t>> index_;
  const std::map<CommitId, CommitId>& renamed_;
  OpTable to_;
};

/// Takes `original` from the deps of what replaces it. What it stood on takes its place: the right
/// to write may rest on that alone. What of that was replaced before is in the new feed's past.
void leave_out(const Commit& original, const std::map<CommitId, CommitId>& renamed, Header& fresh) {
  std::set<CommitId> deps{fresh.deps.begin(), fresh.deps.end()};
  if (deps.erase(original.id) == 0) return;
  std::vector<CommitId> past{original.header.deps};
  if (original.header.previous) past.push_back(*original.header.previous);
  for (const CommitId& id : past)
    if (!renamed.contains(id) && id != fresh.previous) deps.insert(id);
  fresh.deps.assign(deps.begin(), deps.end());
}

}  // namespace

namespace {

/// Tells what a member took back with a key of its own from what it named of it.
class TakenBack {
 public:
  TakenBack(Log& log, const Trust& trust) : log_(log), trust_(trust) {}

  Result<bool> covers(const LogEntry& entry, const FeedRow& feed) {
    const auto concerns = [&](const Limit& limit) {
      return limit.member == feed.member && limit.node == feed.key.node;
    };
    if (std::ranges::none_of(trust_.limits(), concerns)) return false;
    const auto key = std::pair{feed.space, feed.key.node};
    if (!named_.contains(key)) {
      MAILLON_TRY(const auto history,
                  SpaceHistory::read(log_, feed.space, trust_.graph(), /*aside=*/true));
      std::set<CommitId>& named = named_[key];
      for (const Limit& limit : trust_.limits()) {
        if (!concerns(limit)) continue;
        // Only who has the words takes a key back, so what says so is the member's own.
        named.insert(trust_.graph().at(limit.since).id);
        const auto to = history.up_to(limit.cuts, feed.key.space);
        for (std::size_t i = 0; i < to.size(); ++i)
          if (to[i]) named.insert(history.commits()[i].entry.cid);
      }
    }
    return !named_[key].contains(entry.cid);
  }

 private:
  Log& log_;
  const Trust& trust_;
  std::map<std::pair<std::int64_t, NodeId>, std::set<CommitId>> named_;
};

}  // namespace

Result<Store::Stranded> Store::stranded(const MemberId& member, const NodeId& self,
                                        UnixMillis now) {
  MAILLON_TRY(const auto candidates, log_.stranded(member, latest_hlc(now)));
  TakenBack taken_back{log_, *trust_};
  // A leave under a clock that was ahead has not happened yet: what waits beside it still may, also
  // in a space that waits as well.
  auto rights = trust_;
  if (!candidates.empty() && trust_->member(member) == nullptr) {
    MAILLON_TRY(rights, trust_until(latest_hlc(now)));
  }
  const auto may_write = [&](const SpaceId& space) {
    return rights->space(space) != nullptr ? rights->may_write(member, space)
                                           : trust_->ever_writer(member, space);
  };
  Stranded out;
  for (const LogEntry& entry : candidates) {
    MAILLON_TRY(const FeedRow feed, log_.feed_by_id(entry.feed));
    const bool governs = feed.key.space == trust_->annuaire();
    // Two who published it again would say it twice.
    if (feed.key.node != self && trust_->member_of(feed.key.node) != nullptr) continue;
    // A decision or a vote stands where it is; what it said of a right taken away stays unsaid.
    if ((governs && entry.is_void) || (!governs && !may_write(feed.key.space)))
      continue;
    MAILLON_TRY(const bool again, is_published_again(entry, member));
    if (again) continue;
    MAILLON_TRY(const bool beyond, taken_back.covers(entry, feed));
    // With words that were replaced, a thief may have made keys of its own.
    const bool disputed = beyond || !trust_->certified(feed.key.node, member);
    (disputed ? out.disputed : out.own).push_back(entry);
  }
  return out;
}

Result<std::vector<CutOff>> Store::branch_ends(const MemberId& member, const NodeId& node) {
  std::vector<CutOff> out;
  MAILLON_TRY(const auto spaces, log_.spaces_of(member));
  for (const auto& [row, space] : spaces) {
    MAILLON_TRY(const auto history, SpaceHistory::read(log_, row, trust_->graph(), /*aside=*/true));
    const auto& commits = history.commits();
    std::vector<bool> continued(commits.size());
    for (const auto& commit : commits)
      if (commit.previous) continued[*commit.previous] = true;
    for (std::size_t i = 0; i < commits.size(); ++i)
      if (!continued[i] && commits[i].member == member && commits[i].feed.node == node)
        out.push_back({space, commits[i].entry.cid});
  }
  return out;
}

Result<bool> Store::is_published_again(const LogEntry& entry, const MemberId& member) {
  MAILLON_TRY(const auto by, log_.reissues_of(entry.cid));
  for (const std::int64_t id : by) {
    MAILLON_TRY(const CommitId cid, log_.commit_id_of(id));
    MAILLON_TRY(const auto fresh, log_.find(cid));
    MAILLON_TRY(const FeedRow feed, log_.feed_by_id(fresh->feed));
    if (feed.member == member) return true;
  }
  return false;
}

Result<std::vector<CommitPtr>> Store::reissue_stranded(const Author& author, UnixMillis now,
                                                       Rng& rng, bool disputed) {
  MAILLON_TRY(const auto found, stranded(author.member, author.node(), now));
  std::vector<LogEntry> all = found.own;
  if (disputed) all.insert(all.end(), found.disputed.begin(), found.disputed.end());
  std::ranges::sort(all, {}, &LogEntry::id);
  // Of a key that is new, the others must hear first.
  const auto introduces = [&](const LogEntry& old) {
    return std::ranges::any_of(trust_->graph().certificates(author.node()),
                               [&](const KnownCertificate& known) {
                                 return trust_->graph().at(known.number).id == old.cid;
                               });
  };
  std::ranges::stable_partition(all, introduces);
  std::vector<CommitPtr> out;
  std::map<CommitId, CommitId> renamed;
  for (const LogEntry& old : all) {
    MAILLON_TRY(auto commit, reissue_one(old, author, now, rng, introduces(old), renamed));
    out.push_back(std::move(commit));
  }
  return out;
}

Result<CommitPtr> Store::reissue_one(const LogEntry& old, const Author& author, UnixMillis now,
                                     Rng& rng, bool introduces,
                                     std::map<CommitId, CommitId>& renamed) {
  MAILLON_TRY(SignedCommit bytes, log_.bytes_of(old.id));
  MAILLON_TRY(const CommitPtr original, load_commit(std::move(bytes)));
  std::vector<std::optional<Remains>> remains;
  for (std::uint32_t leaf = 1; leaf <= original->body.ops.ops.size(); ++leaf) {
    const Op& op = original->body.ops.ops[leaf - 1];
    MAILLON_TRY(auto left, records_.erasures().remains({old.id, leaf}, original, op));
    if (op.state == LeafState::full) left.reset();
    if (op.state == LeafState::gone || (op.state == LeafState::bare && !left))
      return Error{Errc::refused, "a commit of which a part is gone cannot be published again",
                   "un commit dont une partie a disparu ne peut pas être republié"};
    remains.push_back(std::move(left));
  }
  MAILLON_TRY(Opening opening, open_feed(original->header.space, author, now, introduces));
  leave_out(*original, renamed, opening.header);
  // Nothing stands on what was set aside.
  std::vector<CommitId> deps;
  for (const CommitId& id : opening.header.deps) {
    MAILLON_TRY(const auto entry, log_.find(id));
    if (entry && entry->status != CommitStatus::aside) deps.push_back(id);
  }
  opening.header.deps = std::move(deps);
  opening.header.reissues = old.cid;
  CommitDraft draft;
  draft.set_reissues(old.cid);
  // What the original named of a replaced commit is now named of the replacement. Other commits of
  // the same future cannot be named from the present; beside them it shows as concurrent.
  std::vector<std::optional<std::uint32_t>> index{0};
  for (const CommitId& id : original->body.table.commits) {
    const auto fresh = renamed.find(id);
    MAILLON_TRY(const auto entry, log_.find(fresh == renamed.end() ? id : fresh->second));
    const bool within = entry && entry->status != CommitStatus::aside &&
                        entry->hlc < opening.header.hlc;
    index.push_back(within ? std::optional{draft.index_of(entry->cid)} : std::nullopt);
  }
  for (const MemberId& member : original->body.table.members) (void)draft.index_of(member);
  Renaming renaming{original->body.ops, std::move(index), renamed};
  for (std::size_t i = 0; i < remains.size(); ++i)
    renaming.add_to(draft, original->body.ops.ops[i], remains[i] ? &*remains[i] : nullptr);
  MAILLON_TRY(const CommitPtr commit, seal_and_take(draft, opening, author, rng));
  renamed.emplace(old.cid, commit->id);
  return commit;
}

}  // namespace maillon::storage
