// ObjectCache: a folder of objects that were made before, found by everything that decides their
// bytes.
//
//   DESCENT_TRY(cache, ObjectCache::Open("/var/cache/descent"));
//   const std::string key = cache->KeyOf(bitcode);
//   if (auto object = cache->Find(key)) return *object;
//   DESCENT_RETURN_IF_ERROR(cache->Store(key, object));
//   cache->Trim();
//
// An entry carries its key and a checksum: what is cut or damaged counts as missing, and is
// replaced. Any number of threads and processes may use one folder. Whoever may write to it decides
// what is linked.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"

namespace descent {

class ObjectCache {
 public:
  static constexpr int64_t kDefaultLimit = int64_t{1} << 30;

  /// Makes the folder where there is none. `limit` is what Trim leaves, in bytes.
  static Result<std::unique_ptr<ObjectCache>> Open(const std::string& folder,
                                                   int64_t limit = kDefaultLimit);

  /// 64 hex digits: of `input` and of the build of this compiler with its libraries, LLVM among
  /// them.
  std::string KeyOf(std::string_view input) const;
  std::optional<std::vector<char>> Find(const std::string& key);
  Result<void> Store(const std::string& key, std::span<const char> object);
  /// Removes what was not used for longest, until the rest is within the limit. Other files of the
  /// folder are left alone.
  void Trim() const;

  struct Counts {
    int64_t reused = 0, made = 0;
    int64_t damaged = 0;  ///< entries that were no good; part of `made`
  };
  Counts counts() const { return {reused_, made_, damaged_}; }

 private:
  ObjectCache(std::string folder, int64_t limit);
  std::string PathOf(const std::string& key) const;

  std::string folder_;
  int64_t limit_;
  std::string build_;
  std::atomic<int64_t> reused_ = 0, made_ = 0, damaged_ = 0;
};

}  // namespace descent
