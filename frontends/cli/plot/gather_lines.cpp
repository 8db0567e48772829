// Figures of lines: training curves, and a function with its derivative.
#include <algorithm>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "frontends/cli/model_flags.h"
#include "frontends/cli/plot/gather.h"
#include "frontends/cli/plot/log.h"
#include "ir/autodiff.h"

namespace descent::plot {
namespace {

/// What a series measures: "loss" of "validation.loss".
std::string MeasureOf(const std::string& series) { return series.substr(series.rfind('.') + 1); }

/// The title of a panel of its own.
std::string TitleOf(const std::string& series) {
  if (series == "loss") return "training loss";
  std::string title = series;
  std::ranges::replace(title, '.', ' ');
  return title;
}

std::vector<std::string> SeriesOf(const CurveOptions& options, const std::vector<Log>& logs) {
  if (!options.series.empty()) return options.series;
  for (const Log& log : logs)
    if (!log.Series(options.over, options.over, "validation.loss").empty())
      return {"loss", "validation.loss"};
  return {"loss"};
}

}  // namespace

Result<std::vector<LineFigure>> GatherCurves(const CurveOptions& options) {
  std::vector<Log> logs;
  for (const std::string& path : options.logs) {
    DESCENT_TRY(log, ReadLog(path));
    logs.push_back(std::move(log));
  }
  const bool one_log = logs.size() == 1;
  std::vector<LineFigure> figures;
  for (const std::string& series : SeriesOf(options, logs)) {
    const std::string measure = MeasureOf(series);
    const std::string title = one_log ? measure : TitleOf(series);
    auto figure = std::ranges::find(figures, title,
                                    [](const LineFigure& known) { return known.labels.title; });
    if (figure == figures.end())
      figure = figures.insert(figure, {.labels = {.title = title,
                                                  .x_label = options.over,
                                                  .y_label = measure,
                                                  .logarithmic_x = options.logarithmic_x,
                                                  .logarithmic_y = options.logarithmic_y},
                                       .series = {}});
    for (size_t i = 0; i < logs.size(); ++i) {
      std::vector<Point> points = logs[i].Series(options.over, options.over, series);
      if (points.empty())
        return Error("{} has no {} in its lines of event {}", Quoted(logs[i].path), Quoted(series),
                     Quoted(options.over));
      figure->series.push_back({.name = one_log                    ? series
                                        : i < options.names.size() ? options.names[i]
                                                                   : logs[i].name,
                                .points = std::move(points),
                                .dashed = one_log && series.starts_with("validation.")});
    }
  }
  return figures;
}

namespace {

/// The outputs of a model [n] -> [n] that are drawn over its input, by their numbers.
Result<std::vector<int>> DrawnOutputs(const Graph& graph) {
  if (graph.inputs().size() != 1) return Error("a function to draw has one input");
  const TensorType& type = graph.type(graph.inputs()[0].value);
  if (type.rank() != 1 || type.elements() < 2 || !Info(type.dtype).is_float)
    return Error("the input of a function to draw is a vector of floats, not {}", ToString(type));
  std::vector<int> drawn;
  for (size_t i = 0; i < graph.outputs().size(); ++i)
    if (graph.type(graph.outputs()[i].value) == type) drawn.push_back(static_cast<int>(i));
  if (drawn.empty())
    return Error("a function to draw has an output {} as its input", ToString(type));
  return drawn;
}

/// Output `number` alone, and its derivative where it is computed element by element: the gradient
/// of its sum.
Result<Model> WithDerivative(const Model& model, int number) {
  GraphBuilder b;
  const NamedValue& input = model.graph.inputs()[0];
  const Value x = b.Input(input.name, model.graph.type(input.value));
  DESCENT_TRY(map, Inline(model.graph, std::vector{x}, b));
  const NamedValue& output = model.graph.outputs()[number];
  const Value y = map[output.value.node][output.value.result];
  const Cotangent cotangent{y, b.Constant(Tensor::Full(model.graph.type(input.value), 1))};
  DESCENT_TRY(gradients, ReverseWalk(b, std::span(&cotangent, 1), std::span(&x, 1)));
  b.Output(output.name, y);
  b.Output("derivative", gradients[0]);
  Model with = model;
  with.graph = std::move(b).Build();
  return with;
}

/// Every drawn output over `range`, evaluated by one call of the compiled model.
Result<std::vector<Series>> Evaluate(const Model& model, const std::vector<int>& drawn,
                                     const Range& range) {
  DESCENT_TRY(compilation, Compile(model, {}));
  DESCENT_TRY(jit, JitProgram::Load(compilation.program, *compilation.target));
  const descent_entry* entry = jit.FindEntry("run");
  DESCENT_CHECK(entry != nullptr, "a model without a loss has the entry point run");
  auto program = runtime::Program::Open(&jit.program());
  if (!program) return Error("{}", program.error().message);
  auto executor = runtime::Executor::Make(1, runtime::BindCaller::kNo);
  if (!executor) return Error("{}", executor.error().message);
  auto state = runtime::State::Make(*program);
  auto call = runtime::EntryCall::Make(*entry, **executor);
  if (!state || !call) return Error("no memory for the function");
  const TensorType& type = model.graph.type(model.graph.inputs()[0].value);
  const int64_t n = type.elements();
  std::vector<std::byte> x(type.bytes());
  for (int64_t i = 0; i < n; ++i)
    StoreDouble(type.dtype, x.data(), i,
                range.low + range.extent() * static_cast<double>(i) / static_cast<double>(n - 1));
  std::ranges::copy(x, call->input(0));
  call->Run(*state, 0);
  std::vector<Series> lines;
  for (const int output : drawn) {
    Series line{.name = model.graph.outputs()[output].name, .dashed = !lines.empty()};
    for (int64_t i = 0; i < n; ++i)
      line.points.push_back(
          {LoadDouble(type.dtype, x.data(), i), LoadDouble(type.dtype, call->output(output), i)});
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

Result<LineFigure> GatherFunction(const std::string& path, const Range& range) {
  DESCENT_TRY(model, cli::ModelFlags{}.Read(path));
  DESCENT_TRY(drawn, DrawnOutputs(model.graph));
  const bool with_derivative = drawn.size() == 1;
  if (with_derivative) {
    DESCENT_TRY(with, WithDerivative(model, drawn[0]));
    model = std::move(with);
    drawn = {0, 1};
  }
  DESCENT_TRY(lines, Evaluate(model, drawn, range));
  if (with_derivative) lines[0].name = model.name;
  return LineFigure{.labels = {.title = model.name, .x_label = "x", .y_label = model.name + "(x)"},
                    .series = std::move(lines)};
}

}  // namespace descent::plot
