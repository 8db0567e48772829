#include "compiler/compile.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "compiler/c_identifier.h"
#include "compiler/codegen/link.h"
#include "compiler/emit_header.h"
#include "compiler/graph/optimizers.h"
#include "compiler/graph/specialize.h"
#include "compiler/hyperparameter_list.h"
#include "compiler/kernel/entry_metadata.h"
#include "compiler/kernel/lower_model.h"
#include "compiler/kernel/program_print.h"
#include "compiler/prediction_hash.h"
#include "compiler/settings.h"
#include "compiler/trace_outputs.h"
#include "ir/io/model_hash.h"

namespace descent {
namespace {

// ---- source model to entry points --------------------------------------------------------------

PipelineOptions PassesOf(const CompileOptions& options, const std::string& entry) {
  PipelineOptions passes;
  passes.pass.entry = entry;
  passes.pass.batch = options.batch;
  passes.pass.evaluate_batch = options.evaluate_batch;
  passes.pass.predict_batch = options.predict_batch;
  passes.pass.precision = options.precision;
  passes.disabled = options.disabled_passes;
  for (const std::string_view name : {kFusePass, kWinogradPass})
    passes.disabled.erase(std::string(name));
  passes.verify_each = options.verify_each;
  return passes;
}

Result<std::vector<std::string>> WantedEntries(const Model& source, const CompileOptions& options) {
  if (!source.entry.empty()) return std::vector<std::string>{source.entry};
  std::vector<std::string> all = EntryPoints(source);
  if (options.entries.empty()) return all;
  for (const std::string& entry : options.entries) {
    if (std::ranges::find(all, entry) != all.end()) continue;
    auto error = Error("model {} has no entry point {}", Quoted(source.name), Quoted(entry));
    error.error().hint = fmt::format("it has {}", fmt::join(all, ", "));
    return error;
  }
  std::vector<std::string> wanted;
  std::ranges::copy_if(all, std::back_inserter(wanted), [&](const std::string& entry) {
    return std::ranges::find(options.entries, entry) != options.entries.end();
  });
  return wanted;
}

/// One layout for all entry points. Optimizer slots are in it if something that is compiled writes
/// them.
void LayOutState(const Model& source, std::span<const std::string> entries, bool full,
                 KernelProgram& program) {
  const bool trains = full || std::ranges::any_of(entries, [](const std::string& entry) {
                        return entry == "train_step" || entry == "initialize";
                      });
  Model layout = source;
  if (trains && source.entry.empty()) layout.slots = StateSlots(source);
  LayoutState(layout, program);
}

/// The header's own macros begin with DESCENT_.
bool IsOurs(std::string_view prefix) {
  return std::ranges::equal(prefix, std::string_view("descent"),
                            [](unsigned char a, char b) { return std::tolower(a) == b; });
}

/// What all targets share.
struct OptimizedModel {
  Model source;
  std::vector<std::string> names;  ///< of the entry points
  std::vector<Model> entries;      ///< optimized
  KernelProgram program;           ///< state laid out, no kernels yet
};

Result<OptimizedModel> Optimize(const Model& model, const CompileOptions& options) {
  OptimizedModel made;
  DESCENT_TRY(source, Configure(model, options));
  DESCENT_TRY(names, WantedEntries(source, options));
  DESCENT_TRY(prefix, SymbolPrefix(source, options));
  DESCENT_TRY(hash, ModelHash(source));
  DESCENT_TRY(prediction_hash, PredictionHash(source));
  KernelProgram& program = made.program;
  program.name = source.name;
  program.prefix = std::move(prefix);
  program.model_hash = std::move(hash);
  program.prediction_hash = std::move(prediction_hash);
  program.keep_partial_batch = source.keep_partial_batch;
  program.hyperparameters = HyperparameterList(source);
  program.has_values = source.HasValues() && std::ranges::count(names, "initialize") > 0;
  program.guard_bytes = options.guard_bytes;
  LayOutState(source, names, options.full_state, program);
  for (const std::string& entry : names) {
    DESCENT_TRY(optimized, RunToStage(source, entry, "optimized", options));
    made.entries.push_back(std::move(optimized));
  }
  made.source = std::move(source);
  made.names = std::move(names);
  return made;
}

/// Whose kernels the order of the state in memory suits: most time is spent in it.
const std::string& MainEntry(const std::vector<std::string>& entries) {
  for (const char* name : {"train_step", "predict", "run"})
    if (const auto found = std::ranges::find(entries, name); found != entries.end()) return *found;
  return entries.front();
}

Result<Compilation> Lower(OptimizedModel from, const Target& target,
                          const CompileOptions& options) {
  const auto enabled = [&](std::string_view pass) {
    return !options.disabled_passes.contains(std::string(pass));
  };
  Compilation compilation = {.source = std::move(from.source),
                             .entries = std::move(from.entries),
                             .target = &target,
                             .program = std::move(from.program),
                             .fusion = {}};
  KernelProgram& program = compilation.program;
  LowerOptions lowering = {
      .fuse = enabled(kFusePass),
      .target = target.facts,
      .winograd = enabled(kWinogradPass) ? Winograd::kWhereItPays : Winograd::kNever};
  DESCENT_RETURN_IF_ERROR(
      OrderState(compilation.entries, MainEntry(from.names), program, lowering));
  for (Model& entry : compilation.entries) {
    if (options.trace_values) {
      DESCENT_TRY(traced, AddTraceOutputs(entry));
      entry = std::move(traced);
    }
    if (options.explain_fusion) lowering.fusion = &compilation.fusion.emplace_back();
    DESCENT_TRY(lowered, LowerEntry(entry, program, lowering));
    FindValueRanges(compilation.source.graph, lowered.inputs);
    program.entries.push_back(std::move(lowered));
  }
  if (options.tuning) {
    DESCENT_TRY(tuned, ApplyTuning(*options.tuning, target, program));
    compilation.tuned = tuned;
  }
  return compilation;
}

// ---- artifacts ---------------------------------------------------------------------------------

Result<void> WriteFile(std::span<const char> content, const std::string& path) {
  if (path != "-") return WriteFileAtomically(content, path);
  std::fwrite(content.data(), 1, content.size(), stdout);
  return {};
}

Result<std::vector<char>> ObjectOf(const Compilation& compilation, const CompileOptions& options) {
  auto object = EmitObject(compilation.program, *compilation.target, CodegenOptionsOf(options));
  if (options.cache) options.cache->Trim();
  return object;
}

LinkOptions LinkOptionsOf(const CompileOptions& options) {
  return {.runtime_directory = options.runtime_folder,
          .main_archive = options.main == ExecutableMain::kTrainer ? "descent_trainer_main"
                                                                   : "descent_bench_main",
          .fully_static = options.is_static,
          .sanitizer = options.sanitizer};
}

Result<void> WriteOneExecutable(const Compilation& compilation, const std::string& path,
                                const CompileOptions& options) {
  return WriteExecutable({&compilation, 1}, path, options);
}

Result<void> WriteObject(const Compilation& compilation, const std::string& path,
                         const CompileOptions& options) {
  DESCENT_TRY(object, ObjectOf(compilation, options));
  return WriteFile(object, path);
}

Result<void> WriteStatic(const Compilation& compilation, const std::string& path,
                         const CompileOptions& options) {
  DESCENT_TRY(object, ObjectOf(compilation, options));
  return WriteStaticArchive(object, path, compilation.program.prefix + ".o");
}

Result<void> WriteShared(const Compilation& compilation, const std::string& path,
                         const CompileOptions& options) {
  DESCENT_TRY(object, ObjectOf(compilation, options));
  return LinkSharedLibrary(object, path, LinkOptionsOf(options));
}

Result<std::string> HeaderText(const Compilation& compilation, const CompileOptions& options) {
  HeaderOptions header{.scratch = {}, .has_weights = !options.weights.empty()};
  for (const EntryProgram& entry : compilation.program.entries)
    header.scratch.push_back(ScratchBytesOf(compilation.program, entry, *compilation.target));
  return EmitHeader(compilation.program, header);
}

Result<std::string> KernelsText(const Compilation& compilation, const CompileOptions&) {
  std::string text;
  for (const EntryProgram& entry : compilation.program.entries)
    text += PrintKernels(entry, compilation.program);
  return text;
}

Result<std::string> LlvmText(const Compilation& compilation, const CompileOptions& options) {
  return EmitLlvmText(compilation.program, *compilation.target, CodegenOptionsOf(options));
}

Result<std::string> AssemblyText(const Compilation& compilation, const CompileOptions& options) {
  return EmitAssembly(compilation.program, *compilation.target, CodegenOptionsOf(options));
}

/// How each kind is made: into a file, or as text.
struct ArtifactWriter {
  ArtifactKindInfo info;
  Result<void> (*write)(const Compilation&, const std::string& path, const CompileOptions&);
  Result<std::string> (*text)(const Compilation&, const CompileOptions&);
};

constexpr ArtifactWriter kWriters[] = {
    {{ArtifactKind::kExecutable, "exe", "", "", false, "executable"}, WriteOneExecutable, nullptr},
    {{ArtifactKind::kObject, "obj", "", ".o", false, "object"}, WriteObject, nullptr},
    {{ArtifactKind::kStatic, "static", "lib", ".a", false, "static library"}, WriteStatic, nullptr},
    {{ArtifactKind::kShared, "shared", "lib", ".so", false, "shared library"},
     WriteShared,
     nullptr},
    {{ArtifactKind::kHeader, "header", "", ".h", false, "C header"}, nullptr, HeaderText},
    {{ArtifactKind::kKernels, "kernels", "", ".kernels", true, "kernels as text"},
     nullptr,
     KernelsText},
    {{ArtifactKind::kLlvm, "llvm", "", ".ll", true, "LLVM IR"}, nullptr, LlvmText},
    {{ArtifactKind::kAssembly, "asm", "", ".s", true, "assembly"}, nullptr, AssemblyText},
};

const ArtifactWriter& WriterOf(ArtifactKind kind) { return kWriters[static_cast<size_t>(kind)]; }

}  // namespace

Result<Model> Configure(Model model, const CompileOptions& options) {
  if (!options.settings.empty()) return ApplySettings(model, options.settings);
  DESCENT_RETURN_IF_ERROR(CheckConfigured(model));
  return model;
}

Result<Model> RunToStage(const Model& source, const std::string& entry, std::string_view stage,
                         const CompileOptions& options) {
  return RunPasses(source, StandardPasses(source, stage), PassesOf(options, entry));
}

Result<Compilation> Compile(const Model& model, const CompileOptions& options) {
  DESCENT_TRY(target, ResolveTarget(options.target));
  DESCENT_TRY(optimized, Optimize(model, options));
  return Lower(std::move(optimized), *target, options);
}

Result<std::vector<Compilation>> CompileForTargets(const Model& model,
                                                   const CompileOptions& options) {
  DESCENT_TRY(targets, ResolveTargets(options.target));
  DESCENT_TRY(optimized, Optimize(model, options));
  std::vector<Compilation> compilations;
  for (const Target* target : targets) {
    const bool is_last = target == targets.back();
    OptimizedModel own = is_last ? std::move(optimized) : optimized;  // NOLINT: after no other
    if (targets.size() > 1) own.program.prefix += "_" + SafeIdentifier(target->name);
    DESCENT_TRY(compilation, Lower(std::move(own), *target, options));
    compilations.push_back(std::move(compilation));
  }
  return compilations;
}

Result<std::string> SymbolPrefix(const Model& source, const CompileOptions& options) {
  if (options.prefix.empty()) return SafeIdentifier(source.name) + (IsOurs(source.name) ? "_" : "");
  if (IsOurs(options.prefix))
    return ErrorWithStatus(ExitStatus::kUsage, "the name {} is Descent's own; choose another",
                           Quoted(options.prefix));
  if (IsSafeIdentifier(options.prefix)) return options.prefix;
  return ErrorWithStatus(ExitStatus::kUsage, "the name {} is no C identifier; try {}",
                         Quoted(options.prefix), SafeIdentifier(options.prefix));
}

CodegenOptions CodegenOptionsOf(const CompileOptions& options) {
  return {.position_independent = true,
          .sanitizer = options.sanitizer,
          .weights = options.weights,
          .cache = options.cache.get()};
}

std::span<const ArtifactKindInfo> ArtifactKinds() {
  static const std::vector<ArtifactKindInfo> kInfos = [] {
    std::vector<ArtifactKindInfo> infos;
    for (const ArtifactWriter& writer : kWriters) infos.push_back(writer.info);
    return infos;
  }();
  return kInfos;
}

Result<void> WriteArtifact(const Compilation& compilation, ArtifactKind kind,
                           const std::string& path, const CompileOptions& options) {
  const ArtifactWriter& writer = WriterOf(kind);
  if (writer.write != nullptr) return writer.write(compilation, path, options);
  DESCENT_TRY(text, writer.text(compilation, options));
  return WriteFile(text, path);
}

Result<void> WriteExecutable(std::span<const Compilation> compilations, const std::string& path,
                             const CompileOptions& options) {
  CodegenOptions codegen = CodegenOptionsOf(options);
  codegen.reports_calls = options.reports_calls;
  if (options.onnx) codegen.onnx = &*options.onnx;
  std::vector<TargetedProgram> programs;
  for (const Compilation& each : compilations) programs.push_back({&each.program, each.target});
  DESCENT_TRY(objects, EmitObjects(programs, codegen));
  if (options.cache) options.cache->Trim();
  return LinkExecutable(objects, path, LinkOptionsOf(options));
}

Result<std::string> ArtifactText(const Compilation& compilation, ArtifactKind kind,
                                 const CompileOptions& options) {
  const ArtifactWriter& writer = WriterOf(kind);
  DESCENT_CHECK(writer.text != nullptr, "this kind of artifact is no text");
  return writer.text(compilation, options);
}

}  // namespace descent
