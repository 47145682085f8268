#include <fmt/ranges.h>

#include <algorithm>

#include "node/admin/call.hpp"
#include "node/admin/wanted_proposal.hpp"
#include "node/admin/typed_fields.hpp"
#include "node/replica/lookup.hpp"
#include "storage/merge/document.hpp"

/// The conflict inbox.
namespace maillon::admin {
namespace {

using replica::HistoryEntry;
using replica::Reader;
using replica::RecordView;
using replica::TypedValue;

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

/// Whether a write gave a field this value, and holds.
bool gave(const HistoryEntry& entry, const std::string& field, const TypedValue& value) {
  const bool live = !entry.removes && !entry.superseded && !entry.is_void;
  return live && entry.field == field && entry.tag == value.tag &&
         (storage::merge::has_elements(value.tag) || entry.value == value.value);
}

/// The last write of each member that gave a field this value; of a set, list or text, the last of all.
std::vector<const HistoryEntry*> writers_of(const Conflict& conflict, const std::string& field,
                                            const TypedValue& value) {
  std::vector<const HistoryEntry*> out;
  for (const HistoryEntry& entry : conflict.history) {
    const auto by_same = [&](const HistoryEntry* one) { return one->author == entry.author; };
    if (!gave(entry, field, value) || std::ranges::any_of(out, by_same)) continue;
    out.push_back(&entry);
    if (storage::merge::has_elements(value.tag)) break;
  }
  return out;
}

class Listing {
 public:
  explicit Listing(const Call& call) : call_(call) { json.object().key("conflicts").array(); }

  void add(const Conflict& conflict) {
    title(conflict);
    for (const auto& field : conflict.record.fields) {
      if (field.others.empty()) continue;
      open(conflict, field.name, "values");
      const auto values = field.values();
      json.key("values").array();
      for (const TypedValue& one : values) json.value(one.value);
      json.end_array().key("by").array();
      text += fmt::format("  {}\n", for_terminal(field.name));
      for (const TypedValue& one : values) by(conflict, field, one);
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
                              " --space " + conflict.place.typed;
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
        .field("space", conflict.place.typed)
        .field("id", conflict.record.id.hex())
        .field("field", field)
        .field("kind", kind);
  }
  void by(const Conflict& conflict, const replica::FieldView& field, const TypedValue& one) {
    const std::string_view type = word_for(static_cast<FieldTag>(one.tag));
    std::string who;
    for (const HistoryEntry* entry : writers_of(conflict, field.name, one)) {
      const std::string name = call_.name_of(entry->author);
      json.object()
          .key("value")
          .value(one.value)
          .field("type", type)
          .field("author", entry->author.hex())
          .field("author_name", name)
          .field("time", utc(entry->time))
          .field("commit", entry->commit.hex())
          .end_object();
      who += fmt::format("{}{}, {}", who.empty() ? "" : "; ", for_terminal(name, 40), local(entry->time));
    }
    if (who.empty()) {
      json.object().key("value").value(one.value).field("type", type).end_object();
      who = "?";
    }
    text += fmt::format("    {}   ({}{})\n", value_in_words(field, one.value, call_.language()),
                        field.has_types() ? fmt::format("{}; ", type) : "", who);
  }
  const Call& call_;
};

}  // namespace

namespace {

Result<std::vector<Conflict>> found_conflicts(Call& call) {
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
  return *found;
}

}  // namespace

Result<Reply> list_conflicts(Call& call) {
  MAILLON_TRY(const auto found, found_conflicts(call));
  Listing listing{call};
  for (const Conflict& conflict : found) listing.add(conflict);
  listing.json.end_array().end_object();
  const bool in_fields = std::ranges::any_of(found, [](const Conflict& conflict) {
    return std::ranges::any_of(conflict.record.fields,
                               [](const replica::FieldView& field) { return !field.others.empty(); });
  });
  listing.text += found.empty()
                      ? call.say("Aucun conflit.\n", "No conflict.\n")
                  : in_fields ? call.say("Tranchez avec « maillon resolve COLLECTION ID CHAMP=VALEUR », ou "
                                         "tout à la fois avec « maillon resolve --all RÈGLE ».\n",
                                         "Decide with `maillon resolve COLLECTION ID FIELD=VALUE`, or all "
                                         "at once with `maillon resolve --all RULE`.\n")
                              : "";
  return answer(call, std::move(listing.text), std::move(listing.json));
}

namespace {

/// How the values of one field become one; nothing where the rule has no answer.
using Rule = std::function<std::optional<TypedValue>(const Conflict&, const replica::FieldView&)>;

/// The parts of a list between bars, or of a JSON array.
std::optional<std::vector<std::string>> parts_of(const Value& value, bool arrays) {
  if (!arrays)
    return value.kind() == Value::Kind::text ? std::optional{between_bars(value.text())} : std::nullopt;
  if (value.kind() != Value::Kind::json || !value.text().starts_with('[')) return std::nullopt;
  std::vector<std::string> out;
  for (const Value& element : elements_of(value)) {
    std::string json;
    append_json_value(json, element);
    out.push_back(std::move(json));
  }
  return out;
}

/// Of registers alone: the other types unite by themselves, or count.
std::optional<TypedValue> united(const std::vector<TypedValue>& values) {
  const std::uint32_t tag = values.front().tag;
  const bool arrays = values.front().value.kind() == Value::Kind::json;
  std::vector<std::string> all;
  bool several = arrays;
  for (const auto& [type, value] : values) {
    if (type != static_cast<std::uint32_t>(FieldTag::reg)) return std::nullopt;
    const auto parts = parts_of(value, arrays);
    if (!parts) return std::nullopt;
    several |= parts->size() > 1;
    for (const std::string& part : *parts)
      if (std::ranges::find(all, part) == all.end()) all.push_back(part);
  }
  // Two single words are no lists: which one holds is for people to say.
  if (!several) return std::nullopt;
  const std::string text = fmt::format("{}", fmt::join(all, arrays ? "," : "|"));
  return TypedValue{tag, arrays ? Value{Value::Kind::json, "[" + text + "]"} : Value::of_text(text)};
}

Result<Rule> rule_of(Call& call) {
  const std::string word = call.text("all");
  if (word == "newest")
    return Rule{[](const Conflict&, const replica::FieldView& field) {
      return std::optional{field.values().front()};
    }};
  if (word == "union")
    return Rule{[](const Conflict&, const replica::FieldView& field) {
      return united(field.values());
    }};
  MAILLON_TRY(const auto trust, call.federation());
  const auto named = member_named(*trust, word);
  if (named.has_error() && named.error().code == Errc::not_found)
    return said(Errc::not_found, fmt::format("`{}` is no rule, and no member", for_terminal(word, 80)),
                fmt::format("« {} » n’est ni une règle, ni un membre", for_terminal(word, 80)),
                "--all takes newest, union or a member: `maillon member list` shows them",
                "--all attend newest, union ou un membre : « maillon member list » les montre");
  if (named.has_error()) return named.error();
  const MemberId member = *named;
  return Rule{[member](const Conflict& conflict, const replica::FieldView& field) {
    // The newest of what it wrote and nobody has replaced.
    const auto values = field.values();
    for (const HistoryEntry& entry : conflict.history) {
      if (entry.author != member) continue;
      const auto said = std::ranges::find_if(
          values, [&](const TypedValue& one) { return gave(entry, field.name, one); });
      if (said != values.end()) return std::optional{*said};
    }
    return std::optional<TypedValue>{};
  }};
}

/// What a rule does to all that is in conflict.
class Settling {
 public:
  Settling(Call& call, Rule rule) : call_(call), rule_(std::move(rule)) {
    json_.object().key("resolved").array();
  }

  Result<void> take(const Conflict& conflict) {
    storage::Change change;
    change.collection = conflict.record.collection;
    change.id = conflict.record.id;
    if (conflict.record.edit_won_over_delete) ++left_;
    for (const auto& field : conflict.record.fields) {
      if (field.others.empty()) continue;
      const bool known = field.tag == static_cast<std::uint32_t>(FieldTag::reg);
      const auto value = known || field.has_types() ? rule_(conflict, field) : std::nullopt;
      if (!value) {
        ++left_;
        continue;
      }
      MAILLON_CHECK(assign_one(field.name, *value, change));
      ++resolved_;
      json_.object()
          .field("collection", change.collection)
          .field("id", change.id.hex())
          .field("field", field.name)
          .key("value")
          .value(value->value)
          .end_object();
      text_ += fmt::format("{} {}  {} = {}\n", change.collection, change.id.hex(),
                           for_terminal(field.name),
                           value_in_words(field, value->value, call_.language()));
    }
    if (change.fields.empty() && change.edits.empty()) return {};
    auto& all = changes_[conflict.place.id];
    all.first = conflict.place;
    all.second.push_back(std::move(change));
    return {};
  }

  Result<void> write() {
    MAILLON_CHECK(call_.before_writing());
    for (auto& [id, all] : changes_) {
      MAILLON_CHECK(call_.may_write_in(all.first));
      auto& replica = call_.replica();
      const auto wrote = replica.write<bool>([&](storage::Store& store) -> Result<bool> {
        MAILLON_CHECK(store.write(id, all.second, replica.author(), replica.clock().now(),
                                  replica.rng()));
        return true;
      });
      if (wrote.has_error()) return wrote.error();
    }
    return {};
  }

  Reply reply(bool dry) && {
    json_.end_array().field("left", left_).field("dry_run", dry).end_object();
    text_ += dry ? call_.say("{} valeur(s) à écrire, {} conflit(s) que cette règle ne tranche pas\n",
                             "{} value(s) to write, {} conflict(s) that this rule does not decide\n",
                             resolved_, left_)
                 : call_.say("{} conflit(s) tranché(s), {} que cette règle ne tranche pas\n",
                             "{} conflict(s) resolved, {} that this rule does not decide\n",
                             resolved_, left_);
    return answer(call_, std::move(text_), std::move(json_));
  }

 private:
  Call& call_;
  Rule rule_;
  JsonWriter json_;
  std::string text_;
  std::map<SpaceId, std::pair<Place, std::vector<storage::Change>>> changes_;
  std::int64_t resolved_ = 0;
  std::int64_t left_ = 0;
};

}  // namespace

Result<Reply> resolve_all(Call& call) {
  if (call.has("id") || call.has("fields") || call.has("keep") || call.has("delete"))
    return said(Errc::usage, "--all decides every conflict: it goes with no ID, value, --keep or --delete",
                "--all tranche tous les conflits : pas avec un ID, une valeur, --keep ou --delete",
                "`maillon resolve [COLLECTION] --all newest|union|MEMBER`",
                "« maillon resolve [COLLECTION] --all newest|union|MEMBRE »");
  MAILLON_TRY(Rule rule, rule_of(call));
  MAILLON_TRY(const auto found, found_conflicts(call));
  Settling settling{call, std::move(rule)};
  for (const Conflict& conflict : found) MAILLON_CHECK(settling.take(conflict));
  const bool dry = call.has("dry_run");
  if (!dry) MAILLON_CHECK(settling.write());
  return std::move(settling).reply(dry);
}

}  // namespace maillon::admin
