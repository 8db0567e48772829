#include "tests/onnx/case_file.h"

#include <zlib.h>

#include <cstring>

#include "frontends/onnx/tensor_reader.h"
#include "onnx.pb.h"

namespace descent::test {
namespace {

std::string Unzipped(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  DESCENT_CHECK(file != nullptr, "cannot open " + path);
  std::string bytes;
  char buffer[1 << 16];
  int count = 0;
  while ((count = gzread(file, buffer, sizeof(buffer))) > 0)
    bytes.append(buffer, static_cast<size_t>(count));
  DESCENT_CHECK(count == 0, "cannot read " + path);
  gzclose(file);
  return bytes;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool AtEnd() const { return rest_.empty(); }
  uint32_t Number() {
    uint32_t number = 0;
    const std::string_view bytes = Take(sizeof(number));
    std::memcpy(&number, bytes.data(), sizeof(number));
    return number;
  }
  std::string Text() { return std::string(Take(Number())); }
  std::vector<Tensor> Tensors() {
    std::vector<Tensor> tensors(Number());
    for (Tensor& tensor : tensors) {
      onnx::proto::TensorProto proto;
      DESCENT_CHECK(proto.ParseFromString(Text()), "a tensor is damaged");
      onnx::Storage nowhere("");
      auto read = onnx::ReadTensor(proto, nowhere);
      DESCENT_CHECK(read.has_value(), read ? "" : read.error().message);
      tensor = *std::move(read);
    }
    return tensors;
  }

 private:
  std::string_view Take(size_t count) {
    DESCENT_CHECK(count <= rest_.size(), "the file ends too early");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
};

}  // namespace

std::vector<OnnxCase> ReadCases(const std::string& path) {
  const std::string bytes = Unzipped(path);
  std::vector<OnnxCase> cases;
  for (Reader reader(bytes); !reader.AtEnd();) {
    OnnxCase& each = cases.emplace_back();
    each.name = reader.Text();
    each.model = reader.Text();
    each.inputs = reader.Tensors();
    each.outputs = reader.Tensors();
    onnx::proto::ModelProto model;
    DESCENT_CHECK(model.ParseFromString(each.model), "a model is damaged");
    each.op = model.graph().node(0).op_type();
  }
  return cases;
}

}  // namespace descent::test
