#include "ir/op_docs.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace descent {
namespace {

TEST(OpDocs, SignatureReadsLikeTheTextIr) {
  EXPECT_EQ(SignatureText(*FindOp("matmul")),
            "matmul(a, b; transpose_a=false, transpose_b=false) -> result");
  EXPECT_EQ(SignatureText(*FindOp("concat")), "concat(parts...; axis=0) -> result");
  EXPECT_EQ(SignatureText(*FindOp("step")), "step() -> result");
}

TEST(OpDocs, EveryOperatorHasASection) {
  const std::string reference = OpsReference();
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops)
      EXPECT_NE(reference.find(fmt::format("\n### {}\n", op.name)), std::string::npos) << op.name;
}

/// Regenerate with: build/bin/descent ops --markdown > docs/ops.md
TEST(OpDocs, ReferenceIsUpToDate) {
  std::ifstream file(DESCENT_SOURCE_DIR "/docs/ops.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), OpsReference()) << "docs/ops.md differs from the definitions";
}

}  // namespace
}  // namespace descent
