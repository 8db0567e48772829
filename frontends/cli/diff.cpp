// `descent diff`: two models by structure, or one model's compiled values against the
// interpreter's.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <random>

#include "compiler/graph/specialize.h"
#include "compiler/kernel/lower_model.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/run/execution.h"
#include "frontends/cli/run/execution_flags.h"
#include "ir/io/model_diff.h"
#include "ir/io/model_file.h"

namespace descent::cli {
namespace {

constexpr double kRelativeTolerance = 1e-5;

struct DiffArguments {
  std::string first;
  std::vector<std::string> rest;
  bool compiled = false, interpreter = false, check_memory = false;
  std::string entry, tolerance;
  WeightsFlags weights;
  int64_t seed = 1;
  CompileFlags flags;
};

Result<ExitStatus> DiffStructure(const std::string& first, const std::string& second,
                                 const ModelFlags& flags) {
  DESCENT_TRY(a, flags.Read(first));
  DESCENT_TRY(b, flags.Read(second));
  const std::vector<std::string> differences = DiffModels(a, b);
  for (const std::string& difference : differences) Print("{}\n", difference);
  return differences.empty() ? ExitStatus::kGood : ExitStatus::kDiffers;
}

// ---- values ------------------------------------------------------------------------------------

/// Interpreted values, and how far rounding alone may move each: their distance from exact ones,
/// and what they move by when inputs and state move by their last bit.
struct Truth {
  Values values;
  std::vector<Values> moved;
};

constexpr int kMoves = 2;
/// Rounding inside the entry point is of the order of rounding at its inputs; this much more is
/// still no difference.
constexpr double kRoundingFactor = 8;

Tensor MovedByLastBit(const Tensor& tensor, std::mt19937_64& generator) {
  if (!Info(tensor.dtype()).is_float) return tensor;
  const double unit = std::ldexp(1, 1 - Info(tensor.dtype()).digits);
  std::vector<double> values(static_cast<size_t>(tensor.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = tensor.GetDouble(static_cast<int64_t>(i)) *
                (1 + unit * (static_cast<double>(generator() % 3) - 1));
  return Tensor::FromDoubles(tensor.type(), values);
}

Result<Truth> Interpreted(const Execution& execution) {
  Truth truth;
  DESCENT_TRY(values, RunInterpreted(execution, true));
  truth.values = std::move(values);
  std::mt19937_64 generator(1);
  for (int move = 0; move < kMoves; ++move) {
    Execution moved = execution;
    for (auto* tensors : {&moved.inputs, &moved.state})
      for (auto& [name, tensor] : *tensors)
        if (name != kLearningRateSlot) tensor = MovedByLastBit(tensor, generator);
    DESCENT_TRY(others, RunInterpreted(moved, true));
    truth.moved.push_back(std::move(others));
  }
  DESCENT_TRY(exact, RunInterpreted(execution, true, Precision::kExact));
  truth.moved.push_back(std::move(exact));
  return truth;
}

double LargestMagnitude(const Tensor& tensor) {
  double magnitude = 0;
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double value = std::abs(tensor.GetDouble(i));
    if (std::isfinite(value)) magnitude = std::max(magnitude, value);
  }
  return magnitude;
}

double LargestDistance(const Tensor& a, const Tensor& b) {
  double distance = 0;
  for (int64_t i = 0; i < a.elements(); ++i) {
    const double here = std::abs(a.GetDouble(i) - b.GetDouble(i));
    if (std::isfinite(here)) distance = std::max(distance, here);
  }
  return distance;
}

/// The first element that differs by more than `bound`.
struct Difference {
  int64_t index = -1;
  double compiled = 0, interpreted = 0;
};

Difference FirstDifference(const Tensor& compiled, const Tensor& interpreted, double bound) {
  for (int64_t i = 0; i < interpreted.elements(); ++i) {
    const double a = compiled.GetDouble(i), b = interpreted.GetDouble(i);
    const bool same = a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= bound;
    if (!same) return {i, a, b};
  }
  return {};
}

std::string Position(const Shape& shape, int64_t index) {
  std::vector<int64_t> coordinates(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    coordinates[axis] = index % shape[axis];
    index /= shape[axis];
  }
  return fmt::format("[{}]", fmt::join(coordinates, ", "));
}

/// In the order of computation: named values, then outputs, then the next state.
std::vector<const NamedTensor*> All(const Values& values) {
  std::vector<const NamedTensor*> all;
  for (const auto* list : {&values.traced, &values.outputs, &values.next})
    for (const NamedTensor& value : *list) all.push_back(&value);
  return all;
}

struct Comparison {
  int compared = 0;
  std::string first;  ///< what differs first, or ""
};

const NamedTensor* Find(const Values& values, const std::string& name) {
  for (const NamedTensor* value : All(values))
    if (value->name == name) return value;
  return nullptr;
}

double BoundOf(const NamedTensor& value, const Truth& truth, double tolerance) {
  double rounding = 0;
  for (const Values& moved : truth.moved)
    if (const NamedTensor* other = Find(moved, value.name))
      rounding = std::max(rounding, LargestDistance(value.value, other->value));
  return tolerance *
         (LargestMagnitude(value.value) + kRoundingFactor / kRelativeTolerance * rounding);
}

Comparison Compare(const Values& compiled, const Truth& truth, double tolerance) {
  Comparison comparison;
  for (const NamedTensor* value : All(truth.values)) {
    const NamedTensor* other = Find(compiled, value->name);
    if (other == nullptr) continue;  // an optimization left no such value
    ++comparison.compared;
    const Difference difference =
        FirstDifference(other->value, value->value, BoundOf(*value, truth, tolerance));
    if (difference.index < 0 || !comparison.first.empty()) continue;
    comparison.first = fmt::format("{}{}: compiled {}, interpreted {}", value->name,
                                   Position(value->value.shape(), difference.index),
                                   difference.compiled, difference.interpreted);
  }
  return comparison;
}

Result<bool> SameValues(const Execution& execution, double tolerance) {
  DESCENT_TRY(truth, Interpreted(execution));
  DESCENT_TRY(compiled, RunCompiled(execution, true));
  const Comparison comparison = Compare(compiled, truth, tolerance);
  if (comparison.first.empty())
    Print("{}: {} agree{}\n", execution.entry, Counted(comparison.compared, "value"),
          comparison.compared == 1 ? "s" : "");
  else
    Print("{}: {}\n", execution.entry, comparison.first);
  return comparison.first.empty();
}

/// The entry points to compare, ready to run: each takes of the inputs those that it reads.
Result<std::vector<Execution>> PrepareAll(const Model& model, std::vector<InputArgument> given,
                                          const DiffArguments& arguments) {
  std::vector<std::string> entries = {arguments.entry};
  if (arguments.entry.empty())
    entries = model.entry.empty() ? EntryPoints(model) : std::vector<std::string>{model.entry};
  ExecutionRequest request{.entry = {},
                           .inputs = {},
                           .all_inputs = entries.size() > 1,
                           .weights = arguments.weights,
                           .seed = arguments.seed,
                           .random_inputs = true,
                           .check_memory = arguments.check_memory};
  if (request.all_inputs) {
    std::vector<std::string> names;
    for (const InputBinding& input : model.inputs) names.push_back(input.name);
    DESCENT_TRY(matched, MatchInputs(names, "model " + Quoted(model.name), given));
    for (auto& [name, input] : matched)
      request.inputs.push_back({name, std::move(input.value), input.file});
  } else {
    request.inputs = std::move(given);
  }
  if (request.weights.given()) request.weights.origin = OriginOf(model, arguments.first);
  DESCENT_TRY(options, arguments.flags.Options());
  request.options = std::move(options);
  std::vector<Execution> executions;
  for (const std::string& entry : entries) {
    request.entry = entry;
    DESCENT_TRY(execution, Prepare(model, request));
    executions.push_back(std::move(execution));
  }
  for (const InputArgument& input : request.inputs)
    if (request.all_inputs && std::ranges::none_of(executions, [&](const Execution& execution) {
          return execution.inputs.contains(input.name);
        }))
      return UsageError(fmt::format("no entry point reads the input {}", Quoted(input.name)));
  return executions;
}

Result<ExitStatus> DiffValues(const DiffArguments& arguments) {
  double tolerance = kRelativeTolerance;
  const std::string text = arguments.tolerance.empty() ? "1e-5" : arguments.tolerance;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tolerance);
  if (error != std::errc() || end != text.data() + text.size() || !(tolerance >= 0))
    return UsageError(
        fmt::format("--tolerance takes a number of at least 0, not {}", Quoted(text)));
  DESCENT_TRY(inputs, ReadInputs(arguments.rest));
  DESCENT_TRY(model, LoadModelFor(inputs, arguments.first, arguments.flags.model));
  DESCENT_TRY(executions, PrepareAll(model, std::move(inputs), arguments));
  bool same = true;
  for (const Execution& execution : executions) {
    DESCENT_TRY(agrees, SameValues(execution, tolerance));
    same = same && agrees;
  }
  return same ? ExitStatus::kGood : ExitStatus::kDiffers;
}

Result<ExitStatus> Diff(const DiffArguments& arguments) {
  DESCENT_RETURN_IF_ERROR(arguments.weights.Check());
  if (arguments.compiled && arguments.interpreter) return DiffValues(arguments);
  if (arguments.compiled || arguments.interpreter)
    return UsageError("values are compared with --compiled and --interpreter together");
  if (arguments.rest.size() != 1)
    return UsageError("two models are compared: descent diff A B",
                      "or the values of one: descent diff MODEL --compiled --interpreter");
  if (arguments.check_memory)
    return UsageError("--check-memory is for comparing values",
                      "add --compiled --interpreter, of one model");
  for (const auto& [option, value] :
       {std::pair("--entry", &arguments.entry), std::pair("--tolerance", &arguments.tolerance),
        std::pair("--weights", &arguments.weights.file)})
    if (!value->empty())
      return UsageError(fmt::format("{} is for comparing values", option),
                        "add --compiled --interpreter, of one model");
  return DiffStructure(arguments.first, arguments.rest.front(), arguments.flags.model);
}

}  // namespace

Command DiffCommand() {
  auto arguments = std::make_shared<DiffArguments>();
  OptionGroup options = {
      "Comparing values",
      {{.names = "--compiled",
        .value = "",
        .doc = "with --interpreter: compare the values of one model",
        .destination = &arguments->compiled},
       {.names = "--interpreter",
        .value = "",
        .doc = "with --compiled: against the reference interpreter",
        .destination = &arguments->interpreter},
       EntryOption(&arguments->entry, "all of them"),
       {.names = "--tolerance",
        .value = "T",
        .doc = "largest difference relative to the largest magnitude in the tensor, besides what "
               "rounding explains (default 1e-5; 0: none at all)",
        .destination = &arguments->tolerance},
       SeedOption(&arguments->seed,
                  "seed of initializers, random operators and inputs that are not given (default "
                  "1)"),
       CheckMemoryOption(&arguments->check_memory)}};
  return {
      .name = "diff",
      .summary = "compare two models, or compiled values with interpreted ones",
      .description =
          "With two models (or stages: `descent opt` prints them) compares their structure: nodes "
          "are "
          "matched by what they compute, so numbering, order and comments do not count. With "
          "--compiled --interpreter runs every entry point of one model both ways, on given or "
          "made-up inputs, and names the first value that differs. A given input goes to every "
          "entry point that reads it; those without a name are the model's inputs in order. The "
          "exit status is 5 if there is a difference.",
      .arguments = {ModelArgument(&arguments->first, "A"),
                    {.names = "B",
                     .value = "",
                     .doc = "the other model; or inputs of the one, as `descent run` takes them",
                     .destination = &arguments->rest,
                     .completion = Completion::kModel}},
      .groups = {std::move(options),
                 {"Parameters",
                  arguments->weights.Options("--weights,--checkpoint", "state from a file")},
                 arguments->flags.Group()},
      .examples = {{"descent diff old.descent new.descent", "what changed?"},
                   {"descent diff model.descent --compiled --interpreter",
                    "does the compiled model compute what the interpreter does?"}},
      .subject = &arguments->first,
      .run = [arguments] { return Diff(*arguments); }};
}

}  // namespace descent::cli
