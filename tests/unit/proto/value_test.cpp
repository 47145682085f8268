#include "proto/value.hpp"

#include <gtest/gtest.h>

namespace maillon {
namespace {

TEST(Value, RoundTripsEveryKind) {
  using Kind = Value::Kind;
  for (const Value& value :
       {Value{}, Value::of_bool(true), Value::of_bool(false), Value::of_text(""),
        Value::of_text("Tiers-lieu « l’Étape »"), Value{Kind::number, "-0.50e+10"},
        Value{Kind::json, "[1,{\"a\":null}]"}}) {
    const auto back = Value::decode(value.encoded());
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, value);
  }
  EXPECT_TRUE(Value{}.is_null());
  EXPECT_EQ(Value{}.display(), "");
  EXPECT_EQ(Value::of_bool(true).display(), "true");
  EXPECT_EQ(Value::of_bool(false).display(), "false");
  EXPECT_EQ((Value{Kind::number, "1.50"}).display(), "1.50") << "digits stay as typed";
}

TEST(Value, RefusesOtherBytes) {
  const auto refused = [](const Bytes& bytes) { return Value::decode(bytes).has_error(); };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({6}));
  EXPECT_TRUE(refused({0, 'x'})) << "null with text";
  EXPECT_TRUE(refused({1, 'x'}));
  EXPECT_TRUE(refused({2, 'x'}));
  EXPECT_TRUE(refused({3})) << "a number without digits";
  EXPECT_TRUE(refused({3, '0', '1'}));
  EXPECT_TRUE(refused({4, 0xff}));
  EXPECT_FALSE(refused({4}));
}

TEST(Value, EscapesOfJsonAreUndone) {
  EXPECT_EQ(without_json_escapes(R"({"a":"Jean \"Jojo\" D\u00e9","b":["x\n\/\ud83d\ude00"]})"),
            "{\"a\":\"Jean \"Jojo\" Dé\",\"b\":[\"x\n/😀\"]}");
  for (const char* odd : {"\\", "\\u", "\\u12", "\\uzzzz", "a\\q"}) EXPECT_EQ(without_json_escapes(odd), odd);
  EXPECT_EQ(without_json_escapes("\\\\u0041"), "\\u0041");
}

TEST(Value, NumbersFollowJson) {
  for (const char* good : {"0", "-0", "10", "1.0", "-1.25e5", "1E+2", "1e-2"})
    EXPECT_TRUE(is_json_number(good)) << good;
  for (const char* bad :
       {"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "1 ", " 1", "1,5", "NaN", "1.2.3"})
    EXPECT_FALSE(is_json_number(bad)) << bad;
}

}  // namespace
}  // namespace maillon
