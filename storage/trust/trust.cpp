#include "storage/trust/trust.hpp"

#include <algorithm>

#include "crypto/keys.hpp"

namespace maillon::storage {
namespace {

Bytes declaration(const FederationId& federation, std::string name,
                  std::vector<std::string> readers) {
  SpaceDeclaration space;
  space.federation = federation;
  space.name = std::move(name);
  space.writers = readers;
  space.readers = std::move(readers);
  return encode(space);
}

/// The one value of a governance op.
std::optional<ByteView> governance_value(const OpTable& table, const Op& op) {
  if (!is_governance(op.kind) || !op.payload_ok || op.fields.count != 1) return std::nullopt;
  return table.fields_of(op)[0].value;
}

}  // namespace

SpaceId space_id(ByteView declaration_bytes) {
  const Digest digest =
      crypto::Hasher{}.update("maillon/space/v1").update(declaration_bytes).finish();
  return *SpaceId::from_bytes(digest.bytes());
}

std::vector<Bytes> regional_spaces(const FederationId& federation, std::string_view region) {
  const std::string code{region};
  return {declaration(federation, "catalogue/" + code, {"all"}),
          declaration(federation, "indicateurs/" + code, {"all"})};
}

std::vector<Bytes> common_spaces(const FederationId& federation) {
  return {declaration(federation, "formation", {"all"})};
}

Bytes annuaire_declaration(Rng& rng) {
  SpaceDeclaration space;
  const auto nonce = rng.bytes<16>();
  space.nonce.assign(nonce.begin(), nonce.end());
  space.name = kAnnuaire;
  space.readers = {"all"};
  space.writers = {"all"};
  return encode(space);
}

Result<Genesis> Trust::check_genesis(const Commit& commit) {
  const auto bad = [](const char* why) { return Error{Errc::refused, why}; };
  const Header& h = commit.header;
  if (!h.federation.is_zero() || h.seq != 1 || !h.deps.empty() || h.reissues)
    return bad("genesis: it must stand alone");
  if (commit.body.ops.ops.empty()) return bad("genesis: no op");
  const Op& op = commit.body.ops.ops[0];
  const auto value = governance_value(commit.body.ops, op);
  if (op.kind != static_cast<std::uint32_t>(OpKind::genesis) || !value)
    return bad("genesis: its first op must found a federation");
  MAILLON_TRY(Genesis genesis, decode_genesis(*value));
  MAILLON_TRY(const auto certificate,
              crypto::NodeCertificate::decode_verified(genesis.creator.certificate));
  if (certificate.member != h.member || certificate.node != h.node)
    return bad("genesis: signed by another node than it admits");
  if (genesis.creator.spaces.empty() || space_id(genesis.creator.spaces[0]) != h.space)
    return bad("genesis: its space is not the one that it declares");
  if (std::ranges::find(genesis.charter.delegates, h.member) == genesis.charter.delegates.end())
    return bad("genesis: the creator is not a delegate");
  return genesis;
}

void Trust::apply(const Commit& commit, bool is_void) {
  if (federation_ && !may_write(commit.header.member, annuaire_)) return;
  std::uint32_t leaf = 0;
  for (const Op& op : commit.body.ops.ops) {
    ++leaf;
    if (is_void && op.kind == static_cast<std::uint32_t>(OpKind::address)) continue;
    if (const auto value = governance_value(commit.body.ops, op)) apply_op(commit, leaf, op, *value);
  }
}

void Trust::apply_op(const Commit& commit, std::uint32_t leaf, const Op& op, ByteView value) {
  switch (static_cast<OpKind>(op.kind)) {
    case OpKind::genesis:
      if (!federation_ && leaf == 1)
        if (const auto genesis = check_genesis(commit)) apply_genesis(commit, *genesis);
      return;
    case OpKind::proposal:
      if (auto proposal = decode_proposal(value)) {
        proposals_[{commit.id, leaf}].proposal = *std::move(proposal);
        count(commit.id, leaf);
      }
      return;
    case OpKind::vote:
      if (const auto vote = decode_vote(value)) {
        const CommitId target = vote->commit.value_or(commit.id);
        proposals_[{target, vote->leaf}].votes.insert(commit.header.member);
        count(target, vote->leaf);
      }
      return;
    case OpKind::address:
      return apply_address(commit, value);
    default:
      return;
  }
}

void Trust::apply_address(const Commit& commit, ByteView value) {
  auto address = decode_address(value);
  const std::pair stamp{commit.header.hlc, commit.id};
  auto& newest = address_stamps_.try_emplace(commit.header.node, Hlc{}, commit.id).first->second;
  const auto node = nodes_.find(commit.header.node);
  if (!address || node == nodes_.end() || stamp < newest) return;
  newest = stamp;
  node->second.urls = std::move(address->urls);
}

void Trust::apply_genesis(const Commit& commit, const Genesis& genesis) {
  federation_ = *FederationId::from_bytes(commit.id.bytes());
  annuaire_ = commit.header.space;
  charter_ = genesis.charter;
  admit(genesis.creator);
}

void Trust::count(const CommitId& commit, std::uint32_t leaf) {
  Pending& pending = proposals_[{commit, leaf}];
  const bool known = pending.proposal.admit || pending.proposal.space;
  if (pending.passed || !known) return;
  const std::size_t needed = std::max<std::size_t>(1, charter_.quorum);
  const auto counts = [&](const MemberId& voter) { return members_.contains(voter); };
  if (static_cast<std::size_t>(std::ranges::count_if(pending.votes, counts)) < needed) return;
  pending.passed = true;
  if (pending.proposal.admit) admit(*pending.proposal.admit);
  if (pending.proposal.space) declare(*pending.proposal.space);
}

void Trust::admit(const Admission& admission) {
  const auto certificate = crypto::NodeCertificate::decode_verified(admission.certificate);
  if (!certificate) return;
  if (admission.invitation) invitations_.insert(*admission.invitation);
  // Concurrent admissions of one member merge by union; of what they say of it the smallest is kept.
  auto& member = members_.try_emplace(certificate->member).first->second;
  const bool fresh = member.id.is_zero();
  member.id = certificate->member;
  const auto ours = std::tie(admission.name, admission.region, admission.role);
  if (fresh || ours < std::tie(member.name, member.region, member.role)) {
    member.name = admission.name;
    member.region = admission.region;
    member.role = admission.role;
  }
  member.delegate = std::ranges::find(charter_.delegates, member.id) != charter_.delegates.end();
  certified_.emplace(certificate->node, certificate->member);
  const auto [node, first] = nodes_.try_emplace(certificate->node);
  node->second.id = certificate->node;
  if (first || certificate->member < node->second.member) node->second.member = certificate->member;
  for (const Bytes& space : admission.spaces) declare(space);
}

void Trust::declare(ByteView declaration_bytes) {
  auto space = decode_space(declaration_bytes);
  if (!space) return;
  const SpaceId id = space_id(declaration_bytes);
  const bool ours = space->federation ? space->federation == federation_ : id == annuaire_;
  if (ours) spaces_.try_emplace(id, Space{id, *std::move(space)});
}

const Member* Trust::member(const MemberId& id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

const Member* Trust::member_of(const NodeId& node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : member(found->second.member);
}

const Space* Trust::space(const SpaceId& id) const {
  const auto found = spaces_.find(id);
  return found == spaces_.end() ? nullptr : &found->second;
}

const Space* Trust::space_named(std::string_view name) const {
  // Two declarations may share a name; the smaller id is the one meant by it.
  for (const auto& [id, space] : spaces_)
    if (space.declaration.name == name) return &space;
  return nullptr;
}

bool Trust::matches(const Member& member, const std::vector<std::string>& rules) const {
  return std::ranges::any_of(rules, [&](const std::string& rule) {
    if (rule == "all") return true;
    if (rule == "role:hub") return member.role == Role::hub;
    if (rule == "role:cooperative") return member.role == Role::cooperative;
    if (rule.starts_with("region:")) return rule.substr(7) == member.region;
    return rule == "member:" + member.id.hex();
  });
}

bool Trust::may_read(const MemberId& id, const SpaceId& space_id_) const {
  const Member* who = member(id);
  const Space* where = space(space_id_);
  return who != nullptr && where != nullptr && matches(*who, where->declaration.readers);
}

bool Trust::may_write(const MemberId& id, const SpaceId& space_id_) const {
  const Member* who = member(id);
  const Space* where = space(space_id_);
  return who != nullptr && where != nullptr && matches(*who, where->declaration.writers);
}

bool Trust::invitation_used(const Digest& token_hash) const {
  return invitations_.contains(token_hash);
}

}  // namespace maillon::storage
