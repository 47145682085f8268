#include "node/admin/assignment.hpp"

#include "node/admin/words.hpp"
#include "node/catalogue/json_scanner.hpp"
#include "proto/limits.hpp"

namespace maillon::admin {
namespace {

Error wrong(std::string_view argument, const char* en, const char* fr) {
  return said(Errc::usage, fmt::format("`{}`: {}", for_terminal(argument, 80), en),
              fmt::format("« {} » : {}", for_terminal(argument, 80), fr),
              "write FIELD=VALUE, or FIELD:=JSON for numbers, true, false, null and lists",
              "écrivez CHAMP=VALEUR, ou CHAMP:=JSON pour nombres, true, false, null et listes");
}

}  // namespace

Result<std::pair<std::string, Value>> parse_assignment(std::string_view argument) {
  if (!is_utf8(argument) || argument.find('\0') != std::string_view::npos)
    return wrong("…", "this is not UTF-8 text", "ce n’est pas du texte UTF-8");
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos)
    return wrong(argument, "there is no = in it", "il n’y a pas de signe =");
  const bool json = equals > 0 && argument[equals - 1] == ':';
  const std::string_view name = argument.substr(0, equals - (json ? 1 : 0));
  const std::string_view text = argument.substr(equals + 1);
  if (name.empty()) return wrong(argument, "no field is named", "aucun champ n’est nommé");
  if (name.size() > limits::kNameMax)
    return wrong(argument, "the field's name is too long", "le nom du champ est trop long");
  if (text.size() > limits::kImportCellMax)
    return wrong(argument, "the value is larger than 256 KiB", "la valeur dépasse 256 Kio");
  std::pair<std::string, Value> out{std::string{name}, Value{}};
  if (json) {
    catalogue::JsonScanner scanner{text};
    scanner.skip_space();
    const bool read = scanner.value(out.second, 0);
    scanner.skip_space();
    if (!read || !scanner.at_end())
      return wrong(argument, "what follows := is not JSON", "ce qui suit := n’est pas du JSON");
  } else if ((name == "latitude" || name == "longitude") && is_json_number(text)) {
    out.second = Value{Value::Kind::number, std::string{text}};
  } else if (!text.empty()) {
    out.second = Value::of_text(std::string{text});
  }
  return out;
}

}  // namespace maillon::admin
