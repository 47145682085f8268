#include "storage/trust/trust.hpp"

#include <algorithm>

#include "proto/fault.hpp"

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

}  // namespace

SpaceId space_id(ByteView declaration_bytes) {
  const Digest digest =
      crypto::Hasher{}.update("maillon/space/v1").update(declaration_bytes).finish();
  return *SpaceId::from_bytes(digest.bytes());
}

std::vector<Bytes> regional_spaces(const FederationId& federation, std::string_view region) {
  const std::string code{region};
  const std::vector<std::string> own{"region:" + code};
  return {declaration(federation, "catalogue/" + code, own),
          declaration(federation, "indicateurs/" + code, own)};
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
  if (op.kind != static_cast<std::uint32_t>(OpKind::genesis) || !op.payload_ok ||
      op.fields.count != 1)
    return bad("genesis: its first op must found a federation");
  MAILLON_TRY(Genesis genesis, decode_genesis(commit.body.ops.fields_of(op)[0].value));
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

void Trust::add(const Commit& commit, bool is_void) {
  if (!federation_) {
    auto genesis = check_genesis(commit);
    if (!genesis) return;
    genesis_ = *std::move(genesis);
    federation_ = *FederationId::from_bytes(commit.id.bytes());
    annuaire_ = commit.header.space;
  }
  log_.add(commit, is_void);
}

const Member* Trust::member(const MemberId& id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

const Member* Trust::ever_member(const MemberId& id) const {
  if (const Member* today = member(id)) return today;
  const auto found = former_.find(id);
  return found == former_.end() ? nullptr : &found->second;
}

const Member* Trust::member_of(const NodeId& node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() || found->second.revoked ? nullptr : member(found->second.member);
}

const Space* Trust::space(const SpaceId& id) const {
  const auto found = spaces_.find(id);
  return found == spaces_.end() ? nullptr : &found->second;
}

std::vector<SpaceId> Trust::declared_otherwise(const Trust& other) const {
  std::vector<SpaceId> out;
  const auto add_missing = [&](const Trust& from, const Trust& to) {
    for (const auto& [id, space] : from.spaces_)
      if (!to.spaces_.contains(id)) out.push_back(id);
  };
  add_missing(*this, other);
  add_missing(other, *this);
  return out;
}

const Space* Trust::space_named(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : space(found->second);
}

bool Trust::matches(const std::string& rule, const MemberId& member) const {
  if (rule == "all") return true;
  if (rule.starts_with("member:")) return rule.substr(7) == member.hex();
  const auto posts = posts_.find(member);
  return posts != posts_.end() && std::ranges::any_of(posts->second, [&](const auto& post) {
           const auto& [role, region] = post;
           if (rule == "role:hub") return role == Role::hub;
           if (rule == "role:cooperative") return role == Role::cooperative;
           return rule.starts_with("region:") && rule.substr(7) == region;
         });
}

bool Trust::granted(const MemberId& member, const SpaceId& id, bool write) const {
  const Space* where = space(id);
  if (where == nullptr || ever_member(member) == nullptr) return false;
  const auto& rules = write ? where->declaration.writers : where->declaration.readers;
  const auto means = [&](const std::string& rule) { return matches(rule, member); };
  return std::ranges::any_of(rules, means) ||
         std::ranges::any_of(access_, [&](const AccessRule& a) {
           return !a.narrow && a.space == id && a.write == write && means(a.rule);
         });
}

bool Trust::ever_reader(const MemberId& member, const SpaceId& id) const {
  return granted(member, id, false);
}

bool Trust::ever_writer(const MemberId& member, const SpaceId& id) const {
  return granted(member, id, true);
}

bool Trust::allowed_now(const MemberId& who, const SpaceId& id, bool write) const {
  if (member(who) == nullptr || !granted(who, id, write)) return false;
  const auto about = [&](const AccessRule& a) {
    return a.space == id && a.write == write && matches(a.rule, who);
  };
  return std::ranges::none_of(access_, [&](const AccessRule& taken) {
    return taken.narrow && about(taken) &&
           std::ranges::none_of(access_, [&](const AccessRule& given) {
             return !given.narrow && about(given) && log_.reaches(given.number, taken.number);
           });
  });
}

bool Trust::may_read(const MemberId& who, const SpaceId& id) const {
  return allowed_now(who, id, false);
}
bool Trust::may_write(const MemberId& who, const SpaceId& id) const {
  return allowed_now(who, id, true);
}

bool Trust::same_standing(const Trust& other, const MemberId& id) const {
  const auto limits_of = [&](const Trust& trust) {
    std::vector<const Limit*> out;
    for (const Limit& limit : trust.limits_)
      if (limit.member == id) out.push_back(&limit);
    return out;
  };
  const auto nodes_of = [&](const Trust& trust) {
    std::vector<NodeId> out;
    for (const auto& [node, member] : trust.certified_)
      if (member == id) out.push_back(node);
    return out;
  };
  const auto posts_of = [&](const Trust& trust) {
    const auto found = trust.posts_.find(id);
    return found == trust.posts_.end() ? decltype(found->second){} : found->second;
  };
  return std::ranges::equal(
             limits_of(*this), limits_of(other), {},
             [](const Limit* l) -> const Limit& { return *l; },
             [](const Limit* l) -> const Limit& { return *l; }) &&
         nodes_of(*this) == nodes_of(other) && posts_of(*this) == posts_of(other) &&
         access_ == other.access_ && charter_.feed_ops_max == other.charter_.feed_ops_max &&
         charter_.feed_bytes_max == other.charter_.feed_bytes_max;
}

bool Trust::beyond_quota(const SpaceId& where, std::uint64_t total_ops,
                         std::uint64_t total_bytes) const {
  if (MAILLON_FAULT("quota_ignored")) return false;
  if (where == annuaire_) return beyond_annuaires_limits(total_ops, total_bytes);
  return (charter_.feed_ops_max > 0 && total_ops > charter_.feed_ops_max) ||
         (charter_.feed_bytes_max > 0 && total_bytes > charter_.feed_bytes_max);
}

bool Trust::came_before(const Limit& limit, const Charge& charge) const {
  return std::ranges::none_of(
      charge.since, [&](std::uint32_t since) { return log_.reaches(limit.since, since); });
}

bool Trust::in_doubt(const FeedKey& feed, std::uint64_t seq, std::uint64_t total_ops,
                     std::uint64_t total_bytes) const {
  return beyond_quota(feed.space, total_ops, total_bytes) ||
         (feed.space != annuaire_ && std::ranges::any_of(charges_, [&](const Charge& charge) {
            return charge.covers(feed, seq);
          }));
}

bool Trust::same_admission(const Trust& other) const {
  return charges_ == other.charges_ && limits_ == other.limits_ && settled_since(other).empty() &&
         declared_otherwise(other).empty() &&
         charter_.feed_ops_max == other.charter_.feed_ops_max &&
         charter_.feed_bytes_max == other.charter_.feed_bytes_max &&
         certified_ == other.certified_ && posts_ == other.posts_ && access_ == other.access_ &&
         receipts_ == other.receipts_;
}

Settled Settled::by(const ProposalId& id, Hlc time, const Checkpoint& checkpoint) {
  Settled out{id, checkpoint.space, time, checkpoint.settled, {}, {}};
  for (const Tip& end : checkpoint.seen)
    out.seen[FeedKey{checkpoint.space, end.node, end.incarnation}].push_back(end);
  for (const FeedRange& range : checkpoint.without_effect)
    out.without_effect[FeedKey{checkpoint.space, range.node, range.incarnation}].push_back(range);
  return out;
}

std::vector<MemberId> Trust::keepers(const Space& space) const {
  std::vector<MemberId> out;
  for (const MemberId& keeper : space.declaration.keepers)
    if (member(keeper) != nullptr) out.push_back(keeper);
  return out.empty() ? charter_.delegates : out;
}

std::span<const std::shared_ptr<const Settled>> Trust::checkpoints(const SpaceId& space) const {
  const auto found = checkpoints_.find(space);
  if (found == checkpoints_.end()) return {};
  return found->second;
}

std::vector<SpaceId> Trust::settled_since(const Trust& other) const {
  const auto same = [](const auto& a, const auto& b) { return a->id == b->id; };
  std::vector<SpaceId> out;
  for (const auto& [space, all] : checkpoints_)
    if (!std::ranges::equal(all, other.checkpoints(space), same)) out.push_back(space);
  for (const auto& [space, all] : other.checkpoints_)
    if (!checkpoints_.contains(space)) out.push_back(space);
  return out;
}

const Decision* Trust::decision(const ProposalId& id) const {
  const auto found = std::ranges::find(decisions_, id, &Decision::id);
  return found == decisions_.end() ? nullptr : &*found;
}

MemberId Trust::heir_of(MemberId member) const {
  for (auto next = heirs_.find(member); next != heirs_.end(); next = heirs_.find(member))
    member = next->second;
  return member;
}

bool Trust::may_change_of(const MemberId& owner, const MemberId& author) const {
  for (auto at = owner;;) {
    if (at == author) return true;
    const auto next = heirs_.find(at);
    if (next == heirs_.end()) return false;
    at = next->second;
  }
}

bool Trust::confirmed(const CommitId& asking, const MemberId& author) const {
  const auto found = receipts_.find(asking);
  if (found == receipts_.end() || MAILLON_FAULT("confirmed_yet_aside")) return false;
  return std::ranges::any_of(certified_, [&](const auto& one) {
    const auto& [node, member] = one;
    return member != author && !charged(member) && found->second.contains(node);
  });
}

bool Trust::invitation_used(const Digest& token_hash) const {
  return invitations_.contains(token_hash);
}

}  // namespace maillon::storage
