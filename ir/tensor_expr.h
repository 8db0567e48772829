// TensorExpr: what an operator computes, as one loop nest over scalars.
//
// For every point of the parallel axes (the result's shape) the reduced axes are run through in
// row-major order; `reads` name the scalars taken from operands at each point. It is the operator's
// documentation, what the interpreter runs and what the compiler lowers. matmul [m, k] x [k, n]:
//
//   axes = {m, n, k}, rank = 2
//   reads = {{operand 0, {Axis(0), Axis(2)}}, {operand 1, {Axis(2), Axis(1)}}}
//   reducer = {init {0}, step {Accumulator(0) + Read(0) * Read(1)}, combine {Accumulator(0) +
//   Other(0)}} results = {Accumulator(0)}
//
// Expressions are immutable shared trees; equal pointers are equal values, so a shared sub-tree is
// computed once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/type.h"

namespace descent {

// ---- index expressions: quasi-affine in the axes ----------------------------------------------

struct IndexNode;
using Index = std::shared_ptr<const IndexNode>;

enum class IndexKind : uint8_t {
  kConstant,  ///< value
  kAxis,      ///< extent variable number `value`
  kAdd,       ///< a + b
  kMul,       ///< a * value
  kFloorDiv,  ///< floor(a / value), value > 0
  kMod,       ///< a - value * floor(a / value), value > 0
  kRead,      ///< the integer value of read number `value` (an index that comes from data)
};

struct IndexNode {
  IndexKind kind;
  int64_t value = 0;
  Index a, b;
};

// Constructors fold constants and drop +0, *1, /1, mod 1.
Index ConstantIndex(int64_t value);
Index Axis(int axis);
Index ReadIndex(int read);
Index operator+(const Index& a, const Index& b);
Index operator*(const Index& a, int64_t factor);
Index FloorDiv(const Index& a, int64_t divisor);
Index Mod(const Index& a, int64_t divisor);

/// Value at a point; `read` gives the integer value of a read (may be empty when none is used).
int64_t Evaluate(const Index& index, std::span<const int64_t> axes,
                 const std::function<int64_t(int)>& read = {});
/// Replaces Axis(i) by axes[i] and ReadIndex(j) by ReadIndex(j + read_offset).
Index Substitute(const Index& index, std::span<const Index> axes, int read_offset = 0);
bool SameIndex(const Index& a, const Index& b);
/// "i0 * 28 + i1"; axes are i0, i1, ..., reads r0, r1, ...
std::string ToString(const Index& index);

/// Coefficients of an index that is affine in `axis_count` axes; nullopt if it is not affine.
struct AffineIndex {
  std::vector<int64_t> coefficients;
  int64_t constant = 0;
};
std::optional<AffineIndex> AsAffine(const Index& index, int axis_count);

// ---- scalar expressions ------------------------------------------------------------------------

/// The instruction set of scalar bodies. Bodies of 16-bit floats compute in f32: an operand is
/// widened, a result or a cast rounds. ir/scalar_op.cpp holds one table row per instruction; the
/// interpreter and the code generator each hold one table of implementations.
enum class ScalarOp : uint8_t {
  // arithmetic; integers wrap, division truncates, an integer divided by zero is 0 and leaves 0;
  // kMin
  // and kMax are NaN if either is NaN and the first of two equal ones
  kAdd,
  kSub,
  kMul,
  kDiv,
  kNeg,
  kAbs,
  kMin,
  kMax,
  kFmod,   ///< a - trunc(a / b) * b, exact; has a's sign
  kPow,    ///< of integers: a negative exponent gives 0 unless the base is 1 or -1
  kFloor,  ///< from here on floats only
  kRound,  ///< to the nearest whole number, halves to the even one
  kSqrt,
  // transcendental
  kExp,
  kExp2,
  kExpm1,  ///< e^a - 1
  kLog,
  kLog2,
  kLog1p,  ///< log(1 + a)
  kSin,
  kCos,
  kTan,
  kAtan2,  ///< angle of the point (b, a): (y, x)
  kTanh,
  kSigmoid,
  kErf,
  kErfc,
  // comparisons give bool; all but kNe are false for NaN
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  // bools and, bit by bit, integers
  kAnd,
  kOr,
  kXor,
  // integers; a count outside [0, width) shifts everything out
  kShl,
  kShr,     ///< fills with the sign, unsigned types with 0
  kSelect,  ///< (condition, then, else)
  kCast,    ///< to the node's dtype; float to integer truncates and saturates, NaN is 0
  /// (seed, step, loop_step, stream, logical index), all i64 -> i64 in [0, 2^32): the random word
  /// of
  /// one element. Counters and element order: docs/design.md, Randomness.
  kPhilox,
  kAssertFinite,  ///< its argument; reports where that is infinite or NaN (floats only)
};

struct ScalarOpInfo {
  ScalarOp op;
  std::string_view name;  ///< "add"
  int arity;
};
const ScalarOpInfo& Info(ScalarOp op);
std::span<const ScalarOpInfo> AllScalarOps();

struct ScalarNode;
using Scalar = std::shared_ptr<const ScalarNode>;

enum class ScalarKind : uint8_t {
  kConstant,     ///< `number` (floats) or `integer` (integers and bool)
  kIndex,        ///< an index expression as i64
  kRead,         ///< read number `slot`
  kAccumulator,  ///< reducer state `slot` (in combine: the left, earlier one)
  kOther,        ///< in combine only: the right, later state `slot`
  kCall,         ///< `op` of `arguments`
};

struct ScalarNode {
  ScalarKind kind;
  DType dtype;
  ScalarOp op = ScalarOp::kAdd;
  int slot = 0;
  double number = 0;
  int64_t integer = 0;
  Index index;
  std::vector<Scalar> arguments;
};

/// Bodies of 16-bit floats compute in f32, so theirs are rounded to f32.
Scalar ConstantScalar(DType dtype, double value);
Scalar ConstantInt(DType dtype, int64_t value);
Scalar IndexScalar(Index index);  ///< dtype i64
Scalar ReadScalar(int slot, DType dtype);
Scalar Accumulator(int slot, DType dtype);
Scalar Other(int slot, DType dtype);
/// The result's dtype follows from the op: bool for comparisons, else that of the first argument
/// (the second for kSelect). Argument dtypes must agree; this is checked.
Scalar Call(ScalarOp op, std::vector<Scalar> arguments);
Scalar Cast(DType dtype, Scalar value);

/// Rewrites a tree bottom-up, once per shared node: `leaf` may replace any non-call node (return
/// nullptr to keep it).
Scalar Rewrite(const Scalar& root, const std::function<Scalar(const ScalarNode&)>& leaf);
bool SameScalar(const Scalar& a, const Scalar& b);
/// "add(r0, mul(r1, 2))"; what is large names the nodes it shares: "f(t0, t0) where t0 = ..."
std::string ToString(const Scalar& scalar);

// ---- the whole expression ----------------------------------------------------------------------

/// 0 <= index < extent must hold for a guarded read to touch memory.
struct Guard {
  Index index;
  int64_t extent = 0;
};

struct Read {
  int operand = 0;
  std::vector<Index> coordinates;  ///< one per axis of the operand
  std::vector<Guard> guards;       ///< all must hold, else the read yields `outside`
  /// A constant of the operand's dtype, rounded to it; null when unguarded.
  Scalar outside;
  // Coordinates that use ReadIndex are checked against the operand's extents even without a guard:
  // out of range yields 0 and sets kStatusBadIndex (DESIGN: Indices from data).
};

/// Reduction over axes [rank, axes.size()) in row-major order. The state is a tuple.
struct Reducer {
  std::vector<Scalar> init;     ///< constants
  std::vector<Scalar> step;     ///< of accumulators, reads and axes
  std::vector<Scalar> combine;  ///< of Accumulator (earlier part) and Other (later part)
};

struct TensorExpr {
  Shape axes;  ///< extents: first `rank` parallel ones (the results' shape), then reduced ones
  int rank = 0;
  std::vector<Read> reads;
  std::optional<Reducer> reducer;
  /// One per result, of reads, parallel axes and (with a reducer) accumulators. With a reducer,
  /// reads used here must not depend on reduced axes.
  std::vector<Scalar> results;
};

/// Checks what the comments above state; returns the first violation, or an empty string.
std::string Violation(const TensorExpr& expr, std::span<const TensorType> operands);
/// Several lines, as in docs/ops.md and in `--stage kernels`.
std::string ToString(const TensorExpr& expr);

}  // namespace descent
