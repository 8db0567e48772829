// Any bytes as a model file in each of its forms: a diagnostic, or a model whose canonical text
// reads back to the same text.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "ir/io/model_file.h"

namespace {

using namespace descent;

void RoundTrip(const Model& model) {
  const auto text = SerializeModel(model, ModelForm::kText);
  if (!text) return;
  const auto again = ParseModel(*text, "again.descent");
  const auto text_again =
      again ? SerializeModel(*again, ModelForm::kText) : again.error().ToString();
  if (text_again && *text_again == *text) return;
  std::fprintf(stderr, "printed:\n%s\nread back:\n%s\n", text->c_str(),
               text_again ? text_again->c_str() : "nothing");
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The first byte chooses the form.
  static constexpr std::string_view kNames[] = {"a.descent", "a.pb", "a.pbtxt"};
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if (const auto model = ParseModel(bytes, std::string(kNames[data[0] % 3]))) RoundTrip(*model);
  return 0;
}
