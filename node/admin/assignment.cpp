#include "node/admin/assignment.hpp"

#include "node/admin/words.hpp"
#include "node/catalogue/json_scanner.hpp"
#include "proto/limits.hpp"

namespace maillon::admin {
namespace {

Error wrong(std::string_view argument, const char* en, const char* fr) {
  return said(Errc::usage, fmt::format("`{}`: {}", for_terminal(argument, 80), en),
              fmt::format("« {} » : {}", for_terminal(argument, 80), fr),
              "write FIELD=VALUE, or FIELD+=VALUE and FIELD-=VALUE to add and take away; := for = where JSON "
              "follows: a number, true, false, null or a list",
              "écrivez CHAMP=VALEUR, ou CHAMP+=VALEUR et CHAMP-=VALEUR pour ajouter et retirer ; := au lieu de = "
              "devant du JSON : un nombre, true, false, null ou une liste");
}

}  // namespace

Result<Assignment> parse_assignment(std::string_view argument) {
  if (!is_utf8(argument) || argument.find('\0') != std::string_view::npos)
    return wrong("…", "this is not UTF-8 text", "ce n’est pas du texte UTF-8");
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos)
    return wrong(argument, "there is no = in it", "il n’y a pas de signe =");
  std::string_view name = argument.substr(0, equals);
  const std::string_view text = argument.substr(equals + 1);
  const auto signed_with = [&](char sign) {
    if (!name.ends_with(sign)) return false;
    name.remove_suffix(1);
    return true;
  };
  const bool json = signed_with(':');
  const bool adds = signed_with('+');
  const bool removes = !adds && signed_with('-');
  if (name.empty()) return wrong(argument, "no field is named", "aucun champ n’est nommé");
  if (name.size() > limits::kNameMax)
    return wrong(argument, "the field's name is too long", "le nom du champ est trop long");
  if (text.size() > limits::kImportCellMax)
    return wrong(argument, "the value is larger than 256 KiB", "la valeur dépasse 256 Kio");
  using How = storage::FieldEdit::How;
  Assignment out{std::string{name}, adds ? How::add : removes ? How::remove : How::set, {}, json};
  if (json) {
    catalogue::JsonScanner scanner{text};
    scanner.skip_space();
    const bool read = scanner.value(out.value, 0);
    scanner.skip_space();
    if (!read || !scanner.at_end())
      return wrong(argument, "what follows := is not JSON", "ce qui suit := n’est pas du JSON");
  } else if ((name == "latitude" || name == "longitude") && is_json_number(text)) {
    out.value = Value{Value::Kind::number, std::string{text}};
  } else if (!text.empty()) {
    out.value = Value::of_text(std::string{text});
  }
  if (out.value.is_null() && (adds || removes))
    return wrong(argument, "there is nothing to add or take away", "il n’y a rien à ajouter ni à retirer");
  return out;
}

}  // namespace maillon::admin
