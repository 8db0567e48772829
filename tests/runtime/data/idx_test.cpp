#include "runtime/data/array.h"
#include "runtime/dtype.h"
#include "tests/runtime/damage.h"

namespace descent::runtime {
namespace {

Result<Array> Parse(const Bytes& bytes) { return ParseIdx(bytes, "d.idx"); }

Bytes Idx(uint8_t type, std::vector<uint32_t> shape, std::string_view data) {
  std::string text = {'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
  for (uint32_t extent : shape) {
    for (int shift : {24, 16, 8, 0}) text += static_cast<char>(extent >> shift);
  }
  return ToBytes(text + std::string(data));
}

TEST(Idx, Bytes) {
  auto array = Parse(Idx(8, {2, 3}, "abcdef"));
  ASSERT_TRUE(array) << array.error().ToString();
  EXPECT_EQ(array->dtype, DESCENT_U8);
  EXPECT_EQ(array->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(TextOf(array->values), "abcdef");
}

TEST(Idx, BigEndianNumbers) {
  auto number = [](uint8_t type, std::string_view data) {
    auto array = Parse(Idx(type, {1}, data));
    return array ? NumberAt(array->dtype, array->values.data(), 0) : -999;
  };
  EXPECT_EQ(number(0x09, "\xfe"), -2);
  EXPECT_EQ(number(0x0B, "\xff\x01"), -255);
  EXPECT_EQ(number(0x0C, std::string_view("\x00\x01\x00\x02", 4)), 65538);
  EXPECT_EQ(number(0x0D, std::string_view("\x3f\xc0\x00\x00", 4)), 1.5);
  EXPECT_EQ(number(0x0E, std::string_view("\xbf\xf8\x00\x00\x00\x00\x00\x00", 8)), -1.5);
}

TEST(Idx, LyingHeaders) {
  // Every one of these would reserve a lot of memory if it were believed.
  EXPECT_EQ(Parse(Idx(8, {0xffffffff, 0xffffffff}, "ab")).error().message,
            "IDX header declares [4294967295, 4294967295] of 1 bytes each, but 2 bytes follow it");
  EXPECT_FALSE(Parse(Idx(14, {0xffffffff, 0xffffffff, 0xffffffff}, "ab")));
  EXPECT_FALSE(Parse(Idx(8, {3}, "ab")));
  EXPECT_FALSE(Parse(Idx(8, {1}, "ab")));
  EXPECT_FALSE(Parse(Idx(8, {}, "ab")));
  EXPECT_FALSE(Parse(Idx(7, {2}, "ab")));
  EXPECT_FALSE(Parse(Idx(8, {1, 1, 1, 1, 1, 1, 1, 1, 1}, "a")));
}

TEST(Idx, SurvivesDamage) {
  Bytes bytes = Idx(0x0C, {2, 1}, "12345678");
  ExpectAllTruncationsFail(bytes, Parse);
  SurviveDamagedBytes(bytes, Parse);
}

}  // namespace
}  // namespace descent::runtime
