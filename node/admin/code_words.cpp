#include "node/admin/code_words.hpp"

#include "node/admin/admission_words.hpp"
#include "node/federation/decisions.hpp"

namespace maillon::admin {
namespace {

/// A code of a member's own is asked for its role no more: with the 24 words, or with votes
/// already.
Result<bool> is_expected(replica::Replica& replica) {
  if (replica.identity().recovered) return true;
  if (federation::lapse_of(*replica.trust(), replica.identity().member)) return true;
  MAILLON_TRY(const auto told, federation::votes_told(replica));
  return told.has_value();
}

Error other_role(Role code, Role folder) {
  const bool hub = code == Role::hub;
  const std::string flag = folder == Role::hub ? "hub" : "cooperative";
  return said(Errc::refused,
              "this code is for a " + role_in_words(code, Language::english) +
                  ", and this folder is one of a " + role_in_words(folder, Language::english),
              hub ? "ce code est pour un hub, et ce dossier est celui d’une coopérative"
                  : "ce code est pour une coopérative, et ce dossier est celui d’un hub",
              "ask for a code made with `maillon invite --role " + flag +
                  "`, or join by this one in another folder, with --data",
              "demandez un code fait avec « maillon invite --role " + flag +
                  " », ou entrez avec celui-ci dans un autre dossier, avec --data");
}

Error words_replaced(const JoinReply& reply) {
  const bool known = !reply.votes.proposal.empty();
  std::string names;
  for (const std::string& name : reply.votes.voted)
    names += (names.empty() ? "" : ", ") + for_terminal(name, 60);
  const auto which = [&](Language language) {
    return known ? say(language, "par la décision {} du {}, votée par : {}",
                       "by decision {} of {}, voted by: {}", for_terminal(reply.votes.proposal, 80),
                       local(reply.decided), names)
                 : say(language, "par une décision des délégués", "by a decision of the delegates");
  };
  return said(
      Errc::refused,
      "these 24 words were replaced " + which(Language::english) +
          ": they are worth nothing any more",
      "ces 24 mots ont été remplacés " + which(Language::french) + " : ils ne valent plus rien",
      "use the new words: `maillon init --recover` in an empty folder, then `maillon join "
      "CODE`; who has not got them makes others with `maillon init` and asks a delegate for "
      "`maillon propose root-key`",
      "prenez les nouveaux mots : « maillon init --recover » dans un dossier vide, puis "
      "« maillon join CODE » ; qui ne les a pas en fait d’autres avec « maillon init » et "
      "demande à un délégué « maillon propose root-key »");
}

}  // namespace

Result<void> check_region_of(const federation::Invitation& invitation, const std::string& region) {
  if (region.empty() || invitation.region.empty() || region == invitation.region) return {};
  const std::string code = for_terminal(invitation.region, 20);
  const std::string asked = for_terminal(region, 20);
  return said(
      Errc::usage, "this code is for region " + code + ", not " + asked,
      "ce code est pour la région " + code + ", pas " + asked,
      "leave --region out, or ask for a code made with `maillon invite --region " + asked + "`",
      "n’indiquez pas --region, ou demandez un code fait avec « maillon invite --region " + asked +
          " »");
}

Result<void> check_code_for(replica::Replica& replica, const federation::Invitation& invitation,
                            const std::string& region) {
  const auto who = replica.identity();
  if (!region.empty() && invitation.region.empty() && region != who.region)
    return said(Errc::usage,
                "this folder is of region `" + for_terminal(who.region, 20) + "`, and that stays",
                "ce dossier est de la région « " + for_terminal(who.region, 20) +
                    " », et cela ne change pas",
                "leave --region out, or join in another folder, with --data",
                "n’indiquez pas --region, ou entrez dans un autre dossier, avec --data");
  if (who.role == invitation.role) return {};
  MAILLON_TRY(const bool expected, is_expected(replica));
  if (expected) return {};
  return other_role(invitation.role, who.role);
}

Error refusal(const JoinReply& reply) {
  const auto no = [](std::string en, std::string fr) {
    return said(
        Errc::refused, std::move(en), std::move(fr),
        "ask the inviter for another code; this folder is kept and can be used with it",
        "demandez un autre code à qui vous a invité ; ce dossier reste et servira avec lui");
  };
  if (reply.reason == "used")
    return no("this invitation was used already", "cette invitation a déjà servi");
  if (reply.reason == "expired")
    return no("this invitation has expired", "cette invitation a expiré");
  if (reply.reason == "unknown")
    return no("the inviter's node does not know this invitation",
              "le nœud qui invite ne connaît pas cette invitation");
  if (reply.reason == "former")
    return said(Errc::not_allowed, "this member left or was removed",
                "ce membre est parti ou a été exclu",
                "a member can admit it again with `maillon propose admit`; with a code it joins then",
                "un membre peut le réadmettre par « maillon propose admit » ; le code servira alors");
  if (federation::is_inviter_gone(reply)) return inviter_gone();
  if (federation::is_clock_ahead(reply)) return inviter_clock_wrong();
  if (reply.reason == "revoked")
    return no("the key of this node was taken back", "la clé de ce nœud a été reprise");
  if (reply.reason == "root") return words_replaced(reply);
  if (reply.reason == "words")
    return said(
        Errc::refused, "these 24 words are of no member that the inviter's node knows",
        "ces 24 mots ne sont ceux d’aucun membre que connaisse le nœud qui invite",
        "check the words and the code; who is no member yet makes a node in another folder, "
        "without --recover",
        "vérifiez les mots et le code ; qui n’est pas encore membre crée un nœud dans un autre "
        "dossier, sans --recover");
  if (reply.reason == "role")
    return no("this invitation is for another role (cooperative or hub)",
              "cette invitation est pour un autre rôle (coopérative ou hub)");
  return no("the inviter's node refused: " + for_terminal(reply.reason),
            "le nœud qui invite a refusé : " + for_terminal(reply.reason));
}

}  // namespace maillon::admin
