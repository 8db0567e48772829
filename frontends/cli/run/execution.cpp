#include "frontends/cli/run/execution.h"

#include <algorithm>
#include <random>

#include "compiler/graph/specialize.h"
#include "compiler/kernel/lower_model.h"
#include "compiler/trace_outputs.h"
#include "frontends/cli/command.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/run/compiled_call.h"
#include "frontends/cli/weights.h"
#include "ir/interpreter.h"
#include "ir/op_def.h"
#include "runtime/program.h"

namespace descent::cli {
namespace {

/// Only the passes without which there is no train_step: the truth is what the user wrote.
CompileOptions LeastPasses(CompileOptions options) {
  options.disabled_passes.insert("expand");  // the interpreter knows composites
  for (const Pass& pass : Passes())
    if (pass.is_optimization) options.disabled_passes.insert(std::string(pass.name));
  return options;
}

/// Data inputs that the entry point's graph reads, in its order.
std::vector<const InputBinding*> DataInputs(const Model& model) {
  std::vector<const InputBinding*> inputs;
  for (const NamedValue& input : model.graph.inputs())
    if (const InputBinding* binding = model.FindInput(input.name)) inputs.push_back(binding);
  return inputs;
}

// ---- inputs ------------------------------------------------------------------------------------

std::vector<std::string> NamesOf(const std::vector<const InputBinding*>& inputs) {
  std::vector<std::string> names;
  for (const InputBinding* binding : inputs) names.push_back(binding->name);
  return names;
}

/// Rows of the given inputs with a batch axis; they must agree. 0: none is given.
Result<int64_t> RowsOf(const Model& model, const std::map<std::string, InputArgument>& given) {
  int64_t rows = 0;
  for (const InputBinding* binding : DataInputs(model)) {
    const auto place = given.find(binding->name);
    if (place == given.end() || binding->batch_axis < 0) continue;
    const Shape& shape = place->second.shape();
    if (static_cast<int>(shape.size()) <= binding->batch_axis) continue;
    const int64_t own = shape[binding->batch_axis];
    if (rows != 0 && own != rows)
      return Error("inputs have {} and {} rows; they must have equally many", rows, own);
    rows = own;
  }
  return rows;
}

/// Numbers around 0, or indices small enough for any axis they may select from.
Tensor RandomInput(const TensorType& type, std::mt19937_64& generator) {
  std::vector<double> values(static_cast<size_t>(type.elements()));
  for (double& value : values) {
    const double uniform = static_cast<double>(generator() >> 11) * 0x1p-53;
    value = Info(type.dtype).is_float ? 2 * uniform - 1 : uniform < 0.5 ? 0 : 1;
  }
  return Tensor::FromDoubles(type, values);
}

/// Tensors of the types that the model has by now: what is given, or made up.
Result<void> BindInputs(const ExecutionRequest& request,
                        const std::map<std::string, InputArgument>& given, Execution& execution) {
  std::mt19937_64 generator(static_cast<uint64_t>(request.seed));
  for (const InputBinding* binding : DataInputs(execution.model)) {
    const std::string& name = binding->name;
    const TensorType& type =
        execution.model.graph.type(execution.model.graph.FindInput(name)->value);
    const auto place = given.find(name);
    if (place == given.end()) {
      if (!request.random_inputs)
        return UsageError(
            fmt::format("input {} of type {} is missing", Quoted(name), ToString(type)),
            fmt::format("give {0}.npy, {0}=FILE.npy or {0}=[...]", name));
      execution.inputs.emplace(name, RandomInput(type, generator));
      continue;
    }
    if (place->second.shape() != type.shape)
      return Error("input {} must have the shape {}, not {}", Quoted(name), ToString(type.shape),
                   ToString(place->second.shape()));
    DESCENT_TRY(tensor, place->second.As(type.dtype, name));
    execution.inputs.emplace(name, std::move(tensor));
    if (!place->second.file.empty()) execution.files.emplace(name, place->second.file);
  }
  return {};
}

// ---- state -------------------------------------------------------------------------------------

std::vector<NamedTensor> Named(const Graph& graph, std::vector<Tensor> values) {
  std::vector<NamedTensor> named;
  for (size_t i = 0; i < values.size(); ++i)
    named.push_back({graph.outputs()[i].name, std::move(values[i])});
  return named;
}

/// What the initializers give; of one entry point's model the slots it lists.
Result<std::map<std::string, Tensor>> FirstState(const Model& source, int64_t seed) {
  Model model = source;
  if (!model.entry.empty()) {
    model.entry.clear();
    model.updates.clear();
  }
  std::map<std::string, Tensor> state;
  // A model without state has no entry point initialize.
  const std::vector<std::string> entries = EntryPoints(model);
  if (std::ranges::find(entries, "initialize") != entries.end()) {
    DESCENT_TRY(initialize, Specialize(model, {.entry = "initialize"}));
    DESCENT_TRY(result, Interpret(initialize.graph, {}, {.seed = seed}));
    for (NamedTensor& value : Named(initialize.graph, std::move(result.outputs)))
      state.insert_or_assign(value.name.substr(kNext.size()), std::move(value.value));
  }
  state.insert_or_assign(std::string(kSeedSlot),
                         Tensor::FromInts({DType::kI64, {}}, std::vector<int64_t>{seed}));
  state.try_emplace(std::string(kStepSlot), Tensor::Scalar(DType::kI64, 0));
  const Attribute* rate =
      source.updates.empty() ? nullptr : source.updates[0].hyperparameters.Find("learning_rate");
  state.try_emplace(std::string(kLearningRateSlot),
                    Tensor::Scalar(DType::kF64, rate == nullptr ? 0 : std::get<double>(*rate)));
  return state;
}

/// What the file does not have of it stays as it is: the optimizer's state, seed and step.
Result<void> LoadWeights(const WeightsFlags& flags, const Model& source,
                         std::map<std::string, Tensor>& state) {
  DESCENT_TRY(weights, ReadWeights(flags, source));
  for (auto& [name, value] : state)
    if (const runtime::NamedTensor* tensor = weights.file.Find(name))
      value = FromStored(tensor->dtype, tensor->shape, tensor->bytes);
  for (const runtime::NamedTensor& tensor : weights.file.tensors)
    if (runtime::IsNormalization(tensor.name))
      state.emplace(tensor.name, FromStored(tensor.dtype, tensor.shape, tensor.bytes));
  return {};
}

/// Interpreted: compiled only to know which inputs are indices.
Result<void> CheckReports(const Execution& execution, const Interpretation& run) {
  const uint32_t status = (run.bad_index ? DESCENT_STATUS_BAD_INDEX : 0) |
                          (run.not_finite ? DESCENT_STATUS_NOT_FINITE : 0);
  if (status == 0) return {};
  DESCENT_TRY(compilation, CompileEntry(execution, false));
  return CheckStatus(status, runtime::StatusText(status), execution, compilation);
}

struct GivenInputs {
  std::vector<InputArgument> read;
  std::vector<InputArgument> unread;  ///< named
};

/// The given inputs that the entry point reads, `names`, and the model's others.
Result<GivenInputs> SeparateInputs(const ExecutionRequest& request, const Model& source,
                                   std::string_view reader, const std::vector<std::string>& names) {
  std::vector<InputArgument> own = request.inputs;
  if (request.all_inputs && own.size() == source.inputs.size()) {
    std::vector<std::string> all;
    for (const InputBinding& input : source.inputs) all.push_back(input.name);
    DESCENT_TRY(matched, MatchInputs(all, reader, own));
    own.clear();
    for (auto& [name, input] : matched) {
      input.name = name;
      own.push_back(std::move(input));
    }
  }
  GivenInputs given;
  for (InputArgument& input : own) {
    const bool is_unread = request.all_inputs && source.FindInput(input.name) != nullptr &&
                           std::ranges::find(names, input.name) == names.end();
    (is_unread ? given.unread : given.read).push_back(std::move(input));
  }
  return given;
}

/// What the entry point does not read must be an input of the model all the same. `rows`: of the
/// inputs that it reads, or 0.
Result<void> CheckUnread(const std::vector<InputArgument>& unread, const Model& source,
                         int64_t rows) {
  std::set<std::string_view> names;
  for (const InputArgument& input : unread) {
    if (!names.insert(input.name).second)
      return UsageError(fmt::format("input {} is given twice", Quoted(input.name)));
    const InputBinding& binding = *source.FindInput(input.name);
    const auto axis = static_cast<size_t>(binding.batch_axis);
    Shape shape = binding.type.shape;
    if (binding.batch_axis >= 0)
      shape[axis] = rows > 0                      ? rows
                    : axis < input.shape().size() ? input.shape()[axis]
                                                  : shape[axis];
    if (input.shape() != shape)
      return Error("input {} must have the shape {}, not {}", Quoted(input.name), ToString(shape),
                   ToString(input.shape()));
    DESCENT_RETURN_IF_ERROR(input.As(binding.type.dtype, input.name));
  }
  return {};
}

}  // namespace

Result<std::map<std::string, InputArgument>> MatchInputs(const std::vector<std::string>& names,
                                                         std::string_view reader,
                                                         const std::vector<InputArgument>& given) {
  std::map<std::string, InputArgument> matched;
  const std::string hint = names.empty() ? "" : fmt::format("it reads {}", fmt::join(names, ", "));
  for (const InputArgument& input : given) {
    if (input.name.empty()) continue;
    if (std::ranges::find(names, input.name) == names.end())
      return UsageError(fmt::format("{} has no input {}", reader, Quoted(input.name)), hint);
    if (!matched.emplace(input.name, input).second)
      return UsageError(fmt::format("input {} is given twice", Quoted(input.name)));
  }
  auto next = names.begin();
  for (const InputArgument& input : given) {
    if (!input.name.empty()) continue;
    next =
        std::find_if(next, names.end(), [&](const auto& name) { return !matched.contains(name); });
    if (next == names.end())
      return UsageError(
          fmt::format("{} reads {}, not {}", reader, Counted(names.size(), "input"), given.size()),
          hint);
    matched.emplace(*next, input);
  }
  return matched;
}

Result<std::map<std::string, Tensor>> StateOf(const Model& model, const WeightsFlags& weights,
                                              int64_t seed) {
  DESCENT_TRY(state, FirstState(model, seed));
  if (weights.given()) DESCENT_RETURN_IF_ERROR(LoadWeights(weights, model, state));
  return state;
}

Result<Model> LoadModelFor(const std::vector<InputArgument>& inputs, const std::string& path,
                           ModelFlags flags, std::vector<runtime::NamedFile>* read) {
  for (const InputArgument& input : inputs) flags.inputs.push_back({input.name, input.shape()});
  return LoadModel(path, flags, read);
}

Result<Execution> Prepare(const Model& model, const ExecutionRequest& request) {
  Execution execution{.options = request.options,
                      .seed = request.seed,
                      .threads = request.threads,
                      .check_memory = request.check_memory};
  DESCENT_TRY(source, Configure(model, request.options));
  execution.options.settings.clear();
  DESCENT_TRY(entry, EntryOf(source, request.entry, {"run", "predict"}));
  execution.entry = entry;
  const CompileOptions least = LeastPasses(request.options);
  DESCENT_TRY(first, RunToStage(source, entry, "optimized", least));
  const std::vector<std::string> names = NamesOf(DataInputs(first));
  const std::string reader = "entry point " + first.entry;
  DESCENT_TRY(given, SeparateInputs(request, source, reader, names));
  DESCENT_TRY(inputs, MatchInputs(names, reader, given.read));
  DESCENT_TRY(rows, RowsOf(first, inputs));
  DESCENT_RETURN_IF_ERROR(CheckUnread(given.unread, source, rows));
  execution.model = std::move(first);
  if (rows > 0 && rows != execution.model.batch && source.entry.empty()) {
    CompileOptions& options = execution.options;
    options.batch = options.evaluate_batch = options.predict_batch = rows;
    DESCENT_TRY(again, RunToStage(source, entry, "optimized", LeastPasses(options)));
    execution.model = std::move(again);
  }
  execution.rows = execution.model.batch;
  DESCENT_RETURN_IF_ERROR(BindInputs(request, inputs, execution));
  DESCENT_TRY(state, StateOf(source, request.weights, request.seed));
  execution.state = std::move(state);
  execution.source = std::move(source);
  return execution;
}

Result<Values> RunInterpreted(const Execution& execution, bool trace, Precision precision) {
  const Graph& graph = execution.model.graph;
  std::vector<Tensor> inputs;
  for (const NamedValue& input : graph.inputs()) {
    const bool data = execution.inputs.contains(input.name);
    const auto& from = data ? execution.inputs : execution.state;
    const auto place = from.find(input.name);
    if (place == from.end()) return Error("nothing gives the input {} a value", Quoted(input.name));
    inputs.push_back(place->second);
  }
  Values values;
  TraceHook hook;
  const std::vector<std::string> traced = TraceNames(execution.model);
  if (trace)
    hook = [&](std::string_view name, const Tensor& value) {
      if (std::ranges::find(traced, name) != traced.end())
        values.traced.push_back({std::string(name), value});
    };
  const RunValues system = {
      .seed = execution.seed,
      .step = execution.state.at(std::string(kStepSlot)).GetInt(0),
      .valid_rows = execution.rows,
      .learning_rate = execution.state.at(std::string(kLearningRateSlot)).GetDouble(0)};
  DESCENT_TRY(result, Interpret(graph, inputs, system, precision, hook));
  DESCENT_RETURN_IF_ERROR(CheckReports(execution, result));
  for (NamedTensor& value : Named(graph, std::move(result.outputs))) {
    auto& place = value.name.starts_with(kNext) ? values.next : values.outputs;
    place.push_back(std::move(value));
  }
  return values;
}

}  // namespace descent::cli
