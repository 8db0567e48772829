// One optimized entry point, compiled in process, whose calls take and give values by name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/codegen/jit.h"
#include "compiler/memory_check.h"
#include "ir/interpreter.h"
#include "ir/model.h"
#include "tests/compiler/oracle/option_set.h"

namespace descent {

/// Inputs and state by name: a graph's inputs, "seed", "step", "learning_rate" and "valid_rows".
using NamedTensors = std::map<std::string, Tensor>;

inline constexpr std::string_view kValidRowsName = "valid_rows";

/// By OptionSet::threads; at most one of several threads lives at a time.
const descent_executor* ExecutorFor(int threads);

/// `values` with the system's own as kSampleValues has them, where they are not given.
NamedTensors WithSystemValues(NamedTensors values);
/// What the leaves read.
RunValues RunValuesOf(const NamedTensors& values);
/// In the order of the graph's inputs; where the graph's have fewer rows, the first ones.
std::vector<Tensor> InputsOf(const Graph& graph, const NamedTensors& values);

/// Row-major places, in `whole`, of the elements whose coordinates lie inside `corner`.
std::vector<int64_t> PlacesInside(const Shape& whole, const Shape& corner);
/// These elements.
Tensor CornerOf(const Tensor& tensor, const Shape& corner);

/// Rows along `axis` from number `valid_rows` on are those of row 0.
Tensor WithFirstRowRepeated(const Tensor& tensor, int axis, int64_t valid_rows);

/// Bytes of an input or output, all set, with as many on both sides as MemoryCheck asks for.
class GuardedBytes {
 public:
  GuardedBytes(int64_t bytes, int64_t guard_bytes)
      : bytes_(bytes),
        guard_(guard_bytes),
        storage_(guard_bytes == 0 ? bytes : Aligned(bytes) + 2 * guard_bytes, std::byte{0xFF}) {}

  std::byte* data() { return storage_.data() + guard_; }
  std::vector<std::byte> Copy() const {
    return {storage_.begin() + guard_, storage_.begin() + guard_ + bytes_};
  }

 private:
  int64_t bytes_, guard_;
  std::vector<std::byte> storage_;
};

/// Changes a program before code is generated for it.
using Tamper = std::function<void(KernelProgram&)>;

class CompiledCase {
 public:
  static Result<CompiledCase> Make(const Model& optimized, const OptionSet& options,
                                   const Tamper& tamper = {});

  struct Call {
    std::vector<Tensor> outputs;  ///< in the order of the graph's outputs
    bool bad_index = false;
    std::string unwritten;  ///< a value that was shown to the observer before it was whole
    std::string memory;     ///< what the memory check found
  };
  Call Run(const NamedTensors& values) const;

 private:
  CompiledCase(Model optimized, OptionSet options)
      : model_(std::move(optimized)), options_(options) {}
  Call RunRound(const NamedTensors& values, MemoryCheck::Round round) const;

  Model model_;
  OptionSet options_;
  std::unique_ptr<KernelProgram> program_ = std::make_unique<KernelProgram>();
  std::unique_ptr<Target> target_;
  std::unique_ptr<MemoryCheck> check_;  ///< null without guards
  std::unique_ptr<JitProgram> jit_;
};

/// Multiplies the floats that a kernel of the program stores (number `which`, modulo their count)
/// by 1 + `relative`.
void Perturb(KernelProgram& program, uint64_t which, double relative);

}  // namespace descent
