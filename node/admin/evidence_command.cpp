#include "node/admin/call.hpp"

/// What has been proved against node keys, and what is kept apart because of it.
namespace maillon::admin {
namespace {

using storage::Charge;

/// The signed headers of the first proof, as annuaire has them.
Result<std::optional<Evidence>> proof_of(storage::Log& log, const storage::Trust& trust,
                                         const Charge& charge) {
  const CommitId id = trust.graph().at(*charge.since.begin()).id;
  MAILLON_TRY(const auto entry, log.find(id));
  if (!entry) return Error{Errc::integrity, "a commit of annuaire is not in the log"};
  MAILLON_TRY(SignedCommit bytes, log.bytes_of(entry->id));
  MAILLON_TRY(const auto commit, storage::load_commit(std::move(bytes)));
  for (const Op& op : commit->body.ops.ops) {
    if (op.kind != static_cast<std::uint32_t>(OpKind::evidence) || op.fields.count != 1) continue;
    auto evidence = decode_evidence(commit->body.ops.fields_of(op)[0].value);
    if (!evidence) continue;
    const auto proof = storage::check_evidence(*trust.federation(), *evidence);
    if (proof && proof->node == charge.node && proof->fork == charge.fork) return *evidence;
  }
  return std::optional<Evidence>{};
}

struct Seen {
  const Charge* charge = nullptr;
  std::optional<Evidence> evidence;
  std::size_t aside_bytes = 0;
};

void write(JsonWriter& json, Call& call, const storage::Trust& trust, const Seen& seen) {
  const Charge& charge = *seen.charge;
  const auto& told = trust.graph().at(*charge.since.begin());
  json.object()
      .field("kind", charge.fork ? "fork" : "flood")
      .field("node_id", charge.node.hex())
      .key("members")
      .array();
  for (const auto& [id, node] : trust.nodes())
    if (id == charge.node) json.text(node.member.hex());
  json.end_array();
  if (charge.fork) {
    const storage::Space* space = trust.space(charge.fork->space);
    json.field("space", space != nullptr ? space->declaration.name : charge.fork->space.hex())
        .field("incarnation", fmt::format("{:016x}", charge.fork->incarnation))
        .field("seq", charge.from);
  }
  json.field("proved_by", call.name_of(told.member))
      .field("time", told.hlc.time().count())
      .field("needed", charge.needed)
      .field("aside_bytes", seen.aside_bytes)
      .key("headers")
      .array();
  if (seen.evidence)
    for (const SignedHeader& one : seen.evidence->headers)
      json.object()
          .field("header", to_hex(one.header))
          .field("signature", to_hex(one.signature))
          .end_object();
  json.end_array().end_object();
}

std::string in_words(Call& call, const storage::Trust& trust, const Seen& seen) {
  const Charge& charge = *seen.charge;
  const auto node = trust.nodes().find(charge.node);
  const std::string who = node == trust.nodes().end() ? shortened(charge.node)
                                                      : call.name_of(node->second.member);
  const bool own = charge.node == call.replica().identity().node;
  std::string out;
  if (charge.fork) {
    const storage::Space* space = trust.space(charge.fork->space);
    out = call.say(
        "{} (nœud {}) a signé deux commits numéro {} dans {} : deux machines ont écrit sous la "
        "même clé, ou ce nœud ment.\n",
        "{} (node {}) signed two commits number {} in {}: two machines wrote under one key, or "
        "this node lies.\n",
        for_terminal(who, 60), shortened(charge.node), charge.from,
        space != nullptr ? for_terminal(space->declaration.name, 60) : "?");
  } else {
    out = call.say("{} (nœud {}) a écrit sous plus de {} incarnations.\n",
                   "{} (node {}) wrote under more than {} incarnations.\n", for_terminal(who, 60),
                   shortened(charge.node), limits::kIncarnationsMax);
  }
  out += call.say("  prouvé par {} ; compte encore ce sur quoi {} autre(s) membre(s) ont bâti sans "
                  "le savoir ; {} mis à l’écart ici\n",
                  "  proved by {}; what {} other member(s) built on before they knew still counts; "
                  "{} kept apart here\n",
                  for_terminal(call.name_of(trust.graph().at(*charge.since.begin()).member), 60),
                  charge.needed, bytes_in_words(seen.aside_bytes, call.language()));
  if (own && trust.member(call.self()) == nullptr)
    out += call.say("  C’est ce nœud, dont le membre n’est plus de la fédération ; une fois réadmis : "
                    "« maillon node rotate », puis « maillon reissue ».\n",
                    "  This is this node, whose member is in the federation no more; once admitted "
                    "again: `maillon node rotate`, then `maillon reissue`.\n");
  else if (own)
    out += call.say("  C’est ce nœud : « maillon node rotate », puis « maillon reissue » ; rien "
                    "n’est perdu.\n",
                    "  This is this node: `maillon node rotate`, then `maillon reissue`; nothing "
                    "is lost.\n");
  return out;
}

}  // namespace

Result<Reply> show_evidence(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  const auto all = call.replica().read<std::vector<Seen>>(
      [&](replica::Reader& reader) -> Result<std::vector<Seen>> {
        std::vector<Seen> out;
        for (const Charge& charge : trust->charges()) {
          Seen seen{&charge, std::nullopt, 0};
          MAILLON_TRY(seen.evidence, proof_of(reader.log(), *trust, charge));
          MAILLON_TRY(seen.aside_bytes, reader.log().aside_bytes(charge.node));
          out.push_back(std::move(seen));
        }
        return out;
      });
  if (all.has_error()) return all.error();
  JsonWriter json;
  json.object().field("federation_id", trust->federation()->hex()).key("evidence").array();
  std::string text;
  for (const Seen& seen : *all) {
    write(json, call, *trust, seen);
    text += in_words(call, *trust, seen);
  }
  json.end_array().end_object();
  if (all->empty())
    text = call.say("Rien n’a été prouvé contre personne.\n", "Nothing was proved against anybody.\n");
  return answer(call, std::move(text), std::move(json));
}

}  // namespace maillon::admin
