#include "tests/compiler/oracle/error_bounds.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>

#include "ir/diagnostic.h"
#include "ir/expansion.h"
#include "ir/float16.h"
#include "ir/op_def.h"

namespace descent {
namespace {

using BoundedRef = std::shared_ptr<const BoundedArray>;

/// A sum so far: terms may be added in any order and grouping.
struct OpenSum {
  double value = 0, error = 0, magnitude = 0;
  bool negative = false;  ///< a term may be
  int64_t terms = 0;
};

/// What `step` adds to accumulator `slot`, or null where it does something else.
Scalar AddedTerm(const Scalar& step, int slot) {
  if (step->kind != ScalarKind::kCall || step->op != ScalarOp::kAdd) return nullptr;
  if (!Info(step->dtype).is_float) return nullptr;
  const auto is_state = [&](const Scalar& scalar) {
    return scalar->kind == ScalarKind::kAccumulator && scalar->slot == slot;
  };
  if (is_state(step->arguments[0])) return step->arguments[1];
  return is_state(step->arguments[1]) ? step->arguments[0] : nullptr;
}

/// Evaluates one TensorExpr.
class ExprBounds {
 public:
  ExprBounds(const TensorExpr& expr, std::span<const BoundedRef> operands, Precision precision,
             BadRead bad_read, int64_t& identities)
      : expr_(expr),
        operands_(operands),
        precision_(precision),
        bad_read_(bad_read),
        identities_(identities) {}

  std::vector<BoundedRef> Run(std::span<const TensorType> results) {
    std::vector<std::shared_ptr<BoundedArray>> arrays;
    for (const TensorType& type : results)
      arrays.push_back(std::make_shared<BoundedArray>(
          BoundedArray{type, std::vector<Bounded>(type.elements())}));
    point_.assign(expr_.axes.size(), 0);
    for (int64_t position = 0; position < results[0].elements(); ++position) {
      if (expr_.reducer) Reduce();
      NewPoint();
      for (size_t i = 0; i < arrays.size(); ++i)
        arrays[i]->cells[position] = Stored(Evaluate(*expr_.results[i]), results[i].dtype);
      Advance(0, expr_.rank);
    }
    return {arrays.begin(), arrays.end()};
  }

 private:
  /// The type that arithmetic in `dtype` is done in.
  DType Computed(DType dtype) const {
    return precision_ == Precision::kExact && Info(dtype).is_float ? DType::kF64 : dtype;
  }

  Bounded Stored(Bounded value, DType dtype) {
    if (!Info(dtype).is_float || value.undecided) return value;
    if (value.identity == 0) {
      // What is exact and one of the type's numbers, as whole numbers are, is not rounded.
      if (value.error != 0 || RoundToFloat(dtype, value.value) != value.value)
        value = Rounded(value, Computed(dtype));
      value.identity = ++identities_;
    }
    return value;
  }

  void NewPoint() {
    known_.clear();
    reads_.assign(expr_.reads.size(), std::nullopt);
  }

  bool Advance(int first, int last) {
    for (int axis = last; axis-- > first;) {
      if (++point_[axis] < expr_.axes[axis]) return true;
      point_[axis] = 0;
    }
    return false;
  }

  void Reduce() {
    const Reducer& reducer = *expr_.reducer;
    const size_t states = reducer.step.size();
    std::vector<Scalar> terms;
    std::vector<OpenSum> sums(states);
    state_.clear();
    NewPoint();
    for (size_t i = 0; i < states; ++i) {
      terms.push_back(AddedTerm(reducer.step[i], static_cast<int>(i)));
      state_.push_back(Evaluate(*reducer.init[i]));
    }
    const int axes = static_cast<int>(expr_.axes.size());
    if (std::count(expr_.axes.begin() + expr_.rank, expr_.axes.end(), 0) > 0) return;
    bool undecided_sum = false;
    do {
      NewPoint();
      std::vector<Bounded> next = state_;
      for (size_t i = 0; i < states; ++i) {
        const Bounded value = Evaluate(terms[i] ? *terms[i] : *reducer.step[i]);
        if (!terms[i]) {
          next[i] = value;
          continue;
        }
        undecided_sum |= value.undecided;
        sums[i].value += value.value;
        sums[i].error += value.error;
        sums[i].magnitude += std::abs(value.value) + value.error;
        sums[i].negative |= !(value.least >= 0);
        ++sums[i].terms;
      }
      state_ = std::move(next);
    } while (Advance(expr_.rank, axes));
    for (size_t i = 0; i < states; ++i)
      if (terms[i])
        state_[i] = Closed(sums[i], state_[i], Computed(reducer.step[i]->dtype), undecided_sum);
  }

  /// n terms take n - 1 additions, and one more for each chunk that starts from the initial value:
  /// fewer than n again.
  static Bounded Closed(const OpenSum& sum, const Bounded& init, DType dtype, bool undecided) {
    if (undecided) return {.undecided = true};
    dtype = ArithmeticType(dtype);
    const double rounding =
        2 * static_cast<double>(sum.terms) * UnitRoundoff(dtype) * sum.magnitude;
    const double least = sum.negative ? -std::numeric_limits<double>::infinity() : init.least;
    return Rounded({.value = init.value + sum.value, .error = sum.error + rounding, .least = least},
                   dtype);
  }

  int64_t At(const Index& index, bool& undecided) {
    return descent::Evaluate(index, point_, [&](int read) {
      const Bounded value = Read(read);
      undecided |= value.undecided;
      return value.integer;
    });
  }

  Bounded Read(int number) {
    if (reads_[number]) return *reads_[number];
    const Bounded value = ReadNew(expr_.reads[number]);
    reads_[number] = value;
    return value;
  }

  Bounded ReadNew(const descent::Read& read) {
    const BoundedArray& source = *operands_[read.operand];
    bool undecided = false;
    for (const Guard& guard : read.guards) {
      const int64_t value = At(guard.index, undecided);
      if (value < 0 || value >= guard.extent) return Constant(*read.outside, source.type.dtype);
    }
    int64_t offset = 0;
    for (size_t i = 0; i < source.type.shape.size(); ++i) {
      const int64_t value = At(read.coordinates[i], undecided), extent = source.type.shape[i];
      if (undecided) return {.undecided = true};
      if (value < 0 || value >= extent)
        return bad_read_ == BadRead::kZero ? ExactNumber(source.type.dtype, 0, 0)
                                           : Bounded{.undecided = true};
      offset = offset * extent + value;
    }
    return source.cells[offset];
  }

  Bounded Evaluate(const ScalarNode& node) {
    if (const auto known = known_.find(&node); known != known_.end()) return known->second;
    const Bounded value = EvaluateNew(node);
    known_.emplace(&node, value);
    return value;
  }

  /// As a value of `dtype`, to which it may have to be rounded.
  static Bounded Constant(const ScalarNode& node, DType dtype) {
    const Bounded exact = ExactNumber(node.dtype, node.number, node.integer);
    const bool rounds = Info(dtype).is_float && std::isfinite(node.number) &&
                        RoundToFloat(dtype, node.number) != node.number;
    return rounds ? Rounded(exact, dtype) : exact;
  }

  Bounded EvaluateNew(const ScalarNode& node) {
    bool undecided = false;
    switch (node.kind) {
      case ScalarKind::kConstant: {
        return Constant(node, Computed(ArithmeticType(node.dtype)));
      }
      case ScalarKind::kIndex: {
        const int64_t value = At(node.index, undecided);
        return {.integer = value, .undecided = undecided};
      }
      case ScalarKind::kRead:
        return Read(node.slot);
      case ScalarKind::kAccumulator:
        return state_[node.slot];
      case ScalarKind::kCall:
        break;
      case ScalarKind::kOther:
        InternalError(__FILE__, __LINE__, "combine is not evaluated");
    }
    std::vector<Bounded> arguments;
    for (const Scalar& argument : node.arguments) arguments.push_back(Evaluate(*argument));
    const DType dtype = node.arguments[node.op == ScalarOp::kSelect ? 1 : 0]->dtype;
    if (node.op == ScalarOp::kCast)
      return ApplyCast(Computed(dtype), Computed(node.dtype), arguments[0]);
    Bounded value = Apply(node.op, Computed(dtype), arguments);
    if (!Info(node.dtype).is_float) value.integer = WrapInteger(node.dtype, value.integer);
    return value;
  }

  const TensorExpr& expr_;
  std::span<const BoundedRef> operands_;
  const Precision precision_;
  const BadRead bad_read_;
  int64_t& identities_;
  std::vector<int64_t> point_;
  std::vector<Bounded> state_;
  std::vector<std::optional<Bounded>> reads_;
  std::unordered_map<const ScalarNode*, Bounded> known_;
};

class GraphBounds {
 public:
  GraphBounds(Precision precision, const Graph* source, BadRead bad_read)
      : precision_(precision), bad_read_(bad_read) {
    if (source != nullptr) AddConstants(*source, source_constants_.emplace());
  }

  std::vector<BoundedRef> Run(const Graph& graph, std::span<const BoundedRef> inputs,
                              const RunValues& values) {
    std::vector<std::vector<BoundedRef>> results(graph.nodes().size());
    for (size_t i = 0; i < inputs.size(); ++i) results[graph.inputs()[i].value.node] = {inputs[i]};
    for (size_t number = 0; number < results.size(); ++number) {
      const Node& node = graph.nodes()[number];
      if (!results[number].empty()) continue;
      std::vector<BoundedRef> operands;
      for (const Value operand : node.operands)
        operands.push_back(results[operand.node][operand.result]);
      results[number] = RunNode(node, operands, values);
    }
    std::vector<BoundedRef> outputs;
    for (const NamedValue& output : graph.outputs())
      outputs.push_back(results[output.value.node][output.value.result]);
    return outputs;
  }

  /// `type` is the graph's; the tensor of a float may be f64 whatever that is.
  BoundedRef FromTensor(const Tensor& tensor, const TensorType& type) {
    auto array = std::make_shared<BoundedArray>(BoundedArray{type, {}});
    for (int64_t i = 0; i < tensor.elements(); ++i) {
      const bool is_float = Info(tensor.dtype()).is_float;
      Bounded cell = ExactNumber(tensor.dtype(), is_float ? tensor.GetDouble(i) : 0,
                                 is_float ? 0 : tensor.GetInt(i));
      if (is_float) cell.identity = ++identities_;
      array->cells.push_back(cell);
    }
    return array;
  }

 private:
  std::vector<BoundedRef> RunNode(const Node& node, std::span<const BoundedRef> operands,
                                  const RunValues& values) {
    if (node.op->leaf != Leaf::kNone) return {RunLeaf(node, values)};
    std::vector<TensorType> types;
    for (const BoundedRef& operand : operands) types.push_back(operand->type);
    if (node.op->control == Control::kLoop)
      return RunLoop(node, node.op->loop({types, node.attributes}), operands, values);
    if (node.op->control == Control::kBranch) return RunBranch(node, operands, values);
    const OpContext context{types, node.attributes};
    if (node.op->define != nullptr)
      return ExprBounds(node.op->define(context), operands, precision_, bad_read_, identities_)
          .Run(node.types);
    DESCENT_CHECK(node.op->expand != nullptr, "no bounds for this kind of control operator");
    GraphBuilder b;
    std::vector<Value> inputs;
    for (const TensorType& type : types)
      inputs.push_back(b.Input(fmt::format("x{}", inputs.size()), type));
    for (const Value result : ExpandOperator(b, *node.op, context, inputs)) b.Output("", result);
    return Run(std::move(b).Build(), operands, values);
  }

  /// Leaves other than inputs, by the interpreter.
  BoundedRef RunLeaf(const Node& node, const RunValues& values) {
    GraphBuilder b;
    const auto copy = b.Copy(node, {});
    DESCENT_CHECK(copy.has_value(), "a leaf can be copied");
    b.Output("leaf", (*copy)[0]);
    BoundedRef value = FromTensor(
        Interpret(std::move(b).Build(), {}, values, precision_)->outputs[0], node.types[0]);
    return IsRounded(node) ? OnceRounded(*value) : value;
  }

  static void AddConstants(const Graph& graph, std::vector<Tensor>& constants) {
    for (const Node& node : graph.nodes())
      for (const auto& [name, value] : node.attributes) {
        if (const auto* tensor = std::get_if<Tensor>(&value)) constants.push_back(*tensor);
        if (const auto* body = std::get_if<std::shared_ptr<const Graph>>(&value))
          AddConstants(**body, constants);
      }
  }

  /// Is it a number that the pass has made?
  bool IsRounded(const Node& node) const {
    return source_constants_ && node.op->leaf == Leaf::kConstant &&
           Info(node.types[0].dtype).is_float &&
           std::ranges::find(*source_constants_, node.attributes.Literal("value")) ==
               source_constants_->end();
  }

  static BoundedRef OnceRounded(const BoundedArray& array) {
    auto rounded = std::make_shared<BoundedArray>(array);
    for (Bounded& cell : rounded->cells) cell = Rounded(cell, array.type.dtype);
    return rounded;
  }

  std::vector<BoundedRef> RunBranch(const Node& node, std::span<const BoundedRef> operands,
                                    const RunValues& values) {
    const Bounded& condition = operands[0]->cells[0];
    if (!condition.undecided)
      return Run(node.attributes.Body(condition.integer != 0 ? "then_body" : "else_body"),
                 operands.subspan(1), values);
    std::vector<BoundedRef> results;
    for (const TensorType& type : node.types)
      results.push_back(std::make_shared<BoundedArray>(
          BoundedArray{type, std::vector<Bounded>(type.elements(), Bounded{.undecided = true})}));
    return results;
  }

  std::vector<BoundedRef> RunLoop(const Node& node, const LoopForm& form,
                                  std::span<const BoundedRef> operands, const RunValues& values) {
    const Graph& body = node.attributes.Body("body");
    std::vector<std::shared_ptr<BoundedArray>> filled;  // stacked results, then histories
    for (size_t i = form.carried; i < node.types.size(); ++i)
      filled.push_back(std::make_shared<BoundedArray>(
          BoundedArray{node.types[i], std::vector<Bounded>(node.types[i].elements())}));
    std::vector<BoundedRef> carried(operands.begin(), operands.begin() + form.carried);
    for (int64_t t = 0; t < form.trip_count; ++t) {
      const int64_t slice = form.Slice(t);
      std::vector<BoundedRef> inputs = carried;
      for (int i = form.carried; i < static_cast<int>(operands.size()); ++i)
        inputs.push_back(i < form.carried + form.sliced ? SliceOf(*operands[i], slice)
                                                        : operands[i]);
      RunValues inner = values;
      inner.loop_step = form.LoopStep(slice, values.loop_step);
      const std::vector<BoundedRef> outputs = Run(body, inputs, inner);
      for (size_t i = 0; i < filled.size(); ++i) {
        const auto& part = static_cast<int>(i) < form.stacked ? outputs[form.carried + i]
                                                              : carried[i - form.stacked];
        std::ranges::copy(part->cells, filled[i]->cells.begin() +
                                           slice * static_cast<int64_t>(part->cells.size()));
      }
      carried.assign(outputs.begin(), outputs.begin() + form.carried);
    }
    carried.insert(carried.end(), filled.begin(), filled.end());
    return carried;
  }

  static BoundedRef SliceOf(const BoundedArray& whole, int64_t slice) {
    TensorType type = whole.type;
    type.shape.erase(type.shape.begin());
    const auto first = whole.cells.begin() + slice * type.elements();
    return std::make_shared<BoundedArray>(BoundedArray{type, {first, first + type.elements()}});
  }

  const Precision precision_;
  const BadRead bad_read_;
  std::optional<std::vector<Tensor>> source_constants_;
  int64_t identities_ = 0;
};

}  // namespace

std::vector<BoundedArray> BoundErrors(const Graph& graph, std::span<const Tensor> inputs,
                                      const RunValues& values, Precision precision,
                                      const Graph* source, BadRead bad_read) {
  GraphBounds bounds(precision, source, bad_read);
  std::vector<BoundedRef> arrays;
  for (size_t i = 0; i < inputs.size(); ++i)
    arrays.push_back(bounds.FromTensor(inputs[i], graph.type(graph.inputs()[i].value)));
  std::vector<BoundedArray> outputs;
  for (const BoundedRef& output : bounds.Run(graph, arrays, values)) outputs.push_back(*output);
  return outputs;
}

}  // namespace descent
