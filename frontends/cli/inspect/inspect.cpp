// `descent inspect`: a summary, or any stage of the compilation, as text, drawing or JSON.

#include <algorithm>
#include <memory>

#include "compiler/codegen/target.h"
#include "compiler/compile.h"
#include "compiler/kernel/program_print.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/inspect/fusion_view.h"
#include "frontends/cli/inspect/graph_json.h"
#include "frontends/cli/inspect/graph_view.h"
#include "frontends/cli/inspect/program_view.h"
#include "frontends/cli/inspect/summary.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_input.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"

namespace descent::cli {
namespace {

struct InspectArguments {
  std::string model, stage, entry, format = "text", output;
  bool fusion = false;
  CompileFlags flags;
};

/// What a stage is shown from.
struct Subject {
  Model source;
  std::string stage, entry;
  CompileOptions options;
};

// ---- graph stages ------------------------------------------------------------------------------

/// As its text would be read, so that unnamed values have the same numbers in every format.
Result<Model> GraphOf(const Subject& subject) {
  if (subject.stage == "source") return subject.source;
  DESCENT_TRY(model, RunToStage(subject.source, subject.entry, subject.stage, subject.options));
  return ParseText(PrintText(model), subject.stage);
}

Result<std::string> GraphText(const Subject& subject) {
  DESCENT_TRY(model, GraphOf(subject));
  DESCENT_TRY(annotated, Annotated(model));
  return PrintText(annotated);
}

Result<std::string> GraphDot(const Subject& subject) {
  DESCENT_TRY(model, GraphOf(subject));
  return ToDot(ViewOf(model));
}

Result<std::string> GraphSvg(const Subject& subject) {
  DESCENT_TRY(dot, GraphDot(subject));
  return LayOut(dot);
}

Result<std::string> GraphJson(const Subject& subject) {
  DESCENT_TRY(model, GraphOf(subject));
  JsonWriter json;
  json.BeginObject();
  WriteJsonHead(json, subject.stage, model);
  WriteGraph(json, ViewOf(model));
  json.EndObject();
  return std::move(json).Finish();
}

// ---- summary -----------------------------------------------------------------------------------

Result<std::string> SummaryAsText(const Subject& subject) {
  DESCENT_TRY(summary, Summarize(subject.source));
  return SummaryText(summary);
}

Result<std::string> SummaryAsJson(const Subject& subject) {
  DESCENT_TRY(summary, Summarize(subject.source));
  JsonWriter json;
  json.BeginObject();
  WriteJsonHead(json, subject.stage, subject.source);
  WriteSummary(summary, json);
  json.EndObject();
  return std::move(json).Finish();
}

// ---- kernels and memory ------------------------------------------------------------------------

Result<Compilation> CompileSubject(const Subject& subject) {
  CompileOptions options = subject.options;
  options.entries = {subject.entry};
  options.full_state = true;
  options.settings.clear();
  DESCENT_TRY(compilation, Compile(subject.source, options));
  WarnOfOtherTargets(options, {&compilation, 1});
  return compilation;
}

template <std::string (*Print)(const EntryProgram&, const KernelProgram&)>
Result<std::string> ProgramText(const Subject& subject) {
  DESCENT_TRY(compilation, CompileSubject(subject));
  return Print(compilation.program.entries.front(), compilation.program);
}

template <void (*Write)(JsonWriter&, const EntryProgram&, const KernelProgram&)>
Result<std::string> ProgramJson(const Subject& subject) {
  DESCENT_TRY(compilation, CompileSubject(subject));
  JsonWriter json;
  json.BeginObject();
  WriteJsonHead(json, subject.stage, compilation.entries.front());
  json.Key("target").String(compilation.target->name);
  Write(json, compilation.program.entries.front(), compilation.program);
  json.EndObject();
  return std::move(json).Finish();
}

Result<Compilation> ExplainSubject(Subject subject) {
  subject.options.explain_fusion = true;
  return CompileSubject(subject);
}

Result<std::string> FusionText(const Subject& subject) {
  DESCENT_TRY(compilation, ExplainSubject(subject));
  const KernelProgram& program = compilation.program;
  return PrintFusion(compilation.fusion.front(), program.entries.front(), program);
}

Result<std::string> FusionJson(const Subject& subject) {
  DESCENT_TRY(compilation, ExplainSubject(subject));
  const KernelProgram& program = compilation.program;
  JsonWriter json;
  json.BeginObject();
  WriteJsonHead(json, subject.stage, compilation.entries.front());
  json.Key("target").String(compilation.target->name);
  WriteFusion(json, compilation.fusion.front(), program.entries.front(), program);
  json.EndObject();
  return std::move(json).Finish();
}

Result<std::string> KernelsSvg(const Subject& subject) {
  DESCENT_TRY(dot, ProgramText<KernelsDot>(subject));
  return LayOut(dot);
}

template <ArtifactKind kKind>
Result<std::string> Listing(const Subject& subject) {
  DESCENT_TRY(compilation, CompileSubject(subject));
  return ArtifactText(compilation, kKind, subject.options);
}

// ---- the table ---------------------------------------------------------------------------------

using Show = Result<std::string> (*)(const Subject&);

/// How a stage is shown in each format; null where the format makes no sense.
struct Stage {
  std::string_view name;
  Show text, dot, svg, json;
};
constexpr Stage kStages[] = {
    {"summary", SummaryAsText, nullptr, nullptr, SummaryAsJson},
    {"source", GraphText, GraphDot, GraphSvg, GraphJson},
    {"simplified", GraphText, GraphDot, GraphSvg, GraphJson},
    {"differentiated", GraphText, GraphDot, GraphSvg, GraphJson},
    {"optimized", GraphText, GraphDot, GraphSvg, GraphJson},
    {"kernels", ProgramText<PrintKernels>, ProgramText<KernelsDot>, KernelsSvg,
     ProgramJson<WriteKernels>},
    {"memory", ProgramText<PrintMemory>, nullptr, ProgramText<MemorySvg>, ProgramJson<WriteMemory>},
    {"llvm", Listing<ArtifactKind::kLlvm>, nullptr, nullptr, nullptr},
    {"asm", Listing<ArtifactKind::kAssembly>, nullptr, nullptr, nullptr},
};

/// What --fusion shows.
constexpr Stage kFusion = {"fusion", FusionText, nullptr, nullptr, FusionJson};

struct Format {
  std::string_view name;
  Show Stage::* show;
};
constexpr Format kFormats[] = {
    {"text", &Stage::text}, {"dot", &Stage::dot}, {"svg", &Stage::svg}, {"json", &Stage::json}};

std::vector<std::string> FormatsOf(const Stage& stage) {
  std::vector<std::string> names;
  for (const Format& format : kFormats)
    if (stage.*format.show != nullptr) names.emplace_back(format.name);
  return names;
}

const Stage& StageOf(const std::string& name) {
  return name.empty() ? kStages[0] : *std::ranges::find(kStages, name, &Stage::name);
}

Result<ExitStatus> Inspect(const InspectArguments& arguments) {
  if (arguments.fusion && !arguments.stage.empty())
    return UsageError("--fusion and --stage exclude each other", "choose one");
  const Stage& stage = arguments.fusion ? kFusion : StageOf(arguments.stage);
  const std::string name(stage.name);
  const Format& format = *std::ranges::find(kFormats, arguments.format, &Format::name);
  const Show show = stage.*format.show;
  if (show == nullptr)
    return UsageError(
        fmt::format("{}{} has no format {}", arguments.fusion ? "--" : "stage ", name, format.name),
        fmt::format("it has {}", fmt::join(FormatsOf(stage), ", ")));
  std::vector<runtime::NamedFile> read = {{"--tuning", arguments.flags.tuning}};
  DESCENT_TRY(model, LoadModel(arguments.model, arguments.flags.model, &read));
  DESCENT_RETURN_IF_ERROR(CheckOutput(arguments.output, read));
  DESCENT_TRY(options, arguments.flags.Options());
  // The stages that compile find out by themselves.
  DESCENT_RETURN_IF_ERROR(ResolveTarget(options.target));
  DESCENT_TRY(source, Configure(std::move(model), options));
  DESCENT_TRY(entry, EntryOf(source, arguments.entry, {"train_step", "run"}));
  options.settings.clear();
  DESCENT_TRY(text, show({std::move(source), name, std::move(entry), std::move(options)}));
  DESCENT_RETURN_IF_ERROR(WriteOutput(arguments.output, text));
  return ExitStatus::kGood;
}

std::vector<std::string> StageNames() {
  std::vector<std::string> names;
  for (const Stage& stage : kStages) names.emplace_back(stage.name);
  return names;
}

}  // namespace

Command InspectCommand() {
  auto arguments = std::make_shared<InspectArguments>();
  OptionGroup compilation = arguments->flags.Group();
  compilation.options.push_back(arguments->flags.TuningOption());
  OptionGroup options = {
      "Options",
      {{.names = "--stage",
        .value = "STAGE",
        .doc = "what to show (default summary)",
        .destination = &arguments->stage,
        .choices = StageNames()},
       {.names = "--fusion",
        .doc = "show instead why the kernels of the entry point are not fused any further",
        .destination = &arguments->fusion},
       EntryOption(&arguments->entry, "train_step; run of a model without a loss"),
       {.names = "--format",
        .value = "FORMAT",
        .doc = "how (default text)",
        .destination = &arguments->format,
        .choices = {"text", "dot", "svg", "json"}},
       OutputOption(&arguments->output, "where to write (default: standard output)")}};
  return {
      .name = "inspect",
      .summary = "show a model or any stage of its compilation",
      .description =
          "Without --stage prints a summary: one line for each value with its shape, parameters "
          "and "
          "FLOPs, then totals. With --stage shows what the compiler made of an entry point "
          "(train_step unless --entry says otherwise): the graph at four points, kernels, memory, "
          "LLVM IR or assembly. With --fusion says of each kernel of several values by which rules "
          "they came together, and of each two kernels of which one reads what the other writes "
          "what keeps them apart. Graphs are parted into forward, backward and update; each "
          "derived value names its origin, and those kept for the backward part are marked. Graph "
          "stages print as text that every command reads again. SVG of graphs and kernels is laid "
          "out by "
          "Graphviz; that of memory shows the arena over time. The JSON schema is in docs/cli.md.",
      .arguments = {ModelArgument(&arguments->model)},
      .groups = {std::move(options), std::move(compilation)},
      .examples = {{"descent inspect model.descent", "layers, parameters, FLOPs"},
                   {"descent inspect --stage differentiated model.descent", "the gradients"},
                   {"descent inspect --stage memory --format svg model.descent -o memory.svg",
                    "where each byte lives, and when"},
                   {"descent inspect --fusion model.descent", "why two kernels are not one"}},
      .subject = &arguments->model,
      .run = [arguments] { return Inspect(*arguments); }};
}

}  // namespace descent::cli
