// Damaged files of every form give a model or a diagnostic, never anything else.
#include <gtest/gtest.h>

#include <random>

#include "ir/io/model_diff.h"
#include "ir/io/model_file.h"
#include "ir/io/model_hash.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

constexpr ModelForm kForms[] = {ModelForm::kText, ModelForm::kBinary, ModelForm::kProtoText};
constexpr const char* kNames[] = {"m.descent", "m.pb", "m.pbtxt"};

/// Parses; what is accepted must survive being written and read again.
void ExpectModelOrDiagnostic(const std::string& bytes, ModelForm form) {
  const auto model = ParseModel(bytes, kNames[static_cast<int>(form)]);
  if (!model) {
    EXPECT_FALSE(model.error().message.empty());
    EXPECT_EQ(model.error().message.find('\n'), std::string::npos) << model.error().message;
    return;
  }
  const auto text = SerializeModel(*model, ModelForm::kText);
  const auto again = ParseModel(*text, "again.descent");
  ASSERT_TRUE(again.has_value()) << again.error().ToString() << *text;
  EXPECT_EQ(DiffModels(*model, *again), std::vector<std::string>()) << *text;
  EXPECT_EQ(*ModelHash(*model), *ModelHash(*again)) << *text;
}

std::string Sample(const char* name, ModelForm form) {
  const auto model = ReadModel(DESCENT_SOURCE_DIR "/tests/ir/models/" + std::string(name));
  EXPECT_TRUE(model.has_value());
  return *SerializeModel(*model, form);
}

TEST(Hostile, EveryTruncation) {
  for (const ModelForm form : kForms) {
    const std::string bytes = Sample("scan.descent", form);
    for (size_t size = 0; size < bytes.size(); ++size)
      ExpectModelOrDiagnostic(bytes.substr(0, size), form);
  }
}

TEST(Hostile, RandomByteFlips) {
  std::mt19937 random(1);
  for (const char* name :
       {"comments.descent", "scan.descent", "train_step.descent", "batch_norm.descent"})
    for (const ModelForm form : kForms) {
      const std::string bytes = Sample(name, form);
      for (int i = 0; i < 500; ++i) {
        std::string damaged = bytes;
        for (uint32_t flips = random() % 3 + 1; flips > 0; --flips)
          damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
        ExpectModelOrDiagnostic(damaged, form);
      }
    }
}

TEST(Hostile, ExchangedLines) {
  std::mt19937 random(2);
  for (const auto& path : FilesOf("models", ".descent")) {
    std::vector<std::string> lines(1);
    for (const char c : FileText(path)) {
      lines.back() += c;
      if (c == '\n') lines.emplace_back();
    }
    for (int i = 0; i < 100; ++i) {
      auto mixed = lines;
      std::swap(mixed[random() % mixed.size()], mixed[random() % mixed.size()]);
      mixed.erase(mixed.begin() + random() % mixed.size());
      std::string text;
      for (const std::string& line : mixed) text += line;
      ExpectModelOrDiagnostic(text, ModelForm::kText);
    }
  }
}

TEST(Hostile, LongLinesAndManyStatements) {
  std::string text = "descent 1\nmodel m {\n  input x: f32[2]\n  y0 = neg(x)\n";
  for (int i = 1; i < 5000; ++i) text += fmt::format("y{} = add(y{}, {})\n", i, i - 1, i);
  text += "output y4999\n}\n";
  ExpectModelOrDiagnostic(text, ModelForm::kText);
  ExpectModelOrDiagnostic("descent 1\nmodel m {\n" + std::string(1 << 20, '('), ModelForm::kText);
  ExpectModelOrDiagnostic("descent 1\nmodel m {\n" + std::string(1 << 20, 'a'), ModelForm::kText);
  ExpectModelOrDiagnostic("descent 1\nmodel m {\n x = add(" + std::string(1 << 20, ','),
                          ModelForm::kText);
}

}  // namespace
}  // namespace descent
