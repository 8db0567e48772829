// Any model that is accepted goes through every stage up to kernels: each graph invariant and each
// check of a memory plan holds, or the model is refused with a diagnostic.
#include <cstdint>
#include <cstring>
#include <string_view>

#include "compiler/compile.h"
#include "ir/io/model_file.h"
#include "tests/fuzz/text_mutator.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = descent::ParseModel({reinterpret_cast<const char*>(data), size}, "a.descent");
  if (!model) return 0;
  const auto compiled =
      descent::Compile(*model, {.target = "x86-64-v3", .settings = {}, .verify_each = true});
  if (!compiled && compiled.error().message.empty()) __builtin_trap();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const std::string changed =
      descent::TextMutator({reinterpret_cast<const char*>(data), size}, seed).Mutate();
  if (seed % 8 == 0 || changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
