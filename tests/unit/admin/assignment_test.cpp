#include "node/admin/assignment.hpp"

#include <gtest/gtest.h>

namespace maillon::admin {
namespace {

using Kind = Value::Kind;

struct Case {
  std::string_view argument;
  std::string_view field;
  Value value;
  storage::FieldEdit::How how = storage::FieldEdit::How::set;
};

TEST(Assignment, ReadsTextNumbersAndJson) {
  const std::vector<Case> cases{
      {"nom=Médiathèque", "nom", Value::of_text("Médiathèque")},
      {"url=https://x.fr/?a=b", "url", Value::of_text("https://x.fr/?a=b")},
      {"horaires=", "horaires", Value{}},
      {"code=016", "code", Value::of_text("016")},
      {"age=42", "age", Value::of_text("42")},
      {"latitude=45.650", "latitude", Value{Kind::number, "45.650"}},
      {"latitude=nord", "latitude", Value::of_text("nord")},
      {"age:=42", "age", Value{Kind::number, "42"}},
      {"ouvert:=true", "ouvert", Value::of_bool(true)},
      {"ouvert:= false ", "ouvert", Value::of_bool(false)},
      {"x:=null", "x", Value{}},
      {"x:=\"a\"", "x", Value::of_text("a")},
      {"x:=[1, 2.50]", "x", Value{Kind::json, "[1,2.50]"}},
      {"langues+=fr", "langues", Value::of_text("fr"), storage::FieldEdit::How::add},
      {"langues-=fr", "langues", Value::of_text("fr"), storage::FieldEdit::How::remove},
      {"formule=a+=b", "formule", Value::of_text("a+=b")},
  };
  for (const Case& row : cases) {
    const auto got = parse_assignment(row.argument);
    ASSERT_TRUE(got.has_value()) << row.argument;
    EXPECT_EQ(got->name, row.field) << row.argument;
    EXPECT_EQ(got->value, row.value) << row.argument;
    EXPECT_EQ(got->how, row.how) << row.argument;
  }
}

TEST(Assignment, RefusesWhatIsNone) {
  using namespace std::string_view_literals;
  for (const auto argument : {"nom"sv, "=x"sv, ":=1"sv, "+=1"sv, "a+="sv, "a-="sv, "a:="sv, "a:=1 2"sv, "a:={"sv, "a:=nul"sv,
                              "a=\xff"sv, "a\0b=c"sv}) {
    const auto got = parse_assignment(argument);
    ASSERT_TRUE(got.has_error()) << argument;
    EXPECT_EQ(got.error().code, Errc::usage);
    EXPECT_FALSE(got.error().fr.empty());
  }
  EXPECT_TRUE(parse_assignment(std::string(300, 'a') + "=1").has_error());
  EXPECT_TRUE(parse_assignment("a=" + std::string(300'000, 'x')).has_error());
  EXPECT_TRUE(parse_assignment("a:=" + std::string(100, '[') + std::string(100, ']')).has_error());
}

}  // namespace
}  // namespace maillon::admin
