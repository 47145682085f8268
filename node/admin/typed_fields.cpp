#include "node/admin/typed_fields.hpp"

#include <array>

#include "node/admin/words.hpp"
#include "node/catalogue/json_scanner.hpp"

namespace maillon::admin {
namespace {

using How = storage::FieldEdit::How;

constexpr std::array<std::pair<std::string_view, FieldTag>, 7> kTypes{{
    {"register", FieldTag::reg},
    {"set", FieldTag::set},
    {"counter", FieldTag::counter},
    {"list", FieldTag::list},
    {"text", FieldTag::text},
    {"max", FieldTag::max},
    {"min", FieldTag::min},
}};

bool is_array(const Value& value) {
  return value.kind() == Value::Kind::json && value.text().starts_with('[');
}

Error wrong(const Assignment& assignment, std::string_view type, std::string_view en,
            std::string_view fr) {
  return said(Errc::usage, fmt::format("the field `{}` is a {}: {}", assignment.name, type, en),
              fmt::format("le champ « {} » est de type {} : {}", assignment.name, type, fr),
              "`maillon put --help` shows how each type is written",
              "« maillon put --help » montre comment chaque type s’écrit");
}

FieldTag type_of(const std::string& name, const replica::RecordView* record,
                 const FieldTypes& types) {
  if (record != nullptr)
    if (const auto* field = record->field(name))
      if (field->tag >= 1 && field->tag <= kTypes.size()) return static_cast<FieldTag>(field->tag);
  const auto given = types.find(name);
  return given == types.end() ? FieldTag::reg : given->second;
}

Result<storage::FieldEdit> edit_of(const Assignment& assignment, FieldTag tag) {
  storage::FieldEdit out{assignment.name, tag, assignment.how, {}};
  const std::string_view type = word_for(tag);
  const Value& value = assignment.value;
  if (tag == FieldTag::set || tag == FieldTag::list) {
    if (is_array(value))
      out.values = elements_of(value);
    else if (assignment.how != How::set)
      out.values = {value};
    else if (!value.is_null())
      return wrong(assignment, type, R"(write FIELD:=["a","b"], or FIELD+=VALUE to add one)",
                   R"(écrivez CHAMP:=["a","b"], ou CHAMP+=VALEUR pour ajouter)");
    return out;
  }
  out.values = {value};
  if (tag == FieldTag::text) {
    if (value.is_null()) out.values = {Value::of_text({})};
    return out;
  }
  if (value.is_null())
    return wrong(assignment, type, "it cannot be cleared", "il ne peut pas être vidé");
  // A number on the command line is a text; these types know no other.
  if (value.kind() == Value::Kind::text && is_json_number(value.text()))
    out.values = {Value{Value::Kind::number, value.text()}};
  return out;
}

}  // namespace

std::optional<FieldTag> field_type(std::string_view word) {
  for (const auto& [name, tag] : kTypes)
    if (name == word) return tag;
  return std::nullopt;
}

std::string_view word_for(FieldTag tag) {
  for (const auto& [name, known] : kTypes)
    if (known == tag) return name;
  return "unknown";
}

std::vector<Value> elements_of(const Value& array) {
  std::vector<Value> out;
  catalogue::JsonScanner scanner{array.text()};
  scanner.skip_space();
  if (!scanner.take('[')) return out;
  for (;;) {
    scanner.skip_space();
    if (scanner.take(']')) return out;
    Value element;
    if (!scanner.value(element, 1)) return out;
    out.push_back(std::move(element));
    scanner.skip_space();
    (void)scanner.take(',');
  }
}

std::vector<std::string> between_bars(std::string_view text) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t bar = text.find('|');
    if (!text.substr(0, bar).empty()) out.emplace_back(text.substr(0, bar));
    if (bar == std::string_view::npos) return out;
    text.remove_prefix(bar + 1);
  }
}

Result<FieldTypes> parse_types(std::span<const std::string> arguments) {
  FieldTypes out;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.rfind('=');
    const auto tag = equals == std::string::npos || equals == 0
                         ? std::nullopt
                         : field_type(std::string_view{argument}.substr(equals + 1));
    if (!tag)
      return said(Errc::usage, fmt::format("`--type {}` names no type", for_terminal(argument, 80)),
                  fmt::format("« --type {} » ne nomme aucun type", for_terminal(argument, 80)),
                  "write FIELD=TYPE with register, set, counter, list, text, max or min",
                  "écrivez CHAMP=TYPE avec register, set, counter, list, text, max ou min");
    out[argument.substr(0, equals)] = *tag;
  }
  return out;
}

Result<void> assign_one(const std::string& field, const replica::TypedValue& value,
                        storage::Change& change) {
  const Assignment only{field, How::set, value.value};
  return assign(std::span{&only, 1}, nullptr, {{field, static_cast<FieldTag>(value.tag)}}, change);
}

Result<void> assign(std::span<const Assignment> assignments, const replica::RecordView* record,
                    const FieldTypes& types, storage::Change& change) {
  for (const Assignment& assignment : assignments) {
    const FieldTag tag = type_of(assignment.name, record, types);
    if (tag != FieldTag::reg) {
      MAILLON_TRY(auto edit, edit_of(assignment, tag));
      change.edits.push_back(std::move(edit));
      continue;
    }
    if (assignment.how != How::set)
      return wrong(assignment, "register", "it has one value, which FIELD=VALUE replaces",
                   "il a une seule valeur, que CHAMP=VALEUR remplace");
    change.fields.emplace_back(assignment.name, assignment.value);
  }
  return {};
}

}  // namespace maillon::admin
