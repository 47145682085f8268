#include <algorithm>

#include "node/admin/call.hpp"
#include "node/admin/schema.hpp"
#include "node/replica/lookup.hpp"

/// Collections, and what their records are expected to say.
namespace maillon::admin {
namespace {

constexpr std::size_t kFileMax = 1u << 20;
constexpr std::size_t kLookedAt = 1000;  ///< records that tell which fields a collection has

struct Listed {
  std::string name;
  Place place;
  std::int64_t records = 0;
  std::optional<Schema> schema;
};

Result<std::vector<Listed>> all_collections(Call& call) {
  std::vector<Listed> out;
  for (const Place& place : call.readable_spaces()) {
    const auto names = call.replica().read<std::vector<std::string>>(
        [&](replica::Reader& reader) { return reader.collections(place.id); });
    if (names.has_error()) return names.error();
    std::set<std::string> all;
    for (const std::string& name : *names)
      if (name != kSchemas) all.insert(name);
    MAILLON_TRY(const auto described, call.schemas_of(place));
    for (const Schema& schema : described) all.insert(schema.collection);
    for (const std::string& name : all) {
      const auto records = call.replica().read<std::int64_t>([&](replica::Reader& reader) {
        return replica::count_visible(reader, place.id, name);
      });
      if (records.has_error()) return records.error();
      Listed one{name, place, *records, std::nullopt};
      const auto shared = std::ranges::find(described, name, &Schema::collection);
      one.schema = built_in_schema(name);
      if (!one.schema && shared != described.end()) one.schema = *shared;
      // What was only ever governed, or is gone, is no collection to people.
      if (one.records > 0 || one.schema) out.push_back(std::move(one));
    }
  }
  return out;
}

/// What the records have, where no schema says what they should.
Result<Schema> seen_in(Call& call, const Place& place, const std::string& collection) {
  Schema out;
  out.collection = collection;
  std::size_t left = kLookedAt;
  const auto looked = call.replica().read<bool>([&](replica::Reader& reader) -> Result<bool> {
    MAILLON_CHECK(reader.each(place.id, collection, [&](replica::RecordView&& record) -> Result<bool> {
      for (const replica::FieldView& field : record.fields)
        if (out.field(field.name) == nullptr)
          out.fields.push_back({field.name, static_cast<FieldTag>(field.tag)});
      return --left > 0;
    }));
    return true;
  });
  if (looked.has_error()) return looked.error();
  std::ranges::sort(out.fields, {}, &FieldSchema::name);
  return out;
}

std::string_view origin_of(const std::optional<Schema>& schema) {
  if (!schema) return "none";
  return schema->built_in ? "built-in" : "shared";
}

void write(JsonWriter& json, const FieldSchema& field) {
  json.object()
      .field("name", field.name)
      .field("type", word_for(field.type))
      .field("form", word_for(field.form))
      .field("label_fr", label_of(field, Language::french))
      .field("label_en", label_of(field, Language::english))
      .field("required", field.required)
      .field("personal", field.personal)
      .field("reference", field.reference)
      .key("values")
      .array();
  for (const std::string& value : field.values) json.text(value);
  json.end_array().end_object();
}

std::string notes_of(const Call& call, const FieldSchema& field) {
  std::string out;
  const auto add = [&](const std::string& note) { out += (out.empty() ? "" : ", ") + note; };
  if (field.required) add(call.say("obligatoire", "required"));
  if (field.personal) add(call.say("donnée personnelle", "personal data"));
  if (field.form != ValueForm::any) add(std::string{label_of(field.form, call.language())});
  if (!field.reference.empty())
    add(call.say("désigne une fiche de {}", "names a record of {}", for_terminal(field.reference, 60)));
  if (!field.values.empty()) add(call.say("{} valeurs", "{} values", field.values.size()));
  return out;
}

}  // namespace

Result<Reply> list_schemas(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  MAILLON_TRY(const auto all, all_collections(call));
  JsonWriter json;
  json.object().key("collections").array();
  std::vector<std::vector<std::string>> rows{
      {call.say("collection", "collection"), call.say("espace", "space"),
       call.say("fiches", "records"), call.say("schéma", "schema")}};
  for (const Listed& one : all) {
    const std::string title = !one.schema ? std::string{}
                              : call.french() ? one.schema->title_fr
                                              : one.schema->title_en;
    json.object()
        .field("name", one.name)
        .field("space", one.place.name)
        .field("records", one.records)
        .field("schema", origin_of(one.schema))
        .field("title", title)
        .field("fields", one.schema ? one.schema->fields.size() : std::size_t{0})
        .end_object();
    rows.push_back({for_terminal(one.name, 60), for_terminal(one.place.name, 60),
                    grouped(one.records),
                    one.schema ? for_terminal(title.empty() ? one.name : title, 80)
                               : call.say("aucun", "none")});
  }
  json.end_array().end_object();
  return answer(call,
                all.empty() ? call.say("Aucune collection encore.\n", "No collection yet.\n")
                            : table(rows),
                std::move(json));
}

Result<Reply> show_schema(Call& call) {
  MAILLON_TRY(const std::string collection, call.need("collection"));
  MAILLON_TRY(const Place place, call.place(collection));
  MAILLON_TRY(auto schema, call.schema_of(place, collection));
  const std::string_view origin = origin_of(schema);
  if (!schema) {
    MAILLON_CHECK(call.expect_collection(collection));
    MAILLON_TRY(schema, seen_in(call, place, collection));
  }
  JsonWriter json;
  json.object()
      .field("collection", collection)
      .field("space", place.name)
      .field("schema", origin)
      .field("title_fr", schema->title_fr)
      .field("title_en", schema->title_en)
      .key("fields")
      .array();
  std::vector<std::vector<std::string>> rows{
      {call.say("champ", "field"), call.say("nom affiché", "label"), "type", ""}};
  for (const FieldSchema& field : schema->fields) {
    write(json, field);
    rows.push_back({for_terminal(field.name, 60),
                    for_terminal(label_of(field, call.language()), 60),
                    std::string{word_for(field.type)}, notes_of(call, field)});
  }
  json.end_array().end_object();
  std::string text = call.french() ? schema->title_fr : schema->title_en;
  text = for_terminal(text.empty() ? collection : text, 200) + "\n" + table(rows);
  if (origin == "none")
    text += call.say("Aucun schéma : ce sont les champs que ses fiches ont ici.\n",
                     "No schema: these are the fields that its records have here.\n");
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> add_schema(Call& call) {
  if (!call.context().input) return Error{Errc::usage, "no file was given", "aucun fichier"};
  MAILLON_TRY(const Bytes file, call.context().input());
  if (file.size() > kFileMax)
    return said(Errc::malformed, "the file is too large for a schema",
                "le fichier est trop gros pour un schéma", "use at most 1 MiB", "1 Mio au plus");
  MAILLON_TRY(const Schema schema, read_schema(as_text(file)));
  MAILLON_TRY(const Place place, call.place_to_write(schema.collection));
  MAILLON_TRY(const auto before, call.schema_of(place, schema.collection));
  storage::Change change;
  change.collection = kSchemas;
  change.id = schema_id(schema.collection);
  describe(schema, before && !before->built_in ? &*before : nullptr, change);
  MAILLON_TRY(const auto wrote, call.write_one(place, change));
  JsonWriter json;
  json.object()
      .field("collection", schema.collection)
      .field("space", place.name)
      .field("fields", schema.fields.size())
      .field("changed", wrote.commit.has_value())
      .end_object();
  return answer(call,
                wrote.commit ? call.say("Schéma de {} enregistré dans {} : {} champs.\n",
                                        "Schema of {} written into {}: {} fields.\n",
                                        for_terminal(schema.collection, 60),
                                        for_terminal(place.name, 60), schema.fields.size())
                             : call.say("Rien à changer.\n", "Nothing to change.\n"),
                std::move(json));
}

Result<std::optional<Schema>> Call::schema_of(const Place& place, const std::string& collection) {
  if (auto known = built_in_schema(collection)) return known;
  const auto record = replica().read<std::optional<replica::RecordView>>(
      [&](replica::Reader& reader) {
        return reader.get(place.id, kSchemas, schema_id(collection));
      });
  if (record.has_error()) return record.error();
  if (*record && (*record)->visible) return std::optional{schema_from(collection, **record)};
  return std::optional<Schema>{};
}

Result<std::vector<Schema>> Call::schemas_of(const Place& place) {
  const auto found = replica().read<std::vector<Schema>>(
      [&](replica::Reader& reader) -> Result<std::vector<Schema>> {
        std::vector<Schema> out;
        MAILLON_CHECK(reader.each(place.id, kSchemas, [&](replica::RecordView&& record) -> Result<bool> {
          const auto* name = record.field("nom");
          // Only where everybody looks for it.
          if (name != nullptr && record.id == schema_id(name->value.text()))
            out.push_back(schema_from(name->value.text(), record));
          return true;
        }));
        return out;
      });
  if (found.has_error()) return found.error();
  return *found;
}

}  // namespace maillon::admin
