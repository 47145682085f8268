#include "node/net/close_words.hpp"

#include <algorithm>
#include <array>

namespace maillon::net {
namespace {

std::string_view reason_in_french(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::done:
      return "terminée";
    case CloseReason::stopping:
      return "arrêt en cours";
    case CloseReason::not_admitted:
      return "pas admis";
    case CloseReason::duplicate:
      return "en double";
    case CloseReason::malformed:
      return "données illisibles";
    case CloseReason::misbehaviour:
      return "comportement fautif";
    case CloseReason::full:
      return "plus de place";
    case CloseReason::lost:
      return "connexion perdue";
    case CloseReason::timed_out:
      return "délai dépassé";
    case CloseReason::corrupt:
      return "octets altérés en chemin";
    case CloseReason::other:
      break;
  }
  return "autre raison";
}

using Sentence = std::pair<std::string_view, std::string_view>;
constexpr std::array<Sentence, 21> kKnown{{
    {"the admission waits for votes", "l’admission attend des voix"},
    {"its member or its key is no longer part of the federation",
     "son membre ou sa clé ne fait plus partie de la fédération"},
    {"not a member here", "pas membre ici"},
    {"unknown here", "inconnu ici"},
    {"starting", "démarrage en cours"},
    {"come back later", "revenez plus tard"},
    {"the disk is full here", "le disque y est plein"},
    {"too slow", "trop lent"},
    {"other spaces are wanted", "d’autres espaces sont voulus"},
    {"the key of this node changed", "la clé de ce nœud a changé"},
    {"cannot admit now", "admission impossible pour l’instant"},
    {"no answer to a wish to join", "pas de réponse à une demande d’adhésion"},
    {"used", "invitation déjà utilisée"},
    {"expired", "invitation expirée"},
    {"unknown", "invitation inconnue"},
    {"former", "ancien membre"},
    {"revoked", "clé reprise"},
    {"root", "mots remplacés"},
    {"words", "mots d’aucun membre"},
    {"role", "invitation pour un autre rôle"},
    {"inviter", "qui invite n’est plus membre"},
}};

std::string joined(std::string_view reason, std::string_view between, std::string_view text) {
  std::string out{reason};
  if (!text.empty()) out.append(between).append(text);
  return out;
}

}  // namespace

std::string close_in_english(CloseReason reason, const std::string& text) {
  return joined(to_string(reason), ": ", text);
}

std::string close_in_french(CloseReason reason, const std::string& text) {
  const auto known = std::ranges::find(kKnown, text, &Sentence::first);
  return joined(reason_in_french(reason), " : ",
                known == kKnown.end() ? std::string_view{text} : known->second);
}

}  // namespace maillon::net
