// Loads an object file into this process with LLVM's JITLink. Internal to compiler/codegen.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ir/diagnostic.h"

namespace descent {

/// Data of this process by the names that an object knows it by.
using HostSymbols = std::vector<std::pair<std::string, const void*>>;

class ObjectLoader {
 public:
  static Result<ObjectLoader> Load(std::span<const char> object, const HostSymbols& symbols = {});
  ObjectLoader(ObjectLoader&&) noexcept;
  ObjectLoader& operator=(ObjectLoader&&) noexcept;
  ~ObjectLoader();

  /// Address of an external symbol; its first use links the object.
  Result<void*> Find(const std::string& symbol);

 private:
  struct Engine;
  explicit ObjectLoader(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace descent
