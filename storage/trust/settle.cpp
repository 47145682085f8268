#include <algorithm>

#include "storage/trust/tally.hpp"

/// From which decisions passed to what the federation is.
namespace maillon::storage {

class TrustFold {
 public:
  explicit TrustFold(Trust& out)
      : out_(out), log_(out.log_), tally_(out.log_, *out.genesis_, log_.at(0).member) {}

  void run() {
    clear();
    list_decisions();
    list_members();
    list_nodes();
    hear_addresses();
    declare_spaces();
    change_charter();
    change_access();
    choose_heirs();
    limit_removed();
    weigh_evidence();
    hear_of_erasures();
    list_checkpoints();
    drop_replaced();
  }

 private:
  using View = Tally::View;
  [[nodiscard]] const KnownProposal& at(std::size_t i) const { return log_.proposals()[i]; }
  [[nodiscard]] std::size_t count() const { return log_.proposals().size(); }
  [[nodiscard]] bool passed(std::size_t i) { return tally_.passed(i, Tally::kAll); }
  template <class Each>
  void each_passed(DecisionKind kind, Each each) {
    for (std::size_t i = 0; i < count(); ++i)
      if (tally_.kind(i) == kind && passed(i)) each(i);
  }

  void clear() {
    out_.members_.clear();
    out_.former_.clear();
    out_.posts_.clear();
    out_.nodes_.clear();
    out_.known_.clear();
    out_.certified_.clear();
    out_.spaces_.clear();
    out_.known_spaces_.clear();
    out_.names_.clear();
    out_.access_.clear();
    out_.invitations_.clear();
    out_.limits_.clear();
    out_.charges_.clear();
    out_.charged_.clear();
    out_.checkpoints_.clear();
    out_.decisions_.clear();
    out_.heirs_.clear();
    out_.erasure_words_.clear();
    out_.receipts_.clear();
  }

  void list_decisions() {
    for (std::size_t i = 0; i < count(); ++i) {
      const KnownProposal& p = at(i);
      Decision one;
      one.id = p.id;
      one.kind = tally_.kind(i);
      one.proposal = p.proposal;
      one.proposer = log_.at(p.number).member;
      one.time = log_.at(p.number).hlc;
      one.passed = passed(i);
      if (one.kind != DecisionKind::unknown) {
        one.votes = tally_.votes(i, Tally::kAll);
        one.needed = tally_.needed(i);
        if (!one.passed)
          one.voters = is_additive(one.kind) ? tally_.members(p.number) : tally_.deciders(i);
      }
      out_.decisions_.push_back(std::move(one));
    }
  }

  /// Whether admission `later` takes back in who had gone since `earlier`.
  bool renews(std::size_t later, std::size_t earlier, const MemberId& member) {
    if (!log_.reaches(at(later).number, at(earlier).number)) return false;
    const auto gone = tally_.removals().find(member);
    return gone != tally_.removals().end() &&
           std::ranges::any_of(gone->second, [&](std::size_t removal) {
             return log_.reaches(at(later).number, at(removal).number) &&
                    !log_.reaches(at(earlier).number, at(removal).number);
           });
  }

  /// The admissions that say who a member is. Admitting again who is in already says nothing: else
  /// one vote could rename anybody. Of concurrent ones that counts on which the member's own first
  /// commit stands.
  std::vector<std::size_t> holding(const MemberId& member, const std::vector<std::size_t>& all) {
    std::vector<std::size_t> out;
    for (const std::size_t i : all) {
      const auto outdone = [&](std::size_t other) {
        if (other == i || at(other).number == at(i).number) return false;
        if (renews(other, i, member)) return true;
        return log_.reaches(at(i).number, at(other).number) && !renews(i, other, member);
      };
      if (std::ranges::none_of(all, outdone)) out.push_back(i);
    }
    std::optional<std::uint32_t> first;
    for (std::uint32_t number = 0; number < log_.size() && out.size() > 1; ++number) {
      const AnnuaireCommit& commit = log_.at(number);
      if (commit.member != member) continue;
      if (!first || std::tie(commit.hlc, commit.id) <
                        std::tie(log_.at(*first).hlc, log_.at(*first).id))
        first = number;
    }
    const auto accepted = [&](std::size_t i) { return log_.reaches(*first, at(i).number); };
    if (first && std::ranges::any_of(out, accepted))
      std::erase_if(out, [&](std::size_t i) { return !accepted(i); });
    return out;
  }

  void list_members() {
    std::map<MemberId, std::vector<std::size_t>> admissions;
    each_passed(DecisionKind::admit, [&](std::size_t i) {
      const Admission& admission = *at(i).proposal->admit;
      if (admission.invitation) out_.invitations_.insert(*admission.invitation);
      admissions[at(i).certificate->member].push_back(i);
    });
    const MemberId founder = log_.at(0).member;
    const Admission& creator = out_.genesis_->creator;
    out_.posts_[founder].emplace(creator.role, creator.region);
    enter(founder, creator);
    for (const auto& [id, all] : admissions) {
      const Admission* best = nullptr;
      if (id == founder) continue;
      for (const std::size_t i : all)
        if (!tally_.is_member(id, at(i).number))
          out_.posts_[id].emplace(at(i).proposal->admit->role, at(i).proposal->admit->region);
      for (const std::size_t i : holding(id, all)) {
        const Admission& one = *at(i).proposal->admit;
        if (best == nullptr || std::tie(one.name, one.region, one.role) <
                                   std::tie(best->name, best->region, best->role))
          best = &one;
      }
      enter(id, *best);
    }
  }

  void enter(const MemberId& id, const Admission& admission) {
    Member member{id, admission.name, admission.role, admission.region, false, id};
    if (tally_.is_member(id, Tally::kAll)) {
      member.delegate = tally_.delegates(Tally::kAll).contains(id);
      out_.members_[id] = std::move(member);
    } else {
      out_.former_[id] = std::move(member);
    }
  }

  void list_nodes() {
    // What is merely proposed is known all the same: what such a node signs is stored, without
    // effect.
    std::map<MemberId, std::set<MemberId>> roots;
    for (std::size_t i = 0; i < count(); ++i)
      if (const auto& change = at(i).proposal->root_key) roots[change->key].insert(change->member);
    for (const auto& [node, brought] : log_.certificates()) {
      for (const KnownCertificate& known : brought) {
        const MemberId& root = known.certificate->member;
        out_.known_.emplace(node, root);
        for (const MemberId& member : roots[root]) out_.known_.emplace(node, member);
        const auto member = tally_.speaks_as(root, known.number, Tally::kAll);
        if (!member || out_.ever_member(*member) == nullptr) continue;
        out_.certified_.emplace(node, *member);
        auto& info = out_.nodes_.try_emplace(node).first->second;
        if (info.id.is_zero() || *member < info.member) info.member = *member;
        info.id = node;
      }
    }
    std::map<MemberId, std::vector<std::size_t>> changes;
    each_passed(DecisionKind::root_key,
                [&](std::size_t i) { changes[at(i).proposal->root_key->member].push_back(i); });
    for (const auto& [id, all] : changes) {
      const auto holds = keep_first(all);
      for (auto* map : {&out_.members_, &out_.former_})
        if (const auto found = map->find(id); found != map->end())
          found->second.root = at(holds).proposal->root_key->key;
    }
    for (std::uint32_t number = 0; number < log_.size(); ++number)
      for (const Said& said : log_.at(number).said)
        if (const auto* revocation = std::get_if<Revocation>(&said.what))
          revoke(number, *revocation);
  }

  void revoke(std::uint32_t number, const Revocation& revocation) {
    const auto node = out_.nodes_.find(revocation.node);
    if (node == out_.nodes_.end()) return;
    if (tally_.speaks_as(revocation.root, number, Tally::kAll) != node->second.member) return;
    node->second.revoked = true;
    Limit limit;
    limit.member = node->second.member;
    limit.node = revocation.node;
    limit.since = number;
    limit.cuts.insert(revocation.cut.begin(), revocation.cut.end());
    limit.spares_always = true;
    out_.limits_.push_back(std::move(limit));
  }

  void hear_addresses() {
    std::map<NodeId, std::pair<Hlc, CommitId>> newest;
    for (std::uint32_t number = 0; number < log_.size(); ++number) {
      const AnnuaireCommit& commit = log_.at(number);
      const auto node = out_.nodes_.find(commit.node);
      if (node == out_.nodes_.end() || commit.is_void) continue;
      for (const Said& said : commit.said) {
        const auto* address = std::get_if<Address>(&said.what);
        if (address == nullptr) continue;
        const std::pair stamp{commit.hlc, commit.id};
        const auto before = newest.find(commit.node);
        if (before != newest.end() && stamp < before->second) continue;
        newest.insert_or_assign(commit.node, stamp);
        node->second.urls = address->urls;
      }
    }
  }

  void declare(ByteView bytes, std::uint32_t number, bool passed) {
    auto declaration = decode_space(bytes);
    if (!declaration) return;
    const SpaceId id = space_id(bytes);
    const bool ours = declaration->federation ? declaration->federation == out_.federation_
                                              : id == out_.annuaire_;
    if (!ours) return;
    out_.known_spaces_.insert(id);
    if (!passed) return;
    const auto at = out_.spaces_.try_emplace(id, Space{id, *std::move(declaration), {}}).first;
    at->second.declared.push_back(number);
  }

  void declare_spaces() {
    for (const Bytes& space : out_.genesis_->creator.spaces) declare(space, 0, /*passed=*/true);
    for (std::size_t i = 0; i < count(); ++i) {
      const Proposal& proposal = *at(i).proposal;
      if (tally_.kind(i) == DecisionKind::admit)
        for (const Bytes& space : proposal.admit->spaces) declare(space, at(i).number, passed(i));
      if (tally_.kind(i) == DecisionKind::space) declare(*proposal.space, at(i).number, passed(i));
    }
    std::map<std::string, std::vector<const Space*>> by_name;
    for (auto& [id, space] : out_.spaces_) {
      space.is_default = is_default(space);
      by_name[space.declaration.name].push_back(&space);
    }
    for (const auto& [name, all] : by_name) out_.names_.emplace(name, meant_by(all));
  }

  bool is_default(const Space& space) const {
    const std::string& name = space.declaration.name;
    std::vector<Bytes> defaults = common_spaces(*out_.federation_);
    if (const auto slash = name.find('/'); slash != std::string::npos)
      std::ranges::move(regional_spaces(*out_.federation_, name.substr(slash + 1)),
                        std::back_inserter(defaults));
    return space.id == out_.annuaire_ || std::ranges::any_of(defaults, [&](const Bytes& one) {
             return space_id(one) == space.id;
           });
  }

  /// Of several spaces of one name: the one that every federation has, else one of which no other's
  /// declarers knew before, the smaller id.
  SpaceId meant_by(const std::vector<const Space*>& all) const {
    for (const Space* space : all)
      if (space->is_default) return space->id;
    for (const Space* space : all) {
      const auto came_first = [&](const Space* other) {
        return other != space && std::ranges::all_of(space->declared, [&](std::uint32_t later) {
                 return std::ranges::any_of(other->declared, [&](std::uint32_t earlier) {
                   return later != earlier && log_.reaches(later, earlier);
                 });
               });
      };
      if (std::ranges::none_of(all, came_first)) return space->id;
    }
    return all.front()->id;
  }

  /// The one of passed changes of one thing that holds; the others are marked.
  std::size_t keep_first(const std::vector<std::size_t>& all) {
    const auto latest = tally_.latest(all);
    for (const std::size_t i : all) out_.decisions_[i].without_effect = i != latest.front();
    return latest.front();
  }

  void change_charter() {
    Charter& charter = out_.charter_;
    charter = out_.genesis_->charter;
    const auto& delegates = tally_.delegates(Tally::kAll);
    charter.delegates.assign(delegates.begin(), delegates.end());
    std::map<std::string, std::vector<std::size_t>> changes;
    each_passed(DecisionKind::charter,
                [&](std::size_t i) { changes[at(i).proposal->charter->key].push_back(i); });
    for (const auto& [key, all] : changes) {
      const std::string& value = at(keep_first(all)).proposal->charter->value;
      const auto number = std::strtoull(value.c_str(), nullptr, 10);
      if (key == "name") charter.name = value;
      if (key == "quorum") charter.quorum = static_cast<std::uint32_t>(number);
      if (key == "settlement_days") charter.settlement_days = static_cast<std::uint32_t>(number);
      if (key == "secrecy_threshold")
        charter.secrecy_threshold = static_cast<std::uint32_t>(number);
      if (key == "feed_ops_max") charter.feed_ops_max = number;
      if (key == "feed_bytes_max") charter.feed_bytes_max = number;
    }
  }

  void change_access() {
    std::vector<std::size_t> narrowings;
    for (std::size_t i = 0; i < count(); ++i) {
      const auto& change = at(i).proposal->access;
      // Everybody reads and writes annuaire: whoever could not could neither vote nor be heard.
      if (!change || !passed(i) || change->space == out_.annuaire_) continue;
      for (const auto& rule : change->readers)
        out_.access_.push_back({at(i).number, change->space, false, change->narrow, rule});
      for (const auto& rule : change->writers)
        out_.access_.push_back({at(i).number, change->space, true, change->narrow, rule});
      if (change->narrow) narrowings.push_back(i);
    }
    for (const std::size_t i : narrowings)
      for (const auto& [member, posts] : out_.posts_) narrow(i, member);
  }

  void narrow(std::size_t i, const MemberId& member) {
    const AccessChange& change = *at(i).proposal->access;
    const auto means = [&](const std::string& rule) { return out_.matches(rule, member); };
    if (std::ranges::none_of(change.writers, means)) return;
    Limit limit;
    limit.member = member;
    limit.space = change.space;
    limit.since = at(i).number;
    limit.cuts = tally_.cuts(i);
    for (const auto& given : out_.access_)
      if (!given.narrow && given.write && given.space == change.space && means(given.rule) &&
          log_.reaches(given.number, at(i).number))
        limit.lifted.insert(given.number);
    out_.limits_.push_back(std::move(limit));
  }

  void choose_heirs() {
    std::map<MemberId, std::vector<std::size_t>> changes;
    each_passed(DecisionKind::succession,
                [&](std::size_t i) { changes[at(i).proposal->succession->member].push_back(i); });
    std::vector<std::size_t> chosen;
    for (const auto& [member, all] : changes) chosen.push_back(keep_first(all));
    std::ranges::sort(chosen, {}, [&](std::size_t i) { return at(i).id; });
    for (const std::size_t i : chosen) {
      const Succession& one = *at(i).proposal->succession;
      // One that would close a circle is ignored.
      if (out_.heir_of(one.heir) == one.member)
        out_.decisions_[i].without_effect = true;
      else
        out_.heirs_.emplace(one.member, one.heir);
    }
    std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> tellers;
    each_passed(DecisionKind::tellers, [&](std::size_t i) {
      const Tellers& one = *at(i).proposal->tellers;
      tellers[{one.region, one.from_period}].push_back(i);
    });
    for (const auto& [what, all] : tellers) (void)keep_first(all);
  }

  void limit_removed() {
    for (const auto& [member, removals] : tally_.removals()) {
      for (const std::size_t i : removals) {
        Limit limit;
        limit.member = member;
        limit.left = tally_.kind(i) == DecisionKind::leave;
        limit.since = at(i).number;
        limit.cuts = tally_.cuts(i);
        for (std::size_t k = 0; k < count(); ++k)
          if (tally_.kind(k) == DecisionKind::admit && at(k).certificate != nullptr &&
              at(k).certificate->member == member && passed(k) &&
              log_.reaches(at(k).number, at(i).number))
            limit.lifted.insert(at(k).number);
        out_.limits_.push_back(std::move(limit));
      }
    }
  }

  void weigh_evidence() {
    struct Weighed {
      Charge charge;
      CommitId smallest = CommitId::zero();  ///< of the commits that bring a proof
      std::uint32_t number = 0;              ///< of that one
    };
    std::map<std::pair<NodeId, std::optional<FeedKey>>, Weighed> all;
    for (std::uint32_t number = 0; number < log_.size(); ++number) {
      for (const Said& said : log_.at(number).said) {
        const auto* proof = std::get_if<Proof>(&said.what);
        if (proof == nullptr) continue;
        const std::uint64_t from = proof->fork ? proof->seq : 1;
        const auto [at, fresh] = all.try_emplace({proof->node, proof->fork});
        Weighed& one = at->second;
        if (fresh) one = {{proof->node, proof->fork, from, {}, 2}, log_.at(number).id, number};
        one.charge.from = std::min(one.charge.from, from);
        one.charge.since.insert(number);
        if (log_.at(number).id < one.smallest) {
          one.smallest = log_.at(number).id;
          one.number = number;
        }
      }
    }
    for (auto& [what, one] : all) {
      // Where there are hardly others, one of them must do.
      if (tally_.members(one.number).size() <= 3) one.charge.needed = 1;
      for (const auto& [node, member] : out_.certified_)
        if (node == one.charge.node) out_.charged_.insert(member);
      out_.charges_.push_back(std::move(one.charge));
    }
  }

  /// A word counts by what its author was in the word's own past, whatever became of it since: what
  /// it made others destroy does not come back.
  void hear_of_erasures() {
    struct Delegates {
      std::set<MemberId> erase;
      std::set<MemberId> lift;
    };
    std::map<CommitId, Delegates> delegates;
    for (std::uint32_t number = 0; number < log_.size(); ++number) {
      const AnnuaireCommit& commit = log_.at(number);
      for (const Said& said : commit.said) {
        if (const auto* receipt = std::get_if<ErasureReceipt>(&said.what))
          for (const auto& done : receipt->done) {
            auto& leaves = out_.receipts_[done.commit][commit.node];
            leaves = std::max(leaves, done.leaves);
          }
        const auto* word = std::get_if<ErasureWord>(&said.what);
        if (word == nullptr || !tally_.speaks(number)) continue;
        ErasureWords& words = out_.erasure_words_[word->commit];
        (word->lift ? words.lift : words.erase).insert(commit.member);
        const auto& voices = tally_.delegates(number);
        if (!voices.contains(commit.member)) continue;
        Delegates& all = delegates[word->commit];
        auto& alike = word->lift ? all.lift : all.erase;
        alike.insert(commit.member);
        if (alike.size() >= std::min<std::size_t>(2, voices.size()))
          (word->lift ? words.delegates_lift : words.delegates_erase) = true;
      }
    }
  }

  void list_checkpoints() {
    each_passed(DecisionKind::checkpoint, [&](std::size_t i) {
      const Checkpoint& what = *at(i).proposal->checkpoint;
      const AnnuaireCommit& commit = log_.at(at(i).number);
      // A clock that was ahead settled too much: publishing that again, now, makes it no better.
      const bool ahead = commit.is_void || commit.reissues;
      if (what.space == out_.annuaire_ || !out_.spaces_.contains(what.space) || ahead) return;
      out_.checkpoints_[what.space].push_back(
          std::make_shared<const Settled>(Settled::by(at(i).id, commit.hlc, what)));
    });
    for (auto& [space, all] : out_.checkpoints_)
      std::ranges::sort(all, {}, [](const auto& one) { return one->id; });
  }

  /// What its member published again stands as that alone, unless others built on it.
  void drop_replaced() {
    std::erase_if(out_.decisions_, [&](const Decision& decision) {
      return !decision.passed && !log_.counts(*log_.find(decision.id.commit));
    });
  }

  Trust& out_;
  const Annuaire& log_;
  Tally tally_;
};

void Trust::settle() {
  if (genesis_) TrustFold{*this}.run();
}

}  // namespace maillon::storage
