#include <algorithm>

#include "node/admin/call.hpp"
#include "node/admin/schema.hpp"
#include "node/replica/authorship.hpp"
#include "node/replica/lookup.hpp"
#include "storage/merge/document.hpp"

/// Reading and writing records one by one.
namespace maillon::admin {
namespace {

using replica::Reader;
using replica::RecordView;
using Assignments = std::vector<Assignment>;
using Values = std::vector<std::pair<std::string, Value>>;

struct Target {
  Place place;
  std::string collection;
  RecordId id = RecordId::zero();
};

Result<Target> target_of(Call& call, bool to_write = false) {
  Target out;
  MAILLON_TRY(out.collection, call.need("collection"));
  MAILLON_TRY(out.place,
              to_write ? call.place_to_write(out.collection) : call.place(out.collection));
  MAILLON_TRY(const std::string id, call.need("id"));
  MAILLON_TRY(out.id, call.identify(out.place, out.collection, id));
  return out;
}

Result<RecordView> view_of(Call& call, const Target& target) {
  const auto found = call.replica().read<std::optional<RecordView>>(
      [&](Reader& reader) { return reader.get(target.place.id, target.collection, target.id); });
  if (found.has_error()) return found.error();
  if (!*found) return Error{Errc::not_found, "the record is gone", "la fiche n’est plus là"};
  return **found;
}

Result<Assignments> assignments_of(Call& call) {
  Assignments out;
  for (const std::string& argument : call.all("fields")) {
    MAILLON_TRY(auto one, parse_assignment(argument));
    if (std::ranges::find(out, one.name, &Assignment::name) != out.end())
      return said(Errc::usage, "the field `" + one.name + "` is given twice",
                  "le champ « " + one.name + " » est donné deux fois", "leave one of them out",
                  "n’en gardez qu’un");
    out.push_back(std::move(one));
  }
  if (out.empty() || out.size() > limits::kFieldsMax)
    return said(Errc::usage, "give from 1 to 512 times FIELD=VALUE",
                "donnez de 1 à 512 fois CHAMP=VALEUR", "for example nom=Mairie",
                "par exemple nom=Mairie");
  return out;
}

/// Errc::refused for what the schema would not have.
Result<void> conforms(const Schema& schema, const Assignments& fields, bool fresh) {
  const auto refuse = [](const std::string& field, const Misfit& why) {
    const std::string name = for_terminal(field, 60);
    return said(Errc::refused, fmt::format("the field `{}`: {}", name, why.en),
                fmt::format("le champ « {} » : {}", name, why.fr),
                "`maillon schema show` shows what it expects; --anyway writes it all the same",
                "« maillon schema show » montre ce qu’il attend ; --anyway l’écrit malgré tout");
  };
  for (const FieldSchema& field : schema.fields) {
    const auto given = std::ranges::find(fields, field.name, &Assignment::name);
    const bool empty = given == fields.end() || given->value.is_null();
    // Cleared on purpose, or not given to a new record.
    if (field.required && empty && (fresh || given != fields.end()))
      return refuse(field.name, {"the schema requires it", "le schéma l’exige"});
    if (empty || given->how == storage::FieldEdit::How::remove) continue;
    if (const auto found = misfit(field, given->value)) return refuse(field.name, *found);
    if (const auto found = misfit_of_kind(field, given->value)) return refuse(field.name, *found);
  }
  return {};
}

/// Errc::usage for a type of a field that is not given, Errc::refused for another than the schema's.
Result<void> types_fit(const FieldTypes& types, const Assignments& fields, const Schema* schema) {
  for (const auto& [name, tag] : types) {
    const std::string shown = for_terminal(name, 60);
    if (std::ranges::find(fields, name, &Assignment::name) == fields.end())
      return said(Errc::usage, fmt::format("--type speaks of the field `{}`, which has no value", shown),
                  fmt::format("--type parle du champ « {} », qui n’a pas de valeur", shown),
                  "give it one, or leave that out", "donnez-lui une valeur, ou retirez --type");
    const FieldSchema* const known = schema == nullptr ? nullptr : schema->field(name);
    if (known != nullptr && known->type != tag)
      return said(Errc::refused,
                  fmt::format("the field `{}` is a {} in the schema", shown, word_for(known->type)),
                  fmt::format("le champ « {} » est de type {} dans le schéma", shown, word_for(known->type)),
                  "leave out --type; --anyway writes it all the same",
                  "retirez --type ; --anyway l’écrit malgré tout");
  }
  return {};
}

void write_head(JsonWriter& json, const Target& target) {
  json.field("id", target.id.hex())
      .field("collection", target.collection)
      .field("space", target.place.name);
}

std::string outcome_in_words(const Call& call, storage::ChangeOutcome outcome) {
  switch (outcome) {
    case storage::ChangeOutcome::created:
      if (call.has("id")) return call.say("Fiche rétablie", "Record brought back");
      return call.say("Fiche créée", "Record created");
    case storage::ChangeOutcome::changed:
      return call.say("Fiche modifiée", "Record changed");
    default:
      return call.say("Rien à changer", "Nothing to change");
  }
}

Reply written(const Call& call, const Target& target, const Call::Wrote& wrote,
              const std::string& what) {
  JsonWriter json;
  json.object();
  write_head(json, target);
  json.key("commit");
  if (wrote.commit)
    json.text(wrote.commit->hex());
  else
    json.null();
  json.field("changed", wrote.commit.has_value()).end_object();
  return answer(call, call.say("{} : {}\n", "{}: {}\n", what, target.id.hex()), std::move(json));
}

storage::Change change_of(const Target& target, Values fields) {
  storage::Change out;
  out.collection = target.collection;
  out.id = target.id;
  out.fields = std::move(fields);
  return out;
}

/// A field that names another record.
struct Reference {
  std::string field;
  std::string collection;
  bool here = false;
  std::string title;
};

Result<std::vector<Reference>> references_of(Call& call, const Place& place,
                                             const std::optional<Schema>& schema,
                                             const RecordView& record) {
  std::vector<Reference> out;
  if (!schema) return out;
  for (const FieldSchema& field : schema->fields) {
    const auto* given = record.field(field.name);
    if (field.reference.empty() || given == nullptr || given->value.display().empty()) continue;
    const auto found = call.replica().read<std::vector<replica::Candidate>>([&](Reader& reader) {
      return replica::candidates(reader, place.id, field.reference, given->value.display());
    });
    if (found.has_error()) return found.error();
    const bool here = !found->empty() && found->front().record.visible;
    out.push_back({field.name, field.reference, here,
                   here ? title_of(found->front().record) : std::string{}});
  }
  return out;
}

/// With --authors: who wrote each part of what is shown, also into `json`.
Result<std::string> authors_in_words(Call& call, const Target& target, JsonWriter& json) {
  if (!call.has("authors")) return std::string{};
  using Fields = std::vector<replica::FieldAuthors>;
  const auto fields = call.replica().read<Fields>([&](Reader& reader) {
    return replica::authors_of(reader, target.place.id, target.collection, target.id);
  });
  if (fields.has_error()) return fields.error();
  std::string out = call.say("Écrit par :\n", "Written by:\n");
  json.key("authors").object();
  std::string_view last;
  for (const replica::FieldAuthors& field : *fields) {
    // Two types under one name would be two keys alike.
    if (&field != fields->data() && field.field == last) continue;
    last = field.field;
    json.key(field.field).array();
    for (const replica::Part& part : field.parts) {
      const std::string name = call.name_of(part.author);
      json.object()
          .field("text", part.text)
          .field("author", part.author.hex())
          .field("author_name", name)
          .field("time", utc(part.time))
          .field("commit", part.commit.hex())
          .end_object();
      out += fmt::format("  {}  {}  {}: {}\n", local(part.time), for_terminal(name, 40),
                         for_terminal(field.field, 60), for_terminal(part.text, 200));
    }
    json.end_array();
  }
  json.end_object();
  return out;
}

}  // namespace

Result<Reply> get_record(Call& call) {
  MAILLON_TRY(const Target target, target_of(call));
  MAILLON_TRY(const RecordView record, view_of(call, target));
  if (!record.visible)
    return said(Errc::not_found,
                fmt::format("the record {} {}", target.id.hex(),
                            record.deleted ? "was deleted" : "has no value left"),
                fmt::format("la fiche {} {}", target.id.hex(),
                            record.deleted ? "a été supprimée" : "n’a plus aucune valeur"),
                "`maillon history` shows by whom", "« maillon history » montre par qui");
  JsonWriter json;
  json.object();
  write_head(json, target);
  write_fields(json, record);
  json.field("edit_won_over_delete", record.edit_won_over_delete);
  MAILLON_TRY(const auto schema, call.schema_of(target.place, target.collection));
  MAILLON_TRY(const auto references, references_of(call, target.place, schema, record));
  json.key("references").object();
  for (const Reference& one : references)
    json.key(one.field)
        .object()
        .field("collection", one.collection)
        .field("here", one.here)
        .field("title", one.title)
        .end_object();
  json.end_object();
  MAILLON_TRY(const std::string authors, authors_in_words(call, target, json));
  json.end_object();
  std::string text = fmt::format("{} ({}, {})\n{}", target.id.hex(), target.collection,
                                 target.place.name,
                                 fields_in_words(record, call.language(), schema ? &*schema : nullptr));
  for (const Reference& one : references)
    text += one.here ? call.say("  {} désigne : {}\n", "  {} names: {}\n", for_terminal(one.field, 60), one.title)
                     : call.say("  {} désigne une fiche qui n’est pas (encore) ici\n",
                                "  {} names a record that is not here (yet)\n",
                                for_terminal(one.field, 60));
  text += authors;
  if (record.edit_won_over_delete)
    text += call.say("  Modifiée par l’un, supprimée par l’autre : la modification l’emporte.\n",
                     "  Edited by one, deleted by another: the edit won.\n");
  return answer(call, std::move(text), std::move(json));
}

Result<Reply> find_records(Call& call) {
  MAILLON_TRY(const std::string collection, call.need("collection"));
  MAILLON_TRY(const Place place, call.place(collection));
  MAILLON_CHECK(call.expect_collection(collection));
  MAILLON_TRY(const auto limit, call.number("limit", 100, 0, 1'000'000'000));
  std::vector<replica::Condition> where;
  for (const std::string& argument : call.all("where")) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0)
      return said(Errc::usage, "--where wants FIELD=VALUE", "--where attend CHAMP=VALEUR",
                  "for example --where code_postal=16000", "par exemple --where code_postal=16000");
    where.push_back({argument.substr(0, equals), argument.substr(equals + 1)});
  }
  const std::string words = call.text("text");
  if (!words.empty()) {
    // On a full disk, what is indexed can still be found.
    const auto indexed = call.replica().finish_index();
    if (indexed.has_error() && indexed.error().code != Errc::full) return indexed.error();
  }
  const auto most = limit == 0 ? static_cast<std::size_t>(-1) : static_cast<std::size_t>(limit);
  const auto found = call.replica().read<replica::Found>(
      [&](Reader& reader) { return reader.find(place.id, collection, where, words, most); });
  if (found.has_error()) return found.error();
  JsonWriter json;
  std::vector<std::vector<std::string>> rows;
  if (call.wants_json()) json.object().key("records").array();
  for (const RecordView& record : found->records) {
    if (!call.wants_json()) {
      rows.push_back({record.id.hex(), title_of(record),
                      record.in_conflict ? call.say("en conflit", "in conflict") : ""});
      continue;
    }
    json.object().field("id", record.id.hex());
    write_fields(json, record);
    json.end_object();
  }
  if (call.wants_json()) json.end_array().field("total", found->total).end_object();
  std::string text = table(rows);
  text += call.say("{} fiche(s), {} montrée(s)\n", "{} record(s), {} shown\n", found->total,
                   found->records.size());
  Reply out = answer(call, std::move(text), std::move(json));
  if (found->total == 0) out.error = call.elsewhere(place, collection);
  return out;
}

namespace {

/// A field that was cleared, deleted or erased keeps the type that it had last.
Result<void> add_types_once_had(Call& call, const Target& target, const RecordView& record,
                                const Assignments& fields, FieldTypes& types) {
  const auto unknown = [&](const std::string& name) {
    return record.field(name) == nullptr && !types.contains(name);
  };
  if (std::ranges::none_of(fields, unknown, &Assignment::name)) return {};
  const auto history = call.replica().read<std::vector<replica::HistoryEntry>>([&](Reader& reader) {
    return reader.history(target.place.id, target.collection, target.id);
  });
  if (history.has_error()) return history.error();
  for (const Assignment& assignment : fields) {
    if (!unknown(assignment.name)) continue;
    const auto last = std::ranges::find_if(*history, [&](const replica::HistoryEntry& entry) {
      return entry.field == assignment.name && !entry.removes && !entry.is_void;
    });
    if (last != history->end() && word_for(static_cast<FieldTag>(last->tag)) != "unknown")
      types[assignment.name] = static_cast<FieldTag>(last->tag);
  }
  return {};
}

}  // namespace

Result<Reply> put_record(Call& call) {
  Target target;
  if (call.has("id")) {
    MAILLON_TRY(target, target_of(call, /*to_write=*/true));
  } else {
    MAILLON_TRY(target.collection, call.need("collection"));
    MAILLON_TRY(target.place, call.place_to_write(target.collection));
    target.id = call.has("key") ? storage::owned_record_id(target.collection,
                                                          call.replica().identity().member,
                                                          call.text("key"))
                                : storage::random_record_id(call.replica().rng());
  }
  if (call.text("key").size() > limits::kNameMax || (call.has("id") && call.has("key")))
    return said(Errc::usage, "`--key` names a record of one's own, in at most 256 bytes; not with --id",
                "« --key » nomme une fiche à soi, en 256 octets au plus ; pas avec --id",
                "leave out one of the two", "retirez l’un des deux");
  if (target.collection.size() > limits::kNameMax)
    return said(Errc::usage, "the collection's name is too long",
                "le nom de la collection est trop long", "use at most 256 bytes",
                "256 octets au plus");
  MAILLON_CHECK(not_schemas(target.collection));
  MAILLON_TRY(auto fields, assignments_of(call));
  // A new record with nothing in it would be visible to nobody.
  if (!call.has("id") &&
      std::ranges::all_of(fields, [](const Assignment& f) { return f.value.is_null(); }))
    return said(Errc::usage, "a new record needs a value",
                "une nouvelle fiche a besoin d’une valeur", "give at least one FIELD=VALUE",
                "donnez au moins un CHAMP=VALEUR");
  MAILLON_TRY(FieldTypes types, parse_types(call.all("type")));
  MAILLON_TRY(const auto schema, call.schema_of(target.place, target.collection));
  const Schema* const shared = schema && !schema->built_in ? &*schema : nullptr;
  MAILLON_CHECK(types_fit(types, fields, call.has("anyway") ? nullptr : shared));
  if (shared != nullptr) {
    types.merge(shared->types());
    for (Assignment& one : fields)
      if (const FieldSchema* const known = shared->field(one.name); known != nullptr && !one.typed)
        one.value = in_form(*known, std::move(one.value));
    if (!call.has("anyway")) MAILLON_CHECK(conforms(*shared, fields, /*fresh=*/!call.has("id")));
  }
  storage::Change change = change_of(target, {});
  const auto known = call.replica().read<std::optional<RecordView>>(
      [&](Reader& reader) { return reader.get(target.place.id, target.collection, target.id); });
  if (known.has_error()) return known.error();
  if (known->has_value()) MAILLON_CHECK(add_types_once_had(call, target, **known, fields, types));
  MAILLON_CHECK(assign(fields, known->has_value() ? &**known : nullptr, types, change));
  if (call.has("key")) {
    change.form = IdForm::owned;
    change.key = call.text("key");
  }
  MAILLON_TRY(const auto wrote, call.write_one(target.place, std::move(change)));
  return written(call, target, wrote, outcome_in_words(call, wrote.outcome));
}

Result<Reply> delete_record(Call& call) {
  MAILLON_TRY(const Target target, target_of(call, /*to_write=*/true));
  storage::Change change = change_of(target, {});
  change.kind = OpKind::remove;
  MAILLON_TRY(const auto wrote, call.write_one(target.place, change));
  if (wrote.outcome == storage::ChangeOutcome::not_found)
    return said(Errc::not_found, "the record " + target.id.hex() + " is deleted already",
                "la fiche " + target.id.hex() + " est déjà supprimée",
                "`maillon history` shows by whom", "« maillon history » montre par qui");
  return written(call, target, wrote, call.say("Fiche supprimée", "Record deleted"));
}

namespace {

std::string what_changed(const Call& call, const replica::HistoryEntry& entry) {
  const std::string field = for_terminal(entry.field);
  if (entry.erased) return call.say("{} : (effacé)", "{}: (erased)", field);
  if (entry.forgotten) return call.say("{} : (oublié)", "{}: (forgotten)", field);
  const std::string value = for_terminal(entry.value.display());
  if (entry.tag == static_cast<std::uint32_t>(FieldTag::counter))
    return call.say("{} : total de ce nœud {}", "{}: total of this node {}", field, value);
  if (entry.value.is_null() && entry.readable) return call.say("{} : (vidé)", "{}: (cleared)", field);
  if (!storage::merge::has_elements(entry.tag)) return fmt::format("{} = {}", field, value);
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (entry.removed > 0) add(call.say("retire {} élément(s)", "takes out {} element(s)", entry.removed));
  if (entry.moved > 0) add(call.say("déplace {} élément(s)", "moves {} element(s)", entry.moved));
  if (entry.added > 0 && entry.added == entry.erased_elements)
    add(call.say("ajoute (effacé)", "adds (erased)"));
  else if (entry.added > 0 || out.empty())
    add(call.say("ajoute {}", "adds {}", value));
  return call.say("{} : {}", "{}: {}", field, out);
}

}  // namespace

Result<Reply> show_history(Call& call) {
  MAILLON_TRY(const Target target, target_of(call));
  const auto entries = call.replica().read<std::vector<replica::HistoryEntry>>([&](Reader& reader) {
    return reader.history(target.place.id, target.collection, target.id);
  });
  if (entries.has_error()) return entries.error();
  JsonWriter json;
  json.object();
  write_head(json, target);
  json.key("entries").array();
  std::string text;
  for (const auto& entry : *entries) {
    const std::string name = call.name_of(entry.author);
    json.object()
        .field("commit", entry.commit.hex())
        .field("author", entry.author.hex())
        .field("author_name", name)
        .field("time", utc(entry.time))
        .field("operation", entry.removes ? "delete" : "write")
        .field("source", entry.source);
    json.key("field");
    entry.removes ? json.null() : json.text(entry.field);
    json.key("value").value(entry.value);
    if (!entry.removes) json.field("type", word_for(static_cast<FieldTag>(entry.tag)));
    if (entry.removed > 0) json.field("elements_removed", static_cast<std::int64_t>(entry.removed));
    if (entry.moved > 0) json.field("elements_moved", static_cast<std::int64_t>(entry.moved));
    json.field("erased", entry.erased).field("forgotten", entry.forgotten);
    if (entry.erased_elements > 0)
      json.field("elements_erased", static_cast<std::int64_t>(entry.erased_elements));
    json.field("readable", entry.readable || entry.removes)
        .field("superseded", entry.superseded)
        .field("void", entry.is_void)
        .end_object();
    const std::string what = entry.removes ? call.say("suppression", "deletion")
                                           : what_changed(call, entry);
    text += fmt::format("{}  {}  {}{}\n", local(entry.time), for_terminal(name, 40), what,
                        entry.is_void      ? call.say("  (sans effet)", "  (void)")
                        : entry.superseded ? call.say("  (remplacé)", "  (superseded)")
                                           : "");
  }
  json.end_array().end_object();
  return answer(call, std::move(text), std::move(json));
}

namespace {

/// Errc::refused where this node could not bring back all that the delete took away.
Result<void> remembers_all(Call& call, const Target& target) {
  const auto missing = call.replica().read<storage::Missing>([&](Reader& reader) {
    return replica::missing_without_deletes(reader, target.place.id, target.collection, target.id);
  });
  if (missing.has_error()) return missing.error();
  const auto listed = [](const std::set<std::string>& fields) {
    std::string names;
    for (const std::string& name : fields) names += (names.empty() ? "" : ", ") + for_terminal(name, 60);
    return names;
  };
  if (!missing->hidden.empty())
    return said(Errc::refused,
                "what the record said before the delete is hidden until an erasure is decided: " +
                    listed(missing->hidden),
                "ce que la fiche disait avant la suppression est caché tant qu’un effacement n’est pas tranché : " +
                    listed(missing->hidden),
                "`maillon erasures` shows whose word is missing; confirmed or lifted, --keep works again",
                "« maillon erasures » montre de qui l’accord est attendu ; confirmé ou refusé, --keep marche "
                "à nouveau");
  if (missing->forgotten.empty()) return {};
  const std::string names = listed(missing->forgotten);
  return said(Errc::refused,
              "what the record said before the delete was settled and is forgotten here: " + names,
              "ce que la fiche disait avant la suppression a été arrêté puis oublié ici : " + names,
              "`maillon resolve COLLECTION ID FIELD=VALUE` keeps what is shown, with the values that "
              "you give; a node that has not forgotten can still use --keep",
              "« maillon resolve COLLECTION ID CHAMP=VALEUR » garde ce qui est montré, avec les "
              "valeurs que vous donnez ; un nœud qui n’a pas oublié peut encore faire --keep");
}

/// Whether the field may show some of what it held, and the delete have taken the rest.
bool has_parts(const replica::FieldView& field) {
  return field.tag > static_cast<std::uint32_t>(FieldTag::reg) &&
         field.tag <= static_cast<std::uint32_t>(FieldTag::min);
}

/// What the delete had taken away, beside what is shown: one write that has seen the delete.
Result<storage::Change> kept(Call& call, const Target& target, const RecordView& record) {
  const auto whole = call.replica().read<std::optional<RecordView>>([&](Reader& reader) {
    return replica::undeleted(reader, target.place.id, target.collection, target.id);
  });
  if (whole.has_error()) return whole.error();
  Assignments all;
  RecordView types;
  const auto add = [&](const replica::FieldView& field) {
    if (std::ranges::find(all, field.name, &Assignment::name) != all.end() || !field.readable)
      return;
    all.push_back({field.name, storage::FieldEdit::How::set, field.value});
    types.fields.push_back(field);
  };
  for (const auto& field : record.fields) {
    // Several values are a question of its own, which this does not answer.
    if (!field.others.empty()) continue;
    const auto* entire = *whole ? (*whole)->field(field.name) : nullptr;
    add(entire != nullptr && entire->tag == field.tag && has_parts(field) ? *entire : field);
  }
  if (whole->has_value())
    for (const auto& field : (*whole)->fields)
      if (record.field(field.name) == nullptr) add(field);
  if (all.empty())
    for (const auto& field : record.fields) add(field);
  storage::Change out = change_of(target, {});
  MAILLON_CHECK(assign(all, &types, {}, out));
  return out;
}

Result<Reply> settle_delete(Call& call, const Target& target, const RecordView& record) {
  if (call.has("delete") && call.has("keep"))
    return said(Errc::usage, "--keep and --delete exclude each other",
                "--keep et --delete s’excluent", "give one of them", "donnez l’un des deux");
  if (!record.edit_won_over_delete)
    return said(Errc::refused, "nobody deleted this record while another edited it",
                "personne n’a supprimé cette fiche pendant qu’un autre la modifiait",
                "`maillon conflicts` shows what is to be decided",
                "« maillon conflicts » montre ce qu’il y a à trancher");
  if (call.has("delete")) {
    storage::Change change = change_of(target, {});
    change.kind = OpKind::remove;
    MAILLON_TRY(const auto wrote, call.write_one(target.place, change));
    return written(call, target, wrote, call.say("Fiche supprimée", "Record deleted"));
  }
  MAILLON_CHECK(remembers_all(call, target));
  MAILLON_TRY(const storage::Change change, kept(call, target, record));
  MAILLON_TRY(const auto wrote, call.write_one(target.place, change));
  return written(call, target, wrote, call.say("Fiche rétablie en entier", "Whole record kept"));
}

/// Whoever picks one of the values means that value: number or text, and of that type. What was typed
/// as JSON is meant as it stands.
std::optional<replica::TypedValue> picked_of(const replica::FieldView& field,
                                             const Assignment& given) {
  if (given.how != storage::FieldEdit::How::set) return std::nullopt;
  const auto all = field.values();
  auto found = std::ranges::find(all, given.value, &replica::TypedValue::value);
  if (found == all.end() && !given.typed)
    found = std::ranges::find_if(all, [&](const replica::TypedValue& one) {
      return one.value.display() == given.value.display();
    });
  return found == all.end() ? std::nullopt : std::optional{*found};
}

}  // namespace

Result<Reply> resolve_conflict(Call& call) {
  if (call.has("all")) return resolve_all(call);
  MAILLON_TRY(const Target target, target_of(call, /*to_write=*/true));
  MAILLON_TRY(const RecordView record, view_of(call, target));
  if (call.has("keep") || call.has("delete")) return settle_delete(call, target, record);
  MAILLON_TRY(auto fields, assignments_of(call));
  storage::Change change = change_of(target, {});
  for (auto& assignment : fields) {
    const std::string& name = assignment.name;
    const auto* field = record.field(name);
    const bool open = field != nullptr && !field->others.empty();
    if (!open && !record.edit_won_over_delete)
      return said(
          Errc::refused, "the field `" + name + "` is not in conflict",
          "le champ « " + name + " » n’est pas en conflit",
          "`maillon conflicts` shows those that are; `maillon put` changes any other",
          "« maillon conflicts » montre ceux qui le sont ; « maillon put » modifie les autres");
    const auto picked = open ? picked_of(*field, assignment) : std::nullopt;
    MAILLON_CHECK(picked ? assign_one(name, *picked, change)
                         : assign(std::span{&assignment, 1}, &record, {}, change));
  }
  MAILLON_TRY(const auto wrote, call.write_one(target.place, change));
  return written(call, target, wrote,
                 wrote.commit ? call.say("Conflit résolu", "Conflict resolved")
                              : call.say("Rien à changer", "Nothing to change"));
}

}  // namespace maillon::admin
