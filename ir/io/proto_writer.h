// Models to messages of ir/graph.proto. Only files whose names speak of proto include this.
#pragma once

#include "graph.pb.h"
#include "ir/io/model_proto.h"
#include "ir/io/text_syntax.h"
#include "ir/model.h"

namespace descent {

class ProtoWriter {
 public:
  explicit ProtoWriter(ProtoContent content) : all_(content == ProtoContent::kAll) {}

  void Write(const Model& model, proto::Model& out) const;

 private:
  template <typename From, typename To>
  void Comments(const From& from, To& to) const {
    if (!all_) return;
    to.set_comment(from.comment);
    to.set_trailing(from.trailing);
  }

  static void Write(const TensorType& type, proto::TensorType& out);
  static void Write(const Tensor& tensor, proto::Tensor& out);
  void Write(const Attribute& attribute, proto::Attribute& out) const;
  template <typename Repeated>
  void Write(const Attributes& attributes, Repeated& out) const {
    for (const auto& [name, value] : attributes) {
      proto::Attribute& entry = *out.Add();
      entry.set_name(name);
      Write(value, entry);
    }
  }
  void Write(const Node& node, const StatementOrder& order, proto::Node& out) const;
  void Write(const Graph& graph, proto::Graph& out) const;
  void Write(const InputBinding& input, proto::InputBinding& out) const;
  void Write(const Slot& slot, proto::Slot& out) const;
  void Write(const Metric& metric, proto::Metric& out) const;
  void Write(const Update& update, proto::Update& out) const;

  bool all_;
};

}  // namespace descent
