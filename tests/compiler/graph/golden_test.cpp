// Golden tests: every file of golden/ says which passes run, gives a model of at most 30 lines, and
// the exact text (or the diagnostic) that must come out.
//
//   # RUN: specialize(train_step),simplify
//   descent 1
//   ...
//   # CHECK
//   ...
//
// Each also runs its passes one by one through the text form, which must give the same.
// DESCENT_BLESS=1 in the environment rewrites the files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/graph/pipeline.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"

namespace descent {
namespace {

constexpr std::string_view kRun = "# RUN: ";
constexpr std::string_view kCheck = "# CHECK\n";
constexpr int kMaxInputLines = 30;

struct Golden {
  std::string passes, input, expected;
};

std::filesystem::path Folder() {
  return std::filesystem::path(DESCENT_SOURCE_DIR) / "tests/compiler/graph/golden";
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Golden ReadGolden(const std::filesystem::path& path) {
  const std::string text = ReadAll(path);
  const size_t line_end = text.find('\n'), check = text.find(kCheck);
  EXPECT_TRUE(text.starts_with(kRun)) << path;
  EXPECT_NE(check, std::string::npos) << path << " has no line # CHECK";
  if (!text.starts_with(kRun) || check == std::string::npos) return {};
  return {text.substr(kRun.size(), line_end - kRun.size()),
          text.substr(line_end + 1, check - line_end - 1), text.substr(check + kCheck.size())};
}

Result<Model> Parse(const std::string& text) { return ParseText(text, "input"); }

std::string Print(const Result<Model>& model) {
  return model ? PrintText(*model) : model.error().ToString();
}

Result<Model> RunAll(const Golden& golden) {
  DESCENT_TRY(model, Parse(golden.input));
  return RunPasses(model, SplitPasses(golden.passes), {.verify_each = true});
}

/// Each pass reads the text that the one before has printed.
Result<Model> RunPiped(const Golden& golden) {
  DESCENT_TRY(model, Parse(golden.input));
  for (const std::string& pass : SplitPasses(golden.passes)) {
    const std::string passes[] = {pass};
    DESCENT_TRY(after, RunPasses(model, passes, {}));
    auto again = Parse(PrintText(after));
    if (!again) return again;
    model = *std::move(again);
  }
  return model;
}

class GoldenTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoldenTest, GivesTheExpectedText) {
  const Golden golden = ReadGolden(GetParam());
  EXPECT_LE(std::ranges::count(golden.input, '\n'), kMaxInputLines);
  const std::string actual = Print(RunAll(golden));
  if (std::getenv("DESCENT_BLESS") != nullptr) {
    std::ofstream(GetParam()) << kRun << golden.passes << "\n" << golden.input << kCheck << actual;
    return;
  }
  EXPECT_EQ(actual, golden.expected) << "DESCENT_BLESS=1 rewrites the file";
  EXPECT_EQ(Print(RunPiped(golden)), actual) << "passes piped through the text form";
}

std::vector<std::filesystem::path> GoldenFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(Folder()))
    if (entry.path().extension() == ".golden") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTest, ::testing::ValuesIn(GoldenFiles()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace descent
