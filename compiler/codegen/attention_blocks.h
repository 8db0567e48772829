// What the sweeps of attention kernels are made of: blocks in scratch, nests over them, products
// with operands read where they lie. Internal to compiler/codegen (sees LLVM).
#pragma once

#include <functional>

#include "compiler/codegen/kernel_frame.h"
#include "compiler/kernel/attention.h"

namespace descent {

/// Axes of the nests over a block: where it lies, then its own row and column.
enum BlockAxis : int { kHead, kColumnLow, kRowLow, kRow, kColumn };

/// A block's extent along an axis: that of all blocks but the last, which may be shorter.
struct BlockExtents {
  int64_t usual, last;
};

/// Where the columns of a tile lie, and the block of rows that meets them.
struct BlockPlace {
  llvm::Value* column_head = nullptr;  ///< of the axis on the lanes
  llvm::Value* column_low = nullptr;
  llvm::Value* is_last_column_block = nullptr;
  llvm::Value* row_head = nullptr;
  llvm::Value* row_low = nullptr;
  llvm::Value* is_last_row_block = nullptr;
  llvm::Value* row_count = nullptr;
};

class AttentionBlocks {
 public:
  explicit AttentionBlocks(KernelFrame& frame);

 protected:
  using Place = BlockPlace;

  /// The tile's columns; rows are not set.
  Place PlaceOf(llvm::Value* tile);
  /// The blocks of rows that some column of the tile sees, in ascending order.
  void ForEachBlock(Place place, const std::function<void(const Place&)>& body);

  // ---- nests over blocks at offsets in scratch

  Memory Block(int64_t offset, int64_t rows);
  Memory RowMemory(int64_t offset);
  NestRead BlockRead(int64_t offset, int64_t rows);
  NestStore BlockStore(int result, int64_t offset, int64_t rows);
  /// A vector over the columns.
  NestRead RowRead(int64_t offset);
  NestStore RowStore(int result, int64_t offset);
  /// In reductions over rows the column comes first: axis kRow of the nest is the column, kColumn
  /// the row.
  NestRead ReducedRead(int64_t offset);
  NestRead ColumnRead(int64_t offset);
  NestStore ColumnStore(int result, int64_t offset);

  /// A nest over `extent` rows, or the first `rows` of them, and all columns of a block.
  Nest BlockNest(const Place& p, int64_t extent, llvm::Value* rows = nullptr);
  /// A reduction of a block over its rows; axes [.., column | row].
  Nest ReductionNest(const Place& p, const Reducer& reducer);
  void Fill(int64_t offset, int64_t rows, double value);
  /// Every element of a block times a number.
  void ScaleBlock(int64_t offset, int64_t rows, double factor);

  Scalar Value(int read) const { return ReadScalar(read, plan_.dtype); }
  Scalar Number(double value) const { return ConstantScalar(plan_.dtype, value); }
  Scalar MinusInfinity() const;
  /// 0 instead of -infinity.
  Scalar Finite(const Scalar& x) const;

  // ---- operands and results

  /// The tile's part of an operand as [width][columns] at `offset`; columns that do not exist are
  /// 0.
  void LoadColumns(const Place& p, int parameter, int64_t width, int64_t offset);
  void StoreColumns(const Place& p, int64_t offset, int64_t width, int parameter);
  /// The query's number in a parameter [heads, queries].
  NestRead QueryRead(int parameter);
  /// `read` where the column exists, else `outside`.
  NestRead Guarded(NestRead read, Scalar outside);

  // ---- products

  /// block[row][column] = sum over the width of operand[row][.] * columns[.][column]
  void RowsTimesColumns(const Place& p, int parameter, int64_t width, int64_t columns,
                        int64_t block);
  /// sum[.][column] += sum over the rows of operand[row][.] * block[row][column]
  void AddRowsTransposed(const Place& p, int parameter, int64_t width, int64_t block, int64_t sum);
  /// Scores of the block at plan_.scores, masked. The columns carry the scale.
  void EmitScores(const Place& p);

  KernelFrame& frame_;
  FunctionEmitter& f_;
  llvm::IRBuilder<>& b_;
  const AttentionForm& form_;
  const AttentionPlan plan_;
  llvm::Type* element_;
  const bool keys_on_lanes_;
  const BlockExtents column_extents_, row_extents_;

 private:
  struct Product;

  llvm::Value* Offset(llvm::Value* base, llvm::Value* elements);
  llvm::Value* RowOf(int parameter, llvm::Value* head, int64_t length, llvm::Value* row,
                     int64_t width);
  llvm::Value* QueryHead(const Place& p) { return keys_on_lanes_ ? p.row_head : p.column_head; }
  Index Query() const;
  Index Key() const;
  void ForColumnCount(const Place& p, const std::function<void(int64_t)>& body);
  void EmitProduct(const Product& product);
  void EmitMask(const Place& p);
  llvm::Value* MaskOf(llvm::Value* head);
  void RewriteScores(const Place& p, const Scalar& result, const std::vector<NestRead>& more);
};

}  // namespace descent
