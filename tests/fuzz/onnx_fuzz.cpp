// Any bytes as an ONNX model: a diagnostic, or a model that has a text, which reads back as it, and
// that can be exported or says why not.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "frontends/onnx/export.h"
#include "frontends/onnx/import.h"
#include "ir/io/model_diff.h"
#include "ir/io/model_file.h"
#include "ir/op_def.h"
#include "onnx.pb.h"
#include "tests/fuzz/proto_mutator.h"

using namespace descent;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

/// Elements of constants and parameters that are worth a text and an export, which repeat them.
constexpr int64_t kSmall = 1 << 16;

bool IsSmall(const Model& model) {
  int64_t count = 0;
  for (const Node& node : model.graph.nodes())
    if (node.op->leaf == Leaf::kConstant) count += node.types[0].elements();
  for (const Slot& slot : model.slots) count += slot.type.elements();
  return count <= kSmall;
}

std::map<std::string, Tensor> ValuesOf(const Model& model) {
  std::map<std::string, Tensor> values;
  for (const Slot& slot : model.slots) values[slot.name] = Tensor::Full(slot.type, 0);
  return values;
}

void Fail(const char* what, const std::string& detail) {
  std::fprintf(stderr, "%s\n%s\n", what, detail.c_str());
  std::abort();
}

/// Another operator for a node: of the file's changes the one that reaches most of the importer.
void ChangeOperator(onnx::proto::GraphProto& graph, ProtoMutator& random) {
  static const std::vector<onnx::SupportedOperator> kOperators = onnx::SupportedOperators();
  if (graph.node_size() == 0) return;
  const onnx::SupportedOperator& other = kOperators[random.Draw(kOperators.size())];
  auto& node =
      *graph.mutable_node(static_cast<int>(random.Draw(static_cast<size_t>(graph.node_size()))));
  node.set_op_type(std::string(other.name));
  node.set_domain(std::string(other.domain));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = onnx::ParseModel({reinterpret_cast<const char*>(data), size}, "a.onnx",
                                      {.dims = {{"batch", 2}}});
  if (!model) {
    if (model.error().message.empty()) Fail("refused without a word", "");
    return 0;
  }
  if (!IsSmall(*model)) return 0;
  const auto text = SerializeModel(*model, ModelForm::kText);
  if (!text) Fail("has no text", text.error().ToString());
  const auto again = ParseModel(*text, "a.descent");
  if (!again) Fail(text->c_str(), again.error().ToString());
  if (const auto differences = DiffModels(*model, *again); !differences.empty())
    Fail(text->c_str(), differences[0]);
  const auto exported = onnx::ExportModel(*model, ValuesOf(*model));
  if (!exported && exported.error().message.empty()) Fail("not exported without a word", *text);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  onnx::proto::ModelProto model;
  if (seed % 8 == 0 || !model.ParseFromArray(data, static_cast<int>(size)))
    return LLVMFuzzerMutate(data, size, max_size);
  ProtoMutator mutator(model, seed);
  if (seed % 8 < 3) ChangeOperator(*model.mutable_graph(), mutator);
  if (seed % 8 != 1) mutator.Mutate();
  const std::string changed = model.SerializeAsString();
  if (changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
