#include "node/catalogue/lieux_lists.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace maillon::catalogue {
namespace {

constexpr std::string_view kColumnsV1[] = {"id",
                                           "pivot",
                                           "nom",
                                           "commune",
                                           "code_postal",
                                           "code_insee",
                                           "adresse",
                                           "complement_adresse",
                                           "latitude",
                                           "longitude",
                                           "typologie",
                                           "telephone",
                                           "courriels",
                                           "site_web",
                                           "horaires",
                                           "presentation_resume",
                                           "presentation_detail",
                                           "source",
                                           "itinerance",
                                           "structure_parente",
                                           "date_maj",
                                           "services",
                                           "publics_specifiquement_adresses",
                                           "prise_en_charge_specifique",
                                           "frais_a_charge",
                                           "dispositif_programmes_nationaux",
                                           "formations_labels",
                                           "autres_formations_labels",
                                           "modalites_acces",
                                           "modalites_accompagnement",
                                           "fiche_acces_libre",
                                           "prise_rdv"};

constexpr std::string_view kColumnsV01[] = {"id",
                                            "pivot",
                                            "nom",
                                            "commune",
                                            "code_postal",
                                            "code_insee",
                                            "adresse",
                                            "complement_adresse",
                                            "latitude",
                                            "longitude",
                                            "cle_ban",
                                            "typologie",
                                            "telephone",
                                            "courriel",
                                            "site_web",
                                            "horaires",
                                            "presentation_resume",
                                            "presentation_detail",
                                            "source",
                                            "structure_parente",
                                            "date_maj",
                                            "services",
                                            "publics_accueillis",
                                            "conditions_acces",
                                            "labels_nationaux",
                                            "labels_autres",
                                            "modalites_accompagnement",
                                            "accessibilite",
                                            "prise_rdv"};

// v1.0.2, as the patterns of the schema file spell them.
constexpr std::string_view kItinerance[] = {"Itinérant", "Fixe"};
constexpr std::string_view kServices[] = {"Aide aux démarches administratives",
                                          "Maîtrise des outils numériques du quotidien",
                                          "Insertion professionnelle via le numérique",
                                          "Utilisation sécurisée du numérique",
                                          "Parentalité et éducation avec le numérique",
                                          "Loisirs et créations numériques",
                                          "Compréhension du monde numérique",
                                          "Accès internet et matériel informatique",
                                          "Acquisition de matériel informatique à prix solidaire"};
constexpr std::string_view kPublics[] = {"Jeunes", "Étudiants", "Familles et/ou enfants", "Seniors",
                                         "Femmes"};
constexpr std::string_view kPriseEnCharge[] = {"Surdité",
                                               "Handicaps moteurs",
                                               "Handicaps mentaux",
                                               "Illettrisme",
                                               "Langues étrangères (anglais)",
                                               "Langues étrangères (autres)",
                                               "Déficience visuelle"};
constexpr std::string_view kFrais[] = {"Gratuit", "Gratuit sous condition", "Payant"};
constexpr std::string_view kDispositifs[] = {"Aidants Connect",
                                             "Bibliothèques numérique de référence",
                                             "Certification PIX",
                                             "Conseillers numériques",
                                             "Emmaüs Connect",
                                             "France Services",
                                             "Grande école du numérique",
                                             "La Croix Rouge",
                                             "Point d'accès numérique CAF",
                                             "Promeneurs du net",
                                             "Relais numérique (Emmaüs Connect)"};
constexpr std::string_view kFormations[] = {
    "Formé à « Mon Espace Santé »",
    "Formé à « DUPLEX » (illettrisme)",
    "Arnia/MedNum BFC (Bourgogne-Franche-Comté)",
    "Collectif ressources et acteurs réemploi (Normandie)",
    "Étapes numériques(La Poste)",  // The pattern has no space, the prose of the schema has one.
    "Fabriques de Territoire",
    "Les Éclaireurs du numérique (Drôme)",
    "Mes Papiers (Métropole de Lyon)",
    "ORDI 3.0",
    "SUD LABS (PACA)"};
constexpr std::string_view kModalitesAcces[] = {"Se présenter",
                                                "Téléphoner",
                                                "Contacter par mail",
                                                "Prendre un RDV en ligne",
                                                "Ce lieu n'accueille pas de public",
                                                "Envoyer un mail avec une fiche de prescription"};
constexpr std::string_view kModalites[] = {"En autonomie", "Accompagnement individuel",
                                           "Dans un atelier collectif", "À distance"};

constexpr ClosedList kListsV1[] = {
    {"itinerance", kItinerance},
    {"services", kServices},
    {"publics_specifiquement_adresses", kPublics},
    {"prise_en_charge_specifique", kPriseEnCharge},
    {"frais_a_charge", kFrais},
    {"dispositif_programmes_nationaux", kDispositifs},
    {"formations_labels", kFormations},
    {"modalites_acces", kModalitesAcces},
    {"modalites_accompagnement", kModalites},
};

constexpr std::string_view kGratuit =
    "Gratuit : Je peux accéder gratuitement au lieu et à ses services";
constexpr std::string_view kSousCondition =
    "Gratuit sous condition : La gratuité est conditionnée à des critères (situation familiale, "
    "convention avec un organisme social...)";
constexpr std::string_view kPayant = "Payant : L'accès au lieu et/ou à ses services est payant";
constexpr std::string_view kPass =
    "Accepte le Pass numérique : Il est possible d'utiliser un Pass numérique pour accéder au lieu";
constexpr std::string_view kAdhesion =
    "Adhésion : L'accès au lieu et/ou à ses services nécessite d'y adhérer";
constexpr std::string_view kPsychiques =
    "Handicaps psychiques : troubles psychiatriques donnant lieu à des atteintes comportementales";
constexpr std::string_view kMentaux =
    "Handicaps mentaux : déficiences limitant les activités d'une personne";
constexpr std::string_view kSeul = "Seul : j'ai accès à du matériel et une connexion";
constexpr std::string_view kAide =
    "Avec de l'aide : je suis accompagné seul dans l'usage du numérique";
constexpr std::string_view kAtelier =
    "Dans un atelier : j'apprends collectivement à utiliser le numérique";
constexpr std::string_view kAMaPlace =
    "A ma place : une personne habilitée fait les démarches à ma place";

// v0.1.
constexpr std::string_view kServicesV01[] = {
    "Devenir autonome dans les démarches administratives",
    "Réaliser des démarches administratives avec un accompagnement",
    "Prendre en main un smartphone ou une tablette",
    "Prendre en main un ordinateur",
    "Utiliser le numérique au quotidien",
    "Approfondir ma culture numérique",
    "Favoriser mon insertion professionnelle",
    "Accéder à une connexion internet",
    "Accéder à du matériel",
    "S'équiper en matériel informatique",
    "Créer et développer mon entreprise",
    "Créer avec le numérique",
    "Accompagner les démarches de santé",
    "Promouvoir la citoyenneté numérique",
    "Soutenir la parentalité et l'éducation avec le numérique"};
constexpr std::string_view kPublicsV01[] = {"Seniors (+ 65 ans)",
                                            "Familles/enfants",
                                            "Adultes",
                                            "Jeunes (16-26 ans)",
                                            "Public langues étrangères",
                                            "Déficience visuelle",
                                            "Surdité",
                                            kPsychiques,
                                            kMentaux,
                                            "Uniquement femmes",
                                            "Personnes en situation d'illettrisme"};
constexpr std::string_view kConditionsV01[] = {kGratuit, kSousCondition, kPayant, kPass, kAdhesion};
constexpr std::string_view kLabelsV01[] = {"France Services",
                                           "CNFS",
                                           "APTIC",
                                           "Aidants Connect",
                                           "Fabriques de Territoire",
                                           "Grandes écoles du numérique",
                                           "Point relais CAF",
                                           "Point numérique CAF",
                                           "Relais pôle emploi",
                                           "French Tech",
                                           "Campus connecté"};
constexpr std::string_view kModalitesV01[] = {kSeul, kAide, kAtelier, kAMaPlace};

constexpr ClosedList kListsV01[] = {
    {"services", kServicesV01},
    {"publics_accueillis", kPublicsV01},
    {"conditions_acces", kConditionsV01},
    {"labels_nationaux", kLabelsV01},
    {"modalites_accompagnement", kModalitesV01},
};

// As the national map has moved its own data; what is not here has no counterpart.
constexpr std::string_view kAdministratif = "Aide aux démarches administratives";
constexpr std::string_view kQuotidien = "Maîtrise des outils numériques du quotidien";
constexpr std::string_view kInsertion = "Insertion professionnelle via le numérique";
constexpr std::string_view kMonde = "Compréhension du monde numérique";
constexpr std::string_view kAcces = "Accès internet et matériel informatique";
constexpr std::string_view kPublicsField = "publics_specifiquement_adresses";
constexpr std::string_view kChargeField = "prise_en_charge_specifique";
constexpr std::string_view kDispositifField = "dispositif_programmes_nationaux";
constexpr TermMove kTermMoves[] = {
    {"services", kServicesV01[0], "services", kAdministratif},
    {"services", kServicesV01[1], "services", kAdministratif},
    {"services", kServicesV01[2], "services", kQuotidien},
    {"services", kServicesV01[3], "services", kQuotidien},
    {"services", kServicesV01[4], "services", kQuotidien},
    {"services", kServicesV01[5], "services", kMonde},
    {"services", kServicesV01[6], "services", kInsertion},
    {"services", kServicesV01[7], "services", kAcces},
    {"services", kServicesV01[8], "services", kAcces},
    {"services", kServicesV01[9], "services", kServices[8]},
    {"services", kServicesV01[10], "services", kInsertion},
    {"services", kServicesV01[11], "services", "Loisirs et créations numériques"},
    {"services", kServicesV01[12], "services", kAdministratif},
    {"services", kServicesV01[13], "services", kMonde},
    {"services", kServicesV01[14], "services", "Parentalité et éducation avec le numérique"},
    {"publics_accueillis", "Seniors (+ 65 ans)", kPublicsField, "Seniors"},
    {"publics_accueillis", "Familles/enfants", kPublicsField, "Familles et/ou enfants"},
    {"publics_accueillis", "Jeunes (16-26 ans)", kPublicsField, "Jeunes"},
    {"publics_accueillis", "Uniquement femmes", kPublicsField, "Femmes"},
    {"publics_accueillis", "Public langues étrangères", kChargeField,
     "Langues étrangères (anglais)"},
    {"publics_accueillis", "Public langues étrangères", kChargeField,
     "Langues étrangères (autres)"},
    {"publics_accueillis", "Déficience visuelle", kChargeField, "Déficience visuelle"},
    {"publics_accueillis", "Surdité", kChargeField, "Surdité"},
    {"publics_accueillis", kPsychiques, kChargeField, "Handicaps mentaux"},
    {"publics_accueillis", kMentaux, kChargeField, "Handicaps mentaux"},
    {"publics_accueillis", "Personnes en situation d'illettrisme", kChargeField, "Illettrisme"},
    {"conditions_acces", kGratuit, "frais_a_charge", "Gratuit"},
    {"conditions_acces", kSousCondition, "frais_a_charge", "Gratuit sous condition"},
    {"conditions_acces", kPayant, "frais_a_charge", "Payant"},
    {"conditions_acces", kAdhesion, "frais_a_charge", "Payant"},
    {"labels_nationaux", "France Services", kDispositifField, "France Services"},
    {"labels_nationaux", "CNFS", kDispositifField, "Conseillers numériques"},
    {"labels_nationaux", "Aidants Connect", kDispositifField, "Aidants Connect"},
    {"labels_nationaux", "Grandes écoles du numérique", kDispositifField,
     "Grande école du numérique"},
    {"labels_nationaux", "Point relais CAF", kDispositifField, "Point d'accès numérique CAF"},
    {"labels_nationaux", "Point numérique CAF", kDispositifField, "Point d'accès numérique CAF"},
    {"labels_nationaux", "Fabriques de Territoire", "formations_labels", "Fabriques de Territoire"},
    {"modalites_accompagnement", kSeul, "modalites_accompagnement", "En autonomie"},
    {"modalites_accompagnement", kAide, "modalites_accompagnement", "Accompagnement individuel"},
    {"modalites_accompagnement", kAMaPlace, "modalites_accompagnement",
     "Accompagnement individuel"},
    {"modalites_accompagnement", kAtelier, "modalites_accompagnement", "Dans un atelier collectif"},
};

constexpr ColumnMove kColumnMoves[] = {
    {"courriel", "courriels"},
    {"publics_accueillis", "publics_specifiquement_adresses"},
    {"conditions_acces", "frais_a_charge"},
    {"conditions_access", "frais_a_charge"},  // How the files of 2022 spell it.
    {"labels_nationaux", "dispositif_programmes_nationaux"},
    {"labels_autres", "autres_formations_labels"},
    {"accessibilite", "fiche_acces_libre"},
};

constexpr std::string_view kTypologies[] = {"ACI",          "ACIPHC",
                                            "AFPA",         "AI",
                                            "ASE",          "ASSO",
                                            "ASSO_CHOMEUR", "AVIP",
                                            "Autre",        "BIB",
                                            "CAARUD",       "CADA",
                                            "CAF",          "CAP_EMPLOI",
                                            "CAVA",         "CC",
                                            "CCAS",         "CCONS",
                                            "CD",           "CDAS",
                                            "CFP",          "CHRS",
                                            "CHU",          "CIAS",
                                            "CIDFF",        "CITMET",
                                            "CMP",          "CMS",
                                            "CPAM",         "CPH",
                                            "CS",           "CSAPA",
                                            "CSC",          "DEETS",
                                            "DEPT",         "DIPLP",
                                            "E2C",          "EA",
                                            "EATT",         "EI",
                                            "EITI",         "ENM",
                                            "EPCI",         "EPI",
                                            "EPIDE",        "EPN",
                                            "ES",           "ESAT",
                                            "ESS",          "ETTI",
                                            "EVS",          "FABLAB",
                                            "FABRIQUE",     "FAIS",
                                            "FT",           "GEIQ",
                                            "HUDA",         "LA_POSTE",
                                            "MDE",          "MDEF",
                                            "MDH",          "MDPH",
                                            "MDS",          "MJC",
                                            "ML",           "MQ",
                                            "MSA",          "MSAP",
                                            "MUNI",         "OACAS",
                                            "ODC",          "OF",
                                            "OIL",          "OPCS",
                                            "PAD",          "PE",
                                            "PENSION",      "PI",
                                            "PIJ_BIJ",      "PIMMS",
                                            "PJJ",          "PLIE",
                                            "PREF",         "PREVENTION",
                                            "REG",          "RELAIS_LECTURE",
                                            "RESSOURCERIE", "RFS",
                                            "RS_FJT",       "SCP",
                                            "SPIP",         "TIERS_LIEUX",
                                            "UDAF"};
static_assert(std::ranges::is_sorted(kTypologies));

/// Letters of Latin-1, from U+00C0 to U+00FF, without case and accent; a space where none is left.
constexpr std::string_view kLatin1 =
    "aaaaaaaceeeeiiiidnooooo ouuuuyt aaaaaaaceeeeiiiidnooooo ouuuuyty";
static_assert(kLatin1.size() == 64);

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kNoBreak = "\xc2\xa0";
  constexpr std::string_view kSpace = " \t\r\n";
  for (;;) {
    if (text.starts_with(kNoBreak))
      text.remove_prefix(kNoBreak.size());
    else if (text.ends_with(kNoBreak))
      text.remove_suffix(kNoBreak.size());
    else if (!text.empty() && kSpace.find(text.front()) != std::string_view::npos)
      text.remove_prefix(1);
    else if (!text.empty() && kSpace.find(text.back()) != std::string_view::npos)
      text.remove_suffix(1);
    else
      return text;
  }
}

}  // namespace

std::span<const std::string_view> lieux_columns(LieuxVersion version) noexcept {
  if (version == LieuxVersion::v1) return kColumnsV1;
  return kColumnsV01;
}

const ClosedList* closed_list(LieuxVersion version, std::string_view field) noexcept {
  const std::span<const ClosedList> lists =
      version == LieuxVersion::v1 ? std::span<const ClosedList>{kListsV1} : kListsV01;
  const auto found = std::ranges::find(lists, field, &ClosedList::field);
  return found == lists.end() ? nullptr : &*found;
}

std::span<const TermMove> term_moves() noexcept { return kTermMoves; }
std::span<const ColumnMove> column_moves() noexcept { return kColumnMoves; }

bool is_typology(std::string_view code) noexcept {
  return std::ranges::binary_search(kTypologies, code);
}

std::string folded(std::string_view term) {
  std::string out;
  for (std::size_t i = 0; i < term.size(); ++i) {
    const auto byte = static_cast<unsigned char>(term[i]);
    const auto next = i + 1 < term.size() ? static_cast<unsigned char>(term[i + 1]) : 0u;
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z')) {
      out.push_back(term[i]);
    } else if (byte >= 'A' && byte <= 'Z') {
      out.push_back(static_cast<char>(byte - 'A' + 'a'));
    } else if (byte == 0xc3 && next >= 0x80 && next <= 0xbf) {  // U+00C0 to U+00FF
      if (const char letter = kLatin1[next - 0x80]; letter != ' ') out.push_back(letter);
      ++i;
    } else if (byte == 0xc5 && (next == 0x92 || next == 0x93)) {  // Œ, œ
      out += "oe";
      ++i;
    } else if (byte == 0xcc && next >= 0x80) {  // A combining accent.
      ++i;
    }
  }
  return out;
}

const std::string& folded_known(std::string_view known) {
  static const std::unordered_map<std::string_view, std::string> all = [] {
    std::unordered_map<std::string_view, std::string> out;
    const auto add = [&](std::string_view term) { out.try_emplace(term, folded(term)); };
    for (const ClosedList& list : kListsV1) std::ranges::for_each(list.terms, add);
    for (const ClosedList& list : kListsV01) std::ranges::for_each(list.terms, add);
    return out;
  }();
  const auto found = all.find(known);
  MAILLON_ASSERT(found != all.end(), "a term outside the tables");
  return found->second;
}

bool is_same_folded(std::string_view a, std::string_view b) noexcept {
  if (a == b) return true;
  if (a.size() < b.size()) std::swap(a, b);
  constexpr std::size_t kLong = 8;  // Below, one letter makes another word.
  if (b.size() < kLong || a.size() - b.size() > 1) return false;
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  const std::string_view rest_a{in_a + 1, a.end()};
  return rest_a == std::string_view{a.size() == b.size() ? in_b + 1 : in_b, b.end()};
}

std::string_view same_term(const ClosedList& list, std::string_view term) {
  const auto exact = std::ranges::find(list.terms, term);
  if (exact != list.terms.end()) return *exact;
  const std::string wanted = folded(term);
  if (wanted.empty()) return {};
  for (const std::string_view known : list.terms)
    if (is_same_folded(folded_known(known), wanted)) return known;
  return {};
}

std::vector<std::string_view> pieces(std::string_view text,
                                     std::span<const std::string_view> separators) {
  std::vector<std::string_view> out;
  for (;;) {
    std::size_t first = std::string_view::npos;
    std::size_t length = 0;
    for (const std::string_view separator : separators) {
      const std::size_t at = text.find(separator);
      if (at < first) first = at, length = separator.size();
    }
    if (const auto piece = trimmed(text.substr(0, first)); !piece.empty()) out.push_back(piece);
    if (first == std::string_view::npos) return out;
    text.remove_prefix(first + length);
  }
}

namespace {

constexpr std::string_view kCommas[] = {" / ", ", "};
constexpr std::string_view kTightSlashes[] = {"/ ", " /"};
constexpr std::string_view kSlash[] = {"/"};
constexpr std::array<std::span<const std::string_view>, 3> kLooseSeparators = {
    kCommas, kTightSlashes, kSlash};

/// Appends the terms of a piece, which stays whole unless a split finds a known term. True if one
/// was found.
bool split_loosely(std::string_view piece, std::size_t level, const IsTerm& known,
                   std::vector<std::string>& out) {
  if (known(piece) || level == kLooseSeparators.size()) {
    out.emplace_back(piece);
    return known(piece);
  }
  std::vector<std::string> parts;
  bool any = false;
  for (const std::string_view part : pieces(piece, kLooseSeparators[level]))
    any = split_loosely(part, level + 1, known, parts) || any;
  if (any)
    std::ranges::move(parts, std::back_inserter(out));
  else
    out.emplace_back(piece);
  return any;
}

}  // namespace

std::vector<std::string> split_terms(std::string_view cell, const IsTerm& known) {
  static constexpr std::string_view kHard[] = {";", "|", "\n", "\r"};
  std::vector<std::string> out;
  for (const std::string_view piece : pieces(cell, kHard)) split_loosely(piece, 0, known, out);
  return out;
}

}  // namespace maillon::catalogue
