#include "node/admin/json_writer.hpp"

#include <gtest/gtest.h>

namespace maillon::admin {
namespace {

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  JsonWriter json;
  json.object().field("a", 1).field("b", "x").key("c").array().number(1).text("y").end_array();
  json.key("d").object().end_object().field("e", true).key("f").null().end_object();
  EXPECT_EQ(json.document(), R"({"a":1,"b":"x","c":[1,"y"],"d":{},"e":true,"f":null})");
}

TEST(JsonWriter, KeepsDigitsAndNestedJson) {
  JsonWriter json;
  json.array()
      .value(Value{Value::Kind::number, "1.500"})
      .value(Value{Value::Kind::json, R"({"a":[1.0]})"})
      .value(Value::of_bool(false))
      .value(Value{})
      .end_array();
  EXPECT_EQ(json.document(), R"([1.500,{"a":[1.0]},false,null])");
}

// A peer signs what it likes: a value that says to be JSON must not break the document.
TEST(JsonWriter, QuotesNestedJsonThatIsNone) {
  for (const char* hostile : {"", "]}", "[1],2", "{\"a\":1}}", "[", "1", "\"x\"", "[01]"}) {
    JsonWriter json;
    json.array().value(Value{Value::Kind::json, hostile}).end_array();
    EXPECT_EQ(json.document()[1], '"') << hostile;
    EXPECT_EQ(showable(Value{Value::Kind::json, hostile}).kind(), Value::Kind::text);
  }
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_EQ(showable(Value{Value::Kind::json, deep}).kind(), Value::Kind::text);
}

TEST(JsonWriter, WritesOnlyUtf8) {
  JsonWriter json;
  json.array().text("a\xff").text("é\n\"").end_array();
  EXPECT_TRUE(is_utf8(json.document()));
  EXPECT_EQ(json.document(), "[\"?\",\"é\\n\\\"\"]");
}

}  // namespace
}  // namespace maillon::admin
