#include "compiler/kernel/region.h"

#include <algorithm>
#include <numeric>

#include "compiler/kernel/attention.h"
#include "compiler/kernel/axis_forms.h"
#include "compiler/kernel/contraction.h"
#include "compiler/kernel/divide_choice.h"
#include "compiler/kernel/scatter.h"
#include "ir/op_def.h"
#include "ir/ops/scatter.h"

namespace descent {
namespace {

std::optional<double> SplatValue(const Tensor& tensor) {
  const int bytes = Info(tensor.dtype()).bytes;
  const auto data = tensor.bytes();
  if (tensor.elements() == 0) return std::nullopt;
  for (int64_t i = 1; i < tensor.elements(); ++i)
    if (!std::equal(data.begin(), data.begin() + bytes, data.begin() + i * bytes))
      return std::nullopt;
  return tensor.GetDouble(0);
}

Scalar SplatScalar(const Tensor& tensor) {
  if (!SplatValue(tensor)) return nullptr;
  return Info(tensor.dtype()).is_float ? ConstantScalar(tensor.dtype(), tensor.GetDouble(0))
                                       : ConstantInt(tensor.dtype(), tensor.GetInt(0));
}

/// Builds the works of one graph.
class RegionBuilder {
 public:
  RegionBuilder(const Graph& graph, const LeafTensors& leaves, TensorTable& tensors,
                const TargetFacts& target)
      : graph_(graph), leaves_(leaves), tensors_(tensors), target_(target) {}

  Result<BuiltRegion> Run() {
    used_.resize(graph_.nodes().size());
    for (size_t i = 0; i < graph_.nodes().size(); ++i)
      used_[i].resize(graph_.nodes()[i].types.size(), false);
    for (const Node& node : graph_.nodes())
      for (const Value operand : node.operands) used_[operand.node][operand.result] = true;
    for (const NamedValue& output : graph_.outputs())
      used_[output.value.node][output.value.result] = true;
    values_.resize(graph_.nodes().size());
    for (int i = 0; i < static_cast<int>(graph_.nodes().size()); ++i)
      DESCENT_RETURN_IF_ERROR(AddNode(i));
    for (const NamedValue& output : graph_.outputs())
      built_.outputs.push_back(values_[output.value.node][output.value.result]);
    return std::move(built_);
  }

 private:
  int NewTensor(Value value) {
    const Label& label = graph_.node(value).label;
    return tensors_.Add({.name = graph_.NameOf(value),
                         .type = graph_.type(value),
                         .origin = label.origin,
                         .section = label.section});
  }

  int Operand(const Node& node, size_t operand) const {
    return values_[node.operands[operand].node][node.operands[operand].result];
  }

  /// What a body can read for `value` without a copy: views keep the order of elements, and
  /// barriers only wait, for what is added to `waits`.
  int BodyOperand(Value value, std::vector<int>& waits) const {
    const Node& node = graph_.node(value);
    std::vector<TensorType> types;
    for (const Value operand : node.operands) types.push_back(graph_.type(operand));
    const int own = values_[value.node][value.result];
    if (node.op->define == nullptr || node.op->form != KernelForm::kLoops || types.empty() ||
        node.types.size() != 1)
      return own;
    std::vector<int> places(types.size());
    std::iota(places.begin(), places.end(), 0);
    const Computation moved =
        MakeComputation(node.op->define({types, node.attributes}), places, types, {0});
    if (!IsLayout(moved) || moved.reads.size() != 1 || !IsIdentity(moved, moved.reads[0]) ||
        moved.reads[0].tensor != 0)
      return own;
    for (size_t k = 1; k < node.operands.size(); ++k) waits.push_back(Operand(node, k));
    return BodyOperand(node.operands[0], waits);
  }

  Result<void> AddNode(int i) {
    const Node& node = graph_.nodes()[i];
    if (node.op->leaf != Leaf::kNone) return AddLeaf(i);
    if (node.op->control == Control::kLoop) return AddLoop(i);
    if (node.op->control == Control::kBranch) return AddBranch(i);
    for (int r = 0; r < static_cast<int>(node.types.size()); ++r)
      values_[i].push_back(NewTensor({i, r}));
    if (node.op->form == KernelForm::kScatter) return AddScatter(i);
    if (node.op->form == KernelForm::kAttention || node.op->form == KernelForm::kAttentionGradient)
      return AddAttention(i);
    if (node.op->form == KernelForm::kPrefix || node.op->form == KernelForm::kSort)
      return AddAxisForm(i);
    if (node.op->define == nullptr)
      return ErrorWithStatus(ExitStatus::kInternal, "operator {} reached the kernels unexpanded",
                             Quoted(node.op->name));
    std::vector<int> operands;
    std::vector<TensorType> types;
    for (size_t k = 0; k < node.operands.size(); ++k) {
      operands.push_back(Operand(node, k));
      types.push_back(graph_.type(node.operands[k]));
    }
    std::vector<int> results = values_[i];
    for (size_t r = 0; r < results.size(); ++r)
      if (!used_[i][r]) results[r] = -1;
    const TensorExpr expr = node.op->define({types, node.attributes});
    Work work;
    work.computation = MakeComputation(expr, operands, types, results);
    for (size_t k = 0; k < operands.size(); ++k)
      if (std::ranges::count(expr.reads, static_cast<int>(k), &Read::operand) == 0)
        work.computation.after.push_back(operands[k]);
    for (size_t r = 0; r < results.size(); ++r)
      if (results[r] >= 0)
        work.computation.nodes.push_back(graph_.NameOf({i, static_cast<int32_t>(r)}));
    for (const int operand : operands)
      if (tensors_[operand].splat)
        InlineConstant(work.computation, operand, tensors_[operand].splat);
    if (Asserts(work.computation)) work.computation.asserted = {AssertedName(i)};
    SplitAxesForContraction(work.computation);
    for (Computation& each : DivideChoice(std::move(work.computation), tensors_))
      built_.region.works.emplace_back().computation = std::move(each);
    return {};
  }

  /// What a user calls a value that must be finite.
  std::string AssertedName(int i) const {
    const std::string name = graph_.NameOf(graph_.nodes()[i].operands[0]);
    return name.starts_with('%') ? graph_.NameOf({i, 0}) : name;
  }

  Result<void> AddLeaf(int i) {
    const Node& node = graph_.nodes()[i];
    const auto input = [&] {
      for (size_t k = 0; k < graph_.inputs().size(); ++k)
        if (graph_.inputs()[k].value.node == i) return leaves_.inputs[k];
      return -1;
    };
    switch (node.op->leaf) {
      case Leaf::kInput:
        values_[i] = {input()};
        break;
      case Leaf::kConstant: {
        const Tensor& value = node.attributes.Literal("value");
        const int tensor = NewTensor({i, 0});
        tensors_[tensor].splat = SplatScalar(value);
        built_.constants.push_back({tensor, value});
        values_[i] = {tensor};
        break;
      }
      case Leaf::kSeed:
        values_[i] = {leaves_.seed};
        break;
      case Leaf::kStep:
        values_[i] = {leaves_.step};
        break;
      case Leaf::kLoopStep:
        values_[i] = {leaves_.loop_step};
        break;
      case Leaf::kValidRows:
        values_[i] = {leaves_.valid_rows};
        break;
      case Leaf::kLearningRate:
        values_[i] = {leaves_.learning_rate};
        break;
      case Leaf::kNone:
        break;
    }
    DESCENT_CHECK(values_[i].size() == 1 && values_[i][0] >= 0,
                  fmt::format("leaf {} has no tensor", node.op->name));
    return {};
  }

  /// (x, indices, updates): x with the updates put to its rows. The result takes the bytes of a
  /// copy of x, so that the kernel has to touch only the rows that change.
  Result<void> AddScatter(int i) {
    const Node& node = graph_.nodes()[i];
    // Sums are kept in the type that arithmetic has and rounded once.
    const int result = Wide(values_[i][0]);
    const int base = tensors_.Add(tensors_[result]);
    const int index = Operand(node, 1), update = Operand(node, 2);
    AddCopy(built_.region, Operand(node, 0), base, node.types[0]);
    tensors_[result].alias = base;
    built_.region.overwrites.push_back({base, result});
    ScatterKernels made =
        MakeScatter(tensors_[index].type, tensors_[update].type, tensors_[result].type,
                    ScatterCombine(node.attributes), target_);
    std::vector<int> tensors = {index, update, base};
    if (made.buckets) {
      const auto& parameters = made.buckets->parameters;
      const int rows = Between(i, "rows", parameters[2].type);
      const int sorted = Between(i, "sorted", parameters[3].type);
      const int ends = Between(i, "ends", parameters[4].type);
      AddForm(i, std::move(*made.buckets), {index, update, rows, sorted, ends});
      tensors.insert(tensors.end(), {rows, sorted, ends});
    }
    tensors.push_back(result);
    AddForm(i, std::move(made.scatter), std::move(tensors));
    AddConversion(result, values_[i][0]);
    return {};
  }

  /// What the kernels of a node hand on.
  int Between(int i, std::string_view what, const TensorType& type) {
    const EntryTensor& of = tensors_[values_[i][0]];
    return tensors_.Add({.name = fmt::format("{}.{}", of.name, what),
                         .type = type,
                         .origin = of.origin,
                         .section = of.section});
  }

  void AddForm(int i, Kernel kernel, std::vector<int> tensors) {
    kernel.stages[0].nodes = {graph_.NameOf({i, 0})};
    Work work;
    work.form = std::make_shared<FormWork>(FormWork{std::move(kernel), std::move(tensors)});
    built_.region.works.push_back(std::move(work));
  }

  /// The tensor, or in place of 16-bit floats a new one for their f32 numbers.
  int Wide(int tensor) {
    EntryTensor wide{.name = tensors_[tensor].name,
                     .type = tensors_[tensor].type,
                     .origin = tensors_[tensor].origin,
                     .section = tensors_[tensor].section};
    wide.type.dtype = ArithmeticType(wide.type.dtype);
    return wide.type == tensors_[tensor].type ? tensor : tensors_.Add(std::move(wide));
  }
  void AddConversion(int from, int to) {
    if (from != to) AddCopy(built_.region, from, to, TensorType(tensors_[from].type));
  }

  /// Kernels that run along an axis; their state is not rounded on the way.
  Result<void> AddAxisForm(int i) {
    const Node& node = graph_.nodes()[i];
    std::vector<int> tensors;
    std::vector<TensorType> types;
    for (size_t k = 0; k < node.operands.size(); ++k) {
      const int operand = Operand(node, k), wide = Wide(operand);
      AddConversion(operand, wide);
      tensors.push_back(wide);
      types.push_back(tensors_[wide].type);
    }
    const int result = Wide(values_[i][0]);
    std::vector<Kernel> kernels =
        MakeAxisKernels(*node.op, {types, node.attributes}, tensors_[result].type, target_);
    for (Kernel& kernel : kernels) {
      const bool last = &kernel == &kernels.back();
      const int to = last ? result : Between(i, "entries", kernel.parameters.back().type);
      tensors.push_back(to);
      AddForm(i, std::move(kernel), std::move(tensors));
      tensors = {to};
    }
    AddConversion(result, values_[i][0]);
    return {};
  }

  /// One kernel forward; two for the gradients, which sum over different axes.
  Result<void> AddAttention(int i) {
    const Node& node = graph_.nodes()[i];
    std::vector<int> operands, results = values_[i];
    std::vector<TensorType> types;
    for (size_t k = 0; k < node.operands.size(); ++k) {
      operands.push_back(Operand(node, k));
      types.push_back(graph_.type(node.operands[k]));
    }
    for (size_t r = 0; r < results.size(); ++r)
      if (!used_[i][r]) results[r] = -1;
    const OpContext op{types, node.attributes};
    if (node.op->form == KernelForm::kAttention) {
      AddForm(MakeAttention(op, operands, results));
      return {};
    }
    using enum AttentionSweep;
    if (results[0] >= 0) AddForm(MakeAttentionGradient(op, kQueryGradient, operands, {results[0]}));
    if (results[1] >= 0 || results[2] >= 0)
      AddForm(MakeAttentionGradient(op, kKeyGradient, operands, {results[1], results[2]}));
    return {};
  }

  void AddForm(AttentionKernel made) {
    auto form =
        std::make_shared<FormWork>(FormWork{std::move(made.kernel), std::move(made.tensors)});
    for (const int tensor : form->Writes())
      form->kernel.stages[0].nodes.push_back(tensors_[tensor].name);
    Work work;
    work.form = std::move(form);
    built_.region.works.push_back(std::move(work));
  }

  Result<void> AddLoop(int i);
  Result<void> AddBranch(int i);
  Result<Region> BuildSide(const Graph& body, const LeafTensors& leaves,
                           const std::vector<int>& targets);
  /// `type` is that of the source; the target may have another element type.
  void AddCopy(Region& region, int source, int target, const TensorType& type) {
    Work work;
    work.computation = MakeCopy(source, target, type);
    Scalar& value = work.computation.results[0];
    value = Cast(tensors_[target].type.dtype, value);
    work.computation.nodes = {tensors_[target].name};
    if (tensors_[source].splat) InlineConstant(work.computation, source, tensors_[source].splat);
    region.works.push_back(std::move(work));
  }
  /// The loop_step that the body sees, computed where it is not the iteration.
  int LoopStep(const LoopForm& form, LoopWork& loop, std::vector<Work>& works) {
    const int enclosing = leaves_.loop_step;
    const bool continues = form.continues && !tensors_[enclosing].splat;  // 0 outside loops
    if (!form.reverse && form.first_step == 0 && !continues) return loop.counter;
    const TensorType type{DType::kI64, {}};
    const int step = tensors_.Add({.name = tensors_[loop.counter].name + ".step", .type = type});
    Work work;
    work.computation = MakeCopy(loop.counter, step, type);
    Scalar& value = work.computation.results[0];
    const auto constant = [](int64_t number) { return ConstantInt(DType::kI64, number); };
    if (form.reverse) value = Call(ScalarOp::kSub, {constant(form.trip_count - 1), value});
    if (form.first_step != 0) value = Call(ScalarOp::kAdd, {value, constant(form.first_step)});
    if (continues) {
      loop.reads.push_back(enclosing);
      work.computation.reads.push_back(MakeCopy(enclosing, step, type).reads[0]);
      const Scalar before =
          Call(ScalarOp::kMul, {ReadScalar(1, type.dtype), constant(form.trip_count)});
      value = Call(ScalarOp::kAdd, {value, before});
    }
    work.computation.nodes = {tensors_[step].name};
    works.push_back(std::move(work));
    return step;
  }
  /// `tensor`, or a copy of it when an inner loop could not address it.
  int Whole(int tensor) {
    if (!tensors_.IsSlice(tensor)) return tensor;
    const int copy = tensors_.Add({.name = tensors_[tensor].name + ".slice",
                                   .type = tensors_[tensor].type,
                                   .origin = tensors_[tensor].origin,
                                   .section = tensors_[tensor].section});
    AddCopy(built_.region, tensor, copy, tensors_[tensor].type);
    return copy;
  }

  const Graph& graph_;
  const LeafTensors& leaves_;
  TensorTable& tensors_;
  const TargetFacts& target_;
  std::vector<std::vector<bool>> used_;
  std::vector<std::vector<int>> values_;
  BuiltRegion built_;
};

Result<void> RegionBuilder::AddLoop(int i) {
  const Node& node = graph_.nodes()[i];
  std::vector<TensorType> types;
  for (const Value operand : node.operands) types.push_back(graph_.type(operand));
  const LoopForm form = node.op->loop({types, node.attributes});
  const Graph& body = node.attributes.Body("body");
  const std::string name = graph_.NameOf({i, 0});
  const Section section = node.label.section;

  auto loop = std::make_shared<LoopWork>();
  loop->trip_count = form.trip_count;
  loop->counter = tensors_.Add({.name = name + ".iteration", .type = {DType::kI64, {}}});
  LeafTensors leaves = leaves_;
  leaves.inputs.clear();

  std::vector<int> carries;
  for (size_t k = 0; k < node.operands.size(); ++k) {
    const int operand = Whole(BodyOperand(node.operands[k], loop->reads));
    const int position = static_cast<int>(k);
    const TensorType& body_type = body.type(body.inputs()[k].value);
    if (position < form.carried) {
      const int carry = tensors_.Add({.name = name + "." + body.inputs()[k].name,
                                      .type = body_type,
                                      .origin = node.label.origin,
                                      .section = section});
      AddCopy(built_.region, operand, carry, body_type);
      carries.push_back(carry);
      leaves.inputs.push_back(carry);
      loop->reads.push_back(carry);
    } else if (position < form.carried + form.sliced) {
      leaves.inputs.push_back(tensors_.Add({.name = body.inputs()[k].name,
                                            .type = body_type,
                                            .origin = node.label.origin,
                                            .section = section,
                                            .splat = tensors_[operand].splat,
                                            .alias = operand,
                                            .slice_stride_bytes = body_type.bytes(),
                                            .from_end = form.reverse}));
      loop->reads.push_back(operand);
    } else {
      leaves.inputs.push_back(operand);
      loop->reads.push_back(operand);
    }
  }
  // Outer scalars that the body reads through leaves need no entry: they are never overwritten
  // inside.
  for (const int leaf : {leaves_.seed, leaves_.step, leaves_.valid_rows, leaves_.learning_rate})
    if (leaf >= 0) loop->reads.push_back(leaf);

  std::vector<Work> prologue;
  leaves.loop_step = LoopStep(form, *loop, prologue);
  auto built = BuildRegion(body, leaves, tensors_, target_);
  if (!built) return std::unexpected(built.error());
  loop->body = std::move(built->region);
  loop->body.works.insert(loop->body.works.begin(), prologue.begin(), prologue.end());
  for (auto& constant : built->constants) built_.constants.push_back(std::move(constant));

  const auto slice_of = [&](int whole, const TensorType& type) {
    return tensors_.Add({.name = tensors_[whole].name,
                         .type = type,
                         .origin = node.label.origin,
                         .section = section,
                         .alias = whole,
                         .slice_stride_bytes = type.bytes(),
                         .from_end = form.reverse});
  };
  for (int r = 0; r < static_cast<int>(node.types.size()); ++r) {
    const Value value{i, r};
    if (r < form.carried) {
      const int final_value = NewTensor(value);
      tensors_[final_value].alias = carries[r];
      loop->writes.push_back(final_value);
      loop->body.deliveries.push_back({built->outputs[r], carries[r], carries[r]});
      built_.region.overwrites.push_back({carries[r], final_value});
      values_[i].push_back(final_value);
      continue;
    }
    const int whole = NewTensor(value);
    values_[i].push_back(whole);
    if (!used_[i][r]) continue;
    loop->writes.push_back(whole);
    const bool history = r >= form.carried + form.stacked;
    const int source = history ? carries[r - form.carried - form.stacked] : built->outputs[r];
    loop->body.deliveries.push_back({source, slice_of(whole, tensors_[source].type), -1});
  }
  Work work;
  work.loop = std::move(loop);
  built_.region.works.push_back(std::move(work));
  return {};
}

/// One side of a branch; `targets[r]` is the tensor for output r, -1 where nobody uses it.
Result<Region> RegionBuilder::BuildSide(const Graph& body, const LeafTensors& leaves,
                                        const std::vector<int>& targets) {
  DESCENT_TRY(built, BuildRegion(body, leaves, tensors_, target_));
  for (size_t r = 0; r < targets.size(); ++r)
    if (targets[r] >= 0) built.region.deliveries.push_back({built.outputs[r], targets[r], -1});
  for (auto& constant : built.constants) built_.constants.push_back(std::move(constant));
  return std::move(built.region);
}

Result<void> RegionBuilder::AddBranch(int i) {
  const Node& node = graph_.nodes()[i];
  auto branch = std::make_shared<BranchWork>();
  branch->condition = Operand(node, 0);
  LeafTensors leaves = leaves_;
  leaves.inputs.clear();
  for (size_t k = 0; k < node.operands.size(); ++k) {
    const int operand = k == 0 ? branch->condition : BodyOperand(node.operands[k], branch->reads);
    branch->reads.push_back(operand);
    if (k > 0) leaves.inputs.push_back(operand);
  }
  for (const int leaf :
       {leaves_.seed, leaves_.step, leaves_.loop_step, leaves_.valid_rows, leaves_.learning_rate})
    if (leaf >= 0) branch->reads.push_back(leaf);
  std::vector<int> targets;
  for (int r = 0; r < static_cast<int>(node.types.size()); ++r) {
    values_[i].push_back(NewTensor({i, r}));
    targets.push_back(used_[i][r] ? values_[i][r] : -1);
    if (used_[i][r]) branch->writes.push_back(values_[i][r]);
  }
  DESCENT_TRY(taken, BuildSide(node.attributes.Body("then_body"), leaves, targets));
  DESCENT_TRY(other, BuildSide(node.attributes.Body("else_body"), leaves, targets));
  branch->then_body = std::move(taken);
  branch->else_body = std::move(other);
  Work work;
  work.branch = std::move(branch);
  built_.region.works.push_back(std::move(work));
  return {};
}

}  // namespace

Result<BuiltRegion> BuildRegion(const Graph& graph, const LeafTensors& leaves, TensorTable& tensors,
                                const TargetFacts& target) {
  return RegionBuilder(graph, leaves, tensors, target).Run();
}

}  // namespace descent
