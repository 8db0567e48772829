#include "ir/io/model_hash.h"

#include <gtest/gtest.h>

#include "ir/io/model_file.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

// Examples of FIPS 180-4.
TEST(Sha256, MeetsTheStandard) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(ModelHash, IsOneForAllForms) {
  for (const auto& path : FilesOf("models", ".descent")) {
    const auto model = ReadModel(path.string());
    ASSERT_TRUE(model.has_value()) << path;
    const auto binary = ParseModel(*SerializeModel(*model, ModelForm::kBinary), "m.pb");
    EXPECT_EQ(*ModelHash(*model), *ModelHash(*binary)) << path;
  }
}

TEST(ModelHash, SeesMeaningOnly) {
  const auto hash = [](const std::string& statements) { return *ModelHash(ModelFrom(statements)); };
  const std::string plain =
      hash("input x: f32[2]\na = neg(x)\nb = abs(x)\nc = add(a, b)\noutput c");
  EXPECT_EQ(plain, hash("# note\ninput x: f32[2]\nq = abs(x)\np = neg(x)  # other names, other "
                        "order\nc = add(p, q)\noutput c"));
  EXPECT_NE(plain, hash("input x: f32[2]\na = neg(x)\nb = abs(x)\nc = add(b, a)\noutput c"));
  EXPECT_NE(plain, hash("input x: f32[2]\na = neg(x)\nb = abs(x)\nc = add(a, b)\noutput d = c"));
  EXPECT_NE(plain, hash("input x: f32[3]\na = neg(x)\nb = abs(x)\nc = add(a, b)\noutput c"));
}

}  // namespace
}  // namespace descent
