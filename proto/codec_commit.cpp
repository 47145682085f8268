#include "maillon/v1/commit.pb.h"
#include "maillon/v1/governance.pb.h"
#include "proto/codec.hpp"
#include "proto/codec_impl.hpp"

namespace maillon {

using codec::append;
using codec::bytes;
using codec::str;
using codec::view;

namespace {

Error bad(const char* why) { return Error{Errc::malformed, why}; }

template <class Id, class Repeated>
Result<std::vector<Id>> ids_from(const Repeated& in, std::size_t max, const char* why) {
  if (static_cast<std::size_t>(in.size()) > max) return bad(why);
  std::vector<Id> out;
  out.reserve(static_cast<std::size_t>(in.size()));
  for (const std::string& raw : in) {
    MAILLON_TRY(const Id id, Id::from_bytes(view(raw)));
    if (!out.empty() && !(out.back() < id)) return bad(why);
    out.push_back(id);
  }
  return out;
}

template <class Id>
Result<std::optional<Id>> optional_id(const std::string& raw) {
  if (raw.empty()) return std::optional<Id>{};
  MAILLON_TRY(const Id id, Id::from_bytes(view(raw)));
  return std::optional<Id>{id};
}

Result<void> check_shape(const Header& h) {
  if (h.version != 1) return Error{Errc::newer_version, "header: unknown format version"};
  if (h.seq == 0) return bad("header: seq starts at 1");
  if ((h.seq == 1) == h.previous.has_value()) return bad("header: previous and seq disagree");
  if (h.reissues && h.previous && *h.reissues == *h.previous)
    return bad("header: re-issue of its own past");
  if (h.leaves > limits::kCommitOpsMax + 1) return bad("header: too many leaves");
  if (h.body_size > limits::kCommitBodyMax) return bad("header: body too large");
  if ((h.leaves == 0) != (h.body_size == 0)) return bad("header: leaves and body size disagree");
  const std::uint64_t ops = h.leaves == 0 ? 0 : h.leaves - 1;
  if (h.total_ops < ops || h.total_bytes < h.body_size) return bad("header: totals below own size");
  return {};
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
  out.readers.assign(in.readers().begin(), in.readers().end());
  out.writers.assign(in.writers().begin(), in.writers().end());
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

template <class Message>
Bytes encoded(const Message& message) {
  Bytes out;
  append(message, out);
  return out;
}

}  // namespace

Bytes encode_header(const Header& h) {
  v1::Header out;
  out.set_version(h.version);
  if (!h.federation.is_zero()) out.set_federation(str(h.federation.bytes()));
  out.set_space(str(h.space.bytes()));
  out.set_member(str(h.member.bytes()));
  out.set_node(str(h.node.bytes()));
  out.set_incarnation(h.incarnation);
  out.set_seq(h.seq);
  if (h.previous) out.set_previous(str(h.previous->bytes()));
  out.set_hlc(h.hlc.packed);
  for (const CommitId& dep : h.deps) out.add_deps(str(dep.bytes()));
  if (h.reissues) out.set_reissues(str(h.reissues->bytes()));
  out.set_root(str(h.root.bytes()));
  out.set_leaves(h.leaves);
  out.set_body_size(h.body_size);
  out.set_total_ops(h.total_ops);
  out.set_total_bytes(h.total_bytes);
  for (const CommitId& head : h.annuaire_heads) out.add_annuaire_heads(str(head.bytes()));
  return encoded(out);
}

Result<Header> decode_header(ByteView raw) {
  if (raw.size() > limits::kHeaderMax) return bad("header: too large");
  v1::Header in;
  if (!codec::parse(raw, in)) return bad("header: not protobuf");
  Header h;
  h.version = in.version();
  if (!in.federation().empty()) {
    MAILLON_TRY(h.federation, FederationId::from_bytes(view(in.federation())));
  }
  MAILLON_TRY(h.space, SpaceId::from_bytes(view(in.space())));
  MAILLON_TRY(h.member, MemberId::from_bytes(view(in.member())));
  MAILLON_TRY(h.node, NodeId::from_bytes(view(in.node())));
  h.incarnation = in.incarnation();
  h.seq = in.seq();
  MAILLON_TRY(h.previous, optional_id<CommitId>(in.previous()));
  h.hlc.packed = in.hlc();
  MAILLON_TRY(h.deps, ids_from<CommitId>(in.deps(), limits::kDepsMax, "header: deps"));
  MAILLON_TRY(h.reissues, optional_id<CommitId>(in.reissues()));
  MAILLON_TRY(h.root, Digest::from_bytes(view(in.root())));
  h.leaves = in.leaves();
  h.body_size = in.body_size();
  h.total_ops = in.total_ops();
  h.total_bytes = in.total_bytes();
  MAILLON_TRY(h.annuaire_heads, ids_from<CommitId>(in.annuaire_heads(), limits::kDepsMax,
                                                   "header: annuaire heads"));
  MAILLON_CHECK(check_shape(h));
  return h;
}

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
  return encoded(out);
}

Bytes encode(const Proposal& message) {
  v1::Proposal out;
  if (message.admit) to_pb(*message.admit, *out.mutable_admit());
  if (message.space) out.set_space(str(*message.space));
  return encoded(out);
}

Bytes encode(const Vote& message) {
  v1::Vote out;
  if (message.commit) out.set_commit(str(message.commit->bytes()));
  out.set_leaf(message.leaf);
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
  return out;
}

Result<Vote> decode_vote(ByteView raw) {
  v1::Vote in;
  if (!codec::parse(raw, in)) return bad("vote: not protobuf");
  Vote out;
  MAILLON_TRY(out.commit, optional_id<CommitId>(in.commit()));
  out.leaf = in.leaf();
  return out;
}

Result<Address> decode_address(ByteView raw) {
  v1::Address in;
  if (!codec::parse(raw, in) || in.urls_size() > 8) return bad("address: not a list of URLs");
  return Address{{in.urls().begin(), in.urls().end()}};
}

}  // namespace maillon
