#include "tests/compiler/oracle/reduce.h"

#include <algorithm>
#include <set>

#include "compiler/graph/pipeline.h"
#include "ir/op_def.h"
#include "tests/compiler/oracle/random_case.h"

namespace descent {
namespace {

/// A graph on its inputs' values, as it is cut down.
struct Cut {
  Graph graph;
  NamedTensors values;
};

OracleCase CaseOf(const Cut& cut) {
  OracleCase one;
  for (const auto& [name, tensor] : cut.values)
    if (cut.graph.FindInput(name) != nullptr || name == kSeedSlot || name == kStepSlot ||
        name == kLearningRateSlot || name == kValidRowsName)
      one.values[name] = tensor;
  one.model = RunModelOf(cut.graph);
  return one;
}

/// Drops inputs that no node and no output reads.
Graph WithoutUnreadInputs(const Graph& graph) {
  std::vector<bool> read(graph.nodes().size());
  for (const Node& node : graph.nodes())
    for (const Value operand : node.operands) read[operand.node] = true;
  for (const NamedValue& output : graph.outputs()) read[output.value.node] = true;
  GraphBuilder b;
  std::vector<std::vector<Value>> map(graph.nodes().size());
  for (const NamedValue& input : graph.inputs())
    if (read[input.value.node])
      map[input.value.node] = {b.Input(input.name, graph.type(input.value))};
  for (size_t number = 0; number < map.size(); ++number) {
    const Node& node = graph.nodes()[number];
    if (!map[number].empty() || (node.op->leaf == Leaf::kInput)) continue;
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(map[operand.node][operand.result]);
    map[number] = *b.Copy(node, std::move(operands));
  }
  for (const NamedValue& output : graph.outputs())
    b.Output(output.name, map[output.value.node][output.value.result]);
  return std::move(b).Build();
}

/// What becomes of a graph's values when it is copied: kept, or replaced.
struct Change {
  std::set<std::string> dropped_outputs;
  int32_t to_inputs = -1;  ///< node whose results become inputs
  int32_t bypassed = -1;   ///< node whose result 0 becomes its operand `operand`
  size_t operand = 0;
  int32_t only = -1;  ///< node whose results become the only outputs
};

/// Every value of the graph, by the interpreter; nullopt where that fails.
std::optional<std::vector<std::vector<Tensor>>> ValuesOf(const Cut& cut) {
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const NamedValue& input : cut.graph.inputs())
    inputs.push_back(b.Input(input.name, cut.graph.type(input.value)));
  const auto map = Inline(cut.graph, inputs, b);
  if (!map) return std::nullopt;
  for (const auto& results : *map)
    for (const Value result : results) b.Output("", result);
  const NamedTensors values = WithSystemValues(cut.values);
  const auto run =
      Interpret(std::move(b).Build(), InputsOf(cut.graph, values), RunValuesOf(values));
  if (!run) return std::nullopt;
  std::vector<std::vector<Tensor>> tensors;
  size_t next = 0;
  for (const auto& results : *map) {
    tensors.emplace_back();
    for (size_t i = 0; i < results.size(); ++i) tensors.back().push_back(run->outputs[next++]);
  }
  return tensors;
}

std::string UnusedName(const NamedTensors& values) {
  size_t number = 0;
  while (values.contains(fmt::format("v{}", number))) ++number;
  return fmt::format("v{}", number);
}

std::optional<Cut> Changed(const Cut& cut, const Change& change) {
  const Graph& graph = cut.graph;
  Cut result{{}, cut.values};
  GraphBuilder b;
  std::vector<std::vector<Value>> map(graph.nodes().size());
  for (const NamedValue& input : graph.inputs())
    map[input.value.node] = {b.Input(input.name, graph.type(input.value))};
  for (int32_t number = 0; number < static_cast<int32_t>(map.size()); ++number) {
    const Node& node = graph.nodes()[number];
    if (!map[number].empty()) continue;
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(map[operand.node][operand.result]);
    if (number == change.to_inputs) {
      const auto values = ValuesOf(cut);
      if (!values) return std::nullopt;
      for (size_t i = 0; i < node.types.size(); ++i) {
        const std::string name = UnusedName(result.values);
        result.values[name] = (*values)[number][i];
        map[number].push_back(b.Input(name, node.types[i]));
      }
    } else if (number == change.bypassed) {
      map[number] = {operands[change.operand]};
    } else {
      map[number] = *b.Copy(node, std::move(operands));
    }
  }
  if (change.only >= 0)
    for (const Value value : map[change.only]) b.Output(fmt::format("y{}", value.result), value);
  else
    for (const NamedValue& output : graph.outputs())
      if (!change.dropped_outputs.contains(output.name))
        b.Output(output.name, map[output.value.node][output.value.result]);
  result.graph = WithoutUnreadInputs(std::move(b).Build());
  return result;
}

/// Every extent `from` of inputs and attributes becomes `to`; values are cut off.
std::optional<Cut> Resized(const Cut& cut, int64_t from, int64_t to) {
  Cut result{{}, cut.values};
  GraphBuilder b;
  std::vector<std::vector<Value>> map(cut.graph.nodes().size());
  for (const NamedValue& input : cut.graph.inputs()) {
    TensorType type = cut.graph.type(input.value);
    std::ranges::replace(type.shape, from, to);
    map[input.value.node] = {b.Input(input.name, type)};
    const auto bytes = cut.values.at(input.name).bytes();
    if (type.bytes() > static_cast<int64_t>(bytes.size())) return std::nullopt;
    result.values[input.name] = Tensor(type, {bytes.begin(), bytes.begin() + type.bytes()});
  }
  for (size_t number = 0; number < map.size(); ++number) {
    const Node& node = cut.graph.nodes()[number];
    if (!map[number].empty()) continue;
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(map[operand.node][operand.result]);
    Attributes attributes;
    for (auto [name, value] : node.attributes) {
      if (auto* list = std::get_if<std::vector<int64_t>>(&value))
        std::ranges::replace(*list, from, to);
      attributes.Set(name, value);
    }
    auto results = b.TryAdd(node.op->name, std::move(operands), attributes, node.label);
    if (!results) return std::nullopt;
    map[number] = *std::move(results);
  }
  for (const NamedValue& output : cut.graph.outputs())
    b.Output(output.name, map[output.value.node][output.value.result]);
  result.graph = std::move(b).Build();
  return result;
}

class Reduction {
 public:
  Reduction(OptionSet options, const Fails& fails) : options_(std::move(options)), fails_(fails) {}

  ReducedCase Run(const OracleCase& one) {
    best_ = one;
    const auto cut = PlainGraph(one);
    if (cut && Try(*cut)) {
      DropOutputs();
      while (ReplaceNodes() || Bypass() || Shrink()) {
      }
    }
    SimplifyOptions();
    return {best_, options_};
  }

 private:
  /// The whole step as one graph of inputs.
  static std::optional<Cut> PlainGraph(const OracleCase& one) {
    std::vector<std::string> passes = StandardPasses(one.model);
    std::erase_if(passes, [](const std::string& pass) {
      return pass == "simplify" || pass == "fold_constants" || pass == "expand";
    });
    const auto model = RunPasses(one.model, passes, {.pass = {.entry = one.entry}});
    if (!model) return std::nullopt;
    // Names of the new state would be taken for slots.
    GraphBuilder b;
    std::vector<Value> inputs;
    for (const NamedValue& input : model->graph.inputs())
      inputs.push_back(b.Input(input.name, model->graph.type(input.value)));
    const auto map = Inline(model->graph, inputs, b);
    if (!map) return std::nullopt;
    int number = 0;
    for (const NamedValue& output : model->graph.outputs())
      b.Output(fmt::format("y{}", number++), (*map)[output.value.node][output.value.result]);
    return Cut{std::move(b).Build(), one.values};
  }

  bool Try(const Cut& cut) {
    const OracleCase one = CaseOf(cut);
    if (cut.graph.outputs().empty() || !fails_(one, options_)) return false;
    cut_ = cut;
    best_ = one;
    return true;
  }
  bool Try(const std::optional<Cut>& cut) { return cut && Try(*cut); }

  /// All but those of one node, if it alone fails; else one after another.
  void DropOutputs() {
    for (int32_t number = 0; number < static_cast<int32_t>(cut_.graph.nodes().size()); ++number) {
      if (cut_.graph.nodes()[number].op->leaf != Leaf::kNone) continue;
      Change change;
      change.only = number;
      if (Try(Changed(cut_, change))) return;
    }
    std::set<std::string> all;
    for (const NamedValue& output : cut_.graph.outputs()) all.insert(output.name);
    for (const std::string& dropped : all) Try(Changed(cut_, {.dropped_outputs = {dropped}}));
  }

  /// From the end, where what stays is least.
  bool ReplaceNodes() {
    bool changed = false;
    for (auto number = static_cast<int32_t>(cut_.graph.nodes().size()) - 1; number >= 0; --number) {
      if (number >= static_cast<int32_t>(cut_.graph.nodes().size())) continue;
      const Node& node = cut_.graph.nodes()[number];
      if (node.op->leaf == Leaf::kInput) continue;
      Change change;
      change.to_inputs = number;
      changed |= Try(Changed(cut_, change));
    }
    return changed;
  }

  bool Bypass() {
    for (int32_t number = 0; number < static_cast<int32_t>(cut_.graph.nodes().size()); ++number) {
      const Node& node = cut_.graph.nodes()[number];
      if (node.types.size() != 1) continue;
      for (size_t i = 0; i < node.operands.size(); ++i) {
        if (cut_.graph.type(node.operands[i]) != node.types[0]) continue;
        Change change;
        change.bypassed = number;
        change.operand = i;
        if (Try(Changed(cut_, change))) return true;
      }
    }
    return false;
  }

  bool Shrink() {
    std::set<int64_t, std::greater<>> extents;
    for (const NamedValue& input : cut_.graph.inputs())
      for (const int64_t extent : cut_.graph.type(input.value).shape) extents.insert(extent);
    for (const int64_t from : extents)
      for (const int64_t to : {int64_t{1}, int64_t{2}, from / 2, from - 1})
        if (to > 0 && to < from && Try(Resized(cut_, from, to))) return true;
    return false;
  }

  /// Every option that can be the usual one is.
  void SimplifyOptions() {
    const OptionSet usual;
    const auto reset = [&](auto field) {
      OptionSet simpler = options_;
      simpler.*field = usual.*field;
      if (fails_(best_, simpler)) options_ = simpler;
    };
    reset(&OptionSet::threads);
    reset(&OptionSet::disjoint);
    reset(&OptionSet::small_tiles);
    reset(&OptionSet::small_caches);
    reset(&OptionSet::winograd);
    reset(&OptionSet::guards);
    reset(&OptionSet::simplify);
    reset(&OptionSet::fuse);
    reset(&OptionSet::target);
  }

  OptionSet options_;
  const Fails& fails_;
  OracleCase best_;
  Cut cut_;
};

}  // namespace

ReducedCase Reduce(const OracleCase& one, const OptionSet& options, const Fails& fails) {
  return Reduction(options, fails).Run(one);
}

}  // namespace descent
