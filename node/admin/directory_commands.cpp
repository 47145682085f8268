#include <algorithm>

#include "node/admin/admission_words.hpp"
#include "node/admin/decision_words.hpp"
#include "node/admin/space_names.hpp"
#include "node/admin/wanted_proposal.hpp"
#include "node/federation/refound.hpp"
#include "node/replica/next.hpp"

/// What annuaire says: members, their nodes, spaces, the charter.
namespace maillon::admin {
namespace {

using storage::Member;
using storage::NodeInfo;

std::string_view role_name(Role role) { return role == Role::hub ? "hub" : "cooperative"; }

void write_node(JsonWriter& json, const NodeInfo& node, const NodeId& self) {
  json.object().field("node_id", node.id.hex()).field("this", node.id == self).field("revoked", node.revoked).key("urls").array();
  for (const std::string& url : node.urls) json.text(url);
  json.end_array().end_object();
}

void write_member(JsonWriter& json, Call& call, const storage::Trust& trust, const Member& member) {
  json.object()
      .field("member_id", member.id.hex())
      .field("name", member.name)
      .field("role", role_name(member.role))
      .field("region", member.region)
      .field("status", trust.member(member.id) != nullptr ? "member" : "former")
      .field("delegate", member.delegate)
      .field("this", member.id == call.replica().identity().member)
      .key("nodes")
      .array();
  for (const auto& [id, node] : trust.nodes())
    if (node.member == member.id) write_node(json, node, call.replica().identity().node);
  json.end_array().end_object();
}

void write_rules(JsonWriter& json, std::string_view name, const std::vector<std::string>& rules) {
  json.key(name).array();
  for (const std::string& rule : rules) json.text(rule);
  json.end_array();
}

}  // namespace

Result<Reply> list_members(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  JsonWriter json;
  json.object().key("members").array();
  std::vector<std::vector<std::string>> rows{{call.say("membre", "member"), call.say("nom", "name"),
                                              call.say("rôle", "role"),
                                              call.say("région", "region"), ""}};
  for (const auto& [id, member] : trust->members()) {
    write_member(json, call, *trust, member);
    rows.push_back({shortened(id), for_terminal(member.name, 60),
                    role_in_words(member.role, call.language()), for_terminal(member.region, 20),
                    member.delegate ? call.say("délégué", "delegate") : ""});
  }
  for (const auto& [id, member] : trust->former()) {
    write_member(json, call, *trust, member);
    rows.push_back({shortened(id), for_terminal(member.name, 60),
                    role_in_words(member.role, call.language()), for_terminal(member.region, 20),
                    call.say("n’est plus membre", "no longer a member")});
  }
  json.end_array().end_object();
  return answer(call, table(rows), std::move(json));
}

namespace {

/// Of this node's member, when annuaire does not name it (any more).
Result<std::optional<Reply>> show_newcomer(Call& call, const std::string& wanted) {
  if (!means_itself(call, wanted)) return std::optional<Reply>{};
  MAILLON_TRY(const auto waiting, waiting_of(call.replica()));
  if (waiting)
    return std::optional{
        own_entry(call, "pending", waiting_in_words(*waiting, call.language()))};
  const auto trust = call.replica().trust();
  const auto lapse = federation::lapse_of(*trust, call.self());
  if (!lapse) return std::optional<Reply>{};
  return std::optional{own_entry(call, "lapsed", sentence(lapsed(*trust, *lapse), call.language()))};
}

/// Whom an admission that has not passed means; nothing where it is not in order.
std::optional<MemberId> admitted_by(const storage::Decision& decision) {
  if (decision.kind != storage::DecisionKind::admit || decision.passed) return std::nullopt;
  const auto certificate =
      crypto::NodeCertificate::decode_verified(decision.proposal->admit->certificate);
  return certificate ? std::optional{certificate->member} : std::nullopt;
}

/// Those who wait for votes under that name or id.
std::optional<Reply> show_pending(Call& call, const storage::Trust& trust,
                                  const std::string& wanted) {
  JsonWriter json;
  json.object().key("members").array();
  std::string text;
  for (const storage::Decision& decision : trust.decisions()) {
    const auto member = admitted_by(decision);
    if (!member) continue;
    const Admission& admission = *decision.proposal->admit;
    if (admission.name != wanted && !means(wanted, *member)) continue;
    const JoinVotes votes = federation::votes_on(trust, decision);
    const std::string words = votes_in_words(votes, call.language());
    json.object()
        .field("member_id", member->hex())
        .field("name", admission.name)
        .field("role", role_name(admission.role))
        .field("region", admission.region)
        .field("status", "pending")
        .field("proposal", votes.proposal)
        .field("reason", words)
        .field("delegate", false)
        .field("this", false)
        .key("nodes")
        .array()
        .end_array()
        .end_object();
    text += call.say("{}\n  {}\n  pas encore membre (proposition {}) : {}.\n",
                     "{}\n  {}\n  not a member yet (proposal {}): {}.\n",
                     for_terminal(admission.name), member->hex(), votes.proposal, words);
  }
  json.end_array().end_object();
  if (text.empty()) return std::nullopt;
  return answer(call, std::move(text), std::move(json));
}

}  // namespace

Result<Reply> show_member(Call& call) {
  MAILLON_TRY(const std::string wanted, call.need("id"));
  MAILLON_TRY(auto newcomer, show_newcomer(call, wanted));
  if (newcomer) return *std::move(newcomer);
  MAILLON_TRY(const auto trust, call.federation());
  const auto found = member_named(*trust, wanted);
  if (found.has_error() && found.error().code == Errc::not_found)
    if (auto waiting = show_pending(call, *trust, wanted)) return *std::move(waiting);
  MAILLON_TRY(const MemberId id, found);
  const Member* member = trust->ever_member(id);
  JsonWriter json;
  json.object().key("members").array();
  write_member(json, call, *trust, *member);
  json.end_array().end_object();
  std::string text = fmt::format("{}\n  {}\n  {}{}\n", for_terminal(member->name), member->id.hex(),
                                 role_in_words(member->role, call.language()),
                                 member->region.empty() ? "" : ", " + for_terminal(member->region));
  if (member->delegate)
    text += call.say("  délégué de la fédération\n", "  delegate of the federation\n");
  if (trust->member(id) == nullptr)
    text += call.say("  n’est plus membre\n", "  no longer a member\n");
  for (const auto& [key, node] : trust->nodes()) {
    if (node.member != member->id) continue;
    text += call.say("  nœud {}{}\n", "  node {}{}\n", key.hex(),
                     node.revoked ? call.say("  (clé reprise)", "  (key taken back)") : "");
    for (const std::string& url : node.urls) text += fmt::format("    {}\n", for_terminal(url));
  }
  return answer(call, std::move(text), std::move(json));
}

namespace {

void write_access(JsonWriter& json, const std::string& name, const Access& access) {
  write_rules(json, name, access.rules);
  json.key(name + "_except").array();
  for (const MemberId& id : access.except) json.text(id.hex());
  json.end_array();
}

std::string own_access_in_words(const Call& call, bool reads, bool writes, bool keeps, bool read) {
  if (reads && !keeps) return call.say("vous ne le gardez pas", "you do not keep it");
  if (reads && writes) return call.say("vous pouvez y écrire", "you may write there");
  if (reads) return call.say("vous pouvez le lire", "you may read it");
  if (writes)
    return call.say("vous ne le lisez plus : ce que vous y écririez n’irait nulle part",
                    "you no longer read it: what you wrote there would go nowhere");
  if (read)
    return call.say("vous n’en recevez plus rien ; ce qui est ici se lit toujours",
                    "you receive nothing more of it; what is here can still be read");
  return call.say("vous n’y avez pas accès", "you have no access");
}

}  // namespace

Result<Reply> list_spaces(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  const MemberId self = call.replica().identity().member;
  const storage::Unwanted unwanted = call.replica().unwanted();
  JsonWriter json;
  json.object().key("spaces").array();
  std::vector<std::vector<std::string>> rows{{call.say("espace", "space"),
                                              call.say("lecteurs", "readers"),
                                              call.say("rédacteurs", "writers"), ""}};
  const SpaceNames names{*trust, self};
  for (const storage::Space* one : names.all()) {
    const SpaceId& id = one->id;
    const SpaceDeclaration& declaration = one->declaration;
    const bool meant = names.typed(id, declaration.name) == declaration.name;
    const bool reads = trust->may_read(self, id);
    const bool writes = trust->may_write(self, id);
    const bool keeps = reads && (id == trust->annuaire() || !unwanted.contains(id));
    const Access readers = access_to(*trust, *one, /*write=*/false);
    const Access writers = access_to(*trust, *one, /*write=*/true);
    json.object()
        .field("name", declaration.name)
        .field("space_id", id.hex())
        .field("meant_by_name", meant);
    write_access(json, "readers", readers);
    write_access(json, "writers", writers);
    json.field("may_read", reads)
        .field("may_write", writes)
        .field("subscribed", keeps)
        .end_object();
    const std::string called = meant ? declaration.name : declaration.name + " = " + id.hex();
    rows.push_back({for_terminal(called, 140), access_in_words(*trust, readers, call.language()),
                    access_in_words(*trust, writers, call.language()),
                    own_access_in_words(call, reads, writes, keeps, names.reads(*one))});
  }
  json.end_array().end_object();
  return answer(call, table(rows), std::move(json));
}

Result<Reply> subscribe_space(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string name, call.need("name"));
  const bool off = call.has("off");
  const SpaceNames names{*trust, call.self()};
  MAILLON_TRY(const storage::Space* space, names.meant(name));
  if (space->id == trust->annuaire() && off)
    return said(Errc::refused, "without `annuaire` this node would know nobody",
                "sans « annuaire », ce nœud ne connaîtrait personne", "every node keeps it",
                "chaque nœud le garde");
  // Who is no member is told that, rather than to ask for a right.
  if (!off) MAILLON_CHECK(call.still_member());
  if (!off && !trust->may_read(call.replica().identity().member, space->id))
    return said(Errc::not_allowed, "this member may not read the space `" + name + "`",
                "ce membre n’a pas le droit de lire l’espace « " + name + " »",
                "a delegate can propose it: `maillon propose widen`",
                "un délégué peut le proposer : « maillon propose widen »");
  MAILLON_CHECK(call.replica().writer().run_void([&](storage::Store& store) {
    storage::Unwanted unwanted = store.unwanted();
    if (off)
      unwanted.spaces.insert(space->id);
    else
      unwanted.spaces.erase(space->id);
    return store.set_unwanted(std::move(unwanted));
  }));
  if (call.peers() != nullptr) call.peers()->reconnect();
  return list_spaces(call);
}

Result<Reply> list_nodes(Call& call) {
  const auto& who = call.replica().identity();
  const auto trust = call.replica().trust();
  JsonWriter json;
  json.object().field("node_id", who.node.hex()).key("nodes").array();
  std::string text;
  bool listed = false;
  for (const auto& [id, node] : trust->nodes()) {
    if (node.member != who.member) continue;
    listed |= id == who.node;
    write_node(json, node, who.node);
    text += fmt::format("  {}{}{}\n", id.hex(),
                        id == who.node ? call.say("  (celui-ci)", "  (this one)") : "",
                        node.revoked ? call.say("  (clé reprise)", "  (key taken back)") : "");
    for (const std::string& url : node.urls) text += fmt::format("    {}\n", for_terminal(url));
  }
  if (!listed) {
    write_node(json, NodeInfo{who.node, who.member, {}}, who.node);
    text += call.say("  {}  (celui-ci, dans aucune fédération)\n",
                     "  {}  (this one, in no federation)\n", who.node.hex());
  }
  json.end_array().end_object();
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> show_federation(Call& call) {
  MAILLON_TRY(const auto trust, call.entered_federation());
  const auto federation = call.replica().federation();
  const Charter& charter = trust->charter();
  MAILLON_TRY(const auto continues,
              call.replica().read<std::vector<FederationId>>([&](replica::Reader& reader) {
                return federation::continued_by(reader.log(), *federation);
              }));
  JsonWriter json;
  json.object()
      .field("federation_id", federation->hex())
      .field("name", charter.name)
      .field("quorum", charter.quorum)
      .field("settlement_days", charter.settlement_days)
      .field("secrecy_threshold", charter.secrecy_threshold)
      .field("feed_ops_max", charter.feed_ops_max)
      .field("feed_bytes_max", charter.feed_bytes_max)
      .field("members", trust->members().size())
      .key("refounds");
  continues.empty() ? json.null() : json.text(continues.front().hex());
  json.key("before").array();
  for (const FederationId& one : continues) json.text(one.hex());
  json.end_array().key("delegates").array();
  for (const MemberId& id : charter.delegates) json.text(id.hex());
  json.end_array().end_object();
  if (trust->members().empty() && trust->former().empty())
    return answer(
        call,
        call.say("Fédération {}\nSa charte arrivera avec le premier échange.\n",
                 "Federation {}\nIts charter comes with the first exchange.\n", federation->hex()),
        std::move(json));
  std::string text = call.say("Fédération « {} »\n  {}\n", "Federation `{}`\n  {}\n",
                              for_terminal(charter.name), federation->hex()) +
                     charter_in_words(call, *trust);
  for (const FederationId& one : continues) {
    text += one == continues.front()
                ? call.say("  Elle continue la fédération {}\n",
                           "  It continues the federation {}\n", one.hex())
                : call.say("  qui continuait la fédération {}\n",
                           "  which continued the federation {}\n", one.hex());
    const auto former = replica::former_folder(call.replica().dir(), one);
    if (std::filesystem::exists(former))
      text += call.say("    dont les données restent dans {}\n", "    whose data stays in {}\n",
                       former.string());
  }
  return answer(call, std::move(text), std::move(json));
}

}  // namespace maillon::admin
