#include "frontends/onnx/class_names.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace descent::onnx {
namespace {

using proto::AttributeProto;
using proto::GraphProto;
using proto::NodeProto;
using proto::TensorProto;

constexpr std::string_view kMl = "ai.onnx.ml";
constexpr const char* kWords = "values_strings";
constexpr const char* kOtherwise = "default_string";

/// Whether the node's result 0 has only elements of operand 0, and no other operand is text.
bool OnlyMoves(const NodeProto& node) {
  constexpr std::string_view kMovers[] = {"Flatten", "Gather",  "Identity",
                                          "Reshape", "Squeeze", "Unsqueeze"};
  if (node.domain() == kMl) return node.op_type() == "ArrayFeatureExtractor";
  return (node.domain().empty() || node.domain() == "ai.onnx") &&
         std::ranges::find(kMovers, node.op_type()) != std::end(kMovers);
}

const AttributeProto* Find(const NodeProto& node, std::string_view name) {
  const auto place = std::ranges::find(node.attribute(), name, &AttributeProto::name);
  return place == node.attribute().end() ? nullptr : &*place;
}

bool GivesNames(const NodeProto& node) {
  return node.domain() == kMl && node.op_type() == "LabelEncoder" && Find(node, kWords) != nullptr;
}

/// The numbers of words as they appear; equal ones have one number.
class Numbers {
 public:
  int64_t Of(const std::string& word) {
    return numbers_.try_emplace(word, static_cast<int64_t>(numbers_.size())).first->second;
  }

 private:
  std::map<std::string, int64_t, std::less<>> numbers_;
};

class NameFinder {
 public:
  /// Texts by the name of the list that they come from: of the initializer, or the encoder's
  /// result.
  explicit NameFinder(const GraphProto& graph) {
    for (const TensorProto& tensor : graph.initializer())
      if (tensor.data_type() == TensorProto::STRING) lists_[tensor.name()] = tensor.name();
    for (const NodeProto& node : graph.node()) Visit(node);
  }

  bool OnlyNames(const std::string& list) const { return !read_.contains(list); }
  /// Whether the value is a name of such a list.
  bool IsName(const std::string& value) const {
    const auto list = lists_.find(value);
    return list != lists_.end() && OnlyNames(list->second);
  }

 private:
  void Visit(const NodeProto& node) {
    for (int i = 0; i < node.input_size(); ++i) {
      const auto text = lists_.find(node.input(i));
      if (text == lists_.end()) continue;
      if (i == 0 && OnlyMoves(node) && node.output_size() == 1) {
        lists_.emplace(node.output(0), text->second);
      } else {
        read_.insert(text->second);
      }
    }
    if (GivesNames(node) && node.output_size() == 1) lists_.emplace(node.output(0), node.output(0));
    for (const AttributeProto& attribute : node.attribute())
      if (attribute.has_g()) VisitBody(attribute.g());
  }

  /// What a graph in the graph names may be text from outside.
  void VisitBody(const GraphProto& body) {
    for (const NodeProto& node : body.node()) {
      for (const std::string& name : node.input()) Read(name);
      for (const AttributeProto& attribute : node.attribute())
        if (attribute.has_g()) VisitBody(attribute.g());
    }
    for (const auto& output : body.output()) Read(output.name());
  }

  void Read(const std::string& name) {
    if (const auto text = lists_.find(name); text != lists_.end()) read_.insert(text->second);
  }

  std::map<std::string, std::string, std::less<>> lists_;
  std::set<std::string, std::less<>> read_;
};

using Infos = google::protobuf::RepeatedPtrField<proto::ValueInfoProto>;

/// The names that are declared as text are numbers.
void Redeclare(const NameFinder& names, Infos& infos) {
  for (proto::ValueInfoProto& info : infos)
    if (names.IsName(info.name()) && info.type().tensor_type().elem_type() == TensorProto::STRING)
      info.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::INT64);
}

void Number(TensorProto& tensor) {
  Numbers numbers;
  tensor.set_data_type(TensorProto::INT64);
  for (const std::string& word : tensor.string_data()) tensor.add_int64_data(numbers.Of(word));
  tensor.clear_string_data();
}

/// The default's number is that of its word, or the next one.
void Number(NodeProto& node) {
  Numbers numbers;
  std::string otherwise = "_Unused";
  auto& attributes = *node.mutable_attribute();
  for (int i = attributes.size() - 1; i >= 0; --i) {
    if (attributes[i].name() == kOtherwise) otherwise = attributes[i].s();
    if (attributes[i].name() == kOtherwise || attributes[i].name() == "default_int64")
      attributes.DeleteSubrange(i, 1);
  }
  for (AttributeProto& attribute : attributes) {
    if (attribute.name() != kWords) continue;
    attribute.set_name("values_int64s");
    attribute.set_type(AttributeProto::INTS);
    for (const std::string& word : attribute.strings()) attribute.add_ints(numbers.Of(word));
    attribute.clear_strings();
  }
  AttributeProto& number = *attributes.Add();
  number.set_name("default_int64");
  number.set_type(AttributeProto::INT);
  number.set_i(numbers.Of(otherwise));
}

}  // namespace

void NumberClassNames(proto::ModelProto& model) {
  GraphProto& graph = *model.mutable_graph();
  const NameFinder names(graph);
  for (TensorProto& tensor : *graph.mutable_initializer())
    if (tensor.data_type() == TensorProto::STRING && names.OnlyNames(tensor.name())) Number(tensor);
  for (NodeProto& node : *graph.mutable_node())
    if (GivesNames(node) && node.output_size() == 1 && names.OnlyNames(node.output(0)))
      Number(node);
  Redeclare(names, *graph.mutable_input());
  Redeclare(names, *graph.mutable_output());
  Redeclare(names, *graph.mutable_value_info());
}

}  // namespace descent::onnx
