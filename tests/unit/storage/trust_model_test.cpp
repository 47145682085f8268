#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "tests/support/chronicle.hpp"

/// Random histories of decisions (forks, two nodes a member, people who have seen little), judged
/// by the product and by a slow reading of docs/trust.md that shares nothing with it, in several
/// orders.
namespace maillon::test {
namespace {

using namespace storage;
using Set = std::set<int>;

struct Op {
  enum Kind { found, admit, remove, make, drop, vote } kind;
  int target = 0;  ///< of a vote: which item
  Set tips = {};
};
struct Item {
  CommitId id = CommitId::zero();
  int author;
  bool speaks;  ///< its author's node had been certified, as far as it had seen
  Set past;
  Op op;
};

/// The rules, read literally: sets of items, and recursion.
class Reference {
 public:
  Reference(const std::vector<Item>& items, Set delegates)
      : items_(items), first_(std::move(delegates)) {}

  Set delegates(const Set& x) {
    if (const auto known = delegates_.find(x); known != delegates_.end()) return known->second;
    std::map<int, Set> made, dropped;
    for (const int c : x) {
      const Op& op = items_[c].op;
      if (op.kind != Op::remove && op.kind != Op::make && op.kind != Op::drop) continue;
      if (passed(c, x)) (op.kind == Op::make ? made : dropped)[op.target].insert(c);
    }
    Set out = first_;
    for (const auto& [who, how] : made) out.insert(who);
    for (const auto& [who, drops] : dropped)
      for (const int drop : drops)
        if (std::ranges::none_of(made[who], [&](int c) { return items_[c].past.contains(drop); }))
          out.erase(who);
    return delegates_[x] = out;
  }

  bool passed(int p, const Set& x) {
    if (items_[p].op.kind == Op::remove && items_[p].op.target == items_[p].author)
      return items_[p].speaks;
    const Set all = delegates(items_[p].past);
    Set who;
    for (const int c : x)
      if (votes_for(c, p) && all.contains(items_[c].author)) who.insert(items_[c].author);
    return 2 * who.size() > all.size();
  }

  std::map<int, Set> removals(const Set& s) {
    std::map<int, Set> out;
    for (const int c : s)
      if (items_[c].op.kind == Op::remove && passed(c, s)) out[items_[c].op.target].insert(c);
    return out;
  }

  bool left(int r) const { return items_[r].op.target == items_[r].author; }

  void allow(int r, Set& allowed) const {
    for (const int tip : items_[r].op.tips) {
      allowed.insert(tip);
      allowed.insert(items_[tip].past.begin(), items_[tip].past.end());
    }
  }

  /// After removals by others, and after leaves, each by themselves; a removal accepts what a leave
  /// named that it has seen.
  bool stands_after(int c, const Set& gone, bool leaves, const Set& s) {
    Set allowed;
    for (const int r : gone) {
      if (left(r) != leaves) continue;
      allow(r, allowed);
      for (const int l : gone)
        if (left(l) && items_[r].past.contains(l)) allow(l, allowed);
    }
    if (allowed.contains(c)) return true;
    return std::ranges::all_of(gone, [&](int r) {
      return left(r) != leaves || std::ranges::any_of(items_[c].past, [&](int p) {
               return items_[p].op.kind == Op::admit && items_[p].op.target == items_[c].author &&
                      items_[p].past.contains(r) && admitted(p, items_[c].past, s);
             });
    });
  }

  bool vote_stands(int c, const Set& s) {
    const auto gone = removals(s);
    const auto mine = gone.find(items_[c].author);
    return mine == gone.end() ||
           (stands_after(c, mine->second, false, s) && stands_after(c, mine->second, true, s));
  }

  bool admitted(int p, const Set& x, const Set& s) {
    const Set need = members(items_[p].past, s);
    Set who;
    for (const int c : x)
      if (votes_for(c, p) && need.contains(items_[c].author) && vote_stands(c, s))
        who.insert(items_[c].author);
    return !who.empty() && who.size() >= std::min<std::size_t>(2, need.size());
  }

  Set members(const Set& x, const Set& s) {
    if (const auto known = members_.find(x); known != members_.end()) return known->second;
    Set out;
    // Who is removed later was a member until then.
    const auto gone = removals(x);
    const auto all_seen = [&](int who, const Set& seen) {
      const auto found = gone.find(who);
      return found == gone.end() ||
             std::ranges::all_of(found->second, [&](int r) { return seen.contains(r); });
    };
    if (all_seen(0, {})) out.insert(0);
    for (const int p : x)
      if (items_[p].op.kind == Op::admit && all_seen(items_[p].op.target, items_[p].past) &&
          admitted(p, x, s))
        out.insert(items_[p].op.target);
    return members_[x] = out;
  }

 private:
  bool votes_for(int c, int p) const {
    return (items_[c].op.kind == Op::vote && items_[c].op.target == p &&
            items_[c].past.contains(p));
  }
  const std::vector<Item>& items_;
  Set first_;
  std::map<Set, Set> delegates_;
  std::map<Set, Set> members_;  ///< for one s: a Reference is asked about one
};

constexpr int kPeople = 10;  ///< the first five are members

struct History {
  std::vector<Voice> voices;  ///< two nodes each
  std::optional<Chronicle> chronicle;
  std::vector<Item> items;
  Set delegates;
};

std::set<CommitId> ids_of(const History& h, const Set& items) {
  std::set<CommitId> out;
  for (const int c : items) out.insert(h.items[static_cast<std::size_t>(c)].id);
  return out;
}

Words words_of(const History& h, const Op& op) {
  const auto member = [&](int who) { return h.voices[static_cast<std::size_t>(2 * who)].member(); };
  Proposal p;
  switch (op.kind) {
    case Op::admit:
      p.admit = h.voices[static_cast<std::size_t>(2 * op.target)].admission();
      break;
    case Op::remove:
      p.remove = Removal{member(op.target)};
      for (const int tip : op.tips)
        p.cut.push_back({h.chronicle->annuaire(), h.items[static_cast<std::size_t>(tip)].id});
      break;
    case Op::make:
    case Op::drop:
      p.delegate = DelegateChange{member(op.target), op.kind == Op::drop};
      break;
    default:
      return vote_for(ProposalId{h.items[static_cast<std::size_t>(op.target)].id, 1});
  }
  return propose(p);
}

class Author {
 public:
  explicit Author(unsigned seed) : dice_(seed) {
    for (int who = 0; who < kPeople; ++who)
      for (int node = 0; node < 2; ++node)
        h_.voices.emplace_back(100 + static_cast<unsigned>(who),
                               200 + static_cast<unsigned>(2 * who + node),
                               "m" + std::to_string(who));
    h_.delegates = below(2) == 0 ? Set{0, 1, 2, 3, 4} : Set{0, 1, 2};
    std::vector<MemberId> ids;
    for (const int who : h_.delegates)
      ids.push_back(h_.voices[static_cast<std::size_t>(2 * who)].member());
    h_.chronicle.emplace(h_.voices[0], ids, 2);
    Item first{h_.chronicle->commits()[0]->id, 0, true, {}, {Op::found}};
    h_.items.push_back(first);
    views_.resize(2 * kPeople, {0});
    // Everybody's nodes are known from the start, and everybody has been proposed.
    for (int who = 0; who < kPeople; ++who) {
      std::vector<Words> both;
      for (int node = 0; node < 2; ++node) {
        const Bytes raw = h_.voices[static_cast<std::size_t>(2 * who + node)].certificate();
        both.push_back({OpKind::certificate, raw});
      }
      h_.chronicle->say(h_.voices[0], both);
      remember(0, {Op::found}, all());
      certified_[who] = static_cast<int>(h_.items.size()) - 1;
      if (who > 0) write(0, all(), {Op::admit, who});
      if (who == 0 || who > 4) continue;
      const int proposal = static_cast<int>(h_.items.size()) - 1;
      for (int voter = 0; voter < who; ++voter) write(2 * voter, all(), {Op::vote, proposal});
    }
    for (auto& view : views_) view = all();
    begun_ = static_cast<int>(h_.items.size());
  }

  History run() {
    const int steps = 20 + below(30);
    for (int i = 0; i < steps; ++i) step();
    return std::move(h_);
  }

 private:
  int below(int n) { return static_cast<int>(dice_() % static_cast<unsigned>(n)); }
  Set all() const {
    Set out;
    for (std::size_t i = 0; i < h_.items.size(); ++i) out.insert(static_cast<int>(i));
    return out;
  }
  void remember(int voice, Op op, Set past) {
    const int who = voice / 2;
    const auto proposed = [&](int c) {
      const Op& earlier = h_.items[static_cast<std::size_t>(c)].op;
      return earlier.kind == Op::admit && earlier.target == who;
    };
    const bool certified = certified_.contains(who) && past.contains(certified_[who]) &&
                           (who == 0 || std::ranges::any_of(past, proposed));
    h_.items.push_back({h_.chronicle->commits().back()->id, who, voice == 0 || certified,
                        std::move(past), std::move(op)});
  }
  void write(int voice, const Set& view, Op op, bool forks = false) {
    const auto& commit = h_.chronicle->say(h_.voices[static_cast<std::size_t>(voice)],
                                           ids_of(h_, view), {words_of(h_, op)}, forks);
    Set past;
    const auto& ids = h_.chronicle->past(commit->id);
    for (std::size_t i = 0; i < h_.items.size(); ++i)
      if (ids.contains(h_.items[i].id)) past.insert(static_cast<int>(i));
    remember(voice, std::move(op), past);
    Set& now = views_[static_cast<std::size_t>(voice)];
    now.insert(past.begin(), past.end());
    if (!forks) now.insert(static_cast<int>(h_.items.size()) - 1);
  }
  void step() {
    const int who = below(4) > 0 ? below(5) : below(kPeople);
    const int voice = 2 * who + (below(5) == 0 ? 1 : 0);
    Set view = views_[static_cast<std::size_t>(voice)];
    for (int i = below(3); i > 0; --i) {
      const Set& other =
          views_[static_cast<std::size_t>(2 * below(kPeople) + (below(4) == 0 ? 1 : 0))];
      view.insert(other.begin(), other.end());
    }
    if (below(10) == 0) {
      Set less;
      for (const int c : view)
        if (static_cast<int>(less.size()) * 2 < static_cast<int>(view.size())) less.insert(c);
      view = less;
    }
    std::vector<int> proposals;
    for (const int c : view) {
      const auto kind = h_.items[static_cast<std::size_t>(c)].op.kind;
      const bool old = c < begun_ && below(8) > 0;
      if (kind != Op::vote && kind != Op::found && !old) proposals.push_back(c);
    }
    const int x = below(100);
    Op op{Op::vote};
    if (x < 70 && !proposals.empty()) {
      const int recent = std::min<int>(4, static_cast<int>(proposals.size()));
      op.target = proposals[proposals.size() - 1 - static_cast<std::size_t>(below(recent))];
    } else if (x < 84) {
      op = {Op::remove, below(kPeople), {}};
      for (const int c : view)
        if (h_.items[static_cast<std::size_t>(c)].author == op.target && below(4) > 0)
          op.tips.insert(c);
    } else if (x < 89) {
      op = {Op::make, below(kPeople)};
    } else if (x < 92) {
      op = {Op::drop, below(5)};
    } else {
      op = {Op::admit, below(kPeople)};
    }
    write(voice, view, op, below(16) == 0);
  }

  std::mt19937 dice_;
  History h_;
  std::vector<Set> views_;
  std::map<int, int> certified_;  ///< the item that brought a person's certificates
  int begun_ = 0;                 ///< items of the common start
};

std::string in_words(const std::function<bool(int)>& delegate,
                     const std::function<bool(int)>& member) {
  std::string out = "delegates";
  for (int who = 0; who < kPeople; ++who)
    if (delegate(who)) out += " " + std::to_string(who);
  out += "; members";
  for (int who = 0; who < kPeople; ++who)
    if (member(who)) out += " " + std::to_string(who);
  return out;
}

std::string told(const History& h, const Trust& trust) {
  const auto id = [&](int who) { return h.voices[static_cast<std::size_t>(2 * who)].member(); };
  const auto& delegates = trust.charter().delegates;
  return in_words([&](int who) { return std::ranges::find(delegates, id(who)) != delegates.end(); },
                  [&](int who) { return trust.member(id(who)) != nullptr; });
}

std::string told(Reference& reference, const Set& s) {
  const Set delegates = reference.delegates(s);
  const Set members = reference.members(s, s);
  return in_words([&](int who) { return delegates.contains(who); },
                  [&](int who) { return members.contains(who); });
}

std::set<int> passed_in(const History& h, const Trust& trust) {
  std::set<int> out;
  for (const Decision& decision : trust.decisions())
    for (std::size_t i = 0; i < h.items.size(); ++i)
      if (h.items[i].id == decision.id.commit && decision.passed && !is_additive(decision.kind))
        out.insert(static_cast<int>(i));
  return out;
}

TEST(TrustModel, RandomHistoriesMeanTheSameToBothInEveryOrder) {
  int decided = 0;
  int members_changed = 0;
  for (unsigned seed = 1; seed <= 120; ++seed) {
    const History h = Author{seed}.run();
    std::mt19937 dice{seed};
    const std::size_t n = h.items.size();
    std::string last;
    for (int order = 0; order < 2; ++order) {
      Set have;
      Trust trust;
      std::set<int> before;
      while (have.size() < n) {
        std::vector<int> ready;
        for (int c = 0; c < static_cast<int>(n); ++c)
          if (!have.contains(c) &&
              std::ranges::includes(have, h.items[static_cast<std::size_t>(c)].past))
            ready.push_back(c);
        const int next = ready[dice() % ready.size()];
        have.insert(next);
        const auto& commits = h.chronicle->commits();
        trust.add(*commits[static_cast<std::size_t>(next)]);
        if (have.size() % 9 != 0 && have.size() < n) continue;
        trust.settle();
        Reference reference{h.items, h.delegates};
        ASSERT_EQ(told(h, trust), told(reference, have)) << "seed " << seed << " order " << order;
        const auto now = passed_in(h, trust);
        ASSERT_TRUE(std::ranges::includes(now, before))
            << "a passed decision un-passed, seed " << seed;
        before = now;
      }
      ASSERT_TRUE(last.empty() || last == told(h, trust)) << "seed " << seed;
      last = told(h, trust);
      decided += static_cast<int>(before.size());
    }
    members_changed += last.find("members 0 1 2 3 4") == std::string::npos ? 1 : 0;
  }
  EXPECT_GT(decided, 200) << "the histories decide too little to prove anything";
  EXPECT_GT(members_changed, 60);
}

}  // namespace
}  // namespace maillon::test
