#include "node/admin/admission_words.hpp"
#include "node/admin/clock_words.hpp"
#include "node/admin/code_words.hpp"
#include "node/admin/decision_words.hpp"
#include "node/admin/names.hpp"
#include "node/admin/parting.hpp"
#include "node/federation/refound.hpp"
#include "node/replica/next.hpp"

/// Founding, inviting, joining, peers, exchange.
namespace maillon::admin {
namespace {

using namespace std::chrono_literals;
using federation::Invitation;

constexpr std::int64_t kWaitMaxSeconds = 86'400;
/// After an admission: long enough for annuaire to come, short enough to wait for.
constexpr std::chrono::milliseconds kFirstSync = 10s;

Error no_network() {
  return said(Errc::unavailable, "nothing here talks to peers", "rien ici ne parle aux pairs",
              "start `maillon serve`", "lancez « maillon serve »");
}

Result<Role> role_from(const std::string& text) {
  if (text == "hub") return Role::hub;
  if (text == "cooperative") return Role::cooperative;
  return said(Errc::usage, "--role takes cooperative or hub", "--role vaut cooperative ou hub",
              "leave it out for a cooperative", "ne l’indiquez pas pour une coopérative");
}

Reply join_answer(Call& call, const Invitation& invitation, const char* status, std::string text,
                  const JoinVotes* votes = nullptr) {
  JsonWriter json;
  json.object()
      .field("federation_id", invitation.federation.hex())
      .field("member_id", call.replica().identity().member.hex())
      .field("node_id", call.replica().identity().node.hex())
      .field("status", status);
  if (votes != nullptr) {
    json.field("proposal", votes->proposal);
    write_votes(json, *votes);
  }
  json.end_object();
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> joined(Call& call, const Invitation& invitation, const JoinReply& reply) {
  MAILLON_CHECK(federation::forget_wish(call.replica()));
  MAILLON_TRY(const auto brought, federation::bring_along(call.replica()));
  call.progress(0.5, call.say("Premier échange", "First exchange"));
  const auto outcome = call.peers()->sync(kFirstSync);
  std::string text =
      call.say("Membre de « {} ».\n", "Member of `{}`.\n", for_terminal(reply.federation_name)) +
      charter_in_words(call, *call.replica().trust());
  if (brought)
    text += call.say("{} valeur(s) de l’ancienne fédération y sont reprises.\n",
                     "{} value(s) of the former federation are in it.\n", brought->values);
  for (const std::string& name : brought ? brought->left : std::vector<std::string>{})
    text +=
        call.say("« {} » reste dans l’ancien dossier : vous n’écrivez pas dans cet espace ici.\n",
                 "`{}` stays in the former folder: you do not write in that space here.\n",
                 for_terminal(name, 60));
  if (!outcome.converged)
    text +=
        call.say("Les données arrivent ; « maillon sync --wait 60 » attend qu’elles soient là.\n",
                 "Data is coming; `maillon sync --wait 60` waits for it.\n");
  return join_answer(call, invitation, "admitted", std::move(text));
}

/// Why a node of one federation does not join another, and how it may.
Error elsewhere(Call& call, const Invitation& invitation) {
  const auto former = replica::former_folder(call.replica().dir(), invitation.federation);
  std::error_code none;
  if (std::filesystem::exists(former, none))
    return said(Errc::refused, "this node has left that federation for the one that it is in now",
                "ce nœud a quitté cette fédération pour celle où il est",
                "what it had there stays in " + former.string() +
                    ": `maillon --data " + former.string() + " serve` goes on as its node",
                "ce qu’il y avait reste dans " + former.string() + " : « maillon --data " +
                    former.string() + " serve » y continue comme son nœud");
  const auto line = federation::line_of(call.replica());
  if (line.has_error()) return line.error();
  if (federation::may_move(*line, invitation.continues))
    return said(Errc::refused,
                "that federation continues yours, or the one that yours continues, and the daemon "
                "runs on your folder",
                "cette fédération continue la vôtre, ou celle que la vôtre continue, et le démon "
                "tourne sur votre dossier",
                "stop `maillon serve`, join, and start it again",
                "arrêtez « maillon serve », rejoignez-la, puis relancez-le");
  return said(Errc::refused, "this node belongs to another federation",
              "ce nœud appartient à une autre fédération", "use another folder with --data",
              "utilisez un autre dossier avec --data");
}

}  // namespace

Result<Reply> create_federation(Call& call) {
  federation::CreateOptions options;
  MAILLON_TRY(const std::string name, call.need("name"));
  MAILLON_TRY(options.name, proper_name(name, Naming::federation));
  options.quorum = call.text("quorum", "1");
  // Its members may admit this one at any time, and would count on it.
  MAILLON_TRY(const auto waiting, federation::votes_told(call.replica()));
  if (waiting)
    return said(Errc::refused, "this node waits to be admitted to another federation",
                "ce nœud attend d’être admis dans une autre fédération",
                "`maillon status` shows whose votes are missing; found yours in another folder, with "
                "--data",
                "« maillon status » montre quelles voix manquent ; créez la vôtre dans un autre "
                "dossier, avec --data");
  MAILLON_TRY(const FederationId id, federation::create(call.replica(), options));
  // A daemon that was started before listens from now on.
  if (call.peers() != nullptr && call.peers()->serves()) MAILLON_CHECK(call.peers()->begin(id));
  JsonWriter json;
  json.object()
      .field("federation_id", id.hex())
      .field("name", options.name)
      .field("member_id", call.replica().identity().member.hex())
      .end_object();
  return answer(call,
                call.say("Fédération « {} » créée.\n  {}\nInvitez avec « maillon invite ».\n",
                         "Federation `{}` created.\n  {}\nInvite with `maillon invite`.\n",
                         for_terminal(options.name), id.hex()),
                std::move(json));
}

Result<Reply> make_invitation(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_CHECK(call.still_speaks());
  federation::InviteOptions options;
  if (call.has("role")) {
    MAILLON_TRY(options.role, role_from(call.text("role")));
  }
  if (call.has("region")) {
    options.region = call.text("region");
    MAILLON_CHECK(check_region(*options.region));
  }
  MAILLON_TRY(const auto days, call.number("valid", 14, 1, 365));
  options.valid_days = static_cast<int>(days);
  options.urls = call.all("url");
  for (const std::string& url : options.urls) {
    MAILLON_CHECK(peers::check_url(url));
  }
  // The code would be good for as much longer, and nobody else would hear of whom it lets in.
  MAILLON_CHECK(check_clock(call));
  MAILLON_TRY(const Invitation made, federation::invite(call.replica(), options));
  const std::string code = made.encode();
  JsonWriter json;
  json.object()
      .field("code", code)
      .field("role", made.role == Role::hub ? "hub" : "cooperative")
      .field("region", made.region)
      .field("expires", utc(made.expires))
      .key("urls")
      .array();
  std::string urls;
  for (const std::string& url : made.urls) {
    json.text(url);
    urls += ' ' + url;
  }
  json.end_array().end_object();
  return answer(call,
                call.say("{}\n\nValable une fois, jusqu’au {}. Ce nœud est joint par :{}\n",
                         "{}\n\nGood for one use, until {}. This node is reached at:{}\n", code,
                         local(made.expires), for_terminal(urls, 500)),
                std::move(json));
}

Result<Reply> join_federation(Call& call) {
  MAILLON_TRY(const std::string code, call.need("code"));
  MAILLON_TRY(const Invitation invitation, Invitation::decode(code));
  MAILLON_TRY(const auto wait, call.number("wait", 30, 0, kWaitMaxSeconds));
  const auto already = call.replica().federation();
  // Between the admission and the arrival of annuaire a node has a federation and is no member yet.
  const bool member = call.replica().trust()->member_of(call.replica().identity().node) != nullptr;
  MAILLON_CHECK(check_region_of(invitation, call.text("region")));
  if (member && already == invitation.federation && call.has("preview")) return Reply{};
  if (member && already == invitation.federation)
    return join_answer(call, invitation, "admitted",
                       call.say("Déjà membre de cette fédération.\n", "A member of it already.\n"));
  if (already == invitation.federation) {
    if (auto ahead = left_ahead(call.replica())) return *std::move(ahead);
    // Who left or was removed comes back by a decision, and a key that was taken back never does.
    if (const auto parting = parting_of(*call.replica().trust(), call.replica().identity().member))
      return said(
          Errc::not_allowed, parting_in_words(*parting, Language::english),
          parting_in_words(*parting, Language::french),
          "a member can admit it again with `maillon propose admit`; no code is needed then",
          "un membre peut le réadmettre par « maillon propose admit » ; il ne faut alors pas "
          "de code");
    // One whose admission has lost its votes may ask again.
    if (!federation::lapse_of(*call.replica().trust(), call.self()))
      MAILLON_CHECK(call.still_speaks());
  }
  if (already && already != invitation.federation) return elsewhere(call, invitation);
  MAILLON_CHECK(check_code_for(call.replica(), invitation, call.text("region")));
  // Nothing speaks against it: now people are asked.
  if (call.has("preview")) return Reply{};
  if (call.peers() == nullptr) return no_network();
  MAILLON_CHECK(federation::remember_wish(call.replica(), code));
  if (wait == 0 && call.peers()->serves()) MAILLON_CHECK(call.peers()->pursue(invitation));
  if (wait == 0)
    return join_answer(call, invitation, "waiting",
                       call.say("Noté : « maillon serve » s’en charge.\n",
                                "Noted: `maillon serve` will see to it.\n"));
  call.progress(0, call.say("Contact du nœud qui invite", "Contacting the inviter's node"));
  const auto reply = call.peers()->join(invitation, std::chrono::seconds{wait});
  if (reply.has_error()) return reply.error();
  // Without a daemon nobody else notes it before this process ends.
  if (reply->status != JoinStatus::admitted)
    MAILLON_CHECK(federation::remember_reply(call.replica(), invitation, *reply));
  if (reply->status == JoinStatus::refused) {
    MAILLON_TRY(const auto waiting, waiting_of(call.replica()));
    const bool waits = waiting && waiting->inviter_gone && federation::is_inviter_gone(*reply);
    return waits ? without_federation(call.replica()) : refusal(*reply);
  }
  if (reply->status == JoinStatus::pending) {
    return join_answer(call, invitation, "pending",
                       call.say("Demande reçue : {}.\n"
                                "« maillon serve » entrera dès qu’il y aura assez de voix ; "
                                "« maillon status » dit où elle en est.\n",
                                "The wish is received: {}.\n"
                                "`maillon serve` joins as soon as there are enough votes; `maillon "
                                "status` says how far it is.\n",
                                votes_in_words(reply->votes, call.language())),
                       &reply->votes);
  }
  return joined(call, invitation, *reply);
}

Result<Reply> add_peer(Call& call) {
  MAILLON_TRY(const std::string url, call.need("url"));
  MAILLON_CHECK(peers::check_url(url));
  peers::DialEntry entry{url, std::nullopt};
  if (call.has("node-id")) {
    const auto node = NodeId::from_hex(call.text("node-id"));
    if (node.has_error())
      return said(Errc::usage, "--node-id takes 64 hexadecimal digits",
                  "--node-id attend 64 chiffres hexadécimaux",
                  "`maillon status` on the other machine shows its node id",
                  "« maillon status » sur l’autre machine montre son identifiant");
    entry.node = *node;
  }
  MAILLON_CHECK(peers::dial_add(call.replica(), entry));
  if (call.peers() != nullptr) call.peers()->dials_changed();
  return list_peers(call);
}

Result<Reply> list_peers(Call& call) {
  MAILLON_TRY(const auto dials, peers::dial_list(call.replica()));
  const auto live =
      call.peers() != nullptr ? call.peers()->peers() : std::vector<peers::PeerState>{};
  JsonWriter json;
  json.object().key("peers").array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& dial : dials) {
    const peers::PeerState* state = nullptr;
    for (const auto& peer : live)
      if (peer.address == dial.url || (dial.node && peer.node == dial.node)) state = &peer;
    json.object().field("url", dial.url).field("address", dial.url).key("node_id");
    dial.node ? json.text(dial.node->hex()) : json.null();
    json.field("name", state != nullptr ? state->name : std::string{})
        .field("state", state != nullptr ? state->state : std::string{"offline"})
        .end_object();
    rows.push_back({for_terminal(dial.url), dial.node ? shortened(*dial.node) : "",
                    state != nullptr ? for_terminal(state->name, 40) : ""});
  }
  json.end_array().end_object();
  std::string text = table(rows);
  if (rows.empty()) text = call.say("Aucun pair n’est indiqué.\n", "No peer is configured.\n");
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> remove_peer(Call& call) {
  MAILLON_TRY(const std::string id, call.need("id"));
  MAILLON_TRY(const bool removed, peers::dial_remove(call.replica(), id));
  if (!removed)
    return said(
        Errc::not_found, "there is no peer `" + id + "` in the list",
        "il n’y a pas de pair « " + id + " » dans la liste",
        "`maillon peer list` shows them; members' own addresses come from the directory",
        "« maillon peer list » les montre ; les adresses des membres viennent de l’annuaire");
  if (call.peers() != nullptr) call.peers()->dials_changed();
  return list_peers(call);
}

Result<Reply> sync_now(Call& call) {
  MAILLON_TRY(const auto trust, call.entered_federation());
  if (call.peers() == nullptr) return no_network();
  MAILLON_TRY(const auto wait, call.number("wait", 30, 0, kWaitMaxSeconds));
  call.progress(0, call.say("Échange avec les pairs", "Exchanging with the peers"));
  auto outcome = call.peers()->sync(std::chrono::seconds{wait});
  // What came to be erased is confirmed to those who are there.
  MAILLON_TRY(const bool erased, call.finish_erasures());
  if (erased && outcome.connected > 0) outcome = call.peers()->sync(std::chrono::seconds{wait});
  const auto places = call.readable_spaces();
  JsonWriter json;
  json.object().field("converged", outcome.converged).field("connected", outcome.connected);
  json.key("spaces").array();
  const auto frontiers = call.replica().read<std::vector<Digest>>(
      [&](replica::Reader& reader) -> Result<std::vector<Digest>> {
        std::vector<Digest> out;
        for (const Place& place : places) {
          MAILLON_TRY(const Digest frontier, reader.frontier(place.id));
          out.push_back(frontier);
        }
        return out;
      });
  if (frontiers.has_error()) return frontiers.error();
  for (std::size_t i = 0; i < places.size(); ++i)
    json.object()
        .field("name", places[i].name)
        .field("space_id", places[i].id.hex())
        .field("frontier", (*frontiers)[i].hex())
        .end_object();
  json.end_array().end_object();
  Reply out = answer(
      call,
      call.say("{} pair(s) connecté(s), {}.\n", "{} peer(s) connected, {}.\n", outcome.connected,
               outcome.converged ? call.say("tous d’accord", "all agree")
                                 : call.say("pas encore d’accord", "not yet in agreement")),
      std::move(json));
  if (outcome.converged && outcome.connected > 0) return out;
  const Error none =
      said(Errc::unavailable, "no peer could be reached in time",
           "aucun pair n’a pu être joint à temps", "check their addresses with `maillon status`",
           "vérifiez leurs adresses avec « maillon status »");
  const Error late = said(Errc::unavailable, "the peers did not agree in time",
                          "les pairs ne sont pas d’accord à temps",
                          "run it again with a longer --wait; a commit that is dated in the future (`maillon status`) "
                          "keeps its author and the others apart",
                          "relancez avec un --wait plus long ; un commit daté du futur (« maillon status ») tient "
                          "son auteur et les autres à distance");
  const std::string dir = call.replica().dir().string();
  const Error full =
      said(Errc::unavailable, "this node's disk is full: it cannot store what its peers send",
           "le disque de ce nœud est plein : il ne peut enregistrer ce que ses pairs envoient",
           "free some space in " + dir + ", then run it again",
           "libérez de la place dans " + dir + ", puis relancez");
  // One sentence is enough.
  if (!call.wants_json()) out.text.clear();
  // The peers may well have been reached, and have said so.
  if (const auto gone = call.still_speaks(); outcome.connected == 0 && gone.has_error())
    return with_error(call, std::move(out), gone.error());
  return with_error(call, std::move(out),
                    outcome.disk_full        ? full
                    : outcome.connected == 0 ? none
                                             : late);
}

}  // namespace maillon::admin
