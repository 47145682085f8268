#include <algorithm>

#include "node/admin/call.hpp"
#include "node/replica/lookup.hpp"

/// The conflict inbox.
namespace maillon::admin {
namespace {

using replica::HistoryEntry;
using replica::Reader;
using replica::RecordView;

struct Conflict {
  Place place;
  RecordView record;
  std::vector<HistoryEntry> history;
  RecordView whole;  ///< with what a delete took away, where an edit won over one
};

Result<std::vector<Conflict>> conflicts_of(Reader& reader, const std::vector<Place>& places,
                                           const std::string& only) {
  std::vector<Conflict> out;
  for (const Place& place : places) {
    MAILLON_TRY(const auto collections, reader.collections(place.id));
    for (const std::string& collection : collections) {
      if (!only.empty() && collection != only) continue;
      MAILLON_TRY(auto records, reader.conflicts(place.id, collection));
      for (RecordView& record : records) {
        MAILLON_TRY(auto history, reader.history(place.id, collection, record.id));
        RecordView whole = record;
        if (record.edit_won_over_delete) {
          MAILLON_TRY(auto before, replica::undeleted(reader, place.id, collection, record.id));
          if (before) whole = *std::move(before);
        }
        out.push_back({place, std::move(record), std::move(history), std::move(whole)});
      }
    }
  }
  return out;
}

/// The live write that gave a field this value.
const HistoryEntry* writer_of(const Conflict& conflict, const std::string& field,
                              const Value& value) {
  const auto found = std::ranges::find_if(conflict.history, [&](const HistoryEntry& entry) {
    return !entry.removes && !entry.superseded && !entry.is_void && entry.field == field &&
           entry.value == value;
  });
  return found == conflict.history.end() ? nullptr : &*found;
}

class Listing {
 public:
  explicit Listing(const Call& call) : call_(call) { json.object().key("conflicts").array(); }

  void add(const Conflict& conflict) {
    title(conflict);
    for (const auto& field : conflict.record.fields) {
      if (field.others.empty()) continue;
      open(conflict, field.name, "values");
      std::vector<Value> values{field.value};
      values.insert(values.end(), field.others.begin(), field.others.end());
      json.key("values").array();
      for (const Value& value : values) json.value(value);
      json.end_array().key("by").array();
      text += fmt::format("  {}\n", for_terminal(field.name));
      for (const Value& value : values) by(conflict, field.name, value);
      json.end_array().end_object();
    }
    if (!conflict.record.edit_won_over_delete) return;
    open(conflict, "", "edit_over_delete");
    json.key("values").array().end_array();
    edit_over_delete(conflict);
    json.end_object();
  }

  JsonWriter json;
  std::string text;

 private:
  void title(const Conflict& conflict) {
    text += fmt::format("{} {} ({}) {}\n", conflict.record.collection, conflict.record.id.hex(),
                        conflict.place.name, title_of(conflict.whole));
  }
  void edit_over_delete(const Conflict& conflict) {
    const auto live = [](const HistoryEntry& e) { return !e.superseded && !e.is_void; };
    const auto deleted = std::ranges::find_if(
        conflict.history, [&](const HistoryEntry& e) { return e.removes && live(e); });
    const auto edited = std::ranges::find_if(
        conflict.history, [&](const HistoryEntry& e) { return !e.removes && live(e); });
    const auto who = [&](auto found) {
      if (found == conflict.history.end()) return std::string{"?"};
      return fmt::format("{}, {}", for_terminal(call_.name_of(found->author), 40),
                         local(found->time));
    };
    std::string fields;
    for (const auto& field : conflict.record.fields)
      fields += (fields.empty() ? "" : ", ") + for_terminal(field.name, 60);
    const std::string which = conflict.record.collection + " " + conflict.record.id.hex() +
                              " --space " + conflict.place.name;
    const std::string keep = "maillon resolve " + which + " --keep";
    const std::string drop = "maillon resolve " + which + " --delete";
    const std::string what = call_.say(
        "supprimée ({}) et, à part, modifiée ({}) : seul ce qui a été modifié est montré ({})",
        "deleted ({}) and, apart from that, edited ({}): only what was edited is shown ({})",
        who(deleted), who(edited), fields);
    text += "  " + what + '\n';
    text += call_.say("    garder la fiche entière : {}\n    la supprimer :            {}\n",
                      "    keep the whole record: {}\n    delete it:             {}\n", keep, drop);
    json.field("name", title_of(conflict.whole)).field("what", what);
    json.key("commands").array().text(keep).text(drop).end_array();
  }
  void open(const Conflict& conflict, std::string_view field, std::string_view kind) {
    json.object()
        .field("collection", conflict.record.collection)
        .field("space", conflict.place.name)
        .field("id", conflict.record.id.hex())
        .field("field", field)
        .field("kind", kind);
  }
  void by(const Conflict& conflict, const std::string& field, const Value& value) {
    const HistoryEntry* entry = writer_of(conflict, field, value);
    json.object().key("value").value(value);
    std::string who = "?";
    if (entry != nullptr) {
      const std::string name = call_.name_of(entry->author);
      json.field("author", entry->author.hex())
          .field("author_name", name)
          .field("time", utc(entry->time))
          .field("commit", entry->commit.hex());
      who = fmt::format("{}, {}", for_terminal(name, 40), local(entry->time));
    }
    json.end_object();
    text += fmt::format("    {}   ({})\n", for_terminal(value.display()), who);
  }
  const Call& call_;
};

}  // namespace

Result<Reply> list_conflicts(Call& call) {
  MAILLON_TRY(const auto trust, call.federation());
  const std::string only = call.text("collection");
  std::vector<Place> places = call.readable_spaces();
  if (call.has("space")) {
    MAILLON_TRY(auto place, call.place(only));
    places = {std::move(place)};
  }
  if (!only.empty()) MAILLON_CHECK(call.expect_collection(only));
  const auto found = call.replica().read<std::vector<Conflict>>(
      [&](Reader& reader) { return conflicts_of(reader, places, only); });
  if (found.has_error()) return found.error();
  Listing listing{call};
  for (const Conflict& conflict : *found) listing.add(conflict);
  listing.json.end_array().end_object();
  listing.text += found->empty()
                      ? call.say("Aucun conflit.\n", "No conflict.\n")
                      : call.say("Tranchez avec « maillon resolve COLLECTION ID CHAMP=VALEUR ».\n",
                                 "Decide with `maillon resolve COLLECTION ID FIELD=VALUE`.\n");
  return answer(call, std::move(listing.text), std::move(listing.json));
}

}  // namespace maillon::admin
