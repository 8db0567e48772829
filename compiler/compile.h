// The way of a model from source to artifact. This is the only place that sees all stages.
//
//   DESCENT_TRY(compilation, Compile(model, {.target = "native", .batch = 32}));
//   DESCENT_RETURN_IF_ERROR(WriteArtifact(compilation, ArtifactKind::kExecutable, "trainer",
//   options));
//
// Model -> Configure -> per entry point the graph passes -> LowerEntry -> KernelProgram -> LLVM ->
// artifact
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/codegen/codegen.h"
#include "compiler/codegen/object_cache.h"
#include "compiler/codegen/target.h"
#include "compiler/graph/pass_options.h"
#include "compiler/graph/pipeline.h"
#include "compiler/kernel/fusion_report.h"
#include "compiler/kernel/program.h"
#include "compiler/tuning.h"
#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

enum class ExecutableMain : uint8_t { kTrainer, kBench };

struct CompileOptions {
  std::string target = "native";     ///< or several, for CompileForTargets: "x86-64-v3,x86-64-v4"
  std::string prefix;                ///< of all symbols, a C identifier; "" = from the model's name
  std::vector<std::string> entries;  ///< the entry points to compile; empty = all
  std::vector<std::string> settings;  ///< "optimizer.momentum=0.9" (settings.h)
  int64_t batch = 0, evaluate_batch = 0, predict_batch = 0;  ///< 0 = the model's
  FactorPrecision precision = FactorPrecision::kF32;
  std::set<std::string> disabled_passes;  ///< graph passes, "fuse", "winograd"
  bool full_state = false;      ///< lay out optimizer state even if no entry point writes it
  bool trace_values = false;    ///< every named value of the optimized graph is an output
  bool verify_each = false;     ///< the invariants after every graph pass
  bool explain_fusion = false;  ///< fill Compilation::fusion
  Sanitizer sanitizer = kBuildSanitizer;
  std::vector<std::byte> weights;  ///< safetensors file to compile in; may be empty
  /// What executables write as an ONNX file; they say that they can't where there is none.
  std::optional<OnnxForm> onnx;
  bool is_static = false;  ///< executables: single-threaded, no dynamic dependency
  /// What executables do: train, evaluate and predict, or be measured by `descent bench`, which may
  /// ask for each kernel call to be reported.
  ExecutableMain main = ExecutableMain::kTrainer;
  bool reports_calls = false;
  /// KernelProgram::guard_bytes; for calls in this process.
  int64_t guard_bytes = 0;
  /// Folder of the runtime's archives; "" = beside the running program.
  std::string runtime_folder;
  /// Objects that were made before, and to which new ones are added; may be null.
  std::shared_ptr<ObjectCache> cache;
  /// Schedules that were measured; may be null.
  std::shared_ptr<const Tuning> tuning;
};

/// All stages of one model before code generation.
struct Compilation {
  Model source;                ///< with settings applied
  std::vector<Model> entries;  ///< optimized, in the order of program.entries
  const Target* target = nullptr;
  KernelProgram program;
  std::vector<FusionReport> fusion;  ///< of each entry point, on request
  int tuned = 0;                     ///< kernels that CompileOptions::tuning has changed
};

/// Disabled "passes" that are none of the graph's: kernels are formed without fusion, and
/// convolutions computed as the plain sums of products.
inline constexpr std::string_view kFusePass = "fuse", kWinogradPass = "winograd";

/// Applies settings and batch sizes.
Result<Model> Configure(Model model, const CompileOptions& options);

/// Runs the graph passes of one entry point up to a stage. A model that has been specialized goes
/// on from where it stands.
Result<Model> RunToStage(const Model& source, const std::string& entry, std::string_view stage,
                         const CompileOptions& options);

/// Everything before code generation, for one target. `model` is a source model, or one entry point
/// of one.
Result<Compilation> Compile(const Model& model, const CompileOptions& options);

/// The same for each target, best first (ResolveTargets); what does not depend on it is done once.
/// Of several the symbols carry the target's name behind the prefix: "net_x86_64_v3".
Result<std::vector<Compilation>> CompileForTargets(const Model& model,
                                                   const CompileOptions& options);

/// Of all symbols of a program, and of default file names: the one asked for, or the model's name.
Result<std::string> SymbolPrefix(const Model& source, const CompileOptions& options);

CodegenOptions CodegenOptionsOf(const CompileOptions& options);

enum class ArtifactKind : uint8_t {
  kExecutable,
  kObject,
  kStatic,
  kShared,
  kHeader,
  kKernels,
  kLlvm,
  kAssembly
};

struct ArtifactKindInfo {
  ArtifactKind kind;
  std::string_view name;            ///< "exe"
  std::string_view prefix, suffix;  ///< of default file names: "lib", ".a"
  bool is_text;                     ///< goes to standard output by default
  std::string_view doc;
};
std::span<const ArtifactKindInfo> ArtifactKinds();

/// Writes the artifact. `path` "-" is standard output, where the kind is text or an object.
Result<void> WriteArtifact(const Compilation& compilation, ArtifactKind kind,
                           const std::string& path, const CompileOptions& options);

/// One executable of what CompileForTargets gave, which chooses when it starts.
Result<void> WriteExecutable(std::span<const Compilation> compilations, const std::string& path,
                             const CompileOptions& options);

/// The artifact as text: header, kernels, llvm, asm.
Result<std::string> ArtifactText(const Compilation& compilation, ArtifactKind kind,
                                 const CompileOptions& options);

}  // namespace descent
