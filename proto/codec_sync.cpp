#include <algorithm>

#include "maillon/v1/sync.pb.h"
#include "proto/codec.hpp"
#include "proto/codec_impl.hpp"

namespace maillon {

using codec::bytes;
using codec::str;
using codec::view;

namespace {

Error bad(const char* why) { return Error{Errc::malformed, why}; }

template <class Message>
Bytes framed(MessageKind kind, const Message& message) {
  Bytes out{static_cast<std::uint8_t>(kind)};
  codec::append(message, out);
  return out;
}

template <class Message>
Result<Message> unframed(MessageKind kind, ByteView message) {
  Message out;
  if (message.empty() || message[0] != static_cast<std::uint8_t>(kind) ||
      message.size() > limits::kFrameMax ||
      !codec::few_fields(message.subspan(1), limits::kMessageFieldsMax) || !codec::parse(message.subspan(1), out))
    return bad("sync message: not protobuf");
  return out;
}

void to_pb(const Tip& in, v1::Tip& out) {
  out.set_node(str(in.node.bytes()));
  out.set_incarnation(in.incarnation);
  out.set_seq(in.seq);
  out.set_commit(str(in.commit.bytes()));
}

Result<Tip> from_pb(const v1::Tip& in) {
  Tip out;
  MAILLON_TRY(out.node, NodeId::from_bytes(view(in.node())));
  MAILLON_TRY(out.commit, CommitId::from_bytes(view(in.commit())));
  out.incarnation = in.incarnation();
  out.seq = in.seq();
  if (out.seq == 0) return bad("tip: seq starts at 1");
  return out;
}

template <class Repeated>
Result<std::vector<Tip>> tips_from(const Repeated& in) {
  if (static_cast<std::size_t>(in.size()) > limits::kTipsMax) return bad("tips: too many");
  std::vector<Tip> out;
  for (const auto& tip : in) {
    MAILLON_TRY(const Tip one, from_pb(tip));
    out.push_back(one);
  }
  return out;
}

Result<std::optional<Digest>> optional_digest(const std::string& raw) {
  if (raw.empty()) return std::optional<Digest>{};
  MAILLON_TRY(const Digest out, Digest::from_bytes(view(raw)));
  return std::optional<Digest>{out};
}

}  // namespace

Result<MessageKind> kind_of(ByteView message) {
  if (message.empty() || message[0] < 1 ||
      message[0] > static_cast<std::uint8_t>(MessageKind::push))
    return bad("sync message: unknown kind");
  return static_cast<MessageKind>(message[0]);
}

Bytes encode(const Hello& m) {
  v1::Hello out;
  out.set_version(m.version);
  out.set_software(m.software);
  out.set_clock(m.clock_ms);
  for (const auto& space : m.spaces) {
    auto& s = *out.add_spaces();
    s.set_space(str(space.space.bytes()));
    s.set_frontier(str(space.frontier.bytes()));
    if (space.remembered) s.set_remembered(str(space.remembered->bytes()));
  }
  for (const auto& url : m.urls) out.add_urls(url);
  return framed(MessageKind::hello, out);
}

Result<Hello> decode_hello(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::Hello>(MessageKind::hello, message));
  if (in.spaces_size() > 4096 || in.urls_size() > 8) return bad("hello: too many entries");
  Hello out{in.version(), in.software(), in.clock(), {}, {in.urls().begin(), in.urls().end()}};
  for (const auto& s : in.spaces()) {
    SpaceState state;
    MAILLON_TRY(state.space, SpaceId::from_bytes(view(s.space())));
    MAILLON_TRY(state.frontier, Digest::from_bytes(view(s.frontier())));
    MAILLON_TRY(state.remembered, optional_digest(s.remembered()));
    out.spaces.push_back(state);
  }
  return out;
}

Bytes encode(const Tips& m) {
  v1::Tips out;
  out.set_space(str(m.space.bytes()));
  if (m.since) out.set_since(str(m.since->bytes()));
  for (const Tip& tip : m.tips) to_pb(tip, *out.add_tips());
  return framed(MessageKind::tips, out);
}

Result<Tips> decode_tips(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::Tips>(MessageKind::tips, message));
  Tips out;
  MAILLON_TRY(out.space, SpaceId::from_bytes(view(in.space())));
  MAILLON_TRY(out.since, optional_digest(in.since()));
  MAILLON_TRY(out.tips, tips_from(in.tips()));
  return out;
}

Bytes encode(const Want& m) {
  v1::Want out;
  out.set_space(str(m.space.bytes()));
  to_pb(m.tip, *out.mutable_tip());
  for (const Tip& tip : m.have) to_pb(tip, *out.add_have());
  return framed(MessageKind::want, out);
}

Result<Want> decode_want(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::Want>(MessageKind::want, message));
  Want out;
  MAILLON_TRY(out.space, SpaceId::from_bytes(view(in.space())));
  MAILLON_TRY(out.tip, from_pb(in.tip()));
  MAILLON_TRY(out.have, tips_from(in.have()));
  return out;
}

Bytes encode(const Commits& m) {
  v1::Commits out;
  for (const WireCommit& commit : m.commits) {
    auto& c = *out.add_commits();
    c.set_header(str(commit.header));
    c.set_header_delta(str(commit.header_delta));
    c.set_signature(str(commit.signature));
    c.set_body(str(commit.body));
    c.set_base(commit.base);
  }
  return framed(MessageKind::commits, out);
}

Result<Commits> decode_commits(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::Commits>(MessageKind::commits, message));
  Commits out;
  out.commits.reserve(static_cast<std::size_t>(in.commits_size()));
  for (const auto& c : in.commits()) {
    if (c.header().empty() == c.header_delta().empty()) return bad("commit: one header or delta");
    out.commits.push_back(
        {bytes(c.header()), bytes(c.header_delta()), bytes(c.signature()), bytes(c.body()), c.base()});
  }
  return out;
}

Bytes encode(const Frontier& m) {
  v1::Frontier out;
  out.set_space(str(m.space.bytes()));
  out.set_frontier(str(m.frontier.bytes()));
  out.set_received_bytes(m.received_bytes);
  out.set_reply(m.reply);
  if (m.held) out.set_held(str(m.held->bytes()));
  for (const CommitId& commit : m.announced) out.add_announced(str(commit.bytes()));
  return framed(MessageKind::frontier, out);
}

Result<Frontier> decode_frontier(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::Frontier>(MessageKind::frontier, message));
  Frontier out;
  MAILLON_TRY(out.space, SpaceId::from_bytes(view(in.space())));
  MAILLON_TRY(out.frontier, Digest::from_bytes(view(in.frontier())));
  out.received_bytes = in.received_bytes();
  out.reply = in.reply();
  if (!in.held().empty()) {
    MAILLON_TRY(out.held, Digest::from_bytes(view(in.held())));
  }
  if (static_cast<std::size_t>(in.announced_size()) > limits::kAnnouncedMax)
    return bad("frontier: announces too many commits");
  for (const auto& raw : in.announced()) {
    MAILLON_TRY(const CommitId commit, CommitId::from_bytes(view(raw)));
    out.announced.push_back(commit);
  }
  return out;
}

Bytes encode(const Push& m) {
  v1::Push out;
  out.set_space(str(m.space.bytes()));
  out.set_wanted(m.wanted);
  return framed(MessageKind::push, out);
}

Result<Push> decode_push(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::Push>(MessageKind::push, message));
  Push out;
  MAILLON_TRY(out.space, SpaceId::from_bytes(view(in.space())));
  out.wanted = in.wanted();
  return out;
}

Bytes encode(const JoinRequest& m) {
  v1::JoinRequest out;
  out.set_token(str(m.token));
  out.set_name(m.name);
  out.set_role(static_cast<std::uint32_t>(m.role));
  out.set_region(m.region);
  out.set_recovered(m.recovered);
  return framed(MessageKind::join_request, out);
}

Result<JoinRequest> decode_join_request(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::JoinRequest>(MessageKind::join_request, message));
  if (in.name().size() > limits::kNameMax || in.region().size() > limits::kNameMax ||
      in.token().size() > 64 || in.role() < 1 || in.role() > 2)
    return bad("join request: a field is too long or unknown");
  return JoinRequest{bytes(in.token()), in.name(), static_cast<Role>(in.role()), in.region(),
                     in.recovered()};
}

namespace {

template <class Repeated>
Result<std::vector<std::string>> names_from(const Repeated& in) {
  if (static_cast<std::size_t>(in.size()) > limits::kJoinNamesMax)
    return bad("join reply: too many names");
  for (const std::string& name : in)
    if (name.size() > limits::kNameMax) return bad("join reply: a name is too long");
  return std::vector<std::string>{in.begin(), in.end()};
}

/// What an Hlc can hold.
constexpr std::uint64_t kTimeMax = 0xffff'ffff'ffff;

Result<JoinVotes> votes_from(const v1::JoinVotes& in) {
  if (in.proposal().size() > limits::kNameMax) return bad("join reply: a name is too long");
  JoinVotes out{in.proposal(), in.votes(), in.needed()};
  MAILLON_TRY(out.voted, names_from(in.voted()));
  MAILLON_TRY(out.missing, names_from(in.missing()));
  return out;
}

}  // namespace

Bytes encode(const JoinReply& m) {
  v1::JoinReply out;
  out.set_status(static_cast<std::uint32_t>(m.status));
  out.set_reason(m.reason);
  out.set_federation_name(m.federation_name);
  out.set_annuaire(str(m.annuaire.bytes()));
  out.set_decided_ms(static_cast<std::uint64_t>(m.decided.count()));
  if (m.status == JoinStatus::pending || !m.votes.proposal.empty()) {
    v1::JoinVotes& votes = *out.mutable_votes();
    votes.set_proposal(m.votes.proposal);
    votes.set_votes(m.votes.votes);
    votes.set_needed(m.votes.needed);
    for (const auto& name : m.votes.voted) votes.add_voted(name);
    for (const auto& name : m.votes.missing) votes.add_missing(name);
  }
  return framed(MessageKind::join_reply, out);
}

Result<JoinReply> decode_join_reply(ByteView message) {
  MAILLON_TRY(const auto in, unframed<v1::JoinReply>(MessageKind::join_reply, message));
  if (in.status() < 1 || in.status() > 3) return bad("join reply: unknown status");
  JoinReply out{static_cast<JoinStatus>(in.status()), in.reason(), in.federation_name(),
                SpaceId::zero()};
  MAILLON_TRY(out.annuaire, SpaceId::from_bytes(view(in.annuaire())));
  MAILLON_TRY(out.votes, votes_from(in.votes()));
  // Beyond any clock it would be nobody's time.
  out.decided = UnixMillis{static_cast<std::int64_t>(std::min(in.decided_ms(), kTimeMax))};
  return out;
}

}  // namespace maillon
