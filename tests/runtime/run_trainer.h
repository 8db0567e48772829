// Runs the trainer's command line inside the test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/trainer_main.h"
#include "tests/runtime/damage.h"
#include "tests/runtime/fake_program.h"

namespace descent::runtime {

struct Ran {
  int status;
  std::string out, error;
};

inline Ran RunPrograms(Programs programs, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "trainer");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  int status = TrainerMain(programs, static_cast<int>(arguments.size()), argv.data());
  std::string out = testing::internal::GetCapturedStdout();
  return {status, out, testing::internal::GetCapturedStderr()};
}

inline Ran RunTrainer(std::vector<std::string> arguments, const FakeOptions& options = {}) {
  const descent_program* program = FakeProgram(options);
  return RunPrograms({&program, 1}, std::move(arguments));
}

inline std::string Contents(const std::string& path) {
  auto bytes = ReadFile(path);
  return bytes ? std::string(TextOf(*bytes)) : "(" + bytes.error().ToString() + ")";
}

/// The last line of a text that ends with a newline.
inline std::string LastLine(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace descent::runtime
