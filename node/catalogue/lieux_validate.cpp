#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iterator>

#include "node/catalogue/lieux_lists.hpp"
#include "node/catalogue/lieux_schema.hpp"

namespace maillon::catalogue {
namespace {

/// What is wrong with a value; no reason if nothing is.
struct Finding {
  std::string en = {};
  std::string fr = {};
  std::string proposal = {};
};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) noexcept { return std::ranges::all_of(text, is_digit); }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string join(const std::vector<std::string>& terms, std::string_view separator) {
  std::string out;
  for (const std::string& term : terms) {
    if (!out.empty()) out += separator;
    out += term;
  }
  return out;
}

Finding check_pivot(std::string_view text, LieuxVersion) {
  const bool fits = text.size() >= 9 && text.size() <= 14 &&
                    std::ranges::all_of(text, [](char c) { return is_digit(c) || is_letter(c); });
  if (fits) return {};
  std::string compact{text};
  std::erase_if(compact, [](char c) { return c == ' ' || c == '.' || c == '-'; });
  const bool siret = compact.size() == 14 && all_digits(compact);
  return {"a SIRET, RNA or RIDET number: 9 to 14 letters and digits (00000000000000 if unknown)",
          "un numéro SIRET, RNA ou RIDET : 9 à 14 lettres et chiffres (00000000000000 si inconnu)",
          siret ? compact : std::string{}};
}

/// Spreadsheets drop the zero that codes of the first nine departments begin with.
std::string with_lost_zero(std::string_view text) {
  return text.size() == 4 && all_digits(text) ? "0" + std::string{text} : std::string{};
}

Finding check_postal_code(std::string_view text, LieuxVersion) {
  if (text.size() == 5 && all_digits(text)) return {};
  return {"a postal code has five digits", "un code postal a cinq chiffres", with_lost_zero(text)};
}

Finding check_insee_code(std::string_view text, LieuxVersion) {
  // ^([013-9]\d|2[AB1-9])\d{3}$
  const bool fits =
      text.size() == 5 && all_digits(text.substr(2)) && is_digit(text[0]) &&
      (text[0] == '2' ? text[1] == 'A' || text[1] == 'B' || (is_digit(text[1]) && text[1] != '0')
                      : is_digit(text[1]));
  if (fits) return {};
  return {"an INSEE code of a commune: five digits, 2A or 2B in Corsica",
          "un code INSEE de commune : cinq chiffres, 2A ou 2B en Corse", with_lost_zero(text)};
}

Finding check_coordinate(std::string_view text, double bound) {
  if (!is_json_number(text)) {
    std::string point{text};
    std::ranges::replace(point, ',', '.');
    return {"a number of degrees with a decimal point",
            "un nombre de degrés, avec un point décimal",
            is_json_number(point) ? point : std::string{}};
  }
  const double number = std::strtod(std::string{text}.c_str(), nullptr);
  if (number >= -bound && number <= bound) return {};
  const std::string max = std::to_string(static_cast<int>(bound));
  return {"degrees (WGS 84) lie between -" + max + " and " + max,
          "des degrés (WGS 84) entre -" + max + " et " + max};
}

Finding check_latitude(std::string_view text, LieuxVersion) { return check_coordinate(text, 90); }
Finding check_longitude(std::string_view text, LieuxVersion) { return check_coordinate(text, 180); }

bool is_phone(std::string_view text) noexcept {
  static constexpr std::string_view kPrefixes[] = {"+33",  "+590", "+594", "+262", "+596",
                                                   "+269", "+687", "+689", "+508", "+681"};
  for (const std::string_view prefix : kPrefixes) {
    if (!text.starts_with(prefix)) continue;
    const std::string_view rest = text.substr(prefix.size());
    if (rest.size() >= 6 && rest.size() <= 9 && all_digits(rest)) return true;
  }
  return false;
}

/// The international form of a French number; overseas prefixes have their own country codes.
std::string phone_proposal(std::string_view text) {
  std::string digits{text};
  if (const auto zero = digits.find("(0)"); zero != std::string::npos) digits.erase(zero, 3);
  std::erase_if(digits, [](char c) { return !is_digit(c) && c != '+'; });
  if (digits.starts_with("00")) digits.replace(0, 2, "+");
  if (digits.size() == 10 && digits[0] == '0') {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kOverseas = {
        {{"0262", "+262"},
         {"0269", "+262"},
         {"0590", "+590"},
         {"0594", "+594"},
         {"0596", "+596"},
         {"0639", "+262"},
         {"0690", "+590"},
         {"0692", "+262"},
         {"0693", "+262"},
         {"0694", "+594"},
         {"0696", "+596"}}};
    std::string_view country = "+33";
    for (const auto& [prefix, code] : kOverseas)
      if (digits.starts_with(prefix)) country = code;
    digits.replace(0, 1, country);
  }
  return is_phone(digits) ? digits : std::string{};
}

Finding check_phone(std::string_view text, LieuxVersion) {
  if (is_phone(text)) return {};
  return {"a telephone number in international form, without spaces: +33 and nine digits",
          "un numéro de téléphone au format international, sans espaces : +33 et neuf chiffres",
          phone_proposal(text)};
}

bool is_date(std::string_view text) noexcept {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  const auto read = [&](std::size_t from, std::size_t size, auto& out) {
    const std::string_view part = text.substr(from, size);
    if (all_digits(part)) std::from_chars(part.data(), part.data() + part.size(), out);
  };
  read(0, 4, year);
  read(5, 2, month);
  read(8, 2, day);
  return std::chrono::year_month_day{std::chrono::year{year}, std::chrono::month{month},
                                     std::chrono::day{day}}
      .ok();
}

Finding check_date(std::string_view text, LieuxVersion) {
  if (is_date(text)) return {};
  std::string proposal{text.substr(0, 10)};
  if (text.size() >= 10 && text[2] == '/' && text[5] == '/')
    proposal = std::string{text.substr(6, 4)} + "-" + std::string{text.substr(3, 2)} + "-" +
               std::string{text.substr(0, 2)};
  return {"a day as YYYY-MM-DD", "un jour sous la forme AAAA-MM-JJ",
          is_date(proposal) ? proposal : std::string{}};
}

Finding check_summary(std::string_view text, LieuxVersion version) {
  const std::ptrdiff_t max = version == LieuxVersion::v1 ? 280 : 500;
  const auto begins_character = [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  };
  const std::ptrdiff_t characters = std::ranges::count_if(text, begins_character);
  if (characters <= max) return {};
  return {std::to_string(characters) + " characters; " + std::to_string(max) + " at most",
          std::to_string(characters) + " caractères ; " + std::to_string(max) + " au plus"};
}

char separator_of(LieuxVersion version) noexcept { return version == LieuxVersion::v1 ? '|' : ';'; }

/// True if every piece between separators fits; an empty piece is one too.
template <class Fits>
bool all_pieces(std::string_view text, char separator, const Fits& fits) {
  for (;;) {
    const std::size_t end = text.find(separator);
    if (!fits(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

/// `fits` judges one element of the list; elements of the other version's lists are proposed anew.
template <class Fits>
Finding check_list(std::string_view text, LieuxVersion version, const Fits& fits, Finding wrong) {
  const char separator = separator_of(version);
  if (all_pieces(text, separator, fits)) return {};
  static constexpr std::string_view kSeparators[] = {";", "|", ",", "\n", " "};
  std::vector<std::string> again;
  for (const std::string_view piece : pieces(text, kSeparators)) again.emplace_back(piece);
  if (!again.empty() && std::ranges::all_of(again, fits))
    wrong.proposal = join(again, std::string{separator});
  return wrong;
}

Finding check_emails(std::string_view text, LieuxVersion version) {
  const auto fits = [](std::string_view one) {
    const std::size_t at = one.find('@');
    return at != std::string::npos && at > 0 && one.find('.', at) != std::string::npos &&
           one.find_first_of(" ;,|\n") == std::string::npos;
  };
  return check_list(text, version, fits,
                    {"e-mail addresses, separated by " + std::string{separator_of(version)},
                     "des courriels, séparés par " + std::string{separator_of(version)}});
}

Finding check_urls(std::string_view text, LieuxVersion version) {
  const auto fits = [](std::string_view one) {
    const bool web = one.starts_with("http://") || one.starts_with("https://");
    return web && one.find_first_of(" \n|") == std::string::npos &&
           one.find(";http") == std::string::npos;
  };
  return check_list(
      text, version, fits,
      {"web addresses (https://…), separated by " + std::string{separator_of(version)},
       "des adresses web (https://…), séparées par " + std::string{separator_of(version)}});
}

Finding check_typologies(std::string_view text, LieuxVersion version) {
  const auto fits = [](std::string_view one) { return is_typology(one); };
  const std::string separator{separator_of(version)};
  return check_list(text, version, fits,
                    {"codes of structure types, separated by " + separator,
                     "des codes de types de structure, séparés par " + separator});
}

/// The spelling that the list has for a term, through v0.1's words for v1; empty if none.
std::string_view proposed_term(const ClosedList& list, LieuxVersion version,
                               std::string_view term) {
  // Most files spell a version's terms right: look at these before folding anything.
  if (version == LieuxVersion::v1)
    for (const TermMove& move : term_moves())
      if (move.new_field == list.field && move.old_term == term) return move.new_term;
  if (const std::string_view same = same_term(list, term); !same.empty()) return same;
  if (version == LieuxVersion::v0_1) return {};
  const std::string wanted = folded(term);
  for (const TermMove& move : term_moves())
    if (move.new_field == list.field && is_same_folded(folded_known(move.old_term), wanted))
      return move.new_term;
  return {};
}

Finding check_terms(std::string_view text, LieuxVersion version, const ClosedList& list) {
  const char separator = separator_of(version);
  const auto exact = [&](std::string_view term) {
    return std::ranges::find(list.terms, term) != list.terms.end();
  };
  if (all_pieces(text, separator, exact)) return {};
  std::vector<std::string> proposal;
  std::vector<std::string> unknown;
  const auto known = [&](std::string_view term) {
    return exact(term) || !proposed_term(list, version, term).empty();
  };
  for (const std::string& term : split_terms(text, known)) {
    const std::string_view better = exact(term) ? term : proposed_term(list, version, term);
    if (better.empty())
      unknown.push_back(term);
    else if (std::ranges::find(proposal, better) == proposal.end())
      proposal.emplace_back(better);
  }
  if (!unknown.empty())
    return {"not in the schema's list: " + join(unknown, ", "),
            "absent de la liste du schéma : " + join(unknown, ", ")};
  return {"spelled otherwise than the schema's list", "écrit autrement que dans la liste du schéma",
          join(proposal, std::string{separator})};
}

/// How a version judges a column that is no closed list.
struct Rule {
  std::string_view field;
  bool v0_1;
  bool v1;
  Finding (*check)(std::string_view text, LieuxVersion version);
};

constexpr Rule kRules[] = {
    {"pivot", true, true, check_pivot},
    {"code_postal", true, true, check_postal_code},
    {"code_insee", true, true, check_insee_code},
    {"latitude", true, true, check_latitude},
    {"longitude", true, true, check_longitude},
    {"typologie", true, true, check_typologies},
    {"telephone", true, true, check_phone},
    {"courriel", true, false, check_emails},
    {"courriels", false, true, check_emails},
    {"site_web", true, true, check_urls},
    {"presentation_resume", true, true, check_summary},
    {"date_maj", true, true, check_date},
    {"accessibilite", true, false, check_urls},
    {"fiche_acces_libre", false, true, check_urls},
    {"prise_rdv", true, true, check_urls},
};

Finding check_value(std::string_view field, std::string_view text, LieuxVersion version) {
  if (const ClosedList* list = closed_list(version, field))
    return check_terms(text, version, *list);
  const auto* rule = std::ranges::find(kRules, field, &Rule::field);
  if (rule == std::end(kRules)) return {};
  return (version == LieuxVersion::v1 ? rule->v1 : rule->v0_1) ? rule->check(text, version)
                                                               : Finding{};
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kMax = 200;
  if (text.size() <= kMax) return std::string{text};
  std::size_t end = kMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string{text.substr(0, end)} + "…";
}

Finding check_name(std::string_view field, LieuxVersion version) {
  if (version == LieuxVersion::v0_1) return {};
  for (const ColumnMove& move : column_moves()) {
    if (move.old_field != field) continue;
    const std::string now{move.new_field};
    return {"a column of v0.1; v1 calls it `" + now + "`",
            "une colonne de la v0.1 ; la v1 l'appelle « " + now + " »", now};
  }
  return {};
}

bool is_empty(const Value& value) noexcept {
  return value.is_null() || (value.kind() == Value::Kind::text && value.text().empty());
}

bool is_blank(const Value& value) noexcept {
  return value.is_null() || (value.kind() == Value::Kind::text &&
                             value.text().find_first_not_of(" \t\r\n") == std::string::npos);
}

}  // namespace

std::vector<Warning> validate_lieu(const Row& row, LieuxVersion version) {
  std::vector<Warning> out;
  const auto warn = [&](std::string_view field, std::string_view value, Finding&& finding) {
    if (finding.en.empty()) return;
    out.push_back({row.line, std::string{field}, shortened(value), std::move(finding.proposal),
                   std::move(finding.en), std::move(finding.fr), row.record});
  };
  for (const auto& [field, value] : row.fields) {
    if (is_empty(value)) continue;
    const bool is_bool = value.kind() == Value::Kind::no || value.kind() == Value::Kind::yes;
    const std::string_view text = is_bool ? (value.kind() == Value::Kind::yes ? "true" : "false")
                                          : std::string_view{value.text()};
    warn(field, text, check_name(field, version));
    warn(field, text, check_value(field, text, version));
  }
  static constexpr std::string_view kRequired[] = {"id",          "pivot",   "nom",     "commune",
                                                   "code_postal", "adresse", "date_maj"};
  const auto require = [&](std::string_view field) {
    const auto found = std::ranges::find(row.fields, field, &Field::first);
    if (found == row.fields.end() || is_blank(found->second))
      warn(field, "", {"the schema requires this field", "le schéma exige ce champ"});
  };
  std::ranges::for_each(kRequired, require);
  if (version == LieuxVersion::v0_1) require("services");
  return out;
}

}  // namespace maillon::catalogue
