#include "node/federation/rights.hpp"

#include <algorithm>

namespace maillon::federation {

using namespace storage;

namespace {

/// The latest narrowing that nothing given since has outdone.
const Decision* taken_by(const Trust& trust, const MemberId& member, const SpaceId& space,
                         bool write) {
  std::vector<const Decision*> about;
  for (const Decision& decision : trust.decisions()) {
    const auto& change = decision.proposal->access;
    if (!change || !decision.passed || change->space != space) continue;
    const auto& rules = write ? change->writers : change->readers;
    if (std::ranges::any_of(rules, [&](const auto& rule) { return trust.matches(rule, member); }))
      about.push_back(&decision);
  }
  const auto reaches = [&](const Decision* later, const Decision* earlier) {
    const auto from = trust.graph().find(later->id.commit);
    const auto to = trust.graph().find(earlier->id.commit);
    return from && to && trust.graph().reaches(*from, *to);
  };
  const Decision* out = nullptr;
  for (const Decision* one : about) {
    const bool outdone = std::ranges::any_of(about, [&](const Decision* other) {
      return other->kind == DecisionKind::widen && reaches(other, one);
    });
    if (one->kind != DecisionKind::narrow || outdone) continue;
    if (out == nullptr || std::tie(out->time, out->id) < std::tie(one->time, one->id)) out = one;
  }
  return out;
}

}  // namespace

std::vector<TakenRight> rights_taken_from(const Trust& trust, const MemberId& member) {
  std::vector<TakenRight> out;
  if (trust.member(member) == nullptr) return out;
  for (const auto& [id, space] : trust.spaces())
    for (const bool write : {false, true}) {
      const bool had = write ? trust.ever_writer(member, id) : trust.ever_reader(member, id);
      const bool has = write ? trust.may_write(member, id) : trust.may_read(member, id);
      if (!had || has) continue;
      if (const Decision* by = taken_by(trust, member, id, write)) out.push_back({id, write, by});
    }
  return out;
}

}  // namespace maillon::federation
