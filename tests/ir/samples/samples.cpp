#include "tests/ir/samples/samples.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace descent {
namespace {

FamilySamples Collect() {
  FamilySamples all;
  for (FamilySamples (*family)() : {LeafSamples,          ArithmeticSamples,
                                    ElementarySamples,    ElementwiseSamples,
                                    ReduceSamples,        StatisticSamples,
                                    PrefixSamples,        ContractSamples,
                                    EinsumSamples,        ConvolutionSamples,
                                    LayoutSamples,        ArrangeSamples,
                                    MatrixSamples,        WindowSamples,
                                    PoolSamples,          ResizeSamples,
                                    RectifierSamples,     ActivationSamples,
                                    SoftmaxSamples,       LossSamples,
                                    NormalizationSamples, LayerNormalizationSamples,
                                    AttentionSamples,     TransformerSamples,
                                    IndexingSamples,      ScatterSamples,
                                    BagSamples,           SortSamples,
                                    SelectionSamples,     RandomSamples,
                                    InitializerSamples,   ControlSamples,
                                    FlowSamples,          AnnotationSamples,
                                    RecurrentSamples,     MetricSamples,
                                    DTypeSamples,         QuantizeSamples}) {
    FamilySamples samples = family();
    std::ranges::move(samples.samples, std::back_inserter(all.samples));
    std::ranges::move(samples.errors, std::back_inserter(all.errors));
  }
  return all;
}

const FamilySamples& All() {
  static const FamilySamples kAll = Collect();
  return kAll;
}

/// Multiples of the golden ratio modulo 1: distinct and evenly spread.
double Spread(int64_t index, size_t operand) {
  const double place = 0.41421356 * static_cast<double>(operand) +
                       0.6180339887498949 * static_cast<double>(index + 1);
  return place - std::floor(place);
}

std::vector<double> Generated(const OpSample& sample, size_t operand) {
  const TensorType& type = sample.operands[operand];
  std::vector<double> values;
  for (int64_t i = 0; i < type.elements(); ++i) {
    const double place = Spread(i, operand);
    values.push_back(Info(type.dtype).is_float ? sample.low + (sample.high - sample.low) * place
                     : type.dtype == DType::kBool
                         ? place < 0.5
                         : std::floor(static_cast<double>(sample.integers) * place));
  }
  return values;
}

}  // namespace

const std::vector<OpSample>& AllSamples() { return All().samples; }
const std::vector<ErrorSample>& AllErrorSamples() { return All().errors; }

std::vector<Tensor> SampleOperands(const OpSample& sample, Precision precision) {
  std::vector<Tensor> operands;
  for (size_t i = 0; i < sample.operands.size(); ++i) {
    const bool stated = i < sample.values.size() && !sample.values[i].empty();
    TensorType type = sample.operands[i];
    if (Info(type.dtype).is_float && precision == Precision::kExact) type.dtype = DType::kF64;
    operands.push_back(Tensor::FromDoubles(type, stated ? sample.values[i] : Generated(sample, i)));
  }
  return operands;
}

Result<Graph> SampleGraph(const OpSample& sample) {
  GraphBuilder b;
  std::vector<Value> operands;
  for (const TensorType& type : sample.operands)
    operands.push_back(b.Input(fmt::format("x{}", operands.size()), type));
  std::vector<Value> results = operands;
  if (FindOp(sample.op)->leaf != Leaf::kInput) {
    DESCENT_TRY(added, b.TryAdd(sample.op, std::move(operands), sample.attributes));
    results = std::move(added);
  }
  for (size_t i = 0; i < results.size(); ++i) b.Output(fmt::format("y{}", i), results[i]);
  return std::move(b).Build();
}

std::string Describe(const OpSample& sample) {
  std::vector<std::string> operands;
  for (const TensorType& type : sample.operands) operands.push_back(ToString(type));
  return fmt::format("{}({})", sample.op, fmt::join(operands, ", "));
}

}  // namespace descent
