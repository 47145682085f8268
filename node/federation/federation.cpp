#include "node/federation/federation.hpp"

#include <algorithm>

#include "node/federation/decisions.hpp"
#include "node/federation/proposal_names.hpp"
#include "node/federation/refound.hpp"

namespace maillon::federation {

using namespace storage;

namespace {

/// What one key may write in one space unless the charter says otherwise: a hundred times what the
/// largest cooperative is expected to.
constexpr std::uint64_t kFeedOpsMax = 10'000'000;
constexpr std::uint64_t kFeedBytesMax = 16ull << 30;


constexpr std::string_view kPrefix = "maillon1.";
constexpr std::string_view kCertificatePrefix = "node1.";
constexpr const char* kWish = "wish";
constexpr const char* kVotes = "wish.votes";
constexpr const char* kInviterGone = "wish.inviter_gone";
constexpr const char* kInviterClock = "wish.inviter_clock";
constexpr const char* kEarlier = "wish.earlier";  ///< one that waits for votes, and these
constexpr std::string_view kInviter = "inviter";  ///< a reason of refusal
constexpr std::string_view kClock = "clock";      ///< likewise
constexpr const char* kUrls = "urls";
constexpr std::size_t kContinuesNamed = 8;  ///< federations that a code says it continues

Error said(Errc code, std::string en, std::string fr, std::string hint, std::string hint_fr) {
  return Error{code, std::move(en), std::move(fr), std::move(hint), std::move(hint_fr)};
}

std::array<std::uint8_t, 4> checksum(ByteView bytes) {
  const Digest digest = crypto::Hasher{}.update("maillon/invitation/v1").update(bytes).finish();
  std::array<std::uint8_t, 4> out{};
  std::ranges::copy(digest.bytes().first<4>(), out.begin());
  return out;
}

JoinReply refused(std::string why) {
  JoinReply out;
  out.status = JoinStatus::refused;
  out.reason = std::move(why);
  return out;
}

/// Each proposal is followed by its proposer's own vote, in one commit.
std::vector<GovernanceOp> with_votes(const std::vector<Proposal>& proposals) {
  std::vector<GovernanceOp> out;
  for (const Proposal& proposal : proposals) {
    const auto leaf = static_cast<std::uint32_t>(out.size()) + 1;
    out.push_back({OpKind::proposal, encode(proposal)});
    out.push_back({OpKind::vote, encode(Vote{std::nullopt, leaf})});
  }
  return out;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    if (end > from) out.emplace_back(text.substr(from, end - from));
    from = end + 1;
  }
  return out;
}

std::string join_lines(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + '\n';
  return out;
}

}  // namespace

std::string certificate_code(ByteView certificate) {
  return std::string{kCertificatePrefix} + to_base64url(certificate);
}

Result<Bytes> certificate_of(std::string_view code) {
  if (!code.starts_with(kCertificatePrefix)) return Error{Errc::malformed, "no code of a certificate"};
  return from_base64url(code.substr(kCertificatePrefix.size()));
}

std::string Invitation::encode() const {
  Bytes raw;
  ByteWriter w{raw};
  w.raw(federation.bytes());
  w.raw(inviter.bytes());
  w.varint(urls.size());
  for (const auto& url : urls) w.sized(url);
  w.sized(token);
  w.u8(static_cast<std::uint8_t>(role));
  w.sized(region);
  w.varint(static_cast<std::uint64_t>(expires.count()));
  for (const FederationId& one : continues) w.raw(one.bytes());
  w.raw(checksum(ByteView{raw}));
  return std::string{kPrefix} + to_base64url(raw);
}

Result<Invitation> Invitation::decode(std::string_view code) {
  const auto bad = said(Errc::malformed, "this is no invitation code, or not all of it",
                        "ce n’est pas un code d’invitation, ou il n’est pas entier",
                        "copy the whole line that begins with maillon1.",
                        "copiez toute la ligne qui commence par maillon1.");
  while (!code.empty() && (code.front() == ' ' || code.front() == '\n')) code.remove_prefix(1);
  while (!code.empty() && (code.back() == ' ' || code.back() == '\n')) code.remove_suffix(1);
  if (!code.starts_with(kPrefix) || code.size() > 4096) return bad;
  const auto raw = from_base64url(code.substr(kPrefix.size()));
  if (!raw || raw->size() < 4) return bad;
  const ByteView body{raw->data(), raw->size() - 4};
  if (!std::ranges::equal(checksum(body), ByteView{*raw}.last(4))) return bad;
  ByteReader in{body};
  Invitation out;
  const auto federation = FederationId::from_bytes(in.raw(32));
  const auto inviter = NodeId::from_bytes(in.raw(32));
  if (!federation || !inviter) return bad;
  out.federation = *federation;
  out.inviter = *inviter;
  const std::uint32_t urls = in.varint32(8);
  for (std::uint32_t i = 0; i < urls; ++i) out.urls.emplace_back(as_text(in.sized(1024)));
  const ByteView token = in.sized(64);
  out.token.assign(token.begin(), token.end());
  const std::uint8_t role = in.u8();
  out.region = as_text(in.sized(limits::kNameMax));
  out.expires = UnixMillis{static_cast<std::int64_t>(in.varint())};
  while (in.left() >= FederationId::kSize && out.continues.size() <= limits::kRefoundingsMax)
    out.continues.push_back(*FederationId::from_bytes(in.raw(FederationId::kSize)));
  if (!in.at_end() || role < 1 || role > 2) return bad;
  out.role = static_cast<Role>(role);
  return out;
}

Digest token_hash(ByteView token) {
  return crypto::Hasher{}.update("maillon/token/v1").update(token).finish();
}

Result<std::uint32_t> quorum_from(const std::string& text) {
  if (text == "majority") return 0;
  const bool digits = !text.empty() && text.size() <= 4 &&
                      std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const auto out = digits ? static_cast<std::uint32_t>(std::stoul(text)) : 0;
  if (out >= 1 && out <= 1000) return out;
  return said(Errc::usage, "--quorum takes a number from 1 to 1000, or majority",
              "--quorum vaut un nombre de 1 à 1000, ou majority", "leave it out for 1",
              "omettez-le pour 1");
}

Result<void> propose_and_vote(Store& store, const std::vector<Proposal>& proposals,
                              const Author& author, UnixMillis now, Rng& rng) {
  if (proposals.empty()) return {};
  MAILLON_TRY(const auto commit, store.write_governance(with_votes(proposals), author, now, rng));
  return {};
}

Result<void> found(Store& store, Charter charter, const std::vector<FederationId>& continues,
                   const replica::Identity& who, const Author& author, UnixMillis now, Rng& rng) {
  if (charter.name.empty() || charter.name.size() > limits::kNameMax)
    return said(Errc::usage, "a federation needs a name of at most 256 bytes",
                "une fédération a besoin d’un nom de 256 octets au plus", "give another name",
                "donnez un autre nom");
  charter.delegates = {author.member};
  Genesis genesis;
  genesis.charter = std::move(charter);
  if (!continues.empty()) {
    genesis.refounds = continues.front();
    const auto end = continues.begin() + static_cast<std::ptrdiff_t>(std::min(
                                             continues.size(), limits::kRefoundingsMax + 1));
    genesis.before.assign(continues.begin() + 1, end);
  }
  const Bytes annuaire = annuaire_declaration(rng);
  genesis.creator = {who.certificate, who.name, who.role, who.region, std::nullopt, {annuaire}};
  MAILLON_TRY(const auto first, store.write_genesis(genesis, annuaire, author, now, rng));
  std::vector<Proposal> proposals;
  auto spaces = common_spaces(*store.federation());
  if (!who.region.empty())
    for (auto& space : regional_spaces(*store.federation(), who.region)) spaces.push_back(space);
  for (const Bytes& space : spaces) proposals.push_back({std::nullopt, space});
  return propose_and_vote(store, proposals, author, now, rng);
}

Result<FederationId> create(replica::Replica& replica, const CreateOptions& options) {
  Charter charter;
  charter.name = options.name;
  MAILLON_TRY(charter.quorum, quorum_from(options.quorum));
  charter.feed_ops_max = kFeedOpsMax;
  charter.feed_bytes_max = kFeedBytesMax;
  return replica.write<FederationId>([&](Store& store) -> Result<FederationId> {
    if (store.federation())
      return said(Errc::refused, "this node belongs to a federation already",
                  "ce nœud appartient déjà à une fédération", "use another folder with --data",
                  "utilisez un autre dossier avec --data");
    MAILLON_CHECK(found(store, charter, {}, replica.identity(), replica.author(),
                        replica.clock().now(), replica.rng()));
    return *store.federation();
  });
}

Result<Invitation> invite(replica::Replica& replica, const InviteOptions& options) {
  const auto federation = replica.federation();
  if (!federation || replica.trust()->member_of(replica.identity().node) == nullptr)
    return said(Errc::refused, "this node belongs to no federation yet",
                "ce nœud n’appartient encore à aucune fédération",
                "create one with `maillon federation create NAME`",
                "créez-la avec « maillon federation create NOM »");
  if (options.valid_days < 1 || options.valid_days > 365)
    return said(Errc::usage, "an invitation is valid for 1 to 365 days",
                "une invitation est valable de 1 à 365 jours", "give --valid DAYS",
                "indiquez --valid JOURS");
  Invitation out;
  out.federation = *federation;
  out.inviter = replica.identity().node;
  out.urls = options.urls;
  if (out.urls.empty()) {
    MAILLON_TRY(const auto known, replica.setting(kUrls));
    out.urls = split_lines(known.value_or(""));
  }
  if (out.urls.empty()) out.urls = {"ws://127.0.0.1:7766"};
  const auto token = replica.rng().bytes<16>();
  out.token.assign(token.begin(), token.end());
  out.role = options.role.value_or(Role::cooperative);
  out.region = options.region.value_or("");
  out.expires = replica.clock().now() + std::chrono::days{options.valid_days};
  MAILLON_CHECK(replica.writer().run_void([&](Store& store) -> Result<void> {
    MAILLON_TRY(out.continues, continued_by(store.log(), out.federation));
    // A code is typed and sent by people: the latest are those that somebody may still be in.
    if (out.continues.size() > kContinuesNamed)
      out.continues.erase(out.continues.begin() + kContinuesNamed, out.continues.end());
    MAILLON_TRY(auto put,
                store.database().prepare("INSERT INTO invitation(token_hash, role, region, expires)"
                                         " VALUES(?1,?2,?3,?4)"));
    const Digest hash = token_hash(out.token);
    return put.bind(1, hash.bytes())
        .bind(2, static_cast<std::int64_t>(out.role))
        .bind(3, std::string_view{out.region})
        .bind(4, out.expires.count())
        .run();
  }));
  return out;
}

namespace {

struct KnownInvitation {
  Role role;
  std::string region;
  UnixMillis expires;
  bool used;
};

Result<std::optional<KnownInvitation>> find_invitation(Store& store, const Digest& hash) {
  MAILLON_TRY(auto get,
              store.database().prepare("SELECT role, region, expires, used FROM invitation"
                                       " WHERE token_hash = ?1"));
  MAILLON_TRY(const bool found, get.bind(1, hash.bytes()).step());
  if (!found) return std::optional<KnownInvitation>{};
  return std::optional{KnownInvitation{static_cast<Role>(get.integer(0)), std::string{get.text(1)},
                                       UnixMillis{get.integer(2)}, get.integer(3) != 0}};
}

JoinReply welcome(const Trust& trust) {
  return {JoinStatus::admitted, "", trust.charter().name, trust.annuaire()};
}

/// The open proposal that would admit this very node, if enough are left who may vote for it.
const Decision* admission_of(const Trust& trust, const crypto::NodeCertificate& proven) {
  const Bytes certificate = proven.encode();
  for (const Decision& decision : trust.decisions())
    if (decision.kind == DecisionKind::admit && !decision.passed &&
        decision.proposal->admit->certificate == certificate &&
        decision.votes.size() + may_still_vote(trust, decision).size() >= decision.needed)
      return &decision;
  return nullptr;
}

JoinReply pending(const Trust& trust, const Decision& decision) {
  JoinReply out = welcome(trust);
  out.status = JoinStatus::pending;
  out.votes = votes_on(trust, decision);
  for (const std::string& name : out.votes.missing)
    if (out.reason.size() <= limits::kNameMax)
      out.reason += (out.reason.empty() ? "" : ", ") + name;
  return out;
}

/// Of words that are nobody's any more: which decision made others of them.
JoinReply replaced(const Trust& trust, const Decision& decision) {
  JoinReply out = refused("root");
  out.votes.proposal = ProposalNames{trust}.brief(decision.id);
  for (const MemberId& id : decision.votes)
    if (const Member* member = trust.ever_member(id);
        member != nullptr && out.votes.voted.size() < limits::kJoinNamesMax)
      out.votes.voted.push_back(member->name);
  std::ranges::sort(out.votes.voted);
  out.decided = decision.time.time();
  return out;
}

Result<void> mark_used(Store& store, const Digest& hash) {
  MAILLON_TRY(auto use, store.database().prepare("UPDATE invitation SET used = 1"
                                                 " WHERE token_hash = ?1"));
  return use.bind(1, hash.bytes()).run();
}

/// What a newcomer is told who was proposed already. With a code of this node's own, which has not
/// been used, its member votes as well.
Result<JoinReply> answer_again(replica::Replica& replica, Store& store, const ProposalId& id,
                               const Digest& hash, const crypto::NodeCertificate& proven,
                               bool clock_ahead) {
  MAILLON_TRY(const auto known, find_invitation(store, hash));
  const auto now = replica.clock().now();
  const bool good = known && !known->used && now <= known->expires && !clock_ahead;
  if (const auto ops = voting(store, id, replica.identity().member, now); good && ops) {
    MAILLON_CHECK(mark_used(store, hash));
    MAILLON_TRY(const auto commit,
                store.write_governance(*ops, replica.author(), now, replica.rng()));
  }
  const auto trust = store.trust();
  if (trust->member_of(proven.node) != nullptr) return welcome(*trust);
  return pending(*trust, *trust->decision(id));
}

}  // namespace

Result<JoinReply> admit(replica::Replica& replica, const JoinRequest& request,
                        ByteView certificate, bool clock_ahead) {
  const Digest hash = token_hash(request.token);
  return replica.write<JoinReply>([&](Store& store) -> Result<JoinReply> {
    const auto trust = store.trust();
    MAILLON_TRY(const auto proven, crypto::NodeCertificate::decode_verified(certificate));
    // Asking twice is what a newcomer does whose line was cut before our answer, or who waits for
    // votes.
    if (trust->member_of(proven.node) != nullptr) return welcome(*trust);
    // Its member may have been removed since it invited.
    if (trust->member_of(replica.identity().node) == nullptr) return refused(std::string{kInviter});
    if (const auto* open = admission_of(*trust, proven))
      return answer_again(replica, store, open->id, hash, proven, clock_ahead);
    // A new machine of a member: its root key vouches for it.
    const bool vouched = member_by_root(*trust, proven.member) != nullptr;
    // An invitation is for newcomers: those who were removed come back by a decision.
    const bool gone =
        trust->ever_member(proven.member) != nullptr && trust->member(proven.member) == nullptr;
    if (!vouched && gone) return refused("former");
    if (const Decision* by = vouched ? nullptr : root_replaced_by(*trust, proven.member))
      return replaced(*trust, *by);
    if (trust->nodes().contains(proven.node)) return refused("revoked");
    // Words that exist are somebody's: with a slip in them, or in the wrong place, they would make
    // a member of nobody.
    if (request.recovered && !vouched) return refused("words");
    if (vouched && clock_ahead) return refused(std::string{kClock});
    if (vouched) {
      const std::vector<GovernanceOp> ops{
          {OpKind::certificate, {certificate.begin(), certificate.end()}}};
      MAILLON_TRY(const auto commit, store.write_governance(ops, replica.author(),
                                                            replica.clock().now(), replica.rng()));
      return welcome(*store.trust());
    }
    MAILLON_TRY(const auto known, find_invitation(store, hash));
    if (!known) return refused("unknown");
    if (known->used || trust->invitation_used(hash)) return refused("used");
    if (request.role != known->role) return refused("role");
    // By such a clock every code may look expired.
    if (clock_ahead) return refused(std::string{kClock});
    const auto now = replica.clock().now();
    if (now > known->expires) return refused("expired");
    Admission admission;
    admission.certificate.assign(certificate.begin(), certificate.end());
    admission.name = request.name;
    admission.role = request.role;
    admission.region = known->region.empty() ? request.region : known->region;
    admission.invitation = hash;
    if (!admission.region.empty())
      admission.spaces = regional_spaces(*store.federation(), admission.region);
    MAILLON_CHECK(mark_used(store, hash));
    Proposal proposal;
    proposal.admit = std::move(admission);
    MAILLON_TRY(const auto commit, store.write_governance(with_votes({proposal}), replica.author(),
                                                          now, replica.rng()));
    const auto after = store.trust();
    if (after->member_of(proven.node) != nullptr) return welcome(*after);
    const auto* open = admission_of(*after, proven);
    return open == nullptr ? refused("unknown") : pending(*after, *open);
  });
}

JoinVotes votes_on(const Trust& trust, const Decision& admission) {
  JoinVotes out;
  out.proposal = ProposalNames{trust}.brief(admission.id);
  out.votes = static_cast<std::uint32_t>(admission.votes.size());
  out.needed = static_cast<std::uint32_t>(admission.needed);
  for (const MemberId& id : admission.votes)
    if (const Member* member = trust.ever_member(id);
        member != nullptr && out.voted.size() < limits::kJoinNamesMax)
      out.voted.push_back(member->name);
  std::ranges::sort(out.voted);
  for (const Member* member : may_still_vote(trust, admission))
    if (out.missing.size() < limits::kJoinNamesMax) out.missing.push_back(member->name);
  return out;
}

namespace {

// As Replica::setting() and set_setting(), inside a transaction of the caller's.
Result<std::string> noted(Store& store, const char* key) {
  MAILLON_TRY(const auto value, store.meta("setting." + std::string{key}));
  return value ? std::string{as_text(*value)} : std::string{};
}
Result<void> note(Store& store, const char* key, std::string_view value) {
  return store.set_meta("setting." + std::string{key}, as_bytes(value));
}

Result<void> forget_wish_in(Store& store) {
  for (const char* key : {kWish, kVotes, kInviterGone, kInviterClock, kEarlier})
    MAILLON_CHECK(note(store, key, ""));
  return {};
}

/// Back to the one that waited for votes before it, if there is one.
Result<void> drop_wish(Store& store) {
  MAILLON_TRY(const std::string earlier, noted(store, kEarlier));
  MAILLON_CHECK(forget_wish_in(store));
  const auto lines = split_lines(earlier);
  if (lines.size() != 2) return {};
  MAILLON_CHECK(note(store, kWish, lines[0]));
  return note(store, kVotes, lines[1]);
}

}  // namespace

Result<void> remember_wish(replica::Replica& replica, const std::string& code) {
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    MAILLON_TRY(const std::string before, noted(store, kWish));
    if (before == code) return {};
    MAILLON_TRY(const std::string votes, noted(store, kVotes));
    // What others have voted on already holds if this code turns out to be good for nothing.
    if (!before.empty() && !votes.empty())
      MAILLON_CHECK(note(store, kEarlier, before + '\n' + votes));
    for (const char* told : {kVotes, kInviterGone, kInviterClock}) MAILLON_CHECK(note(store, told, ""));
    return note(store, kWish, code);
  });
}

Result<std::optional<Invitation>> wish(replica::Replica& replica) {
  MAILLON_TRY(const auto code, replica.setting(kWish));
  if (!code || code->empty()) return std::optional<Invitation>{};
  MAILLON_TRY(auto invitation, Invitation::decode(*code));
  return std::optional{std::move(invitation)};
}

Result<void> forget_wish(replica::Replica& replica) {
  return replica.writer().run_void(forget_wish_in);
}

bool is_inviter_gone(const JoinReply& reply) {
  return reply.status == JoinStatus::refused && reply.reason == kInviter;
}

bool is_clock_ahead(const JoinReply& reply) {
  return reply.status == JoinStatus::refused && reply.reason == kClock;
}

Result<bool> inviter_clock_ahead(replica::Replica& replica) {
  MAILLON_TRY(const auto told, replica.setting(kInviterClock));
  return told && !told->empty();
}

Result<void> remember_reply(replica::Replica& replica, const Invitation& asked,
                            const JoinReply& reply) {
  const auto now = replica.clock().now();
  // At once: the command that asked and the network's thread may both be told.
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    MAILLON_TRY(const std::string code, noted(store, kWish));
    const auto wanted = Invitation::decode(code);
    if (!wanted || wanted->token != asked.token) return {};
    MAILLON_CHECK(note(store, kInviterClock, is_clock_ahead(reply) ? "1" : ""));
    if (is_clock_ahead(reply)) return {};
    if (reply.status == JoinStatus::refused) {
      MAILLON_TRY(const std::string votes, noted(store, kVotes));
      if (votes.empty() || !is_inviter_gone(reply)) return drop_wish(store);
      return note(store, kInviterGone, "1");
    }
    MAILLON_CHECK(note(store, kInviterGone, ""));
    return note(store, kVotes, std::to_string(now.count()) + ' ' + to_hex(encode(reply)));
  });
}

Result<std::optional<Waiting>> votes_told(replica::Replica& replica) {
  MAILLON_TRY(const auto text, replica.setting(kVotes));
  const auto space = text ? text->find(' ') : std::string::npos;
  if (space == std::string::npos) return std::optional<Waiting>{};
  const auto raw = from_hex(text->substr(space + 1));
  const auto reply = raw ? decode_join_reply(*raw) : Result<JoinReply>{Error{Errc::malformed, ""}};
  if (!reply) return std::optional<Waiting>{};
  const UnixMillis told{std::strtoll(text->c_str(), nullptr, 10)};
  MAILLON_TRY(const auto gone, replica.setting(kInviterGone));
  return std::optional{Waiting{reply->votes, told, gone && !gone->empty()}};
}

Result<void> enter(replica::Replica& replica, const Invitation& invitation,
                   const JoinReply& reply) {
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    MAILLON_CHECK(store.set_federation(invitation.federation));
    return store.set_meta("setting.annuaire", as_bytes(reply.annuaire.hex()));
  });
}

Result<void> announce(replica::Replica& replica, const std::vector<std::string>& urls) {
  MAILLON_CHECK(replica.set_setting(kUrls, join_lines(urls)));
  const auto trust = replica.trust();
  const auto node = trust->nodes().find(replica.identity().node);
  if (node == trust->nodes().end() || node->second.urls == urls) return {};
  return replica.writer().run_void([&](Store& store) -> Result<void> {
    const std::vector<GovernanceOp> ops{{OpKind::address, encode(Address{urls})}};
    MAILLON_TRY(const auto commit, store.write_governance(ops, replica.author(),
                                                          replica.clock().now(), replica.rng()));
    return {};
  });
}

}  // namespace maillon::federation
