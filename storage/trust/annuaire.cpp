#include "storage/trust/annuaire.hpp"

#include <algorithm>

#include "proto/limits.hpp"

namespace maillon::storage {
namespace {

/// The one value of a governance op.
std::optional<ByteView> governance_value(const OpTable& table, const Op& op) {
  if (!is_governance(op.kind) || !op.payload_ok || op.fields.count != 1) return std::nullopt;
  return table.fields_of(op)[0].value;
}

template <class T>
std::optional<Said> said(std::uint32_t leaf, Result<T> decoded) {
  if (decoded.has_error()) return std::nullopt;
  return Said{leaf, *std::move(decoded)};
}

/// With the certificate of the admission that it makes, if any.
template <class T>
std::optional<Said> admitting(std::uint32_t leaf, Result<T> decoded, const Admission* admission) {
  auto out = said(leaf, std::move(decoded));
  if (!out || admission == nullptr) return out;
  if (auto certificate = crypto::NodeCertificate::decode_verified(admission->certificate))
    out->certificate = *std::move(certificate);
  return out;
}

/// Signatures are checked here, once: nothing that fails is said.
std::optional<Said> read(const FederationId& federation, std::uint32_t leaf, std::uint32_t kind,
                         ByteView value) {
  switch (static_cast<OpKind>(kind)) {
    case OpKind::genesis: {
      auto genesis = decode_genesis(value);
      const Admission creator = genesis ? genesis->creator : Admission{};
      return admitting(leaf, std::move(genesis), &creator);
    }
    case OpKind::proposal: {
      auto proposal = decode_proposal(value);
      // As in a certificate, a key that others could have made signatures for is none.
      const auto& change = proposal ? proposal->root_key : std::nullopt;
      if (change && !crypto::is_acceptable_key(change->key.bytes())) return std::nullopt;
      const auto admission = proposal ? proposal->admit : std::nullopt;
      return admitting(leaf, std::move(proposal), admission ? &*admission : nullptr);
    }
    case OpKind::vote:
      return said(leaf, decode_vote(value));
    case OpKind::certificate:
      return said(leaf, crypto::NodeCertificate::decode_verified(value));
    case OpKind::address:
      return said(leaf, decode_address(value));
    case OpKind::revocation: {
      auto revocation = decode_revocation(value);
      if (!revocation) return std::nullopt;
      const auto signature = crypto::Signature::from_bytes(revocation->signature);
      if (!signature || !crypto::verify(revocation->root.bytes(), "maillon/revocation/v1",
                                        revocation_bytes(federation, *revocation), *signature))
        return std::nullopt;
      return said(leaf, std::move(revocation));
    }
    case OpKind::evidence: {
      const auto evidence = decode_evidence(value);
      if (!evidence) return std::nullopt;
      return said(leaf, check_evidence(federation, *evidence));
    }
    case OpKind::erasure_word:
      return said(leaf, decode_erasure_word(value));
    case OpKind::erasure_receipt:
      return said(leaf, decode_erasure_receipt(value));
    default:
      return std::nullopt;
  }
}

}  // namespace

void CommitSet::insert(std::uint32_t number) {
  if (number / 64 >= words_.size()) words_.resize(number / 64 + 1);
  words_[number / 64] |= std::uint64_t{1} << (number % 64);
}

void CommitSet::unite(const CommitSet& other) {
  if (other.words_.size() > words_.size()) words_.resize(other.words_.size());
  for (std::size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
}

bool CommitSet::contains(std::uint32_t number) const noexcept {
  return number / 64 < words_.size() && (words_[number / 64] >> (number % 64) & 1) != 0;
}

Bytes revocation_bytes(const FederationId& federation, const Revocation& revocation) {
  Bytes out;
  ByteWriter w{out};
  w.raw(federation.bytes());
  w.raw(revocation.node.bytes());
  w.raw(revocation.root.bytes());
  for (const CutOff& cut : revocation.cut) {
    w.raw(cut.space.bytes());
    w.raw(cut.commit.bytes());
  }
  return out;
}

bool beyond_annuaires_limits(std::uint64_t total_ops, std::uint64_t total_bytes) noexcept {
  return total_ops > limits::kAnnuaireOpsMax || total_bytes > limits::kAnnuaireBytesMax;
}

std::optional<std::uint32_t> Annuaire::find(const CommitId& id) const {
  const auto found = numbers_.find(id);
  return found == numbers_.end() ? std::nullopt : std::optional{found->second};
}

std::span<const KnownCertificate> Annuaire::certificates(const NodeId& node) const {
  const auto found = certificates_.find(node);
  if (found == certificates_.end()) return {};
  return found->second;
}

bool Annuaire::counts(std::uint32_t number) const {
  const AnnuaireCommit& commit = at(number);
  if (!commit.is_void) return true;
  const auto [first, last] = again_.equal_range(commit.id);
  if (first == last) return true;
  for (std::uint32_t other = 0; other < size(); ++other) {
    const AnnuaireCommit& by = at(other);
    if (by.member == commit.member || !by.past.contains(number)) continue;
    if (std::none_of(first, last, [&](const auto& again) { return reaches(other, again.second); }))
      return true;
  }
  return false;
}

void Annuaire::add(const Commit& commit, bool is_void) {
  const std::uint32_t number = size();
  if (!numbers_.try_emplace(commit.id, number).second) return;
  auto added = std::make_shared<AnnuaireCommit>();
  added->id = commit.id;
  added->member = commit.header.member;
  added->node = commit.header.node;
  added->hlc = commit.header.hlc;
  added->is_void = is_void;
  added->reissues = commit.header.reissues;
  if (added->reissues) again_.emplace(*added->reissues, number);
  const auto after = [&](const CommitId& id) {
    const auto known = find(id);
    if (!known) return;
    added->past.insert(*known);
    added->past.unite(at(*known).past);
  };
  if (commit.header.previous) after(*commit.header.previous);
  for (const CommitId& dep : commit.header.deps) after(dep);
  const bool heard =
      !beyond_annuaires_limits(commit.header.total_ops, commit.header.total_bytes);
  std::uint32_t leaf = 0;
  for (const Op& op : commit.body.ops.ops) {
    ++leaf;
    if (!heard) continue;
    const auto value = governance_value(commit.body.ops, op);
    if (!value) continue;
    if (auto one = read(commit.header.federation, leaf, op.kind, *value))
      added->said.push_back(*std::move(one));
  }
  commits_.push_back(added);
  for (const Said& one : added->said) {
    const auto* alone = std::get_if<crypto::NodeCertificate>(&one.what);
    if (const auto* brought = one.certificate ? &*one.certificate : alone)
      certificates_[brought->node].push_back({number, brought});
    if (const auto* proposal = std::get_if<Proposal>(&one.what)) {
      places_[{commit.id, one.leaf}] = proposals_.size();
      const auto* certificate = one.certificate ? &*one.certificate : nullptr;
      proposals_.push_back({{commit.id, one.leaf}, number, proposal, certificate, {}});
    } else if (const auto* vote = std::get_if<Vote>(&one.what)) {
      // Who had not seen a proposal cannot have meant it.
      const auto place = places_.find({vote->commit.value_or(commit.id), vote->leaf});
      if (place == places_.end()) continue;
      KnownProposal& known = proposals_[place->second];
      if (reaches(number, known.number)) known.votes.push_back({number, vote});
    }
  }
}

}  // namespace maillon::storage
