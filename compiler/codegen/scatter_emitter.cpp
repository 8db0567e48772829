#include "compiler/codegen/scatter_emitter.h"

#include <functional>
#include <optional>

#include "runtime/abi.h"

namespace descent {
namespace {

struct Row {
  int parameter;
  int64_t rows;  ///< that it has
  llvm::Value* number;
};

/// to = combine(to, from), or from: a nest over [row of to, row of from, element], the first two
/// fixed.
void EmitRow(KernelFrame& frame, int64_t width, Row to, Row from, std::optional<ScalarOp> combine) {
  const auto memory = [&](const Row& row) {
    const DType dtype = frame.kernel.parameters[row.parameter].type.dtype;
    return RowMajor(frame.parameters[row.parameter], {dtype, {row.rows, width}});
  };
  Nest nest{
      .extents = {to.rows, from.rows, width}, .outer = {to.number, from.number}, .parallel = 1};
  nest.ranges.resize(1);
  const Memory target = memory(to);
  nest.reads = {{{Axis(1), Axis(2)}, {}, nullptr, memory(from), nullptr}};
  Scalar value = Cast(target.dtype, ReadScalar(0, nest.reads[0].memory.dtype));
  if (combine) {
    nest.reads.push_back({{Axis(0), Axis(2)}, {}, nullptr, target, nullptr});
    value = Call(*combine, {ReadScalar(1, target.dtype), value});
  }
  nest.results = {value};
  nest.stores = {{0, {Axis(0), Axis(2)}, target, nullptr}};
  EmitNest(frame.f, nest);
}

/// What scatters and buckets read and write one number at a time.
class ScatterEmitter {
 public:
  ScatterEmitter(KernelFrame& frame, const ScatterForm& form)
      : frame_(frame), f_(frame.f), b_(frame.f.b), form_(form) {}

  /// Goes through all updates; the tiles are one range of rows.
  void ApplyOwnRows() {
    const auto [low, high] = frame_.OwnPart(form_.rows);
    f_.For(
        f_.I64(0), f_.I64(form_.updates), 1,
        [&](llvm::Value* update) {
          llvm::Value* row = Load(form_.index, update);
          f_.If(
              b_.CreateICmpUGE(row, f_.I64(form_.rows)),
              [&] { frame_.SetStatus(DESCENT_STATUS_BAD_INDEX); }, /*unlikely=*/true);
          llvm::Value* owned =
              b_.CreateAnd(b_.CreateICmpSGE(row, low), b_.CreateICmpSLT(row, high));
          f_.If(owned, [&] { Apply(row, form_.update, update); });
        },
        "update");
  }

  /// Goes through the tiles' buckets; who has all tiles, through all updates.
  void ApplySorted() {
    llvm::Value* all = b_.CreateAnd(b_.CreateICmpEQ(frame_.first_tile, f_.I64(0)),
                                    b_.CreateICmpEQ(frame_.last_tile, f_.I64(form_.tiles())));
    f_.If(all, [&] { ApplyOwnRows(); });
    f_.If(b_.CreateNot(all), [&] {
      f_.For(
          frame_.first_tile, frame_.last_tile, 1,
          [&](llvm::Value* tile) {
            ForChunks([&](llvm::Value* chunk) { ApplyBucket(tile, chunk); });
          },
          "tile");
      f_.If(b_.CreateICmpEQ(frame_.first_tile, f_.I64(0)), [&] { ReportMissing(); });
    });
  }

  /// Counts become the places where the buckets begin, and these, one by one, where they end.
  void SortChunk(llvm::Value* chunk) {
    llvm::Value* first = f_.Mul(chunk, form_.chunk);
    llvm::Value* last = f_.Add(first, ChunkSize(chunk));
    const auto for_tiles = [&](const std::function<void(llvm::Value*)>& body) {
      llvm::Value* ends = f_.Mul(chunk, form_.tiles());
      f_.For(
          f_.I64(0), f_.I64(form_.tiles()), 1, [&](llvm::Value* tile) { body(f_.Add(ends, tile)); },
          "bucket");
    };
    for_tiles([&](llvm::Value* end) { Store(form_.ends, end, f_.I64(0)); });
    ForRows(chunk, first, last, [&](llvm::Value* end, llvm::Value*, llvm::Value*) {
      Store(form_.ends, end, f_.Add(Load(form_.ends, end), f_.I64(1)));
    });
    llvm::AllocaInst* begin = f_.Variable(b_.getInt64Ty(), "begin");
    b_.CreateStore(f_.I64(0), begin);
    for_tiles([&](llvm::Value* end) {
      llvm::Value* place = b_.CreateLoad(b_.getInt64Ty(), begin);
      b_.CreateStore(f_.Add(place, Load(form_.ends, end)), begin);
      Store(form_.ends, end, place);
    });
    ForRows(chunk, first, last, [&](llvm::Value* end, llvm::Value* row, llvm::Value* update) {
      llvm::Value* place = Load(form_.ends, end);
      llvm::Value* to = f_.Add(first, place);
      Store(form_.sorted_rows, to, row);
      EmitRow(frame_, form_.row_elements, {form_.sorted_updates, form_.updates, to},
              {form_.update, form_.updates, update}, std::nullopt);
      Store(form_.ends, end, f_.Add(place, f_.I64(1)));
    });
  }

 private:
  llvm::Value* Address(int parameter, llvm::Value* place) {
    const DType dtype = frame_.kernel.parameters[parameter].type.dtype;
    return f_.Element(f_.MemoryType(dtype), frame_.parameters[parameter], place);
  }
  llvm::Value* Load(int parameter, llvm::Value* place) {
    const DType dtype = frame_.kernel.parameters[parameter].type.dtype;
    return b_.CreateIntCast(b_.CreateLoad(f_.MemoryType(dtype), Address(parameter, place)),
                            b_.getInt64Ty(), !Info(dtype).is_unsigned);
  }
  void Store(int parameter, llvm::Value* place, llvm::Value* value) {
    const DType dtype = frame_.kernel.parameters[parameter].type.dtype;
    b_.CreateStore(b_.CreateTrunc(value, f_.MemoryType(dtype)), Address(parameter, place));
  }

  void Apply(llvm::Value* row, int updates, llvm::Value* update) {
    EmitRow(frame_, form_.row_elements, {form_.destination, form_.rows, row},
            {updates, form_.updates, update}, form_.combine);
  }

  void ForChunks(const std::function<void(llvm::Value*)>& body) {
    f_.For(f_.I64(0), f_.I64(form_.chunks()), 1, body, "chunk");
  }

  /// Number of updates of a chunk.
  llvm::Value* ChunkSize(llvm::Value* chunk) {
    return f_.Min(f_.I64(form_.chunk),
                  b_.CreateSub(f_.I64(form_.updates), f_.Mul(chunk, form_.chunk)));
  }

  /// `body` has the place in `ends` of the tile that owns the row.
  void ForRows(
      llvm::Value* chunk, llvm::Value* first, llvm::Value* last,
      const std::function<void(llvm::Value* end, llvm::Value* row, llvm::Value* update)>& body) {
    f_.For(
        first, last, 1,
        [&](llvm::Value* update) {
          llvm::Value* row = Load(form_.index, update);
          f_.If(b_.CreateICmpULT(row, f_.I64(form_.rows)), [&] {
            llvm::Value* tile = b_.CreateUDiv(row, f_.I64(form_.tile_rows));
            body(f_.Add(f_.Mul(chunk, form_.tiles()), tile), row, update);
          });
        },
        "update");
  }

  void ApplyBucket(llvm::Value* tile, llvm::Value* chunk) {
    llvm::Value* first = f_.Mul(chunk, form_.chunk);
    llvm::Value* bucket = f_.Add(f_.Mul(chunk, form_.tiles()), tile);
    llvm::AllocaInst* begin = f_.Variable(b_.getInt64Ty(), "begin");
    b_.CreateStore(f_.I64(0), begin);
    f_.If(b_.CreateICmpSGT(tile, f_.I64(0)),
          [&] { b_.CreateStore(Load(form_.ends, b_.CreateSub(bucket, f_.I64(1))), begin); });
    f_.For(
        b_.CreateLoad(b_.getInt64Ty(), begin), Load(form_.ends, bucket), 1,
        [&](llvm::Value* place) {
          llvm::Value* at = f_.Add(first, place);
          Apply(Load(form_.sorted_rows, at), form_.sorted_updates, at);
        },
        "place");
  }

  /// Updates that no bucket has were dropped.
  void ReportMissing() {
    ForChunks([&](llvm::Value* chunk) {
      llvm::Value* last = f_.Add(f_.Mul(chunk, form_.tiles()), f_.I64(form_.tiles() - 1));
      f_.If(
          b_.CreateICmpNE(Load(form_.ends, last), ChunkSize(chunk)),
          [&] { frame_.SetStatus(DESCENT_STATUS_BAD_INDEX); }, /*unlikely=*/true);
    });
  }

  KernelFrame& frame_;
  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const ScatterForm& form_;
};

}  // namespace

void EmitScatterKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  const auto& form = kernel.as<ScatterForm>();
  ScatterEmitter emitter(frame, form);
  form.chunk > 0 ? emitter.ApplySorted() : emitter.ApplyOwnRows();
  frame.Finish();
}

void EmitBucketsKernel(llvm::Module& module, const Target& target, const Kernel& kernel) {
  KernelFrame frame(module, target, kernel);
  ScatterEmitter emitter(frame, kernel.as<BucketsForm>().scatter);
  frame.f.For(
      frame.first_tile, frame.last_tile, 1, [&](llvm::Value* chunk) { emitter.SortChunk(chunk); },
      "chunk");
  frame.Finish();
}

}  // namespace descent
