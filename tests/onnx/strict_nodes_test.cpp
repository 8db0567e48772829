// Nodes and functions that say what no version of an operator knows, or more than is read.
#include <gtest/gtest.h>

#include "tests/onnx/text_file.h"

namespace descent::onnx {
namespace {

TEST(StrictOnnx, WordsAreThoseOfTheSpecification) {
  const std::string scales = "initializer { name: \"s\" data_type: 1 dims: 1 float_data: 2 } ";
  const auto resize = [&](const std::string& attribute, const std::string& word) {
    return ReadStatic(
        File(kX + scales +
             Node("Resize", "x-s", "y",
                  "attribute { name: \"" + attribute + "\" type: STRING s: \"" + word + "\" } ") +
             Info("output", "y", kFloat, Dim(4))));
  };
  ExpectGood(resize("nearest_mode", "ceil"));
  ExpectRefused(resize("nearest_mode", "rond"),
                "node of 'y' (Resize, version 17): nearest_mode must be one of "
                "round_prefer_floor, round_prefer_ceil, floor, ceil, not 'rond'");
  ExpectGood(resize("coordinate_transformation_mode", "asymmetric"));
  for (const std::string attribute : {"mode", "coordinate_transformation_mode"})
    EXPECT_FALSE(resize(attribute, "align_corner")) << attribute;
}

TEST(StrictOnnx, FunctionsAreDefinedOnce) {
  const std::string function =
      "functions { name: \"Mine\" domain: \"mine\" input: \"a\" output: \"b\" opset_import { "
      "version: 13 } node { op_type: \"Relu\" input: \"a\" output: \"b\" } } ";
  const std::string imports = "opset_import { domain: \"mine\" version: 1 } ";
  const std::string call = Node("Mine", "x", "y", "domain: \"mine\"");
  ExpectGood(ReadStatic(File(kX + call + kY, imports + function)));
  ExpectRefused(ReadStatic(File(kX + call + kY, imports + function + function)),
                "function 'Mine' is defined twice");
}

TEST(StrictOnnx, LayoutsAreTwo) {
  const auto layer = [](int layout) {
    const std::string weight = "\" data_type: 1 dims: [1, 1, 1] float_data: 2 } ";
    return ReadStatic(
        File(Info("input", "x", kFloat, Dim(1) + Dim(1) + Dim(1)) + "initializer { name: \"w" +
             weight + "initializer { name: \"r" + weight +
             Node("RNN", "xwr", "y",
                  fmt::format("attribute {{ name: \"layout\" type: INT i: {} }} attribute {{ name: "
                              "\"hidden_size\" type: INT i: 1 }}",
                              layout)) +
             "output { name: \"y\" }"));
  };
  ExpectGood(layer(0));
  ExpectGood(layer(1));
  ExpectRefused(layer(7), "node of 'y' (RNN, version 17): layout must be 0 or 1, not 7");
}

TEST(StrictOnnx, OfRangesOneStashTypeIsRead) {
  const auto range = [](int stash) {
    std::string numbers;
    for (const char* name : {"a", "b", "c"})
      numbers += fmt::format("initializer {{ name: \"{}\" data_type: 7 int64_data: 1 }} ", name);
    proto::ModelProto file =
        File(numbers +
             Node("Range", "abc", "y",
                  fmt::format("attribute {{ name: \"stash_type\" type: INT i: {} }}", stash)) +
             "output { name: \"y\" }");
    file.mutable_opset_import(0)->set_version(27);
    return ReadStatic(file);
  };
  ExpectGood(range(1));
  ExpectRefused(range(10),
                "node of 'y' (Range, version 27): stash_type 10 is not supported, only 1 (float)",
                ExitStatus::kUnsupported);
}

/// Valid, but more than is read.
TEST(StrictOnnx, FunctionsMayCallEachOtherSixteenDeep) {
  const auto depth = [](int count) {
    std::string functions = "opset_import { domain: \"mine\" version: 1 } ";
    for (int i = 0; i < count; ++i) {
      const std::string call = i + 1 == count
                                   ? std::string("op_type: \"Relu\"")
                                   : fmt::format("op_type: \"F{}\" domain: \"mine\"", i + 1);
      functions += fmt::format(
          "functions {{ name: \"F{}\" domain: \"mine\" input: \"a\" output: \"b\" opset_import {{ "
          "version: 13 }} opset_import {{ domain: \"mine\" version: 1 }} node {{ {} input: \"a\" "
          "output: \"b\" }} }} ",
          i, call);
    }
    return ReadStatic(File(kX + Node("F0", "x", "y", "domain: \"mine\"") + kY, functions));
  };
  ExpectGood(depth(16));
  const auto deeper = depth(17);
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().status, ExitStatus::kUnsupported) << deeper.error().message;
}

/// What a terminal would obey is escaped.
TEST(StrictOnnx, NamesOfOperatorsAreSafeToPrint) {
  const auto model = ReadStatic(File(kX + Node("A\\nerror: b\\033[31m", "x", "y") + kY));
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("A\\x0aerror: b\\x1b[31m"), std::string::npos)
      << model.error().message;
  EXPECT_EQ(model.error().message.find('\n'), std::string::npos);
}

TEST(StrictOnnx, TypesThatAreNotSupportedAreNoErrorsOfTheFile) {
  const auto model = ReadStatic(File(Info("input", "x", kInt64, Dim(2)) + Node("Erf", "x", "y") +
                                     Info("output", "y", kInt64, Dim(2))));
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().status, ExitStatus::kUnsupported) << model.error().message;
}

}  // namespace
}  // namespace descent::onnx
