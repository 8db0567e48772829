// Random graphs over all operators: the samples of tests/ir/samples and variations of them, strung
// together (the idea of NNSmith: Liu et al., ASPLOS 2023).
//
// A graph grows by one sample after another. Its operands are earlier values where their element
// type allows, moved to the sample's shape (reshape, slice, repetition) and into its range; so
// every value stays inside the domains that the operators' samples were written for. A new operator
// takes part as soon as it has samples.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "ir/graph.h"
#include "ir/tensor.h"
#include "tests/compiler/oracle/sample_variation.h"

namespace descent {

struct RandomGraphOptions {
  int operators = 6;      ///< at most
  bool gradients = true;  ///< with those of the sum of all differentiable results
  bool smooth = false;    ///< only samples that are differentiable around their values
};

struct RandomGraph {
  Graph graph;                 ///< values that nothing reads are outputs; so are gradients
  std::vector<Tensor> inputs;  ///< of the graph, in order
  int gradients = 0;           ///< outputs that are gradients: the last ones
};

/// The same on every machine for the same seed. Seeds that follow each other start with different
/// operators, so that none is rare.
RandomGraph MakeRandomGraph(uint64_t seed, const RandomGraphOptions& options = {});

/// Operators that random graphs are made of, each with samples.
const std::vector<const OpDef*>& RandomOperators();

/// A graph as it grows, for what puts more on top of it.
class GraphGrower {
 public:
  GraphGrower(uint64_t seed, const RandomGraphOptions& options);

  /// Adds operators until there are enough.
  void Grow(uint64_t first_operator);

  GraphBuilder& builder() { return b_; }
  Random& random() { return random_; }
  const std::vector<Tensor>& inputs() const { return inputs_; }
  const std::vector<Value>& float_inputs() const { return float_inputs_; }
  /// Results that no operator reads.
  std::vector<Value> Results() const;
  /// Floats that depend on an input through differentiable operators only, and that no other such
  /// value is computed from.
  std::vector<Value> Differentiable() const;
  const Tensor& ValueOf(Value value);

 private:
  void Add(const OpSample& sample);
  Value OperandFor(const OpSample& sample, size_t operand, const Tensor& generated);
  Value NewInput(const Tensor& value);
  std::optional<Value> Into(Value value, const OpSample& sample, size_t operand);
  Value Shaped(Value value, const Shape& shape);

  Random random_;
  RandomGraphOptions options_;
  GraphBuilder b_;
  std::vector<Tensor> inputs_;
  std::vector<Value> input_values_, float_inputs_;
  std::vector<Value> pool_;  ///< results of the operators so far
  std::vector<Value> read_;
  std::map<Value, Tensor> known_;
  int added_ = 0;
};

}  // namespace descent
