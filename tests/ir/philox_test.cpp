#include "ir/philox.h"

#include <gtest/gtest.h>

namespace descent {
namespace {

/// Random123's known answers (kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

/// 64 elements share 16 counters: word 0 of each, then word 1 of each, ...
TEST(Philox, ElementsInGroupsOf64) {
  const PhiloxKey key = {1, 2};
  EXPECT_EQ(RandomWord(key, 0), Philox4x32({0, 0, 0, 0}, key)[0]);
  EXPECT_EQ(RandomWord(key, 15), Philox4x32({15, 0, 0, 0}, key)[0]);
  EXPECT_EQ(RandomWord(key, 16), Philox4x32({0, 0, 0, 0}, key)[1]);
  EXPECT_EQ(RandomWord(key, 63), Philox4x32({15, 0, 0, 0}, key)[3]);
  EXPECT_EQ(RandomWord(key, 64), Philox4x32({16, 0, 0, 0}, key)[0]);
  const int64_t far = int64_t{1} << 36;
  EXPECT_EQ(RandomWord(key, far), Philox4x32({0, 4, 0, 0}, key)[0]);
}

TEST(Philox, KeyDependsOnEachNumber) {
  const PhiloxKey key = RandomKey(1, 2, 3, 4);
  EXPECT_NE(key, RandomKey(2, 2, 3, 4));
  EXPECT_NE(key, RandomKey(1, 3, 3, 4));
  EXPECT_NE(key, RandomKey(1, 2, 4, 4));
  EXPECT_NE(key, RandomKey(1, 2, 3, 5));
  EXPECT_NE(key, RandomKey(1 + (int64_t{1} << 32), 2, 3, 4));
  const PhiloxCounter words = Philox4x32({2, 0, 4, 3}, {1, 0});
  EXPECT_EQ(key, (PhiloxKey{words[0], words[1]}));
}

}  // namespace
}  // namespace descent
