#include "runtime/data/array.h"
#include "runtime/dtype.h"
#include "tests/runtime/damage.h"

namespace descent::runtime {
namespace {

Result<Array> Parse(const Bytes& bytes) { return ParseNpy(bytes, "d.npy"); }

Bytes Npy(const std::string& header, std::string_view data, char version = 1) {
  std::string text = std::string("\x93NUMPY") + version + '\0';
  text += static_cast<char>(header.size());
  text += static_cast<char>(header.size() >> 8);
  if (version > 1) text += std::string(2, '\0');
  return ToBytes(text + header + std::string(data));
}

std::string Header(std::string_view descr, std::string_view order, std::string_view shape) {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, order,
                     shape);
}

template <typename T>
std::string Raw(std::vector<T> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <typename T>
std::vector<T> Values(const Array& array) {
  const T* values = reinterpret_cast<const T*>(array.values.data());
  return std::vector<T>(values, values + array.values.size() / sizeof(T));
}

TEST(Npy, AllTypesRoundTrip) {
  for (int32_t dtype = 0; dtype < kDTypeCount; ++dtype) {
    for (const std::vector<int64_t>& shape :
         {std::vector<int64_t>{}, {2}, {2, 3}, {1, 1, 4}, {0, 5}}) {
      Array array = {.dtype = dtype, .shape = shape};
      int64_t bytes = SizeOf(dtype);
      for (int64_t extent : shape) bytes *= extent;
      for (int64_t i = 0; i < bytes; ++i) array.values.push_back(std::byte(i % 2));
      Bytes file = WriteNpy(array);
      EXPECT_EQ((file.size() - array.values.size()) % 64, 0u);
      auto read = Parse(file);
      ASSERT_TRUE(read) << read.error().ToString();
      EXPECT_EQ(read->dtype, dtype);
      EXPECT_EQ(read->shape, shape);
      EXPECT_EQ(read->values, array.values);
    }
  }
}

TEST(Npy, FortranOrderAndBigEndian) {
  // [[1, 2, 3], [4, 5, 6]] stored column by column.
  auto array = Parse(Npy(Header("<i4", "True", "(2, 3)"), Raw<int32_t>({1, 4, 2, 5, 3, 6})));
  ASSERT_TRUE(array) << array.error().ToString();
  EXPECT_EQ(Values<int32_t>(*array), (std::vector<int32_t>{1, 2, 3, 4, 5, 6}));
  // a[i, j, k] = 100 i + 10 j + k of shape (2, 2, 2).
  auto cube = Parse(
      Npy(Header("|u1", "True", "(2, 2, 2)"), Raw<uint8_t>({0, 100, 10, 110, 1, 101, 11, 111})));
  ASSERT_TRUE(cube);
  EXPECT_EQ(Values<uint8_t>(*cube), (std::vector<uint8_t>{0, 1, 10, 11, 100, 101, 110, 111}));
  auto big = Parse(Npy(Header(">i4", "False", "(1,)"), std::string_view("\x00\x00\x01\x02", 4)));
  ASSERT_TRUE(big);
  EXPECT_EQ(Values<int32_t>(*big), (std::vector<int32_t>{258}));
}

TEST(Npy, Versions) {
  EXPECT_TRUE(Parse(Npy(Header("|u1", "False", "(1,)"), "a", 2)));
  EXPECT_TRUE(Parse(Npy(Header("|u1", "False", "(1,)"), "a", 3)));
  EXPECT_EQ(Parse(Npy(Header("|u1", "False", "(1,)"), "a", 4)).error().status,
            ExitStatus::kUnsupported);
}

TEST(Npy, Refuses) {
  auto refuse = [](const std::string& header, std::string_view data) {
    auto array = Parse(Npy(header, data));
    return array ? "accepted" : array.error().message;
  };
  EXPECT_EQ(refuse(Header("|O", "False", "(1,)"), "a"),
            "holds pickled Python objects, which are not read");
  EXPECT_EQ(refuse(Header("<c8", "False", "(1,)"), "abcdefgh"), "dtype '<c8' is not supported");
  EXPECT_EQ(refuse(Header("<U3", "False", "(1,)"), "123456789012"), "dtype '<U3' is not supported");
  EXPECT_EQ(refuse(Header("<f4", "False", "(2,)"), "1234"),
            "NPY header declares [2] of f32, but 4 bytes follow it");
  EXPECT_NE(refuse(Header("<f4", "False", "(9223372036854775807,)"), "1234"), "accepted");
  EXPECT_NE(refuse(Header("<f4", "False", "(4611686018427387904, 4)"), "1234"), "accepted");
  EXPECT_NE(refuse(Header("<f4", "False", "(99999999999999999999,)"), "1234"), "accepted");
  EXPECT_NE(refuse(Header("<f4", "False", "(-1,)"), ""), "accepted");
  EXPECT_NE(refuse(Header("<f4", "Maybe", "(1,)"), "1234"), "accepted");
  EXPECT_NE(refuse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", "1234"),
            "accepted");
  EXPECT_NE(refuse("{'descr': '<f4', 'shape': (1,), }\n", "1234"), "accepted");
  EXPECT_NE(
      refuse("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\n", "1234"),
      "accepted");
  EXPECT_NE(refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}\n", "1234"),
            "accepted");
  EXPECT_EQ(refuse(Header("|b1", "False", "(1,)"), "\x02"), "holds a bool that is neither 0 nor 1");
}

TEST(Npy, SurvivesDamage) {
  Bytes bytes = Npy(Header("<f4", "False", "(1, 2)"), "12345678");
  ExpectAllTruncationsFail(bytes, Parse);
  SurviveDamagedBytes(bytes, Parse);
}

}  // namespace
}  // namespace descent::runtime
