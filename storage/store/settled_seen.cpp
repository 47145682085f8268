#include "storage/store/settled_seen.hpp"

namespace maillon::storage {
namespace {

std::vector<CommitId> parents_in(const Header& header) {
  std::vector<CommitId> out{header.deps};
  if (header.previous) out.push_back(*header.previous);
  return out;
}

}  // namespace

Result<bool> SettledSeen::by(const Header& header, const Settled& checkpoint) {
  MAILLON_TRY(Known* const known, known_of(checkpoint));
  if (known == nullptr) return false;
  Heads out;
  auto known_by = parents_in(header);
  // Its deps leave out what it publishes again, which its author knew.
  if (header.reissues) {
    MAILLON_TRY(const bool here, log_.has(*header.reissues));
    if (here) known_by.push_back(*header.reissues);
  }
  for (const CommitId& parent : known_by) {
    MAILLON_TRY(const Heads past, past_of(parent, *known));
    out |= past;
    if (out.count() == checkpoint.heads.size()) return true;
  }
  return false;
}

Result<SettledSeen::Known*> SettledSeen::known_of(const Settled& checkpoint) {
  if (const auto found = known_.find(checkpoint.id); found != known_.end()) return &found->second;
  Known known;
  for (const CommitId& head : checkpoint.heads) {
    MAILLON_TRY(const auto entry, log_.find(head));
    if (!entry || entry->status == CommitStatus::aside) return nullptr;
    if (known.heads.empty() || entry->hlc < known.oldest) known.oldest = entry->hlc;
    known.heads.emplace(head, known.heads.size());
  }
  return &known_.emplace(checkpoint.id, std::move(known)).first->second;
}

Result<std::vector<CommitId>> SettledSeen::parents_of(const CommitId& commit, const Known& known) {
  MAILLON_TRY(const auto entry, log_.find(commit));
  if (!entry || entry->hlc < known.oldest) return std::vector<CommitId>{};
  MAILLON_TRY(const Bytes raw, log_.header_of(entry->id));
  MAILLON_TRY(const Header header, decode_header(raw));
  return parents_in(header);
}

Result<SettledSeen::Heads> SettledSeen::past_of(const CommitId& commit, Known& known) {
  // A way back may be as long as the log: no recursion.
  std::vector<std::pair<CommitId, std::vector<CommitId>>> way;
  const auto enter = [&](const CommitId& id) -> Result<void> {
    if (known.past.contains(id)) return {};
    MAILLON_TRY(auto parents, parents_of(id, known));
    way.emplace_back(id, std::move(parents));
    return {};
  };
  MAILLON_CHECK(enter(commit));
  while (!way.empty()) {
    const auto [id, parents] = way.back();
    const auto next = std::ranges::find_if(
        parents, [&](const CommitId& parent) { return !known.past.contains(parent); });
    if (next != parents.end()) {
      MAILLON_CHECK(enter(*next));
      continue;
    }
    Heads past;
    for (const CommitId& parent : parents) past |= known.past.at(parent);
    if (const auto head = known.heads.find(id); head != known.heads.end()) past.set(head->second);
    known.past.emplace(id, past);
    way.pop_back();
  }
  return known.past.at(commit);
}

}  // namespace maillon::storage
