#include "compiler/kernel/lower.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "compiler/kernel/contraction.h"
#include "ir/index_map.h"

namespace descent {
namespace {

// ---- collapsing axes ---------------------------------------------------------------------------

/// Is the address of `read` unchanged when axes a and a + 1 become one of their product?
bool AddressCollapses(const TensorRead& read, const Computation& computation, int a) {
  const int count = static_cast<int>(computation.axes.size());
  for (const Guard& guard : read.guards)
    if (UsesAxis(guard.index, a) || UsesAxis(guard.index, a + 1)) return false;
  bool used = false;
  for (const Index& index : read.coordinates) used |= UsesAxis(index, a) || UsesAxis(index, a + 1);
  if (!used) return true;
  const auto linear = AsAffine(LinearIndex(read.coordinates, read.view), count);
  return linear && linear->coefficients[a] == linear->coefficients[a + 1] * computation.axes[a + 1];
}

bool ScalarsUseAxes(const std::vector<Scalar>& roots, int a) {
  bool found = false;
  for (const Scalar& root : roots)
    Rewrite(root, [&](const ScalarNode& node) -> Scalar {
      if (node.kind == ScalarKind::kIndex)
        found |= UsesAxis(node.index, a) || UsesAxis(node.index, a + 1);
      return nullptr;
    });
  return found;
}

bool Collapses(const Computation& computation, int a) {
  if (a + 1 == computation.rank) return false;
  if (ScalarsUseAxes(computation.results, a)) return false;
  if (computation.reducer && ScalarsUseAxes(computation.reducer->step, a)) return false;
  return std::all_of(
      computation.reads.begin(), computation.reads.end(),
      [&](const TensorRead& read) { return AddressCollapses(read, computation, a); });
}

void CollapsePair(Computation& computation, int a) {
  const int64_t inner = computation.axes[a + 1];
  const auto axis = [&](int old) {
    if (old < a) return Axis(old);
    if (old == a) return FloorDiv(Axis(a), std::max<int64_t>(inner, 1));
    if (old == a + 1) return Mod(Axis(a), std::max<int64_t>(inner, 1));
    return Axis(old - 1);
  };
  const auto map = [&](const Scalar& root) {
    return Rewrite(root, [&](const ScalarNode& node) -> Scalar {
      return node.kind == ScalarKind::kIndex ? IndexScalar(MapIndex(node.index, axis)) : nullptr;
    });
  };
  for (TensorRead& read : computation.reads) {
    for (Index& index : read.coordinates) index = MapIndex(index, axis);
    for (Guard& guard : read.guards) guard.index = MapIndex(guard.index, axis);
  }
  for (Scalar& result : computation.results) result = map(result);
  if (computation.reducer)
    for (Scalar& step : computation.reducer->step) step = map(step);
  computation.axes[a] *= inner;
  computation.axes.erase(computation.axes.begin() + a + 1);
  if (a + 1 < computation.rank) --computation.rank;
  Normalize(computation);
}

/// Neighbouring axes that all addresses run through as one become one.
void CollapseAxes(Computation& computation) {
  for (int a = static_cast<int>(computation.axes.size()) - 2; a >= 0; --a)
    if (a + 1 < static_cast<int>(computation.axes.size()) && Collapses(computation, a))
      CollapsePair(computation, a);
}

// ---- lowering ----------------------------------------------------------------------------------

int64_t CountOps(const std::vector<Scalar>& roots) {
  std::unordered_set<const ScalarNode*> seen;
  int64_t count = 0;
  const std::function<void(const Scalar&)> visit = [&](const Scalar& scalar) {
    if (!seen.insert(scalar.get()).second) return;
    if (scalar->kind == ScalarKind::kCall && Info(scalar->dtype).is_float &&
        scalar->op != ScalarOp::kCast && scalar->op != ScalarOp::kSelect)
      ++count;
    for (const Scalar& argument : scalar->arguments) visit(argument);
  };
  for (const Scalar& root : roots) visit(root);
  return count;
}

std::string Identifier(const std::string& name) {
  std::string result;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    result += plain ? c : '_';
  }
  return result.substr(0, 40);
}

/// The last stored value that has a name, else where an unnamed one comes from.
std::string SuggestedName(const LoweredKernel& lowered, const TensorTable& tensors) {
  std::string name, unnamed = "value";
  for (size_t i = 0; i < lowered.tensors.size(); ++i) {
    if (!lowered.kernel.parameters[i].written) continue;
    const EntryTensor& tensor = tensors[lowered.tensors[i]];
    if (!tensor.name.starts_with('%'))
      name = tensor.name;
    else if (!tensor.origin.empty())
      unnamed = fmt::format("{}_{}", tensor.origin, ToString(tensor.section));
  }
  return Identifier(name.empty() ? unnamed : name);
}

class GroupLowering {
 public:
  GroupLowering(const FusedGroup& group, const TensorTable& tensors,
                const std::function<bool(int)>& stored)
      : group_(group), tensors_(tensors), stored_(stored) {}

  LoweredKernel Run() {
    std::vector<Computation> stages = group_.stages;
    if (stages.size() == 1 && group_.outer == 0) CollapseAxes(stages[0]);
    Kernel& kernel = lowered_.kernel;
    kernel.outer.assign(stages[0].axes.begin(), stages[0].axes.begin() + group_.outer);
    for (size_t i = 0; i < stages.size(); ++i) AddStage(stages, i);
    if (stages.size() == 1 && group_.outer == 0 && group_.contraction) {
      if (auto roles = FindContraction(stages[0])) {
        kernel.form = *std::move(roles);
      }
    }
    for (int read = 0; read < static_cast<int>(kernel.parameters.size()); ++read)
      for (int written = 0; written < static_cast<int>(kernel.parameters.size()); ++written)
        if (MayAlias(kernel, read, written)) kernel.may_alias.push_back({read, written});
    kernel.name = SuggestedName(lowered_, tensors_);
    return std::move(lowered_);
  }

 private:
  struct LocalValue {
    int tensor, local, stage;
  };

  int Parameter(int tensor, const Shape& view, bool written) {
    const KernelParameter parameter{{tensors_[tensor].type.dtype, view}, written};
    for (size_t i = 0; i < lowered_.tensors.size(); ++i)
      if (lowered_.tensors[i] == tensor && lowered_.kernel.parameters[i] == parameter)
        return static_cast<int>(i);
    lowered_.tensors.push_back(tensor);
    lowered_.kernel.parameters.push_back(parameter);
    return static_cast<int>(lowered_.tensors.size()) - 1;
  }

  StageRead LowerRead(const TensorRead& read, const Computation& stage,
                      const std::vector<Computation>& stages) {
    StageRead lowered{.source = Source::kParameter,
                      .index = 0,
                      .coordinates = read.coordinates,
                      .guards = read.guards,
                      .outside = read.outside};
    for (const LocalValue& value : locals_) {
      if (value.tensor != read.tensor) continue;
      const Shape domain = stages[value.stage].domain();
      std::vector<Index> point =
          read.view == domain ? read.coordinates
                              : Delinearize(LinearIndex(read.coordinates, read.view), domain);
      for (Index& index : point) index = Simplify(index, stage.axes);
      for (int axis = 0; axis < group_.outer; ++axis)
        DESCENT_CHECK(SameIndex(point[axis], Axis(axis)), "a local is read across the outer axes");
      lowered.source = Source::kLocal;
      lowered.index = value.local;
      lowered.coordinates.assign(point.begin() + group_.outer, point.end());
      return lowered;
    }
    lowered.index = Parameter(read.tensor, read.view, false);
    for (const Index& index : read.coordinates) lowered_.kernel.reports_status |= UsesData(index);
    return lowered;
  }

  static bool ReadLater(const std::vector<Computation>& stages, size_t after, int tensor) {
    for (size_t i = after + 1; i < stages.size(); ++i)
      if (Reads(stages[i], tensor)) return true;
    return false;
  }

  void AddStage(const std::vector<Computation>& stages, size_t number) {
    const Computation& computation = stages[number];
    Kernel& kernel = lowered_.kernel;
    Stage stage{.axes = Shape(computation.axes.begin() + group_.outer, computation.axes.end()),
                .parallel = computation.rank - group_.outer,
                .reads = {},
                .reducer = computation.reducer,
                .results = computation.results,
                .stores = {},
                .nodes = computation.nodes};
    for (const TensorRead& read : computation.reads)
      stage.reads.push_back(LowerRead(read, computation, stages));
    for (size_t r = 0; r < computation.results.size(); ++r) {
      const int tensor = computation.tensors[r];
      StageStore store{
          .result = static_cast<int>(r), .local = -1, .parameter = -1, .coordinates = {}};
      if (ReadLater(stages, number, tensor)) {
        store.local = static_cast<int>(kernel.locals.size());
        kernel.locals.push_back({tensors_[tensor].type.dtype,
                                 Shape(stage.axes.begin(), stage.axes.begin() + stage.parallel)});
        locals_.push_back({tensor, store.local, static_cast<int>(number)});
      }
      if (stored_(tensor)) {
        store.parameter = Parameter(tensor, computation.domain(), true);
        store.coordinates = AxisRange(0, computation.rank);
      }
      if (store.local >= 0 || store.parameter >= 0) stage.stores.push_back(std::move(store));
    }
    CountFlops(computation);
    kernel.reports_status |= Asserts(computation);
    kernel.stages.push_back(std::move(stage));
  }

  void CountFlops(const Computation& computation) {
    int64_t flops = Elements(computation.domain()) * CountOps(computation.results);
    if (computation.reducer)
      flops += Elements(computation.axes) * CountOps(computation.reducer->step);
    lowered_.kernel.flops += flops;
  }

  const FusedGroup& group_;
  const TensorTable& tensors_;
  const std::function<bool(int)>& stored_;
  std::vector<LocalValue> locals_;
  LoweredKernel lowered_;
};

// ---- aliasing ----------------------------------------------------------------------------------

bool UsedInReduction(const Stage& stage, int slot) {
  bool used = false;
  const auto check = [&](const ScalarNode& node) -> Scalar {
    used |= node.kind == ScalarKind::kRead && node.slot == slot;
    return nullptr;
  };
  if (stage.reducer)
    for (const Scalar& step : stage.reducer->step) Rewrite(step, check);
  for (const StageRead& read : stage.reads) {
    for (const Index& index : read.coordinates)
      VisitReads(index, [&](int other) { used |= other == slot; });
    for (const Guard& guard : read.guards)
      VisitReads(guard.index, [&](int other) { used |= other == slot; });
  }
  return used;
}

/// Reads at `read` only the element of the iteration of the outer axes that stores it.
bool SameOuterRow(const Kernel& kernel, const StageRead& read, const StageStore& store, int p,
                  int q) {
  if (kernel.parameters[p].type.shape != kernel.parameters[q].type.shape) return false;
  if (read.coordinates.size() < kernel.outer.size()) return false;
  for (size_t axis = 0; axis < kernel.outer.size(); ++axis) {
    const Index outer = Axis(static_cast<int>(axis));
    if (!SameIndex(read.coordinates[axis], outer) || !SameIndex(store.coordinates[axis], outer))
      return false;
  }
  return true;
}

bool ReadsBeforeStore(const Kernel& kernel, size_t reading, int slot, size_t storing,
                      const StageStore& store, int q) {
  const Stage& stage = kernel.stages[reading];
  const StageRead& read = stage.reads[slot];
  if (reading > storing) return false;
  if (reading < storing)
    return kernel.outer.empty() || SameOuterRow(kernel, read, store, read.index, q);
  if (!read.guards.empty() || UsedInReduction(stage, slot)) return false;
  Shape axes = kernel.outer;
  axes.insert(axes.end(), stage.axes.begin(), stage.axes.end());
  const Shape& read_shape = kernel.parameters[read.index].type.shape;
  const Shape& stored_shape = kernel.parameters[q].type.shape;
  for (const Index& index : read.coordinates)
    if (UsesData(index)) return false;
  return SameIndex(Simplify(LinearIndex(read.coordinates, read_shape), axes),
                   Simplify(LinearIndex(store.coordinates, stored_shape), axes));
}

bool SameStageRead(const StageRead& a, const StageRead& b) {
  if (a.source != b.source || a.index != b.index || a.guards.size() != b.guards.size() ||
      a.coordinates.size() != b.coordinates.size())
    return false;
  for (size_t i = 0; i < a.coordinates.size(); ++i)
    if (!SameIndex(a.coordinates[i], b.coordinates[i])) return false;
  for (size_t i = 0; i < a.guards.size(); ++i)
    if (a.guards[i].extent != b.guards[i].extent ||
        !SameIndex(a.guards[i].index, b.guards[i].index))
      return false;
  return a.guards.empty() || SameScalar(a.outside, b.outside);
}

bool SameScalars(const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameScalar);
}

bool SameReducer(const std::optional<Reducer>& a, const std::optional<Reducer>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || (SameScalars(a->init, b->init) && SameScalars(a->step, b->step) &&
                SameScalars(a->combine, b->combine));
}

bool SameStore(const StageStore& a, const StageStore& b) {
  return a.result == b.result && a.local == b.local && a.parameter == b.parameter &&
         std::equal(a.coordinates.begin(), a.coordinates.end(), b.coordinates.begin(),
                    b.coordinates.end(), SameIndex);
}

bool SameStage(const Stage& a, const Stage& b) {
  return a.axes == b.axes && a.parallel == b.parallel &&
         std::equal(a.reads.begin(), a.reads.end(), b.reads.begin(), b.reads.end(),
                    SameStageRead) &&
         SameReducer(a.reducer, b.reducer) && SameScalars(a.results, b.results) &&
         std::equal(a.stores.begin(), a.stores.end(), b.stores.begin(), b.stores.end(), SameStore);
}

bool SameLocal(const Local& a, const Local& b) { return a.dtype == b.dtype && a.shape == b.shape; }

/// What Schedule finds out of a contraction follows from the rest.
bool SameForm(const AnyForm& a, const AnyForm& b) {
  return std::holds_alternative<ContractionForm>(a) ? a.index() == b.index() : a == b;
}

LoweredKernel LowerForm(const FormWork& form, const TensorTable& tensors) {
  LoweredKernel lowered{form.kernel, form.tensors};
  lowered.kernel.name = SuggestedName(lowered, tensors);
  return lowered;
}

size_t HashType(const TensorType& type) {
  size_t hash = static_cast<size_t>(type.dtype) + 1;
  for (const int64_t extent : type.shape) hash = hash * 1000003 + static_cast<size_t>(extent);
  return hash;
}

}  // namespace

size_t HashKernel(const Kernel& kernel) {
  size_t hash = kernel.form.index();
  for (const KernelParameter& parameter : kernel.parameters)
    hash = hash * 1000003 + 2 * HashType(parameter.type) + (parameter.written ? 1 : 0);
  for (const Stage& stage : kernel.stages)
    hash = hash * 1000003 + stage.reads.size() * 64 + stage.results.size();
  return hash;
}

LoweredKernel LowerGroup(const FusedGroup& group, const TensorTable& tensors,
                         const std::function<bool(int)>& stored) {
  if (group.form) return LowerForm(*group.form, tensors);
  LoweredKernel lowered = GroupLowering(group, tensors, stored).Run();
  lowered.after = group.After();
  for (const Computation& stage : group.stages)
    std::ranges::copy(stage.asserted, std::back_inserter(lowered.asserted));
  return lowered;
}

bool MayAlias(const Kernel& kernel, int read, int written) {
  const KernelParameter& p = kernel.parameters[read];
  const KernelParameter& q = kernel.parameters[written];
  if (p.written || !q.written || p.type.dtype != q.type.dtype ||
      p.type.elements() != q.type.elements())
    return false;
  if (!kernel.is<LoopsForm>() && !kernel.is<ContractionForm>()) return false;
  for (size_t storing = 0; storing < kernel.stages.size(); ++storing)
    for (const StageStore& store : kernel.stages[storing].stores) {
      if (store.parameter != written) continue;
      for (size_t reading = 0; reading < kernel.stages.size(); ++reading)
        for (size_t slot = 0; slot < kernel.stages[reading].reads.size(); ++slot) {
          const StageRead& other = kernel.stages[reading].reads[slot];
          if (other.source == Source::kParameter && other.index == read &&
              !ReadsBeforeStore(kernel, reading, static_cast<int>(slot), storing, store, written))
            return false;
        }
    }
  return true;
}

bool SameKernel(const Kernel& a, const Kernel& b) {
  return SameForm(a.form, b.form) && a.parameters == b.parameters && a.outer == b.outer &&
         std::equal(a.locals.begin(), a.locals.end(), b.locals.begin(), b.locals.end(),
                    SameLocal) &&
         a.may_alias == b.may_alias && a.in_place == b.in_place &&
         std::equal(a.stages.begin(), a.stages.end(), b.stages.begin(), b.stages.end(), SameStage);
}

}  // namespace descent
