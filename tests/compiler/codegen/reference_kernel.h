// ReferenceKernel: a kernel executed point by point with plain C++; slow and obvious.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/kernel/program.h"
#include "ir/tensor.h"

namespace descent {

class ReferenceKernel {
 public:
  ReferenceKernel(const Kernel& kernel, const std::vector<Tensor>& values);
  /// Status bits.
  uint32_t Run();
  std::vector<Tensor> values() const;

 private:
  struct Number {
    double real = 0;
    int64_t integer = 0;
  };
  struct Storage {
    TensorType type;
    std::vector<std::byte> bytes;
  };
  using Point = std::vector<int64_t>;

  void RunStage(const Stage& stage, const Point& outer);
  void RunForm(const LoopsForm& form);
  void RunForm(const ContractionForm& form);
  void RunForm(const ScatterForm& form);
  void RunForm(const BucketsForm& form);
  void RunForm(const PrefixForm& form);
  void RunForm(const SortForm& form);
  void RunForm(const AttentionForm& form);
  void RunWhole(std::vector<Tensor> (*reference)(const Kernel&, std::vector<Tensor>));
  Number ReadAt(const Stage& stage, int number, const Point& point);
  int64_t IndexAt(const Stage& stage, const Index& index, const Point& point);
  Number Evaluate(const Stage& stage, const Scalar& scalar, const Point& point,
                  const std::vector<Number>& accumulators);
  Number Load(const Storage& storage, int64_t flat) const;
  void StoreAt(Storage& storage, int64_t flat, Number value);
  static Number Round(DType dtype, Number value);
  static Number Apply(const ScalarNode& node, const std::vector<Number>& x);

  const Kernel& kernel_;
  std::vector<Storage> parameters_, locals_;
  uint32_t status_ = 0;
};

}  // namespace descent
