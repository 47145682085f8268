#include <algorithm>

#include "crypto/aead.hpp"
#include "node/admin/call.hpp"
#include "node/admin/clock_words.hpp"
#include "node/federation/decisions.hpp"

/// A member's nodes and their keys.
namespace maillon::admin {
namespace {

using storage::Trust;

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
        " Attention : c’est ce nœud même. Il n’écrira plus rien ; « maillon node rotate » changerait "
        "sa clé sans l’arrêter.",
        " Mind: this is this very node. It will write nothing more; `maillon node rotate` would "
        "change its key without ending it.");
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

Result<Reply> add_node(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const std::string code, call.need("certificate"));
  const auto raw = federation::certificate_of(code);
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
  MAILLON_CHECK(call.before_deciding());
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
  MAILLON_CHECK(check_clock(call));
  if (call.has("preview")) {
    MAILLON_TRY(std::string words, revocation_in_words(call, *trust, *node));
    return preview(call, std::move(words));
  }
  MAILLON_CHECK(call.before_deciding());
  MAILLON_CHECK(federation::revoke(call.replica(), *node, root));
  return list_nodes(call);
}

Result<Reply> rotate_node(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const auto root, root_from(call));
  MAILLON_CHECK(check_clock(call));
  const bool taken_back = key_was_taken_back(*trust, call.replica().identity().node);
  if (call.has("preview") && taken_back)
    return preview(
        call,
        call.say("La clé de ce nœud a été reprise ; il en reçoit une autre. Ce qu’il a écrit sans "
                 "que cette reprise le nomme ne compte pas encore : « maillon reissue » dit ensuite "
                 "combien c’est, et « maillon reissue --all » le publie à nouveau.",
                 "The key of this node was taken back; it gets another. What it wrote and that did "
                 "not name does not count yet: `maillon reissue` then says how much it is, and "
                 "`maillon reissue --all` publishes it again."));
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
  call.hear_own_feeds();
  MAILLON_CHECK(call.still_member());
  MAILLON_CHECK(check_clock(call));
  MAILLON_CHECK(federation::rotate(call.replica(), root, passphrase));
  if (call.peers() != nullptr) MAILLON_CHECK(call.peers()->key_changed());
  return list_nodes(call);
}

}  // namespace maillon::admin
