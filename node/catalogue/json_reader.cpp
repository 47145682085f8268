#include <algorithm>

#include "node/catalogue/json_scanner.hpp"
#include "node/catalogue/row_gate.hpp"
#include "proto/limits.hpp"

namespace maillon::catalogue {
namespace {

/// A member of a row that makes it unfit; the row is then read to its end and refused.
struct RowFault {
  std::string field;
  const char* en = nullptr;
  const char* fr = nullptr;
};

/// Reads the records of a JSON text one at a time.
class JsonRows {
 public:
  JsonRows(const ReadOptions& options, RowGate& gate) : options_(options), gate_(gate) {}

  Result<void> read(std::string_view text);

 private:
  /// Where the records of a top-level object are.
  struct Table {
    bool found = false;  ///< otherwise the object is itself a record, maybe one of many
    std::size_t offset = 0;
    std::uint64_t line = 1;
    std::string key;
  };

  Result<Table> find_table(std::string_view text);
  Result<void> read_array(JsonScanner& in);
  Result<void> read_lines(JsonScanner& in);
  Result<void> read_record(JsonScanner& in, std::size_t depth);
  bool members(JsonScanner& in, std::size_t depth, Row& row, RowFault& fault, ColumnTable& columns);
  bool unwrap_feature(Row& row, RowFault& fault);
  /// The scanner's fault, and in which record of an array it is.
  [[nodiscard]] Error fault_in(const JsonScanner& in) const;

  const ReadOptions& options_;
  RowGate& gate_;
  ColumnTable columns_;
  ColumnTable wrapper_columns_;  ///< members of a GeoJSON feature, which are no columns
  bool features_ = false;
  std::size_t expected_ = 0;
};

Error JsonRows::fault_in(const JsonScanner& in) const {
  Error out = in.error();
  const std::string record = std::to_string(gate_.record());
  if (gate_.record() == 0) return out;
  out.detail = "record " + record + ", " + out.detail;
  out.fr = "fiche " + record + ", " + out.fr;
  return out;
}

/// Reads `{ … }`: every member but null becomes a field.
bool JsonRows::members(JsonScanner& in, std::size_t depth, Row& row, RowFault& fault,
                       ColumnTable& columns) {
  in.take('{');
  columns.start_row();
  in.skip_space();
  if (in.take('}')) return true;
  std::string scratch;
  for (;;) {
    in.skip_space();
    std::string_view key;
    if (!in.string(scratch, key)) return false;
    if (columns.size() >= ColumnTable::kMax)
      return in.fail("more than 4096 different keys: this is not a table",
                     "plus de 4096 clés différentes : ce n'est pas un tableau");
    const std::size_t column = columns.index_of(key);
    const bool first_time = columns.use(column);
    in.skip_space();
    if (!in.take(':')) return in.unexpected("a colon is missing", "il manque un deux-points");
    Value value;
    if (!in.value(value, depth + 1)) return false;
    const std::string& name = columns.name(column);
    if (!first_time)
      fault = {name, "this key stands twice in the record", "cette clé figure deux fois"};
    if (in.replaced()) {
      in.forget_replaced();
      gate_.remark(row.line, name, "\\u0000 or half of a UTF-16 pair was replaced by U+FFFD",
                   "\\u0000 ou une moitié de paire UTF-16 a été remplacé par U+FFFD");
    }
    if (!value.is_null()) row.fields.emplace_back(name, std::move(value));
    in.skip_space();
    if (in.take('}')) return true;
    if (!in.take(','))
      return in.unexpected("a comma or } is missing", "il manque une virgule ou }");
  }
}

const Value* find(const Fields& fields, std::string_view name) {
  const auto at = std::ranges::find(fields, name, &Field::first);
  return at == fields.end() ? nullptr : &at->second;
}

/// Longitude and latitude of the compact text of a GeoJSON Point.
bool point_of(const std::string& geometry, Value& longitude, Value& latitude) {
  constexpr std::string_view kKey = "\"coordinates\":[";
  const std::size_t at = geometry.find(kKey);
  if (geometry.find("\"type\":\"Point\"") == std::string::npos || at == std::string::npos)
    return false;
  JsonScanner in{std::string_view{geometry}.substr(at + kKey.size())};
  return in.value(longitude, 0) && in.take(',') && in.value(latitude, 0) &&
         longitude.kind() == Value::Kind::number && latitude.kind() == Value::Kind::number;
}

/// A GeoJSON feature says what the record is in `properties`, and where in `geometry`.
bool JsonRows::unwrap_feature(Row& row, RowFault& fault) {
  const Value* type = find(row.fields, "type");
  const Value* properties = find(row.fields, "properties");
  if (type == nullptr || type->text() != "Feature" || properties == nullptr ||
      !properties->text().starts_with('{'))
    return false;
  Row inner;
  inner.line = row.line;
  JsonScanner in{properties->text(), row.line};
  if (!members(in, 0, inner, fault, columns_)) return false;
  const auto add = [&](std::string_view name, Value value) {
    if (find(inner.fields, name) == nullptr && columns_.size() < ColumnTable::kMax)
      inner.fields.emplace_back(columns_.name(columns_.index_of(name)), std::move(value));
  };
  if (const Value* id = find(row.fields, "id")) {
    // An empty property names nothing: the feature's own id does.
    std::erase_if(inner.fields, [](const Field& field) {
      return field.first == "id" && field.second == Value::of_text("");
    });
    add("id", *id);
  }
  Value longitude;
  Value latitude;
  const Value* geometry = find(row.fields, "geometry");
  if (geometry != nullptr && point_of(geometry->text(), longitude, latitude)) {
    add("latitude", std::move(latitude));
    add("longitude", std::move(longitude));
  }
  row = std::move(inner);
  return true;
}

Result<void> JsonRows::read_record(JsonScanner& in, std::size_t depth) {
  in.skip_space();
  Row row;
  row.line = in.line();
  if (in.peek() != '{') {
    if (!in.skip_value(depth)) return fault_in(in);
    gate_.reject(row.line, "", "a record must be an object { … }",
                 "une fiche doit être un objet { … }");
    return {};
  }
  row.fields.reserve(expected_);
  RowFault fault;
  if (!members(in, depth, row, fault, features_ ? wrapper_columns_ : columns_)) return fault_in(in);
  if (features_ && !unwrap_feature(row, fault) && fault.en == nullptr)
    fault = {"properties", "this is not a GeoJSON feature with properties",
             "ce n'est pas un objet GeoJSON doté de « properties »"};
  if (fault.en != nullptr) {
    gate_.reject(row.line, fault.field, fault.en, fault.fr);
    return {};
  }
  expected_ = row.fields.size() + 1;
  return gate_.offer(std::move(row));
}

Result<void> JsonRows::read_array(JsonScanner& in) {
  in.take('[');
  in.skip_space();
  if (in.take(']')) return {};
  gate_.count_records();
  for (;;) {
    MAILLON_CHECK(read_record(in, 1));
    in.skip_space();
    if (in.take(']')) return {};
    if (!in.take(',')) {
      in.unexpected("a comma or ] is missing after a record",
                    "il manque une virgule ou ] après une fiche");
      return fault_in(in);
    }
  }
}

Result<JsonRows::Table> JsonRows::find_table(std::string_view text) {
  JsonScanner in{text};
  in.skip_space();
  in.take('{');
  in.skip_space();
  std::vector<Table> filled;
  std::vector<Table> empty;
  bool is_record = false;
  std::string scratch;
  for (bool more = !in.take('}'); more;) {
    in.skip_space();
    std::string_view key;
    if (!in.string(scratch, key)) return fault_in(in);
    Table table{true, 0, 1, std::string{key}};
    in.skip_space();
    if (!in.take(':')) {
      in.unexpected("a colon is missing", "il manque un deux-points");
      return fault_in(in);
    }
    in.skip_space();
    const char first = in.peek();
    table.offset = in.position();
    table.line = in.line();
    if (!in.skip_value(1)) return fault_in(in);
    if (first == '[') {
      const std::size_t next = text.find_first_not_of(" \t\r\n", table.offset + 1);
      if (text[next] == '{')
        filled.push_back(std::move(table));
      else if (text[next] == ']')
        empty.push_back(std::move(table));
    } else if (is_one_of(table.key, options_.id_columns)) {
      is_record = true;
    }
    in.skip_space();
    more = in.take(',');
    if (!more && !in.take('}')) {
      in.unexpected("a comma or } is missing", "il manque une virgule ou }");
      return fault_in(in);
    }
  }
  in.skip_space();
  if (is_record || !in.at_end() || (filled.empty() && empty.empty())) return Table{};
  if (filled.size() > 1)
    return Error{Errc::malformed,
                 "the file holds several lists: `" + filled[0].key + "`, `" + filled[1].key + "`",
                 "le fichier contient plusieurs listes : « " + filled[0].key + " », « " +
                     filled[1].key + " »",
                 "keep one list of records", "gardez une seule liste de fiches"};
  return filled.empty() ? empty.front() : filled.front();
}

Result<void> JsonRows::read_lines(JsonScanner& in) {
  for (in.skip_space(); !in.at_end(); in.skip_space()) MAILLON_CHECK(read_record(in, 0));
  return {};
}

Result<void> JsonRows::read(std::string_view text) {
  JsonScanner in{text};
  in.skip_space();
  if (in.peek() == '[') {
    gate_.summary.format = Format::json;
    MAILLON_CHECK(read_array(in));
    in.skip_space();
    if (!in.at_end()) {
      in.fail("something follows the end of the list", "quelque chose suit la fin de la liste");
      return fault_in(in);
    }
  } else {
    Table table;
    if (options_.format != Format::jsonl) {
      MAILLON_TRY(table, find_table(text));
    }
    features_ = table.found && table.key == "features";
    gate_.summary.format = features_ ? Format::geojson : table.found ? Format::json : Format::jsonl;
    JsonScanner records{text.substr(table.offset), table.line};
    MAILLON_CHECK(table.found ? read_array(records) : read_lines(records));
  }
  gate_.summary.columns = columns_.names();
  return {};
}

}  // namespace

Result<void> read_json(std::string_view text, const ReadOptions& options, RowGate& gate) {
  return JsonRows{options, gate}.read(text);
}

}  // namespace maillon::catalogue
