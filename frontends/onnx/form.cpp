// ONNX files without the values of a model's state, and with them again.
#include <limits>

#include "frontends/onnx/export.h"
#include "frontends/onnx/proto_file.h"
#include "frontends/onnx/tensor_reader.h"

namespace descent::onnx {
namespace {

using proto::TensorProto;

void ClearNumbers(TensorProto& tensor) {
  tensor.clear_float_data();
  tensor.clear_int32_data();
  tensor.clear_string_data();
  tensor.clear_int64_data();
  tensor.clear_double_data();
  tensor.clear_uint64_data();
  tensor.clear_raw_data();
  tensor.clear_external_data();
  tensor.clear_data_location();
  tensor.clear_file_offset();
  tensor.clear_file_bytes();
}

/// Takes numbers that lie in a file, of the model or beside it, into the message: what is written
/// stands alone.
Result<void> TakeIn(TensorProto& tensor, Storage& storage) {
  if (tensor.data_location() != TensorProto::EXTERNAL && tensor.file_bytes() == 0) return {};
  DESCENT_TRY(value, ReadTensor(tensor, storage));
  ClearNumbers(tensor);
  tensor.set_raw_data(value.bytes().data(), value.bytes().size());
  return {};
}

/// Moves the initializers that are the model's slots from the graph into the form.
void TakeState(proto::GraphProto& graph, const Model& model, OnnxForm& form) {
  google::protobuf::RepeatedPtrField<TensorProto> others;
  for (TensorProto& tensor : *graph.mutable_initializer()) {
    if (model.FindSlot(tensor.name()) == nullptr) {
      others.Add(std::move(tensor));
      continue;
    }
    ClearNumbers(tensor);
    form.initializers.push_back({tensor.name(), tensor.SerializeAsString()});
  }
  graph.mutable_initializer()->Swap(&others);
}

}  // namespace

Result<OnnxForm> FormOfFile(const std::string& path, const Model& model) {
  DESCENT_TRY(file, ReadProto(path));
  OnnxForm form;
  TakeState(*file.model.mutable_graph(), model, form);
  Result<void> taken;
  ForEachTensor(file.model, [&](TensorProto& tensor) {
    if (taken) taken = TakeIn(tensor, file.storage);
  });
  DESCENT_RETURN_IF_ERROR(taken);
  form.graph = file.model.graph().SerializeAsString();
  file.model.clear_graph();
  form.model = file.model.SerializeAsString();
  return form;
}

Result<std::string> Complete(const OnnxForm& form, const std::map<std::string, Tensor>& values) {
  if (!form.missing.empty()) return ErrorWithStatus(ExitStatus::kUnsupported, "{}", form.missing);
  proto::ModelProto file;
  DESCENT_CHECK(
      file.ParseFromString(form.model) && file.mutable_graph()->ParseFromString(form.graph),
      "an ONNX form cannot be read");
  for (const OnnxForm::Initializer& initializer : form.initializers) {
    const auto value = values.find(initializer.source);
    if (value == values.end()) {
      auto error = Error("nothing gives {} a value", Quoted(initializer.source));
      error.error().hint = "give a checkpoint that train wrote";
      return error;
    }
    TensorProto& tensor = *file.mutable_graph()->add_initializer();
    DESCENT_CHECK(tensor.ParseFromString(initializer.tensor), "an initializer cannot be read");
    tensor.set_raw_data(value->second.bytes().data(), value->second.bytes().size());
  }
  std::string bytes;
  if (file.ByteSizeLong() > std::numeric_limits<int32_t>::max() || !file.SerializeToString(&bytes))
    return ErrorWithStatus(ExitStatus::kUnsupported,
                           "the ONNX file would have {} bytes, but ONNX files end at 2 GiB",
                           file.ByteSizeLong());
  return bytes;
}

Result<std::string> ExportModel(const Model& model, const std::map<std::string, Tensor>& values) {
  DESCENT_TRY(form, FormOfModel(model));
  return Complete(form, values);
}

}  // namespace descent::onnx
