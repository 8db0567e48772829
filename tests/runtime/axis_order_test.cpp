#include "runtime/axis_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "runtime/dtype.h"

namespace descent::runtime {
namespace {

using Dims = std::vector<int64_t>;
using Order = std::vector<int32_t>;

descent_slot Slot(const Dims& dims, const Order& order, int32_t dtype) {
  descent_slot slot = {};
  slot.tensor = {"t", dtype, static_cast<int32_t>(dims.size()), dims.data()};
  slot.stored_bytes = ByteCount(slot.tensor);
  slot.order = order.data();
  return slot;
}

/// Places in memory of all elements, in row-major order, by counting indices.
std::vector<int64_t> Places(const Dims& dims, const Order& order) {
  std::vector<int64_t> places, index(dims.size());
  const int64_t count = std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies());
  for (int64_t element = 0; element < count; ++element) {
    int64_t place = 0;
    for (const int32_t axis : order) place = place * dims[axis] + index[axis];
    places.push_back(place);
    for (auto axis = std::ssize(dims) - 1; axis >= 0 && ++index[axis] == dims[axis]; --axis)
      index[axis] = 0;
  }
  return places;
}

/// Bytes at an odd address, as those of a file may be, between others that must stay.
class Odd {
 public:
  explicit Odd(int64_t bytes) : bytes_(static_cast<size_t>(bytes) + 2, std::byte{0x5A}) {}
  std::byte* data() { return bytes_.data() + 1; }
  bool is_bounded() const {
    return bytes_.front() == std::byte{0x5A} && bytes_.back() == std::byte{0x5A};
  }

 private:
  std::vector<std::byte> bytes_;
};

void ExpectCopies(const Dims& dims, const Order& order, int32_t dtype) {
  SCOPED_TRACE(testing::PrintToString(dims) + testing::PrintToString(order) +
               std::string(NameOf(dtype)));
  const descent_slot slot = Slot(dims, order, dtype);
  const auto size = static_cast<size_t>(SizeOf(dtype));
  Odd stored(slot.stored_bytes), row_major(slot.stored_bytes), back(slot.stored_bytes);
  for (int64_t i = 0; i < slot.stored_bytes; ++i)
    row_major.data()[i] = static_cast<std::byte>(i * 37 + i / 251);
  FromRowMajor(slot, row_major.data(), stored.data());
  const std::vector<int64_t> places = Places(dims, order);
  for (size_t i = 0; i < places.size(); ++i) {
    ASSERT_EQ(PlaceInMemory(slot, static_cast<int64_t>(i)), places[i]);
    ASSERT_EQ(std::memcmp(stored.data() + static_cast<size_t>(places[i]) * size,
                          row_major.data() + i * size, size),
              0)
        << "element " << i;
  }
  ToRowMajor(slot, stored.data(), back.data());
  EXPECT_TRUE(std::equal(back.data(), back.data() + slot.stored_bytes, row_major.data()));
  EXPECT_TRUE(stored.is_bounded() && back.is_bounded());
}

TEST(AxisOrder, CopiesEveryElementToItsPlace) {
  for (const int32_t dtype : {DESCENT_F32, DESCENT_F64, DESCENT_U8, DESCENT_BF16}) {
    for (const Dims& dims : {Dims{5, 4, 3, 2}, Dims{1, 7, 1, 3}, Dims{40, 1, 2, 35}}) {
      Order order = {0, 1, 2, 3};
      do ExpectCopies(dims, order, dtype);
      while (std::ranges::next_permutation(order).found);
    }
    ExpectCopies({}, {}, dtype);
    ExpectCopies({9}, {0}, dtype);
    ExpectCopies({133, 150}, {1, 0}, dtype);  // several tiles, the last ones not full
    ExpectCopies({128, 256}, {1, 0}, dtype);
    ExpectCopies({3, 0, 2}, {2, 0, 1}, dtype);
    ExpectCopies({2, 1, 2, 3, 1, 2, 2}, {6, 2, 0, 1, 5, 3, 4}, dtype);
  }
}

TEST(AxisOrder, NoOrderIsTheTensorsOwn) {
  const Dims dims = {3, 4};
  descent_slot slot = Slot(dims, {}, DESCENT_F32);
  slot.order = nullptr;
  std::vector<std::byte> stored(48), row_major(48);
  for (int i = 0; i < 48; ++i) stored[i] = std::byte(i);
  ToRowMajor(slot, stored.data(), row_major.data());
  EXPECT_EQ(stored, row_major);
  EXPECT_EQ(PlaceInMemory(slot, 7), 7);
}

TEST(AxisOrder, MustNameEachAxisOnce) {
  const auto is_order = [](const Order& order) {
    return IsAxisOrder(order.data(), static_cast<int32_t>(order.size()));
  };
  EXPECT_TRUE(IsAxisOrder(nullptr, 3));
  EXPECT_TRUE(is_order({}));
  EXPECT_TRUE(is_order({2, 0, 1}));
  EXPECT_FALSE(is_order({1, 1}));
  EXPECT_FALSE(is_order({1, 2}));
  EXPECT_FALSE(is_order({-1, 0}));
}

}  // namespace
}  // namespace descent::runtime
