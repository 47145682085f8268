#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "node/catalogue/lieux_schema.hpp"
#include "node/catalogue/table_writer.hpp"
#include "tests/unit/catalogue/reading.hpp"

/// Export gives back every column and every value of the source.
namespace maillon::catalogue {
namespace {

std::string write_all(Format format, const std::vector<std::string>& columns,
                      const std::vector<Row>& rows) {
  std::string out;
  const auto writer = make_table_writer(format, [&](ByteView bytes) {
    out += as_text(bytes);
    return Result<void>{};
  });
  EXPECT_TRUE(writer->begin(columns).has_value());
  for (const Row& row : rows) EXPECT_TRUE(writer->row(row.fields).has_value());
  EXPECT_TRUE(writer->end().has_value());
  return out;
}

/// What a row says, whatever the order; from CSV as texts, of which the empty one is none.
std::map<std::string, Value> content(const Row& row, bool as_text) {
  std::map<std::string, Value> out;
  for (const auto& [name, value] : row.fields)
    if (!as_text || !value.display().empty())
      out.emplace(name, as_text ? Value::of_text(value.display()) : value);
  return out;
}

void expect_round_trips(const std::string& name, const ReadOptions& options = {}) {
  const Read source = read(published(name), options);
  ASSERT_FALSE(source.rows.empty()) << name;
  const auto version = detect_lieux_version(source.summary.columns);
  const auto columns =
      in_official_order(source.summary.columns, version.value_or(LieuxVersion::v1));
  for (const Format format : {Format::csv, Format::json, Format::jsonl, Format::geojson}) {
    // JSON Lines and GeoJSON differ from JSON in their frame only.
    const bool framed = format == Format::jsonl || format == Format::geojson;
    if (framed && source.rows.size() > 1000) continue;
    const std::string file = write_all(format, columns, source.rows);
    const Read again = read(file, options);
    EXPECT_EQ(again.summary.format, format) << name;
    EXPECT_EQ(again.summary.rows_rejected, 0u);
    ASSERT_EQ(again.rows.size(), source.rows.size()) << name << ' ' << name_of(format);
    const bool csv = format == Format::csv;
    if (csv) {
      EXPECT_EQ(again.summary.columns, columns);
    }
    for (std::size_t i = 0; i < source.rows.size(); ++i)
      ASSERT_EQ(content(again.rows[i], csv), content(source.rows[i], csv))
          << name << ' ' << name_of(format) << " row " << i;
    // And the second export is the first, byte for byte.
    EXPECT_EQ(write_all(format, columns, again.rows), file) << name << ' ' << name_of(format);
  }
}

TEST(RoundTrip, PublishedFiles) {
  ReadOptions by_source;
  by_source.source_column = "source";
  for (const char* name :
       {"charente.v0.1.json", "charente.v1.json", "hinaura.v0.1.json",
        "bus-france-services-charente.v0.1.etat1.json",
        "bus-france-services-charente.v0.1.etat2.json", "conseillers-numeriques-permanences.json",
        "le-havre.1.json", "le-havre.2.json", "le-havre.3.json", "exemple-valide-v0.1.1.csv",
        "exemple-valide-v1.0.2.csv"})
    expect_round_trips(name);
  expect_round_trips("data-inclusion.json", by_source);
  ReadOptions france_services;
  france_services.id_columns = {"id_fs"};
  france_services.name_columns = {"lib_fs"};
  expect_round_trips("france-services-2022-12.csv", france_services);
}

TEST(RoundTrip, OfficialOrderThenFirstAppearance) {
  const auto columns =
      in_official_order({"zz", "nom", "aidants", "id", "latitude", "courriel"}, LieuxVersion::v0_1);
  EXPECT_EQ(columns,
            (std::vector<std::string>{"id", "nom", "latitude", "courriel", "zz", "aidants"}));
}

TEST(RoundTrip, AllOfTheSchemaThenTheRest) {
  const auto columns = with_all_official({"zz", "nom", "aidants", "id"}, LieuxVersion::v1);
  const auto official = lieux_columns(LieuxVersion::v1);
  ASSERT_EQ(columns.size(), official.size() + 2);
  EXPECT_TRUE(std::ranges::equal(official, std::span{columns}.first(official.size())));
  EXPECT_EQ(columns[official.size()], "zz");
  EXPECT_EQ(columns.back(), "aidants");
}

TEST(RoundTrip, AColumnInAnotherCaseStandsWhereTheOfficialOneWould) {
  EXPECT_EQ(in_official_order({"zz", "Nom", "ID"}, LieuxVersion::v1),
            (std::vector<std::string>{"ID", "Nom", "zz"}));
  const auto official = lieux_columns(LieuxVersion::v1);
  std::vector<std::string> wanted{official.begin(), official.end()};
  wanted[0] = "ID";
  EXPECT_EQ(with_all_official({"nom", "ID"}, LieuxVersion::v1), wanted);
  wanted[0] = "id";
  wanted.emplace_back("ID");
  EXPECT_EQ(with_all_official({"ID", "nom", "id"}, LieuxVersion::v1), wanted);
}

/// Texts full of what the formats treat specially.
rc::Gen<std::string> awkward_text() {
  const auto piece = rc::gen::element<std::string>(
      "a", "é", "😀", "'", "A1", "(", "|", "3", "\"", ",", ";", "\n", "\r\n", "\r", "\t", "=", "+",
      "-", "@", " ", "\\", "1", ".", "{", "]", "\x01", "\x7f", "\xc2\xa0", "\xef\xbb\xbf", "null");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const auto& pieces) {
    std::string out;
    for (const std::string& one : pieces) out += one;
    return out;
  });
}

rc::Gen<Value> awkward_value() {
  using Kind = Value::Kind;
  return rc::gen::oneOf(
      rc::gen::map(awkward_text(),
                   [](std::string text) { return Value::of_text(std::move(text)); }),
      rc::gen::element(Value{}, Value::of_bool(true), Value::of_bool(false),
                       Value{Kind::number, "-0.00"}, Value{Kind::number, "12e+300"},
                       Value{Kind::json, R"(["a,\"b\n\u0000",1.0,{}])"}, Value{Kind::json, "{}"}));
}

/// A table whose rows all have an id, in a column anywhere.
struct Table {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

Table some_table() {
  Table out;
  out.columns = {"id"};
  for (std::string& name : *rc::gen::container<std::vector<std::string>>(awkward_text())) {
    const bool unique = std::ranges::find(out.columns, name) == out.columns.end();
    if (!name.empty() && name.size() <= 256 && unique) out.columns.push_back(std::move(name));
  }
  std::swap(out.columns.front(),
            out.columns[*rc::gen::inRange<std::size_t>(0, out.columns.size())]);
  const auto rows = *rc::gen::inRange(0, 5);
  for (int i = 0; i < rows; ++i) {
    Row row;
    for (const std::string& column : out.columns) {
      Value value = column == "id" ? Value::of_text("=" + std::to_string(i)) : *awkward_value();
      if (!value.is_null()) row.fields.emplace_back(column, std::move(value));
    }
    out.rows.push_back(std::move(row));
  }
  return out;
}

void any_table_comes_back(Format format) {
  const Table table = some_table();
  ReadOptions options;
  options.name_columns.clear();
  options.format = format;
  const auto again = try_read(write_all(format, table.columns, table.rows), options);
  if (again.has_error()) {
    // JSON Lines of no record is an empty file.
    RC_ASSERT(table.rows.empty());
    return;
  }
  RC_ASSERT(again->rows.size() == table.rows.size());
  const bool csv = format == Format::csv;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    RC_ASSERT(content(again->rows[i], csv) == content(table.rows[i], csv));
}

RC_GTEST_PROP(RoundTrip, AnyTableThroughCsv, ()) { any_table_comes_back(Format::csv); }
RC_GTEST_PROP(RoundTrip, AnyTableThroughJson, ()) { any_table_comes_back(Format::json); }
RC_GTEST_PROP(RoundTrip, AnyTableThroughJsonLines, ()) { any_table_comes_back(Format::jsonl); }
RC_GTEST_PROP(RoundTrip, AnyTableThroughGeoJson, ()) { any_table_comes_back(Format::geojson); }

}  // namespace
}  // namespace maillon::catalogue
