// `descent compile`: from a model to an executable, object, library, header or a listing.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <memory>

#include "compiler/compile.h"
#include "compiler/graph/trained_part.h"
#include "frontends/cli/artifact.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/compile_flags.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/model_input.h"
#include "frontends/cli/weights.h"
#include "runtime/file.h"
#include "runtime/interrupt.h"

namespace descent::cli {
namespace {

struct CompileArguments {
  std::string model, output, emit = "exe", name, sanitize, learning_rate;
  std::vector<std::string> entries;
  bool is_static = false, quiet = false;
  WeightsFlags weights;
  CompileFlags flags;
};

struct SanitizerName {
  std::string_view name;
  Sanitizer sanitizer;
};
constexpr SanitizerName kSanitizers[] = {{"", kBuildSanitizer},
                                         {"none", Sanitizer::kNone},
                                         {"address", Sanitizer::kAddress},
                                         {"thread", Sanitizer::kThread}};

std::vector<std::string> KindNames() {
  std::vector<std::string> names;
  for (const ArtifactKindInfo& kind : ArtifactKinds()) names.emplace_back(kind.name);
  return names;
}

/// "; 50 of 60 objects from the cache"
std::string CacheReport(const CompileOptions& options) {
  if (options.cache == nullptr) return "";
  const ObjectCache::Counts counts = options.cache->counts();
  return fmt::format(
      "; {} of {} from the cache{}", counts.reused, Counted(counts.reused + counts.made, "object"),
      counts.damaged == 0
          ? ""
          : fmt::format(", {} there damaged and replaced", Counted(counts.damaged, "object")));
}

/// "; 5 kernels tuned"
std::string TuningReport(const std::vector<Compilation>& compilations,
                         const CompileOptions& options) {
  int tuned = 0;
  for (const Compilation& each : compilations) tuned += each.tuned;
  return options.tuning == nullptr ? "" : fmt::format("; {} tuned", Counted(tuned, "kernel"));
}

/// "trainer: executable for znver4, 123456 bytes, 0.35 s"
void Report(const std::string& path, const ArtifactKindInfo& kind,
            const std::vector<Compilation>& compilations, const CompileOptions& options,
            double seconds) {
  struct stat status;
  const int64_t bytes = stat(path.c_str(), &status) == 0 ? status.st_size : 0;
  std::vector<std::string_view> targets;
  for (const Compilation& each : compilations) targets.push_back(each.target->name);
  Print("{}: {} for {}, {} bytes, {:.2f} s{}{}\n", path, kind.doc, fmt::join(targets, ", "), bytes,
        seconds, CacheReport(options), TuningReport(compilations, options));
}

/// The kind of artifact is chosen by --emit, never by a name.
Result<void> CheckEndingOf(const std::string& path, const ArtifactKindInfo& kind) {
  const std::string maker = fmt::format("--emit {}", kind.name);
  auto checked =
      kind.suffix.empty() ? CheckEnding(path, maker, {}) : CheckEnding(path, maker, {kind.suffix});
  if (checked) return checked;
  for (const ArtifactKindInfo& other : ArtifactKinds())
    if (!other.suffix.empty() && path.ends_with(other.suffix))
      checked.error().hint += fmt::format(", or add --emit {}", other.name);
  return checked;
}

/// Whether there is an entry point that gives parameters the values of the model.
bool Initializes(const CompileArguments& arguments) {
  return arguments.entries.empty() || std::ranges::count(arguments.entries, "initialize") > 0;
}

/// "trains 2 of 4 parameters (27 of 67 numbers); 3 of 5 operators are differentiated", of a model
/// with frozen ones, and which of them have no gradient.
void ReportTrainedPart(const Model& model) {
  const TrainedPart part = TrainedPartOf(model);
  if (!model.has_loss() || part.trained_parameters == part.parameters) return;
  Print("trains {} of {} ({} of {} numbers); {} of {} that read parameters are differentiated\n",
        part.trained_parameters, Counted(part.parameters, "parameter"), part.trained_elements,
        part.elements, part.differentiated, Counted(part.operators, "operator"));
  for (const std::string& name : part.without_derivative)
    Print("{} keeps its value: the loss depends on it only through integers and bools\n",
          Quoted(name));
}

Result<CompileOptions> OptionsOf(const CompileArguments& arguments, const Model& model,
                                 ArtifactKind kind) {
  DESCENT_TRY(options, arguments.flags.Options());
  if (!arguments.learning_rate.empty() && !model.has_loss())
    return UsageError(fmt::format("--learning-rate is for training, and nothing trains model {}",
                                  Quoted(model.name)),
                      "add --loss LOSS, or --optimizer NAME where the first output is the loss");
  if (!arguments.learning_rate.empty())
    options.settings.push_back("learning_rate=" + arguments.learning_rate);
  options.prefix = arguments.name;
  options.entries = arguments.entries;
  options.is_static = arguments.is_static;
  options.sanitizer =
      std::ranges::find(kSanitizers, arguments.sanitize, &SanitizerName::name)->sanitizer;
  DESCENT_TRY(configured, Configure(model, options));
  if (kind == ArtifactKind::kExecutable && model.entry.empty()) {
    DESCENT_TRY(form, OnnxFormOf(configured, arguments.model));
    options.onnx = std::move(form);
  }
  if (arguments.weights.given()) {
    WeightsFlags flags = arguments.weights;
    flags.origin = OriginOf(model, arguments.model);
    DESCENT_TRY(weights, ReadWeights(flags, configured));
    options.weights = std::move(weights.owned);
  } else if (configured.HasValues() && !Initializes(arguments)) {
    options.weights = ValuesOf(configured);
  }
  return options;
}

constexpr std::string_view kStopped = "stopped: interrupted; nothing was written\n";

/// An interrupt waits until no temporary file is left, and then undoes what is new.
Result<ExitStatus> Write(const std::vector<Compilation>& compilations, ArtifactKind kind,
                         const std::string& path, const CompileOptions& options) {
  const runtime::InterruptWatch watch(runtime::SecondSignal::kWaits);
  const bool existed = path == "-" || runtime::FileExists(path);
  const auto written = kind == ArtifactKind::kExecutable
                           ? WriteExecutable(compilations, path, options)
                           : WriteArtifact(compilations.front(), kind, path, options);
  if (watch.interrupted()) {
    if (written && !existed) unlink(path.c_str());
    PrintError("{}", written && existed ? "stopped: interrupted\n" : kStopped);
    return ExitStatus::kInterrupted;
  }
  DESCENT_RETURN_IF_ERROR(written);
  return ExitStatus::kGood;
}

bool HasObjects(ArtifactKind kind) {
  return kind == ArtifactKind::kExecutable || kind == ArtifactKind::kObject ||
         kind == ArtifactKind::kStatic || kind == ArtifactKind::kShared;
}

/// Options that some kinds of artifacts do not have.
Result<void> CheckKind(const CompileArguments& arguments, const ArtifactKindInfo& kind) {
  if (arguments.is_static && kind.kind != ArtifactKind::kExecutable)
    return UsageError("--static is for executables", "leave out --static, or --emit exe");
  if (arguments.is_static && !arguments.sanitize.empty())
    return UsageError("--static and --sanitize exclude each other",
                      "sanitizers cannot be linked statically");
  if (arguments.flags.target.find(',') != std::string::npos &&
      kind.kind != ArtifactKind::kExecutable)
    return UsageError(
        "several targets are for executables, which choose between them",
        fmt::format("give --emit {} one target, and compile once for each", kind.name));
  if (!arguments.flags.cache.empty() && !HasObjects(kind.kind))
    return UsageError(fmt::format("--emit {} makes no object that --cache could keep", kind.name),
                      "leave out --cache");
  return {};
}

/// As the trainer takes it: a bad one is a bad flag, not a bad setting.
Result<void> CheckRate(const std::string& text) {
  double rate = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, rate);
  const bool is_number = error == std::errc() && rest == end;
  if (text.empty() || (is_number && std::isfinite(rate) && rate >= 0)) return {};
  return UsageError(
      fmt::format("--learning-rate takes a number of at least 0, not {}", Quoted(text)));
}

Result<ExitStatus> CompileModel(const CompileArguments& arguments) {
  const runtime::InterruptExit nothing_made(kStopped, STDERR_FILENO);
  const auto start = std::chrono::steady_clock::now();
  const ArtifactKindInfo& kind =
      *std::ranges::find(ArtifactKinds(), arguments.emit, &ArtifactKindInfo::name);
  DESCENT_RETURN_IF_ERROR(CheckKind(arguments, kind));
  DESCENT_RETURN_IF_ERROR(CheckRate(arguments.learning_rate));
  DESCENT_RETURN_IF_ERROR(arguments.weights.Check());
  std::vector<runtime::NamedFile> read = {{"--weights", arguments.weights.file},
                                          {"--tuning", arguments.flags.tuning}};
  DESCENT_TRY(model, LoadModel(arguments.model, arguments.flags.model, &read));
  DESCENT_RETURN_IF_ERROR(CheckOutput(arguments.output, read));
  DESCENT_RETURN_IF_ERROR(CheckEndingOf(arguments.output, kind));
  DESCENT_TRY(options, OptionsOf(arguments, model, kind.kind));
  DESCENT_TRY(compilations, CompileForTargets(model, options));
  if (const std::string origin = OriginOf(model, arguments.model); !origin.empty())
    for (Compilation& each : compilations) each.program.prediction_hash += " " + origin;
  WarnOfOtherTargets(options, compilations);
  std::string path = arguments.output;
  if (path.empty()) {
    DESCENT_TRY(prefix, SymbolPrefix(compilations.front().source, options));
    path = kind.is_text ? "-" : DefaultPath(prefix, kind);
  }
  DESCENT_RETURN_IF_ERROR(CheckOutput(path, read));
  DESCENT_TRY(status, Write(compilations, kind.kind, path, options));
  if (status != ExitStatus::kGood) return status;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (path == "-" || arguments.quiet) return ExitStatus::kGood;
  ReportTrainedPart(compilations.front().source);
  Report(path, kind, compilations, options, seconds.count());
  return ExitStatus::kGood;
}

OptionGroup ArtifactOptions(CompileArguments& arguments) {
  return {"Artifact",
          {OutputOption(&arguments.output,
                        "where to write (default: named after the model; listings go to standard "
                        "output)"),
           {.names = "--emit",
            .value = "KIND",
            .doc = "what to make (default exe)",
            .destination = &arguments.emit,
            .choices = KindNames()},
           {.names = "--name",
            .value = "PREFIX",
            .doc = "prefix of all symbols, a C identifier (default: the model's name)",
            .destination = &arguments.name},
           {.names = "--entry",
            .value = "ENTRY",
            .doc = "compile only this entry point; may be repeated (`--entry predict`: no training "
                   "code)",
            .destination = &arguments.entries,
            .choices = {"initialize", "train_step", "evaluate", "predict", "metrics", "run"},
            .comma_list = true},
           {.names = "--static",
            .value = "",
            .doc = "an executable without any dynamic dependency, single-threaded",
            .destination = &arguments.is_static},
           {.names = "--sanitize",
            .value = "KIND",
            .doc = "instrument the kernels; executables and shared libraries are linked by "
                   "clang-19, objects "
                   "and static libraries by you, with -fsanitize",
            .destination = &arguments.sanitize,
            .choices = {"none", "address", "thread"}},
           {.names = "-q,--quiet",
            .value = "",
            .doc = "print nothing but errors",
            .destination = &arguments.quiet}}};
}

}  // namespace

Command CompileCommand() {
  auto arguments = std::make_shared<CompileArguments>();
  OptionGroup compilation = arguments->flags.Group(TargetCount::kSeveral);
  compilation.options.push_back(arguments->flags.CacheOption());
  compilation.options.push_back(arguments->flags.TuningOption());
  compilation.options.push_back({.names = "--learning-rate",
                                 .value = "RATE",
                                 .doc = "as --set learning_rate=RATE",
                                 .destination = &arguments->learning_rate});
  return {
      .name = "compile",
      .summary = "compile a model into an executable, object, library or header",
      .description =
          "Compiles a model ahead of time. The executable trains, evaluates and predicts by itself "
          "(`./trainer --help`). Objects and libraries hold one function per entry point and need "
          "libc only; `--emit header` writes the C header that goes with them. `kernels`, `llvm` "
          "and "
          "`asm` are listings. The name of the output does not choose the kind, and one that ends "
          "like another kind of file is a usage error. The same input gives the same bytes, from "
          "any directory.",
      .arguments = {ModelArgument(&arguments->model)},
      .groups = {ArtifactOptions(*arguments),
                 {"Parameters", arguments->weights.Options(
                                    "--weights",
                                    "compile parameters in, which predict without a checkpoint and "
                                    "from which training begins")},
                 std::move(compilation)},
      .examples =
          {{"descent compile model.descent -o trainer && ./trainer train --data circle:samples=500",
            "compile, then train"},
           {"descent compile model.descent --emit obj --entry predict --predict-batch 1 --name net",
            "net.o for embedding: prediction of one row"},
           {"descent compile model.descent --emit header --entry predict --predict-batch 1 --name "
            "net",
            "its header, net.h"},
           {"descent compile model.descent --target x86-64-v3,x86-64-v4 -o trainer",
            "for all CPUs with AVX2, and with AVX-512 where there is one"},
           {"descent compile model.descent --set optimizer=adam --set learning_rate=0.001",
            "with another optimizer"}},
      .subject = &arguments->model,
      .run = [arguments] { return CompileModel(*arguments); }};
}

}  // namespace descent::cli
