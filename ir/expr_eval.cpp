#include "ir/expr_eval.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "ir/diagnostic.h"
#include "ir/float16.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// An index expression, as coefficients where it is affine.
struct FlatIndex {
  Index tree;
  std::optional<AffineIndex> affine;
  bool from_data = false;
};

FlatIndex Compiled(const Index& index, int axis_count) {
  return {index, AsAffine(index, axis_count), UsesData(index)};
}

struct FlatGuard {
  FlatIndex index;
  int64_t extent;
};

/// One step of a program; its value goes to the register of its own number.
struct Instruction {
  ScalarKind kind;
  ScalarOp op = ScalarOp::kAdd;
  DType dtype;           ///< of the value
  DType argument_dtype;  ///< of the arguments (calls)
  std::vector<int> arguments;
  int slot = 0;
  Cell constant = {};
  FlatIndex index;
  // Reads.
  const Array* source = nullptr;
  std::vector<FlatIndex> coordinates;
  std::vector<FlatGuard> guards;
};

/// Some scalars of an expression as straight code over registers.
class Program {
 public:
  Program(const TensorExpr& expr, std::span<const ArrayRef> operands, Precision precision)
      : expr_(expr), operands_(operands), precision_(precision) {}

  void Add(const Scalar& root) { outputs_.push_back(Compile(root)); }

  /// Runs at a point; afterwards output(i) is the value of the i-th added scalar.
  void Run(std::span<const int64_t> point, std::span<const Cell> accumulators, Reports& reports) {
    registers_.resize(code_.size());
    for (size_t i = 0; i < code_.size(); ++i)
      registers_[i] = Execute(code_[i], point, accumulators, reports);
  }
  Cell output(size_t i) const { return registers_[outputs_[i]]; }

 private:
  int Append(Instruction instruction) {
    code_.push_back(std::move(instruction));
    return static_cast<int>(code_.size()) - 1;
  }

  int axis_count() const { return static_cast<int>(expr_.axes.size()); }

  /// Reads that an index needs run before it.
  FlatIndex CompileIndex(const Index& index) {
    VisitReads(index, [this](int read) { CompileRead(read); });
    return Compiled(index, axis_count());
  }

  int CompileRead(int slot) {
    if (const auto known = read_registers_.find(slot); known != read_registers_.end())
      return known->second;
    const Read& read = expr_.reads[slot];
    Instruction instruction{.kind = ScalarKind::kRead,
                            .dtype = operands_[read.operand]->type.dtype,
                            .source = operands_[read.operand].get()};
    if (read.outside) instruction.constant = OutsideCell(*read.outside);
    for (const Index& index : read.coordinates)
      instruction.coordinates.push_back(CompileIndex(index));
    for (const Guard& guard : read.guards)
      instruction.guards.push_back({CompileIndex(guard.index), guard.extent});
    return read_registers_[slot] = Append(std::move(instruction));
  }

  static Cell ConstantCell(const ScalarNode& node) {
    return Info(node.dtype).is_float ? NumberCell(node.number) : IntegerCell(node.integer);
  }

  /// As if it lay in the operand.
  Cell OutsideCell(const ScalarNode& node) const {
    Cell cell = ConstantCell(node);
    if (Info(node.dtype).is_float) cell.number = RoundTo(node.dtype, precision_, cell.number);
    return cell;
  }

  int Compile(const Scalar& scalar) {
    if (const auto known = scalar_registers_.find(scalar.get()); known != scalar_registers_.end())
      return known->second;
    return scalar_registers_[scalar.get()] = CompileNew(*scalar);
  }

  int CompileNew(const ScalarNode& node) {
    if (node.kind == ScalarKind::kRead) return CompileRead(node.slot);
    Instruction instruction{
        .kind = node.kind, .op = node.op, .dtype = node.dtype, .slot = node.slot};
    if (node.kind == ScalarKind::kConstant) instruction.constant = ConstantCell(node);
    if (node.kind == ScalarKind::kIndex) instruction.index = CompileIndex(node.index);
    for (const Scalar& argument : node.arguments)
      instruction.arguments.push_back(Compile(argument));
    if (node.kind == ScalarKind::kCall)
      instruction.argument_dtype = node.arguments[node.op == ScalarOp::kSelect ? 1 : 0]->dtype;
    return Append(std::move(instruction));
  }

  int64_t ValueOf(const FlatIndex& index, std::span<const int64_t> point) const {
    if (index.affine) {
      int64_t value = index.affine->constant;
      for (size_t i = 0; i < point.size(); ++i) value += index.affine->coefficients[i] * point[i];
      return value;
    }
    return descent::Evaluate(index.tree, point, [this](int read) {
      return registers_[read_registers_.at(read)].integer;
    });
  }

  Cell Load(const Instruction& read, std::span<const int64_t> point, Reports& reports) const {
    for (const FlatGuard& guard : read.guards) {
      const int64_t value = ValueOf(guard.index, point);
      if (value < 0 || value >= guard.extent) return read.constant;
    }
    const Shape& shape = read.source->type.shape;
    int64_t offset = 0;
    for (size_t i = 0; i < shape.size(); ++i) {
      const int64_t value = ValueOf(read.coordinates[i], point);
      if (value < 0 || value >= shape[i]) {
        DESCENT_CHECK(read.coordinates[i].from_data, "read out of bounds");
        reports.bad_index = true;
        return Info(read.dtype).is_float ? NumberCell(0) : IntegerCell(0);
      }
      offset = offset * shape[i] + value;
    }
    return read.source->cells[offset];
  }

  Cell Apply(const Instruction& call, Reports& reports) const {
    Cell arguments[8];
    for (size_t i = 0; i < call.arguments.size(); ++i) arguments[i] = registers_[call.arguments[i]];
    const Cell value =
        call.op == ScalarOp::kCast
            ? EvaluateCast(call.argument_dtype, call.dtype, arguments[0])
            : EvaluateCall(call.op, call.argument_dtype, {arguments, call.arguments.size()});
    if (!Info(call.dtype).is_float) return IntegerCell(WrapInteger(call.dtype, value.integer));
    if (call.op == ScalarOp::kAssertFinite) reports.not_finite |= !std::isfinite(value.number);
    if (call.op == ScalarOp::kCast)
      return NumberCell(RoundTo(call.dtype, precision_, value.number));
    return value;
  }

  Cell Execute(const Instruction& instruction, std::span<const int64_t> point,
               std::span<const Cell> accumulators, Reports& reports) const {
    switch (instruction.kind) {
      case ScalarKind::kConstant:
        return instruction.constant;
      case ScalarKind::kIndex:
        return IntegerCell(ValueOf(instruction.index, point));
      case ScalarKind::kRead:
        return Load(instruction, point, reports);
      case ScalarKind::kAccumulator:
        return accumulators[instruction.slot];
      case ScalarKind::kCall:
        return Apply(instruction, reports);
      case ScalarKind::kOther:
        break;
    }
    InternalError(__FILE__, __LINE__, "scalar that no interpreter runs");
  }

  const TensorExpr& expr_;
  std::span<const ArrayRef> operands_;
  Precision precision_;
  std::vector<Instruction> code_;
  std::vector<int> outputs_;
  std::vector<Cell> registers_;
  std::unordered_map<int, int> read_registers_;
  std::unordered_map<const ScalarNode*, int> scalar_registers_;
};

/// Moves axes [first, last) of a point to the next one in row-major order; false after the last.
bool Advance(std::vector<int64_t>& point, const Shape& extents, size_t first, size_t last) {
  for (size_t axis = last; axis-- > first;) {
    if (++point[axis] < extents[axis]) return true;
    point[axis] = 0;
  }
  return false;
}

}  // namespace

double RoundTo(DType dtype, Precision precision, double number) {
  return precision == Precision::kTyped ? RoundToFloat(dtype, number) : number;
}

std::vector<ArrayRef> Evaluate(const TensorExpr& expr, std::span<const ArrayRef> operands,
                               std::span<const TensorType> results, Precision precision,
                               Reports& reports) {
  Program step(expr, operands, precision), finish(expr, operands, precision);
  for (const Scalar& result : expr.results) finish.Add(result);
  std::vector<Cell> init, state;
  if (expr.reducer) {
    for (const Scalar& scalar : expr.reducer->step) step.Add(scalar);
    for (const Scalar& scalar : expr.reducer->init)
      init.push_back(Info(scalar->dtype).is_float ? NumberCell(scalar->number)
                                                  : IntegerCell(scalar->integer));
  }
  const size_t rank = expr.rank, axes = expr.axes.size();
  const bool reduces =
      expr.reducer && std::ranges::count(expr.axes.begin() + expr.rank, expr.axes.end(), 0) == 0;
  std::vector<std::shared_ptr<Array>> arrays;
  for (const TensorType& type : results)
    arrays.push_back(std::make_shared<Array>(type, std::vector<Cell>(type.elements())));
  std::vector<int64_t> point(axes, 0);
  const int64_t points = results[0].elements();
  for (int64_t position = 0; position < points; ++position) {
    state = init;
    if (reduces) do {
        step.Run(point, state, reports);
        for (size_t i = 0; i < state.size(); ++i) state[i] = step.output(i);
      } while (Advance(point, expr.axes, rank, axes));
    finish.Run(point, state, reports);
    for (size_t i = 0; i < arrays.size(); ++i) {
      Cell value = finish.output(i);
      if (Info(results[i].dtype).is_float)
        value.number = RoundTo(results[i].dtype, precision, value.number);
      arrays[i]->cells[position] = value;
    }
    Advance(point, expr.axes, 0, rank);
  }
  return {arrays.begin(), arrays.end()};
}

}  // namespace descent
