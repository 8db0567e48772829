#include "frontends/onnx/ops/iteration.h"

#include <algorithm>

#include "frontends/onnx/graph_importer.h"

namespace descent::onnx {
namespace {

using Values = std::vector<Value>;
using Results = std::optional<std::vector<Bound>>;

/// How an attempt ended.
enum class Attempt : uint8_t { kDone, kFailed, kConditionUnknown };

bool CarriesSequences(const Iteration& it) {
  return std::ranges::any_of(it.carried, [](const Bound& b) { return b.sequence.has_value(); });
}

void Append(Values& values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
}

std::vector<Bound> AsBound(const Values& values, int first, int count) {
  return {values.begin() + first, values.begin() + first + count};
}

Tensor Number(int64_t value) { return Tensor::FromInts({DType::kI64, {}}, std::vector{value}); }

int64_t TripsOf(OnnxNode& n, const Iteration& it) {
  if (it.numbered) return it.trips;
  return it.sliced.empty() || n.rank(it.sliced[0]) == 0 ? 0 : n.shape(it.sliced[0])[0];
}

/// Values of the body's outputs from `first` on, all that a scan or a loop results in.
bool AddResults(OnnxNode& n, const Iteration& it, BodyGraph& body, int first) {
  for (int i = first; i < it.body.output_size(); ++i) {
    const Value output = body.Output(i);
    if (!output.valid()) return false;
    body.Result(output);
  }
  return !n.failed();
}

// ---- as scan

/// Where the number of iterations is known and no shape in the body depends on which one it is.
Attempt AsScan(OnnxNode& n, const Iteration& it, Results& results) {
  const int carried = static_cast<int>(it.carried.size());
  Values operands;
  BodyGraph body(n, it.body);
  for (int i = 0; i < carried; ++i) {
    operands.push_back(it.carried[i].value);
    body.Input(it.carried_input() + i, n.type(operands.back()));
  }
  for (size_t i = 0; i < it.sliced.size(); ++i) {
    operands.push_back(it.sliced[i]);
    body.Input(carried + static_cast<int>(i), SliceType(n.type(operands.back())));
  }
  if (it.numbered) {
    body.Bind(0, body.builder().Add("loop_step", {}));
    body.Bind(1, body.builder().Constant(Tensor::Scalar(DType::kBool, 1)));
  }
  if (!body.Import()) return Attempt::kFailed;
  if (it.numbered) {
    const Value condition = body.Output(0);
    if (!condition.valid()) return Attempt::kFailed;
    const auto known = body.scope().Static(condition);
    if (!known || known->elements() != 1 || known->GetInt(0) == 0)
      return Attempt::kConditionUnknown;
  }
  if (!AddResults(n, it, body, it.carried_output())) return Attempt::kFailed;
  Append(operands, body.captured());
  auto added = n.builder().TryAdd("scan", std::move(operands),
                                  {{"body", body.Build()},
                                   {"carried", int64_t{carried}},
                                   {"sliced", static_cast<int64_t>(it.sliced.size())},
                                   {"stacked", int64_t{it.stacked}},
                                   {"trip_count", it.numbered ? it.trips : -1}});
  if (added) {
    results = AsBound(*added, 0, carried + it.stacked);
    return Attempt::kDone;
  }
  n.graph().Report(std::move(added).error());
  return Attempt::kFailed;
}

// ---- unrolled

std::vector<Bound> InputsOf(OnnxNode& n, const Iteration& it, int64_t trip) {
  std::vector<Bound> inputs;
  if (it.numbered) {
    inputs.emplace_back(n.Constant(Number(trip)));
    inputs.emplace_back(n.Scalar(DType::kBool, 1));
  }
  inputs.insert(inputs.end(), it.carried.begin(), it.carried.end());
  for (const Value sliced : it.sliced)
    inputs.emplace_back(n.Add("gather", {sliced, n.Constant(Number(trip))}));
  return inputs;
}

/// Whether the condition says to go on; unknown where it depends on data.
std::optional<bool> GoesOn(OnnxNode& n, Value condition) {
  if (!condition.valid()) return std::nullopt;
  const auto known = n.scope().Static(condition);
  if (!known || known->elements() != 1) return std::nullopt;
  return known->GetInt(0) != 0;
}

/// Says that there are more iterations than are unrolled.
Attempt TooMany(OnnxNode& n, int64_t trips) {
  const std::string why =
      trips > kMaxElements ? fmt::format("a loop that is not unrolled has at most {}", kMaxElements)
                           : "they differ";
  n.Unsupported("more than {} iterations would be unrolled, since {}", kMaxUnrolled, why);
  return Attempt::kFailed;
}

/// A scan whose errors do not count if the loop may be unrolled instead, or could but for the
/// number of its iterations.
Attempt TryScan(OnnxNode& n, const Iteration& it, Results& results) {
  const int64_t trips = TripsOf(n, it);
  if (CarriesSequences(it) || trips > kMaxElements) return Attempt::kConditionUnknown;
  Attempt attempt = Attempt::kFailed;
  const auto run = [&] { attempt = AsScan(n, it, results); };
  if (n.graph().Tries(run)) return attempt;
  if (trips <= kMaxUnrolled) return Attempt::kConditionUnknown;
  const auto run_once = [&] { RunInline(n, it.body, InputsOf(n, it, 0)); };
  if (n.graph().Tries(run_once) && !n.failed()) return TooMany(n, trips);
  if (!n.failed()) run();
  return Attempt::kFailed;
}

Attempt StackResults(OnnxNode& n, const Iteration& it, const std::vector<Values>& slices,
                     std::vector<Bound> carried, Results& results) {
  for (int i = 0; i < it.stacked; ++i) {
    if (!slices[i].empty()) {
      carried.emplace_back(n.Add("stack", slices[i]));
    } else {
      carried.emplace_back(Value{});
      carried.back().missing =
          fmt::format("no iteration says what result {} is", it.carried.size() + i);
    }
  }
  results = std::move(carried);
  return n.failed() ? Attempt::kFailed : Attempt::kDone;
}

/// The nodes of the body once for each iteration.
Attempt Unroll(OnnxNode& n, Iteration it, Results& results) {
  const int64_t trips = TripsOf(n, it);
  const auto carried = static_cast<std::ptrdiff_t>(it.carried.size());
  std::vector<Values> slices(it.stacked);
  for (int64_t trip = 0; trip < trips; ++trip) {
    if (trip == kMaxUnrolled) return TooMany(n, trips);
    const auto outputs = RunInline(n, it.body, InputsOf(n, it, trip));
    if (!outputs || n.failed()) return Attempt::kFailed;
    const auto next = outputs->begin() + it.carried_output();
    const auto goes_on = it.numbered ? GoesOn(n, outputs->front().value) : true;
    if (!goes_on) return Attempt::kConditionUnknown;
    it.carried.assign(next, next + carried);
    for (int i = 0; i < it.stacked; ++i) slices[i].push_back(next[carried + i].value);
    if (!*goes_on) break;
  }
  return StackResults(n, it, slices, it.carried, results);
}

// ---- as while

/// The condition is carried in front of all else; so the graph that tells it is its first input.
std::shared_ptr<const Graph> ConditionGraph(OnnxNode& n, const Values& operands) {
  GraphBuilder builder;
  for (size_t i = 0; i < operands.size(); ++i)
    builder.Input(fmt::format("x{}", i), n.type(operands[i]));
  builder.Output("goes_on", Value{0, 0});
  return std::make_shared<const Graph>(std::move(builder).Build());
}

/// A condition on data: at most as many iterations as the trip count says.
Results AsWhile(OnnxNode& n, const Iteration& it) {
  const auto carried = static_cast<int>(it.carried.size());
  if (CarriesSequences(it))
    return n.Unsupported("a condition on data while sequences are carried"), std::nullopt;
  if (it.trips > kMaxElements)
    return n.Unsupported("a condition on data without a trip count that bounds it"), std::nullopt;
  Values operands = {it.condition.valid() ? it.condition : n.Scalar(DType::kBool, 1),
                     n.Constant(Number(0))};
  BodyGraph body(n, it.body);
  body.Input(1, {DType::kBool, {}});
  const Value number = body.Input(0, {DType::kI64, {}});
  for (int i = 0; i < carried; ++i) {
    operands.push_back(it.carried[i].value);
    body.Input(2 + i, n.type(operands.back()));
  }
  if (!body.Import()) return std::nullopt;
  const Value condition = body.Output(0);
  if (!condition.valid()) return std::nullopt;
  body.Result(condition);
  body.Result(body.builder().Add("add", {number, body.builder().Constant(Number(1))}));
  for (int i = 0; i < carried; ++i) {
    const Value next = body.Output(1 + i);
    if (!next.valid()) return std::nullopt;
    body.Result(next);
  }
  Append(operands, body.captured());
  const auto condition_graph = ConditionGraph(n, operands);
  const Values results =
      n.AddMulti("while", operands,
                 {{"condition", condition_graph}, {"body", body.Build()}, {"bound", it.trips}});
  if (n.failed()) return std::nullopt;
  std::vector<Bound> all = AsBound(results, 2, carried);
  for (int i = 0; i < it.stacked; ++i) {
    all.emplace_back(Value{});
    all.back().missing =
        fmt::format("a condition on data decides the extent of result {}", carried + i);
  }
  return all;
}

}  // namespace

TensorType SliceType(const TensorType& type) {
  return {type.dtype, {type.shape.begin() + 1, type.shape.end()}};
}

std::optional<std::vector<Bound>> Iterate(OnnxNode& n, Iteration it) {
  for (const Value sliced : it.sliced)
    if (n.rank(sliced) == 0) n.Fail("a scanned operand has no axis of steps");
  if (n.failed()) return std::nullopt;
  const auto begins = it.condition.valid() ? GoesOn(n, it.condition) : true;
  if (begins && !*begins) it.trips = 0;
  Results results;
  Attempt attempt = Attempt::kConditionUnknown;
  if (begins) attempt = TryScan(n, it, results);
  if (begins && attempt == Attempt::kConditionUnknown) attempt = Unroll(n, it, results);
  if (attempt == Attempt::kConditionUnknown && !n.failed()) results = AsWhile(n, it);
  return n.failed() || attempt == Attempt::kFailed ? std::nullopt : results;
}

}  // namespace descent::onnx
