#include "runtime/data/array.h"
#include "runtime/dtype.h"
#include "tests/runtime/damage.h"
#include "tests/runtime/data/npz_samples.h"

namespace descent::runtime {
namespace {

Result<std::vector<NamedArray>> Parse(const Bytes& bytes) { return ParseNpz(bytes, "d.npz"); }

const Bytes kSamples[] = {ToBytes({kStored, sizeof(kStored) - 1}),
                          ToBytes({kDeflated, sizeof(kDeflated) - 1})};

TEST(Npz, ReadsWhatNumpyWrites) {
  for (const Bytes& sample : kSamples) {
    EXPECT_TRUE(IsNpz(sample));
    auto arrays = Parse(sample);
    ASSERT_TRUE(arrays) << arrays.error().ToString();
    ASSERT_EQ(arrays->size(), 2u);
    EXPECT_EQ((*arrays)[0].name, "x");
    const Array& x = (*arrays)[0].array;
    EXPECT_EQ(x.shape, (std::vector<int64_t>{3, 2}));
    for (int i = 0; i < 6; ++i) EXPECT_EQ(NumberAt(x.dtype, x.values.data(), i), i);
    EXPECT_EQ((*arrays)[1].name, "y");
    EXPECT_EQ((*arrays)[1].array.dtype, DESCENT_U8);
  }
}

TEST(Npz, SurvivesDamage) {
  for (const Bytes& sample : kSamples) {
    ExpectAllTruncationsFail(sample, Parse);
    SurviveDamagedBytes(sample, Parse);
  }
}

TEST(Npz, ChecksumAndSizesAreVerified) {
  for (const Bytes& sample : kSamples) {
    // The first member's data begins after its local header, name and extra field.
    size_t name = static_cast<size_t>(sample[26]), extra = static_cast<size_t>(sample[28]);
    Bytes damaged = sample;
    damaged[30 + name + extra + 20] ^= std::byte{1};
    EXPECT_FALSE(Parse(damaged));
    // The directory's uncompressed size of the first member, made huge.
    Bytes lying = sample;
    size_t directory = TextOf(lying).find("PK\x01\x02");
    for (size_t i = 24; i < 28; ++i) lying[directory + i] = std::byte{0xfe};
    EXPECT_FALSE(Parse(lying));
  }
}

}  // namespace
}  // namespace descent::runtime
