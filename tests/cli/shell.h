// Runs shell lines against the built command, in a temporary folder of its own.
//
//   Shell shell;
//   shell.Write("bad.descent", "descent 1\n");
//   Outcome outcome = shell.Run("descent check bad.descent");   // out, err, status
#pragma once

#include <string>
#include <string_view>

namespace descent::test {

struct Outcome {
  int status = -1;  ///< exit status; 128 + signal if a signal ended it
  std::string out, err;
};

class Shell {
 public:
  /// The folder holds copies of the example models: orange-blue.descent, no-bias.descent,
  /// mlp.descent.
  Shell();
  ~Shell();
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  const std::string& folder() const { return folder_; }
  void Write(const std::string& name, std::string_view content) const;
  std::string Read(const std::string& name) const;
  bool Exists(const std::string& name) const;
  /// `line` is run by bash with the build's bin/ first in PATH.
  Outcome Run(const std::string& line) const;

 private:
  std::string folder_;
};

}  // namespace descent::test
