#include "node/federation/back_then.hpp"

#include <algorithm>
#include <charconv>

namespace maillon::federation {

using namespace storage;

namespace {

const std::vector<std::string>& rules_of(const AccessChange& change, bool write) {
  return write ? change.writers : change.readers;
}

std::uint64_t founded_with(const Annuaire& annuaire, std::string_view key) {
  if (annuaire.size() == 0) return 0;
  for (const Said& said : annuaire.at(0).said)
    if (const auto* genesis = std::get_if<Genesis>(&said.what)) {
      const Charter& charter = genesis->charter;
      if (key == "quorum") return charter.quorum;
      if (key == "settlement_days") return charter.settlement_days;
      if (key == "secrecy_threshold") return charter.secrecy_threshold;
      if (key == "feed_ops_max") return charter.feed_ops_max;
      if (key == "feed_bytes_max") return charter.feed_bytes_max;
    }
  return 0;
}

}  // namespace

bool BackThen::seen(std::uint32_t number) const {
  return !commit_ || trust_.graph().at(*commit_).past.contains(number);
}

template <class Which>
std::vector<const KnownProposal*> BackThen::passed(Which which) const {
  std::vector<const Known*> out;
  for (const Known& known : trust_.graph().proposals()) {
    if (!seen(known.number) || !which(known)) continue;
    const Decision* const decision = trust_.decision(known.id);
    if (decision != nullptr && decision->passed) out.push_back(&known);
  }
  return out;
}

const KnownProposal* BackThen::holding(const std::vector<const Known*>& changes) const {
  const Known* out = nullptr;
  for (const Known* one : changes) {
    const bool outdone = std::ranges::any_of(changes, [&](const Known* other) {
      return other->number != one->number && trust_.graph().reaches(other->number, one->number);
    });
    if (!outdone && (out == nullptr || one->id < out->id)) out = one;
  }
  return out;
}

bool BackThen::was_member(const MemberId& member) const {
  std::vector<std::uint32_t> in;
  if (trust_.graph().size() > 0 && trust_.graph().at(0).member == member) in.push_back(0);
  for (const Known* known : passed([&](const Known& one) {
         return one.certificate != nullptr && one.certificate->member == member;
       }))
    in.push_back(known->number);
  const auto out = passed([&](const Known& one) {
    return one.proposal->remove && one.proposal->remove->member == member;
  });
  return std::ranges::any_of(in, [&](std::uint32_t admission) {
    return std::ranges::all_of(out, [&](const Known* removal) {
      return trust_.graph().reaches(admission, removal->number);
    });
  });
}

bool BackThen::granted(const MemberId& member, const Space& space, bool write) const {
  if (std::ranges::none_of(space.declared, [&](std::uint32_t number) { return seen(number); }))
    return false;
  const auto means = [&](const std::string& rule) { return trust_.matches(rule, member); };
  return std::ranges::any_of(write ? space.declaration.writers : space.declaration.readers,
                             means) ||
         !passed([&](const Known& one) {
            const auto& change = one.proposal->access;
            return change && !change->narrow && change->space == space.id &&
                   std::ranges::any_of(rules_of(*change, write), means);
          }).empty();
}

bool BackThen::might(const MemberId& member, const SpaceId& id, bool write) const {
  const Space* const space = trust_.space(id);
  if (space == nullptr || !was_member(member) || !granted(member, *space, write)) return false;
  const auto about = passed([&](const Known& one) {
    const auto& change = one.proposal->access;
    return change && change->space == id &&
           std::ranges::any_of(rules_of(*change, write), [&](const std::string& rule) {
             return trust_.matches(rule, member);
           });
  });
  return std::ranges::none_of(about, [&](const Known* taken) {
    return taken->proposal->access->narrow && std::ranges::none_of(about, [&](const Known* given) {
             return !given->proposal->access->narrow &&
                    trust_.graph().reaches(given->number, taken->number);
           });
  });
}

std::vector<SpaceId> BackThen::written_by(const MemberId& member) const {
  std::vector<SpaceId> out;
  for (const auto& [id, space] : trust_.spaces())
    if (id != trust_.annuaire() && granted(member, space, /*write=*/true)) out.push_back(id);
  return out;
}

std::uint64_t BackThen::charter(std::string_view key) const {
  const Known* const change = holding(passed([&](const Known& one) {
    return one.proposal->charter && one.proposal->charter->key == key;
  }));
  if (change == nullptr) return founded_with(trust_.graph(), key);
  const std::string& value = change->proposal->charter->value;
  std::uint64_t out = 0;
  std::from_chars(value.data(), value.data() + value.size(), out);
  return out;
}

MemberId BackThen::root_of(const MemberId& member) const {
  const Known* const change = holding(passed([&](const Known& one) {
    return one.proposal->root_key && one.proposal->root_key->member == member;
  }));
  return change == nullptr ? member : change->proposal->root_key->key;
}

}  // namespace maillon::federation
