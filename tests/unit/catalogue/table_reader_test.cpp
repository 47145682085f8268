#include <random>

#include "node/catalogue/encoding.hpp"
#include "tests/unit/catalogue/reading.hpp"

namespace maillon::catalogue {
namespace {

TEST(TableReader, TakesAByteOrderMark) {
  const Read csv = read("\xef\xbb\xbfid,nom\n1,é\n");
  EXPECT_TRUE(csv.summary.byte_order_mark);
  EXPECT_EQ(csv.summary.columns.at(0), "id");
  EXPECT_EQ(read("\xef\xbb\xbf[{\"id\":1,\"nom\":\"A\"}]").rows.size(), 1u);
}

TEST(TableReader, DecodesWindows1252) {
  const Read csv = read(
      "id;nom;adresse\n1;M\xe9"
      "diath\xe8que;\x93l\x92\x8cuvre\x94 \x80\n");
  EXPECT_EQ(csv.summary.encoding, Encoding::windows_1252);
  EXPECT_EQ(at(csv.rows.at(0), "nom"), "Médiathèque");
  EXPECT_EQ(at(csv.rows[0], "adresse"), "“l’Œuvre” €");
  // Letters, hard spaces and guillemets of Windows-1252 that happen to look like UTF-8.
  const Read quoted = read("id;nom\n1;caf\xe9\xa0\xbb \xe0 c\xf4t\xe9, LIBERT\xc9\xa0\xbb\n");
  EXPECT_EQ(quoted.summary.encoding, Encoding::windows_1252);
  EXPECT_EQ(at(quoted.rows.at(0), "nom"), "café\u00a0» à côté, LIBERTÉ\u00a0»");
  for (int byte = 0x80; byte < 0x100; ++byte)
    EXPECT_TRUE(is_utf8(utf8_from_windows_1252(std::string(1, static_cast<char>(byte)))));
}

TEST(TableReader, RefusesWhatIsNoText) {
  EXPECT_NE(read_error("PK\x03\x04 anything").detail.find("ZIP"), std::string::npos);
  EXPECT_NE(read_error(std::string{"\xff\xfei\0d\0", 6}).detail.find("UTF-16"), std::string::npos);
  EXPECT_NE(read_error(std::string{"id,nom\n1,\0\n", 11}).detail.find("line 2"), std::string::npos);
  EXPECT_NE(read_error("").detail.find("empty"), std::string::npos);
  EXPECT_NE(read_error(" \n ").detail.find("empty"), std::string::npos);
  for (const std::string_view nothing : {"", " \n ", "\xef\xbb\xbf"}) {
    const Error error = read_error(nothing);
    EXPECT_TRUE(error.detail == "the file is empty" && !error.hint.empty() &&
                !error.hint_fr.empty());
  }
}

TEST(TableReader, DoesNotTakeDamagedUtf8ForWindows1252) {
  const Error error = read_error("id,nom\n1,été à Évian\n2,caf\xe9\n");
  EXPECT_NE(error.detail.find("line 3"), std::string::npos) << error.detail;
  // However little of it is sound.
  for (const std::string_view sound : {"é", "À", "œ", "’", "€", "«", "😀", "\u00a0"}) {
    const std::string text = "id,nom\n1," + std::string{sound} + "\n2,\xe9t\xe9 \xe0 \xe7 x\n";
    EXPECT_TRUE(read_error(text).detail.starts_with("line 3: damaged UTF-8")) << sound;
  }
  const std::string large = "id,nom\n1,été\n2,caf\xe9\xe8\xe0 x\n" + std::string(2'000'000, 'x');
  EXPECT_TRUE(read_error(large).detail.starts_with("line 3:"));
  // Overlong, surrogate, too high, cut at the end.
  for (const std::string_view bad : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
    EXPECT_TRUE(try_read("id,nom\n1,éèàùçâêîôû\n2," + std::string{bad}).has_error());
}

TEST(TableReader, FollowsContentRatherThanExtension) {
  ReadOptions options;
  options.file_name = "lieux.JSON";
  EXPECT_EQ(read("{\"id\":1,\"nom\":\"A\"}\n{\"id\":2,\"nom\":\"B\"}\n", options).summary.format,
            Format::jsonl);
  EXPECT_EQ(read("id,nom\n1,A\n", options).summary.format, Format::csv);
  options.format = Format::json;
  EXPECT_NE(read_error("id,nom\n1,A\n", options).detail.find("not JSON"), std::string::npos);
  // What is neither is told as what the name promised.
  for (const std::string_view scalar : {"42", "null", "\"x\"", "\ntrue\n"}) {
    ReadOptions named;
    named.file_name = "s.json";
    EXPECT_NE(read_error(scalar, named).detail.find("no list of records"), std::string::npos);
    EXPECT_NE(read_error(scalar, options).hint.find("list of objects"), std::string::npos);
    EXPECT_NE(read_error(scalar).hint.find("first line"), std::string::npos);
  }
  EXPECT_EQ(format_from_name("a.b.GeoJSON"), Format::geojson);
  EXPECT_EQ(format_from_name("csv"), Format::csv);
  EXPECT_EQ(format_from_name("x.xlsx"), std::nullopt);
}

TEST(TableReader, StopsWhenTheListenerDoes) {
  int rows = 0;
  const auto out = read_table(as_bytes("id,nom\n1,A\n2,B\n"), {}, [&](Row&&) -> Result<void> {
    ++rows;
    return Error{Errc::full, "enough"};
  });
  ASSERT_TRUE(out.has_error());
  EXPECT_EQ(out.error().detail, "enough");
  EXPECT_EQ(rows, 1);
  EXPECT_TRUE(check_table(as_bytes("id,nom\n1,A\n2,B\n"), {}).has_value());
}

/// Whatever the bytes, reading ends, and what it hands out can be stored.
TEST(TableReader, SurvivesRandomBytes) {
  std::mt19937 random{20240718};
  const std::string_view alphabet = "[]{}\",:;\\u019ad.e+-tfn \n\r\t'=\xc3\xa9\xff";
  const std::string seeds[] = {"", "id,nom\n", "[{\"id\":1,\"nom\":\"", "{\"id\":1,\"nom\":",
                               "{\"features\":[{\"type\":\"Feature\",\"properties\":"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[random() % std::size(seeds)];
    const std::size_t length = random() % 60;
    for (std::size_t i = 0; i < length; ++i) text.push_back(alphabet[random() % alphabet.size()]);
    const auto out = try_read(text);
    if (out.has_error()) {
      EXPECT_FALSE(out.error().fr.empty()) << text;
      continue;
    }
    for (const Row& row : out->rows)
      for (const auto& [name, value] : row.fields) {
        EXPECT_TRUE(is_utf8(name));
        EXPECT_TRUE(Value::decode(value.encoded()).has_value()) << text;
      }
  }
}

TEST(TableReader, ReadsThePublishedFiles) {
  struct Expected {
    const char* name;
    std::size_t rows;
    std::size_t rejected;
    std::size_t columns;
  };
  // The rejected ones repeat an id: 190 of data·inclusion, which gathers several producers' ids,
  // and one place that Le Havre lists twice.
  const Expected all[] = {{"charente.v0.1.json", 188, 0, 22},
                          {"charente.v1.json", 188, 0, 22},
                          {"hinaura.v0.1.json", 687, 0, 18},
                          {"bus-france-services-charente.v0.1.etat1.json", 12, 0, 21},
                          {"bus-france-services-charente.v0.1.etat2.json", 12, 0, 20},
                          {"conseillers-numeriques-permanences.json", 3251, 0, 20},
                          {"data-inclusion.json", 2442, 190, 25},
                          {"le-havre.1.json", 76, 0, 28},
                          {"le-havre.2.json", 76, 0, 28},
                          {"le-havre.3.json", 79, 1, 28},
                          {"exemple-valide-v0.1.1.csv", 1, 0, 29},
                          {"exemple-valide-v1.0.2.csv", 1, 0, 32}};
  for (const Expected& expected : all) {
    const Read out = read(published(expected.name));
    EXPECT_EQ(out.rows.size(), expected.rows) << expected.name;
    EXPECT_EQ(out.summary.rows_rejected, expected.rejected) << expected.name;
    EXPECT_EQ(out.summary.columns.size(), expected.columns) << expected.name;
  }
  ReadOptions by_source;
  by_source.source_column = "source";
  EXPECT_EQ(read(published("data-inclusion.json"), by_source).summary.rows_rejected, 0u);
}

}  // namespace
}  // namespace maillon::catalogue
