// Figures of lines: training curves, and a function with its derivative.
#include <algorithm>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "frontends/cli/plot/gather.h"
#include "frontends/cli/plot/log.h"
#include "ir/autodiff.h"
#include "ir/io/model_file.h"

namespace descent::plot {
namespace {

constexpr int64_t kSamples = 401;

/// Losses share a panel; another name has its own.
std::string PanelOf(const std::string& series) {
  const size_t dot = series.rfind('.');
  return dot == std::string::npos ? series : series.substr(dot + 1);
}

std::vector<std::string> SeriesOf(const CurveOptions& options, const std::vector<Log>& logs) {
  if (!options.series.empty()) return options.series;
  std::vector<std::string> names = {"loss"};
  for (const Log& log : logs)
    if (!log.Series("epoch", "epoch", "validation.loss").empty())
      return {"loss", "validation.loss"};
  return names;
}

}  // namespace

Result<std::vector<LineFigure>> GatherCurves(const CurveOptions& options) {
  std::vector<Log> logs;
  for (const std::string& path : options.logs) {
    DESCENT_TRY(log, ReadLog(path));
    logs.push_back(std::move(log));
  }
  const std::string event = options.by_step ? "step" : "epoch";
  std::vector<LineFigure> figures;
  for (const std::string& series : SeriesOf(options, logs)) {
    const std::string panel = PanelOf(series);
    auto figure = std::ranges::find(figures, panel,
                                    [](const LineFigure& known) { return known.labels.title; });
    if (figure == figures.end()) {
      figures.push_back({.labels = {.title = panel,
                                    .x_label = event,
                                    .y_label = panel,
                                    .logarithmic_y = options.logarithmic},
                         .series = {}});
      figure = figures.end() - 1;
    }
    for (size_t i = 0; i < logs.size(); ++i) {
      const std::string name = i < options.names.size() ? options.names[i] : logs[i].name;
      std::vector<Point> points = logs[i].Series(event, event, series);
      if (points.empty())
        return Error("{} has no {} in its lines of event {}", Quoted(logs[i].path), Quoted(series),
                     Quoted(event));
      const bool validation = series.starts_with("validation.");
      figure->series.push_back(
          {.name = logs.size() == 1 ? series : name + (validation ? " (validation)" : ""),
           .points = std::move(points),
           .dashed = validation,
           .color = logs.size() == 1 ? -1 : static_cast<int>(i)});
    }
  }
  return figures;
}

namespace {

/// y = f(x) and dy/dx for elementwise f: the gradient of sum y.
Result<Model> WithDerivative(const Model& model) {
  if (model.graph.inputs().size() != 1 || model.graph.outputs().size() != 1)
    return Error("a function to draw has one input and one output");
  const TensorType& type = model.graph.type(model.graph.inputs()[0].value);
  if (type.rank() != 1 || type.shape[0] != kSamples || !Info(type.dtype).is_float ||
      model.graph.type(model.graph.outputs()[0].value) != type)
    return Error("a function to draw maps f32[{0}] to f32[{0}], element by element", kSamples);
  GraphBuilder b;
  const Value x = b.Input(model.graph.inputs()[0].name, type);
  DESCENT_TRY(map, Inline(model.graph, std::vector{x}, b));
  const NamedValue& output = model.graph.outputs()[0];
  const Value y = map[output.value.node][output.value.result];
  const Value ones = b.Constant(Tensor::Full(type, 1));
  const Cotangent cotangent{y, ones};
  DESCENT_TRY(gradients, ReverseWalk(b, std::span(&cotangent, 1), std::span(&x, 1)));
  b.Output(output.name, y);
  b.Output("derivative", gradients[0]);
  Model with = model;
  with.graph = std::move(b).Build();
  return with;
}

}  // namespace

Result<LineFigure> GatherFunction(const std::string& path, const Range& range) {
  DESCENT_TRY(model, ReadModel(path));
  DESCENT_TRY(with, WithDerivative(model));
  const TensorType type = with.graph.type(with.graph.inputs()[0].value);
  DESCENT_TRY(compilation, Compile(with, {}));
  DESCENT_TRY(jit, JitProgram::Load(compilation.program, *compilation.target));
  const descent_entry* entry = jit.FindEntry("run");
  DESCENT_CHECK(entry != nullptr, "a model without a loss has the entry point run");
  std::vector<std::byte> x(type.bytes()), y(type.bytes()), derivative(type.bytes());
  for (int64_t i = 0; i < kSamples; ++i)
    StoreDouble(type.dtype, x.data(), i,
                range.low + range.extent() * static_cast<double>(i) / (kSamples - 1));
  DESCENT_TRY(program, [&]() -> Result<runtime::Program> {
    auto opened = runtime::Program::Open(&jit.program());
    if (!opened) return Error("{}", opened.error().message);
    return *std::move(opened);
  }());
  auto executor = runtime::Executor::Make(1, runtime::BindCaller::kNo);
  if (!executor) return Error("{}", executor.error().message);
  auto state = runtime::State::Make(program);
  auto call = runtime::EntryCall::Make(*entry, **executor);
  if (!state || !call) return Error("no memory for the function");
  std::ranges::copy(x, call->input(0));
  call->Run(*state, 0);
  LineFigure figure{.labels = {.title = model.name, .x_label = "x", .y_label = "y"}, .series = {}};
  const std::string names[] = {model.name, "derivative"};
  for (int output = 0; output < 2; ++output) {
    Series series{.name = names[output], .points = {}, .dashed = output == 1};
    for (int64_t i = 0; i < kSamples; ++i)
      series.points.push_back(
          {LoadDouble(type.dtype, x.data(), i), LoadDouble(type.dtype, call->output(output), i)});
    figure.series.push_back(std::move(series));
  }
  return figure;
}

}  // namespace descent::plot
