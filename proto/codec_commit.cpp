#include "maillon/v1/commit.pb.h"
#include "proto/codec.hpp"
#include "proto/codec_impl.hpp"

namespace maillon {

using codec::encoded;
using codec::ids_from;
using codec::optional_id;
using codec::str;
using codec::view;

namespace {

Error bad(const char* why) { return Error{Errc::malformed, why}; }

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

}  // namespace maillon
