// Files that contradict themselves, or say what nobody reads: refused, naming what and where.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "frontends/onnx/export.h"
#include "frontends/onnx/sha1.h"
#include "tests/onnx/text_file.h"

namespace descent::onnx {
namespace {

namespace fs = std::filesystem;

TEST(StrictOnnx, OutputsAreWhatTheyDeclare) {
  ExpectGood(ReadStatic(File(kX + kRelu + kY)));
  ExpectGood(ReadStatic(File(kX + kRelu + "output { name: \"y\" }")));
  ExpectGood(ReadStatic(File(kX + kRelu + Info("output", "y", kFloat, "dim { }"))));
  ExpectGood(
      ReadStatic(File(kX + kRelu + Info("output", "y", kFloat, "dim { dim_param: \"n\" }"))));
  const std::string is = ", but is f32[2]";
  ExpectRefused(ReadStatic(File(kX + kRelu + Info("output", "y", kInt64, Dim(2)))),
                "output 'y' is declared as i64[2]" + is);
  ExpectRefused(ReadStatic(File(kX + kRelu + Info("output", "y", kFloat, Dim(3)))),
                "output 'y' is declared as f32[3]" + is);
  ExpectRefused(ReadStatic(File(kX + kRelu + Info("output", "y", kFloat, Dim(2) + Dim(1)))),
                "output 'y' is declared as f32[2, 1]" + is);
  ExpectRefused(ReadStatic(File(kX + kRelu + Info("output", "y", kFloat, ""))),
                "output 'y' is declared as f32[]" + is);
  ExpectRefused(ReadStatic(File(kX + kRelu + Info("output", "y", 17, "dim { }"))),
                "output 'y' is declared as float8e4m3fn[?]" + is);
  ExpectRefused(Read(File(Info("input", "x", kFloat, kRows + Dim(2)) + kRelu +
                          Info("output", "y", kFloat, kRows + Dim(4)))),
                "output 'y' is declared as f32['rows', 4], but is f32[2, 2]");
  ExpectRefused(
      ReadStatic(File(kX + kRelu +
                      "output { name: \"y\" type { sequence_type { elem_type { tensor_type { "
                      "elem_type: 1 } } } } }")),
      "output 'y' is declared as a sequence" + is);
}

/// skl2onnx declares labels as one axis, of several labels, too.
TEST(StrictOnnx, OutputsOfScikitLearnMayHaveMoreAxes) {
  const std::string graph = Info("input", "x", kFloat, Dim(2) + Dim(3)) + kRelu;
  const std::string producer = "producer_name: \"skl2onnx\"";
  ExpectGood(ReadStatic(File(graph + Info("output", "y", kFloat, "dim { }"), producer)));
  ExpectRefused(ReadStatic(File(graph + Info("output", "y", kInt64, "dim { }"), producer)),
                "output 'y' is declared as i64[?], but is f32[2, 3]");
  ExpectRefused(ReadStatic(File(graph + Info("output", "y", kFloat, Dim(2)), producer)),
                "output 'y' is declared as f32[2], but is f32[2, 3]");
  ExpectRefused(ReadStatic(File(graph + Info("output", "y", kFloat, "dim { }"))),
                "output 'y' is declared as f32[?], but is f32[2, 3]");
}

TEST(StrictOnnx, OutputsOfBodiesAreWhatTheyDeclare) {
  const auto branch = [](const std::string& name, int64_t extent) {
    return "attribute { name: \"" + name + "\" type: GRAPH g { " + Node("Relu", "x", "r") +
           Info("output", "r", kFloat, Dim(extent)) + " } } ";
  };
  const std::string condition = Info("input", "c", proto::TensorProto::BOOL, "");
  ExpectGood(ReadStatic(
      File(kX + condition +
           Node("If", "c", "y", branch("then_branch", 2) + branch("else_branch", 2)) + kY)));
  const std::string message = "output of a body 'r' is declared as f32[3], but is f32[2]";
  ExpectRefused(
      ReadStatic(File(kX + condition +
                      Node("If", "c", "y", branch("then_branch", 2) + branch("else_branch", 3)) +
                      kY)),
      message);
  const std::string known = "initializer { name: \"c\" data_type: 9 int32_data: 1 } ";
  ExpectRefused(
      ReadStatic(File(kX + known +
                      Node("If", "c", "y", branch("then_branch", 3) + branch("else_branch", 2)) +
                      kY)),
      message);
}

TEST(StrictOnnx, InitializersAreWhatTheirInputsDeclare) {
  const std::string add = Node("Add", "xw", "y");
  ExpectGood(ReadStatic(File(kX + Info("input", "w", kFloat, Dim(2)) + kWeight + add + kY)));
  ExpectGood(ReadStatic(File(kX + Info("input", "w", kFloat, "dim { }") + kWeight + add + kY)));
  ExpectRefused(ReadStatic(File(kX + Info("input", "w", kFloat, Dim(4)) + kWeight + add + kY)),
                "initializer 'w' is declared as f32[4], but is f32[2]");
  ExpectRefused(ReadStatic(File(kX + Info("input", "w", kInt64, Dim(2)) + kWeight + add + kY)),
                "initializer 'w' is declared as i64[2], but is f32[2]");
}

TEST(StrictOnnx, NodesHaveNothingThatIsNotRead) {
  ExpectGood(ReadStatic(File(kX + Node("Relu", "x--", "y") + kY)));
  ExpectRefused(ReadStatic(File(kX + Node("Relu", "xx", "y") + kY)),
                "node of 'y' (Relu, version 17): it takes at most 1 operand, but 2 are given");
  // The operand `axes` came with version 13.
  const std::string reduced = Node("ReduceSum", "xw", "y") + Info("output", "y", kFloat, Dim(1));
  const std::string axes = "initializer { name: \"w\" data_type: 7 dims: 1 int64_data: 0 } ";
  ExpectGood(ReadStatic(File(kX + axes + reduced)));
  proto::ModelProto old = File(kX + axes + reduced);
  old.mutable_opset_import(0)->set_version(11);
  ExpectRefused(ReadStatic(old),
                "node of 'y' (ReduceSum, version 11): it takes at most 1 operand, but 2 are given");
  const std::string axis = "attribute { name: \"axis\" type: INT i: 0 } ";
  ExpectRefused(ReadStatic(File(kX + Node("Softmax", "x", "y", axis + axis) + kY)),
                "node of 'y' (Softmax, version 17): attribute 'axis' is given twice");
}

/// Only nodes of functions may refer to attributes of their call.
TEST(StrictOnnx, AttributesReferToThoseOfTheCall) {
  const std::string referring = "attribute { name: \"axis\" type: INT ref_attr_name: \"where\" } ";
  const std::string wanted =
      "attribute 'axis' refers to attribute 'where' of a function, but is in none";
  ExpectRefused(ReadStatic(File(kX + Node("Softmax", "x", "y", referring) + kY)),
                "node of 'y' (Softmax, version 17): " + wanted);
  const auto file = [&](const std::string& given) {
    return File(kX + Node("Mine", "x", "y", "domain: \"mine\" " + given) + kY,
                "opset_import { domain: \"mine\" version: 1 } functions { name: \"Mine\" domain: "
                "\"mine\" input: \"a\" output: \"b\" attribute: \"where\" opset_import { version: "
                "17 } " +
                    Node("Softmax", "a", "b", referring) + " }");
  };
  ExpectGood(ReadStatic(file("")));
  ExpectGood(ReadStatic(file("attribute { name: \"where\" type: INT i: 0 } ")));
  // The call itself is in no function.
  ExpectRefused(
      ReadStatic(file("attribute { name: \"where\" type: INT ref_attr_name: \"where\" } ")),
      "node of 'b' (Softmax, version 17): " + wanted);
}

TEST(StrictOnnx, CallsHaveWhatTheFunctionTakes) {
  const auto file = [](const std::string& operands, const std::string& results,
                       const std::string& beside = "") {
    return File(kX + Node("Twice", operands, results, "domain: \"mine\" " + beside) + kY,
                "opset_import { domain: \"mine\" version: 1 } functions { name: \"Twice\" domain: "
                "\"mine\" input: \"a\" output: \"b\" attribute: \"how\" opset_import { version: 17 "
                "} " +
                    Node("Add", "aa", "b") + " }");
  };
  const std::string how = "attribute { name: \"how\" type: INT i: 0 } ";
  ExpectGood(ReadStatic(file("x", "y", how)));
  const std::string node = "node of 'y' (mine::Twice, version 1): ";
  ExpectRefused(ReadStatic(file("xx", "y")),
                node + "the function takes 1 operand, but 2 are given");
  ExpectRefused(ReadStatic(file("x", "yz")), node + "the function gives 1 result, but 2 are named");
  ExpectRefused(ReadStatic(file("x", "y", how + how)), node + "attribute 'how' is given twice");
  ExpectRefused(ReadStatic(file("x", "y", "attribute { name: \"why\" type: INT }")),
                node + "the function has no attribute 'why'");
}

TEST(StrictOnnx, OperatorSetsAreImportedOnce) {
  const std::string graph = " graph { name: \"g\" " + kX + kRelu + kY + " }";
  const auto read = [&](const std::string& header) { return ReadStatic(Parsed(header + graph)); };
  const std::string twice = "opset_import { version: 13 } opset_import { domain: \"ai.onnx\" ";
  ExpectGood(read("ir_version: 8 " + twice + "version: 13 }"));
  ExpectRefused(read("ir_version: 8 " + twice + "version: 17 }"),
                "operator set is imported twice, in versions 13 and 17");
  ExpectRefused(read("ir_version: 8"), "the file imports no operator set");
  ExpectRefused(read("ir_version: 3"), "the file imports no operator set");
  ExpectRefused(read(""), "the file imports no operator set");
  ExpectGood(read("ir_version: 2"));  // there was one operator set
  ExpectRefused(read("ir_version: 8 opset_import { domain: \"ai.onnx.ml\" version: 3 }"),
                "node of 'y' (Relu, version 1): the operator set of its domain is not imported");
  ExpectRefused(read("ir_version: 8 opset_import { version: 99 }"),
                "operator set of version 99 is not supported", ExitStatus::kUnsupported);
  ExpectRefused(read("ir_version: 8 opset_import { version: 17 } opset_import { domain: \"m\" "
                     "version: 4294967297 }"),
                "operator set 'm' of version 4294967297 is not supported",
                ExitStatus::kUnsupported);
}

TEST(StrictOnnx, TrainingIsNotPassedOver) {
  ExpectRefused(ReadStatic(File(kX + kRelu + kY, "training_info: \"\"")),
                "training_info, which says how the model is trained, is not supported",
                ExitStatus::kUnsupported);
}

TEST(StrictOnnx, NumbersStandInOnePlace) {
  const std::string graph = kX + Node("Add", "xw", "y") + kY;
  proto::ModelProto file = File(graph + kWeight);
  file.mutable_graph()->mutable_initializer(0)->set_raw_data(std::string(8, '\0'));
  ExpectRefused(ReadStatic(file), "tensor 'w': has its numbers in more than one place");
  file = File(graph + kWeight);
  file.mutable_graph()->mutable_initializer(0)->mutable_segment()->set_end(2);
  ExpectRefused(ReadStatic(file), "tensor 'w': is a segment of a tensor", ExitStatus::kUnsupported);
}

TEST(StrictOnnx, SparseInitializersAreToldOnce) {
  ExpectRefused(ReadStatic(File(kX + Node("Add", "xw", "y") + kY +
                                "sparse_initializer { values { name: \"w\" data_type: 1 dims: 1 "
                                "float_data: 1 } indices { dims: 1 data_type: 7 int64_data: 0 } "
                                "dims: 2 }")),
                "initializer 'w' is sparse, which is not supported", ExitStatus::kUnsupported);
}

TEST(StrictOnnx, BothBranchesAreToldOf) {
  const auto branch = [](const std::string& name, const std::string& op) {
    return "attribute { name: \"" + name + "\" type: GRAPH g { " + Node(op, "x", "r") +
           " output { name: \"r\" } } } ";
  };
  ExpectRefused(
      ReadStatic(File(
          kX + Info("input", "c", proto::TensorProto::BOOL, "") +
          Node("If", "c", "y", branch("then_branch", "One") + branch("else_branch", "Two")) + kY)),
      "2 errors\n  node of 'r' (One, version 17): the operator is not supported\n"
      "  node of 'r' (Two, version 17): the operator is not supported",
      ExitStatus::kUnsupported);
}

/// A loop that makes its value longer in each iteration.
Result<Model> Growing(int64_t trips) {
  const std::string body =
      "attribute { name: \"body\" type: GRAPH g { input { name: \"i\" } input { name: \"c\" } "
      "input { name: \"v\" } " +
      Node("Identity", "c", "d") +
      Node("Concat", "vv", "u", "attribute { name: \"axis\" type: INT i: 0 }") +
      " output { name: \"d\" } output { name: \"u\" } } } ";
  const std::string count =
      fmt::format("initializer {{ name: \"m\" data_type: 7 int64_data: {} }} ", trips);
  return ReadStatic(File(kX + count + Node("Loop", "m-x", "y", body + "name: \"loop\"") +
                         "output { name: \"y\" }"));
}

TEST(StrictOnnx, LoopsThatWouldBeUnrolledTooOftenAreNamed) {
  ExpectGood(Growing(3));
  ExpectRefused(Growing(1001),
                "node 'loop' (Loop, version 17): more than 1000 iterations would be unrolled, "
                "since they differ",
                ExitStatus::kUnsupported);
}

TEST(StrictOnnx, LoopsOfTooManyTripsAreNamed) {
  const std::string body =
      "attribute { name: \"body\" type: GRAPH g { input { name: \"i\" } input { name: \"c\" } "
      "input { name: \"v\" } " +
      Node("Identity", "c", "d") + Node("Add", "vx", "u") +
      " output { name: \"d\" } output { name: \"u\" } } } ";
  const std::string count =
      fmt::format("initializer {{ name: \"m\" data_type: 7 int64_data: {} }} ", int64_t{1} << 50);
  ExpectRefused(
      ReadStatic(File(kX + count + Node("Loop", "m-x", "y", body + "name: \"loop\"") + kY)),
      "node 'loop' (Loop, version 17): more than 1000 iterations would be unrolled, "
      "since a loop that is not unrolled has at most 1099511627776",
      ExitStatus::kUnsupported);
}

TEST(StrictOnnx, BrokenTextIsShown) {
  std::string bytes = File(kX + Node("Relu", "x", "y", "name: \"abc\"") + kY).SerializeAsString();
  bytes[bytes.find("abc") + 1] = '\xff';
  ExpectRefused(ParseModel(bytes, "g.onnx", {}),
                "is not an ONNX model: NodeProto.name is 'a\xff"
                "c', not UTF-8");
  bytes.resize(bytes.find("a\xff"));  // damaged before it
  ExpectRefused(ParseModel(bytes, "g.onnx", {}), "is not an ONNX model");
}

// ---- external data

TEST(Sha1, OfTheStandardsExamples) {
  EXPECT_EQ(Sha1Hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(Sha1Hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Sha1Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(Sha1Hex(std::string(1000000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

class ExternalData : public testing::Test {
 protected:
  ExternalData()
      : folder_(fs::temp_directory_path() / fmt::format("descent_strict_{}", ::getpid())) {
    fs::create_directory(folder_);
    std::ofstream(folder_ / "w.bin", std::ios::binary) << std::string(8, '\0');
  }
  ~ExternalData() override { fs::remove_all(folder_); }

  Result<Model> ReadWith(const std::string& entries) const {
    const std::string tensor =
        "initializer { name: \"w\" data_type: 1 dims: 2 data_location: EXTERNAL "
        "external_data { key: \"location\" value: \"w.bin\" } " +
        entries + " } ";
    return ParseModel(File(kX + tensor + Node("Add", "xw", "y") + kY).SerializeAsString(),
                      (folder_ / "g.onnx").string(), {});
  }
  static std::string Entry(const std::string& key, const std::string& value) {
    return "external_data { key: \"" + key + "\" value: \"" + value + "\" } ";
  }

  fs::path folder_;
};

TEST_F(ExternalData, HasTheChecksumThatTheFileSays) {
  const std::string sum = Sha1Hex(std::string(8, '\0'));
  ExpectGood(ReadWith(Entry("checksum", sum)));
  std::string upper = sum;
  std::ranges::transform(upper, upper.begin(), [](char c) { return std::toupper(c); });
  ExpectGood(ReadWith(Entry("checksum", upper)));
  const std::string wrong = Sha1Hex("");
  ExpectRefused(ReadWith(Entry("checksum", wrong)),
                fmt::format("tensor 'w': external data: 'w.bin' has the SHA-1 {}, not '{}' as the "
                            "file says",
                            sum, wrong));
}

/// A name of the system's ends at a NUL byte: this would be "w.bin".
TEST_F(ExternalData, HasNoNulByteInItsName) {
  const std::string tensor =
      "initializer { name: \"w\" data_type: 1 dims: 2 data_location: EXTERNAL external_data { key: "
      "\"location\" value: \"w.bin\\000.txt\" } } ";
  ExpectRefused(
      ParseModel(File(kX + tensor + Node("Add", "xw", "y") + kY).SerializeAsString(),
                 (folder_ / "g.onnx").string(), {}),
      "tensor 'w': external data: 'w.bin\\x00.txt' is no name of a file: it has a NUL byte");
}

TEST_F(ExternalData, IsDescribedOnce) {
  ExpectRefused(ReadWith(Entry("offset", "0") + Entry("offset", "8")),
                "tensor 'w': external data: 'offset' is given twice");
}

// ---- operators

TEST(SupportedOperators, AreToldOncePerVersion) {
  const std::vector<SupportedOperator> operators = SupportedOperators();
  for (size_t i = 1; i < operators.size(); ++i) {
    const SupportedOperator &before = operators[i - 1], &each = operators[i];
    const bool is_same = before.domain == each.domain && before.name == each.name;
    EXPECT_TRUE(!is_same || before.until < each.since) << each.name;
  }
}

/// What torch.onnx.export makes of GroupNorm: groups become channels and back, of any batch.
TEST(Reshape, DoesNotHoldTheBatchFast) {
  const std::string graph = Info("input", "x", kFloat, kRows + Dim(4) + Dim(5)) +
                            "initializer { name: \"t\" data_type: 7 dims: 3 int64_data: 0 "
                            "int64_data: 2 int64_data: -1 } " +
                            Node("Reshape", "xt", "r") + Node("Shape", "x", "s") +
                            Node("Reshape", "rs", "y") +
                            Info("output", "y", kFloat, kRows + Dim(4) + Dim(5));
  const auto model = Read(File(graph));
  ASSERT_TRUE(model) << model.error().message;
  const auto bytes = ExportModel(*model, {});
  ASSERT_TRUE(bytes) << bytes.error().message;
  ExpectGood(ParseModel(*bytes, "again.onnx", {.dims = {{"batch", 7}}}));
}

// ---- dimensions

TEST(Dimensions, OfTheBatchAreSaidOnce) {
  const proto::ModelProto file = File(Info("input", "x", kFloat, kRows + Dim(2)) + kRelu +
                                      Info("output", "y", kFloat, kRows + Dim(2)));
  const auto read = [&](ImportOptions options) {
    return ParseModel(file.SerializeAsString(), "g.onnx", options);
  };
  ExpectGood(read({.dims = {{"rows", 4}}, .batch = 4}));
  ExpectGood(read({.dims = {{"rows", 4}}, .batch = 8, .batch_is_guess = true}));
  ExpectRefused(read({.dims = {{"rows", 4}}, .batch = 8}),
                "axis 'rows' is the batch: it has 4 or 8 rows, not both", ExitStatus::kUsage);
}

}  // namespace
}  // namespace descent::onnx
