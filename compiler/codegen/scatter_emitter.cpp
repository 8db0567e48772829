#include "compiler/codegen/scatter_emitter.h"

#include <algorithm>

#include "runtime/abi.h"

namespace descent {
namespace {

/// One row of the destination, as a nest over [row, update, element]; the first two are fixed.
void EmitRow(KernelFrame& frame, llvm::Value* row, llvm::Value* update) {
  const ScatterForm& form = frame.kernel.scatter;
  const DType dtype = frame.kernel.parameters[form.destination].type.dtype;
  const auto rows_of = [&](int parameter, int64_t rows) {
    return RowMajor(frame.parameters[parameter],
                    {frame.kernel.parameters[parameter].type.dtype, {rows, form.row_elements}});
  };
  Nest nest{.extents = {form.rows, form.updates, form.row_elements},
            .outer = {row, update},
            .parallel = 1};
  nest.ranges.resize(1);
  const Memory destination = rows_of(form.destination, form.rows);
  nest.reads = {{{Axis(1), Axis(2)}, {}, nullptr, rows_of(form.update, form.updates), nullptr}};
  Scalar value = Cast(dtype, ReadScalar(0, nest.reads[0].memory.dtype));
  if (form.combine) {
    nest.reads.push_back({{Axis(0), Axis(2)}, {}, nullptr, destination, nullptr});
    value = Call(*form.combine, {ReadScalar(1, dtype), value});
  }
  nest.results = {value};
  nest.stores = {{0, {Axis(0), Axis(2)}, destination, nullptr}};
  EmitNest(frame.f, nest);
}

}  // namespace

void EmitScatterKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  FunctionEmitter& f = frame.f;
  auto& b = f.b;
  const ScatterForm& form = kernel.scatter;
  const int64_t tiles = std::max<int64_t>(kernel.schedule.tiles, 1);
  const int64_t extent = std::max<int64_t>((form.rows + tiles - 1) / tiles, 1);
  llvm::Value* low = f.Mul(frame.first_tile, extent);
  llvm::Value* high = f.Min(f.Mul(frame.last_tile, extent), f.I64(form.rows));
  const DType index_dtype = kernel.parameters[form.index].type.dtype;
  llvm::Type* index_type = f.MemoryType(index_dtype);
  const bool is_signed = !Info(index_dtype).is_unsigned;

  f.For(
      f.I64(0), f.I64(form.updates), 1,
      [&](llvm::Value* update) {
        llvm::Value* address = f.Element(index_type, frame.parameters[form.index], update);
        llvm::Value* row =
            b.CreateIntCast(b.CreateLoad(index_type, address), b.getInt64Ty(), is_signed);
        f.If(
            b.CreateICmpUGE(row, f.I64(form.rows)),
            [&] {
              llvm::Value* old = b.CreateLoad(b.getInt32Ty(), frame.status);
              b.CreateStore(b.CreateOr(old, f.I32(DESCENT_STATUS_BAD_INDEX)), frame.status);
            },
            /*unlikely=*/true);
        llvm::Value* owned = b.CreateAnd(b.CreateICmpSGE(row, low), b.CreateICmpSLT(row, high));
        f.If(owned, [&] { EmitRow(frame, row, update); });
      },
      "update");
  frame.Finish();
}

}  // namespace descent
