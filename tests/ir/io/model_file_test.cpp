#include "ir/io/model_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "ir/io/text_printer.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

const std::string kModels = DESCENT_SOURCE_DIR "/tests/ir/models/";

TEST(FormOfName, GoesByExtension) {
  EXPECT_EQ(FormOfName("a/b.descent"), ModelForm::kText);
  EXPECT_EQ(FormOfName("b.pb"), ModelForm::kBinary);
  EXPECT_EQ(FormOfName("b.pbtxt"), ModelForm::kProtoText);
  EXPECT_EQ(FormOfName("-"), std::nullopt);
  EXPECT_EQ(FormOfName("model.txt"), std::nullopt);
}

TEST(FormOfContent, TellsTheFormsApart) {
  const auto model = ReadModel(kModels + "comments.descent");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  for (const ModelForm form : {ModelForm::kText, ModelForm::kBinary, ModelForm::kProtoText})
    EXPECT_EQ(FormOfContent(*SerializeModel(*model, form)), form);
  EXPECT_EQ(FormOfContent("\xef\xbb\xbf# note\n\ndescent 1"), ModelForm::kText);
  EXPECT_EQ(FormOfContent(""), ModelForm::kText);
}

TEST(ReadModel, ReadsWhatWasWritten) {
  const auto model = ReadModel(kModels + "scan.descent");
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  const auto folder = std::filesystem::path(testing::TempDir()) / "descent_model_file_test";
  std::filesystem::create_directories(folder);
  for (const std::string name : {"m.descent", "m.pb", "m.pbtxt", "m"}) {
    const std::string path = folder / name;
    ASSERT_TRUE(WriteModel(*model, path).has_value());
    const auto again = ReadModel(path);
    ASSERT_TRUE(again.has_value()) << again.error().ToString();
    EXPECT_EQ(PrintText(*again), PrintText(*model));
  }
  std::filesystem::remove_all(folder);
}

TEST(ReadModel, NamesWhatCannotBeRead) {
  const auto missing = ReadModel("/no/such/model.descent");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message,
            "cannot read '/no/such/model.descent': No such file or directory");
  EXPECT_EQ(missing.error().status, ExitStatus::kIo);
  EXPECT_EQ(ReadModel("/").error().status, ExitStatus::kIo);
  EXPECT_EQ(WriteModel(Model(), "/no/such/folder/m.pb").error().status, ExitStatus::kIo);
}

TEST(ParseModel, SaysWhenContentAndNameDiffer) {
  const auto model = ParseModel("descent 1\nmodel m {\n}\n", "m.pb");
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().hint, "the content looks like text IR: such files end in .descent");
}

TEST(ParseModel, Verifies) {
  const auto model = ParseModel("descent 1\nmodel m {\n  input x: f32[2]\n}\n", "m.descent");
  ASSERT_FALSE(model.has_value());
  EXPECT_TRUE(model.error().message.starts_with("V20: ")) << model.error().message;
  EXPECT_EQ(model.error().location.file, "m.descent");
}

TEST(ParseModel, RefusesNewerVersionsInEveryForm) {
  const auto model = ReadModel(kModels + "orange_blue.descent");
  std::string text = *SerializeModel(*model, ModelForm::kText);
  text.replace(text.find("descent 1"), 9, "descent 2");
  std::string binary = *SerializeModel(*model, ModelForm::kBinary);
  ASSERT_EQ(binary.substr(0, 2), "\x08\x01");
  binary[1] = 2;
  // A newer file may have fields that this version does not know; the version is what is said.
  binary += "\x98\x06\x01";
  std::string proto = *SerializeModel(*model, ModelForm::kProtoText);
  proto.replace(proto.find("format_version: 1"), 17, "format_version: 2");
  for (const std::string& bytes : {text, binary, proto}) {
    const auto refused = ParseModel(bytes, "m");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, "format version 2 is newer than 1, the newest known here");
    EXPECT_EQ(refused.error().status, ExitStatus::kUnsupported);
  }
}

}  // namespace
}  // namespace descent
