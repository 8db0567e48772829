// `descent plot`: SVG pictures of what models do and of how they were trained.

#include <charconv>
#include <cmath>
#include <memory>
#include <optional>

#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/plot/gather.h"
#include "runtime/data/source.h"

namespace descent::cli {
namespace {

struct PlotArguments {
  std::vector<std::string> files, checkpoints, data, titles;
  std::string output = "-";
  int64_t seed = 1;
  bool boundary = false, fit = false, surface = false, curves = false, function = false,
       confusion = false;
  std::string neurons, weights, images;
  std::optional<int64_t> predictions;
  int64_t units = 64;
  std::string x, y, center, radius;
  std::vector<std::string> trajectories, labels, series;
  std::string over = "epoch";
  bool logarithmic_x = false, logarithmic_y = false;
  std::string from = "-6", to = "6";
  /// What the models turn out to consist of.
  std::shared_ptr<std::vector<runtime::NamedFile>> model_files =
      std::make_shared<std::vector<runtime::NamedFile>>();
};

Result<double> Number(const std::string& text, std::string_view option) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return UsageError(fmt::format("{} needs a number, not {}", option, Quoted(text)));
  return value;
}

/// Element `i` of a list that has one for all, one for each, or none.
std::string At(const std::vector<std::string>& list, size_t i) {
  if (list.empty()) return "";
  return list.size() == 1 ? list[0] : i < list.size() ? list[i] : "";
}

Result<plot::Subject> SubjectAt(const PlotArguments& arguments, size_t i) {
  plot::Subject subject{.source = {.model = arguments.files[i],
                                   .checkpoint = At(arguments.checkpoints, i),
                                   .hidden = {},
                                   .seed = arguments.seed,
                                   .files = arguments.model_files.get()},
                        .data = At(arguments.data, i),
                        .title = i < arguments.titles.size() ? arguments.titles[i] : ""};
  if (subject.data.empty() && arguments.weights.empty())
    return UsageError("this figure needs --data", "for example --data circle:samples=500");
  return subject;
}

Result<std::string> PlotBoundaries(const PlotArguments& arguments) {
  std::vector<plot::BoundaryPanel> panels;
  for (size_t i = 0; i < arguments.files.size(); ++i) {
    DESCENT_TRY(subject, SubjectAt(arguments, i));
    DESCENT_TRY(panel, plot::GatherBoundary(subject));
    panels.push_back(std::move(panel));
  }
  return plot::DrawBoundaries(panels);
}

Result<std::string> PlotFits(const PlotArguments& arguments) {
  std::vector<plot::LineFigure> figures;
  for (size_t i = 0; i < arguments.files.size(); ++i) {
    DESCENT_TRY(subject, SubjectAt(arguments, i));
    DESCENT_TRY(figure, plot::GatherFit(subject));
    figures.push_back(std::move(figure));
  }
  return plot::DrawLines(figures);
}

Result<std::string> PlotNeurons(const PlotArguments& arguments) {
  DESCENT_TRY(subject, SubjectAt(arguments, 0));
  DESCENT_TRY(figure, plot::GatherNeurons(subject, arguments.neurons));
  return plot::DrawTiles(figure);
}

Result<void> CheckUnits(const PlotArguments& arguments) {
  constexpr int64_t kMost = 400;
  if (arguments.units < 1 || arguments.units > kMost)
    return UsageError(fmt::format("--units takes 1 to {}", kMost));
  return {};
}

Result<std::string> PlotImages(const PlotArguments& arguments) {
  DESCENT_TRY(subject, SubjectAt(arguments, 0));
  DESCENT_RETURN_IF_ERROR(CheckUnits(arguments));
  DESCENT_TRY(figure, plot::GatherImages(subject, arguments.images, arguments.units));
  return plot::DrawImages(figure);
}

Result<std::string> PlotWeights(const PlotArguments& arguments) {
  DESCENT_TRY(subject, SubjectAt(arguments, 0));
  DESCENT_RETURN_IF_ERROR(CheckUnits(arguments));
  DESCENT_TRY(figure, plot::GatherWeights(subject, arguments.weights, arguments.units));
  return plot::DrawTiles(figure);
}

Result<std::string> PlotSurface(const PlotArguments& arguments) {
  if (arguments.x.empty() || arguments.y.empty())
    return UsageError("--surface needs --x and --y", "for example --x 'W1[0, 0]' --y 'W1[0, 1]'");
  plot::SurfaceOptions options{.x = arguments.x,
                               .y = arguments.y,
                               .logs = arguments.trajectories,
                               .names = arguments.labels,
                               .center = {},
                               .radius = {}};
  if (!arguments.center.empty()) {
    const size_t comma = arguments.center.find(',');
    if (comma == std::string::npos) return UsageError("--center takes X,Y, such as 1.5,-1");
    DESCENT_TRY(x, Number(arguments.center.substr(0, comma), "--center"));
    DESCENT_TRY(y, Number(arguments.center.substr(comma + 1), "--center"));
    options.center = plot::Point{x, y};
  }
  if (!arguments.radius.empty()) {
    DESCENT_TRY(radius, Number(arguments.radius, "--radius"));
    if (!(radius > 0))
      return UsageError(
          fmt::format("--radius takes a number above 0, not {}", Quoted(arguments.radius)));
    options.radius = radius;
  }
  DESCENT_TRY(subject, SubjectAt(arguments, 0));
  DESCENT_TRY(figure, plot::GatherSurface(subject, options));
  return plot::DrawSurface(figure);
}

Result<std::string> PlotCurves(const PlotArguments& arguments) {
  DESCENT_TRY(figures, plot::GatherCurves({.logs = arguments.files,
                                           .names = arguments.labels,
                                           .series = arguments.series,
                                           .over = arguments.over,
                                           .logarithmic_x = arguments.logarithmic_x,
                                           .logarithmic_y = arguments.logarithmic_y}));
  return plot::DrawLines(figures);
}

Result<std::string> PlotFunctions(const PlotArguments& arguments) {
  DESCENT_TRY(from, Number(arguments.from, "--from"));
  DESCENT_TRY(to, Number(arguments.to, "--to"));
  if (!(from < to)) return UsageError("--from must be below --to");
  std::vector<plot::LineFigure> figures;
  for (const std::string& file : arguments.files) {
    DESCENT_TRY(figure, plot::GatherFunction(file, {from, to}));
    figures.push_back(std::move(figure));
  }
  return plot::DrawLines(figures);
}

Result<std::string> PlotPredictions(const PlotArguments& arguments) {
  constexpr int64_t kMost = 400;
  const int64_t count = arguments.predictions.value_or(0);
  if (count < 1 || count > kMost)
    return UsageError(fmt::format("--predictions takes 1 to {} images, not {}", kMost, count));
  DESCENT_TRY(subject, SubjectAt(arguments, 0));
  DESCENT_TRY(images, plot::GatherPredictions(subject, static_cast<int>(count)));
  const std::string title = subject.title.empty() ? "predictions on test images" : subject.title;
  return plot::DrawPredictions(title, images, 8);
}

Result<std::string> PlotConfusion(const PlotArguments& arguments) {
  DESCENT_TRY(subject, SubjectAt(arguments, 0));
  DESCENT_TRY(confusion, plot::GatherConfusion(subject));
  const std::string title = subject.title.empty() ? "confusion matrix" : subject.title;
  return plot::DrawConfusion(title, confusion.classes, confusion.counts);
}

/// The picture replaces none of the files that it is made from.
Result<void> CheckFiles(const PlotArguments& arguments) {
  std::vector<runtime::NamedFile> inputs;
  const auto read = [&](std::string_view option, const std::vector<std::string>& files) {
    for (const std::string& file : files)
      inputs.push_back({std::string(option), file == "-" ? "/dev/stdin" : file});
  };
  read("FILE", arguments.files);
  read("--checkpoint", arguments.checkpoints);
  read("--trajectory", arguments.trajectories);
  for (const std::string& spec : arguments.data) read("--data", runtime::FilesOf(spec));
  return CheckOutput(arguments.output, inputs);
}

/// One figure a row: whether it is asked for, how it is drawn, whether it takes several files, and
/// whether they are models that were trained.
struct Figure {
  std::string_view option;
  bool asked;
  Result<std::string> (*draw)(const PlotArguments&);
  bool several_files = false, of_trained_models = true;
};

/// What is given must be used: an option that no file takes may be a mistyped one.
Result<void> CheckCounts(const PlotArguments& arguments, const Figure& figure) {
  const size_t files = arguments.files.size();
  struct Row {
    std::string_view option;
    size_t given;
    bool for_all, for_some;
    std::string_view rule;
  };
  const Row rows[] = {
      {"--checkpoint", arguments.checkpoints.size(), false, false, "one for each, or none"},
      {"--data", arguments.data.size(), true, false, "one for all, or one for each"},
      {"--title", arguments.titles.size(), false, true, "at most one for each"}};
  for (const auto& [option, given, for_all, for_some, rule] : rows) {
    if (given == 0) continue;
    if (!figure.of_trained_models)
      return UsageError(fmt::format("{} takes no {}", figure.option, option));
    if (given != files && !(for_all && given == 1) && !(for_some && given < files))
      return UsageError(fmt::format("{} times {} for {}", given, option,
                                    Counted(static_cast<int64_t>(files), "model")),
                        fmt::format("give {}", rule));
  }
  const bool has_logs = figure.draw == PlotCurves || figure.draw == PlotSurface;
  const size_t logs = figure.draw == PlotCurves ? files : arguments.trajectories.size();
  if (has_logs && arguments.labels.size() > logs)
    return UsageError(fmt::format("{} times --label for {}", arguments.labels.size(),
                                  Counted(static_cast<int64_t>(logs), "log")),
                      "give at most one for each");
  return {};
}

Result<ExitStatus> Plot(const PlotArguments& arguments) {
  const Figure figures[] = {
      {"--boundary", arguments.boundary, PlotBoundaries, true},
      {"--fit", arguments.fit, PlotFits, true},
      {"--neurons", !arguments.neurons.empty(), PlotNeurons},
      {"--weights", !arguments.weights.empty(), PlotWeights},
      {"--images", !arguments.images.empty(), PlotImages},
      {"--surface", arguments.surface, PlotSurface},
      {"--curves", arguments.curves, PlotCurves, true, false},
      {"--function", arguments.function, PlotFunctions, true, false},
      {"--predictions", arguments.predictions.has_value(), PlotPredictions},
      {"--confusion", arguments.confusion, PlotConfusion},
  };
  const Figure* chosen = nullptr;
  for (const Figure& figure : figures) {
    if (!figure.asked) continue;
    if (chosen != nullptr)
      return UsageError(fmt::format("{} and {} are two figures; draw one at a time", chosen->option,
                                    figure.option));
    chosen = &figure;
  }
  if (chosen == nullptr) chosen = &figures[0];
  if (arguments.files.size() > 1 && !chosen->several_files)
    return UsageError(fmt::format("{} takes one model", chosen->option));
  DESCENT_RETURN_IF_ERROR(CheckCounts(arguments, *chosen));
  DESCENT_RETURN_IF_ERROR(CheckFiles(arguments));
  DESCENT_TRY(svg, chosen->draw(arguments));
  DESCENT_RETURN_IF_ERROR(CheckOutput(arguments.output, *arguments.model_files));
  DESCENT_RETURN_IF_ERROR(CheckEnding(arguments.output, "descent plot", {".svg"}));
  DESCENT_RETURN_IF_ERROR(WriteOutput(arguments.output, svg));
  return ExitStatus::kGood;
}

}  // namespace

Command PlotCommand() {
  auto a = std::make_shared<PlotArguments>();
  const OptionGroup figures{
      "Figures (one; --boundary when none is given)",
      {{"--boundary", "",
        "decision boundary over data with two features; several models stand side by side",
        &a->boundary},
       {"--fit", "", "data with one feature and the model's curve through it", &a->fit},
       {"--neurons", "VALUE", "activation map of each unit of a hidden value over two features",
        &a->neurons},
       {"--weights", "PARAMETER", "columns of a parameter [pixels, units] as square images",
        &a->weights},
       {"--images", "VALUE",
        "square images that a model predicts, of the first test rows: sample, restored, ...",
        &a->images},
       {"--surface", "",
        "contours of the loss over two elements of parameters (--x, --y), with descent directions",
        &a->surface},
       {"--curves", "", "lines over epochs from training logs; FILEs are logs", &a->curves},
       {"--function", "",
        "outputs [n] of a model without a loss over its input [n]; one output with its derivative",
        &a->function},
       {"--predictions", "N", "the first N test images with what is predicted", &a->predictions},
       {"--confusion", "", "confusion matrix over the test data", &a->confusion}}};
  const OptionGroup inputs{
      "Input and output",
      {{"--checkpoint",
        "FILE",
        "trained parameters (of a model that predicts otherwise, with a warning); one for each "
        "model, or none for fresh ones",
        &a->checkpoints,
        {},
        false,
        Completion::kFile},
       {"--data", "SPEC",
        "data, as a trainer's --data takes it; one for all models or one for each", &a->data},
       SeedOption(&a->seed, "seed of fresh parameters"),
       {"--title", "TEXT", "title of a panel; one for each", &a->titles},
       {"-o,--output",
        "FILE",
        "the SVG; standard output when absent",
        &a->output,
        {},
        false,
        Completion::kFile}}};
  const OptionGroup details{
      "Details of a figure",
      {{"--x", "ELEMENT", "--surface: parameter element along x, such as 'W1[0, 1]'", &a->x},
       {"--y", "ELEMENT", "--surface: parameter element along y", &a->y},
       {"--trajectory",
        "LOG",
        "--surface: a training log with both elements tracked",
        &a->trajectories,
        {},
        false,
        Completion::kFile},
       {"--center", "X,Y", "--surface: the middle (default: the current values)", &a->center},
       {"--radius", "R", "--surface: half the extent (default: the trajectories decide)",
        &a->radius},
       {"--units", "N", "--weights, --images: how many pictures at most (default 64)", &a->units},
       {"--label", "TEXT", "--curves, --surface: name of a log in the legend; one for each",
        &a->labels},
       {"--series", "NAME", "--curves: loss, validation.loss, validation.accuracy, ...",
        &a->series},
       {"--over", "NAME",
        "--curves: what runs along x, an event of the logs: epoch (the default), step, ...",
        &a->over},
       {"--log-x", "", "--curves: logarithmic x axis", &a->logarithmic_x},
       {"--log-y", "", "--curves: logarithmic y axis", &a->logarithmic_y},
       {"--from", "X", "--function: lower end of x", &a->from},
       {"--to", "X", "--function: upper end of x", &a->to}}};
  return {
      .name = "plot",
      .summary =
          "draw decision boundaries, curves, loss surfaces, neurons, images and predictions as SVG",
      .description =
          "Compiles the model in process, takes the parameters of a checkpoint and asks it about "
          "the data. Colours "
          "are blue for label 1 and orange for label 0, told apart also by people with "
          "colour-vision deficiencies.",
      .arguments = {{.names = "FILE",
                     .value = "",
                     .doc = "model files; with --curves, logs",
                     .destination = &a->files,
                     .required = true,
                     .completion = Completion::kFile}},
      .groups = {figures, inputs, details},
      .examples = {{"descent plot m.descent --checkpoint c.safetensors --data circle:samples=500 "
                    "-o circle.svg",
                    "what did it learn?"},
                   {"descent plot --curves log.jsonl -o curves.svg", "how did training go?"},
                   {"descent plot m.descent --neurons a1 --checkpoint c.safetensors --data circle "
                    "-o neurons.svg",
                    "what does each hidden neuron see?"}},
      .run = [a] { return Plot(*a); }};
}

}  // namespace descent::cli
