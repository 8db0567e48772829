// Damaged files: a diagnostic or a valid model, never a crash.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <set>

#include "frontends/onnx/import.h"
#include "tests/onnx/case_file.h"

namespace descent::test {
namespace {

constexpr int kFlips = 1000;

/// The largest models among the node cases, of different operators.
std::vector<std::string> Models() {
  std::vector<OnnxCase> cases = ReadCases(DESCENT_SOURCE_DIR "/tests/onnx/cases.bin.gz");
  std::ranges::sort(cases, std::greater(), [](const OnnxCase& each) { return each.model.size(); });
  std::vector<std::string> models;
  std::set<std::string> operators;
  for (const OnnxCase& each : cases)
    if (models.size() < 6 && operators.insert(each.op).second) models.push_back(each.model);
  return models;
}

void ExpectDiagnosticOrModel(const std::string& bytes) {
  const auto model = onnx::ParseModel(bytes, "damaged.onnx", {.dims = {{"batch", 2}}});
  EXPECT_TRUE(model || !model.error().message.empty());
}

TEST(HostileOnnx, EveryTruncation) {
  for (const std::string& model : Models())
    for (size_t size = 0; size < model.size(); ++size)
      ExpectDiagnosticOrModel(model.substr(0, size));
}

TEST(HostileOnnx, FlippedBytes) {
  std::mt19937 generator(1);
  for (const std::string& model : Models())
    for (int flip = 0; flip < kFlips; ++flip) {
      std::string damaged = model;
      for (size_t count = 1 + generator() % 3; count > 0; --count)
        damaged[generator() % damaged.size()] = static_cast<char>(generator());
      ExpectDiagnosticOrModel(damaged);
    }
}

/// What the fuzzer has found, under a name that says what was wrong.
TEST(HostileOnnx, FoundFiles) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(DESCENT_SOURCE_DIR "/tests/onnx/found")) {
    SCOPED_TRACE(entry.path().filename());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    ASSERT_FALSE(bytes.empty());
    ExpectDiagnosticOrModel(bytes);
    ++files;
  }
  EXPECT_GT(files, 0);
}

void ExpectRefusal(const std::string& found, std::string_view reason) {
  const auto model = onnx::ImportModel(DESCENT_SOURCE_DIR "/tests/onnx/found/" + found, {});
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find(reason), std::string::npos) << model.error().message;
}

/// A shape for which 2^20 iterations fill 2^20 elements each.
TEST(HostileOnnx, EndlessShapeIsRefused) {
  ExpectRefusal("endless_shape.onnx", "computed at import, more work than 4194304");
}

/// Three loops in each other whose carried values swap shapes, so that all 999^3 iterations differ.
TEST(HostileOnnx, LoopsInLoopsAreRefused) {
  ExpectRefusal("loops_in_loops.onnx", "(Loop, version 13): more than 262144 nodes");
}

TEST(HostileOnnx, EndlessSamplesAreRefused) {
  ExpectRefusal("endless_samples.onnx",
                "(RoiAlign, version 16): a sampling_ratio of 1099511627776");
}

/// 1000 sequences of which all 1000 steps differ: unrolled once, not for each sequence.
TEST(HostileOnnx, BatchIsNotUnrolled) {
  const auto model =
      onnx::ImportModel(DESCENT_SOURCE_DIR "/tests/onnx/found/scan_of_batch.onnx", {});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_LT(model->graph.nodes().size(), 10U);
}

}  // namespace
}  // namespace descent::test
