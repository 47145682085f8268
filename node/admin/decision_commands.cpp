#include <algorithm>

#include "crypto/aead.hpp"
#include "node/admin/call.hpp"
#include "node/federation/decisions.hpp"

/// Proposals and votes, in words that say what they change and for whom.
namespace maillon::admin {
namespace {

using storage::Decision;
using storage::DecisionKind;
using storage::Member;
using storage::ProposalId;
using storage::Trust;

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

std::string named(const Trust& trust, const MemberId& id) {
  const Member* member = trust.ever_member(id);
  return member == nullptr ? shortened(id) : for_terminal(member->name, 60);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + for_terminal(word, 90);
  return out;
}

/// What an access change gives or takes.
std::string access_in_words(const Call& call, const Trust& trust, const AccessChange& change) {
  const storage::Space* space = trust.space(change.space);
  const std::string where =
      space == nullptr ? shortened(change.space) : for_terminal(space->declaration.name, 60);
  std::string out;
  const auto add = [&](const std::vector<std::string>& rules, bool write) {
    if (rules.empty()) return;
    if (!out.empty()) out += ' ';
    const std::string who = joined(rules);
    if (change.narrow)
      out += write
                 ? call.say("{} n’écrit plus dans « {} » ; ce qui y est écrit jusqu’ici reste.",
                            "{} no longer writes in `{}`; what is written there by now stays.", who,
                            where)
                 : call.say("{} ne reçoit plus « {} ».", "{} no longer receives `{}`.", who, where);
    else
      out += write ? call.say("{} peut écrire dans « {} ».", "{} may write in `{}`.", who, where)
                   : call.say("{} reçoit « {} ».", "{} receives `{}`.", who, where);
  };
  add(change.readers, false);
  add(change.writers, true);
  return out;
}

std::string charter_in_words(const Call& call, const CharterChange& change) {
  const std::string value = for_terminal(change.value, 80);
  if (change.key == "quorum")
    return change.value == "0" ? call.say("Un nouveau membre entre avec la majorité des membres.",
                                          "A newcomer is admitted by a majority of the members.")
                               : call.say("Un nouveau membre entre avec {} voix.",
                                          "A newcomer is admitted with {} vote(s).", value);
  if (change.key == "name")
    return call.say("La fédération s’appelle « {} ».", "The federation is called `{}`.", value);
  if (change.key == "settlement_days")
    return call.say("Les échanges sont clos après {} jours.",
                    "Exchanges count as settled after {} days.", value);
  if (change.key == "secrecy_threshold")
    return call.say("Une case de moins de {} personnes n’est pas publiée.",
                    "A cell of under {} persons is not published.", value);
  return call.say("Charte : {} = {}.", "Charter: {} = {}.", for_terminal(change.key, 60), value);
}

std::string decision_in_words(const Call& call, const Trust& trust, const Proposal& p) {
  if (p.admit)
    return call.say("« {} » ({}{}) devient membre.", "`{}` ({}{}) becomes a member.",
                    for_terminal(p.admit->name, 60), role_in_words(p.admit->role, call.language()),
                    p.admit->region.empty() ? "" : ", " + for_terminal(p.admit->region, 20));
  if (p.space) {
    const auto space = decode_space(*p.space);
    return space ? call.say("L’espace « {} » existe : lu par {}, écrit par {}.",
                            "The space `{}` exists: read by {}, written by {}.",
                            for_terminal(space->name, 60), joined(space->readers),
                            joined(space->writers))
                 : call.say("Un espace illisible.", "An unreadable space.");
  }
  if (p.remove)
    return call.say(
        "« {} » n’est plus membre : ce qu’il a écrit jusqu’ici reste, la suite est sans effet, et "
        "plus rien ne lui est transmis.",
        "`{}` is no longer a member: what it wrote by now stays, what follows has no effect, and "
        "nothing more is sent to it.",
        named(trust, p.remove->member));
  if (p.delegate)
    return p.delegate->drop
               ? call.say("« {} » n’est plus délégué.", "`{}` is no longer a delegate.",
                          named(trust, p.delegate->member))
               : call.say("« {} » devient délégué : sa voix compte pour ce qui restreint.",
                          "`{}` becomes a delegate: its vote counts for what restricts.",
                          named(trust, p.delegate->member));
  if (p.charter) return charter_in_words(call, *p.charter);
  if (p.access) return access_in_words(call, trust, *p.access);
  if (p.root_key)
    return call.say("« {} » a une nouvelle clé racine : ses anciens 24 mots ne valent plus rien.",
                    "`{}` has a new root key: its former 24 words are worth nothing any more.",
                    named(trust, p.root_key->member));
  if (p.succession)
    return call.say("Les fiches de « {} » passent à « {} ».", "The records of `{}` pass to `{}`.",
                    named(trust, p.succession->member), named(trust, p.succession->heir));
  if (p.tellers)
    return call.say("{} dépouilleurs pour la région {} à partir de {}, seuil {}.",
                    "{} tellers for region {} from {} on, threshold {}.", p.tellers->members.size(),
                    for_terminal(p.tellers->region, 20), for_terminal(p.tellers->from_period, 20),
                    p.tellers->threshold);
  return call.say("Une décision d’une version plus récente : mettez Maillon à jour pour la lire.",
                  "A decision of a later version: upgrade Maillon to read it.");
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
      .field("text", decision_in_words(call, trust, *d.proposal))
      .field("proposer", named(trust, d.proposer))
      .field("time", utc(d.time.time()))
      .field("votes", d.votes.size())
      .field("needed", d.needed)
      .field("status", status_of(d))
      .key("voted")
      .array();
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
Result<const Decision*> find_decision(const Trust& trust, const std::string& wanted) {
  const Decision* found = nullptr;
  for (const Decision& decision : trust.decisions()) {
    const std::string id = text_of(decision.id);
    if (id == wanted) return &decision;
    if (wanted.size() < 6 || !id.starts_with(wanted)) continue;
    if (found != nullptr)
      return said(Errc::usage, "`" + wanted + "` begins more than one proposal",
                  "« " + wanted + " » commence plusieurs propositions", "give more of it",
                  "donnez-en davantage");
    found = &decision;
  }
  if (found == nullptr) return no_proposal(wanted);
  return found;
}

Result<MemberId> member_named(const Trust& trust, const std::string& wanted) {
  std::optional<MemberId> found;
  for (const auto* map : {&trust.members(), &trust.former()})
    for (const auto& [id, member] : *map) {
      if (id.hex() == wanted) return id;
      const bool meant =
          member.name == wanted || (wanted.size() >= 6 && id.hex().starts_with(wanted));
      if (!meant) continue;
      if (found)
        return said(Errc::usage, "`" + wanted + "` may mean several members",
                    "« " + wanted + " » peut désigner plusieurs membres", "give its id",
                    "donnez son identifiant");
      found = id;
    }
  if (found) return *found;
  return said(Errc::not_found, "there is no member `" + wanted + "`",
              "il n’y a pas de membre « " + wanted + " »", "`maillon member list` shows them all",
              "« maillon member list » les montre tous");
}

Result<std::vector<std::string>> rules_of(const Call& call, const Trust& trust,
                                          const std::string& option) {
  std::vector<std::string> out;
  for (std::string rule : call.all(option)) {
    if (!federation::is_rule(rule)) {
      MAILLON_TRY(const MemberId member, member_named(trust, rule));
      rule = "member:" + member.hex();
    }
    out.push_back(std::move(rule));
  }
  return out;
}

Result<Proposal> admission_again(const Trust& trust, const MemberId& who) {
  for (const Decision& decision : trust.decisions())
    if (decision.kind == DecisionKind::admit && decision.passed) {
      const auto certificate =
          crypto::NodeCertificate::decode_verified(decision.proposal->admit->certificate);
      if (!certificate || certificate->member != who) continue;
      Proposal out;
      out.admit = decision.proposal->admit;
      out.admit->invitation.reset();
      return out;
    }
  return said(Errc::not_found, "it was never admitted", "il n’a jamais été admis",
              "newcomers join with an invitation code",
              "les nouveaux entrent avec un code d’invitation");
}

Result<Proposal> charter_change(const std::string& key, const std::string& value) {
  static constexpr std::array<std::string_view, 5> kNumbers{
      "quorum", "settlement_days", "secrecy_threshold", "feed_ops_max", "feed_bytes_max"};
  Proposal out;
  out.charter = CharterChange{key, key == "quorum" && value == "majority" ? "0" : value};
  if (key == "name" && !value.empty()) return out;
  if (std::ranges::find(kNumbers, key) == kNumbers.end())
    return said(Errc::usage, "the charter has no `" + key + "`",
                "la charte n’a pas de « " + key + " »",
                "name, quorum, settlement_days, secrecy_threshold, feed_ops_max or feed_bytes_max",
                "name, quorum, settlement_days, secrecy_threshold, feed_ops_max ou feed_bytes_max");
  const std::string& text = out.charter->value;
  if (text.empty() || text.size() > 18 ||
      !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return said(Errc::usage, "`" + value + "` is no whole number",
                "« " + value + " » n’est pas un nombre entier", "write digits only",
                "n’écrivez que des chiffres");
  return out;
}

Result<Proposal> tellers_change(const Call& call, const Trust& trust) {
  Proposal out;
  out.tellers.emplace();
  MAILLON_TRY(out.tellers->region, call.need("region"));
  MAILLON_TRY(out.tellers->from_period, call.need("period"));
  for (const std::string& name : call.all("members")) {
    MAILLON_TRY(const MemberId member, member_named(trust, name));
    out.tellers->members.push_back(member);
  }
  std::ranges::sort(out.tellers->members);
  const auto repeated = std::ranges::unique(out.tellers->members);
  out.tellers->members.erase(repeated.begin(), repeated.end());
  const auto count = static_cast<std::int64_t>(out.tellers->members.size());
  MAILLON_TRY(const auto threshold,
              call.number("threshold", count / 2 + 1, 1, std::max<std::int64_t>(1, count)));
  out.tellers->threshold = static_cast<std::uint32_t>(threshold);
  return out;
}

/// What `propose KIND …` proposes.
Result<Proposal> wanted_proposal(const Call& call, const Trust& trust) {
  MAILLON_TRY(const std::string kind, call.need("kind"));
  Proposal out;
  const auto member = [&](const char* option) -> Result<MemberId> {
    MAILLON_TRY(const std::string name, call.need(option));
    return member_named(trust, name);
  };
  if (kind == "charter") {
    MAILLON_TRY(const std::string key, call.need("key"));
    MAILLON_TRY(const std::string value, call.need("value"));
    return charter_change(key, value);
  }
  if (kind == "tellers") return tellers_change(call, trust);
  if (kind == "widen" || kind == "narrow") {
    MAILLON_TRY(const std::string name, call.need("name"));
    const storage::Space* space = trust.space_named(name);
    if (space == nullptr || space->id == trust.annuaire())
      return said(Errc::not_found, "there is no such space to change: `" + name + "`",
                  "il n’y a pas d’espace à modifier de ce nom : « " + name + " »",
                  "`maillon space list` shows them", "« maillon space list » les montre");
    out.access.emplace();
    out.access->space = space->id;
    out.access->narrow = kind == "narrow";
    MAILLON_TRY(out.access->readers, rules_of(call, trust, "readers"));
    MAILLON_TRY(out.access->writers, rules_of(call, trust, "writers"));
    if (out.access->readers.empty() && out.access->writers.empty())
      return said(Errc::usage, "it changes nothing", "cela ne change rien",
                  "give --reader or --writer", "donnez --reader ou --writer");
    return out;
  }
  MAILLON_TRY(const MemberId who, member("member"));
  if (kind == "admit") return admission_again(trust, who);
  if (kind == "remove") out.remove = Removal{who};
  if (kind == "delegate") out.delegate = DelegateChange{who, call.has("drop")};
  if (kind == "root-key") {
    MAILLON_TRY(const std::string key, call.need("key"));
    const auto id = MemberId::from_hex(key);
    if (!id || !crypto::is_acceptable_key(id->bytes()))
      return said(Errc::usage, "that is no root key", "ce n’est pas une clé racine",
                  "`maillon init` of the new words shows it as the member's id",
                  "« maillon init » avec les nouveaux mots la montre comme identifiant du membre");
    out.root_key = RootKeyChange{who, *id};
  }
  if (kind == "succession") {
    MAILLON_TRY(const MemberId heir, member("heir"));
    out.succession = Succession{who, heir};
  }
  return out;
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
                    decision_in_words(call, *trust, *decision->proposal));
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

/// The root key that the 24 words make, which came with the request.
Result<crypto::SigningKey> root_from(const Call& call) {
  MAILLON_TRY(std::string words, call.need("words"));
  const auto secret = crypto::from_words(words);
  crypto::wipe(words);
  if (secret.has_error()) return secret.error();
  return crypto::SigningKey{*secret};
}

}  // namespace

Result<Reply> propose_decision(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const Proposal proposal, wanted_proposal(call, *trust));
  if (call.has("preview")) return preview(call, *trust, proposal);
  MAILLON_CHECK(call.before_writing());
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
                    decision_in_words(call, *trust, *d.proposal)});
  }
  json.end_array().end_object();
  if (rows.size() == 1)
    return answer(call, call.say("Rien à décider.\n", "Nothing to decide.\n"), std::move(json));
  return answer(call, table(rows), std::move(json));
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
               decision_in_words(call, *trust, *d->proposal), named(*trust, d->proposer),
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
  MAILLON_TRY(const ProposalId id, federation::leave(call.replica()));
  return outcome(call, id);
}

Result<Reply> create_space(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string name, call.need("name"));
  if (name.size() > limits::kNameMax)
    return said(Errc::usage, "a space has a name of at most 256 bytes",
                "le nom d’un espace fait 256 octets au plus", "give a shorter one",
                "donnez-en un plus court");
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
  return list_nodes(call);
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
  if (call.has("preview"))
    return preview(
        call, call.say("Le nœud {} n’écrit plus au nom de ce membre ; ce qu’il a écrit jusqu’ici "
                       "reste.",
                       "The node {} no longer writes for this member; what it wrote by now stays.",
                       shortened(*node)));
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
