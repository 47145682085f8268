#include "node/topology/topology.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace maillon::topology {

using storage::Member;
using storage::Trust;

namespace {

struct Candidate {
  Digest rank;
  NodeId node;
  const Member* member;
};

/// Whoever can be dialled, in the order in which this node would take them.
std::vector<Candidate> candidates(const Trust& trust, const Situation& at) {
  Bytes salt;
  ByteWriter{salt}.le64(at.salt);
  std::vector<Candidate> out;
  for (const auto& [id, node] : trust.nodes()) {
    const Member* member = trust.member_of(id);
    if (id == at.self || member == nullptr || node.urls.empty()) continue;
    out.push_back({crypto::Hasher{}.update(salt).update(id.bytes()).finish(), id, member});
  }
  std::ranges::sort(out, {}, &Candidate::rank);
  return out;
}

class Choice {
 public:
  Choice(const Trust& trust, const Situation& at)
      : trust_(trust), at_(at), all_(candidates(trust, at)) {}

  std::set<NodeId> make() {
    if (all_.size() <= kAllMax) {
      take(all_.size(), [](const Candidate&) { return true; });
      return std::move(chosen_);
    }
    const Member* home = trust_.member_of(at_.self);
    if (home != nullptr)
      take(kHubs, [&](const Candidate& c) {
        return c.member->role == Role::hub && c.member->region == home->region;
      });
    take(kOthers, [&](const Candidate& c) { return !chosen_.contains(c.node); });
    if (home != nullptr) take_readers(*home);
    return std::move(chosen_);
  }

 private:
  /// Takes `count` that do not fail, and whoever fails before them.
  template <class Suits>
  void take(std::size_t count, const Suits& suits) {
    for (const Candidate& candidate : all_) {
      if (count == 0 || chosen_.size() >= kDialsMax) return;
      if (!suits(candidate)) continue;
      chosen_.insert(candidate.node);
      if (!at_.failing.contains(candidate.node)) --count;
    }
  }

  void take_readers(const Member& home) {
    for (const auto& [id, space] : trust_.spaces()) {
      if (!trust_.may_read(home.id, id)) continue;
      const auto reads = [&, space = id](const NodeId& node) {
        const Member* member = trust_.member_of(node);
        return member != nullptr && trust_.may_read(member->id, space);
      };
      std::set<NodeId> links = at_.linked;
      for (const NodeId& node : chosen_)
        if (!at_.failing.contains(node)) links.insert(node);
      links.erase(at_.self);
      const auto have = static_cast<std::size_t>(std::ranges::count_if(links, reads));
      if (have < kReadersMin)
        take(kReadersMin - have,
             [&](const Candidate& c) { return !links.contains(c.node) && reads(c.node); });
    }
  }

  const Trust& trust_;
  const Situation& at_;
  std::vector<Candidate> all_;
  std::set<NodeId> chosen_;
};

}  // namespace

std::set<NodeId> choose(const Trust& trust, const Situation& situation) {
  return Choice{trust, situation}.make();
}

}  // namespace maillon::topology
