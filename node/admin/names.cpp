#include "node/admin/names.hpp"

#include <algorithm>

#include "node/federation/decisions.hpp"
#include "proto/limits.hpp"

namespace maillon::admin {
namespace {

constexpr std::size_t kIdDigits = 8;  ///< from so many hexadecimal digits on, a name reads as an id
constexpr std::size_t kRegionMax = 16;  ///< characters

constexpr std::array<std::string_view, 7> kBlanks{" ",      "\t",     "\n",    "\u00a0",
                                                  "\u2007", "\u202f", "\u3000"};

std::string_view trimmed(std::string_view text) {
  const auto at_front = [&](std::string_view blank) { return text.starts_with(blank); };
  const auto at_back = [&](std::string_view blank) { return text.ends_with(blank); };
  for (auto one = kBlanks.end();
       one = std::ranges::find_if(kBlanks, at_front), one != kBlanks.end();)
    text.remove_prefix(one->size());
  for (auto one = kBlanks.end();
       one = std::ranges::find_if(kBlanks, at_back), one != kBlanks.end();)
    text.remove_suffix(one->size());
  return text;
}

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool hides_something(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (unseen_at(text, i) > 0) return true;
  return false;
}

/// At most two parts, as catalogue/16, none of which leads elsewhere where it names a folder.
bool has_parts_of_a_space(std::string_view text) {
  const auto is_part = [](std::string_view part) {
    return !part.empty() && part != "." && part != ".." && part.find('/') == part.npos;
  };
  const auto slash = text.find('/');
  if (slash == text.npos) return is_part(text);
  return is_part(text.substr(0, slash)) && is_part(text.substr(slash + 1));
}

Error bad_name(std::string en, std::string fr) {
  return said(Errc::usage, std::move(en), std::move(fr), "give another name",
              "donnez un autre nom");
}

}  // namespace

Result<std::string> proper_name(std::string_view text, Naming what) {
  if (!is_utf8(text))
    return bad_name("a name must be UTF-8 text", "un nom doit être du texte UTF-8");
  const std::string_view name = trimmed(text);
  if (name.empty() || name.size() > limits::kNameMax)
    return bad_name("a name has 1 to 256 bytes, and more than blanks",
                    "un nom fait de 1 à 256 octets, et autre chose que des espaces");
  if (hides_something(name))
    return bad_name("a name must not hold characters that cannot be seen",
                    "un nom ne doit pas contenir de caractères invisibles");
  if (what == Naming::member && name.size() >= kIdDigits && std::ranges::all_of(name, is_hex))
    return bad_name("`" + std::string{name} + "` would pass for a member's id",
                    "« " + std::string{name} + " » passerait pour l’identifiant d’un membre");
  const bool like_a_rule = federation::is_rule(name) || name.starts_with("region:") ||
                           name.starts_with("role:") || name.starts_with("member:");
  if (what == Naming::member && like_a_rule)
    return bad_name("`" + std::string{name} + "` means something else in rules of spaces",
                    "« " + std::string{name} + " » a un autre sens dans les règles des espaces");
  if (what == Naming::space && !has_parts_of_a_space(name))
    return bad_name("a space's name has one slash at most, between two words that are not . or ..",
                    "le nom d’un espace a au plus une barre, entre deux mots qui ne sont ni . ni ..");
  return std::string{name};
}

Result<void> check_region(std::string_view code) {
  const bool fits = code.size() <= kRegionMax && !code.starts_with('-') &&
                    std::ranges::all_of(code, [](char c) { return is_alnum(c) || c == '-'; });
  if (fits) return {};
  return said(Errc::usage, "`" + for_terminal(code, 40) + "` is no region code",
              "« " + for_terminal(code, 40) + " » n’est pas un code de région",
              "write up to 16 letters, digits and hyphens, for example 16 or 2A",
              "écrivez au plus 16 lettres, chiffres et tirets, par exemple 16 ou 2A");
}

}  // namespace maillon::admin
