// Region: the work of one graph (an entry point's or a loop body's) over a table of tensors, before
// fusion.
//
// A tensor is a value with a place in memory: its own bytes, or those of another tensor (`alias`),
// whole or one slice per iteration. `Overwrite` says that a tensor takes the bytes of an older one
// (the next value of a state slot or of a carried value): whoever reads the older one must come
// first.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/kernel/computation.h"
#include "compiler/kernel/program.h"
#include "compiler/kernel/target_facts.h"
#include "ir/model.h"

namespace descent {

struct EntryTensor {
  std::string name;
  TensorType type;
  std::string origin;
  Section section = Section::kForward;
  Scalar splat;                    ///< constants whose elements are all equal
  int alias = -1;                  ///< lies in the bytes of this tensor
  int64_t slice_stride_bytes = 0;  ///< with alias: one slice per iteration
  bool from_end = false;
  int buffer = -1;  ///< of tensors without alias, once they have one
  /// Memory axis i is axis order[i] of `type`, until layouts are chosen; empty: as in `type`.
  std::vector<int> order = {};
};

struct LoopWork;
struct BranchWork;

/// A node kept whole: its kernel, not scheduled, and the tensor of each parameter.
struct FormWork {
  Kernel kernel;
  std::vector<int> tensors;

  std::vector<int> Reads() const;
  std::vector<int> Writes() const;
  /// The parameter whose bytes `written` takes, keeping some of them; -1 if there is none.
  int UpdatedBy(int written) const;
};

/// One of four; the pointers are null in a computation.
struct Work {
  Computation computation;
  std::shared_ptr<FormWork> form;
  std::shared_ptr<LoopWork> loop;
  std::shared_ptr<BranchWork> branch;

  bool is_computation() const { return !form && !loop && !branch; }
  /// Made of regions.
  bool is_control() const { return loop || branch; }
  /// What must be there before it; what a computation only waits for, too.
  std::vector<int> Reads() const;
  std::vector<int> Writes() const;
};

struct Overwrite {
  int older = -1, newer = -1;
};

/// `value` must end up in the bytes of `target`, which hold `older` until then (-1: nothing that
/// matters).
struct Delivery {
  int value = -1, target = -1, older = -1;
};

struct Region {
  std::vector<Work> works;  ///< in topological order
  std::vector<Delivery> deliveries;
  std::vector<Overwrite> overwrites;
};

struct LoopWork {
  int64_t trip_count = 0;
  int counter = -1;
  Region body;
  std::vector<int> reads;  ///< tensors of the outer region
  std::vector<int> writes;
  /// (tensor at the end of an iteration, tensor at its begin): the same bytes.
  std::vector<std::pair<int, int>> carried;
};

struct BranchWork {
  int condition = -1;
  Region then_body, else_body;  ///< either delivers to `writes`
  std::vector<int> reads;       ///< tensors of the outer region, the condition included
  std::vector<int> writes;
  /// Results that take the bytes of an older value; a side may leave it there.
  std::vector<Overwrite> in_place;
};

/// Where the leaves of a graph take their tensors from.
struct LeafTensors {
  std::vector<int> inputs;  ///< per graph input
  int seed = -1, step = -1, loop_step = -1, valid_rows = -1, learning_rate = -1;
};

/// The tensors of one entry point.
class TensorTable {
 public:
  int Add(EntryTensor tensor);
  /// One of the origin and section of `tensor`.
  int AddBeside(int tensor, std::string name, TensorType type);
  EntryTensor& operator[](int tensor) { return tensors_[tensor]; }
  const EntryTensor& operator[](int tensor) const { return tensors_[tensor]; }
  int size() const { return static_cast<int>(tensors_.size()); }
  /// The tensor in whose bytes it lies.
  int Base(int tensor) const;
  /// Is it a slice that advances with the innermost loop?
  bool IsSlice(int tensor) const { return tensors_[tensor].slice_stride_bytes != 0; }

 private:
  std::vector<EntryTensor> tensors_;
};

struct BuiltRegion {
  Region region;
  std::vector<int> outputs;  ///< tensor of each graph output
  /// Constants that are not splats: tensor and value.
  std::vector<std::pair<int, Tensor>> constants;
};

/// The target's facts say into how many kernels a sort or a scatter is cut.
Result<BuiltRegion> BuildRegion(const Graph& graph, const LeafTensors& leaves, TensorTable& tensors,
                                const TargetFacts& target);

/// Carries out the deliveries: a value is computed right in its target where the order of reads
/// allows, else copied by a kernel of its own.
void Deliver(Region& region, TensorTable& tensors);

/// Removes works whose results nobody reads or delivers; to be called after Deliver.
void DropUnread(Region& region, const TensorTable& tensors);

}  // namespace descent
