// The models under tests/ir/models and ways to compare what was read with what was written.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "ir/io/text_parser.h"
#include "ir/model.h"

namespace descent {

inline std::string FileText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The files of a folder under tests/ir with an extension, sorted.
inline std::vector<std::filesystem::path> FilesOf(const std::string& folder,
                                                  const std::string& extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(DESCENT_SOURCE_DIR "/tests/ir/" + folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::ranges::sort(files);
  EXPECT_FALSE(files.empty()) << folder;
  return files;
}

/// A model from text that must be good; "descent 1" and the model's braces are added.
inline Model ModelFrom(const std::string& statements) {
  auto model = ParseText("descent 1\nmodel m {\n" + statements + "\n}\n", "test.descent");
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  return model ? *std::move(model) : Model();
}

}  // namespace descent
