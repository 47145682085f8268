#include "node/federation/proposal_names.hpp"

#include <algorithm>

namespace maillon::federation {

using storage::Decision;
using storage::ProposalId;

namespace {

constexpr std::size_t kDigitsMin = 12;  ///< what is shown of an id elsewhere

std::size_t shared_digits(const CommitId& a, const CommitId& b) {
  const std::string one = a.hex();
  const std::string other = b.hex();
  const auto at = std::ranges::mismatch(one, other).in1;
  return static_cast<std::size_t>(at - one.begin());
}

}  // namespace

ProposalNames::ProposalNames(const storage::Trust& trust) {
  for (const Decision& decision : trust.decisions()) known_.emplace(decision.id, &decision);
}

std::string ProposalNames::with_leaf(std::string digits, const ProposalId& id) const {
  const auto first = known_.lower_bound({id.commit, 0});
  const auto alone = [&] {
    const auto next = first == known_.end() ? first : std::next(first);
    return next == known_.end() || next->first.commit != id.commit;
  };
  return id.leaf == 1 && alone() ? digits : digits + ':' + std::to_string(id.leaf);
}

std::string ProposalNames::full(const ProposalId& id) const {
  return with_leaf(id.commit.hex(), id);
}

std::string ProposalNames::brief(const ProposalId& id) const {
  std::size_t digits = kDigitsMin;
  const auto differ_from = [&](const CommitId& other) {
    digits = std::max(digits, shared_digits(id.commit, other) + 1);
  };
  // In order, what is most alike stands next to it.
  const auto first = known_.lower_bound({id.commit, 0});
  if (first != known_.begin()) differ_from(std::prev(first)->first.commit);
  const auto after = std::find_if(first, known_.end(), [&](const auto& entry) {
    return entry.first.commit != id.commit;
  });
  if (after != known_.end()) differ_from(after->first.commit);
  return with_leaf(id.commit.hex().substr(0, digits), id);
}

std::vector<const Decision*> ProposalNames::meant_by(std::string_view text) const {
  const auto colon = text.find(':');
  const std::string_view digits = text.substr(0, colon);
  const std::string_view leaf = colon == text.npos ? std::string_view{} : text.substr(colon + 1);
  std::vector<const Decision*> out;
  for (const auto& [id, decision] : known_)
    if (id.commit.hex().starts_with(digits) &&
        (colon == text.npos || std::to_string(id.leaf) == leaf))
      out.push_back(decision);
  return out;
}

}  // namespace maillon::federation
