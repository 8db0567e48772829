#include "frontends/onnx/static_value.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "ir/counts.h"
#include "ir/interpreter.h"
#include "ir/work.h"

namespace descent::onnx {

namespace {

/// Whether no element of the operand counts, only its first extent: what the importer expands to
/// the rows is known where the rest is.
bool IsRows(const Node& node, size_t operand) {
  static const OpDef* const expand_rows = FindOp("expand_rows");
  return node.op == expand_rows && operand == 1;
}

/// With that extent.
Tensor Rows(const TensorType& type) { return Tensor::Full({type.dtype, {type.shape[0]}}, 0); }

}  // namespace

Result<void> StaticValues::TakeWork(const Node& node) {
  std::vector<TensorType> operands;
  int64_t work = 0;
  for (size_t i = 0; i < node.operands.size(); ++i) {
    operands.push_back(builder_.type(node.operands[i]));
    if (!IsRows(node, i)) work = SaturatingAdd(work, operands.back().elements());
  }
  work = SaturatingAdd(work, InterpreterWork(*node.op, operands, node.attributes));
  if (work > *work_left_)
    return Error("needs {} computed at import, more work than {} elements are",
                 ToString(node.types[0]), kMaxStaticWork);
  *work_left_ -= work;
  return {};
}

Result<void> StaticValues::EvaluateNode(int32_t index) {
  const Node& node = builder_.node(Value{index, 0});
  const std::string& name = node.label.names.front();
  if (node.op->leaf == Leaf::kConstant) {
    known_.emplace(Value{index, 0}, node.attributes.Literal("value"));
    return {};
  }
  if (node.op->leaf == Leaf::kInput) {
    const std::optional<Tensor> value = input_(name);
    if (!value) return Error("depends on {}, which is not a constant", Quoted(name));
    known_.emplace(Value{index, 0}, *value);
    return {};
  }
  if (node.op->leaf == Leaf::kValidRows && rows_) {
    known_.emplace(Value{index, 0}, Tensor::FromInts({DType::kI64, {}}, std::vector{*rows_}));
    return {};
  }
  if (node.op->leaf != Leaf::kNone)
    return Error("depends on {}, which is not a constant", node.op->name);
  DESCENT_RETURN_IF_ERROR(TakeWork(node));
  GraphBuilder graph;
  std::vector<Value> operands;
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < node.operands.size(); ++i) {
    const Value operand = node.operands[i];
    inputs.push_back(IsRows(node, i) ? Rows(builder_.type(operand)) : known_.at(operand));
    operands.push_back(graph.Input(fmt::format("{}", inputs.size()), inputs.back().type()));
  }
  DESCENT_TRY(results, graph.Copy(node, std::move(operands)));
  for (size_t i = 0; i < results.size(); ++i) graph.Output(fmt::format("o{}", i), results[i]);
  DESCENT_TRY(run, Interpret(std::move(graph).Build(), inputs));
  for (size_t i = 0; i < run.outputs.size(); ++i)
    known_.emplace(Value{index, static_cast<int32_t>(i)}, std::move(run.outputs[i]));
  return {};
}

Result<Tensor> StaticValues::Evaluate(Value value) {
  // Operands precede their users, so ascending numbers are an order of evaluation.
  std::set<int32_t> needed;
  std::vector<Value> pending = {value};
  while (!pending.empty()) {
    const Value next = pending.back();
    pending.pop_back();
    if (known_.contains(next) || !needed.insert(next.node).second) continue;
    const Node& node = builder_.node(next);
    for (size_t i = 0; i < node.operands.size(); ++i)
      if (!IsRows(node, i)) pending.push_back(node.operands[i]);
  }
  for (const int32_t node : needed) DESCENT_RETURN_IF_ERROR(EvaluateNode(node));
  return known_.at(value);
}

std::vector<int> StaticValues::RowElements(Value value) {
  if (!rows_) return {};
  if (one_more_ == nullptr) {
    one_more_ = std::make_unique<StaticValues>(builder_, input_, rely_, *this);
    one_more_->SetRows(*rows_ + 1);
  }
  const auto now = Evaluate(value), then = one_more_->Evaluate(value);
  if (!now || !then || now->type() != then->type() || Info(now->dtype()).is_float) return {};
  std::vector<int> places;
  for (int i = 0; i < static_cast<int>(now->elements()); ++i)
    if (now->GetInt(i) == *rows_ && then->GetInt(i) == *rows_ + 1) places.push_back(i);
  return places;
}

/// Those that the value is computed of, itself included, which `done` does not hold.
std::set<int32_t> StaticValues::NodesBehind(Value value, const std::set<int32_t>& done) const {
  std::set<int32_t> nodes;
  std::vector<Value> pending = {value};
  while (!pending.empty()) {
    const int32_t next = pending.back().node;
    pending.pop_back();
    if (done.contains(next) || !nodes.insert(next).second) continue;
    for (const Value operand : builder_.node({next, 0}).operands) pending.push_back(operand);
  }
  return nodes;
}

void StaticValues::RelyOn(Value value) {
  const std::set<int32_t> nodes = NodesBehind(value, relied_on_);
  relied_on_.insert(nodes.begin(), nodes.end());
  for (const int32_t index : nodes) {
    const Node& node = builder_.node({index, 0});
    if (node.op->leaf == Leaf::kInput) rely_(node.label.names.front());
  }
}

bool StaticValues::IsVarying(Leaf leaf) const {
  return leaf != Leaf::kNone && leaf != Leaf::kConstant && !(leaf == Leaf::kValidRows && rows_);
}

bool StaticValues::IsConstant(Value value) {
  for (const int32_t index : NodesBehind(value, judged_)) {
    const Node& node = builder_.node({index, 0});
    const bool varies =
        IsVarying(node.op->leaf) ||
        std::ranges::any_of(node.operands, [&](Value x) { return varying_.contains(x.node); });
    judged_.insert(index);
    if (varies) varying_.insert(index);
  }
  return !varying_.contains(value.node);
}

}  // namespace descent::onnx
