#include "ir/interpreter.h"

#include <algorithm>

#include "ir/expansion.h"

namespace descent {
namespace {

ArrayRef ToArray(const Tensor& tensor, DType dtype) {
  auto array = std::make_shared<Array>();
  array->type = {dtype, tensor.shape()};
  array->cells.reserve(tensor.elements());
  for (int64_t i = 0; i < tensor.elements(); ++i)
    array->cells.push_back(Info(dtype).is_float ? NumberCell(tensor.GetDouble(i))
                                                : IntegerCell(tensor.GetInt(i)));
  return array;
}

Tensor ToTensor(const Array& array, Precision precision) {
  const bool is_float = Info(array.type.dtype).is_float;
  TensorType type = array.type;
  if (is_float && precision == Precision::kExact) type.dtype = DType::kF64;
  std::vector<std::byte> data(type.bytes());
  for (size_t i = 0; i < array.cells.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    if (is_float) {
      StoreDouble(type.dtype, data.data(), index, array.cells[i].number);
    } else {
      StoreInt(type.dtype, data.data(), index, array.cells[i].integer);
    }
  }
  return Tensor(std::move(type), std::move(data));
}

ArrayRef ScalarArray(DType dtype, Cell cell) {
  return std::make_shared<Array>(TensorType{dtype, {}}, std::vector<Cell>{cell});
}

/// Slice `index` of the first axis.
ArrayRef SliceOf(const Array& array, int64_t index) {
  TensorType type{array.type.dtype, {array.type.shape.begin() + 1, array.type.shape.end()}};
  const int64_t size = type.elements();
  const auto first = array.cells.begin() + index * size;
  return std::make_shared<Array>(std::move(type), std::vector<Cell>(first, first + size));
}

class Interpreter {
 public:
  Interpreter(Precision precision, TraceHook trace)
      : precision_(precision), trace_(std::move(trace)) {}

  std::vector<ArrayRef> Run(const Graph& graph, std::span<const ArrayRef> inputs,
                            const RunValues& values, bool traced) {
    std::vector<std::vector<ArrayRef>> results(graph.nodes().size());
    for (size_t i = 0; i < inputs.size(); ++i) results[graph.inputs()[i].value.node] = {inputs[i]};
    for (size_t number = 0; number < results.size(); ++number) {
      const Node& node = graph.nodes()[number];
      std::vector<ArrayRef> operands;
      for (const Value operand : node.operands)
        operands.push_back(results[operand.node][operand.result]);
      if (results[number].empty()) results[number] = RunNode(node, operands, values);
      if (traced) Trace(node, results[number]);
    }
    std::vector<ArrayRef> outputs;
    for (const NamedValue& output : graph.outputs())
      outputs.push_back(results[output.value.node][output.value.result]);
    return outputs;
  }

  const Reports& reports() const { return reports_; }

 private:
  void Trace(const Node& node, const std::vector<ArrayRef>& results) {
    for (size_t i = 0; i < node.label.names.size(); ++i)
      if (!node.label.names[i].empty())
        trace_(node.label.names[i], ToTensor(*results[i], precision_));
  }

  std::vector<ArrayRef> RunNode(const Node& node, std::span<const ArrayRef> operands,
                                const RunValues& values) {
    const OpDef& op = *node.op;
    if (op.leaf != Leaf::kNone) return {RunLeaf(node, values)};
    if (op.control == Control::kLoop) return RunLoop(node, operands, values);
    if (op.control == Control::kBranch)
      return Run(node.attributes.Body(operands[0]->cells[0].integer ? "then_body" : "else_body"),
                 operands.subspan(1), values, false);
    std::vector<TensorType> types;
    for (const ArrayRef& operand : operands) types.push_back(operand->type);
    const OpContext context{types, node.attributes};
    if (op.define != nullptr)
      return Evaluate(op.define(context), operands, node.types, precision_, reports_);
    GraphBuilder b;
    std::vector<Value> inputs;
    for (const TensorType& type : types)
      inputs.push_back(b.Input(fmt::format("x{}", inputs.size()), type));
    for (const Value result : ExpandOperator(b, op, context, inputs)) b.Output("", result);
    return Run(std::move(b).Build(), operands, values, false);
  }

  ArrayRef RunLeaf(const Node& node, const RunValues& values) {
    const DType dtype = node.types[0].dtype;
    switch (node.op->leaf) {
      case Leaf::kConstant:
        return ToArray(node.attributes.Literal("value"), dtype);
      case Leaf::kSeed:
        return ScalarArray(dtype, IntegerCell(values.seed));
      case Leaf::kStep:
        return ScalarArray(dtype, IntegerCell(values.step));
      case Leaf::kLoopStep:
        return ScalarArray(dtype, IntegerCell(values.loop_step));
      case Leaf::kValidRows:
        return ScalarArray(dtype, IntegerCell(values.valid_rows));
      case Leaf::kLearningRate:
        return ScalarArray(dtype, NumberCell(values.learning_rate));
      case Leaf::kInput:
      case Leaf::kNone:
        break;
    }
    InternalError(__FILE__, __LINE__, "leaf without a value");
  }

  std::vector<ArrayRef> RunLoop(const Node& node, std::span<const ArrayRef> operands,
                                const RunValues& values) {
    std::vector<TensorType> types;
    for (const ArrayRef& operand : operands) types.push_back(operand->type);
    const LoopForm form = node.op->loop({types, node.attributes});
    const Graph& body = node.attributes.Body("body");
    // What iterations append to: stacked results, then histories.
    std::vector<std::shared_ptr<Array>> filled;
    for (size_t i = form.carried; i < node.types.size(); ++i)
      filled.push_back(
          std::make_shared<Array>(node.types[i], std::vector<Cell>(node.types[i].elements())));
    std::vector<ArrayRef> carried(operands.begin(), operands.begin() + form.carried);
    for (int64_t t = 0; t < form.trip_count; ++t) {
      const int64_t slice = form.Slice(t);
      std::vector<ArrayRef> inputs = carried;
      for (int i = form.carried; i < static_cast<int>(operands.size()); ++i)
        inputs.push_back(i < form.carried + form.sliced ? SliceOf(*operands[i], slice)
                                                        : operands[i]);
      RunValues inner = values;
      inner.loop_step = form.LoopStep(slice, values.loop_step);
      const std::vector<ArrayRef> outputs = Run(body, inputs, inner, false);
      for (size_t i = 0; i < filled.size(); ++i) {
        const ArrayRef& part = static_cast<int>(i) < form.stacked ? outputs[form.carried + i]
                                                                  : carried[i - form.stacked];
        std::ranges::copy(part->cells, filled[i]->cells.begin() +
                                           slice * static_cast<int64_t>(part->cells.size()));
      }
      carried.assign(outputs.begin(), outputs.begin() + form.carried);
    }
    carried.insert(carried.end(), filled.begin(), filled.end());
    return carried;
  }

  const Precision precision_;
  const TraceHook trace_;
  Reports reports_;
};

}  // namespace

Result<Interpretation> Interpret(const Graph& graph, std::span<const Tensor> inputs,
                                 const RunValues& values, Precision precision,
                                 const TraceHook& trace) {
  if (inputs.size() != graph.inputs().size())
    return Error("the graph takes {} inputs, not {}", graph.inputs().size(), inputs.size());
  std::vector<ArrayRef> arrays;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& [name, value] = graph.inputs()[i];
    const TensorType& expected = graph.type(value);
    TensorType given = inputs[i].type();
    if (precision == Precision::kExact && Info(expected.dtype).is_float &&
        given.dtype == DType::kF64)
      given.dtype = expected.dtype;
    if (given != expected)
      return Error("input {} must be {}, not {}", Quoted(name), ToString(expected),
                   ToString(inputs[i].type()));
    arrays.push_back(ToArray(inputs[i], expected.dtype));
  }
  Interpreter interpreter(precision, trace);
  Interpretation run;
  for (const ArrayRef& output : interpreter.Run(graph, arrays, values, static_cast<bool>(trace)))
    run.outputs.push_back(ToTensor(*output, precision));
  run.bad_index = interpreter.reports().bad_index;
  run.not_finite = interpreter.reports().not_finite;
  return run;
}

}  // namespace descent
