// Any bytes as a model file in each of its forms: a diagnostic, or a model that every form gives
// back. A model file of any form is a seed.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "ir/io/model_diff.h"
#include "ir/io/model_file.h"
#include "tests/fuzz/text_mutator.h"

using namespace descent;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

constexpr ModelForm kForms[] = {ModelForm::kText, ModelForm::kBinary, ModelForm::kProtoText};
constexpr const char* kNames[] = {"a.descent", "a.pb", "a.pbtxt"};

void RoundTrip(const Model& model, ModelForm form) {
  const auto bytes = SerializeModel(model, form);
  if (!bytes) return;
  const auto again = ParseModel(*bytes, kNames[static_cast<int>(form)]);
  if (again && DiffModels(model, *again).empty()) return;
  std::fprintf(stderr, "written:\n%s\nread back: %s\n", bytes->c_str(),
               again ? DiffModels(model, *again)[0].c_str() : again.error().ToString().c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const char* name : kNames)
    if (const auto model = ParseModel(bytes, name))
      for (const ModelForm form : kForms) RoundTrip(*model, form);
  return 0;
}

/// Sometimes a model goes on in another form, so that seeds of one form lead into all.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string changed;
  if (seed % 32 == 0) {
    const auto model = ParseModel(text, "a");
    if (const auto bytes = model ? SerializeModel(*model, kForms[seed / 32 % 3]) : std::string())
      changed = *bytes;
  } else if (seed % 2 == 0) {
    changed = TextMutator(text, seed).Mutate();
  }
  if (changed.empty() || changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
