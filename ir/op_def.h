// OpDef: everything about one operator, in one literal.
//
// Literals stand in the family files under ir/ops/. A new operator touches its family file and its
// samples in the tests, nothing else: no pass, printer, interpreter or code generator names an
// operator.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attribute.h"
#include "ir/diagnostic.h"
#include "ir/graph.h"
#include "ir/tensor_expr.h"

namespace descent {

/// Which element types an operand may have.
enum class DTypeClass : uint8_t { kAny, kFloat, kInteger, kNumeric /* float or integer */, kBool };

/// Numbers from `lowest` to `highest`, both included.
struct ValueRange {
  double lowest = 0, highest = 0;
};

struct OperandSpec {
  std::string_view name;
  DTypeClass dtypes = DTypeClass::kAny;
  /// All operands with the same non-negative group have one dtype.
  int dtype_group = 0;
  bool optional = false;  ///< may be left out (only trailing operands)
  bool variadic = false;  ///< the last operand only: zero or more
  /// Where its elements must lie to mean anything. Readers check data columns that feed it as they
  /// are before the first step; kernels compute with whatever comes.
  std::optional<ValueRange> range = std::nullopt;
};

struct AttributeSpec {
  std::string_view name;
  AttributeKind kind;
  std::optional<Attribute> default_value = std::nullopt;  ///< required when absent
  std::string_view doc = "";
  /// For kString: the allowed words; empty = any.
  std::vector<std::string_view> choices = {};
};

struct Signature {
  std::vector<OperandSpec> operands;
  std::vector<AttributeSpec> attributes = {};
  std::vector<std::string_view> results = {"result"};
};

/// One occurrence of an operator: what `infer`, `define` and the others see.
struct OpContext {
  std::span<const TensorType> operands;
  const Attributes& attributes;

  const Shape& shape(int operand) const { return operands[operand].shape; }
  DType dtype(int operand) const { return operands[operand].dtype; }
};

/// What a vjp sees. Values belong to `b`.
struct VjpContext {
  GraphBuilder& b;
  OpContext op;
  std::span<const Value> operands;
  std::span<const Value> results;
  /// Arriving gradient of each result; invalid where none arrives.
  std::span<const Value> gradients;
  /// Which operands' gradients are wanted. Others may be returned as invalid.
  std::span<const bool> wanted;

  /// Set by a vjp that differentiates a body and fails; what it returns is then ignored.
  std::optional<Diagnostic>* error = nullptr;

  Value gradient() const { return gradients[0]; }
};

/// How many rows are not padding. Row r stands at position r of the batch axis; where a reshape has
/// merged the batch with other axes (heads, positions), at each p with p / stride % rows = r.
struct ValidRows {
  Value count;  ///< i64 scalar
  int64_t rows = 0;
  int64_t stride = 1;

  /// bool, of the rank of `shape`: true on valid rows along `axis`, extents 1 elsewhere.
  Value Mask(GraphBuilder& b, const Shape& shape, int axis) const;
};

/// What a row-mask rule sees: operand rows [valid_rows, batch) are padding.
struct MaskContext {
  GraphBuilder& b;
  OpContext op;
  std::span<const Value> operands;
  /// Batch axis of each operand, -1 where it has none.
  std::span<const int> batch_axes;
  ValidRows valid_rows;  ///< of every operand that has a batch axis

  /// bool, of the operand's rank: true on valid rows, extents 1 elsewhere.
  Value Mask(int operand) const {
    return valid_rows.Mask(b, op.shape(operand), batch_axes[operand]);
  }
};

/// Leaves have no operands and no define: where their value comes from.
enum class Leaf : uint8_t {
  kNone,
  kInput,         ///< graph input
  kConstant,      ///< attribute "value"
  kSeed,          ///< i64 scalar, state
  kStep,          ///< i64 scalar, state: number of finished updates
  kLoopStep,      ///< i64 scalar: iteration of the innermost enclosing loop, 0 outside
  kValidRows,     ///< i64 scalar: rows of this call that are not padding
  kLearningRate,  ///< f64 scalar, state: as set from outside
};

/// Control operators: how their body graphs run. `scan` is a loop, `if` a branch.
///
/// A branch runs the graph of its attribute `then_body` or `else_body`, as operand 0, a bool
/// scalar, says. The other operands are the inputs of either body, the results its outputs.
enum class Control : uint8_t { kNone, kLoop, kBranch };

/// How a loop node maps onto its body. Body inputs: carried, sliced, invariant, in that order;
/// operands stand in the same order. Body outputs: next carried, then one slice of each stacked
/// result. Node results: final carried, stacked, then the history of each carried value (its value
/// before every iteration).
///
/// Iteration t works on slice t, or slice trip_count - 1 - t if reverse: it reads that slice of the
/// sliced operands and writes that slice of the stacked results and histories. Its `loop_step` is
/// first_step plus that number, plus, if `continues`, trip_count times the enclosing loop's.
struct LoopForm {
  int64_t trip_count = 0;
  int carried = 0;
  int sliced = 0;   ///< operands [trip_count, ...]
  int stacked = 0;  ///< results [trip_count, ...]
  bool reverse = false;
  int64_t first_step = 0;
  bool continues = false;

  int64_t Slice(int64_t iteration) const {
    return reverse ? trip_count - 1 - iteration : iteration;
  }
  int64_t LoopStep(int64_t slice, int64_t enclosing) const {
    return first_step + slice + (continues ? enclosing * trip_count : 0);
  }
};

/// Special kernel forms; a node whose op has one may be kept whole by Expand.
enum class KernelForm : uint8_t {
  kLoops,
  kScatter,  ///< operands (x, indices, updates), attribute reduce
  kPrefix,  ///< attributes axis, exclusive, reverse; read r of the definition is operand r, and the
            ///< step of its state 0, which is the result, needs no other state
  kSort,    ///< ranks along attribute axis; attribute descending
  kAttention,          ///< operands (q, k, v, mask?), attributes causal, scale
  kAttentionGradient,  ///< operands (q, k, v, lse, g, delta, mask?), the same attributes
};

struct OpDef {
  std::string_view name;
  /// First sentence, blank line, then Markdown: equation, shapes, source, ties and kinks.
  std::string_view doc;
  /// One application and what it gives, which a test evaluates: "cumsum([1, 2]) = [1, 3]". Operands
  /// are f32 unless typed (`i64 [0, 2]`), bodies follow the call as in the text form, `_` is a
  /// result that is not shown, numbers hold to the places that are written; behind a metric's sums
  /// stands `->` and what is shown of them. Inputs and constants have their statement instead.
  std::string_view example = "";
  Signature signature;

  /// Types of the results, or an error naming rule and shapes (the caller adds the node).
  Result<std::vector<TensorType>> (*infer)(const OpContext&) = nullptr;

  // Exactly one of leaf, control, define, expand; a kernel form may have define or expand as
  // reference. With define and expand, define is the meaning and expand what is compiled.
  Leaf leaf = Leaf::kNone;
  Control control = Control::kNone;
  TensorExpr (*define)(const OpContext&) = nullptr;
  std::vector<Value> (*expand)(GraphBuilder&, const OpContext&,
                               std::span<const Value> operands) = nullptr;
  LoopForm (*loop)(const OpContext&) = nullptr;
  KernelForm form = KernelForm::kLoops;
  /// Types and attributes that the form covers; null: all. Expand replaces the others.
  bool (*form_covers)(const OpContext&) = nullptr;

  /// For operands that hold indices or class numbers: the extent they index, 0 for other operands.
  /// Readers check data columns against it before the first step.
  int64_t (*index_limit)(const OpContext&, int operand) = nullptr;

  /// The attribute, if any, that says the axis along which elements meet: operands and results have
  /// the same axes, and what stands apart along another one stays so.
  const char* meets_along = nullptr;

  /// Gradients of the operands, one per operand (invalid: zero), of the operand's type or
  /// broadcastable from it: the driver sums over broadcast axes. Null: no gradient, and
  /// `no_gradient` says why.
  std::vector<Value> (*vjp)(const VjpContext&) = nullptr;
  std::string_view no_gradient = "";

  /// Replacement outside train_step (dropout, batch_norm): results of the replacement. Null:
  /// itself.
  std::vector<Value> (*inference)(GraphBuilder&, const OpContext&,
                                  std::span<const Value> operands) = nullptr;
  /// Replacement that ignores padded rows, where rows mix. Null or empty: rows must stay apart.
  std::vector<Value> (*mask_rows)(const MaskContext&) = nullptr;

  /// For metrics (docs/ir.md): `expand` gives sums over rows, f64; this gives the values shown.
  std::vector<Value> (*finish)(GraphBuilder&, const OpContext&, Value sums) = nullptr;

  bool is_metric() const { return finish != nullptr; }
  /// Made of other operators.
  bool is_composite() const { return expand != nullptr; }
  /// Does Expand replace a node of it, as no kernel form covers it?
  bool IsReplaced(const OpContext& node) const {
    const bool covered =
        form != KernelForm::kLoops && (form_covers == nullptr || form_covers(node));
    return is_composite() && !covered;
  }
};

/// Checks operand count, dtypes and attributes against the signature, then infers. `attributes`
/// gets the defaults filled in.
Result<std::vector<TensorType>> InferTypes(const OpDef& op, std::span<const TensorType> operands,
                                           Attributes& attributes);

/// The operator of that name, or null.
const OpDef* FindOp(std::string_view name);
/// All operators, by family, in the order of docs/ops.md.
struct OpFamily {
  std::string_view name;  ///< "elementwise"
  std::span<const OpDef> ops;
};
std::span<const OpFamily> OpFamilies();

}  // namespace descent
