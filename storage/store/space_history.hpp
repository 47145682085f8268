#pragma once

#include <algorithm>
#include <map>

#include "storage/log/log.hpp"
#include "storage/trust/trust.hpp"

namespace maillon::storage {

/// The commits of one space, with what their authors had seen of annuaire: from this alone it is
/// judged which of them count. In memory, in order of the log, which respects causality.
class SpaceHistory {
 public:
  struct Commit {
    LogEntry entry;
    MemberId member = MemberId::zero();
    FeedKey feed;
    std::uint64_t total_ops = 0;
    std::uint64_t total_bytes = 0;
    std::vector<std::size_t> parents;  ///< those that its header names first
    std::size_t deps = 0;              ///< how many the header names
    std::optional<std::size_t> previous = {};
    std::vector<std::uint32_t> view;  ///< heads of annuaire that its feed had named by then
    std::optional<std::size_t> reissues = {};
  };

  /// `aside`: with the commits that are kept out of the frontier.
  [[nodiscard]] static Result<SpaceHistory> read(Log& log, std::int64_t space,
                                                 const Annuaire& annuaire, bool aside = false);
  /// The same of commits at hand, all of them applied, in an order that respects causality.
  [[nodiscard]] static SpaceHistory of(std::span<const std::pair<CommitId, Header>> commits,
                                       const Annuaire& annuaire);
  /// Adds to the parents of every commit from `from` on whatever its body names: a commit may name
  /// what it does not depend on.
  [[nodiscard]] Result<void> read_tables(Log& log, std::size_t from);

  [[nodiscard]] const std::vector<Commit>& commits() const noexcept { return commits_; }
  [[nodiscard]] bool has_seen(const Commit& commit, std::uint32_t what,
                              const Annuaire& annuaire) const;
  /// Marks everything from which one of `marked` was reached.
  void mark_past(std::vector<bool>& marked) const;
  /// Marks what the cut-offs of one space name, with all that it stands on.
  [[nodiscard]] std::vector<bool> up_to(const std::set<CutOff>& cuts, const SpaceId& space) const;
  [[nodiscard]] std::optional<std::size_t> find(const CommitId& id) const;
  /// Whether it is all that is known of the space; else what is missing may well be known.
  [[nodiscard]] bool is_whole() const noexcept { return whole_; }
  /// What waits for its time vouches for nothing before that.
  [[nodiscard]] bool is_held(std::size_t i) const {
    return commits_[i].entry.status == CommitStatus::held;
  }

 private:
  void add(const LogEntry& entry, const Header& header, const Annuaire& annuaire);

  std::vector<Commit> commits_;
  std::map<CommitId, std::size_t> places_;
  bool whole_ = false;
};

/// What the checkpoints of a space say of its commits (docs/trust.md, "Checkpoints").
class Settlement {
 public:
  Settlement(const SpaceHistory& history, const Trust& trust, const SpaceId& space);
  Settlement(const SpaceHistory& history,
             std::span<const std::shared_ptr<const Settled>> checkpoints);
  /// Whether commit i was settled as one that counts: it does for good.
  [[nodiscard]] bool stands(std::size_t i) const { return !stands_.empty() && stands_[i]; }
  /// Whether commit i comes after a checkpoint that neither knew it nor was known to it.
  [[nodiscard]] bool is_late(std::size_t i) const { return !late_.empty() && late_[i]; }

 private:
  void mark_standing(const SpaceHistory& history, const Settled& checkpoint);
  void mark_late(const SpaceHistory& history, const Settled& checkpoint);
  /// What the author of a checkpoint had. Until the end of a feed, and all before it, is here, its
  /// numbers tell.
  [[nodiscard]] static std::vector<bool> seen_by(const SpaceHistory& history,
                                                 const Settled& checkpoint);

  std::vector<bool> stands_;
  std::vector<bool> late_;
};

/// Which commits of a member count in a space, by their places in `history`: rights ever granted,
/// less what is cut off, in doubt, late or replaced, and whatever is settled (docs/trust.md,
/// "Cut-offs"). Of a part of the history in
/// which every commit's `view` is whole, it never says more than of all.
[[nodiscard]] std::vector<bool> counting(const SpaceHistory& history, const Settlement& settlement,
                                         const SpaceId& space, const MemberId& member,
                                         const Trust& trust);

/// What removals, narrowings and keys taken back name of a space, and the erasing commits that others
/// confirmed, each with all that it stands on.
class Named {
 public:
  Named(const SpaceHistory& history, const Trust& trust, const SpaceId& space);
  /// Whether commit i stands in the log for that: else what is named would cover nothing where it is
  /// not known, and what was erased would be gone here and not there. Beyond a quota only others can
  /// name it.
  [[nodiscard]] bool keeps(std::size_t i) const;
  /// Whether it was named before anybody knew of the charge: then it counts, whatever its key has
  /// signed since.
  [[nodiscard]] bool settles(std::size_t i, const Charge& charge) const;

 private:
  struct Up {
    const Limit* limit;
    std::vector<bool> to;
  };
  template <class Test>
  [[nodiscard]] bool any(std::size_t i, Test test) const;

  const SpaceHistory& history_;
  const Trust& trust_;
  SpaceId space_;
  std::vector<Up> all_;
  std::vector<bool> confirmed_;
};

/// Members that vouch for commits because they built on them: per commit, up to three.
class Vouchers {
 public:
  /// `vouches(i)`: whether commit i speaks for what it builds on.
  template <class Vouches>
  Vouchers(const SpaceHistory& history, Vouches vouches) : after_(history.commits().size()) {
    const auto& commits = history.commits();
    for (std::size_t i = commits.size(); i-- > 0;) {
      for (const std::size_t parent : commits[i].parents) {
        for (const MemberId& member : after_[i]) note(parent, member);
        if (vouches(i)) note(parent, commits[i].member);
      }
    }
  }
  /// How many members other than its own vouch for commit i; counts up to two.
  [[nodiscard]] std::size_t others(std::size_t i, const MemberId& own) const {
    const auto count = std::ranges::count_if(after_[i], [&](const auto& m) { return m != own; });
    return static_cast<std::size_t>(std::min<std::ptrdiff_t>(count, 2));
  }

 private:
  void note(std::size_t i, const MemberId& member) {
    auto& known = after_[i];
    if (known.size() < 3 && std::ranges::find(known, member) == known.end())
      known.push_back(member);
  }
  std::vector<std::vector<MemberId>> after_;
};

}  // namespace maillon::storage
