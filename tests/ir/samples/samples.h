// Samples of every operator: what conformance tests run, interpreted and compiled.
//
//   for (const OpSample& sample : AllSamples()) {
//     std::vector<Tensor> inputs = SampleOperands(sample);   // the same on every machine
//     ...
//   }
//
// A new operator gets its rows in the table of its family; a test fails for an operator without
// samples.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/interpreter.h"
#include "ir/op_def.h"

namespace descent {

struct OpSample {
  std::string_view op;
  std::vector<TensorType> operands;
  Attributes attributes = {};
  /// Row-major values of each operand; missing or empty lists are generated.
  std::vector<std::vector<double>> values = {};
  /// Values of each result from a calculation outside Descent (NumPy in float64 unless `source`
  /// says otherwise); missing or empty lists are not stated.
  std::vector<std::vector<double>> expected = {};
  std::string_view source = "";
  double low = -2, high = 2;  ///< range of generated floats
  int64_t integers = 4;       ///< generated integers lie in [0, integers)
  /// Whether the result is differentiable in a neighbourhood of the sample.
  bool smooth = true;
  /// Gradient of the sum of result 0 for each operand, stated where there are ties and kinks.
  std::vector<std::vector<double>> gradients = {};
  /// The result that gradients are checked through; -1: all float results.
  int differentiated_result = -1;
  bool bad_index = false;   ///< whether an index out of range is to be reported
  bool not_finite = false;  ///< whether a failed assert_finite is to be reported
  /// Whether special values hold denormals. A product of many elements vanishes below f32's range,
  /// but not in the interpreter's f64, and then meets an infinity.
  bool denormals = true;
};

/// Operands and attributes that must be refused with a message that contains `message`.
struct ErrorSample {
  std::string_view op;
  std::vector<TensorType> operands;
  Attributes attributes;
  std::string_view message;
};

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

inline TensorType F32(Shape shape) { return {DType::kF32, std::move(shape)}; }
inline TensorType F64(Shape shape) { return {DType::kF64, std::move(shape)}; }
inline TensorType I32(Shape shape) { return {DType::kI32, std::move(shape)}; }
inline TensorType I64(Shape shape) { return {DType::kI64, std::move(shape)}; }
inline TensorType U8(Shape shape) { return {DType::kU8, std::move(shape)}; }
inline TensorType BF16(Shape shape) { return {DType::kBF16, std::move(shape)}; }
inline TensorType F16(Shape shape) { return {DType::kF16, std::move(shape)}; }
inline TensorType I8(Shape shape) { return {DType::kI8, std::move(shape)}; }
inline TensorType I16(Shape shape) { return {DType::kI16, std::move(shape)}; }
inline TensorType U16(Shape shape) { return {DType::kU16, std::move(shape)}; }
inline TensorType U32(Shape shape) { return {DType::kU32, std::move(shape)}; }
inline TensorType U64(Shape shape) { return {DType::kU64, std::move(shape)}; }
inline TensorType Bool(Shape shape) { return {DType::kBool, std::move(shape)}; }
using Ints = std::vector<int64_t>;

/// The leaves' values for all samples.
inline constexpr RunValues kSampleValues = {
    .seed = 42, .step = 0, .valid_rows = 3, .learning_rate = 0.5};

/// Sizes around vector widths, and the degenerate ones.
inline constexpr int64_t kSampleSizes[] = {0, 1, 3, 7, 9, 17, 33};

/// All samples, by family.
const std::vector<OpSample>& AllSamples();
const std::vector<ErrorSample>& AllErrorSamples();

/// Operand values: those stated, else distinct numbers that fill the range evenly. Floats are f64
/// in exact mode.
std::vector<Tensor> SampleOperands(const OpSample& sample, Precision precision = Precision::kTyped);
/// The operator on graph inputs "x0", "x1", ...; outputs "y0", "y1", ...
Result<Graph> SampleGraph(const OpSample& sample);
/// "matmul(f32[2, 3], f32[3, 4])" for messages.
std::string Describe(const OpSample& sample);

// One pair for each family.
struct FamilySamples {
  std::vector<OpSample> samples;
  std::vector<ErrorSample> errors;
};
FamilySamples LeafSamples();
FamilySamples ArithmeticSamples();
FamilySamples ElementarySamples();
FamilySamples ElementwiseSamples();
FamilySamples ReduceSamples();
FamilySamples StatisticSamples();
FamilySamples PrefixSamples();
FamilySamples ContractSamples();
FamilySamples EinsumSamples();
FamilySamples ConvolutionSamples();
FamilySamples LayoutSamples();
FamilySamples ArrangeSamples();
FamilySamples MatrixSamples();
FamilySamples WindowSamples();
FamilySamples PoolSamples();
FamilySamples ResizeSamples();
FamilySamples RectifierSamples();
FamilySamples ActivationSamples();
FamilySamples SoftmaxSamples();
FamilySamples LossSamples();
FamilySamples NormalizationSamples();
FamilySamples LayerNormalizationSamples();
FamilySamples AttentionSamples();
FamilySamples TransformerSamples();
FamilySamples IndexingSamples();
FamilySamples ScatterSamples();
FamilySamples BagSamples();
FamilySamples SortSamples();
FamilySamples SelectionSamples();
FamilySamples RandomSamples();
FamilySamples InitializerSamples();
FamilySamples ControlSamples();
FamilySamples FlowSamples();
FamilySamples AnnotationSamples();
FamilySamples RecurrentSamples();
FamilySamples MetricSamples();
FamilySamples DTypeSamples();
FamilySamples QuantizeSamples();

}  // namespace descent
