#include "frontends/cli/plot/trained_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "frontends/cli/command.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/weights.h"
#include "frontends/cpp/runtime_result.h"
#include "runtime/data/feed.h"
#include "runtime/data/prepared.h"
#include "runtime/evaluation.h"
#include "runtime/training_log.h"

namespace descent::plot {
namespace {

/// Values of a column as doubles.
std::vector<double> Numbers(const runtime::Column& column) {
  const auto dtype = static_cast<DType>(column.dtype);
  const auto count = static_cast<int64_t>(column.values.size()) / Info(dtype).bytes;
  std::vector<double> numbers;
  for (int64_t i = 0; i < count; ++i) numbers.push_back(LoadDouble(dtype, column.values.data(), i));
  return numbers;
}

std::vector<int64_t> AllRows(int64_t count) {
  std::vector<int64_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// `model` with further predictions of graph values.
Result<Model> WithHidden(Model model, const std::vector<std::string>& hidden) {
  if (hidden.empty()) return model;
  GraphBuilder b;
  std::vector<Value> inputs;
  for (const NamedValue& input : model.graph.inputs())
    inputs.push_back(
        b.Input(input.name, model.graph.type(input.value), model.graph.node(input.value).label));
  DESCENT_TRY(map, Inline(model.graph, inputs, b));
  for (const NamedValue& output : model.graph.outputs())
    b.Output(output.name, map[output.value.node][output.value.result]);
  for (const std::string& name : hidden) {
    const bool known = std::ranges::any_of(
        model.predictions, [&](const Prediction& prediction) { return prediction.name == name; });
    if (known) continue;
    std::optional<Value> found;
    for (size_t node = 0; node < model.graph.nodes().size() && !found; ++node)
      for (size_t result = 0; result < model.graph.nodes()[node].types.size(); ++result)
        if (model.graph.NameOf({static_cast<int32_t>(node), static_cast<int32_t>(result)}) == name)
          found = map[node][result];
    if (!found) {
      std::string names;
      for (const Node& node : model.graph.nodes())
        for (const std::string& known_name : node.label.names)
          if (!known_name.empty()) names += (names.empty() ? "" : ", ") + known_name;
      return std::unexpected(
          Diagnostic{.message = fmt::format("the model has no value {}", Quoted(name)),
                     .hint = "its values are " + names});
    }
    if (model.graph.FindOutput(name) == nullptr) b.Output(name, *found);
    model.predictions.push_back({.name = name});
  }
  model.graph = std::move(b).Build();
  return model;
}

}  // namespace

int64_t Table::row_elements() const {
  int64_t count = 1;
  for (const int64_t extent : row_shape) count *= extent;
  return count;
}

Result<int> SideOf(const Table& table) {
  const auto side = static_cast<int>(std::lround(std::sqrt(table.row_elements())));
  if (int64_t{side} * side == table.row_elements()) return side;
  return Error("images to draw are square; a row has {} numbers", table.row_elements());
}

struct TrainedModel::Parts {
  Parts(Model model, JitProgram jit, runtime::Program program, runtime::State state,
        std::unique_ptr<runtime::Executor> executor)
      : model(std::move(model)),
        jit(std::move(jit)),
        program(program),
        state(std::move(state)),
        executor(std::move(executor)) {}

  Model model;
  JitProgram jit;
  runtime::Program program;
  runtime::State state;
  std::unique_ptr<runtime::Executor> executor;
  std::string checkpoint;                  ///< file; "" = fresh parameters
  runtime::Normalizations normalizations;  ///< of the checkpoint

  /// Parameters alone do not say how the data was normalized that they were trained on.
  std::unexpected<Diagnostic> Unfitted(const descent_input& input) const {
    Diagnostic diagnostic;
    diagnostic.message =
        fmt::format("input {} is normalized by what training fitted", Quoted(input.tensor.name));
    if (!checkpoint.empty())
      diagnostic.message += fmt::format("; {} lacks that", Quoted(checkpoint));
    diagnostic.hint =
        checkpoint.empty() ? "give --checkpoint" : "give a checkpoint that training wrote";
    return std::unexpected(std::move(diagnostic));
  }

  Result<runtime::PreparedData> Prepare(const runtime::Dataset& data, const descent_entry& entry) {
    const auto inputs = runtime::DataInputs({&entry});
    for (const descent_input* input : inputs)
      if (!normalizations.contains(input->tensor.name)) {
        if (runtime::NeedsFit(*input)) return Unfitted(*input);
        normalizations[input->tensor.name] = runtime::FixedNormalization(*input);
      }
    return FromRuntime(runtime::Prepare(data, inputs, normalizations));
  }

  Result<const descent_entry*> Entry(std::string_view name) const {
    if (const descent_entry* entry = program.Find(name)) return entry;
    return Error("model {} has no entry point {}", Quoted(program.name()), name);
  }

  /// Output `name` of the entry point predict: of every row, or of one call on the first ones.
  Result<Table> Predict(const runtime::Dataset& data, const std::string& name, bool once);

  Result<runtime::Tracked> FindElement(const std::string& name, std::string_view option) const {
    DESCENT_TRY(tracked, FromRuntime(runtime::FindTracked(program, {name}, option)));
    if (tracked.size() != 1)
      return cli::UsageError(fmt::format("{} takes one element, not {}", option, Quoted(name)));
    return tracked[0];
  }
};

TrainedModel::TrainedModel(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TrainedModel::TrainedModel(TrainedModel&&) noexcept = default;
TrainedModel::~TrainedModel() = default;

const Model& TrainedModel::model() const { return parts_->model; }

Result<TrainedModel> TrainedModel::Load(const Source& source) {
  DESCENT_TRY(read, cli::LoadModel(source.model, {}, source.files));
  if (!read.has_loss())
    return std::unexpected(
        Diagnostic{.message = "a model without a loss has nothing to train or predict",
                   .location = {.file = source.model},
                   .hint = "`descent plot --function` draws a plain function"});
  std::optional<runtime::Weights> weights;
  if (!source.checkpoint.empty()) {
    DESCENT_TRY(file, cli::ReadWeights({.file = source.checkpoint}, read));
    weights = std::move(file);
  }
  DESCENT_TRY(model, WithHidden(std::move(read), source.hidden));
  DESCENT_TRY(compilation, Compile(model, {}));
  DESCENT_TRY(jit, JitProgram::Load(compilation.program, *compilation.target));
  DESCENT_TRY(program, FromRuntime(runtime::Program::Open(&jit.program())));
  DESCENT_TRY(state, FromRuntime(runtime::State::Make(program)));
  DESCENT_TRY(executor, FromRuntime(runtime::Executor::Make(0, runtime::BindCaller::kNo)));
  auto parts = std::make_unique<Parts>(std::move(model), std::move(jit), program, std::move(state),
                                       std::move(executor));
  parts->checkpoint = source.checkpoint;
  if (!weights) {
    parts->state.SetScalar(parts->program.FindSlot(DESCENT_SLOT_SEED), source.seed);
    DESCENT_TRY(entry, parts->Entry("initialize"));
    DESCENT_TRY(call, FromRuntime(runtime::EntryCall::Make(*entry, *parts->executor)));
    call.Run(parts->state, 0);
  } else {
    DESCENT_RETURN_IF_ERROR(FromRuntime(runtime::RestoreState(
        parts->program, *weights, runtime::Restore::kParameters, parts->state)));
    if (weights->record) parts->normalizations = weights->record->provenance.normalizations;
  }
  return TrainedModel(std::move(parts));
}

Result<runtime::LoadedData> TrainedModel::LoadRows(const std::string& data) const {
  DESCENT_TRY(entry, parts_->Entry("evaluate"));
  return FromRuntime(runtime::LoadData(data, runtime::NeedsOf(runtime::DataInputs({entry}))));
}

Result<runtime::Dataset> TrainedModel::LoadTestRows(const std::string& data, int64_t most) const {
  DESCENT_TRY(loaded, LoadRows(data));
  runtime::Dataset rows = loaded.test ? std::move(*loaded.test) : std::move(loaded.data);
  if (rows.rows <= most) return rows;
  return runtime::SelectRows(rows, AllRows(most), rows.origin);
}

Result<Table> TrainedModel::Features(const runtime::Dataset& data) const {
  std::vector<std::vector<double>> columns;
  Table table{.rows = data.rows, .row_shape = {}, .values = {}};
  int64_t width = 0;
  std::vector<int64_t> widths;
  for (const runtime::Column& column : data.columns) {
    if (column.role != runtime::ColumnRole::kFeature) continue;
    columns.push_back(Numbers(column));
    widths.push_back(column.row_elements());
    width += widths.back();
    table.row_shape = column.row_shape;
  }
  if (columns.empty()) return Error("{} has no columns of features", data.origin);
  if (columns.size() > 1 || table.row_shape.empty()) table.row_shape = {width};
  for (int64_t row = 0; row < data.rows; ++row)
    for (size_t i = 0; i < columns.size(); ++i)
      for (int64_t element = 0; element < widths[i]; ++element)
        table.values.push_back(columns[i][row * widths[i] + element]);
  return table;
}

Result<Table> TrainedModel::Labels(const runtime::Dataset& data) const {
  const runtime::Column* label = data.label();
  if (label == nullptr) return Error("{} has no label column", data.origin);
  return Table{.rows = data.rows, .row_shape = label->row_shape, .values = Numbers(*label)};
}

runtime::Dataset TrainedModel::WithFeatures(const runtime::Dataset& like,
                                            const Table& features) const {
  runtime::Dataset data{.origin = like.origin, .rows = features.rows, .columns = {}};
  int64_t first = 0;
  for (const runtime::Column& column : like.columns) {
    std::vector<float> values;
    const int64_t width = column.row_elements();
    const bool is_feature = column.role == runtime::ColumnRole::kFeature;
    for (int64_t row = 0; row < features.rows; ++row)
      for (int64_t element = 0; element < width; ++element)
        values.push_back(is_feature ? static_cast<float>(features.At(row, first + element)) : 0);
    if (is_feature) first += width;
    data.columns.push_back(
        runtime::MakeColumn(column.name, column.role, DESCENT_F32, column.row_shape, values));
  }
  return data;
}

Result<Table> TrainedModel::Parts::Predict(const runtime::Dataset& data, const std::string& name,
                                           bool once) {
  DESCENT_TRY(entry, Entry("predict"));
  const auto outputs = runtime::Outputs(*entry);
  const auto output =
      std::ranges::find_if(outputs, [&](const descent_output& o) { return name == o.tensor.name; });
  if (output == outputs.end()) return Error("the model does not predict {}", Quoted(name));
  const descent_tensor& tensor = output->tensor;
  const bool of_rows = output->batch_axis == 0;
  if (!of_rows && (!once || tensor.rank == 0))
    return Error("{} has no value for each row", Quoted(name));
  DESCENT_TRY(prepared, Prepare(data, *entry));
  DESCENT_TRY(call, FromRuntime(runtime::EntryCall::Make(*entry, *executor)));
  const std::vector<int64_t> rows = AllRows(once ? std::min(entry->batch, data.rows) : data.rows);
  DESCENT_TRY(feed, FromRuntime(runtime::Feed::Make(call, prepared, rows)));
  const auto end = static_cast<int64_t>(rows.size());
  Table table{.rows = of_rows ? end : tensor.dims[0],
              .row_shape = {tensor.dims + 1, tensor.dims + tensor.rank},
              .values = {}};
  const auto* bytes = call.output(output - outputs.begin());
  for (int64_t first = 0; first < end; first += entry->batch) {
    const int64_t count = std::min(entry->batch, end - first);
    feed.Fill(std::span(rows).subspan(first, count), *executor);
    const uint32_t status = call.Run(state, count);
    if (status != 0) return Error("predict: {}", runtime::StatusText(status));
    for (int64_t i = 0; i < (of_rows ? count : table.rows) * table.row_elements(); ++i)
      table.values.push_back(LoadDouble(static_cast<DType>(tensor.dtype), bytes, i));
  }
  return table;
}

Result<Table> TrainedModel::Predict(const runtime::Dataset& data, const std::string& name) {
  return parts_->Predict(data, name, false);
}
Result<Table> TrainedModel::PredictOnce(const runtime::Dataset& data, const std::string& name) {
  return parts_->Predict(data, name, true);
}

Result<double> TrainedModel::Loss(const runtime::Dataset& data) {
  DESCENT_TRY(entry, parts_->Entry("evaluate"));
  DESCENT_TRY(prepared, parts_->Prepare(data, *entry));
  const std::vector<int64_t> rows = AllRows(data.rows);
  DESCENT_TRY(evaluator, FromRuntime(runtime::Evaluator::Make(parts_->program, *parts_->executor,
                                                              &prepared, rows)));
  const uint32_t status = evaluator->Run(parts_->state);
  if (status != 0) return Error("evaluate: {}", runtime::StatusText(status));
  return evaluator->loss();
}

Result<Table> TrainedModel::Parameter(const std::string& name) const {
  const descent_slot* slot = parts_->program.FindSlot(name);
  if (slot == nullptr) return Error("the model has no parameter {}", Quoted(name));
  const descent_tensor& tensor = slot->tensor;
  Table table{.rows = 1, .row_shape = {tensor.dims, tensor.dims + tensor.rank}, .values = {}};
  std::vector<std::byte> bytes(parts_->state.Bytes(*slot).size());
  parts_->state.Read(*slot, bytes);
  for (int64_t i = 0; i < table.row_elements(); ++i)
    table.values.push_back(LoadDouble(static_cast<DType>(tensor.dtype), bytes.data(), i));
  return table;
}

Result<double> TrainedModel::GetElement(const std::string& element, std::string_view option) const {
  DESCENT_TRY(tracked, parts_->FindElement(element, option));
  return LoadDouble(static_cast<DType>(tracked.slot->tensor.dtype),
                    parts_->state.Element(*tracked.slot, tracked.element), 0);
}

Result<void> TrainedModel::SetElement(const std::string& element, double value) {
  DESCENT_TRY(tracked, parts_->FindElement(element, "element"));
  StoreDouble(static_cast<DType>(tracked.slot->tensor.dtype),
              parts_->state.Element(*tracked.slot, tracked.element), 0, value);
  return {};
}

}  // namespace descent::plot
