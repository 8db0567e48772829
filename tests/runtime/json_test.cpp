#include "runtime/json.h"

#include "tests/runtime/damage.h"

namespace descent::runtime {
namespace {

Result<Json> Parse(std::string_view text) { return ParseJson(text, "j"); }

TEST(Json, Values) {
  auto json = Parse(R"( {"a": [1, -2.5e3, true, null, "x\n\u00e9\ud83d\ude00\/"], "b": {}} )");
  ASSERT_TRUE(json) << json.error().ToString();
  const Json::Array& array = *json->Find("a")->array();
  EXPECT_EQ(array[0].Integer(), 1);
  EXPECT_EQ(array[1].Integer(), std::nullopt);
  EXPECT_EQ(*array[4].string(), "x\n\xc3\xa9\xf0\x9f\x98\x80/");
  EXPECT_TRUE(json->Find("b")->object()->empty());
  EXPECT_EQ(json->Find("c"), nullptr);
  EXPECT_EQ(Parse("9223372036854775807")->Integer(), INT64_MAX);
  EXPECT_EQ(Parse("9223372036854775808")->Integer(), std::nullopt);
}

TEST(Json, Refuses) {
  for (std::string_view text :
       {"", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
        "tru", "1 2", "+1", ".5", "-", "nan", "\"a\nb\"", "\"open", "{\"a\":1,\"a\":2}", "[1"}) {
    EXPECT_FALSE(Parse(text)) << text;
  }
  EXPECT_FALSE(Parse(std::string(100000, '[')));
}

TEST(Json, StringsRoundTrip) {
  std::string text = "a\"b\\c\x01\n\xc3\xa9";
  EXPECT_EQ(*Parse(JsonString(text))->string(), text);
  EXPECT_EQ(JsonStrings({"a", "b"}), "[\"a\", \"b\"]");
}

TEST(Json, SurvivesDamage) {
  Bytes bytes = ToBytes(R"({"a":[1,{"b":"c\u0041"}],"d":-1e5})");
  auto parse = [](const Bytes& b) { return Parse(TextOf(b)); };
  ExpectAllTruncationsFail(bytes, parse);
  SurviveDamagedBytes(bytes, parse);
}

}  // namespace
}  // namespace descent::runtime
