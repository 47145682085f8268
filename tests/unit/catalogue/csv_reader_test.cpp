#include "proto/limits.hpp"
#include "tests/unit/catalogue/reading.hpp"

namespace maillon::catalogue {
namespace {

ReadOptions without_names() {
  ReadOptions options;
  options.name_columns.clear();
  return options;
}

TEST(CsvReader, ReadsQuotedCellsWithSeparatorsQuotesAndNewlines) {
  const Read out = read(
      "id,nom,note\r\n"
      "1,\"Chez, \"\"Marie\"\"\",\"deux\r\nlignes\"\r\n"
      "2,B,\r\n");
  ASSERT_EQ(out.rows.size(), 2u);
  EXPECT_EQ(at(out.rows[0], "nom"), "Chez, \"Marie\"");
  EXPECT_EQ(at(out.rows[0], "note"), "deux\r\nlignes");
  EXPECT_EQ(out.rows[0].line, 2u);
  EXPECT_EQ(out.rows[1].line, 4u);
  EXPECT_EQ(kind_at(out.rows[1], "note"), Value::Kind::null);
  EXPECT_EQ(out.summary.columns, (std::vector<std::string>{"id", "nom", "note"}));
}

TEST(CsvReader, KeepsTheIdAmongTheFieldsInFileOrder) {
  const Read out = read("nom,id\nA,x-1\n");
  ASSERT_EQ(out.rows.size(), 1u);
  EXPECT_EQ(out.rows[0].external_id, "x-1");
  ASSERT_EQ(out.rows[0].fields.size(), 2u);
  EXPECT_EQ(out.rows[0].fields[0].first, "nom");
  EXPECT_EQ(out.rows[0].fields[1].first, "id");
}

TEST(CsvReader, DetectsSeparators) {
  EXPECT_EQ(read("id;nom\n1;a,b\n").summary.separator, ';');
  EXPECT_EQ(read("id\tnom\n1\ta,b;c\n").summary.separator, '\t');
  EXPECT_EQ(read("\"id\",\"nom;prénom;titre\",nom\n1,a,b\n").summary.separator, ',');
  const Read named = read("sep=;\r\nid;nom\r\n1;A\r\n");
  ASSERT_EQ(named.rows.size(), 1u);
  EXPECT_EQ(named.rows[0].line, 3u);
}

TEST(CsvReader, TakesEveryKindOfLineEndAndSkipsEmptyRows) {
  for (const std::string_view end : {"\n", "\r\n", "\r"}) {
    std::string text;
    for (const std::string_view line : {"", "id,nom", "1,A", "", ",,", "2,B"})
      text.append(line).append(end);
    const Read out = read(text);
    ASSERT_EQ(out.rows.size(), 2u);
    EXPECT_EQ(out.summary.rows_read, 2u);
    EXPECT_EQ(out.rows[1].line, 6u);
  }
  EXPECT_EQ(read("id,nom\n1,A").rows.size(), 1u);
}

TEST(CsvReader, NamesTheLineOfBrokenQuotes) {
  const Error unclosed = read_error("id,nom\n1,A\n2,\"B\n3,C\n");
  EXPECT_EQ(unclosed.code, Errc::malformed);
  EXPECT_NE(unclosed.detail.find("line 3:"), std::string::npos) << unclosed.detail;
  EXPECT_NE(unclosed.fr.find("ligne 3"), std::string::npos) << unclosed.fr;
  EXPECT_FALSE(unclosed.hint.empty() || unclosed.hint_fr.empty());
  const Error stray = read_error("id,nom\n1,A\n2,\"B\"bis\n");
  EXPECT_NE(stray.detail.find("line 3:"), std::string::npos) << stray.detail;
  const Error late = read_error("id,nom\n1,\"A\n2,\"B\"\n");
  EXPECT_NE(late.detail.find("opened in line 2"), std::string::npos) << late.detail;
  EXPECT_EQ(at(read("id,nom\n1,écran 5\" neuf\n").rows.at(0), "nom"), "écran 5\" neuf");
}

TEST(CsvReader, RefusesRowsWithoutIdOrNameAndDuplicates) {
  const Read out = read("id,nom\n1,A\n,B\n3,\n1,D\n  ,E\n6,F\n");
  ASSERT_EQ(out.rows.size(), 2u);
  EXPECT_EQ(out.rows[1].external_id, "6");
  EXPECT_EQ(out.summary.rows_read, 6u);
  EXPECT_EQ(out.summary.rows_rejected, 4u);
  ASSERT_EQ(out.summary.rejections.size(), 4u);
  EXPECT_EQ(out.summary.rejections[0].line, 3u);
  EXPECT_EQ(out.summary.rejections[0].field, "id");
  EXPECT_EQ(out.summary.rejections[1].field, "nom");
  EXPECT_NE(out.summary.rejections[2].reason_en.find("line 2"), std::string::npos);
  EXPECT_NE(out.summary.rejections[2].reason_fr.find("ligne 2"), std::string::npos);
  EXPECT_EQ(out.summary.rejections[3].line, 6u);
}

TEST(CsvReader, TellsIdsApartBySourceWhenAsked) {
  ReadOptions options;
  options.source_column = "source";
  const Read out = read("id,nom,source\n1,A,x\n1,B,y\n1,C,x\n", options);
  ASSERT_EQ(out.rows.size(), 2u);
  EXPECT_EQ(out.rows[1].source, "y");
  EXPECT_EQ(out.summary.rows_rejected, 1u);
}

TEST(CsvReader, AsksForTheColumnsThatItNeeds) {
  const Error error = read_error("ident,nom\n1,A\n");
  EXPECT_NE(error.detail.find("no column `id`"), std::string::npos) << error.detail;
  EXPECT_NE(error.fr.find("« id »"), std::string::npos) << error.fr;
  ReadOptions options;
  options.id_columns = {"ident"};
  EXPECT_EQ(read("ident,nom\n1,A\n", options).rows.at(0).external_id, "1");
  EXPECT_EQ(read(" ID ,Nom\n1,A\n").rows.at(0).external_id, "1");
  // The order of columns says nothing.
  for (const char* table : {"ID,id,nom\n1,2,A\n", "id,ID,nom\n2,1,A\n", "Id,iD,nom\n2,1,A\n",
                            "iD,Id,nom\n1,2,A\n"})
    EXPECT_EQ(read(table).rows.at(0).external_id, "2") << table;
}

TEST(CsvReader, RefusesTwoColumnsOfOneNameAndNumbersUnnamedOnes) {
  EXPECT_NE(read_error("id,nom,nom\n1,A,B\n").detail.find("two columns"), std::string::npos);
  const Read out = read("id,nom,,,\n1,A,,x,\n");
  EXPECT_EQ(out.summary.columns, (std::vector<std::string>{"id", "nom", "colonne_4"}));
  EXPECT_EQ(at(out.rows.at(0), "colonne_4"), "x");
}

TEST(CsvReader, RefusesRowsWithTooManyCells) {
  const Read out = read("id,nom\n1,A\n2,B,C\n3,D,,\n");
  EXPECT_EQ(out.rows.size(), 2u);
  ASSERT_EQ(out.summary.rejections.size(), 1u);
  EXPECT_EQ(out.summary.rejections[0].line, 3u);
}

TEST(CsvReader, RefusesAFileCutInsideItsLastRow) {
  const Error cut = read_error("id,nom,note\n1,A,x\n2,B");
  EXPECT_EQ(cut.code, Errc::malformed);
  EXPECT_TRUE(cut.detail.starts_with("line 3: the file ends in the middle")) << cut.detail;
  EXPECT_TRUE(cut.fr.starts_with("ligne 3 :")) << cut.fr;
  EXPECT_EQ(cut.hint, "fetch or export it again");
  EXPECT_FALSE(cut.hint_fr.empty());
  // A row with all its cells, or with a line end, is whole; so is a file that ends in spaces.
  EXPECT_EQ(read("id,nom,note\n1,A,x\n2,B,").rows.size(), 2u);
  EXPECT_EQ(read("id,nom,note\n1,A,x\n2,B\n").rows.size(), 2u);
  EXPECT_EQ(read("id,nom,,\n1,A,,\n2,B").rows.size(), 2u);
  EXPECT_EQ(read("id,nom\n1,A\n  ").rows.size(), 1u);
}

TEST(CsvReader, SaysWhenIdsRepeatUnderOtherSources) {
  const Read out = read("id,nom,source\n1,A,x\n1,B,y\n1,C,x\n");
  EXPECT_EQ(out.summary.rows_rejected, 2u);
  EXPECT_EQ(out.summary.repeats_across_sources, 1u);
  EXPECT_NE(out.summary.rejections.at(0).reason_en.find("another `source`"), std::string::npos);
  EXPECT_NE(out.summary.rejections[0].reason_fr.find("autre « source »"), std::string::npos);
  EXPECT_NE(out.summary.rejections.at(1).reason_en.find("line 2"), std::string::npos);
}

TEST(CsvReader, HintsBeginInLowerCase) {
  for (const char* text : {"id,nom\n1,\"A\n", "id,nom\n1,\"A\"b\n", "ident,nom\n1,A\n",
                           "id,nom,nom\n1,A,B\n", "id,nom,x\n1,A"}) {
    const Error error = read_error(text);
    EXPECT_TRUE(error.hint.at(0) >= 'a' && error.hint[0] <= 'z') << error.hint;
    EXPECT_FALSE(error.hint.ends_with('.')) << error.hint;
    EXPECT_EQ(error.hint.find("profile"), std::string::npos) << error.hint;
  }
}

TEST(CsvReader, RefusesGiantCellsAndHeaders) {
  const std::string fits(limits::kImportCellMax, 'x');
  const Read out = read("id,nom,note\n1,A," + fits + "\n2,B," + fits + "y\n3,C,z\n");
  EXPECT_EQ(out.rows.size(), 2u);
  ASSERT_EQ(out.summary.rejections.size(), 1u);
  EXPECT_EQ(out.summary.rejections[0].line, 3u);
  EXPECT_EQ(out.summary.rejections[0].field, "note");
  EXPECT_TRUE(try_read("id,nom," + std::string(100'000, ',') + "\n1,A\n").has_error());
  EXPECT_TRUE(try_read("id,nom," + std::string(300, 'x') + "\n1,A\n").has_error());
}

TEST(CsvReader, ReadsCoordinatesAsNumbersDigitForDigit) {
  const Read out = read(
      "id,nom,latitude,longitude,code_postal\n1,A,45.10,-0.3300,01000\n"
      "2,B,\"45,1\",+2.5,\n");
  EXPECT_EQ(kind_at(out.rows.at(0), "latitude"), Value::Kind::number);
  EXPECT_EQ(at(out.rows[0], "latitude"), "45.10");
  EXPECT_EQ(at(out.rows[0], "longitude"), "-0.3300");
  EXPECT_EQ(kind_at(out.rows[0], "code_postal"), Value::Kind::text);
  EXPECT_EQ(kind_at(out.rows.at(1), "latitude"), Value::Kind::text);
  EXPECT_EQ(kind_at(out.rows[1], "longitude"), Value::Kind::text);
}

TEST(CsvReader, KeepsApostrophesOfForeignFiles) {
  EXPECT_EQ(at(read("id,nom\n1,'=x\n").rows.at(0), "nom"), "'=x");
  EXPECT_EQ(at(read("\"id\",\"nom\"\n1,'=x\n").rows.at(0), "nom"), "'=x");
  EXPECT_EQ(at(read("\"id\",nom\n1,'=x\n").rows.at(0), "nom"), "=x");
  EXPECT_EQ(at(read("\"id\";nom\n1;'=x\n").rows.at(0), "nom"), "'=x");
}

TEST(CsvReader, NeedsNoNameWhereNoneIsAskedFor) {
  EXPECT_EQ(read("id,x\n1,a\n", without_names()).rows.size(), 1u);
}

}  // namespace
}  // namespace maillon::catalogue
