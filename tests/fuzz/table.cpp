#include <map>

#include "node/catalogue/encoding.hpp"
#include "node/catalogue/table_writer.hpp"
#include "tests/fuzz/target.hpp"

/// Files that people import. What was read, an export and another import give back.
namespace maillon::fuzz {
namespace {

using namespace catalogue;

struct Table {
  std::vector<Row> rows;
  ReadSummary summary;
};

std::optional<Table> read(ByteView file, const ReadOptions& options) {
  Table out;
  auto summary = read_table(file, options, [&](Row&& row) {
    out.rows.push_back(std::move(row));
    return Result<void>{};
  });
  if (summary.has_error()) return std::nullopt;
  out.summary = *std::move(summary);
  return out;
}

Bytes exported(Format format, const Table& table) {
  Bytes out;
  const auto writer = make_table_writer(format, [&](ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return Result<void>{};
  });
  MAILLON_ASSERT(writer->begin(table.summary.columns).has_value(), "columns can be written");
  for (const Row& row : table.rows)
    MAILLON_ASSERT(writer->row(row.fields).has_value(), "rows can be written");
  MAILLON_ASSERT(writer->end().has_value(), "a file has an end");
  return out;
}

/// What a row says, whatever the order; from CSV as texts, of which the empty one is none.
std::map<std::string, Value> content(const Row& row, bool texts) {
  std::map<std::string, Value> out;
  for (const auto& [name, value] : row.fields)
    if (!texts || !value.display().empty())
      out.emplace(name, texts ? Value::of_text(value.display()) : value);
  return out;
}

void expect_well_formed(const Row& row) {
  for (const auto& [name, value] : row.fields) {
    MAILLON_ASSERT(is_utf8(name), "names are UTF-8");
    const auto again = Value::decode(value.encoded());
    MAILLON_ASSERT(again.has_value() && *again == value, "values are those of an op");
  }
}

void expect_back(const Table& table, Format format, ReadOptions options) {
  if (table.rows.empty()) return;
  options.format = format;
  const auto again = read(exported(format, table), options);
  MAILLON_ASSERT(again.has_value(), "an export can be imported");
  MAILLON_ASSERT(again->rows.size() == table.rows.size(), "every row comes back");
  const bool texts = format == Format::csv;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    MAILLON_ASSERT(content(again->rows[i], texts) == content(table.rows[i], texts),
                   "every value comes back");
}

}  // namespace
}  // namespace maillon::fuzz

MAILLON_FUZZ_TARGET(table) {
  using namespace maillon::fuzz;
  Choices in{input};
  ReadOptions options;
  constexpr std::array kFormats{Format::csv, Format::json, Format::jsonl, Format::geojson};
  if (const std::size_t format = in.below(5); format < 4) options.format = kFormats[format];
  const Format other = kFormats[in.below(4)];
  // Else nearly all that is not made by hand lacks an id or a name.
  if (!in.rarely(4)) options.id_columns.clear();
  if (!in.rarely(4)) options.name_columns.clear();
  if (in.rarely(4)) options.source_column = "source";
  const maillon::ByteView file = in.rest();
  if (const auto found = detect_encoding(maillon::as_text(file));
      found && found->encoding == Encoding::windows_1252)
    MAILLON_ASSERT(maillon::is_utf8(utf8_from_windows_1252(maillon::as_text(file))),
                   "what was converted is UTF-8");
  const auto table = read(file, options);
  MAILLON_ASSERT(table.has_value() == check_table(file, options).has_value(),
                 "checking a file tells whether it can be read");
  if (!table) return;
  for (const Row& row : table->rows) expect_well_formed(row);
  expect_back(*table, other, options);
}
