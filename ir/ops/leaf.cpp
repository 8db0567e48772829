// Leaves: values that come from outside the graph.
#include "ir/ops/families.h"

namespace descent {
namespace {

Result<std::vector<TensorType>> InferInput(const OpContext& op) {
  return std::vector<TensorType>{{op.attributes.Type("dtype"), op.attributes.Ints("shape")}};
}

Result<std::vector<TensorType>> InferConstant(const OpContext& op) {
  return std::vector<TensorType>{op.attributes.Literal("value").type()};
}

template <DType dtype>
Result<std::vector<TensorType>> InferScalar(const OpContext&) {
  return std::vector<TensorType>{{dtype, {}}};
}

constexpr std::string_view kOutside = "its value comes from outside the graph";

OpDef ScalarLeaf(std::string_view name, std::string_view doc, std::string_view example, Leaf leaf,
                 Result<std::vector<TensorType>> (*infer)(const OpContext&)) {
  return {.name = name,
          .doc = doc,
          .example = example,
          .signature = {},
          .infer = infer,
          .leaf = leaf,
          .no_gradient = kOutside};
}

}  // namespace

std::span<const OpDef> LeafOps() {
  static const std::vector<OpDef> kOps = {
      {
          .name = "input",
          .doc = "An argument of the graph: data or a state slot.\n\nIt is declared with its type "
                 "and the column that feeds it: data has an axis `batch`, a parameter or statistic "
                 "is read by its name (docs/ir.md, Concepts).",
          .example = "input x: f32[3, 2] from features",
          .signature = {.operands = {},
                        .attributes = {{"index", AttributeKind::kInt, {}, "position among inputs"},
                                       {"dtype", AttributeKind::kDType, {}, "element type"},
                                       {"shape", AttributeKind::kInts, {}, "extents"}}},
          .infer = InferInput,
          .leaf = Leaf::kInput,
          .no_gradient = kOutside,
      },
      {
          .name = "constant",
          .doc = "A tensor known at compile time.\n\nA literal, row by row; a single number fills "
                 "the whole tensor (ONNX Constant).",
          .example = "half: f32[2] = 0.5",
          .signature = {.operands = {},
                        .attributes = {{"value", AttributeKind::kTensor, {}, "the tensor"}}},
          .infer = InferConstant,
          .leaf = Leaf::kConstant,
          .no_gradient = "it does not depend on anything",
      },
      ScalarLeaf("seed",
                 "The seed of the run, an i64 scalar.\n\nThe key of all random numbers "
                 "(docs/design.md, Randomness).",
                 "seed() = 1", Leaf::kSeed, InferScalar<DType::kI64>),
      ScalarLeaf(
          "step",
          "The number of finished training steps, an i64 scalar.\n\nSchedules and bias corrections "
          "follow it, and random numbers differ by it (docs/design.md, Randomness).",
          "step() = 0", Leaf::kStep, InferScalar<DType::kI64>),
      ScalarLeaf(
          "loop_step",
          "The slice that the innermost enclosing loop works on, an i64 scalar.\n\n0 outside "
          "loops. It keeps the random numbers of iterations apart (docs/design.md, Randomness).",
          "loop_step() = 0", Leaf::kLoopStep, InferScalar<DType::kI64>),
      ScalarLeaf("valid_rows",
                 "The number of rows of this call that are not padding, an i64 scalar.\n\nA last, "
                 "smaller batch is filled up with copies of row 0, which count in no loss and no "
                 "metric (docs/design.md, Entry points).",
                 "valid_rows() = 4", Leaf::kValidRows, InferScalar<DType::kI64>),
      ScalarLeaf("learning_rate",
                 "The base learning rate as set from outside, an f64 scalar of the "
                 "state.\n\n`--set optimizer.learning_rate` or the trainer sets it, schedules "
                 "multiply it (docs/ir.md, Tasks).",
                 "learning_rate() = 0.1", Leaf::kLearningRate, InferScalar<DType::kF64>),
  };
  return kOps;
}

}  // namespace descent
