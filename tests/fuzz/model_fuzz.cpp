// Any bytes as a model file in one of its forms, DESCENT_MODEL_FORM: a diagnostic, or a model that
// every form gives back. A model file of any form is a seed.
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

constexpr ModelForm kForm = ModelForm::DESCENT_MODEL_FORM;
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

/// Another model, in the form at hand: changed as text, since few changes of the other forms' bytes
/// are models. Empty where `bytes` is none.
std::string ChangedModel(std::string_view bytes, unsigned seed) {
  const auto model = ParseModel(bytes, "a");
  if (!model) return "";
  const auto text = SerializeModel(*model, ModelForm::kText);
  if (!text) return "";
  const auto changed = ParseModel(TextMutator(*text, seed).Mutate(), "a.descent");
  return SerializeModel(changed ? *changed : *model, kForm).value_or("");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto model = ParseModel(bytes, kNames[static_cast<int>(kForm)]))
    for (const ModelForm form : kForms) RoundTrip(*model, form);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string changed;
  if (FormOfContent(bytes) != kForm || seed % 4 == 0)
    changed = ChangedModel(bytes, seed);
  else if (seed % 2 == 0 && kForm != ModelForm::kBinary)
    changed = TextMutator(bytes, seed).Mutate();
  if (changed.empty() || changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
