// Any model that is accepted goes through every stage up to kernels: each graph invariant and each
// check of a memory plan holds, or the model is refused with a diagnostic.
#include <cstdint>
#include <string_view>

#include "compiler/compile.h"
#include "ir/io/model_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = descent::ParseModel({reinterpret_cast<const char*>(data), size}, "a.descent");
  if (!model) return 0;
  const auto compiled =
      descent::Compile(*model, {.target = "x86-64-v3", .settings = {}, .verify_each = true});
  if (!compiled && compiled.error().message.empty()) __builtin_trap();
  return 0;
}
