#include <algorithm>

#include "crypto/aead.hpp"
#include "node/admin/decision_words.hpp"
#include "node/admin/names.hpp"
#include "node/admin/wanted_proposal.hpp"
#include "node/federation/decisions.hpp"

/// Proposals and votes, in words that say what they change and for whom.
namespace maillon::admin {
namespace {

using storage::Decision;
using storage::DecisionKind;
using storage::Member;
using storage::ProposalId;
using storage::Trust;

constexpr std::size_t kPrefixMin = 6;  ///< digits of an id that may stand for the whole

constexpr std::array<std::pair<DecisionKind, std::string_view>, 12> kKinds{{
    {DecisionKind::admit, "admit"},
    {DecisionKind::space, "space"},
    {DecisionKind::remove, "remove"},
    {DecisionKind::leave, "leave"},
    {DecisionKind::delegate, "delegate"},
    {DecisionKind::charter, "charter"},
    {DecisionKind::widen, "widen"},
    {DecisionKind::narrow, "narrow"},
    {DecisionKind::root_key, "root-key"},
    {DecisionKind::succession, "succession"},
    {DecisionKind::tellers, "tellers"},
    {DecisionKind::unknown, "unknown"},
}};
std::string_view name_of(DecisionKind kind) {
  return std::ranges::find(kKinds, kind, &std::pair<DecisionKind, std::string_view>::first)->second;
}

std::string text_of(const ProposalId& id) {
  return id.commit.hex() + (id.leaf == 1 ? "" : ":" + std::to_string(id.leaf));
}

std::string_view status_of(const Decision& decision) {
  if (decision.passed) return decision.without_effect ? "overruled" : "passed";
  return "open";
}

std::string status_in_words(const Call& call, const Decision& d) {
  if (d.passed && d.without_effect)
    return call.say("adoptée, mais une autre l’emporte", "passed, but another holds");
  if (d.passed) return call.say("adoptée", "passed");
  return call.say("{} voix sur {} nécessaires", "{} of {} votes needed", d.votes.size(), d.needed);
}

void write_decision(JsonWriter& json, const Call& call, const Trust& trust, const Decision& d) {
  json.object()
      .field("id", text_of(d.id))
      .field("kind", name_of(d.kind))
      .field("text", decision_in_words(call, trust, *d.proposal, d.passed))
      .field("proposer", named(trust, d.proposer))
      .field("time", utc(d.time.time()))
      .field("votes", d.votes.size())
      .field("needed", d.needed)
      .field("status", status_of(d));
  if (d.proposal->root_key) json.field("key", d.proposal->root_key->key.hex());
  json.key("voted").array();
  for (const MemberId& id : d.votes) json.text(named(trust, id));
  json.end_array().key("missing").array();
  if (!d.passed)
    for (const MemberId& id : d.voters)
      if (!d.votes.contains(id)) json.text(named(trust, id));
  json.end_array().end_object();
}

Error no_proposal(const std::string& wanted) {
  return said(Errc::not_found, "there is no proposal `" + wanted + "`",
              "il n’y a pas de proposition « " + wanted + " »",
              "`maillon proposal list` shows them all",
              "« maillon proposal list » les montre toutes");
}

/// By id, by the beginning of it, or by id:leaf.
Result<const Decision*> find_decision(const Trust& trust, std::string wanted) {
  std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return std::tolower(c); });
  const Decision* found = nullptr;
  bool too_short = false;
  for (const Decision& decision : trust.decisions()) {
    const std::string id = text_of(decision.id);
    if (id == wanted) return &decision;
    if (!id.starts_with(wanted)) continue;
    too_short = wanted.size() < kPrefixMin;
    if (too_short) break;
    if (found != nullptr)
      return said(Errc::usage, "`" + wanted + "` begins more than one proposal",
                  "« " + wanted + " » commence plusieurs propositions", "give more of it",
                  "donnez-en davantage");
    found = &decision;
  }
  if (too_short)
    return said(Errc::usage, "`" + wanted + "` is too short to name a proposal",
                "« " + wanted + " » est trop court pour désigner une proposition",
                fmt::format("give at least {} digits of its id", kPrefixMin),
                fmt::format("donnez au moins {} chiffres de son identifiant", kPrefixMin));
  if (found == nullptr) return no_proposal(wanted);
  return found;
}

Reply outcome(Call& call, const ProposalId& id) {
  const auto trust = call.replica().trust();
  const Decision* decision = trust->decision(id);
  JsonWriter json;
  json.object().field("id", text_of(id));
  std::string text;
  if (decision != nullptr) {
    json.field("kind", name_of(decision->kind))
        .field("status", status_of(*decision))
        .field("votes", decision->votes.size())
        .field("needed", decision->needed);
    text = call.say("Proposition {} : {}\n  {}\n", "Proposal {}: {}\n  {}\n",
                    text_of(id).substr(0, 12), status_in_words(call, *decision),
                    decision_in_words(call, *trust, *decision->proposal, decision->passed));
  }
  json.end_object();
  return answer(call, std::move(text), std::move(json));
}

/// What it would do, for people to agree to before it is written.
Reply preview(Call& call, const std::string& text) {
  JsonWriter json;
  json.object().field("text", text).end_object();
  return answer(call, text + "\n", std::move(json));
}
Reply preview(Call& call, const Trust& trust, const Proposal& proposal) {
  return preview(call, decision_in_words(call, trust, proposal));
}

/// What leaves nobody to decide anything is done only by who was told so.
Result<void> check_delegates_left(const Call& call, const Trust& trust, const Proposal& proposal) {
  if (call.has("yes") || !drops_last_delegate(trust, proposal)) return {};
  return said(Errc::refused,
              "this is the last delegate: without one nobody can decide anything any more, and "
              "only `maillon federation refound` goes on",
              "c’est le dernier délégué : sans lui, plus personne ne peut rien décider, et seul "
              "« maillon federation refound » permet de continuer",
              "make another member a delegate first, or insist with --yes",
              "nommez d’abord un autre délégué, ou insistez avec --yes");
}

/// The root key that the 24 words make, which came with the request.
Result<crypto::SigningKey> root_from(const Call& call) {
  MAILLON_TRY(std::string words, call.need("words"));
  const auto secret = crypto::from_words(words);
  crypto::wipe(words);
  if (secret.has_error()) return secret.error();
  return crypto::SigningKey{*secret};
}

/// Whether this node has anything that another one of its member wrote into the shared spaces.
Result<bool> knows_work_of(Call& call, const Trust& trust, const NodeId& node) {
  return call.replica().read<bool>([&](replica::Reader& reader) -> Result<bool> {
    for (const auto& [id, space] : trust.spaces()) {
      if (id == trust.annuaire()) continue;
      MAILLON_TRY(const auto row, reader.log().find_space(id));
      if (!row) continue;
      MAILLON_TRY(const auto tips,
                  reader.log().tips_of(*row, call.replica().identity().member, node));
      if (!tips.empty()) return true;
    }
    return false;
  });
}

Result<std::string> revocation_in_words(Call& call, const Trust& trust, const NodeId& node) {
  const auto self = call.replica().identity();
  std::string out = call.say(
      "Le nœud {} n’écrit plus au nom de ce membre ; ce qu’il a écrit jusqu’ici reste.",
      "The node {} no longer writes for this member; what it wrote by now stays.", shortened(node));
  if (node == self.node)
    out += call.say(
        " Attention : c’est ce nœud même. Il n’écrira plus rien, et ne peut recevoir d’autre clé ; "
        "« maillon node rotate » changerait sa clé sans l’arrêter.",
        " Mind: this is this very node. It will write nothing more, and cannot get another key; "
        "`maillon node rotate` would change its key without ending it.");
  MAILLON_TRY(const bool knows, knows_work_of(call, trust, node));
  if (!knows)
    out += call.say(
        " Attention : ce nœud-ci n’a rien de ce que l’autre a écrit dans les espaces partagés ; tout ce "
        "qu’il n’a pas cesserait de compter. Lancez d’abord « maillon sync --wait 120 ».",
        " Mind: this node has nothing of what that one wrote into the shared spaces; all that it does "
        "not have would cease to count. Run `maillon sync --wait 120` first.");
  const bool last = std::ranges::none_of(trust.nodes(), [&](const auto& entry) {
    return entry.first != node && entry.second.member == self.member && !entry.second.revoked;
  });
  if (last)
    out += call.say(
        " C’est le dernier nœud de ce membre : pour écrire et voter à nouveau, il faudra « maillon "
        "init --recover » dans un nouveau dossier, les 24 mots, et un code d’invitation.",
        " It is the last node of this member: to write and vote again takes `maillon init "
        "--recover` in a new folder, the 24 words, and an invitation code.");
  return out;
}

}  // namespace

Result<Reply> propose_decision(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const Proposal proposal, wanted_proposal(call, *trust));
  if (call.has("preview")) return preview(call, *trust, proposal);
  MAILLON_CHECK(call.before_writing());
  MAILLON_CHECK(check_delegates_left(call, *trust, proposal));
  MAILLON_TRY(const ProposalId id, federation::propose(call.replica(), proposal));
  return outcome(call, id);
}

Result<Reply> list_proposals(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  JsonWriter json;
  json.object().key("proposals").array();
  std::vector<std::vector<std::string>> rows{{call.say("proposition", "proposal"),
                                              call.say("état", "status"),
                                              call.say("ce qu’elle change", "what it changes")}};
  for (const Decision& d : trust->decisions()) {
    // What founding and joining wrote by themselves would hide what people have to decide.
    if (!call.has("all") && d.passed && is_additive(d.kind)) continue;
    write_decision(json, call, *trust, d);
    rows.push_back({text_of(d.id).substr(0, 12), status_in_words(call, d),
                    decision_in_words(call, *trust, *d.proposal, d.passed)});
  }
  json.end_array().end_object();
  std::string text =
      rows.size() == 1 ? call.say("Rien à décider.\n", "Nothing to decide.\n") : table(rows);
  if (trust->charter().delegates.empty() && !trust->members().empty())
    text += without_delegates(call) + '\n';
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> show_proposal(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string wanted, call.need("id"));
  MAILLON_TRY(const Decision* d, find_decision(*trust, wanted));
  JsonWriter json;
  json.object().key("proposals").array();
  write_decision(json, call, *trust, *d);
  json.end_array().end_object();
  std::string text =
      call.say("{}\n  proposée par {} le {}\n  {}\n", "{}\n  proposed by {} on {}\n  {}\n",
               decision_in_words(call, *trust, *d->proposal, d->passed), named(*trust, d->proposer),
               local(d->time.time()), status_in_words(call, *d));
  for (const MemberId& id : d->votes)
    text += call.say("  a voté : {}\n", "  voted: {}\n", named(*trust, id));
  if (!d->passed)
    for (const MemberId& id : d->voters)
      if (!d->votes.contains(id))
        text += call.say("  peut voter : {}\n", "  may vote: {}\n", named(*trust, id));
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> cast_vote(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string wanted, call.need("id"));
  MAILLON_TRY(const Decision* d, find_decision(*trust, wanted));
  if (call.has("preview")) return preview(call, *trust, *d->proposal);
  MAILLON_CHECK(call.before_writing());
  const ProposalId id = d->id;
  MAILLON_CHECK(federation::vote(call.replica(), id));
  return outcome(call, id);
}

Result<Reply> leave_federation(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  Proposal proposal;
  proposal.remove = Removal{call.replica().identity().member};
  if (call.has("preview")) return preview(call, *trust, proposal);
  MAILLON_CHECK(call.before_writing());
  MAILLON_CHECK(check_delegates_left(call, *trust, proposal));
  MAILLON_TRY(const ProposalId id, federation::leave(call.replica()));
  return outcome(call, id);
}

Result<Reply> create_space(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string wanted, call.need("name"));
  MAILLON_TRY(const std::string name, proper_name(wanted, Naming::space));
  MAILLON_TRY(auto readers, rules_of(call, *trust, "readers"));
  MAILLON_TRY(auto writers, rules_of(call, *trust, "writers"));
  if (readers.empty()) readers = {"all"};
  if (writers.empty()) writers = readers;
  MAILLON_CHECK(call.before_writing());
  MAILLON_TRY(
      const ProposalId id,
      federation::create_space(call.replica(), name, std::move(readers), std::move(writers)));
  return outcome(call, id);
}

Result<Reply> add_node(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string code, call.need("certificate"));
  const auto raw = from_base64url(code);
  if (!raw || raw->size() != crypto::NodeCertificate::kSize)
    return said(Errc::malformed, "this is no certificate of a node, or not all of it",
                "ce n’est pas le certificat d’un nœud, ou il n’est pas entier",
                "copy the whole line that `maillon init --recover` printed",
                "copiez toute la ligne affichée par « maillon init --recover »");
  if (const auto proven = crypto::NodeCertificate::decode_verified(*raw); proven.has_error())
    return said(Errc::refused, "this certificate is not valid: " + proven.error().detail,
                "ce certificat n’est pas valable : " +
                    (proven.error().fr.empty() ? "une signature manque" : proven.error().fr),
                "copy the whole line that `maillon init --recover` printed",
                "copiez toute la ligne affichée par « maillon init --recover »");
  MAILLON_CHECK(call.before_writing());
  MAILLON_CHECK(federation::publish_certificate(call.replica(), *raw));
  MAILLON_TRY(Reply out, list_nodes(call));
  if (!call.wants_json())
    out.text += call.say(
        "Sur l’autre machine : « maillon join CODE », avec un code de « maillon invite » ; sans "
        "lui, "
        "elle ne connaît ni la fédération ni l’adresse d’aucun nœud.\n",
        "On the other machine: `maillon join CODE`, with a code of `maillon invite`; without it, "
        "it "
        "knows neither the federation nor the address of any node.\n");
  return out;
}

Result<Reply> revoke_node(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string wanted, call.need("id"));
  std::optional<NodeId> node;
  for (const auto& [id, info] : trust->nodes())
    if (info.member == call.replica().identity().member && wanted.size() >= 6 &&
        id.hex().starts_with(wanted))
      node = id;
  if (!node)
    return said(Errc::not_found, "this member has no node `" + wanted + "`",
                "ce membre n’a pas de nœud « " + wanted + " »", "`maillon node list` shows them",
                "« maillon node list » les montre");
  MAILLON_TRY(const auto root, root_from(call));
  if (call.has("preview")) {
    MAILLON_TRY(std::string words, revocation_in_words(call, *trust, *node));
    return preview(call, std::move(words));
  }
  MAILLON_CHECK(call.before_writing());
  MAILLON_CHECK(federation::revoke(call.replica(), *node, root));
  return list_nodes(call);
}

Result<Reply> rotate_node(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const auto root, root_from(call));
  if (call.has("preview"))
    return preview(
        call,
        call.say("Ce nœud reçoit une nouvelle clé et l’ancienne est reprise ; ce qu’elle a écrit "
                 "reste. Les codes d’invitation donnés avant ne valent plus, et les anciennes "
                 "sauvegardes contiennent l’ancienne clé.",
                 "This node gets a new key, and the old one is taken back; what it wrote stays. "
                 "Invitation codes given before no longer work, and older backups hold the old "
                 "key."));
  MAILLON_TRY(const auto passphrase, replica::passphrase_from_environment());
  MAILLON_CHECK(call.before_writing());
  MAILLON_CHECK(federation::rotate(call.replica(), root, passphrase));
  if (call.peers() != nullptr) MAILLON_CHECK(call.peers()->key_changed());
  return list_nodes(call);
}

}  // namespace maillon::admin
