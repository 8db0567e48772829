// Any text as an argument of the command: an input's values, a setting, a list of passes.
#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/graph/pipeline.h"
#include "compiler/settings.h"
#include "frontends/cli/run/tensor_input.h"
#include "ir/io/model_file.h"

using namespace descent;

namespace {

const Model& Network() {
  static const Model kModel = *ParseModel(
      "descent 1\nmodel m {\n  batch 4\n  input x: f32[batch, 2]\n  input y: f32[batch, 1] from "
      "label\n  parameter W: f32[2, 1] = glorot_uniform\n  z = matmul(x, W)\n  h = dropout(z, "
      "rate=0.5)\n  loss = mse(h, y)\n  predict h\n  train loss with adam schedule "
      "cosine(steps=10)\n}\n",
      "m.descent");
  return kModel;
}

/// An error says something.
template <typename T>
void Check(const Result<T>& result) {
  if (!result && result.error().message.empty()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto literal = cli::TensorLiteral::Read(text, 0);
  Check(literal);
  for (const DTypeInfo& info : AllDTypes()) {
    if (!literal) break;
    const auto tensor = literal->As(info.dtype, "x");
    Check(tensor);
    if (tensor) (void)cli::PrintValues(*tensor, 100);
  }
  const std::string settings[] = {text};
  Check(ApplySettings(Network(), settings));
  Check(RunPasses(Network(), SplitPasses(text), {.pass = {.entry = "train_step"}}));
  return 0;
}
