#include "tests/compiler/kernel/program_interpreter.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "ir/diagnostic.h"
#include "ir/expr_eval.h"
#include "ir/index_map.h"
#include "ir/scalar_eval.h"
#include "tests/compiler/kernel/attention_reference.h"
#include "tests/compiler/kernel/form_reference.h"

namespace descent {
namespace {

struct Iteration {
  int64_t number = 0, trip_count = 1;
};

/// Runs all points of `extents` in row-major order.
template <typename Body>
void ForEachPoint(const Shape& extents, const Body& body) {
  std::vector<int64_t> point(extents.size(), 0);
  if (Elements(extents) == 0) return;
  while (true) {
    body(point);
    size_t axis = extents.size();
    while (axis-- > 0) {
      if (++point[axis] < extents[axis]) break;
      point[axis] = 0;
    }
    if (axis == static_cast<size_t>(-1)) return;
  }
}

class ProgramRunner {
 public:
  ProgramRunner(const KernelProgram& program, const EntryProgram& entry, std::span<std::byte> state,
                std::span<const Tensor> inputs, int64_t valid_rows)
      : program_(program),
        entry_(entry),
        state_(state),
        arena_(entry.arena_bytes, std::byte{0xFF}),
        valid_rows_(valid_rows) {
    for (const Tensor& input : inputs)
      inputs_.emplace_back(input.bytes().begin(), input.bytes().end());
    for (const EntryOutput& output : entry.outputs)
      outputs_.emplace_back(entry.buffers[output.buffer].type.bytes());
  }

  ProgramRun Run() {
    RunSteps(entry_.steps, {});
    for (size_t i = 0; i < outputs_.size(); ++i)
      run_.outputs.push_back(Tensor(entry_.buffers[entry_.outputs[i].buffer].type, outputs_[i]));
    run_.bad_index = reports_.bad_index;
    run_.not_finite = reports_.not_finite;
    return std::move(run_);
  }

 private:
  std::byte* Address(int buffer) {
    const Buffer& b = entry_.buffers[buffer];
    switch (b.space) {
      case Space::kArena:
        DESCENT_CHECK(b.offset + b.type.bytes() <= static_cast<int64_t>(arena_.size()), "arena");
        return arena_.data() + b.offset;
      case Space::kState:
        return state_.data() + b.offset;
      case Space::kInput:
        return inputs_[b.offset].data();
      case Space::kOutput:
        return outputs_[b.offset].data();
      case Space::kConstant:
        return const_cast<std::byte*>(program_.constants.bytes().data()) + b.offset;
      case Space::kValidRows:
        return reinterpret_cast<std::byte*>(&valid_rows_);
    }
    InternalError(__FILE__, __LINE__, "unknown space");
  }

  void RunSteps(const std::vector<Step>& steps, Iteration iteration) {
    for (const Step& step : steps) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) {
        RunCall(*call, iteration);
        continue;
      }
      if (const auto* branch = std::get_if<Branch>(&step.what)) {
        const bool taken = LoadInt(DType::kBool, Address(branch->condition, iteration), 0) != 0;
        RunSteps(taken ? branch->then_steps : branch->else_steps, iteration);
        continue;
      }
      const Loop& loop = std::get<Loop>(step.what);
      for (int64_t i = 0; i < loop.trip_count; ++i) {
        StoreInt(DType::kI64, Address(loop.counter), 0, i);
        RunSteps(loop.body, {i, loop.trip_count});
      }
    }
  }

  std::byte* Address(const Argument& argument, Iteration iteration) {
    const int64_t slice =
        argument.from_end ? iteration.trip_count - 1 - iteration.number : iteration.number;
    return Address(argument.buffer) + slice * argument.loop_stride_bytes;
  }

  void RunCall(const KernelCall& call, Iteration iteration) {
    addresses_.clear();
    for (const Argument& argument : call.arguments)
      addresses_.push_back(Address(argument, iteration));
    const Kernel& kernel = program_.kernels[call.kernel];
    std::visit([&](const auto& form) { RunForm(kernel, form); }, kernel.form);
  }

  void RunForm(const Kernel& kernel, const BucketsForm&) { RunWhole(RunBucketsReference, kernel); }
  void RunForm(const Kernel& kernel, const SortForm&) { RunWhole(RunSortReference, kernel); }
  void RunForm(const Kernel& kernel, const AttentionForm&) {
    RunWhole(RunAttentionReference, kernel);
  }
  void RunForm(const Kernel& kernel, const ContractionForm&) { RunForm(kernel, LoopsForm()); }

  void RunForm(const Kernel& kernel, const LoopsForm&) {
    ForEachPoint(kernel.outer, [&](const std::vector<int64_t>& outer) {
      locals_.assign(kernel.locals.size(), nullptr);
      for (const Stage& stage : kernel.stages) RunStage(kernel, stage, outer);
    });
  }

  ArrayRef LoadParameter(const Kernel& kernel, int parameter) {
    const TensorType& type = kernel.parameters[parameter].type;
    auto array = std::make_shared<Array>(Array{type, {}});
    for (int64_t i = 0; i < type.elements(); ++i)
      array->cells.push_back(Info(type.dtype).is_float
                                 ? NumberCell(LoadDouble(type.dtype, addresses_[parameter], i))
                                 : IntegerCell(LoadInt(type.dtype, addresses_[parameter], i)));
    return array;
  }

  void RunStage(const Kernel& kernel, const Stage& stage, const std::vector<int64_t>& outer) {
    const int outer_count = static_cast<int>(outer.size());
    const auto own = [&](int axis) {
      return axis < outer_count ? ConstantIndex(outer[axis]) : Axis(axis - outer_count);
    };
    const auto map = [&](const Scalar& scalar) {
      return Rewrite(scalar, [&](const ScalarNode& node) -> Scalar {
        return node.kind == ScalarKind::kIndex ? IndexScalar(MapIndex(node.index, own)) : nullptr;
      });
    };
    TensorExpr expr{.axes = stage.axes, .rank = stage.parallel, .reducer = stage.reducer};
    std::vector<ArrayRef> operands;
    for (const StageRead& read : stage.reads) {
      Read mapped{.operand = static_cast<int>(operands.size()), .outside = read.outside};
      for (const Index& index : read.coordinates)
        mapped.coordinates.push_back(MapIndex(index, own));
      for (const Guard& guard : read.guards)
        mapped.guards.push_back({MapIndex(guard.index, own), guard.extent});
      operands.push_back(read.source == Source::kLocal ? locals_[read.index]
                                                       : LoadParameter(kernel, read.index));
      DESCENT_CHECK(operands.back() != nullptr, "local that is read before it is stored");
      expr.reads.push_back(std::move(mapped));
    }
    if (expr.reducer)
      for (Scalar& step : expr.reducer->step) step = map(step);
    const Shape shape(stage.axes.begin(), stage.axes.begin() + stage.parallel);
    std::vector<TensorType> types;
    for (const Scalar& result : stage.results) {
      expr.results.push_back(map(result));
      types.push_back({result->dtype, shape});
    }
    std::vector<TensorType> operand_types;
    for (const ArrayRef& operand : operands) operand_types.push_back(operand->type);
    const std::string violation = Violation(expr, operand_types);
    DESCENT_CHECK(violation.empty(), violation);
    const std::vector<ArrayRef> results =
        Evaluate(expr, operands, types, Precision::kTyped, reports_);
    for (const StageStore& store : stage.stores)
      Store(kernel, store, *results[store.result], outer);
    for (const StageStore& store : stage.stores)
      if (store.local >= 0) {
        DESCENT_CHECK(kernel.locals[store.local].shape == shape, "shape of a local");
        locals_[store.local] = results[store.result];
      }
  }

  void Store(const Kernel& kernel, const StageStore& store, const Array& value,
             const std::vector<int64_t>& outer) {
    if (store.parameter < 0) return;
    const TensorType& type = kernel.parameters[store.parameter].type;
    int64_t next = 0;
    ForEachPoint(value.type.shape, [&](const std::vector<int64_t>& point) {
      std::vector<int64_t> axes = outer;
      axes.insert(axes.end(), point.begin(), point.end());
      int64_t offset = 0;
      for (size_t i = 0; i < type.shape.size(); ++i)
        offset = offset * type.shape[i] + Evaluate(store.coordinates[i], axes);
      const Cell cell = value.cells[next++];
      if (Info(type.dtype).is_float)
        StoreDouble(type.dtype, addresses_[store.parameter], offset, cell.number);
      else
        StoreInt(type.dtype, addresses_[store.parameter], offset, cell.integer);
    });
  }

  static int64_t Evaluate(const Index& index, const std::vector<int64_t>& axes) {
    return descent::Evaluate(index, axes);
  }
  static std::vector<ArrayRef> Evaluate(const TensorExpr& expr, std::span<const ArrayRef> operands,
                                        std::span<const TensorType> types, Precision precision,
                                        Reports& reports) {
    return descent::Evaluate(expr, operands, types, precision, reports);
  }

  using Reference = std::vector<Tensor> (*)(const Kernel& kernel, std::vector<Tensor> before);

  void RunWhole(Reference reference, const Kernel& kernel) {
    std::vector<Tensor> values;
    for (size_t i = 0; i < addresses_.size(); ++i) {
      const TensorType& type = kernel.parameters[i].type;
      values.emplace_back(type,
                          std::vector<std::byte>(addresses_[i], addresses_[i] + type.bytes()));
    }
    values = reference(kernel, std::move(values));
    for (size_t i = 0; i < addresses_.size(); ++i)
      if (kernel.parameters[i].written) std::ranges::copy(values[i].bytes(), addresses_[i]);
  }

  void RunForm(const Kernel& kernel, const ScatterForm& form) {
    const DType dtype = kernel.parameters[form.destination].type.dtype;
    for (int64_t u = 0; u < form.updates; ++u) {
      const int64_t row =
          LoadInt(kernel.parameters[form.index].type.dtype, addresses_[form.index], u);
      if (row < 0 || row >= form.rows) {
        reports_.bad_index = true;
        continue;
      }
      for (int64_t e = 0; e < form.row_elements; ++e) {
        std::byte* destination = addresses_[form.destination];
        const int64_t at = row * form.row_elements + e;
        const DType update_dtype = kernel.parameters[form.update].type.dtype;
        const Cell update = EvaluateCast(
            update_dtype, dtype,
            LoadCell(update_dtype, addresses_[form.update], u * form.row_elements + e));
        const Cell cells[] = {LoadCell(dtype, destination, at), update};
        StoreCell(dtype, destination, at,
                  form.combine ? EvaluateCall(*form.combine, dtype, cells) : update);
      }
    }
  }

  static Cell LoadCell(DType dtype, const std::byte* data, int64_t at) {
    return Info(dtype).is_float ? NumberCell(LoadDouble(dtype, data, at))
                                : IntegerCell(LoadInt(dtype, data, at));
  }
  static void StoreCell(DType dtype, std::byte* data, int64_t at, Cell cell) {
    if (Info(dtype).is_float)
      StoreDouble(dtype, data, at, cell.number);
    else
      StoreInt(dtype, data, at, cell.integer);
  }

  /// Calls `row` with the function from places along the axis to elements.
  static void ForEachRow(const AlongAxis& axis,
                         const std::function<void(const std::function<int64_t(int64_t)>&)>& row) {
    ForEachPoint({axis.outer, axis.inner}, [&](const std::vector<int64_t>& point) {
      row([&](int64_t place) { return (point[0] * axis.length + place) * axis.inner + point[1]; });
    });
  }

  /// `scalar` of a state and of what reads give, all scalars.
  ArrayRef EvaluateScalar(const Scalar& scalar, const ArrayRef& state,
                          std::span<const ArrayRef> reads) {
    TensorExpr expr;
    std::vector<ArrayRef> operands = {state};
    operands.insert(operands.end(), reads.begin(), reads.end());
    for (int i = 0; i < static_cast<int>(operands.size()); ++i)
      expr.reads.push_back({.operand = i});
    expr.results = {Rewrite(scalar, [](const ScalarNode& node) -> Scalar {
      if (node.kind == ScalarKind::kAccumulator) return ReadScalar(0, node.dtype);
      if (node.kind == ScalarKind::kRead) return ReadScalar(node.slot + 1, node.dtype);
      return nullptr;
    })};
    const TensorType type{scalar->dtype, {}};
    Reports none;  // neither indices nor assertions stand in a step
    return Evaluate(expr, operands, std::array{type}, Precision::kTyped, none)[0];
  }

  void RunForm(const Kernel& kernel, const PrefixForm& form) {
    const size_t result = kernel.parameters.size() - 1;
    const auto scalar = [](DType dtype, Cell cell) {
      return std::make_shared<Array>(TensorType{dtype, {}}, std::vector<Cell>{cell});
    };
    ForEachRow(form.axis, [&](const auto& element) {
      ArrayRef state = EvaluateScalar(form.init, scalar(form.init->dtype, IntegerCell(0)), {});
      for (int64_t t = 0; t < form.axis.length; ++t) {
        const int64_t at = element(form.reverse ? form.axis.length - 1 - t : t);
        std::vector<ArrayRef> reads;
        for (size_t i = 0; i < result; ++i) {
          const DType dtype = kernel.parameters[i].type.dtype;
          reads.push_back(scalar(dtype, LoadCell(dtype, addresses_[i], at)));
        }
        const ArrayRef next = EvaluateScalar(form.step, state, reads);
        const ArrayRef value = EvaluateScalar(form.result, form.exclusive ? state : next, reads);
        StoreCell(value->type.dtype, addresses_[result], at, value->cells[0]);
        state = next;
      }
    });
  }

  const KernelProgram& program_;
  const EntryProgram& entry_;
  std::span<std::byte> state_;
  std::vector<std::byte> arena_;
  std::vector<std::vector<std::byte>> inputs_, outputs_;
  int64_t valid_rows_;
  std::vector<std::byte*> addresses_;
  std::vector<ArrayRef> locals_;
  Reports reports_;
  ProgramRun run_;
};

}  // namespace

ProgramRun RunProgram(const KernelProgram& program, const EntryProgram& entry,
                      std::span<std::byte> state, std::span<const Tensor> inputs,
                      int64_t valid_rows) {
  return ProgramRunner(program, entry, state, inputs, valid_rows).Run();
}

}  // namespace descent
