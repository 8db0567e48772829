// Messages of ir/graph.proto to models. Only files whose names speak of proto include this.
#pragma once

#include <string>
#include <vector>

#include "graph.pb.h"
#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

class ProtoReader {
 public:
  Result<Model> Read(const proto::Model& in);

 private:
  Result<TensorType> Read(const proto::TensorType& in);
  Result<Tensor> Read(const proto::Tensor& in);
  Result<Attribute> Read(const proto::Attribute& in);
  template <typename Repeated>
  Result<Attributes> ReadAttributes(const Repeated& in);
  Result<Attributes> ReadHyperparameters(
      const google::protobuf::RepeatedPtrField<proto::Attribute>& in);
  Result<Graph> Read(const proto::Graph& in);
  Result<Label> ReadLabel(const proto::Node& in);
  Result<void> Inputs(const proto::Graph& in, GraphBuilder& builder);
  Result<std::vector<Value>> ReadNode(const proto::Node& in, GraphBuilder& builder);
  Result<Value> Find(const proto::Value& in);
  Result<InputBinding> Read(const proto::InputBinding& in);
  Result<Slot> Read(const proto::Slot& in);
  Result<Initializer> Read(const proto::Initializer& in);
  Result<Metric> Read(const proto::Metric& in);
  Result<Update> Read(const proto::Update& in);
  Result<void> Lists(const proto::Model& in, Model& model);

  int depth_ = 0;
  int64_t nodes_ = 0;
  std::vector<std::vector<Value>> values_;  ///< of the graph being read, by the file's node numbers
};

}  // namespace descent
