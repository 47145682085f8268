#include "storage/trust/tally.hpp"

#include <algorithm>

#include "proto/fault.hpp"

namespace maillon::storage {
namespace {

DecisionKind kind_of(const KnownProposal& known, const MemberId& author) {
  const Proposal& p = *known.proposal;
  if (p.admit) return DecisionKind::admit;
  if (p.space) return DecisionKind::space;
  if (p.remove) return p.remove->member == author ? DecisionKind::leave : DecisionKind::remove;
  if (p.delegate) return DecisionKind::delegate;
  if (p.charter) return DecisionKind::charter;
  if (p.access) return p.access->narrow ? DecisionKind::narrow : DecisionKind::widen;
  if (p.root_key) return DecisionKind::root_key;
  if (p.succession) return DecisionKind::succession;
  if (p.tellers) return DecisionKind::tellers;
  if (p.checkpoint) return DecisionKind::checkpoint;
  return DecisionKind::unknown;
}

bool removes(DecisionKind kind) {
  return kind == DecisionKind::remove || kind == DecisionKind::leave;
}

}  // namespace

Tally::Tally(const Annuaire& log, const Genesis& genesis, const MemberId& founder)
    : log_(log), genesis_(genesis), founder_(founder) {
  for (std::size_t i = 0; i < log_.proposals().size(); ++i) {
    const KnownProposal& p = at(i);
    kinds_.push_back(kind_of(p, log_.at(p.number).member));
    if (kinds_[i] == DecisionKind::admit && p.certificate != nullptr)
      admissions_[p.certificate->member].push_back(i);
    if (removes(kinds_[i]) || kinds_[i] == DecisionKind::delegate) of_delegates_.push_back(i);
    if (kinds_[i] == DecisionKind::charter && p.proposal->charter->key == "quorum")
      of_quorum_.push_back(i);
    if (kinds_[i] == DecisionKind::root_key) of_roots_.push_back(i);
    if (p.proposal->space) note_keepers(*p.proposal->space);
    if (p.proposal->admit)
      for (const Bytes& space : p.proposal->admit->spaces) note_keepers(space);
  }
  for (const Bytes& space : genesis_.creator.spaces) note_keepers(space);
  for (std::uint32_t number = 0; number < log_.size(); ++number)
    for (const Said& said : log_.at(number).said)
      if (const auto* revocation = std::get_if<Revocation>(&said.what))
        // Whoever certified a node may take it back; who else might is a question of decisions,
        // which rest on this.
        if (std::ranges::any_of(log_.certificates(revocation->node), [&](const auto& known) {
              return known.certificate->member == revocation->root;
            }))
          taken_back_[revocation->node].emplace_back(number, revocation);
  for (std::size_t i = 0; i < log_.proposals().size(); ++i) {
    (void)delegates(at(i).number);
    if (!is_additive(kinds_[i])) continue;
    for (const CastVote& vote : at(i).votes)
      (void)is_member(log_.at(vote.number).member, at(i).number);
  }
}

void Tally::note_keepers(ByteView declaration) {
  // A space is named by what declares it, so it does not matter who does, or when.
  const auto space = decode_space(declaration);
  if (space && !space->keepers.empty()) keepers_[space_id(declaration)] = space->keepers;
}

const std::set<MemberId>& Tally::deciders(std::size_t proposal) {
  const View view = at(proposal).number;
  if (kinds_[proposal] != DecisionKind::checkpoint) return delegates(view);
  const auto named = keepers_.find(at(proposal).proposal->checkpoint->space);
  if (named == keepers_.end()) return delegates(view);
  const auto [known, fresh] = deciders_.try_emplace(proposal);
  if (fresh)
    for (const MemberId& keeper : named->second)
      if (is_member(keeper, view)) known->second.insert(keeper);
  return known->second.empty() ? delegates(view) : known->second;
}

bool Tally::passed(std::size_t proposal, View view) {
  if (kinds_[proposal] == DecisionKind::unknown || !log_.counts(at(proposal).number)) return false;
  const auto known = passed_.find({proposal, view});
  if (known != passed_.end()) return known->second;
  const bool out = is_additive(kinds_[proposal]) ? additive_passed(proposal, view)
                                                 : restrictive_passed(proposal, view);
  passed_[{proposal, view}] = out;
  return out;
}

std::set<MemberId> Tally::votes(std::size_t proposal, View view) {
  const KnownProposal& p = at(proposal);
  std::set<MemberId> out;
  for (const CastVote& vote : p.votes) {
    const MemberId& voter = log_.at(vote.number).member;
    if (!in(view, vote.number) || out.contains(voter) || !speaks(vote.number) ||
        !log_.counts(vote.number))
      continue;
    // What others destroyed on the strength of a checkpoint does not come back: a vote for one stays,
    // even if its key is taken back.
    const bool counts = is_additive(kinds_[proposal])
                            ? is_member(voter, p.number) && vote_stands(vote)
                            : (deciders(proposal).contains(voter) &&
                               (kinds_[proposal] == DecisionKind::checkpoint ||
                                key_stands(vote.number))) ||
                                  MAILLON_FAULT("anyone_votes");
    if (counts) out.insert(voter);
  }
  return out;
}

bool Tally::restrictive_passed(std::size_t proposal, View view) {
  // Nobody is kept against their will; but only a member itself can say that it leaves.
  if (kinds_[proposal] == DecisionKind::leave)
    return speaks(at(proposal).number) && key_stands(at(proposal).number);
  return 2 * votes(proposal, view).size() > deciders(proposal).size();
}

std::size_t Tally::needed(std::size_t proposal) {
  const View view = at(proposal).number;
  if (kinds_[proposal] == DecisionKind::leave) return 0;
  if (!is_additive(kinds_[proposal])) return deciders(proposal).size() / 2 + 1;
  const std::uint32_t k = quorum(view);
  // The first members of a federation are fewer than a quorum.
  const std::size_t all = members(view).size();
  return k > 0 ? std::min<std::size_t>(k, all) : all / 2 + 1;
}

bool Tally::additive_passed(std::size_t proposal, View view) {
  if (kinds_[proposal] == DecisionKind::admit && at(proposal).certificate == nullptr) return false;
  const auto count = votes(proposal, view).size();
  return count > 0 && (quorum(at(proposal).number) == 1 || count >= needed(proposal));
}

CommitSet Tally::up_to(const std::set<CutOff>& cuts) const {
  CommitSet out;
  for (const CutOff& cut : cuts)
    if (const auto tip = log_.find(cut.commit)) {
      out.insert(*tip);
      out.unite(log_.at(*tip).past);
    }
  return out;
}

bool Tally::vote_stands(const CastVote& vote) {
  const AnnuaireCommit& cast = log_.at(vote.number);
  // A stolen key admits nobody once it is taken back, whatever date it writes.
  if (const auto taken = revoked().find(cast.node); taken != revoked().end())
    for (const auto& [member, allowed] : taken->second)
      if (member == cast.member && !allowed.contains(vote.number)) return false;
  const auto found = removals().find(cast.member);
  return found == removals().end() ||
         (stands_after(vote, found->second, DecisionKind::remove) &&
          stands_after(vote, found->second, DecisionKind::leave));
}

bool Tally::stands_after(const CastVote& vote, const std::vector<std::size_t>& gone,
                         DecisionKind kind) {
  const MemberId& voter = log_.at(vote.number).member;
  const auto known = allowed_.try_emplace({voter, kind});
  if (known.second) {
    std::set<CutOff> all;
    for (const std::size_t removal : gone)
      if (kinds_[removal] == kind) all.merge(cuts(removal));
    known.first->second = up_to(all);
  }
  if (known.first->second.contains(vote.number)) return true;
  // Who came back votes again, once it knows that it did.
  const auto back = admissions_.find(voter);
  return std::ranges::all_of(gone, [&](std::size_t removal) {
    return kinds_[removal] != kind ||
           (back != admissions_.end() &&
            std::ranges::any_of(back->second, [&](std::size_t admission) {
              return in(vote.number, at(admission).number) &&
                     log_.reaches(at(admission).number, at(removal).number) &&
                     passed(admission, vote.number);
            }));
  });
}

bool Tally::key_stands(std::uint32_t number) {
  const AnnuaireCommit& commit = log_.at(number);
  const auto taken = taken_back_.find(commit.node);
  if (taken == taken_back_.end()) return true;
  if (const auto known = key_stands_.find(number); known != key_stands_.end()) return known->second;
  const auto vouches = [&](std::uint32_t other, std::uint32_t since) {
    const AnnuaireCommit& by = log_.at(other);
    return by.member != commit.member && log_.reaches(other, number) &&
           !log_.reaches(other, since) &&
           std::ranges::any_of(log_.certificates(by.node), [&](const KnownCertificate& known) {
             return known.certificate->member == by.member && log_.reaches(since, known.number);
           });
  };
  const bool out = std::ranges::all_of(taken->second, [&](const auto& one) {
    const auto& [since, revocation] = one;
    if (log_.reaches(since, number)) return true;
    if (up_to({revocation->cut.begin(), revocation->cut.end()}).contains(number)) return true;
    for (std::uint32_t other = number + 1; other < log_.size(); ++other)
      if (vouches(other, since)) return true;
    return false;
  });
  return key_stands_[number] = out;
}

const Tally::Revoked& Tally::revoked() {
  if (revoked_) return *revoked_;
  Revoked out;
  for (std::uint32_t number = 0; number < log_.size(); ++number)
    for (const Said& said : log_.at(number).said)
      if (const auto* revocation = std::get_if<Revocation>(&said.what))
        if (const auto member = speaks_as(revocation->root, number, kAll))
          out[revocation->node].emplace_back(
              *member, up_to({revocation->cut.begin(), revocation->cut.end()}));
  revoked_ = std::move(out);
  return *revoked_;
}

std::optional<MemberId> Tally::speaks_as(const MemberId& root, std::uint32_t number, View view) {
  std::vector<std::size_t> changes;
  for (const std::size_t i : of_roots_)
    if (in(view, at(i).number) && passed(i, view)) changes.push_back(i);
  MemberId member = root;
  const auto admitted = admissions_.find(root);
  const bool is_id = root == founder_ || (admitted != admissions_.end() &&
                                          std::ranges::any_of(admitted->second, [&](std::size_t i) {
                                            return in(view, at(i).number);
                                          }));
  if (!is_id) {
    const auto made = std::ranges::find_if(
        changes, [&](std::size_t i) { return at(i).proposal->root_key->key == root; });
    if (made == changes.end()) return std::nullopt;
    member = at(*made).proposal->root_key->member;
  }
  for (const std::size_t i : changes) {
    const RootKeyChange& change = *at(i).proposal->root_key;
    if (change.member == member && change.key != root && !log_.reaches(at(i).number, number))
      return std::nullopt;
  }
  return member;
}

bool Tally::speaks(std::uint32_t number) {
  if (const auto known = speaks_.find(number); known != speaks_.end()) return known->second;
  const AnnuaireCommit& commit = log_.at(number);
  const bool out = std::ranges::any_of(log_.certificates(commit.node), [&](const auto& known) {
    return log_.reaches(number, known.number) &&
           speaks_as(known.certificate->member, known.number, number) == commit.member;
  });
  return speaks_[number] = out;
}

std::uint32_t Tally::quorum(View view) {
  const auto known = quorum_.find(view);
  if (known != quorum_.end()) return known->second;
  std::vector<std::size_t> changes;
  for (const std::size_t change : of_quorum_)
    if (in(view, at(change).number) && passed(change, view)) changes.push_back(change);
  std::uint32_t out = genesis_.charter.quorum;
  if (const auto holds = latest(changes); !holds.empty())
    out = static_cast<std::uint32_t>(
        std::strtoul(at(holds[0]).proposal->charter->value.c_str(), nullptr, 10));
  return quorum_[view] = out;
}

const std::set<MemberId>& Tally::delegates(View view) {
  const auto known = delegates_.find(view);
  if (known != delegates_.end()) return known->second;
  std::map<MemberId, std::vector<std::size_t>> made;
  std::map<MemberId, std::vector<std::size_t>> dropped;
  for (const std::size_t i : of_delegates_) {
    if (!in(view, at(i).number) || !passed(i, view)) continue;
    const Proposal& p = *at(i).proposal;
    if (p.remove)
      dropped[p.remove->member].push_back(i);
    else
      (p.delegate->drop ? dropped : made)[p.delegate->member].push_back(i);
  }
  std::set<MemberId> out{genesis_.charter.delegates.begin(), genesis_.charter.delegates.end()};
  for (const auto& [member, how] : made) out.insert(member);
  for (const auto& [member, drops] : dropped) {
    const auto& again = made[member];
    const bool back = std::ranges::all_of(drops, [&](std::size_t drop) {
      return std::ranges::any_of(
          again, [&](std::size_t how) { return log_.reaches(at(how).number, at(drop).number); });
    });
    if (!back) out.erase(member);
  }
  return delegates_[view] = std::move(out);
}

const std::map<MemberId, std::vector<std::size_t>>& Tally::removals() {
  if (removals_) return *removals_;
  std::map<MemberId, std::vector<std::size_t>> out;
  for (const std::size_t i : of_delegates_)
    if (removes(kinds_[i]) && passed(i, kAll)) out[at(i).proposal->remove->member].push_back(i);
  removals_ = std::move(out);
  return *removals_;
}

bool Tally::is_member(const MemberId& member, View view) {
  const auto known = is_member_.find({member, view});
  if (known != is_member_.end()) return known->second;
  std::vector<std::size_t> admitted;
  if (const auto found = admissions_.find(member); found != admissions_.end())
    for (const std::size_t i : found->second)
      if (in(view, at(i).number) && passed(i, view)) admitted.push_back(i);
  // Who was removed later was a member until then: what it voted up to its cut-off stands.
  std::vector<std::size_t> gone;
  for (const std::size_t i : of_delegates_)
    if (removes(kinds_[i]) && at(i).proposal->remove->member == member && in(view, at(i).number) &&
        passed(i, view))
      gone.push_back(i);
  bool out = member == founder_ || !admitted.empty();
  if (out && !gone.empty() && !MAILLON_FAULT("removal_ignored"))
    // One admission must have seen them all.
    out = std::ranges::any_of(admitted, [&](std::size_t admission) {
      return std::ranges::all_of(gone, [&](std::size_t removal) {
        return log_.reaches(at(admission).number, at(removal).number);
      });
    });
  return is_member_[{member, view}] = out;
}

std::set<MemberId> Tally::members(View view) {
  std::set<MemberId> out;
  if (is_member(founder_, view)) out.insert(founder_);
  for (const auto& [member, proposals] : admissions_)
    if (is_member(member, view)) out.insert(member);
  return out;
}

std::set<CutOff> Tally::cuts(std::size_t proposal) {
  const KnownProposal& p = at(proposal);
  std::set<CutOff> out{p.proposal->cut.begin(), p.proposal->cut.end()};
  if (MAILLON_FAULT("votes_cut_nothing")) return out;
  // Each delegate names once what it has, by its first vote; whoever is to go names nothing.
  const auto is_first = [&](const CastVote& vote) {
    return std::ranges::none_of(p.votes, [&](const CastVote& other) {
      return other.number != vote.number && log_.reaches(vote.number, other.number) &&
             log_.at(other.number).member == log_.at(vote.number).member;
    });
  };
  for (const CastVote& vote : p.votes) {
    const MemberId& voter = log_.at(vote.number).member;
    const bool own = p.proposal->remove && p.proposal->remove->member == voter;
    if (!own && delegates(p.number).contains(voter) && key_stands(vote.number) && is_first(vote))
      out.insert(vote.vote->cut.begin(), vote.vote->cut.end());
  }
  // What its member named when it left stands for whoever removes it knowing that.
  if (kinds_[proposal] == DecisionKind::remove)
    for (const std::size_t i : of_delegates_)
      if (kinds_[i] == DecisionKind::leave && passed(i, kAll) &&
          at(i).proposal->remove->member == p.proposal->remove->member &&
          log_.reaches(p.number, at(i).number))
        out.merge(cuts(i));
  return out;
}

std::vector<std::size_t> Tally::latest(const std::vector<std::size_t>& proposals) const {
  std::vector<std::size_t> out;
  for (const std::size_t i : proposals) {
    const bool seen = std::ranges::any_of(proposals, [&](std::size_t other) {
      return other != i && at(other).number != at(i).number &&
             log_.reaches(at(other).number, at(i).number);
    });
    if (!seen) out.push_back(i);
  }
  std::ranges::sort(out, {}, [&](std::size_t i) { return at(i).id; });
  return out;
}

}  // namespace maillon::storage
