#include "runtime/safetensors.h"

#include <algorithm>

#include "runtime/dtype.h"
#include "tests/runtime/damage.h"

namespace descent::runtime {
namespace {

Result<Safetensors> Parse(const Bytes& bytes) { return ParseSafetensors(bytes, "s"); }

Bytes File(const std::string& header, std::string_view data) {
  std::string text(8, '\0');
  uint64_t size = header.size();
  std::memcpy(text.data(), &size, 8);
  return ToBytes(text + header + std::string(data));
}

std::string ErrorOf(const std::string& header, std::string_view data) {
  auto file = Parse(File(header, data));
  return file ? "accepted" : file.error().message;
}

// What the Python package (safetensors.numpy.save) writes for {"a": arange(3, dtype=int32), "b":
// uint8 7} and metadata.
TEST(Safetensors, ReadsTheReferenceForm) {
  Bytes bytes = File(
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"I32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"U8","shape":[],"data_offsets":[12,13]}}   )",
      std::string_view("\0\0\0\0\1\0\0\0\2\0\0\0\7", 13));
  auto file = Parse(bytes);
  ASSERT_TRUE(file) << file.error().ToString();
  EXPECT_EQ(file->metadata.at("k"), "v");
  EXPECT_EQ(file->Find("a")->shape, (std::vector<int64_t>{3}));
  EXPECT_EQ(NumberAt(DESCENT_I32, file->Find("a")->bytes.data(), 2), 2);
  EXPECT_EQ(file->Find("b")->shape, (std::vector<int64_t>{}));
  EXPECT_EQ(file->Find("c"), nullptr);
}

TEST(Safetensors, RoundTripsAndIsDeterministic) {
  Bytes one(8, std::byte{1}), two(3, std::byte{2});
  std::vector<NamedTensor> tensors = {{"u", DESCENT_U8, {3}, two},
                                      {"z\"", DESCENT_F64, {1}, one},
                                      {"a", DESCENT_F32, {2, 1}, one},
                                      {"empty", DESCENT_I64, {0, 4}, {}}};
  Bytes file = WriteSafetensors({{"x", "1"}, {"a", "2"}}, tensors);
  std::ranges::reverse(tensors);
  EXPECT_EQ(file, WriteSafetensors({{"a", "2"}, {"x", "1"}}, tensors));
  auto read = Parse(file);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->metadata, (Metadata{{"a", "2"}, {"x", "1"}}));
  for (const NamedTensor& tensor : tensors) {
    const NamedTensor* found = read->Find(tensor.name);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->dtype, tensor.dtype);
    EXPECT_EQ(found->shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(found->bytes, tensor.bytes));
    // Aligned to its element within a file whose start is aligned.
    EXPECT_EQ((found->bytes.data() - file.data()) % SizeOf(tensor.dtype), 0);
  }
}

TEST(Safetensors, RefusesLies) {
  EXPECT_EQ(ErrorOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234"),
            "tensor 'a' is [2] of f32, but has 4 bytes");
  EXPECT_EQ(ErrorOf(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", "1234"),
            "tensor 'a' lies outside the file");
  EXPECT_EQ(ErrorOf(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}})",
                    "1234"),
            "tensor 'a' is [4611686018427387904, 4] of f32, but has 4 bytes");
  EXPECT_EQ(
      ErrorOf(
          R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
          "123"),
      "tensor 'b' overlaps another or leaves a gap");
  EXPECT_EQ(ErrorOf(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", "123"),
            "tensor 'a' overlaps another or leaves a gap");
  EXPECT_EQ(ErrorOf(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "123"),
            "1 bytes of data belong to no tensor");
  EXPECT_EQ(ErrorOf(R"({"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}})", "12"),
            "tensor 'a' has no valid shape");
  EXPECT_EQ(ErrorOf(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}})", "12"),
            "tensor 'a' lies outside the file");
  EXPECT_EQ(ErrorOf(R"({"__metadata__":{"k":1}})", ""), "safetensors metadata 'k' is not text");
  EXPECT_EQ(ErrorOf("[]", ""), "safetensors header is not an object");
  EXPECT_EQ(Parse(File(R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", "12"))
                .error()
                .status,
            ExitStatus::kUnsupported);
  Bytes huge = File("{}", "");
  for (int i = 0; i < 8; ++i) huge[i] = std::byte{0xff};
  EXPECT_FALSE(Parse(huge));
}

TEST(Safetensors, SurvivesDamage) {
  Bytes data(8, std::byte{1});
  Bytes file = WriteSafetensors({{"k", "v"}}, {{"a", DESCENT_F32, {2}, data}});
  ExpectAllTruncationsFail(file, Parse);
  SurviveDamagedBytes(file, Parse);
}

}  // namespace
}  // namespace descent::runtime
