#include "tests/sim/rights.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "node/simulator/violation.hpp"

namespace maillon::sim {

using namespace storage;

namespace {

using Ids = std::set<CommitId>;

/// The commits of one space.
class Reading {
 public:
  Reading(const Trust& trust, const SpaceId& space, const std::vector<CommitPtr>& log, Hlc latest)
      : trust_(trust), space_(space), latest_(latest) {
    for (const CommitPtr& commit : log)
      if (commit->header.space == space) add(*commit);
  }

  /// By commit: whether it counts.
  std::map<CommitId, bool> counting() {
    std::map<CommitId, bool> granted;
    for (const auto& [id, one] : commits_)
      granted[id] = is_settled(id, one) || (is_granted(id, one) && !is_late(id, one));
    std::map<CommitId, bool> out = granted;
    // Only what counts itself takes back what it replaces.
    for (const auto& [id, one] : commits_)
      if (const auto& old = one.header->reissues; old && granted[id])
        if (const auto found = commits_.find(*old);
            found != commits_.end() && found->second.header->member == one.header->member)
          out[*old] = is_settled(*old, found->second);
    return out;
  }

 private:
  struct One {
    const Header* header = nullptr;
    Ids past;                      ///< all that its header leads to, without itself
    std::vector<CommitId> heads;  ///< of annuaire, as its feed last named them
  };

  void add(const Commit& commit) {
    One one{&commit.header, {}, commit.header.annuaire_heads};
    const auto lead = [&](const CommitId& id) {
      const auto found = commits_.find(id);
      if (found == commits_.end()) return;
      one.past.insert(id);
      one.past.insert(found->second.past.begin(), found->second.past.end());
    };
    for (const CommitId& dep : commit.header.deps) lead(dep);
    if (commit.header.previous) {
      lead(*commit.header.previous);
      if (const auto before = commits_.find(*commit.header.previous);
          one.heads.empty() && before != commits_.end())
        one.heads = before->second.heads;
    }
    commits_.emplace(commit.id, std::move(one));
  }

  bool has_seen(const One& one, std::uint32_t what) const {
    return std::ranges::any_of(one.heads, [&](const CommitId& head) {
      const auto number = trust_.graph().find(head);
      return number && trust_.graph().reaches(*number, what);
    });
  }

  /// Whether something that it settles comes after it.
  bool is_ahead(const Settled& checkpoint) const {
    return std::ranges::any_of(checkpoint.heads, [&](const CommitId& head) {
      const auto found = commits_.find(head);
      return found != commits_.end() && found->second.header->hlc >= checkpoint.time;
    });
  }

  bool is_settled(const CommitId& id, const One& one) const {
    for (const auto& checkpoint : trust_.checkpoints(space_)) {
      if (is_ahead(*checkpoint)) continue;
      if (!checkpoint->counted(one.header->feed(), one.header->seq)) continue;
      for (const CommitId& head : checkpoint->heads)
        if (const auto found = commits_.find(head);
            found != commits_.end() && (head == id || found->second.past.contains(id)))
          return true;
    }
    return false;
  }

  /// Whether a feed leads back from one commit to another.
  bool leads_to(const CommitId& from, const CommitId& to) const {
    for (std::optional<CommitId> at = from; at; at = commits_.at(*at).header->previous)
      if (*at == to) return true;
    return false;
  }

  bool is_late(const CommitId& id, const One& one) const {
    for (const auto& checkpoint : trust_.checkpoints(space_)) {
      if (is_ahead(*checkpoint)) continue;
      const bool knew = std::ranges::any_of(
          checkpoint->ends(one.header->feed()), [&](const Tip& end) {
            return commits_.contains(end.commit) ? leads_to(end.commit, id)
                                                 : one.header->seq <= end.seq;
          });
      const auto old = one.header->reissues ? commits_.find(*one.header->reissues) : commits_.end();
      const bool seen = std::ranges::all_of(checkpoint->heads, [&](const CommitId& head) {
        return one.past.contains(head) ||
               (old != commits_.end() && (old->first == head || old->second.past.contains(head)));
      });
      if (!knew && !seen) return true;
    }
    return false;
  }

  /// Members that wrote after `id`, knowing of it and of none of `secrets`.
  std::set<MemberId> builders_on(const CommitId& id, const std::set<std::uint32_t>& secrets) const {
    std::set<MemberId> out;
    for (const auto& [other, one] : commits_) {
      const Header& h = *one.header;
      if (!one.past.contains(id) || h.hlc > latest_ || !trust_.certified(h.node, h.member) ||
          !trust_.ever_writer(h.member, space_))
        continue;
      if (std::ranges::none_of(secrets, [&](std::uint32_t secret) { return has_seen(one, secret); }))
        out.insert(h.member);
    }
    return out;
  }

  bool is_granted(const CommitId& id, const One& one) const {
    const Header& h = *one.header;
    if (!trust_.ever_writer(h.member, space_) || !trust_.certified(h.node, h.member)) return false;
    const Charter& charter = trust_.charter();
    if (charter.feed_ops_max != 0 && h.total_ops > charter.feed_ops_max) return false;
    for (const Charge& charge : trust_.charges()) {
      if (!charge.covers(h.feed(), h.seq)) continue;
      auto builders = builders_on(id, charge.since);
      std::erase_if(builders,
                    [&](const MemberId& m) { return m == h.member || trust_.charged(m); });
      if (builders.size() < charge.needed && !was_settled(id, h, charge)) return false;
    }
    const auto gone = [](bool left) {
      return [left](const Limit& l) { return !l.space && !l.node && l.left == left; };
    };
    return stands(id, one, gone(false)) && stands(id, one, gone(true)) &&
           stands(id, one, [](const Limit& limit) { return limit.space.has_value(); });
  }

  bool is_up_to(const CommitId& id, const CutOff& cut) const {
    const auto tip = commits_.find(cut.commit);
    return cut.space == space_ && tip != commits_.end() &&
           (tip->first == id || tip->second.past.contains(id));
  }

  /// Where an end that was named is not known, times tell.
  bool came_before(const One& one, const Limit& limit, const CutOff& cut) const {
    return cut.space == space_ && limit.left && !commits_.contains(cut.commit) &&
           one.header->hlc < trust_.graph().at(limit.since).hlc;
  }

  /// Whether a limit that knew nothing of the charge names the commit.
  bool was_settled(const CommitId& id, const Header& h, const Charge& charge) const {
    return std::ranges::any_of(trust_.limits(), [&](const Limit& limit) {
      return limit.member == h.member && (!limit.node || *limit.node == h.node) &&
             (!limit.space || *limit.space == space_) &&
             std::ranges::none_of(charge.since, [&](std::uint32_t since) {
               return trust_.graph().reaches(limit.since, since);
             }) &&
             std::ranges::any_of(limit.cuts, [&](const CutOff& cut) { return is_up_to(id, cut); });
    });
  }

  /// Whether one of the limits of a sort leaves the commit standing, or none of them concerns it.
  template <class Sort>
  bool stands(const CommitId& id, const One& one, Sort sort) const {
    const MemberId& member = one.header->member;
    bool limited = false;
    for (const Limit& limit : trust_.limits()) {
      if (limit.member != member || !sort(limit) || (limit.space && *limit.space != space_))
        continue;
      if (std::ranges::any_of(limit.lifted, [&](std::uint32_t what) { return has_seen(one, what); }))
        continue;
      limited = true;
      bool named = false;
      for (const CutOff& cut : limit.cuts) {
        if (cut.space != space_) continue;
        named = true;
        if (is_up_to(id, cut) || came_before(one, limit, cut)) return true;
      }
      auto builders = builders_on(id, {limit.since});
      builders.erase(member);
      if (!named && !builders.empty()) return true;
    }
    return !limited;
  }

  const Trust& trust_;
  SpaceId space_;
  Hlc latest_;
  std::map<CommitId, One> commits_;
};

}  // namespace

void check_rights(Store& store, const std::vector<CommitPtr>& log, Hlc latest) {
  const auto trust = store.trust();
  for (const auto& [space, declared] : trust->spaces()) {
    if (space == trust->annuaire()) continue;
    for (const auto& [id, counts] : Reading{*trust, space, log, latest}.counting()) {
      const auto entry = sure(store.log().find(id), "log");
      // What waits for its time is judged when it comes.
      if (entry && entry->status == CommitStatus::applied && entry->is_void == counts)
        throw Violation{id.hex().substr(0, 8) + " in " + declared.declaration.name +
                        (counts ? " should count" : " should not count")};
    }
  }
}

}  // namespace maillon::sim
