#include "maillon/v1/governance.pb.h"
#include "proto/codec_impl.hpp"
#include "proto/governance.hpp"

namespace maillon {

using codec::bytes;
using codec::encoded;
using codec::ids_from;
using codec::optional_id;
using codec::str;
using codec::view;

namespace {

Error bad(const char* why) { return Error{Errc::malformed, why}; }

/// Rules for readers or writers: few, and short.
Result<std::vector<std::string>> rules_from(
    const google::protobuf::RepeatedPtrField<std::string>& in) {
  if (static_cast<std::size_t>(in.size()) > limits::kAccessRulesMax)
    return bad("access: too many rules");
  std::vector<std::string> out{in.begin(), in.end()};
  for (const std::string& rule : out)
    if (rule.empty() || rule.size() > limits::kNameMax) return bad("access: a rule's length");
  return out;
}

void to_pb(const SpaceDeclaration& in, v1::SpaceDeclaration& out) {
  if (in.federation) out.set_federation(str(in.federation->bytes()));
  out.set_nonce(str(in.nonce));
  out.set_name(in.name);
  for (const auto& reader : in.readers) out.add_readers(reader);
  for (const auto& writer : in.writers) out.add_writers(writer);
  for (const auto& keeper : in.keepers) out.add_keepers(str(keeper.bytes()));
}

Result<SpaceDeclaration> from_pb(const v1::SpaceDeclaration& in) {
  SpaceDeclaration out;
  MAILLON_TRY(out.federation, optional_id<FederationId>(in.federation()));
  out.nonce = bytes(in.nonce());
  out.name = in.name();
  MAILLON_TRY(out.readers, rules_from(in.readers()));
  MAILLON_TRY(out.writers, rules_from(in.writers()));
  MAILLON_TRY(out.keepers, ids_from<MemberId>(in.keepers(), 1024, "space: keepers"));
  if (out.name.empty() || out.name.size() > limits::kNameMax) return bad("space: name");
  return out;
}

void to_pb(const Admission& in, v1::Admission& out) {
  out.set_certificate(str(in.certificate));
  out.set_name(in.name);
  out.set_role(static_cast<v1::Role>(in.role));
  out.set_region(in.region);
  if (in.invitation) out.set_invitation(str(in.invitation->bytes()));
  for (const auto& space : in.spaces) out.add_spaces(str(space));
}

Result<Admission> from_pb(const v1::Admission& in) {
  Admission out;
  out.certificate = bytes(in.certificate());
  out.name = in.name();
  if (in.role() != v1::ROLE_COOPERATIVE && in.role() != v1::ROLE_HUB) return bad("admission: role");
  out.role = static_cast<Role>(in.role());
  out.region = in.region();
  MAILLON_TRY(out.invitation, optional_id<Digest>(in.invitation()));
  if (in.spaces_size() > 64) return bad("admission: too many spaces");
  for (const auto& space : in.spaces()) out.spaces.push_back(bytes(space));
  if (out.name.size() > limits::kNameMax) return bad("admission: name too long");
  return out;
}

void to_pb(const std::vector<CutOff>& in, google::protobuf::RepeatedPtrField<v1::CutOff>& out) {
  for (const CutOff& cut : in) {
    auto& one = *out.Add();
    one.set_space(str(cut.space.bytes()));
    one.set_commit(str(cut.commit.bytes()));
  }
}

Result<std::vector<CutOff>> cuts_from(const google::protobuf::RepeatedPtrField<v1::CutOff>& in) {
  if (static_cast<std::size_t>(in.size()) > limits::kCutOffsMax) return bad("cut-offs: too many");
  std::vector<CutOff> out;
  for (const auto& one : in) {
    CutOff cut;
    MAILLON_TRY(cut.space, SpaceId::from_bytes(view(one.space())));
    MAILLON_TRY(cut.commit, CommitId::from_bytes(view(one.commit())));
    out.push_back(cut);
  }
  return out;
}

/// All decisions but admissions and declarations.
void to_pb_rest(const Proposal& in, v1::Proposal& out) {
  if (in.remove) out.mutable_remove()->set_member(str(in.remove->member.bytes()));
  if (in.delegate) {
    out.mutable_delegate()->set_member(str(in.delegate->member.bytes()));
    out.mutable_delegate()->set_drop(in.delegate->drop);
  }
  if (in.charter) {
    out.mutable_charter()->set_key(in.charter->key);
    out.mutable_charter()->set_value(in.charter->value);
  }
  if (in.access) {
    auto& access = *out.mutable_access();
    access.set_space(str(in.access->space.bytes()));
    for (const auto& rule : in.access->readers) access.add_readers(rule);
    for (const auto& rule : in.access->writers) access.add_writers(rule);
    access.set_narrow(in.access->narrow);
  }
  if (in.root_key) {
    out.mutable_root_key()->set_member(str(in.root_key->member.bytes()));
    out.mutable_root_key()->set_key(str(in.root_key->key.bytes()));
  }
  if (in.succession) {
    out.mutable_succession()->set_member(str(in.succession->member.bytes()));
    out.mutable_succession()->set_heir(str(in.succession->heir.bytes()));
  }
  if (in.tellers) {
    auto& tellers = *out.mutable_tellers();
    tellers.set_region(in.tellers->region);
    tellers.set_from_period(in.tellers->from_period);
    for (const MemberId& id : in.tellers->members) tellers.add_members(str(id.bytes()));
    tellers.set_threshold(in.tellers->threshold);
  }
}

void to_pb(const Checkpoint& in, v1::Checkpoint& out) {
  out.set_space(str(in.space.bytes()));
  for (const CommitId& id : in.settled) out.add_settled(str(id.bytes()));
  for (const Tip& end : in.seen) {
    auto& one = *out.add_seen();
    one.set_node(str(end.node.bytes()));
    one.set_incarnation(end.incarnation);
    one.set_seq(end.seq);
    one.set_commit(str(end.commit.bytes()));
  }
  for (const FeedRange& range : in.without_effect) {
    auto& one = *out.add_without_effect();
    one.set_node(str(range.node.bytes()));
    one.set_incarnation(range.incarnation);
    one.set_first(range.first);
    one.set_last(range.last);
  }
}

template <class T>
bool ascends(const std::vector<T>& all) {
  return std::ranges::adjacent_find(all, std::ranges::greater_equal{}) == all.end();
}

Result<Checkpoint> from_pb(const v1::Checkpoint& in) {
  Checkpoint out;
  MAILLON_TRY(out.space, SpaceId::from_bytes(view(in.space())));
  MAILLON_TRY(out.settled,
              ids_from<CommitId>(in.settled(), limits::kSettledHeadsMax, "checkpoint"));
  if (static_cast<std::size_t>(in.seen_size()) > limits::kFeedEndsMax ||
      static_cast<std::size_t>(in.without_effect_size()) > limits::kVoidRangesMax)
    return bad("checkpoint: too long");
  for (const auto& one : in.seen()) {
    Tip end{NodeId::zero(), one.incarnation(), one.seq(), CommitId::zero()};
    MAILLON_TRY(end.node, NodeId::from_bytes(view(one.node())));
    MAILLON_TRY(end.commit, CommitId::from_bytes(view(one.commit())));
    out.seen.push_back(end);
  }
  for (const auto& one : in.without_effect()) {
    FeedRange range{NodeId::zero(), one.incarnation(), one.first(), one.last()};
    MAILLON_TRY(range.node, NodeId::from_bytes(view(one.node())));
    out.without_effect.push_back(range);
  }
  const bool ordered =
      ascends(out.settled) && ascends(out.seen) && ascends(out.without_effect);
  if (!ordered || out.settled.empty()) return bad("checkpoint: out of order");
  return out;
}

Result<void> from_pb_rest(const v1::Proposal& in, Proposal& out) {
  const auto member = [](const std::string& raw) { return MemberId::from_bytes(view(raw)); };
  if (in.has_remove()) {
    out.remove.emplace();
    MAILLON_TRY(out.remove->member, member(in.remove().member()));
  }
  if (in.has_delegate()) {
    out.delegate.emplace();
    MAILLON_TRY(out.delegate->member, member(in.delegate().member()));
    out.delegate->drop = in.delegate().drop();
  }
  if (in.has_charter()) {
    out.charter = CharterChange{in.charter().key(), in.charter().value()};
    if (out.charter->key.size() > limits::kNameMax || out.charter->value.size() > limits::kNameMax)
      return bad("charter: a value too long");
  }
  if (in.has_access()) {
    out.access.emplace();
    MAILLON_TRY(out.access->space, SpaceId::from_bytes(view(in.access().space())));
    MAILLON_TRY(out.access->readers, rules_from(in.access().readers()));
    MAILLON_TRY(out.access->writers, rules_from(in.access().writers()));
    out.access->narrow = in.access().narrow();
  }
  if (in.has_root_key()) {
    out.root_key.emplace();
    MAILLON_TRY(out.root_key->member, member(in.root_key().member()));
    MAILLON_TRY(out.root_key->key, member(in.root_key().key()));
  }
  if (in.has_succession()) {
    out.succession.emplace();
    MAILLON_TRY(out.succession->member, member(in.succession().member()));
    MAILLON_TRY(out.succession->heir, member(in.succession().heir()));
  }
  if (in.has_tellers()) {
    out.tellers.emplace();
    out.tellers->region = in.tellers().region();
    out.tellers->from_period = in.tellers().from_period();
    MAILLON_TRY(out.tellers->members, ids_from<MemberId>(in.tellers().members(), 21, "tellers"));
    out.tellers->threshold = in.tellers().threshold();
  }
  if (in.has_checkpoint()) {
    MAILLON_TRY(out.checkpoint, from_pb(in.checkpoint()));
  }
  return {};
}

}  // namespace

Bytes encode(const SpaceDeclaration& message) {
  v1::SpaceDeclaration out;
  to_pb(message, out);
  return encoded(out);
}

Bytes encode(const Genesis& message) {
  v1::Genesis out;
  v1::Charter& charter = *out.mutable_charter();
  charter.set_name(message.charter.name);
  charter.set_quorum(message.charter.quorum);
  for (const auto& id : message.charter.delegates) charter.add_delegates(str(id.bytes()));
  charter.set_settlement_days(message.charter.settlement_days);
  charter.set_secrecy_threshold(message.charter.secrecy_threshold);
  charter.set_feed_ops_max(message.charter.feed_ops_max);
  charter.set_feed_bytes_max(message.charter.feed_bytes_max);
  to_pb(message.creator, *out.mutable_creator());
  if (message.refounds) out.set_refounds(str(message.refounds->bytes()));
  for (const auto& id : message.before) out.add_before(str(id.bytes()));
  return encoded(out);
}

Bytes encode(const Proposal& message) {
  v1::Proposal out;
  if (message.admit) to_pb(*message.admit, *out.mutable_admit());
  if (message.space) out.set_space(str(*message.space));
  to_pb_rest(message, out);
  if (message.checkpoint) to_pb(*message.checkpoint, *out.mutable_checkpoint());
  to_pb(message.cut, *out.mutable_cut());
  return encoded(out);
}

Bytes encode(const Vote& message) {
  v1::Vote out;
  if (message.commit) out.set_commit(str(message.commit->bytes()));
  out.set_leaf(message.leaf);
  to_pb(message.cut, *out.mutable_cut());
  return encoded(out);
}

Bytes encode(const Revocation& message) {
  v1::Revocation out;
  out.set_node(str(message.node.bytes()));
  out.set_root(str(message.root.bytes()));
  to_pb(message.cut, *out.mutable_cut());
  out.set_signature(str(message.signature));
  return encoded(out);
}

Bytes encode(const Evidence& message) {
  v1::Evidence out;
  for (const SignedHeader& one : message.headers) {
    auto& header = *out.add_headers();
    header.set_header(str(one.header));
    header.set_signature(str(one.signature));
  }
  return encoded(out);
}

Bytes encode(const ErasureWord& message) {
  v1::ErasureWord out;
  out.set_commit(str(message.commit.bytes()));
  out.set_lift(message.lift);
  return encoded(out);
}

Bytes encode(const ErasureReceipt& message) {
  v1::ErasureReceipt out;
  for (const auto& one : message.done) {
    auto& done = *out.add_done();
    done.set_commit(str(one.commit.bytes()));
    done.set_leaves(one.leaves);
  }
  return encoded(out);
}

Bytes encode(const Address& message) {
  v1::Address out;
  for (const auto& url : message.urls) out.add_urls(url);
  return encoded(out);
}

Result<SpaceDeclaration> decode_space(ByteView raw) {
  v1::SpaceDeclaration in;
  if (!codec::parse(raw, in)) return bad("space: not protobuf");
  return from_pb(in);
}

Result<Genesis> decode_genesis(ByteView raw) {
  v1::Genesis in;
  if (!codec::parse(raw, in)) return bad("genesis: not protobuf");
  Genesis out;
  out.charter.name = in.charter().name();
  out.charter.quorum = in.charter().quorum();
  MAILLON_TRY(out.charter.delegates,
              ids_from<MemberId>(in.charter().delegates(), 21, "genesis: delegates"));
  out.charter.settlement_days = in.charter().settlement_days();
  out.charter.secrecy_threshold = in.charter().secrecy_threshold();
  out.charter.feed_ops_max = in.charter().feed_ops_max();
  out.charter.feed_bytes_max = in.charter().feed_bytes_max();
  MAILLON_TRY(out.creator, from_pb(in.creator()));
  MAILLON_TRY(out.refounds, optional_id<FederationId>(in.refounds()));
  if (static_cast<std::size_t>(in.before_size()) > limits::kRefoundingsMax)
    return bad("genesis: too many federations before");
  for (const std::string& one : in.before()) {
    MAILLON_TRY(const FederationId id, FederationId::from_bytes(view(one)));
    out.before.push_back(id);
  }
  return out;
}

Result<Proposal> decode_proposal(ByteView raw) {
  v1::Proposal in;
  if (!codec::parse(raw, in)) return bad("proposal: not protobuf");
  Proposal out;
  if (in.has_admit()) {
    MAILLON_TRY(out.admit, from_pb(in.admit()));
  }
  if (in.has_space()) out.space = bytes(in.space());
  MAILLON_CHECK(from_pb_rest(in, out));
  MAILLON_TRY(out.cut, cuts_from(in.cut()));
  return out;
}

Result<Vote> decode_vote(ByteView raw) {
  v1::Vote in;
  if (!codec::parse(raw, in)) return bad("vote: not protobuf");
  Vote out;
  MAILLON_TRY(out.commit, optional_id<CommitId>(in.commit()));
  out.leaf = in.leaf();
  MAILLON_TRY(out.cut, cuts_from(in.cut()));
  return out;
}

Result<Revocation> decode_revocation(ByteView raw) {
  v1::Revocation in;
  if (!codec::parse(raw, in)) return bad("revocation: not protobuf");
  Revocation out;
  MAILLON_TRY(out.node, NodeId::from_bytes(view(in.node())));
  MAILLON_TRY(out.root, MemberId::from_bytes(view(in.root())));
  MAILLON_TRY(out.cut, cuts_from(in.cut()));
  out.signature = bytes(in.signature());
  return out;
}

Result<Evidence> decode_evidence(ByteView raw) {
  v1::Evidence in;
  if (!codec::parse(raw, in) || in.headers_size() > static_cast<int>(limits::kIncarnationsMax) + 1)
    return bad("evidence: not a list of headers");
  Evidence out;
  for (const auto& one : in.headers())
    out.headers.push_back({bytes(one.header()), bytes(one.signature())});
  return out;
}

Result<ErasureWord> decode_erasure_word(ByteView raw) {
  v1::ErasureWord in;
  if (!codec::parse(raw, in)) return bad("erasure word: not protobuf");
  ErasureWord out;
  MAILLON_TRY(out.commit, CommitId::from_bytes(view(in.commit())));
  out.lift = in.lift();
  return out;
}

Result<ErasureReceipt> decode_erasure_receipt(ByteView raw) {
  v1::ErasureReceipt in;
  if (!codec::parse(raw, in) || in.done_size() > static_cast<int>(limits::kReceiptsMax))
    return bad("erasure receipt: not a list of commits");
  ErasureReceipt out;
  for (const auto& one : in.done()) {
    MAILLON_TRY(const CommitId commit, CommitId::from_bytes(view(one.commit())));
    if (!out.done.empty() && out.done.back().commit >= commit)
      return bad("erasure receipt: commits out of order");
    out.done.push_back({commit, one.leaves()});
  }
  return out;
}

Result<Address> decode_address(ByteView raw) {
  v1::Address in;
  if (!codec::parse(raw, in) || in.urls_size() > 8) return bad("address: not a list of URLs");
  return Address{{in.urls().begin(), in.urls().end()}};
}

}  // namespace maillon
