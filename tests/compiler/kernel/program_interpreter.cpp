#include "tests/compiler/kernel/program_interpreter.h"

#include <algorithm>
#include <cstring>

#include "ir/diagnostic.h"
#include "ir/expr_eval.h"
#include "ir/index_map.h"
#include "tests/compiler/kernel/attention_reference.h"

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
        return const_cast<std::byte*>(program_.constants.data()) + b.offset;
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
      const Loop& loop = std::get<Loop>(step.what);
      for (int64_t i = 0; i < loop.trip_count; ++i) {
        StoreInt(DType::kI64, Address(loop.counter), 0, i);
        RunSteps(loop.body, {i, loop.trip_count});
      }
    }
  }

  void RunCall(const KernelCall& call, Iteration iteration) {
    addresses_.clear();
    for (const Argument& argument : call.arguments) {
      const int64_t slice =
          argument.from_end ? iteration.trip_count - 1 - iteration.number : iteration.number;
      addresses_.push_back(Address(argument.buffer) + slice * argument.loop_stride_bytes);
    }
    const Kernel& kernel = program_.kernels[call.kernel];
    if (kernel.kind == KernelKind::kScatter) return RunScatter(kernel);
    if (kernel.kind == KernelKind::kAttention) return RunAttention(kernel);
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
        Evaluate(expr, operands, types, Precision::kTyped, run_.bad_index);
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
                                        bool& bad_index) {
    return descent::Evaluate(expr, operands, types, precision, bad_index);
  }

  void RunAttention(const Kernel& kernel) {
    std::vector<Tensor> values;
    for (size_t i = 0; i < addresses_.size(); ++i) {
      const TensorType& type = kernel.parameters[i].type;
      values.emplace_back(type,
                          std::vector<std::byte>(addresses_[i], addresses_[i] + type.bytes()));
    }
    values = RunAttentionReference(kernel, std::move(values));
    for (size_t i = 0; i < addresses_.size(); ++i)
      if (kernel.parameters[i].written) std::ranges::copy(values[i].bytes(), addresses_[i]);
  }

  void RunScatter(const Kernel& kernel) {
    const ScatterForm& form = kernel.scatter;
    const DType dtype = kernel.parameters[form.destination].type.dtype;
    for (int64_t u = 0; u < form.updates; ++u) {
      const int64_t row =
          LoadInt(kernel.parameters[form.index].type.dtype, addresses_[form.index], u);
      if (row < 0 || row >= form.rows) {
        run_.bad_index = true;
        continue;
      }
      for (int64_t e = 0; e < form.row_elements; ++e) {
        std::byte* destination = addresses_[form.destination];
        const int64_t at = row * form.row_elements + e;
        const int64_t from = u * form.row_elements + e;
        if (Info(dtype).is_float) {
          const double old = form.add ? LoadDouble(dtype, destination, at) : 0;
          StoreDouble(dtype, destination, at,
                      old + LoadDouble(dtype, addresses_[form.update], from));
        } else {
          const int64_t old = form.add ? LoadInt(dtype, destination, at) : 0;
          StoreInt(dtype, destination, at, old + LoadInt(dtype, addresses_[form.update], from));
        }
      }
    }
  }

  const KernelProgram& program_;
  const EntryProgram& entry_;
  std::span<std::byte> state_;
  std::vector<std::byte> arena_;
  std::vector<std::vector<std::byte>> inputs_, outputs_;
  int64_t valid_rows_;
  std::vector<std::byte*> addresses_;
  std::vector<ArrayRef> locals_;
  ProgramRun run_;
};

}  // namespace

ProgramRun RunProgram(const KernelProgram& program, const EntryProgram& entry,
                      std::span<std::byte> state, std::span<const Tensor> inputs,
                      int64_t valid_rows) {
  return ProgramRunner(program, entry, state, inputs, valid_rows).Run();
}

}  // namespace descent
