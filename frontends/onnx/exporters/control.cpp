// Control: bodies as graphs in graphs. What a body does not change it reads by its name outside.
#include <algorithm>
#include <memory>

#include "frontends/onnx/exporters/families.h"

namespace descent::onnx {
namespace {

using Node = ExportedNode;

/// A graph in a graph while it is written.
class Body {
 public:
  explicit Body(const Node& n) : n_(n), w_(graph_, n.w) { graph_.set_name("body"); }

  GraphWriter& w() { return w_; }
  std::string Input(DType dtype) {
    const std::string name = w_.Fresh("input");
    Declare(dtype, name, *graph_.add_input());
    return name;
  }
  /// Loops want to be told that it is one.
  std::string Scalar(DType dtype) {
    const std::string name = w_.Fresh("input");
    WriteType({dtype, {}}, name, *graph_.add_input());
    return name;
  }
  /// Writes `graph`; the names of its outputs.
  Names Write(const Graph& graph, const Names& inputs, const std::string& loop_step) {
    return n_.write_graph(w_, graph, inputs, loop_step);
  }
  void Output(DType dtype, const std::string& value) {
    Declare(dtype, w_.Own(value), *graph_.add_output());
  }
  void Outputs(const Graph& graph, const Names& values, size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      Output(graph.type(graph.outputs()[i].value).dtype, values[i]);
  }
  GraphWriter::Attribute Done() { return std::move(graph_); }

 private:
  /// Without its shape, which follows from what is passed: so it may depend on the batch.
  static void Declare(DType dtype, const std::string& name, proto::ValueInfoProto& to) {
    to.set_name(name);
    to.mutable_type()->mutable_tensor_type()->set_elem_type(DTypeNumber(dtype));
  }

  const Node& n_;
  proto::GraphProto graph_;
  GraphWriter w_;
};

std::string Integer(GraphWriter& w, int64_t value) {
  return w.Constant(Tensor::FromInts({DType::kI64, {}}, std::vector{value}));
}

// ---- if ----------------------------------------------------------------------------------------

Names If(const Node& n) {
  const Names inputs(n.operands.begin() + 1, n.operands.end());
  GraphWriter::Attributes attributes;
  for (const auto& [ours, theirs] :
       {std::pair("then_body", "then_branch"), std::pair("else_body", "else_branch")}) {
    const Graph& graph = n.op.attributes.Body(ours);
    Body body(n);
    const Names outputs = body.Write(graph, inputs, n.loop_step);
    body.Outputs(graph, outputs, 0, outputs.size());
    attributes.emplace_back(theirs, body.Done());
  }
  return n.w.AddMulti("If", {n.In(0)}, static_cast<int>(n.results.size()), std::move(attributes));
}

// ---- scan --------------------------------------------------------------------------------------

bool ReadsLoopStep(const Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [](const descent::Node& node) {
    return node.op->leaf == Leaf::kLoopStep ||
           std::ranges::any_of(node.attributes, [](const Attributes::Entry& entry) {
             const auto* body = std::get_if<std::shared_ptr<const Graph>>(&entry.second);
             return body != nullptr && ReadsLoopStep(**body);
           });
  });
}

/// checkpointed_scan lacks some attributes of scan.
LoopForm FormOf(const Node& n) {
  Attributes complete = n.op.attributes;
  if (complete.Find("first_step") == nullptr) complete.Set("first_step", int64_t{0});
  if (complete.Find("continues") == nullptr) complete.Set("continues", false);
  return FindOp("scan")->loop({n.op.operands, complete});
}

/// The loop steps of all slices.
std::string LoopSteps(const Node& n, const LoopForm& form) {
  const std::string slices =
      n.w.Add("Range", {Integer(n.w, form.first_step),
                        Integer(n.w, form.first_step + form.trip_count), Integer(n.w, 1)});
  if (!form.continues || n.loop_step.empty()) return slices;
  const std::string before = n.w.Add("Mul", {n.loop_step, Integer(n.w, form.trip_count)});
  return n.w.Add("Add", {slices, before});
}

/// onnxruntime scans nothing that is empty.
Names WithoutIterations(const Node& n, const LoopForm& form) {
  Names names(n.operands.begin(), n.operands.begin() + form.carried);
  for (size_t i = form.carried; i < n.results.size(); ++i)
    names.push_back(n.w.Constant(Tensor::FromDoubles(n.results[i], {})));
  return names;
}

/// Carried values, then scanned ones, the last of which may be the loop step. Histories are written
/// where they are read.
Names Scan(const Node& n) {
  const LoopForm form = FormOf(n);
  if (form.trip_count == 0) return WithoutIterations(n, form);
  const Graph& graph = n.op.attributes.Body("body");
  const int passed = form.carried + form.sliced, results = form.carried + form.stacked;
  Body body(n);
  Names operands(n.operands.begin(), n.operands.begin() + passed), inputs;
  for (int i = 0; i < passed; ++i) inputs.push_back(body.Input(n.op.dtype(i)));
  inputs.insert(inputs.end(), n.operands.begin() + passed, n.operands.end());
  std::string step;
  if (form.sliced == 0 || ReadsLoopStep(graph)) {
    operands.push_back(LoopSteps(n, form));
    step = body.Input(DType::kI64);
  }
  const Names outputs = body.Write(graph, inputs, step);
  body.Outputs(graph, outputs, 0, results);
  int written = results;
  for (size_t i = results; i < n.results.size(); ++i) {
    if (!n.wanted[i]) continue;
    body.Output(n.results[i].dtype, inputs[i - results]);
    ++written;
  }
  const auto scanned = static_cast<int64_t>(operands.size()) - form.carried;
  GraphWriter::Attributes attributes = {{"body", body.Done()}, {"num_scan_inputs", scanned}};
  if (form.reverse) {
    attributes.push_back({"scan_input_directions", std::vector<int64_t>(scanned, 1)});
    if (written > form.carried)
      attributes.push_back(
          {"scan_output_directions", std::vector<int64_t>(written - form.carried, 1)});
  }
  Names names = n.w.AddMulti("Scan", std::move(operands), written, std::move(attributes));
  for (size_t i = results; i < n.results.size(); ++i)
    if (!n.wanted[i]) names.insert(names.begin() + i, "");
  return names;
}

// ---- while -------------------------------------------------------------------------------------

/// Whether to go on is told before the first iteration and at the end of each.
Names While(const Node& n) {
  const Graph &graph = n.op.attributes.Body("body"), &condition = n.op.attributes.Body("condition");
  const size_t carried = graph.outputs().size();
  Body body(n);
  const std::string step = body.Scalar(DType::kI64);
  body.Scalar(DType::kBool);  // true
  Names operands = {Integer(n.w, n.Int("bound")),
                    n.write_graph(n.w, condition, n.operands, n.loop_step)[0]};
  Names values = n.operands;
  for (size_t i = 0; i < carried; ++i) {
    operands.push_back(n.In(static_cast<int>(i)));
    values[i] = body.Input(n.results[i].dtype);
  }
  operands.push_back(Integer(n.w, 0));
  const std::string count = body.Input(DType::kI64);
  const Names next = body.Write(graph, values, step);
  std::ranges::copy(next, values.begin());
  body.Output(DType::kBool, body.Write(condition, values, step)[0]);
  body.Outputs(graph, next, 0, carried);
  body.Output(DType::kI64, body.w().Add("Add", {count, Integer(n.w, 1)}));
  return n.w.AddMulti("Loop", std::move(operands), static_cast<int>(carried) + 1,
                      {{"body", body.Done()}});
}

}  // namespace

std::span<const OpExporter> ControlExporters() {
  static constexpr OpExporter kExporters[] = {
      {"checkpointed_scan", Scan},
      {"if", If},
      {"scan", Scan},
      {"while", While},
  };
  return kExporters;
}

}  // namespace descent::onnx
