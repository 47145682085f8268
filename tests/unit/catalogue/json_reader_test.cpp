#include "node/catalogue/json_scanner.hpp"
#include "proto/limits.hpp"
#include "tests/unit/catalogue/reading.hpp"

namespace maillon::catalogue {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + "1" + std::string(depth, ']');
}

TEST(JsonReader, KeepsValuesAsTheyAreWritten) {
  const Read out = read(R"([{"id":"1","nom":"A","n":1.50,"e":-0.10E+2,"big":123456789012345678901,
    "yes":true,"no":false,"none":null,"empty":"","list":[ 1.0 , {"a" : "é\u00e9"} ],"o":{ }}])");
  ASSERT_EQ(out.rows.size(), 1u);
  const Row& row = out.rows[0];
  EXPECT_EQ(at(row, "n"), "1.50");
  EXPECT_EQ(at(row, "e"), "-0.10E+2");
  EXPECT_EQ(at(row, "big"), "123456789012345678901");
  EXPECT_EQ(kind_at(row, "big"), Value::Kind::number);
  EXPECT_EQ(kind_at(row, "yes"), Value::Kind::yes);
  EXPECT_EQ(kind_at(row, "no"), Value::Kind::no);
  EXPECT_EQ(kind_at(row, "none"), Value::Kind::null);
  EXPECT_EQ(kind_at(row, "empty"), Value::Kind::text);  // "" is a value, null and absent are not.
  EXPECT_EQ(at(row, "empty"), "");
  EXPECT_EQ(at(row, "list"), R"([1.0,{"a":"é\u00e9"}])");
  EXPECT_EQ(kind_at(row, "list"), Value::Kind::json);
  EXPECT_EQ(at(row, "o"), "{}");
  EXPECT_EQ(row.fields.size(), 10u);
}

TEST(JsonReader, DecodesEscapesAndSurrogates) {
  const Read out =
      read(R"([{"id":"1","nom":"\u00c9\ud83d\ude00\n\t\"\\\/\b\f\r","clé\u0021":"x"}])");
  ASSERT_EQ(out.rows.size(), 1u);
  EXPECT_EQ(at(out.rows[0], "nom"), "É😀\n\t\"\\/\b\f\r");
  EXPECT_EQ(at(out.rows[0], "clé!"), "x");
  EXPECT_TRUE(out.summary.remarks.empty());
}

TEST(JsonReader, ReplacesLoneSurrogatesAndSaysSo) {
  const Read out = read(
      "{\"id\":\"1\",\"nom\":\"a\\ud83d\"}\n"
      "{\"id\":\"2\",\"nom\":\"\\ude00b\"}\n"
      "{\"id\":\"3\",\"nom\":\"\\ud83d\\u0041\"}\n"
      "{\"id\":\"4\",\"nom\":\"\\u0000\"}\n"
      "{\"id\":\"5\",\"nom\":\"A\",\"o\":[\"\\ud83d\"]}\n");
  ASSERT_EQ(out.rows.size(), 5u);
  EXPECT_EQ(at(out.rows[0], "nom"), "a\xef\xbf\xbd");
  EXPECT_EQ(at(out.rows[1], "nom"),
            "\xef\xbf\xbd"
            "b");
  EXPECT_EQ(at(out.rows[2], "nom"),
            "\xef\xbf\xbd"
            "A");
  EXPECT_EQ(at(out.rows[3], "nom"), "\xef\xbf\xbd");
  EXPECT_EQ(at(out.rows[4], "o"), "[\"\\ud83d\"]");
  ASSERT_EQ(out.summary.remarks.size(), 4u);
  EXPECT_EQ(out.summary.remarks[3].line, 4u);
  EXPECT_EQ(out.summary.remarks[3].field, "nom");
}

TEST(JsonReader, TellsTheShapesOfFilesApart) {
  EXPECT_EQ(read(R"([{"id":1,"nom":"A"}])").summary.format, Format::json);
  EXPECT_EQ(read(R"({"id":1,"nom":"A"})").summary.format, Format::jsonl);
  EXPECT_EQ(read("{\"id\":1,\"nom\":\"A\"}\n{\"id\":2,\"nom\":\"B\"}").rows.size(), 2u);
  const Read wrapped = read(
      "{\"count\":2,\n\"data\":[\n{\"id\":1,\"nom\":\"A\"},\n"
      "{\"id\":2,\"nom\":\"B\"}],\"links\":{\"next\":null}}");
  ASSERT_EQ(wrapped.rows.size(), 2u);
  EXPECT_EQ(wrapped.rows[1].line, 4u);
  EXPECT_EQ(wrapped.summary.format, Format::json);
  EXPECT_EQ(wrapped.summary.columns, (std::vector<std::string>{"id", "nom"}));
  // A record that holds a list of objects is still a record.
  EXPECT_EQ(read(R"({"id":"1","nom":"A","aidants":[{"nom":"x"}]})").rows.size(), 1u);
  EXPECT_EQ(read("[]").rows.size(), 0u);
  EXPECT_EQ(read(R"({"data":[],"errors":[]})").rows.size(), 0u);
  EXPECT_NE(read_error(R"({"a":[{"id":1}],"b":[{"id":2}]})").detail.find("several lists"),
            std::string::npos);
}

TEST(JsonReader, ReadsGeoJsonFeaturesAsTheirProperties) {
  const Read out = read(
      R"({"type":"FeatureCollection","features":[
      {"type":"Feature","geometry":{"type":"Point","coordinates":[-0.33,45.70]},
       "properties":{"id":"1","nom":"A"}},
      {"type":"Feature","id":"z","geometry":null,"properties":{"nom":"B"}},
      {"type":"Feature","geometry":null}]})");
  ASSERT_EQ(out.rows.size(), 2u);
  EXPECT_EQ(out.summary.format, Format::geojson);
  EXPECT_EQ(at(out.rows[0], "latitude"), "45.70");
  EXPECT_EQ(at(out.rows[0], "longitude"), "-0.33");
  EXPECT_EQ(out.rows[1].external_id, "z");
  EXPECT_EQ(out.summary.rows_rejected, 1u);
  EXPECT_EQ(out.summary.columns, (std::vector<std::string>{"id", "nom", "latitude", "longitude"}));
}

TEST(JsonReader, NamesTheLineOfFaults) {
  const std::pair<std::string_view, std::string_view> faults[] = {
      {"[\n{\"id\":\"1\",\"nom\":\"A\"},\n{\"id\":\"2\",\"no", "line 3:"},
      {"[\n{\"id\":\"1\",\"nom\":\"A\"}\n", "line 3:"},
      {"[\n{\"id\":\"1\",\"nom\":\"A\"}\n{", "line 3:"},
      {"[{\"id\":\"1\",\n\"nom\":\"A\"} ,\n]", "line 3:"},
      {"[{\"id\":\"1\",\n\"nom\":NaN}]", "line 2:"},
      {"[{\"id\":\"1\",\n\"nom\":01}]", "line 2:"},
      {"[{\"id\":\"1\",\n\"nom\":\"\\x\"}]", "line 2:"},
      {"[{\"id\":\"1\",\n\"nom\":\"\\u12g4\"}]", "line 2:"},
      {"[{\"id\":\"1\",\n\"nom\":\"a\nb\"}]", "line 2:"},
      {"[{\"id\":\"1\",\n\"nom\" \"a\"}]", "line 2:"},
      {"{\"id\":1,\"nom\":\"A\"}\n{\"id\":2,\n", "line 3:"},
      {"[]\n[]", "line 2:"},
  };
  for (const auto& [text, line] : faults) {
    const Error error = read_error(text);
    EXPECT_EQ(error.code, Errc::malformed) << text;
    EXPECT_NE(error.detail.find(line), std::string::npos) << text << " -> " << error.detail;
    EXPECT_FALSE(error.fr.empty() || error.hint_fr.empty()) << text;
  }
}

TEST(JsonReader, SaysWhenAFileIsCutShort) {
  const std::string whole = R"([{"id":"1","nom":"A","n":-1.5e3,"t":true,"o":{"a":[1,"\u00e9"]}}])";
  ASSERT_EQ(read(whole).rows.size(), 1u);
  for (std::size_t size = 2; size < whole.size(); ++size)
    EXPECT_TRUE(try_read(whole.substr(0, size)).has_error()) << size;
  const Error cut = read_error(whole.substr(0, 20));
  EXPECT_EQ(cut.detail, "record 1, line 1: the file ends in the middle of a record");
  EXPECT_EQ(cut.fr, "fiche 1, ligne 1 : le fichier s'arrête au milieu d'une fiche");
  EXPECT_EQ(cut.hint, "fetch or export it again");
}

TEST(JsonReader, LimitsNesting) {
  const auto with = [](std::size_t depth) {
    return "[{\"id\":\"1\",\"nom\":\"A\",\"x\":" + nested(depth) + "}]";
  };
  EXPECT_EQ(read(with(limits::kJsonDepthMax - 2)).rows.size(), 1u);
  EXPECT_NE(read_error(with(limits::kJsonDepthMax - 1)).detail.find("too deeply"),
            std::string::npos);
  EXPECT_TRUE(try_read(nested(1'000'000)).has_error());
  EXPECT_TRUE(try_read("{\"a\":" + nested(1'000'000)).has_error());
  EXPECT_TRUE(try_read(std::string(1'000'000, '[')).has_error());
}

TEST(JsonReader, NumbersTheRecordsOfAnArray) {
  // All on one line, as most programs write JSON.
  const std::string good = R"({"id":"1","nom":"A"},{"id":"2"},{"id":"1","nom":"C"})";
  const Read out = read("[" + good + R"(,{"id":"4","nom":"\ud800"}])");
  ASSERT_EQ(out.summary.rejections.size(), 2u);
  EXPECT_EQ(out.summary.rejections[0].record, 2u);
  EXPECT_EQ(out.summary.rejections[1].record, 3u);
  EXPECT_NE(out.summary.rejections[1].reason_en.find("that of record 1, line 1"),
            std::string::npos);
  EXPECT_EQ(out.summary.remarks.at(0).record, 4u);
  EXPECT_EQ(out.rows.at(1).record, 4u);
  const Error error = read_error("[" + good + R"(,{"id":oops}])");
  EXPECT_TRUE(error.detail.starts_with("record 4, line 1: ")) << error.detail;
  EXPECT_TRUE(error.fr.starts_with("fiche 4, ligne 1 : ")) << error.fr;
  // Lines tell the records of the other formats apart.
  EXPECT_EQ(read("{\"id\":1,\"nom\":\"A\"}\n{\"id\":2}").summary.rejections.at(0).record, 0u);
}

TEST(JsonReader, RefusesBytesThatAreNoUtf8) {
  const Error latin = read_error("[{\"id\":1,\"nom\":\"A\"},{\"id\":2,\"nom\":\"\xe9t\xe9\"}]");
  EXPECT_TRUE(latin.detail.starts_with("record 2, line 1: a byte")) << latin.detail;
  EXPECT_TRUE(latin.fr.starts_with("fiche 2, ligne 1 :")) << latin.fr;
  EXPECT_FALSE(latin.hint.empty() || latin.hint_fr.empty());
  EXPECT_TRUE(read_error("{\"id\":1,\"nom\":\"A\"}\n{\"id\":2,\"nom\":\"\xe9\"}")
                  .detail.starts_with("line 2: a byte"));
  EXPECT_TRUE(read_error("\xef\xbb\xbf[\n{\"id\":1,\"nom\":\"\xff\"}]")
                  .detail.starts_with("record 1, line 2: a byte"));
}

TEST(JsonReader, AnEmptyIdOfAFeatureIsNone) {
  const Read out = read(
      R"({"type":"FeatureCollection","features":[
      {"type":"Feature","id":"z","geometry":null,"properties":{"id":"","nom":"B","tel":""}}]})");
  ASSERT_EQ(out.rows.size(), 1u);
  EXPECT_EQ(out.rows[0].external_id, "z");
  EXPECT_EQ(kind_at(out.rows[0], "tel"), Value::Kind::text);
}

TEST(JsonReader, RefusesUnfitRecordsAndGoesOn) {
  const Read out = read(
      "[1,\n{\"id\":\"1\",\"nom\":\"A\",\"nom\":\"B\"},\n{\"nom\":\"C\"},\n"
      "{\"id\":{\"a\":1},\"nom\":\"D\"},\n{\"id\":12,\"nom\":\"E\"},\n"
      "{\"id\":\"12\",\"nom\":\"F\"},\n{\"id\":\"7\",\"nom\":null}]");
  ASSERT_EQ(out.rows.size(), 1u);
  EXPECT_EQ(out.rows[0].external_id, "12");
  EXPECT_EQ(kind_at(out.rows[0], "id"), Value::Kind::number);
  EXPECT_EQ(out.summary.rows_read, 7u);
  ASSERT_EQ(out.summary.rejections.size(), 6u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(out.summary.rejections[i].line, i + 1);
  EXPECT_EQ(out.summary.rejections[1].field, "nom");
}

TEST(JsonReader, RefusesFilesWithoutColumns) {
  std::string text = "[";
  for (int i = 0; i < 5000; ++i)
    text += (i > 0 ? ",{\"id\":1,\"k" : "{\"id\":1,\"k") + std::to_string(i) + "\":1}";
  EXPECT_NE(read_error(text + "]").detail.find("not a table"), std::string::npos);
}

TEST(JsonScanner, CountsLinesFromWhereItIsTold) {
  JsonScanner in{"\n\n 12x", 7};
  Value value;
  EXPECT_TRUE(in.value(value, 0));
  EXPECT_EQ(in.line(), 9u);
  EXPECT_FALSE(in.fail("wrong", "faux"));
  EXPECT_EQ(in.error().detail, "line 9: wrong");
}

}  // namespace
}  // namespace maillon::catalogue
