// Loads an object file into this process with LLVM's JITLink. Internal to compiler/codegen.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "ir/diagnostic.h"

namespace descent {

class ObjectLoader {
 public:
  static Result<ObjectLoader> Load(std::span<const char> object);
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
