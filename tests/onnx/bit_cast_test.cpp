// BitCast: the same bits as another type of their width.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "compiler/graph/specialize.h"
#include "frontends/onnx/import.h"
#include "ir/interpreter.h"
#include "onnx.pb.h"

namespace descent::onnx {
namespace {

/// y of x as ONNX's type `to`; x is an input unless it is a constant.
std::string BitsOf(const Tensor& x, int type, int to, bool is_constant) {
  proto::ModelProto file;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      fmt::format(
          "ir_version: 11 opset_import {{ version: 26 }} graph {{ name: \"net\" node {{ "
          "op_type: \"BitCast\" input: \"x\" output: \"y\" attribute {{ name: \"to\" type: "
          "INT i: {} }} }} output {{ name: \"y\" type {{ tensor_type {{ elem_type: {} }} }} "
          "}} }}",
          to, to),
      &file));
  if (is_constant) {
    auto& tensor = *file.mutable_graph()->add_initializer();
    tensor.set_name("x");
    tensor.set_data_type(type);
    tensor.add_dims(x.elements());
    tensor.set_raw_data(x.bytes().data(), x.bytes().size());
  } else {
    auto& input = *file.mutable_graph()->add_input();
    input.set_name("x");
    auto& tensor = *input.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape()->add_dim()->set_dim_value(x.elements());
  }
  const auto model = ParseModel(file.SerializeAsString(), "net.onnx", {});
  if (!model) return model.error().message;
  const auto entry = Specialize(*model, {.entry = "run"});
  if (!entry) return entry.error().ToString();
  const auto run =
      Interpret(entry->graph, is_constant ? std::vector<Tensor>{} : std::vector<Tensor>{x});
  if (!run) return run.error().ToString();
  std::string text = ToString(run->outputs[0].type()) + ":";
  for (int64_t i = 0; i < run->outputs[0].elements(); ++i)
    text += fmt::format(" {}", run->outputs[0].GetDouble(i));
  return text;
}

using proto::TensorProto;
const Tensor kBytes = Tensor::FromInts({DType::kI8, {3}}, std::vector<int64_t>{1, -2, -128});
const Tensor kFloats = Tensor::FromDoubles({DType::kF32, {2}}, std::vector<double>{1, -2});

TEST(BitCast, IntegersWrap) {
  EXPECT_EQ(BitsOf(kBytes, TensorProto::INT8, TensorProto::UINT8, false), "u8[3]: 1 254 128");
  EXPECT_EQ(BitsOf(Tensor::FromInts({DType::kU64, {1}}, std::vector<int64_t>{-5}),
                   TensorProto::UINT64, TensorProto::INT64, false),
            "i64[1]: -5");
}

TEST(BitCast, ConstantsAreReadAgain) {
  EXPECT_EQ(BitsOf(kFloats, TensorProto::FLOAT, TensorProto::INT32, true),
            "i32[2]: 1065353216 -1073741824");
  EXPECT_EQ(BitsOf(Tensor::FromInts({DType::kI32, {1}}, std::vector<int64_t>{1065353216}),
                   TensorProto::INT32, TensorProto::FLOAT, true),
            "f32[1]: 1");
}

TEST(BitCast, OtherBitsAreRefused) {
  const auto refuses = [](const Tensor& x, int type, int to, std::string_view text) {
    const std::string told = BitsOf(x, type, to, false);
    EXPECT_NE(told.find(text), std::string::npos) << told;
  };
  refuses(kFloats, TensorProto::FLOAT, TensorProto::INT32,
          "the bits of f32 as i32 are read of integers and constants only");
  refuses(kFloats, TensorProto::FLOAT, TensorProto::INT64, "f32 and i64 have not the same width");
  refuses(kBytes, TensorProto::INT8, TensorProto::BOOL, "a bool has not all bits of i8");
}

}  // namespace
}  // namespace descent::onnx
