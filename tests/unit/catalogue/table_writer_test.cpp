#include "node/catalogue/table_writer.hpp"

#include "node/catalogue/csv_text.hpp"
#include "tests/unit/catalogue/reading.hpp"

namespace maillon::catalogue {
namespace {

std::string written(Format format, const std::vector<std::string>& columns,
                    const std::vector<Fields>& rows) {
  std::string out;
  const auto writer = make_table_writer(format, [&](ByteView bytes) {
    out += as_text(bytes);
    return Result<void>{};
  });
  EXPECT_TRUE(writer->begin(columns).has_value());
  for (const Fields& row : rows) EXPECT_TRUE(writer->row(row).has_value());
  EXPECT_TRUE(writer->end().has_value());
  return out;
}

Fields place(std::string name) {
  return {{"nom", Value::of_text(std::move(name))},
          {"id", Value::of_text("1")},
          {"latitude", Value{Value::Kind::number, "45.10"}},
          {"longitude", Value{Value::Kind::number, "-0.330"}},
          {"aidants", Value{Value::Kind::json, R"([{"nom":"x, y"}])"}},
          {"ouvert", Value::of_bool(true)},
          {"vide", Value{}}};
}

const std::vector<std::string> kColumns = {"id",      "nom",    "latitude", "longitude",
                                           "aidants", "ouvert", "vide"};

TEST(TableWriter, WritesEveryFormat) {
  EXPECT_EQ(written(Format::csv, kColumns, {place("Chez \"Marie\"")}),
            "\"id\",nom,latitude,longitude,aidants,ouvert,vide\n"
            "1,\"Chez \"\"Marie\"\"\",45.10,-0.330,\"[{\"\"nom\"\":\"\"x, y\"\"}]\",true,\n");
  const std::string object = R"({"id":"1","nom":"A\n\u0001","latitude":45.10,"longitude":-0.330,)"
                             R"("aidants":[{"nom":"x, y"}],"ouvert":true})";
  EXPECT_EQ(written(Format::json, kColumns, {place("A\n\x01")}), "[\n" + object + "\n]\n");
  EXPECT_EQ(written(Format::jsonl, kColumns, {place("A\n\x01")}), object + "\n");
  EXPECT_EQ(
      written(Format::geojson, kColumns, {place("A\n\x01")}),
      "{\"type\":\"FeatureCollection\",\"features\":[\n"
      "{\"type\":\"Feature\",\"geometry\":{\"type\":\"Point\",\"coordinates\":[-0.330,45.10]},"
      "\"properties\":" +
          object + "}\n]}\n");
}

TEST(TableWriter, WritesEmptyTables) {
  EXPECT_EQ(written(Format::csv, {"id", "nom"}, {}), "\"id\",nom\n");
  EXPECT_EQ(written(Format::json, {"id"}, {}), "[]\n");
  EXPECT_EQ(written(Format::jsonl, {"id"}, {}), "");
  EXPECT_EQ(written(Format::geojson, {"id"}, {}),
            "{\"type\":\"FeatureCollection\",\"features\":[]}\n");
}

TEST(TableWriter, LeavesOutGeometryWithoutUsableCoordinates) {
  for (const char* latitude : {"95", "x", "45,1"}) {
    const std::string out =
        written(Format::geojson, {"latitude", "longitude"},
                {{{"latitude", Value::of_text(latitude)}, {"longitude", Value::of_text("1")}}});
    EXPECT_NE(out.find("\"geometry\":null"), std::string::npos) << latitude;
  }
}

TEST(TableWriter, RefusesFieldsThatWereNotAnnounced) {
  const auto writer = make_table_writer(Format::jsonl, [](ByteView) { return Result<void>{}; });
  ASSERT_TRUE(writer->begin({"id"}).has_value());
  const auto out = writer->row({{"nom", Value::of_text("A")}});
  ASSERT_TRUE(out.has_error());
  EXPECT_EQ(out.error().code, Errc::usage);
}

TEST(TableWriter, PassesOnTheErrorOfItsSink) {
  const auto writer = make_table_writer(Format::csv, [](ByteView) -> Result<void> {
    return Error{Errc::full, "disk"};
  });
  ASSERT_TRUE(writer->begin({"id"}).has_value());
  EXPECT_TRUE(writer->end().has_error());
}

TEST(CsvText, GuardsWhatASpreadsheetCouldEvaluate) {
  for (const char* formula : {"=1+1",          "=",      "@x",     "@",      "\tx",
                              "\rx",           "\n=1+1", "+33=x",  "-cmd|x", "+cmd|' /C calc'!A0",
                              "-SUM(A1)",      "+A1",    "-$B$2",  "- A4",   "-2+3",
                              "+2*3",          "-2-3",   "-1,5/2", "-A1:B2", "+Feuille1.A1",
                              "- \"x\"&\"y\"", "-2+3%"}) {
    const std::string text = formula;
    EXPECT_EQ(csv_cell(Value::of_text(text)), "'" + text);
    EXPECT_TRUE(is_guarded("'" + text)) << text;
    EXPECT_EQ(csv_cell(Value::of_text("'" + text)), "''" + text);
  }
}

TEST(CsvText, LeavesWordsNumbersAndTelephonesAlone) {
  for (const char* plain : {"- Avenue Paul Mairat",
                            "-30% sur tout",
                            "+ de services",
                            "- le mardi",
                            "- 9h00 - 12h00",
                            "-0.5",
                            "+2.5",
                            "-2.5E+3",
                            "-1,5",
                            "-10%",
                            "+33 1 23",
                            "+33545000000",
                            "+33-5-45-00",
                            "+33 (0)4 50 33 65 50",
                            "-",
                            "+",
                            "--",
                            "- - -",
                            "\nx",
                            "\n",
                            "",
                            "l'eau",
                            "'l",
                            "'",
                            "'- Avenue",
                            "-2 3",
                            "- été 2+3",
                            "- A4 recto",
                            "\xc2\xa0=1"}) {
    const std::string text = plain;
    EXPECT_EQ(csv_cell(Value::of_text(text)), text);
    EXPECT_FALSE(is_guarded(text)) << text;
  }
  EXPECT_EQ(csv_cell(Value{Value::Kind::number, "-1e5"}), "-1e5");
  EXPECT_EQ(csv_cell(Value{Value::Kind::no, ""}), "false");
}

}  // namespace
}  // namespace maillon::catalogue
