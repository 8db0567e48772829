// Damaged versions of a file, for readers that must survive all of them.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/file.h"

namespace descent::runtime {

/// Every strict prefix of `bytes` must fail with a message.
template <typename Parse>
void ExpectAllTruncationsFail(const Bytes& bytes, Parse parse) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    auto result = parse(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)));
    ASSERT_FALSE(result.has_value()) << "accepted its first " << size << " bytes";
    ASSERT_FALSE(result.error().message.empty());
  }
}

/// Sets each byte to several other values; the parser may accept or refuse, but must come back.
template <typename Parse>
void SurviveDamagedBytes(const Bytes& bytes, Parse parse) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (char value : {'\x00', '\x01', '\x7f', '\x80', '\xff', '0', '9', '-', '"'}) {
      Bytes damaged = bytes;
      damaged[i] = std::byte(value);
      auto result = parse(damaged);
      if (!result) {
        ASSERT_FALSE(result.error().message.empty());
      }
    }
  }
}

inline Bytes ToBytes(std::string_view text) {
  ByteView view = BytesOf(text);
  return Bytes(view.begin(), view.end());
}

/// A folder that goes away with the test; in memory where there is such a place, so that fsync
/// costs nothing.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::filesystem::path memory = "/dev/shm";
    bool usable = access(memory.c_str(), W_OK) == 0;
    std::string pattern =
        (usable ? memory : std::filesystem::temp_directory_path()) / "descent_test_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  std::string Write(const std::string& name, std::string_view content) const {
    std::ofstream(File(name), std::ios::binary) << content;
    return File(name);
  }

 private:
  std::string path_;
};

}  // namespace descent::runtime
