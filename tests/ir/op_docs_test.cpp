#include "ir/op_docs.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
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

/// A standard, a library, a paper by its year, or a page of our own.
TEST(OpDocs, EveryOperatorNamesASource) {
  const std::regex source(
      "IEEE 754|ISO C|C's|Python's|numpy\\.|NumPy's|torch\\.|PyTorch|ONNX|jax\\.|XLA|sklearn\\.|"
      "\\b(19|20)[0-9][0-9]\\b|docs/[a-z]+\\.md");
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops)
      EXPECT_TRUE(std::regex_search(std::string(op.doc), source)) << op.name << ": " << op.doc;
}

/// The whole of a file of this repository.
std::string Source(const std::string& path) {
  std::ifstream file(std::string(DESCENT_SOURCE_DIR "/") + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(OpDocs, DesignSaysWhyEachPrimitiveIsOne) {
  const std::string design = Source("docs/design.md");
  const size_t begin = design.find("\n## What is primitive, and why\n");
  ASSERT_NE(begin, std::string::npos);
  const std::string section = design.substr(begin, design.find("\n## ", begin + 1) - begin);
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) {
      const bool primitive = !op.is_composite() || op.form != KernelForm::kLoops;
      EXPECT_TRUE(!primitive || section.contains(fmt::format("`{}`", op.name))) << op.name;
    }
}

/// Regenerate with: build/bin/descent ops --markdown > docs/ops.md
TEST(OpDocs, ReferenceIsUpToDate) {
  EXPECT_EQ(Source("docs/ops.md"), OpsReference()) << "docs/ops.md differs from the definitions";
}

}  // namespace
}  // namespace descent
