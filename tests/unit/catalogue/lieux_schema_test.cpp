#include "node/catalogue/lieux_schema.hpp"

#include <map>

#include "node/catalogue/json_scanner.hpp"
#include "node/catalogue/lieux_lists.hpp"
#include "tests/unit/catalogue/reading.hpp"

namespace maillon::catalogue {
namespace {

/// Number of warnings by field; "" counts the rows without any.
std::map<std::string, int> warnings_of(const std::string& file, LieuxVersion version) {
  std::map<std::string, int> out;
  for (const Row& row : read(published(file)).rows) {
    const auto warnings = validate_lieu(row, version);
    if (warnings.empty()) ++out[""];
    for (const Warning& warning : warnings) {
      EXPECT_EQ(warning.line, row.line);
      EXPECT_FALSE(warning.reason_en.empty() || warning.reason_fr.empty());
      ++out[warning.field];
    }
  }
  return out;
}

/// The warning that a value gives in an otherwise conforming row, if any.
std::optional<Warning> judged(std::string_view field, std::string_view value,
                              LieuxVersion version = LieuxVersion::v1) {
  Row row = read(published("exemple-valide-v1.0.2.csv")).rows.at(0);
  if (version == LieuxVersion::v0_1) row = read(published("exemple-valide-v0.1.1.csv")).rows.at(0);
  std::erase_if(row.fields, [&](const Field& one) { return one.first == field; });
  if (!value.empty()) row.fields.emplace_back(field, Value::of_text(std::string{value}));
  auto warnings = validate_lieu(row, version);
  EXPECT_LE(warnings.size(), 1u);
  if (warnings.empty()) return std::nullopt;
  EXPECT_EQ(warnings[0].field, field);
  return std::move(warnings[0]);
}

std::string proposal(std::string_view field, std::string_view value,
                     LieuxVersion version = LieuxVersion::v1) {
  const auto warning = judged(field, value, version);
  EXPECT_TRUE(warning.has_value()) << field << ' ' << value;
  return warning ? warning->proposal : "nothing to say";
}

TEST(LieuxSchema, ListsAreThoseOfTheOfficialFile) {
  const std::string text = published("schema-lieux-mediation-numerique-v1.0.2.json");
  std::size_t from = 0;
  for (const std::string_view column : lieux_columns(LieuxVersion::v1)) {
    const std::size_t at = text.find("\"name\": \"" + std::string{column} + "\"", from);
    ASSERT_NE(at, std::string::npos) << column << " is missing or out of order";
    from = at;
    const ClosedList* list = closed_list(LieuxVersion::v1, column);
    if (list == nullptr) continue;
    std::string pattern = "(?:(?:^|\\\\|)(";
    for (const std::string_view& term : list->terms) {
      for (const char c : term) {
        if (c == '(' || c == ')') pattern += "\\\\";
        pattern.push_back(c);
      }
      pattern += &term == &list->terms.back() ? "))+$" : "|";
    }
    EXPECT_NE(text.find(pattern, at), std::string::npos) << pattern;
  }
}

TEST(LieuxSchema, TellsVersionsByTheirColumns) {
  const auto version_of = [](const char* file) {
    return detect_lieux_version(read(published(file)).summary.columns);
  };
  EXPECT_EQ(version_of("exemple-valide-v1.0.2.csv"), LieuxVersion::v1);
  EXPECT_EQ(version_of("exemple-valide-v0.1.1.csv"), LieuxVersion::v0_1);
  EXPECT_EQ(version_of("charente.v0.1.json"), LieuxVersion::v0_1);
  EXPECT_EQ(version_of("charente.v1.json"), LieuxVersion::v1);
  EXPECT_EQ(version_of("conseillers-numeriques-permanences.json"), LieuxVersion::v0_1);
  EXPECT_EQ(version_of("le-havre.1.json"), LieuxVersion::v0_1);
  EXPECT_EQ(detect_lieux_version({"id", "nom", "commune", "adresse"}), LieuxVersion::v1);
  EXPECT_EQ(detect_lieux_version({"id", "nom", "quantite"}), std::nullopt);
  EXPECT_EQ(lieux_version_from_name("1"), LieuxVersion::v1);
  EXPECT_EQ(lieux_version_from_name("v0.1"), LieuxVersion::v0_1);
  EXPECT_EQ(lieux_version_from_name("2"), std::nullopt);
}

TEST(LieuxSchema, FindsTheOfficialExamplesConforming) {
  using Counts = std::map<std::string, int>;
  EXPECT_EQ(warnings_of("exemple-valide-v1.0.2.csv", LieuxVersion::v1), (Counts{{"", 1}}));
  EXPECT_EQ(warnings_of("exemple-valide-v0.1.1.csv", LieuxVersion::v0_1), (Counts{{"", 1}}));
  EXPECT_EQ(warnings_of("charente.v0.1.json", LieuxVersion::v0_1), (Counts{{"", 188}}));
  EXPECT_EQ(warnings_of("hinaura.v0.1.json", LieuxVersion::v0_1), (Counts{{"", 687}}));
}

TEST(LieuxSchema, FindsWhatIsWrongInPublishedFiles) {
  using Counts = std::map<std::string, int>;
  // The national map's own v1 file keeps four columns of v0.1; two rows use none of them.
  EXPECT_EQ(warnings_of("charente.v1.json", LieuxVersion::v1),
            (Counts{{"", 2},
                    {"accessibilite", 46},
                    {"courriel", 53},
                    {"labels_nationaux", 182},
                    {"publics_accueillis", 24}}));
  // Telephone numbers in national form.
  EXPECT_EQ(warnings_of("data-inclusion.json", LieuxVersion::v0_1),
            (Counts{{"", 2196}, {"telephone", 246}}));
  // Slashes for separators, curly apostrophes, words for codes.
  const auto le_havre = warnings_of("le-havre.3.json", LieuxVersion::v0_1);
  EXPECT_EQ(le_havre.at("telephone"), 79);
  EXPECT_EQ(le_havre.at("services"), 79);
  EXPECT_EQ(le_havre.at("typologie"), 60);
  EXPECT_EQ(le_havre.contains(""), false);
}

TEST(LieuxSchema, AsksForRequiredFields) {
  for (const char* field : {"pivot", "commune", "code_postal", "adresse", "date_maj"})
    EXPECT_TRUE(judged(field, "").has_value()) << field;
  EXPECT_FALSE(judged("services", "").has_value());
  EXPECT_TRUE(judged("services", "", LieuxVersion::v0_1).has_value());
}

TEST(LieuxSchema, JudgesCodesAndNumbers) {
  for (const char* good : {"00000000000000", "W123456789", "1234567RID"})
    EXPECT_FALSE(judged("pivot", good).has_value()) << good;
  EXPECT_EQ(proposal("pivot", "434 933 123 00029"), "43493312300029");
  EXPECT_EQ(proposal("pivot", "12345678"), "");
  EXPECT_EQ(proposal("code_postal", "1250"), "01250");
  for (const char* good : {"2A004", "2B033", "97411", "01001", "98818"})
    EXPECT_FALSE(judged("code_insee", good).has_value()) << good;
  for (const char* bad : {"20004", "2C004", "A1001", "750560"})
    EXPECT_TRUE(judged("code_insee", bad).has_value()) << bad;
  EXPECT_EQ(proposal("latitude", "45,75"), "45.75");
  EXPECT_TRUE(judged("latitude", "90.1").has_value());
  EXPECT_FALSE(judged("longitude", "-180").has_value());
  EXPECT_TRUE(judged("longitude", "1e3").has_value());
}

TEST(LieuxSchema, JudgesTelephonesAndDates) {
  for (const char* good : {"+33180059880", "+262262123456", "+687123456", "+590590123456"})
    EXPECT_FALSE(judged("telephone", good).has_value()) << good;
  EXPECT_EQ(proposal("telephone", "02 78 34 11 39"), "+33278341139");
  EXPECT_EQ(proposal("telephone", "0262 12 34 56"), "+262262123456");
  EXPECT_EQ(proposal("telephone", "0696.12.34.56"), "+596696123456");
  EXPECT_EQ(proposal("telephone", "+33 (0)1 80 05 98 80"), "+33180059880");
  EXPECT_EQ(proposal("telephone", "0033180059880"), "+33180059880");
  EXPECT_EQ(proposal("telephone", "3949"), "");
  EXPECT_FALSE(judged("date_maj", "2024-02-29").has_value());
  EXPECT_EQ(proposal("date_maj", "2023-02-29"), "");
  EXPECT_EQ(proposal("date_maj", "29/02/2024"), "2024-02-29");
  EXPECT_EQ(proposal("date_maj", "2024-04-02T10:00:00Z"), "2024-04-02");
}

TEST(LieuxSchema, AnEmptyTextIsMissingWhereRequiredAndElsewhereNothing) {
  Row row = read(published("exemple-valide-v1.0.2.csv")).rows.at(0);
  for (auto& [field, value] : row.fields)
    if (field == "telephone" || field == "services" || field == "courriels")
      value = Value::of_text("");
  row.fields.emplace_back("labels_nationaux", Value::of_text(""));
  EXPECT_TRUE(validate_lieu(row, LieuxVersion::v1).empty());
  for (auto& [field, value] : row.fields)
    if (field == "adresse")
      value = Value::of_text("");
    else if (field == "commune")
      value = Value::of_text("  ");
  const auto found = validate_lieu(row, LieuxVersion::v1);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].field, "commune");
  EXPECT_EQ(found[1].field, "adresse");
}

TEST(LieuxSchema, CountsCharactersNotBytes) {
  std::string text;
  for (int i = 0; i < 280; ++i) text += "é";
  EXPECT_FALSE(judged("presentation_resume", text).has_value());
  EXPECT_FALSE(judged("presentation_resume", text + "é", LieuxVersion::v0_1).has_value());
  const auto warning = judged("presentation_resume", text + "é");
  ASSERT_TRUE(warning.has_value());
  EXPECT_LE(warning->value.size(), 203u);
  EXPECT_TRUE(is_utf8(warning->value));
}

TEST(LieuxSchema, ProposesTheSpellingOfTheList) {
  EXPECT_EQ(proposal("modalites_acces", "Ce lieu n’accueille pas de public|Téléphoner"),
            "Ce lieu n'accueille pas de public|Téléphoner");
  EXPECT_FALSE(judged("formations_labels", "Étapes numériques(La Poste)").has_value());
  EXPECT_EQ(proposal("formations_labels", "Étapes numériques (La Poste)"),
            "Étapes numériques(La Poste)");
  EXPECT_EQ(proposal("dispositif_programmes_nationaux", "Point d’accès numérique CAF"),
            "Point d'accès numérique CAF");
  EXPECT_EQ(proposal("frais_a_charge", "gratuit;payant"), "Gratuit|Payant");
  EXPECT_EQ(proposal("frais_a_charge", "Gratuit|"), "Gratuit");
  EXPECT_EQ(proposal("frais_a_charge", "offert"), "");
  EXPECT_EQ(proposal("prise_en_charge_specifique", "Déficiance visuelle"), "Déficience visuelle");
  EXPECT_EQ(proposal("services", "Accéder à du matériel;Créer avec le numérique"),
            "Accès internet et matériel informatique|Loisirs et créations numériques");
  EXPECT_EQ(proposal("courriels", "a@b.fr;c@d.fr"), "a@b.fr|c@d.fr");
  EXPECT_EQ(proposal("typologie", "TIERS_LIEUX;ASSO"), "TIERS_LIEUX|ASSO");
  EXPECT_EQ(proposal("typologie", "Association"), "");
  EXPECT_EQ(proposal("site_web", "https://a.fr;https://b.fr"), "https://a.fr|https://b.fr");
}

TEST(LieuxMigration, AgreesWithTheNationalMap) {
  const Read old = read(published("charente.v0.1.json"));
  std::map<std::string, Row> official;
  for (Row& row : read(published("charente.v1.json")).rows)
    official.emplace(row.external_id, std::move(row));
  int same_services = 0;
  int same_modalites = 0;
  int same_typologie = 0;
  for (const Row& row : old.rows) {
    const Row migrated{row.line, row.external_id, "", migrate_v01_to_v1(row.fields)};
    const Row& expected = official.at(row.external_id);
    for (const char* field : {"frais_a_charge", "nom", "latitude", "horaires"})
      EXPECT_EQ(at(migrated, field), at(expected, field)) << row.external_id << ' ' << field;
    if (at(migrated, "services") == at(expected, "services")) ++same_services;
    const std::string modalites = "modalites_accompagnement";
    if (at(migrated, modalites) == at(expected, modalites)) ++same_modalites;
    if (at(migrated, "typologie") == at(expected, "typologie")) ++same_typologie;
    for (const char* gone : {"conditions_acces", "labels_nationaux", "courriel", "accessibilite"})
      EXPECT_EQ(at(migrated, gone), "") << row.external_id;
  }
  // In one row the official file lost "Insertion professionnelle", which it gives for the same
  // words elsewhere, in three "Accompagnement individuel", in one the type RFS.
  EXPECT_EQ(same_services, 187);
  EXPECT_EQ(same_modalites, 185);
  EXPECT_EQ(same_typologie, 187);
}

TEST(LieuxMigration, SaysTheOfficialExampleInV1) {
  Row row = read(published("exemple-valide-v0.1.1.csv")).rows.at(0);
  row.fields = migrate_v01_to_v1(row.fields);
  EXPECT_EQ(at(row, "typologie"), "TIERS_LIEUX|ASSO");
  EXPECT_EQ(at(row, "site_web"),
            "https://www.laquincaillerie.tl/|https://m.facebook.com/laquincaillerienumerique/");
  EXPECT_EQ(at(row, "courriels"), "contact@laquincaillerie.tl");
  EXPECT_EQ(at(row, "publics_specifiquement_adresses"), "Familles et/ou enfants");
  EXPECT_EQ(at(row, "prise_en_charge_specifique"), "Déficience visuelle");
  EXPECT_EQ(at(row, "dispositif_programmes_nationaux"),
            "France Services|Point d'accès numérique CAF");
  EXPECT_EQ(at(row, "autres_formations_labels"), "SudLabs|Nièvre médiation numérique");
  EXPECT_EQ(at(row, "frais_a_charge"), "Payant");
  EXPECT_TRUE(at(row, "fiche_acces_libre").starts_with("https://acceslibre"));
  // What v1 has no word for stays where it was.
  EXPECT_EQ(at(row, "publics_accueillis"), "Adultes");
  EXPECT_EQ(at(row, "labels_nationaux"), "APTIC");
  EXPECT_TRUE(at(row, "conditions_acces").starts_with("Accepte le Pass numérique"));
  EXPECT_EQ(at(row, "cle_ban"), "13001_3079_00001");
  EXPECT_EQ(row.fields.front().first, "id");
  EXPECT_EQ(row.fields.back().first, "labels_nationaux");
}

TEST(LieuxMigration, CopesWithSlashesAndMisspellings) {
  Row row;
  row.fields = migrate_v01_to_v1(
      {{"services", Value::of_text("Accéder à une connexion Internet / S’équiper en matériel "
                                   "informatique /Danser")},
       {"conditions_access", Value::of_text("Gratuit")},
       {"labels_nationaux", Value::of_text("CNFS, France service")},
       {"labels_autres", Value::of_text("Fabriques de Territoire;Sud Labs (PACA);ZRR")},
       {"publics_accueillis", Value::of_text("Familles/ enfant / Déficiance visuelle / Adultes")},
       {"site_web", Value::of_text("https://a.fr/x;id=2; https://b.fr")},
       {"code_postal", Value{Value::Kind::number, "76600"}}});
  EXPECT_EQ(at(row, "services"),
            "Accès internet et matériel informatique|Acquisition de matériel "
            "informatique à prix solidaire|Danser");
  EXPECT_EQ(at(row, "frais_a_charge"), "Gratuit");
  EXPECT_EQ(at(row, "dispositif_programmes_nationaux"), "Conseillers numériques|France Services");
  EXPECT_EQ(at(row, "formations_labels"), "Fabriques de Territoire|SUD LABS (PACA)");
  EXPECT_EQ(at(row, "autres_formations_labels"), "ZRR");
  EXPECT_EQ(at(row, "publics_specifiquement_adresses"), "Familles et/ou enfants");
  EXPECT_EQ(at(row, "prise_en_charge_specifique"), "Déficience visuelle");
  EXPECT_EQ(at(row, "publics_accueillis"), "Adultes");
  EXPECT_EQ(at(row, "site_web"), "https://a.fr/x;id=2|https://b.fr");
  EXPECT_EQ(kind_at(row, "code_postal"), Value::Kind::number);
}

TEST(LieuxMigration, EmptyListsHoldNoTerm) {
  Row row;
  row.fields = migrate_v01_to_v1({{"id", Value::of_text("1")},
                                  {"services", Value::of_text("")},
                                  {"courriels", Value::of_text("")},
                                  {"courriel", Value::of_text("a@b.fr")},
                                  {"labels_nationaux", Value::of_text("")},
                                  {"horaires", Value::of_text("")}});
  EXPECT_EQ(at(row, "courriels"), "a@b.fr");
  EXPECT_EQ(kind_at(row, "services"), Value::Kind::text);
  EXPECT_EQ(kind_at(row, "horaires"), Value::Kind::text);
  EXPECT_EQ(kind_at(row, "labels_nationaux"), Value::Kind::null);
  EXPECT_EQ(row.fields.size(), 4u);
}

TEST(LieuxMigration, LeavesV1AloneAndIsIdempotent) {
  const Row example = read(published("exemple-valide-v1.0.2.csv")).rows.at(0);
  EXPECT_EQ(migrate_v01_to_v1(example.fields), example.fields);
  for (const char* file : {"charente.v0.1.json", "charente.v1.json", "hinaura.v0.1.json",
                           "data-inclusion.json", "le-havre.3.json"})
    for (const Row& row : read(published(file)).rows) {
      const Fields once = migrate_v01_to_v1(row.fields);
      ASSERT_EQ(migrate_v01_to_v1(once), once) << file << ' ' << row.external_id;
    }
}

}  // namespace
}  // namespace maillon::catalogue
