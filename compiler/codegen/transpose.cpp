#include "compiler/codegen/transpose.h"

namespace descent {

void TransposeSquare(FunctionEmitter& f, std::vector<llvm::Value*>& vectors) {
  const int lanes = static_cast<int>(vectors.size());
  for (int distance = lanes / 2; distance >= 1; distance /= 2)
    for (int i = 0; i < lanes; ++i) {
      if (i & distance) continue;
      std::vector<int> low, high;
      for (int lane = 0; lane < lanes; ++lane) {
        const bool second = lane & distance;
        low.push_back(second ? lanes + lane - distance : lane);
        high.push_back(second ? lanes + lane : lane + distance);
      }
      llvm::Value* a = vectors[i];
      llvm::Value* c = vectors[i + distance];
      vectors[i] = f.b.CreateShuffleVector(a, c, low);
      vectors[i + distance] = f.b.CreateShuffleVector(a, c, high);
    }
}

void EmitTranspose(FunctionEmitter& f, DType dtype, const StridedBlock& source,
                   const StridedBlock& target, int64_t rows, int64_t columns) {
  auto& b = f.b;
  const int64_t bytes = Info(dtype).bytes, lanes = f.target().facts.vector_bytes / bytes;
  llvm::Type* element = f.MemoryType(dtype);
  llvm::Type* vector = f.Widen(element, static_cast<int>(lanes));
  const llvm::Align align(bytes);
  const auto at = [&](const StridedBlock& block, llvm::Value* row, llvm::Value* column) {
    return f.Element(element, f.Element(element, block.base, f.Mul(row, block.stride)), column);
  };
  const auto elements = [&](int64_t row_low, int64_t row_high, int64_t low, int64_t high) {
    f.For(f.I64(row_low), f.I64(row_high), 1, [&](llvm::Value* row) {
      f.For(f.I64(low), f.I64(high), 1, [&](llvm::Value* column) {
        llvm::Value* value = b.CreateLoad(element, at(source, row, column));
        b.CreateStore(value, at(target, column, row));
      });
    });
  };
  const int64_t whole_rows = rows / lanes * lanes, whole_columns = columns / lanes * lanes;
  f.For(f.I64(0), f.I64(whole_rows), lanes, [&](llvm::Value* row) {
    f.For(f.I64(0), f.I64(whole_columns), lanes, [&](llvm::Value* column) {
      std::vector<llvm::Value*> square;
      for (int64_t i = 0; i < lanes; ++i)
        square.push_back(
            b.CreateAlignedLoad(vector, at(source, f.Add(row, f.I64(i)), column), align));
      TransposeSquare(f, square);
      for (int64_t i = 0; i < lanes; ++i)
        b.CreateAlignedStore(square[i], at(target, f.Add(column, f.I64(i)), row), align);
    });
  });
  elements(0, whole_rows, whole_columns, columns);
  elements(whole_rows, rows, 0, columns);
}

}  // namespace descent
