// Initializers that stay in the file: the same model as protobuf alone reads.
#include "frontends/onnx/large_data.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "frontends/onnx/export.h"
#include "frontends/onnx/import.h"
#include "tests/onnx/case_file.h"

namespace descent::test {
namespace {

using onnx::proto::ModelProto;
using onnx::proto::TensorProto;

/// What `ParseWithoutLargeData` makes of the bytes, with what it left in its place; nothing where
/// it leaves them to protobuf.
std::optional<ModelProto> ReadWithout(const std::string& bytes, size_t least) {
  ModelProto model;
  std::vector<onnx::LargeData> large;
  if (!onnx::ParseWithoutLargeData(bytes, least, model, large)) return std::nullopt;
  for (const onnx::LargeData& data : large) {
    EXPECT_GE(data.size, least);
    EXPECT_LE(data.offset + data.size, bytes.size());
    model.mutable_graph()
        ->mutable_initializer(data.place)
        ->set_raw_data(bytes.substr(data.offset, data.size));
  }
  return model;
}

void ExpectSame(const std::string& bytes, size_t least) {
  const auto lean = ReadWithout(bytes, least);
  ModelProto whole;
  if (!lean) return;
  ASSERT_TRUE(whole.ParseFromString(bytes));
  EXPECT_EQ(lean->SerializeAsString(), whole.SerializeAsString());
}

/// A model y = x + w with `elements` numbers, w from 0 on.
ModelProto SumModel(int64_t elements) {
  ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  auto& graph = *model.mutable_graph();
  graph.set_name("net");
  const auto declare = [&](onnx::proto::ValueInfoProto& info, const char* name) {
    info.set_name(name);
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_value(elements);
  };
  declare(*graph.add_input(), "x");
  declare(*graph.add_output(), "y");
  auto& node = *graph.add_node();
  node.set_op_type("Add");
  node.add_input("x");
  node.add_input("w");
  node.add_output("y");
  TensorProto& tensor = *graph.add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.add_dims(elements);
  std::vector<float> values(elements);
  for (int64_t i = 0; i < elements; ++i) values[i] = static_cast<float>(i);
  tensor.set_raw_data(values.data(), values.size() * sizeof(float));
  return model;
}

TEST(LargeData, StaysInTheFile) {
  const std::string bytes = SumModel(100).SerializeAsString();
  ModelProto model;
  std::vector<onnx::LargeData> large;
  ASSERT_TRUE(onnx::ParseWithoutLargeData(bytes, 400, model, large));
  ASSERT_EQ(large.size(), 1U);
  EXPECT_EQ(large[0].size, 400U);
  EXPECT_EQ(model.graph().initializer(0).raw_data(), "");
  EXPECT_EQ(model.graph().initializer(0).name(), "w");
  ExpectSame(bytes, 400);
  large.clear();
  ASSERT_TRUE(onnx::ParseWithoutLargeData(bytes, 401, model, large));
  EXPECT_TRUE(large.empty());
}

TEST(LargeData, GivesWhatProtobufReads) {
  size_t read = 0;
  for (const OnnxCase& each : ReadCases(DESCENT_SOURCE_DIR "/tests/onnx/cases.bin.gz")) {
    ExpectSame(each.model, 4);
    read += ReadWithout(each.model, 4).has_value();
  }
  EXPECT_GT(read, 100U);
}

TEST(LargeData, DamagedFilesAreProtobufsAffair) {
  const google::protobuf::LogSilencer silence;
  const std::string model = SumModel(20).SerializeAsString();
  for (size_t size = 0; size < model.size(); ++size) ExpectSame(model.substr(0, size), 4);
  std::mt19937 generator(1);
  for (int flip = 0; flip < 5000; ++flip) {
    std::string damaged = model;
    for (int i = 0; i <= flip % 3; ++i)
      damaged[generator() % damaged.size()] = static_cast<char>(generator());
    ExpectSame(damaged, 4);
  }
  // A tensor with two raw_data.
  ModelProto twice = SumModel(20);
  std::string tensor = twice.graph().initializer(0).SerializeAsString();
  tensor += tensor;
  ModelProto other = twice;
  other.mutable_graph()->clear_initializer();
  std::string graph = other.graph().SerializeAsString();
  graph += '\x2a';
  graph += static_cast<char>(0x80 | (tensor.size() & 0x7f));
  graph += static_cast<char>(tensor.size() >> 7);
  graph += tensor;
  EXPECT_TRUE(ModelProto().mutable_graph()->ParseFromString(graph));
  ModelProto read;
  std::vector<onnx::LargeData> large;
  std::string bytes = "\x3a";
  bytes += static_cast<char>(0x80 | (graph.size() & 0x7f));
  bytes += static_cast<char>(graph.size() >> 7);
  bytes += graph;
  EXPECT_TRUE(ModelProto().ParseFromString(bytes));
  EXPECT_FALSE(onnx::ParseWithoutLargeData(bytes, 4, read, large));
}

/// A file in the folder of the test, which goes with it.
class LargeFile : public testing::Test {
 protected:
  LargeFile()
      : folder_(std::filesystem::temp_directory_path() / fmt::format("large_data_{}", getpid())) {
    std::filesystem::create_directory(folder_);
  }
  ~LargeFile() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& bytes) const {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

 private:
  std::filesystem::path folder_;
};

constexpr int64_t kElements = 1 << 15;  // 128 KiB

TEST_F(LargeFile, IsReadAsASmallOne) {
  const ModelProto file = SumModel(kElements);
  const auto mapped = onnx::ImportModel(Write("m.onnx", file.SerializeAsString()));
  ASSERT_TRUE(mapped) << mapped.error().ToString();
  const auto copied = onnx::ParseModel(file.SerializeAsString(), "m.onnx");
  EXPECT_EQ(*mapped->FindSlot("w")->initializer.data, *copied->FindSlot("w")->initializer.data);
  EXPECT_EQ(mapped->FindSlot("w")->initializer.data->GetDouble(kElements - 1), kElements - 1);
}

TEST_F(LargeFile, IsWrittenWhole) {
  ModelProto file = SumModel(kElements);
  // A large one that is no weight is in the form.
  TensorProto& other = *file.mutable_graph()->add_initializer();
  other = file.graph().initializer(0);
  other.set_name("unread");
  const std::string path = Write("m.onnx", file.SerializeAsString());
  const auto model = onnx::ImportModel(path);
  ASSERT_TRUE(model) << model.error().ToString();
  const auto form = onnx::FormOfFile(path, *model);
  ASSERT_TRUE(form) << form.error().ToString();
  const auto bytes = onnx::Complete(*form, {{"w", *model->FindSlot("w")->initializer.data}});
  ASSERT_TRUE(bytes) << bytes.error().ToString();
  ModelProto again;
  ASSERT_TRUE(again.ParseFromString(*bytes));
  for (const TensorProto& tensor : again.graph().initializer()) {
    EXPECT_EQ(tensor.raw_data(), file.graph().initializer(0).raw_data()) << tensor.name();
    EXPECT_EQ(tensor.file_bytes(), 0U);
  }
}

TEST_F(LargeFile, MustHaveAsManyNumbersAsItsShape) {
  ModelProto file = SumModel(kElements);
  file.mutable_graph()->mutable_initializer(0)->mutable_raw_data()->resize(4 * kElements - 4);
  const auto model = onnx::ImportModel(Write("m.onnx", file.SerializeAsString()));
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("has 131072 bytes, not 131068"), std::string::npos)
      << model.error().message;
}

/// Our own fields mean nothing in a file.
TEST_F(LargeFile, SaysNothingOfPlaces) {
  ModelProto file = SumModel(kElements);
  TensorProto& tensor = *file.mutable_graph()->mutable_initializer(0);
  tensor.clear_raw_data();
  tensor.set_file_offset(1);
  tensor.set_file_bytes(4 * kElements);
  file.set_doc_string(std::string(8 * kElements, 'x'));
  const auto model = onnx::ImportModel(Write("m.onnx", file.SerializeAsString()));
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("has 131072 bytes, not 0"), std::string::npos)
      << model.error().message;
}

TEST_F(LargeFile, MayLieBesideTheModel) {
  ModelProto file = SumModel(kElements);
  TensorProto& tensor = *file.mutable_graph()->mutable_initializer(0);
  Write("w.bin", "12345" + tensor.raw_data());
  tensor.clear_raw_data();
  tensor.set_data_location(TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair("location", "w.bin"), std::pair("offset", "5")}) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  const std::string path = Write("m.onnx", file.SerializeAsString());
  const auto model = onnx::ImportModel(path);
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(model->FindSlot("w")->initializer.data->GetDouble(kElements - 1), kElements - 1);
  Write("w.bin", "too short");
  const auto refused = onnx::ImportModel(path);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("'w.bin' has 9 bytes, too few for 131072 behind 5"),
            std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace descent::test
