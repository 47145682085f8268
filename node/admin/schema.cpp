#include "node/admin/schema.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <set>

#include "node/catalogue/json_scanner.hpp"
#include "node/catalogue/lieux_lists.hpp"
#include "storage/log/commit.hpp"

namespace maillon::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kFieldPrefix = "champ.";
constexpr std::string_view kOrder = "champs";  ///< a list, so that two may add fields at once
constexpr std::string_view kTitleFr = "titre_fr";
constexpr std::string_view kTitleEn = "titre_en";
constexpr std::string_view kName = "nom";
constexpr std::size_t kValuesMax = 1000;  ///< of one closed list
constexpr std::size_t kTextMax = 1000;    ///< bytes of a label or term

constexpr std::array<std::pair<std::string_view, ValueForm>, 8> kForms{{
    {"any", ValueForm::any},
    {"number", ValueForm::number},
    {"integer", ValueForm::integer},
    {"boolean", ValueForm::boolean},
    {"date", ValueForm::date},
    {"url", ValueForm::url},
    {"email", ValueForm::email},
    {"phone", ValueForm::phone},
}};

Error wrong(std::string en, std::string fr) {
  return said(Errc::malformed, "the schema is not usable: " + std::move(en),
              "le schéma est inutilisable : " + std::move(fr),
              "docs/operations.md, \"Schemas\", shows one", "docs/operations.md, « Schemas », en montre un");
}

Error wrong_field(std::string_view field, std::string_view en, std::string_view fr) {
  return wrong(fmt::format("field `{}`: {}", for_terminal(field, 60), en),
               fmt::format("champ « {} » : {}", for_terminal(field, 60), fr));
}

/// A member of an object, of the kind that is wanted; nothing when it is not there.
class Members {
 public:
  /// `field`: whose members they are, for messages; empty for the schema's own.
  explicit Members(const json::object& object, std::string field = {})
      : object_(object), field_(std::move(field)) {}
  void name_field(const std::string& field) { field_ = field; }
  void expect(std::string_view key) { known_.insert(key); }

  Result<std::string> text(std::string_view key) {
    known_.insert(key);
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return std::string{};
    if (!value->is_string() || value->get_string().size() > kTextMax) return bad(key, "a text", "un texte");
    return std::string{value->get_string()};
  }
  Result<bool> flag(std::string_view key) {
    known_.insert(key);
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return false;
    if (!value->is_bool()) return bad(key, "true or false", "true ou false");
    return value->get_bool();
  }
  Result<std::vector<std::string>> texts(std::string_view key) {
    known_.insert(key);
    std::vector<std::string> out;
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return out;
    if (!value->is_array() || value->get_array().size() > kValuesMax) return bad(key, "a list of different texts", "une liste de textes différents");
    for (const json::value& one : value->get_array()) {
      if (!one.is_string() || one.get_string().empty() || one.get_string().size() > kTextMax)
        return bad(key, "a list of different texts", "une liste de textes différents");
      out.emplace_back(one.get_string());
      if (std::ranges::count(out, out.back()) > 1)
        return bad(key, "a list of different texts", "une liste de textes différents");
    }
    if (out.empty()) return bad(key, "a list of different texts", "une liste de textes différents");
    return out;
  }
  /// {"fr": …, "en": …}; one of them stands for both.
  Result<void> labels(std::string_view key, std::string& fr, std::string& en) {
    known_.insert(key);
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) return {};
    if (!value->is_object()) return bad(key, "{\"fr\": …, \"en\": …}", "{\"fr\": …, \"en\": …}");
    Members both{value->get_object(), field_};
    MAILLON_TRY(fr, both.text("fr"));
    MAILLON_TRY(en, both.text("en"));
    if (fr.empty()) fr = en;
    if (en.empty()) en = fr;
    return both.nothing_else();
  }
  /// A misspelt key would be a wish that nobody hears.
  Result<void> nothing_else() const {
    for (const auto& member : object_)
      if (!known_.contains(std::string_view{member.key()}))
        return say_wrong(fmt::format("`{}` is not known here", for_terminal(member.key(), 60)),
                         fmt::format("« {} » n’est pas connu ici", for_terminal(member.key(), 60)));
    return {};
  }

 private:
  [[nodiscard]] Error say_wrong(const std::string& en, const std::string& fr) const {
    return field_.empty() ? wrong(en, fr) : wrong_field(field_, en, fr);
  }
  [[nodiscard]] Error bad(std::string_view key, std::string_view en, std::string_view fr) const {
    return say_wrong(fmt::format("`{}` wants {}", key, en), fmt::format("« {} » attend {}", key, fr));
  }
  const json::object& object_;
  std::string field_;
  std::set<std::string_view> known_;
};

Result<json::value> parsed(std::string_view text) {
  json::parse_options options;
  options.max_depth = limits::kJsonDepthMax;
  boost::system::error_code failed;
  json::stream_parser parser{{}, options};
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t read = parser.write_some(text.data(), text.size(), failed);
  if (!failed && read == text.size()) parser.finish(failed);
  if (!failed && read == text.size()) return parser.release();
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(read), '\n');
  return wrong(fmt::format("line {} is no JSON ({})", line,
                           failed ? failed.message() : "something follows it"),
               fmt::format("la ligne {} n’est pas du JSON", line));
}

Result<FieldSchema> field_from(const json::value& value, std::string name, std::size_t number) {
  if (!value.is_object())
    return wrong(fmt::format("field number {} is no object", number),
                 fmt::format("le champ numéro {} n’est pas un objet", number));
  Members members{value.get_object()};
  FieldSchema out;
  MAILLON_TRY(out.name, members.text("name"));
  if (!name.empty()) out.name = std::move(name);
  // What `put FIELD=VALUE` could not write nobody shall be asked for.
  const bool writable = out.name.find('=') == std::string::npos &&
                        !out.name.ends_with(':') && !out.name.ends_with('+') && !out.name.ends_with('-');
  if (out.name.empty() || out.name.size() > limits::kNameMax || !writable)
    return wrong(fmt::format("field number {} has no `name` of at most 256 bytes, without = and not ending "
                             "in : + -", number),
                 fmt::format("le champ numéro {} n’a pas de « name » de 256 octets au plus, sans = et ne "
                             "finissant pas par : + -", number));
  members.name_field(out.name);
  MAILLON_TRY(const std::string type, members.text("type"));
  const auto tag = type.empty() ? std::optional{FieldTag::reg} : field_type(type);
  if (!tag)
    return wrong_field(out.name, "`type` is register, set, counter, list, text, max or min",
                       "« type » vaut register, set, counter, list, text, max ou min");
  out.type = *tag;
  MAILLON_TRY(const std::string form, members.text("form"));
  const auto known = std::ranges::find(kForms, form.empty() ? "any" : std::string_view{form},
                                       &std::pair<std::string_view, ValueForm>::first);
  if (known == kForms.end())
    return wrong_field(out.name, "`form` is any, number, integer, boolean, date, url, email or phone",
                       "« form » vaut any, number, integer, boolean, date, url, email ou phone");
  out.form = known->second;
  MAILLON_CHECK(members.labels("label", out.label_fr, out.label_en));
  MAILLON_TRY(out.required, members.flag("required"));
  MAILLON_TRY(out.personal, members.flag("personal"));
  MAILLON_TRY(out.values, members.texts("values"));
  MAILLON_TRY(out.reference, members.text("reference"));
  MAILLON_CHECK(members.nothing_else());
  const bool counts = out.type == FieldTag::counter;
  if (counts && (!out.values.empty() || (out.form != ValueForm::any && out.form != ValueForm::integer)))
    return wrong_field(out.name, "a counter has neither a list nor another form than integer",
                       "un compteur n’a ni liste ni autre forme que integer");
  return out;
}

std::string as_json(const FieldSchema& field) {
  json::object out;
  if (field.type != FieldTag::reg) out["type"] = word_for(field.type);
  if (field.form != ValueForm::any) out["form"] = word_for(field.form);
  if (!field.label_fr.empty() || !field.label_en.empty())
    out["label"] = {{"fr", field.label_fr}, {"en", field.label_en}};
  if (field.required) out["required"] = true;
  if (field.personal) out["personal"] = true;
  if (!field.values.empty()) out["values"] = json::value_from(field.values);
  if (!field.reference.empty()) out["reference"] = field.reference;
  return json::serialize(out);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_date(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t i : {0u, 1u, 2u, 3u, 5u, 6u, 8u, 9u})
    if (!is_digit(text[i])) return false;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int out = 0;
    for (const char c : text.substr(at, digits)) out = out * 10 + (c - '0');
    return out;
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  return date.ok() && (text.size() == 10 || text[10] == 'T');
}

bool is_phone(std::string_view text) {
  const auto digits = std::ranges::count_if(text, is_digit);
  return digits >= 4 && digits <= 15 && std::ranges::all_of(text, [](char c) {
           return is_digit(c) || std::string_view{" +.-()/"}.find(c) != std::string_view::npos;
         });
}

bool has_form(ValueForm form, const std::string& text) {
  switch (form) {
    case ValueForm::any:
      return true;
    case ValueForm::number:
      return is_json_number(text);
    case ValueForm::integer:
      return is_json_number(text) && text.find_first_of(".eE") == std::string::npos;
    case ValueForm::boolean:
      return text == "true" || text == "false";
    case ValueForm::date:
      return is_date(text);
    case ValueForm::url:
      return text.starts_with("https://") || text.starts_with("http://");
    case ValueForm::email: {
      const std::size_t at = text.find('@');
      return at != std::string::npos && at > 0 && text.find('.', at) != std::string::npos &&
             text.find(' ') == std::string::npos;
    }
    case ValueForm::phone:
      return is_phone(text);
  }
  return true;
}

bool is_extreme(FieldTag type) { return type == FieldTag::max || type == FieldTag::min; }

std::optional<Value> parsed_array(const std::string& text) {
  catalogue::JsonScanner scanner{text};
  Value out;
  scanner.skip_space();
  if (scanner.peek() != '[' || !scanner.value(out, 0)) return std::nullopt;
  scanner.skip_space();
  return scanner.at_end() ? std::optional{std::move(out)} : std::nullopt;
}

/// What a row puts into a set: of a cell, what an export wrote there, or the parts between bars.
std::vector<Value> elements_in(const FieldSchema& field, const Value& value, bool untyped) {
  if (value.display().empty()) return {};
  if (value.kind() == Value::Kind::json && value.text().starts_with('[')) return elements_of(value);
  if (!untyped || value.kind() != Value::Kind::text) return {value};
  if (const auto array = parsed_array(value.text())) return elements_of(*array);
  std::vector<Value> out;
  for (const std::string& part : between_bars(value.text()))
    out.push_back(in_form(field, Value::of_text(part)));
  return out;
}

Misfit not_of_form(const FieldSchema& field) {
  return {fmt::format("the schema wants a value of the form `{}`", word_for(field.form)),
          fmt::format("le schéma attend une valeur de forme « {} »",
                      label_of(field.form, Language::french))};
}

std::optional<Misfit> misfit_of_one(const FieldSchema& field, const std::string& text) {
  if (!has_form(field.form, text)) return not_of_form(field);
  if (!field.values.empty() && std::ranges::find(field.values, text) == field.values.end()) {
    std::string terms;
    for (std::size_t i = 0; i < field.values.size() && i < 12; ++i)
      terms += (i == 0 ? "" : ", ") + field.values[i];
    if (field.values.size() > 12) terms += ", …";
    return Misfit{"the schema's list has: " + terms, "la liste du schéma a : " + terms};
  }
  return std::nullopt;
}

/// Whether a field of the types max and min can hold the value: numbers are compared as doubles.
bool can_rank(const Value& value) {
  if (value.kind() == Value::Kind::number)
    return std::isfinite(std::strtod(value.text().c_str(), nullptr));
  return value.kind() == Value::Kind::text && !value.text().empty();
}

}  // namespace

Value in_form(const FieldSchema& field, Value value) {
  const std::string& text = value.text();
  if (value.kind() != Value::Kind::text) return value;
  const bool number = field.form == ValueForm::number || field.form == ValueForm::integer ||
                      (is_extreme(field.type) && field.form == ValueForm::any);
  if (number && is_json_number(text)) return {Value::Kind::number, text};
  if (field.form == ValueForm::boolean && has_form(field.form, text)) return Value::of_bool(text == "true");
  return value;
}

RecordId schema_id(std::string_view collection) {
  return storage::derived_record_id(kSchemas, "maillon", collection);
}

const FieldSchema* Schema::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &FieldSchema::name);
  return found == fields.end() ? nullptr : &*found;
}

FieldTypes Schema::types() const {
  FieldTypes out;
  for (const FieldSchema& field : fields) out.emplace(field.name, field.type);
  return out;
}

Result<Schema> read_schema(std::string_view text) {
  if (!is_utf8(text)) return wrong("the file is not UTF-8", "le fichier n’est pas en UTF-8");
  MAILLON_TRY(const json::value value, parsed(text));
  if (!value.is_object()) return wrong("it is no JSON object", "ce n’est pas un objet JSON");
  Members members{value.get_object()};
  Schema out;
  MAILLON_TRY(out.collection, members.text("collection"));
  if (out.collection == kSchemas)
    return wrong("`schemas` is the collection of the schemas themselves",
                 "« schemas » est la collection des schémas eux-mêmes");
  if (out.collection.empty() || out.collection.size() > limits::kNameMax)
    return wrong("`collection` names a collection, in at most 256 bytes",
                 "« collection » nomme une collection, en 256 octets au plus");
  if (built_in_schema(out.collection))
    return wrong("of `lieux` the national schema holds", "de « lieux » le schéma national fait foi");
  MAILLON_CHECK(members.labels("title", out.title_fr, out.title_en));
  const json::value* fields = value.get_object().if_contains("fields");
  if (fields == nullptr || !fields->is_array() || fields->get_array().empty() ||
      fields->get_array().size() > limits::kFieldsMax / 2)
    return wrong("`fields` is a list of 1 to 256 fields", "« fields » est une liste de 1 à 256 champs");
  members.expect("fields");
  std::set<std::string> names;
  for (const json::value& one : fields->get_array()) {
    MAILLON_TRY(auto field, field_from(one, {}, names.size() + 1));
    if (!names.insert(field.name).second)
      return wrong_field(field.name, "it is there twice", "il y est deux fois");
    out.fields.push_back(std::move(field));
  }
  MAILLON_CHECK(members.nothing_else());
  return out;
}

void describe(const Schema& schema, const Schema* before, storage::Change& change) {
  auto& out = change.fields;
  out.emplace_back(kName, Value::of_text(schema.collection));
  out.emplace_back(kTitleFr, Value::of_text(schema.title_fr));
  out.emplace_back(kTitleEn, Value::of_text(schema.title_en));
  storage::FieldEdit order{std::string{kOrder}, FieldTag::list};
  for (const FieldSchema& field : schema.fields) {
    order.values.push_back(Value::of_text(field.name));
    out.emplace_back(std::string{kFieldPrefix} + field.name, Value{Value::Kind::json, as_json(field)});
  }
  change.edits.push_back(std::move(order));
  if (before != nullptr)
    for (const FieldSchema& field : before->fields)
      if (schema.field(field.name) == nullptr)
        out.emplace_back(std::string{kFieldPrefix} + field.name, Value{});
}

Schema schema_from(std::string_view collection, const replica::RecordView& record) {
  Schema out;
  out.collection = collection;
  std::vector<std::string> order;
  for (const replica::FieldView& field : record.fields) {
    if (field.name == kTitleFr) out.title_fr = field.value.text();
    if (field.name == kTitleEn) out.title_en = field.value.text();
    if (field.name == kOrder)
      for (const Value& one : elements_of(field.value)) order.push_back(one.text());
    if (!field.name.starts_with(kFieldPrefix)) continue;
    const auto value = parsed(field.value.text());
    if (!value) continue;
    auto read = field_from(*value, field.name.substr(kFieldPrefix.size()), 0);
    if (read) out.fields.push_back(*std::move(read));
  }
  const auto rank = [&](const FieldSchema& field) {
    return std::ranges::find(order, field.name) - order.begin();
  };
  std::ranges::stable_sort(out.fields, {}, rank);
  return out;
}

Result<void> not_schemas(std::string_view collection) {
  if (collection != kSchemas) return {};
  return said(Errc::usage, "schemas are checked before they are written", "un schéma se vérifie avant de s’écrire",
              "give a whole one: `maillon schema add FILE`",
              "donnez-en un entier : « maillon schema add FICHIER »");
}

std::optional<Schema> built_in_schema(std::string_view collection) {
  if (collection != "lieux") return std::nullopt;
  using catalogue::LieuxVersion;
  Schema out;
  out.collection = collection;
  out.title_fr = "Lieux de médiation numérique (schéma national v1.0.2)";
  out.title_en = "Places of digital inclusion (national schema v1.0.2)";
  out.built_in = true;
  for (const std::string_view column : catalogue::lieux_columns(LieuxVersion::v1)) {
    FieldSchema field;
    field.name = column;
    if (const auto* list = catalogue::closed_list(LieuxVersion::v1, column))
      field.values.assign(list->terms.begin(), list->terms.end());
    field.required = column == "id" || column == "nom" || column == "adresse" ||
                     column == "code_postal" || column == "commune";
    field.personal = column == "telephone" || column == "courriels";
    out.fields.push_back(std::move(field));
  }
  return out;
}

std::string_view word_for(ValueForm form) {
  for (const auto& [word, known] : kForms)
    if (known == form) return word;
  return "any";
}

std::string_view label_of(ValueForm form, Language language) {
  if (language == Language::english) return word_for(form);
  switch (form) {
    case ValueForm::any:
      return "libre";
    case ValueForm::number:
      return "nombre";
    case ValueForm::integer:
      return "nombre entier";
    case ValueForm::boolean:
      return "vrai ou faux (true, false)";
    case ValueForm::date:
      return "date";
    case ValueForm::url:
      return "adresse web";
    case ValueForm::email:
      return "courriel";
    case ValueForm::phone:
      return "téléphone";
  }
  return word_for(form);
}

const std::string& label_of(const FieldSchema& field, Language language) {
  const std::string& label = language == Language::french ? field.label_fr : field.label_en;
  return label.empty() ? field.name : label;
}

std::optional<Misfit> misfit_of_kind(const FieldSchema& field, const Value& value) {
  const bool number = field.form == ValueForm::number || field.form == ValueForm::integer;
  if (value.is_null() || (!number && field.form != ValueForm::boolean)) return std::nullopt;
  const auto fits = [&](const Value& one) {
    const bool boolean = one.kind() == Value::Kind::yes || one.kind() == Value::Kind::no;
    return number ? one.kind() == Value::Kind::number && can_rank(one) : boolean;
  };
  const bool several = field.type == FieldTag::set || field.type == FieldTag::list;
  const bool array = value.kind() == Value::Kind::json && value.text().starts_with('[');
  if (several && array ? std::ranges::all_of(elements_of(value), fits) : fits(value)) return std::nullopt;
  return not_of_form(field);
}

std::optional<Misfit> misfit(const FieldSchema& field, const Value& value) {
  if (value.is_null() || value.display().empty()) return std::nullopt;
  if (is_extreme(field.type) && value.kind() != Value::Kind::text && value.kind() != Value::Kind::number)
    return Misfit{fmt::format("the type `{}` takes a number or a text", word_for(field.type)),
                  fmt::format("le type « {} » attend un nombre ou un texte", word_for(field.type))};
  if (is_extreme(field.type) && !can_rank(value))
    return Misfit{fmt::format("the type `{}` takes no number as great as this", word_for(field.type)),
                  fmt::format("le type « {} » n’admet pas de nombre aussi grand", word_for(field.type))};
  if (value.kind() == Value::Kind::json && value.text().starts_with('[')) {
    for (const Value& one : elements_of(value))
      if (auto found = misfit_of_one(field, one.display())) return found;
    return std::nullopt;
  }
  // Texts are prose: neither forms nor lists bind them.
  return field.type == FieldTag::text ? std::nullopt : misfit_of_one(field, value.display());
}

std::vector<catalogue::Warning> judge_row(const Schema& schema, const catalogue::Row& row,
                                          bool untyped) {
  std::vector<catalogue::Warning> out;
  const auto warn = [&](const std::string& field, const Value& value, Misfit why) {
    out.push_back({row.line, field, for_terminal(value.display(), 200), {}, std::move(why.en),
                   std::move(why.fr), row.record});
  };
  for (const FieldSchema& field : schema.fields) {
    const auto given = std::ranges::find(row.fields, field.name, &catalogue::Field::first);
    const bool empty = given == row.fields.end() || given->second.display().empty();
    if (empty && field.required)
      warn(field.name, Value{}, {"the schema requires it", "le schéma l’exige"});
    if (empty) continue;
    std::vector<Value> all{untyped ? in_form(field, given->second) : given->second};
    if (field.type == FieldTag::set) all = elements_in(field, given->second, untyped);
    for (const Value& one : all)
      if (auto found = misfit(field, one)) {
        warn(field.name, one, *std::move(found));
        break;
      }
  }
  return out;
}

void take_row(const Schema& schema, catalogue::Fields&& fields, storage::Change& change) {
  for (auto& [name, value] : fields) {
    const FieldSchema* const field = schema.field(name);
    if (field != nullptr && change.untyped && field->type != FieldTag::set)
      value = in_form(*field, std::move(value));
    storage::FieldEdit edit;
    if (field != nullptr && field->type == FieldTag::set)
      edit.values = elements_in(*field, value, change.untyped);
    else if (field != nullptr && is_extreme(field->type) && can_rank(value))
      edit.values = {value};
    else {
      change.fields.emplace_back(std::move(name), std::move(value));
      continue;
    }
    edit.name = std::move(name);
    edit.tag = field->type;
    edit.as_register = std::move(value);
    change.edits.push_back(std::move(edit));
  }
}

}  // namespace maillon::admin
