// Control flow: graphs in graphs.
#include <algorithm>

#include "frontends/onnx/ops/body.h"
#include "frontends/onnx/ops/families.h"
#include "frontends/onnx/ops/iteration.h"

namespace descent::onnx {
namespace {

using Values = std::vector<Value>;

// ---- If

/// The graph of a branch with the inputs of both: `operands` instead of its own captures.
std::shared_ptr<const Graph> WithOperands(GraphBuilder& outside, const Graph& branch,
                                          const Values& captured, const Values& operands) {
  GraphBuilder builder;
  Values inputs;
  for (const Value operand : operands)
    inputs.push_back(builder.Input(fmt::format("x{}", inputs.size()), outside.type(operand)));
  Values of_branch;
  for (const Value value : captured)
    of_branch.push_back(inputs[std::ranges::find(operands, value) - operands.begin()]);
  const Values outputs = InlineOutputs(branch, of_branch, builder);
  for (size_t i = 0; i < outputs.size(); ++i) builder.Output(fmt::format("r{}", i), outputs[i]);
  return std::make_shared<const Graph>(std::move(builder).Build());
}

/// Both branches must give the same types: shapes are static.
bool TypesAgree(OnnxNode& n, const Graph& taken, const Graph& otherwise) {
  for (size_t i = 0; i < taken.outputs().size(); ++i) {
    const TensorType& a = taken.type(taken.outputs()[i].value);
    const TensorType& b = otherwise.type(otherwise.outputs()[i].value);
    if (a != b) n.Unsupported("result {} is {} or {}", i, ToString(a), ToString(b));
  }
  return !n.failed();
}

/// Whether all nodes and outputs of the branch are good; else they are reported.
bool AddBranch(const proto::GraphProto& branch, BodyGraph& body) {
  if (!body.Import()) return false;
  for (int i = 0; i < branch.output_size(); ++i) {
    const Value output = body.Output(i);
    if (!output.valid()) return false;
    body.Result(output);
  }
  return true;
}

Outputs IfDynamic(OnnxNode& n, const proto::GraphProto& then_proto,
                  const proto::GraphProto& else_proto) {
  std::vector<std::shared_ptr<const Graph>> graphs;
  std::vector<Values> captured;
  Values operands;
  bool good = true;  // all that is wrong is told, of both
  for (const proto::GraphProto* branch : {&then_proto, &else_proto}) {
    BodyGraph body(n, *branch);
    if (!AddBranch(*branch, body)) {
      good = false;
      continue;
    }
    captured.push_back(body.captured());
    for (const Value value : captured.back())
      if (std::ranges::find(operands, value) == operands.end()) operands.push_back(value);
    graphs.push_back(body.Build());
  }
  if (!good) return Value{};
  if (!TypesAgree(n, *graphs[0], *graphs[1])) return Value{};
  Values all = {n.Reshape(n.In(0), {})};
  all.insert(all.end(), operands.begin(), operands.end());
  const auto branch = [&](int i) {
    return WithOperands(n.builder(), *graphs[i], captured[i], operands);
  };
  return n.AddMulti("if", std::move(all), {{"then_body", branch(0)}, {"else_body", branch(1)}});
}

/// A condition that is known leaves the nodes of its branch.
Outputs If(OnnxNode& n) {
  const proto::GraphProto* taken = BodyOf(n, "then_branch");
  const proto::GraphProto* otherwise = BodyOf(n, "else_branch");
  const Value condition = n.In(0);
  if (n.failed()) return Value{};
  if (taken->output_size() != otherwise->output_size() || taken->output_size() < n.result_count())
    return n.Fail("its branches give {} and {} results", taken->output_size(),
                  otherwise->output_size());
  const auto known = n.scope().Static(condition);
  if (!known) return IfDynamic(n, *taken, *otherwise);
  if (known->elements() != 1) return n.Fail("the condition is no scalar");
  const auto results = RunInline(n, known->GetInt(0) != 0 ? *taken : *otherwise, {});
  return results ? OutputsOf(*results) : Value{};
}

// ---- Loop

Outputs Loop(OnnxNode& n) {
  const proto::GraphProto* body = BodyOf(n, "body");
  if (body == nullptr) return Value{};
  const int carried = std::max(n.operand_count() - 2, 0);
  Iteration loop{.body = *body, .numbered = true, .stacked = body->output_size() - 1 - carried};
  if (body->input_size() != 2 + carried || loop.stacked < 0)
    return n.Fail("its body takes {} values and gives {}, which does not fit {} carried ones",
                  body->input_size(), body->output_size(), carried);
  if (n.Has(0)) {
    const std::vector<int64_t> trips = n.StaticInts(0);
    if (!n.failed() && trips.size() != 1) return n.Fail("the trip count is no scalar");
    loop.trips = n.failed() ? 0 : std::max<int64_t>(trips[0], 0);
  }
  if (n.Has(1)) loop.condition = n.Reshape(n.In(1), {});
  for (int i = 0; i < carried; ++i) loop.carried.push_back(BoundOperand(n, 2 + i));
  const auto results = Iterate(n, loop);
  return results ? OutputsOf(*results) : Value{};
}

// ---- Scan

Value Directed(OnnxNode& n, Value x, bool backward) {
  return backward ? n.Add("flip", {x}, {{"axes", std::vector<int64_t>{0}}}) : x;
}

/// One number per scanned value: the attribute, or zeros.
std::vector<int64_t> PerScanned(OnnxNode& n, std::string_view attribute, int count) {
  std::vector<int64_t> numbers = n.Ints(attribute, std::vector<int64_t>(std::max(count, 0), 0));
  if (static_cast<int>(numbers.size()) != count)
    n.Fail("{} has {} numbers, not {}", attribute, numbers.size(), count);
  return numbers;
}

struct ScanCounts {
  int carried = 0, sliced = 0, stacked = 0;
};

ScanCounts CountsOf(OnnxNode& n, const proto::GraphProto& body, int operands) {
  const int64_t sliced = n.Int("num_scan_inputs", 0);
  if (sliced < 1 || sliced > operands || body.input_size() != operands ||
      body.output_size() < operands - sliced) {
    n.Fail("num_scan_inputs {} and a body of {} inputs and {} outputs do not fit {} operands",
           sliced, body.input_size(), body.output_size(), operands);
    return {};
  }
  const int carried = operands - static_cast<int>(sliced);
  return {carried, static_cast<int>(sliced), body.output_size() - carried};
}

Outputs Scan(OnnxNode& n) {
  const proto::GraphProto* body = BodyOf(n, "body");
  if (body == nullptr) return Value{};
  const ScanCounts counts = CountsOf(n, *body, n.operand_count());
  const auto axes = PerScanned(n, "scan_input_axes", counts.sliced);
  const auto directions = PerScanned(n, "scan_input_directions", counts.sliced);
  const auto output_axes = PerScanned(n, "scan_output_axes", counts.stacked);
  const auto output_directions = PerScanned(n, "scan_output_directions", counts.stacked);
  if (n.failed()) return Value{};
  Iteration scan{.body = *body, .stacked = counts.stacked};
  for (int i = 0; i < counts.carried; ++i) scan.carried.push_back(BoundOperand(n, i));
  for (int i = 0; i < counts.sliced; ++i) {
    const Value x = n.In(counts.carried + i);
    const Value first = n.MoveAxis(x, axes[i], 0);
    scan.sliced.push_back(Directed(n, first, directions[i] != 0));
  }
  auto results = Iterate(n, scan);
  if (!results) return Value{};
  for (int i = 0; i < counts.stacked; ++i) {
    Value& stacked = (*results)[counts.carried + i].value;
    if (!stacked.valid()) continue;  // of no step
    stacked = Directed(n, stacked, output_directions[i] != 0);
    stacked = n.MoveAxis(stacked, 0, output_axes[i]);
  }
  return OutputsOf(*results);
}

/// One sample of what version 8 scans: a Scan along the first axis.
std::optional<std::vector<Bound>> ScanSample(OnnxNode& n, const proto::GraphProto& body,
                                             const ScanCounts& counts, const Values& operands,
                                             const std::vector<int64_t>& directions) {
  Iteration scan{.body = body, .stacked = counts.stacked};
  scan.carried.assign(operands.begin(), operands.begin() + counts.carried);
  for (int i = 0; i < counts.sliced; ++i)
    scan.sliced.push_back(Directed(n, operands[counts.carried + i], directions[i] != 0));
  return Iterate(n, scan);
}

/// The lengths of version 8 must be full.
bool LengthsAreFull(OnnxNode& n, int64_t steps) {
  for (const int64_t length : n.Has(0) ? n.StaticInts(0) : std::vector<int64_t>{})
    if (length != steps) n.Unsupported("a length of {} of {} steps", length, steps);
  return !n.failed();
}

/// Version 8 scans every sample of a batch by itself: a scan over samples, of a scan over steps.
Outputs ScanBatch(OnnxNode& n) {
  const proto::GraphProto* body = BodyOf(n, "body");
  if (body == nullptr) return Value{};
  const ScanCounts counts = CountsOf(n, *body, n.operand_count() - 1);
  const auto directions = PerScanned(n, "directions", counts.sliced);
  if (n.failed()) return Value{};
  Values operands;
  GraphBuilder builder;
  Values sample;
  for (int i = 1; i < n.operand_count(); ++i) {
    operands.push_back(n.In(i));
    const TensorType& type = n.type(operands.back());
    const int axes = i <= counts.carried ? 1 : 2;  // that of the batch, then that of the steps
    if (type.rank() < axes) return n.Fail("operand {} has {} axes, not {}", i, type.rank(), axes);
    sample.push_back(builder.Input(body->input(i - 1).name(), SliceType(type)));
  }
  if (!LengthsAreFull(n, n.shape(operands.back())[1])) return Value{};
  Scope scope(builder, n.scope(), Scope::Body{});
  OnnxNode inside(n.graph(), scope, n.proto(), n.importer(), n.version());
  const auto results = ScanSample(inside, *body, counts, sample, directions);
  if (inside.failed()) return n.Fail(inside.error());
  if (!results) return Value{};
  for (size_t i = 0; i < results->size(); ++i) {
    const Value result = (*results)[i].value;
    // A sequence, or what is stacked of no step.
    if (!result.valid()) return n.Unsupported("result {} has no shape", i);
    builder.Output(fmt::format("r{}", i), result);
  }
  const auto sliced = static_cast<int64_t>(operands.size());
  for (const Scope::Captured& captured : scope.captures()) operands.push_back(captured.outside);
  return n.AddMulti("scan", std::move(operands),
                    {{"body", std::make_shared<const Graph>(std::move(builder).Build())},
                     {"carried", int64_t{0}},
                     {"sliced", sliced},
                     {"stacked", static_cast<int64_t>(results->size())}});
}

const std::vector<std::string_view> kScan = {
    "body",
    "num_scan_inputs",
    "scan_input_axes",
    "scan_input_directions",
    "scan_output_axes",
    "scan_output_directions",
};

}  // namespace

std::span<const OpImporter> ControlImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"If", 1, kNewest, 1, {"then_branch", "else_branch"}, If},
      {"Loop", 1, kNewest, kVariadic, {"body"}, Loop},
      {"Scan", 8, 8, kVariadic, {"body", "directions", "num_scan_inputs"}, ScanBatch},
      {"Scan", 9, kNewest, kVariadic, kScan, Scan},
  };
  return kImporters;
}

}  // namespace descent::onnx
