// Random graphs over all operators: the samples of tests/ir/samples and variations of them, strung
// together (the idea of NNSmith: Liu et al., ASPLOS 2023).
//
// A graph grows by one sample after another. Its operands are earlier values where their element
// type allows, moved to the sample's shape (reshape, slice, repetition) and into its range; so
// every value stays inside the domains that the operators' samples were written for. A new operator
// takes part as soon as it has samples.
//
// With a batch, some values hold rows: those stay apart on the way from one operator to the next.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "ir/graph.h"
#include "ir/tensor.h"
#include "tests/compiler/oracle/row_samples.h"

namespace descent {

struct RandomGraphOptions {
  int operators = 6;      ///< at most
  bool gradients = true;  ///< with those of the sum of all differentiable results
  bool second = false;    ///< and, where there are, those of the sum of all gradients
  bool smooth = false;    ///< only samples that are differentiable around their values
  Batch batch = {};       ///< whose rows some inputs hold
};

struct RandomGraph {
  Graph graph;                 ///< values that nothing reads are outputs; so are gradients
  std::vector<Tensor> inputs;  ///< of the graph, in order
};

/// Outputs that are gradients are called kFirstPrefix and a number; those of them, kSecondPrefix.
inline constexpr std::string_view kFirstPrefix = "first", kSecondPrefix = "second";

/// The same on every machine for the same seed.
RandomGraph MakeRandomGraph(uint64_t seed, const RandomGraphOptions& options = {});

/// Gradients of the sum of all elements of `values`: nullopt where there are none, or an operator
/// on the way has none.
std::optional<std::vector<Value>> GradientsOfSum(GraphBuilder& b, std::span<const Value> values,
                                                 std::span<const Value> wanted);

/// A graph as it grows, for what puts more on top of it.
class GraphGrower {
 public:
  GraphGrower(uint64_t seed, const RandomGraphOptions& options);

  /// Adds the operators that the seed deals.
  void Grow();

  GraphBuilder& builder() { return b_; }
  Random& random() { return random_; }
  const std::vector<Tensor>& inputs() const { return inputs_; }
  /// Axis of each input that holds rows, or -1.
  const std::vector<int>& input_axes() const { return input_axes_; }
  const std::vector<Value>& float_inputs() const { return float_inputs_; }
  /// Results that no operator reads.
  std::vector<Value> Results() const;
  /// Floats that depend on an input through differentiable operators only, and that no other such
  /// value is computed from.
  std::vector<Value> Differentiable() const;
  const Tensor& ValueOf(Value value);
  /// Whether some gradient takes operands as constants: it is no function of them that could be
  /// differentiated again.
  bool takes_constants() const { return takes_constants_; }

 private:
  void Add(const OpSample& sample);
  void Add(const RowSample& placed);
  Value OperandFor(const RowSample& placed, size_t operand, const Tensor& generated);
  Value NewInput(const Tensor& value, int row_axis);
  Value NewConstant(const OpSample& sample, size_t operand, const Tensor& value);
  std::optional<Value> Into(Value value, const OpSample& sample, size_t operand);
  Value Shaped(Value value, const Shape& shape);
  Value ShapedRows(Value value, int row_axis, const Shape& shape, int new_axis);
  int RowAxis(Value value) const;

  const uint64_t seed_;
  Random random_;
  RandomGraphOptions options_;
  GraphBuilder b_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> constants_;
  std::vector<size_t> read_constants_;  ///< of constants_, by the operator that is being added
  std::vector<int> input_axes_;
  std::vector<Value> float_inputs_;
  std::vector<Value> pool_;  ///< results of the operators so far
  std::vector<Value> read_;
  std::vector<Value> sources_;     ///< what the operands of the newest node come from
  std::map<Value, int> row_axes_;  ///< of values that hold rows
  std::map<Value, Tensor> known_;
  bool takes_constants_ = false;
};

}  // namespace descent
