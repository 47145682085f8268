#include "tests/support/chronicle.hpp"

#include <algorithm>

namespace maillon::test {
namespace {

crypto::Secret32 secret(std::uint64_t seed) {
  crypto::SeededRng rng{seed};
  return crypto::Secret32::random(rng);
}

}  // namespace

Voice::Voice(std::uint64_t root_seed, std::uint64_t node_seed, std::string its_name)
    : root(secret(2 * root_seed)), node(secret(2 * node_seed + 1)), name(std::move(its_name)) {}

Bytes Voice::certificate() const { return crypto::NodeCertificate::make(root, node, 0).encode(); }

Admission Voice::admission() const { return {certificate(), name, role, region, std::nullopt, {}}; }

Words propose(const Proposal& proposal) { return {OpKind::proposal, encode(proposal)}; }

Words vote_for(std::optional<storage::ProposalId> proposal, std::uint32_t leaf,
               std::vector<CutOff> cut) {
  Vote vote;
  vote.leaf = proposal ? proposal->leaf : leaf;
  if (proposal) vote.commit = proposal->commit;
  vote.cut = std::move(cut);
  return {OpKind::vote, encode(vote)};
}

Chronicle::Chronicle(Voice& founder, std::vector<MemberId> delegates, std::uint32_t quorum) {
  const Bytes declaration = storage::annuaire_declaration(rng_);
  annuaire_ = storage::space_id(declaration);
  Genesis genesis;
  genesis.charter.name = "Essai";
  genesis.charter.quorum = quorum;
  genesis.charter.delegates = std::move(delegates);
  std::ranges::sort(genesis.charter.delegates);
  genesis.creator = founder.admission();
  genesis.creator.spaces = {declaration};
  const auto& first = say(founder, {}, {{OpKind::genesis, encode(genesis)}});
  federation_ = *FederationId::from_bytes(first->id.bytes());
}

const storage::CommitPtr& Chronicle::say(Voice& who, const std::set<CommitId>& view,
                                         const std::vector<Words>& words, bool forks) {
  std::set<CommitId> past = closed(view);
  Header header;
  header.federation = federation_;
  header.space = annuaire_;
  header.member = who.member();
  header.node = who.node_id();
  header.seq = who.seq + 1;
  header.previous = who.last;
  if (who.last)
    for (const CommitId& id : closed({*who.last})) past.insert(id);
  header.hlc.packed = commits_.size() + 1;
  for (const CommitId& id : heads(past))
    if (id != header.previous) header.deps.push_back(id);
  storage::CommitDraft draft;
  for (const Words& one : words) {
    OpTable table;
    Op op;
    op.kind = static_cast<std::uint32_t>(one.kind);
    op.id = storage::random_record_id(rng_);
    table.fields.push_back({"message", 1, {}, {}, one.message});
    op.fields = {0, 1};
    draft.add(table, op);
  }
  const auto commit = must(draft.seal(header, 0, 0, who.node, rng_));
  if (!forks) {
    who.seq = header.seq;
    who.last = commit->id;
  }
  pasts_[commit->id] = std::move(past);
  commits_.push_back(commit);
  return commits_.back();
}

std::set<CommitId> Chronicle::all() const {
  std::set<CommitId> out;
  for (const auto& commit : commits_) out.insert(commit->id);
  return out;
}

std::set<CommitId> Chronicle::closed(const std::set<CommitId>& view) const {
  std::set<CommitId> out;
  for (const CommitId& id : view) {
    out.insert(id);
    const auto& past = pasts_.at(id);
    out.insert(past.begin(), past.end());
  }
  return out;
}

std::vector<CommitId> Chronicle::heads(const std::set<CommitId>& view) const {
  std::set<CommitId> covered;
  for (const CommitId& id : view) covered.insert(pasts_.at(id).begin(), pasts_.at(id).end());
  std::vector<CommitId> out;
  for (const CommitId& id : view)
    if (!covered.contains(id)) out.push_back(id);
  return out;
}

storage::Trust Chronicle::trust(const std::set<CommitId>& of) const {
  storage::Trust out;
  for (const auto& commit : commits_)
    if (of.contains(commit->id)) out.add(*commit);
  out.settle();
  return out;
}

}  // namespace maillon::test
