// KernelProgram: how a model runs. Scheduled loop nests over planned memory; no operators any more.
//
//   Graph --Fuse, LowerGroup--> kernels --Schedule--> tiles --PlanMemory--> offsets --EmitModule-->
//   LLVM
//
// A Kernel is parametrized over its buffers, so equal kernels (repeated layers, several entry
// points) exist once in `KernelProgram::kernels`; a KernelCall binds buffers to it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/kernel/constant_section.h"
#include "ir/counts.h"
#include "ir/model.h"
#include "ir/op_def.h"
#include "ir/tensor_expr.h"

namespace descent {

/// What is given memory of its own (buffers, state, constants, parts of scratch) starts at a
/// multiple of this.
inline constexpr int64_t kAlignment = 64;
inline int64_t Aligned(int64_t bytes) { return RoundUp(bytes, kAlignment); }

// ---- kernels -----------------------------------------------------------------------------------

/// A tensor that a kernel reads or writes; row-major unless a layout says otherwise.
struct KernelParameter {
  TensorType type;
  bool written = false;
  bool operator==(const KernelParameter&) const = default;
};

/// Where a read takes its value: a parameter of the kernel or a local of an earlier stage.
enum class Source : uint8_t { kParameter, kLocal };

/// As Read of TensorExpr, over the axes [outer..., own parallel..., own reduced...]. Coordinates of
/// a local are those of its own parallel axes (the outer ones are the current ones by definition).
struct StageRead {
  Source source = Source::kParameter;
  int index = 0;
  std::vector<Index> coordinates;
  std::vector<Guard> guards;
  Scalar outside;
};

/// A value of shape `shape` that lives for one outer iteration: in registers when a scalar, else in
/// the worker's scratch.
struct Local {
  DType dtype;
  Shape shape;
};

/// Result `result` of the stage goes to a local, to a parameter, or both. Stored coordinates are
/// affine and injective over the parallel axes.
struct StageStore {
  int result = 0;
  int local = -1;
  int parameter = -1;
  std::vector<Index> coordinates;  ///< into the parameter
};

/// One loop nest inside the kernel's outer loops.
struct Stage {
  Shape axes;  ///< own extents: `parallel` parallel ones, then the reduced ones
  int parallel = 0;
  std::vector<StageRead> reads;
  std::optional<Reducer> reducer;
  std::vector<Scalar> results;  ///< as in TensorExpr; with a reducer this is the epilogue
  std::vector<StageStore> stores;
  std::vector<std::string> nodes;  ///< names of the graph values it computes
};

// ---- forms: how a kernel does its work ----

/// Stages one after another inside the outer loops.
struct LoopsForm {
  bool operator==(const LoopsForm&) const = default;
};

/// One stage: a sum of products, register-tiled, with the epilogue in its results. Its axes by role
/// (positions in [outer..., own...]); set by Schedule.
struct ContractionForm {
  std::vector<int> batch, m, n, k;
  int lhs = 0, rhs = 1;  ///< reads that are multiplied: lhs has M, rhs has N (on the vector lanes)
  bool operator==(const ContractionForm&) const = default;
};

/// destination[index[u], rest] = combine(it, update[u, rest]), in order of u. Parameters by number,
/// -1 where there is none.
///
/// A tile of the scatter owns `tile_rows` rows. It looks at all updates, or, with `chunk` > 0, only
/// at its own, which a kernel of BucketsForm has sorted: of each run of `chunk` updates,
/// `sorted_rows` and `sorted_updates` have first those for tile 0, then those for tile 1, ..., each
/// tile's in the order of u, and ends[run, t] counts those for the tiles up to t. Updates with a
/// bad index are left out.
struct ScatterForm {
  int index = 0, update = 1, destination = -1;
  int sorted_rows = -1, sorted_updates = -1, ends = -1;
  int64_t updates = 0;              ///< number of u
  int64_t rows = 0;                 ///< extent of the destination's first axis
  int64_t row_elements = 0;         ///< product of the rest
  std::optional<ScalarOp> combine;  ///< nullopt: the update itself
  int64_t tile_rows = 1;
  int64_t chunk = 0;
  bool operator==(const ScatterForm&) const = default;

  int64_t tiles() const { return rows == 0 ? 1 : (rows + tile_rows - 1) / tile_rows; }
  int64_t chunks() const { return chunk == 0 ? 0 : (updates + chunk - 1) / chunk; }
};

/// Sorts the updates of a scatter by the tile that owns their row; see there. The numbers are those
/// of this kernel's parameters, and there is no destination.
struct BucketsForm {
  ScatterForm scatter;
  bool operator==(const BucketsForm&) const = default;
};

/// Row-major [outer, length, inner]: what runs along the axis in the middle.
struct AlongAxis {
  int64_t outer = 0, length = 0, inner = 0;
  bool operator==(const AlongAxis&) const = default;
};

/// Of every (outer, inner): state = init, then for each place along the axis state = step(state,
/// elements there); the last parameter gets `result` of the state behind the place, or before it
/// (exclusive). `reverse`: from the end. Read r of `step` is parameter r.
struct PrefixForm {
  AlongAxis axis;
  bool exclusive = false, reverse = false;
  Scalar init, step, result;
  bool operator==(const PrefixForm& other) const;
};

/// Kernels that sort: the whole axis at once, or runs of it and then merging in several kernels.
enum class SortPart : uint8_t {
  kWhole,  ///< elements -> places
  kRuns,   ///< elements -> entries, sorted in runs of `run`
  kMerge,  ///< entries in runs of `run` -> entries in runs of twice as many
  kRanks,  ///< entries in at most two runs of `run` -> places
};

/// Of every (outer, inner): the last parameter gets the places that the elements of parameter 0
/// take in stable sorted order, or a part of the way there. NaN counts as larger than all numbers.
/// An entry is a key in the order of the elements above the element's place, both as one unsigned
/// number, so that no two are equal: 64 bits where 32 are enough for each, else 128. Entries lie
/// [outer, inner, length].
struct SortForm {
  AlongAxis axis;
  bool descending = false;
  SortPart part = SortPart::kWhole;
  int64_t run = 0;
  int entry_bits = 64;
  bool operator==(const SortForm&) const = default;
};

enum class AttentionSweep : uint8_t { kForward, kQueryGradient, kKeyGradient };

/// An axis of a mask before queries and keys: a head's index along it is head / inner mod extent.
struct MaskAxis {
  int64_t inner = 1, extent = 1, stride = 0;
  bool operator==(const MaskAxis&) const = default;
};

/// Scaled dot-product attention or its gradients. Parameters by number, -1 where there is none.
struct AttentionForm {
  AttentionSweep sweep = AttentionSweep::kForward;
  int q = -1, k = -1, v = -1, lse = -1, gradient = -1, delta = -1, mask = -1;
  int first_result = -1;   ///< out, dq or dk
  int second_result = -1;  ///< logsumexp or dv
  int64_t heads = 0;       ///< of queries, all axes before the queries flattened
  int64_t group = 1;       ///< heads of queries that share one of keys and values
  int64_t queries = 0, keys = 0, width = 0, value_width = 0;
  bool causal = false;  ///< query t sees keys 0 to t
  double scale = 1;     ///< of the scores
  std::vector<MaskAxis> mask_axes;
  int64_t mask_query_stride = 0, mask_key_stride = 0;  ///< in elements; 0: the mask broadcasts
  bool operator==(const AttentionForm&) const = default;
};

using AnyForm = std::variant<LoopsForm, ContractionForm, ScatterForm, BucketsForm, PrefixForm,
                             SortForm, AttentionForm>;

/// How the work is cut, from shapes and target alone.
struct KernelSchedule {
  int64_t tiles = 1;      ///< parallel tiles
  bool parallel = false;  ///< worth a dispatch
  int least_threads = 2;  ///< fewer are slower than the caller alone
  // What tiles split is cut into pieces of `tile_extent`, the last of which may be shorter; one
  // tile has everything. Loops: the flattened iteration space of the outer axes, or, without outer
  // axes, that of the first `tile_axes` of the only stage or its axis `tile_axis`. A scatter: rows
  // of the destination. Buckets: updates. Prefixes, sorts: units (axis_forms.h).
  int tile_axis = -1, tile_axes = 0;
  int64_t tile_extent = std::numeric_limits<int64_t>::max();
  // A contraction: register tile, cache blocks; the grid is batch x ceil(M / block_m) x ceil(N /
  // block_n).
  // Attention: columns on the lanes (block_n) of a tile, rows of a block (block_m), register tile.
  int64_t register_m = 0, register_n = 0;
  int64_t block_m = 0, block_n = 0, block_k = 0;
};

struct Kernel {
  std::string name;  ///< symbol: "<prefix>_k<number>_<what>"
  AnyForm form;
  std::vector<KernelParameter> parameters;
  Shape outer;  ///< parallel axes that all stages share
  std::vector<Local> locals;
  std::vector<Stage> stages;
  KernelSchedule schedule;
  int64_t scratch_bytes = 0;    ///< per worker; set by Schedule (locals, packing buffers)
  bool reports_status = false;  ///< has reads with indices from data or asserted values
  int64_t flops = 0;
  /// Pairs (read, written) of parameters that a call may bind to the same bytes: every element is
  /// read before the point that overwrites it. All other written parameters are disjoint from all
  /// else.
  std::vector<std::pair<int, int>> may_alias;
  /// Pairs (read, written) that a call must bind to the same bytes: some elements are changed, the
  /// others stay.
  std::vector<std::pair<int, int>> in_place;

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(form);
  }
  template <typename T>
  const T& as() const {
    return std::get<T>(form);
  }
  template <typename T>
  T& as() {
    return std::get<T>(form);
  }
};

/// Names of the graph values that the kernel computes, in order, each once.
std::vector<std::string> CoveredNodes(const Kernel& kernel);

// ---- programs ----------------------------------------------------------------------------------

enum class Space : uint8_t {
  kArena,      ///< offset in the arena
  kState,      ///< offset in the state block
  kInput,      ///< number of the entry's input
  kOutput,     ///< number of the entry's output
  kConstant,   ///< offset in the program's constant section
  kValidRows,  ///< the i64 scalar descent_call::valid_rows
};

struct Buffer {
  std::string name;
  TensorType type;
  Space space = Space::kArena;
  int64_t offset = 0;
  std::string origin;
  Section section = Section::kForward;
};

/// Buffer bound to a kernel parameter; a buffer may be bound to several (to a read and a written
/// one only if the kernel's `may_alias` or `in_place` says so). The parameter's type has as many
/// elements as what is bound. Inside a loop the address advances per iteration of the innermost
/// enclosing loop
/// (`from_end`: starts at the last slice and goes back).
struct Argument {
  int buffer = 0;
  int64_t loop_stride_bytes = 0;
  bool from_end = false;
};

struct Step;

/// What the model calls the values of a call, which may share its kernel with others.
struct ValueNames {
  std::vector<std::string> arguments;  ///< of the values that the arguments hold
  std::vector<std::string> covered;    ///< named floating-point values it computes, in order
};

struct KernelCall {
  int kernel = 0;
  std::vector<Argument> arguments;
  std::vector<int> after = {};  ///< buffers that must be written first, beside those it reads
  Section section = Section::kForward;  ///< the latest of the values it computes
  std::string asserted = {};            ///< names of what it asserts to be finite
  ValueNames names = {};
};

/// Runs `body` trip_count times. `counter` (i64 scalar in the arena) holds the iteration.
struct Loop {
  int64_t trip_count = 0;
  int counter = -1;
  std::vector<Step> body;
};

/// Runs `then_steps` if the bool scalar `condition` is true, else `else_steps`.
struct Branch {
  Argument condition;
  std::vector<Step> then_steps, else_steps;
};

struct Step {
  std::variant<KernelCall, Loop, Branch> what;
};

/// The lists of steps inside a step, in pre-order.
std::vector<const std::vector<Step>*> InnerSteps(const Step& step);

/// What the caller gives and gets, in the order of descent_call::inputs and ::outputs.
struct EntryInput {
  int buffer = -1;
  InputBinding binding;     ///< column, normalization, batch axis
  int64_t index_limit = 0;  ///< values index an axis of this extent (labels, ids); 0: not an index
  ValueRange range;         ///< values lie in it; both ends 0: anywhere
};
struct EntryOutput {
  std::string name;
  int buffer = -1;
  int kind = 0;  ///< DESCENT_OUTPUT_*
  int batch_axis = -1;
};

/// Calls that have no path between them in `order` may run at the same time; today they run one
/// after another, each over all threads.
struct EntryProgram {
  std::string name;
  int64_t batch = 0;
  std::vector<Buffer> buffers;
  std::vector<EntryInput> inputs;
  std::vector<EntryOutput> outputs;
  std::vector<Step> steps;
  /// Edges (before, after) between calls, numbered in pre-order of the step tree: data
  /// dependencies, barriers, readers of a state slot before its writer, reuse of bytes. What it
  /// leaves unordered may run at the same time.
  std::vector<std::pair<int, int>> order;
  int64_t arena_bytes = 0;
  int64_t worker_scratch_bytes = 0;  ///< largest of its kernels
  bool observable = false;  ///< shows its values to descent_call::observer; the names cost bytes
};

struct StateSlot {
  std::string name;
  TensorType type;
  int kind = 0;  ///< DESCENT_SLOT_*
  bool trainable = false;
  int64_t offset = 0;
  std::vector<int> order = {};  ///< memory axis i is axis order[i]; empty: row-major
};

struct KernelProgram {
  std::string name;
  std::string prefix;  ///< of all symbols
  std::vector<Kernel> kernels;
  std::vector<EntryProgram> entries;
  std::vector<StateSlot> state;
  int64_t state_bytes = 0;
  /// Bytes that nothing uses on both sides of every buffer of arena and state and behind the
  /// scratch of each worker: set before the state is laid out, for compiler/memory_check.h.
  int64_t guard_bytes = 0;
  ConstantSection constants;
  // What the artifact says about itself (descent_program in runtime/abi.h).
  std::string model_hash, prediction_hash;
  bool keep_partial_batch = false;
  bool has_values = false;
  std::vector<std::pair<std::string, std::string>> hyperparameters;
};

}  // namespace descent
