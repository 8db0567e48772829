#include "compiler/kernel/region.h"

#include <algorithm>
#include <queue>

#include "compiler/kernel/attention.h"
#include "compiler/kernel/contraction.h"
#include "ir/op_def.h"

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
  RegionBuilder(const Graph& graph, const LeafTensors& leaves, TensorTable& tensors)
      : graph_(graph), leaves_(leaves), tensors_(tensors) {}

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

  Result<void> AddNode(int i) {
    const Node& node = graph_.nodes()[i];
    if (node.op->leaf != Leaf::kNone) return AddLeaf(i);
    if (node.op->control == Control::kLoop) return AddLoop(i);
    for (int r = 0; r < static_cast<int>(node.types.size()); ++r)
      values_[i].push_back(NewTensor({i, r}));
    if (node.op->form == KernelForm::kScatter) return AddScatter(i);
    if (node.op->form == KernelForm::kAttention || node.op->form == KernelForm::kAttentionGradient)
      return AddAttention(i);
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
    SplitAxesForContraction(work.computation);
    built_.region.works.push_back(std::move(work));
    return {};
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

  /// (x, indices, updates): x with the updates added to its rows.
  Result<void> AddScatter(int i) {
    const Node& node = graph_.nodes()[i];
    auto scatter = std::make_shared<ScatterWork>();
    const int result = values_[i][0];
    scatter->base = tensors_.Add(tensors_[result]);
    scatter->index = Operand(node, 1);
    scatter->update = Operand(node, 2);
    scatter->result = result;
    AddCopy(built_.region, Operand(node, 0), scatter->base, node.types[0]);
    tensors_[result].alias = scatter->base;
    built_.region.overwrites.push_back({scatter->base, result});
    const Shape& shape = node.types[0].shape;
    scatter->form.updates = tensors_[scatter->index].type.elements();
    scatter->form.rows = shape.empty() ? 1 : shape[0];
    scatter->form.row_elements = 1;
    for (size_t axis = 1; axis < shape.size(); ++axis) scatter->form.row_elements *= shape[axis];
    scatter->nodes = {graph_.NameOf({i, 0})};
    Work work;
    work.scatter = std::move(scatter);
    built_.region.works.push_back(std::move(work));
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
  void AddCopy(Region& region, int source, int target, const TensorType& type) {
    Work work;
    work.computation = MakeCopy(source, target, type);
    work.computation.nodes = {tensors_[target].name};
    if (tensors_[source].splat) InlineConstant(work.computation, source, tensors_[source].splat);
    region.works.push_back(std::move(work));
  }
  /// The step that a reverse loop's body sees: trip_count - 1 - iteration.
  int ReverseStep(const LoopWork& loop, std::vector<Work>& works) {
    const TensorType type{DType::kI64, {}};
    const int step = tensors_.Add({.name = tensors_[loop.counter].name + ".reverse", .type = type});
    Work work;
    work.computation = MakeCopy(loop.counter, step, type);
    work.computation.results[0] = Call(
        ScalarOp::kSub, {ConstantInt(DType::kI64, loop.trip_count - 1), ReadScalar(0, type.dtype)});
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
  leaves.loop_step = loop->counter;

  std::vector<int> carries;
  for (size_t k = 0; k < node.operands.size(); ++k) {
    const int operand = Whole(Operand(node, k));
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
  if (form.reverse) leaves.loop_step = ReverseStep(*loop, prologue);
  auto built = BuildRegion(body, leaves, tensors_);
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

}  // namespace

namespace {

std::vector<int> TensorsOf(const FormWork& form, bool written) {
  std::vector<int> tensors;
  for (size_t i = 0; i < form.tensors.size(); ++i)
    if (form.kernel.parameters[i].written == written) tensors.push_back(form.tensors[i]);
  return tensors;
}

}  // namespace

std::vector<int> FormWork::Reads() const { return TensorsOf(*this, false); }
std::vector<int> FormWork::Writes() const { return TensorsOf(*this, true); }

std::vector<int> Work::Reads() const {
  if (loop) return loop->reads;
  if (scatter) return {scatter->index, scatter->update, scatter->base};
  if (form) return form->Reads();
  std::vector<int> tensors = computation.after;
  for (const TensorRead& read : computation.reads) tensors.push_back(read.tensor);
  return tensors;
}

std::vector<int> Work::Writes() const {
  if (loop) return loop->writes;
  if (scatter) return {scatter->result};
  if (form) return form->Writes();
  return computation.tensors;
}

int TensorTable::Add(EntryTensor tensor) {
  tensors_.push_back(std::move(tensor));
  return size() - 1;
}

int TensorTable::Base(int tensor) const {
  while (tensors_[tensor].alias >= 0) tensor = tensors_[tensor].alias;
  return tensor;
}

Result<BuiltRegion> BuildRegion(const Graph& graph, const LeafTensors& leaves,
                                TensorTable& tensors) {
  return RegionBuilder(graph, leaves, tensors).Run();
}

void DropUnread(Region& region, const TensorTable& tensors) {
  std::vector<bool> read(tensors.size(), false);
  std::vector<Work> kept;
  for (auto work = region.works.rbegin(); work != region.works.rend(); ++work) {
    const std::vector<int> writes = work->Writes();
    const bool needed = std::any_of(writes.begin(), writes.end(), [&](int tensor) {
      return read[tensor] || tensors[tensor].alias >= 0;
    });
    if (!needed) continue;
    for (const int tensor : work->Reads()) read[tensor] = true;
    kept.push_back(std::move(*work));
  }
  std::reverse(kept.begin(), kept.end());
  region.works = std::move(kept);
}

std::optional<std::vector<int>> TopologicalOrder(const std::vector<std::vector<int>>& successors) {
  std::vector<int> pending(successors.size(), 0);
  for (const auto& list : successors)
    for (const int next : list) ++pending[next];
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (size_t i = 0; i < pending.size(); ++i)
    if (pending[i] == 0) ready.push(static_cast<int>(i));
  std::vector<int> order;
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const int next : successors[i])
      if (--pending[next] == 0) ready.push(next);
  }
  if (order.size() != successors.size()) return std::nullopt;
  return order;
}

}  // namespace descent
