// `descent check`: reads, verifies and runs the graph passes of every entry point.

#include <memory>

#include "compiler/graph/pipeline.h"
#include "compiler/graph/specialize.h"
#include "compiler/settings.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"
#include "frontends/cli/load_model.h"
#include "ir/io/model_file.h"

namespace descent::cli {
namespace {

/// What only shows when an entry point is derived: optimizers, padding, gradients.
Result<void> CheckEntryPoints(const Model& model) {
  DESCENT_RETURN_IF_ERROR(CheckConfigured(model));
  if (!model.entry.empty()) return {};
  for (const std::string& entry : EntryPoints(model)) {
    PipelineOptions options;
    options.pass.entry = entry;
    options.verify_each = true;
    DESCENT_TRY(optimized, RunPasses(model, StandardPasses(model), options));
  }
  return {};
}

Result<std::string> CheckModel(const std::string& path, const ModelFlags& flags) {
  DESCENT_TRY(model, LoadModel(path, flags));
  DESCENT_RETURN_IF_ERROR(CheckEntryPoints(model));
  const std::string entries =
      model.entry.empty() ? fmt::format("{}", fmt::join(EntryPoints(model), ", ")) : model.entry;
  return fmt::format("{}: model {}, {}, {}, entry point{} {}\n", path, model.name,
                     Counted(static_cast<int64_t>(model.graph.nodes().size()), "node"),
                     Counted(ParameterElements(model), "parameter"),
                     entries.find(',') == std::string::npos ? "" : "s", entries);
}

/// One line for each good file; all bad ones are reported, the first decides the status.
Result<ExitStatus> Check(const std::vector<std::string>& paths, const ModelFlags& flags,
                         bool quiet) {
  ExitStatus status = ExitStatus::kGood;
  for (const std::string& path : paths) {
    auto line = WithinMemory([&] { return CheckModel(path, flags); });
    if (line) {
      if (!quiet) Print("{}", *line);
      continue;
    }
    const Diagnostic error = AboutModel(std::move(line).error(), path);
    PrintError("{}", error.ToString());
    if (status == ExitStatus::kGood) status = error.status;
  }
  return status;
}

}  // namespace

Command CheckCommand() {
  struct Arguments {
    std::vector<std::string> models;
    bool quiet = false;
    ModelFlags flags;
  };
  auto arguments = std::make_shared<Arguments>();
  return {
      .name = "check",
      .summary = "verify models",
      .description =
          "Reads each model, checks the invariants of the graph (docs/ir.md) and derives all "
          "entry points: whatever the graph passes of `descent compile` would refuse is found "
          "here. Prints one line for each good model.",
      .arguments = {{.names = "MODEL",
                     .value = "",
                     .doc = "model file, or - for standard input (not of ONNX)",
                     .destination = &arguments->models,
                     .required = true,
                     .completion = Completion::kModel}},
      .groups = {{"Options",
                  {{.names = "-q,--quiet",
                    .value = "",
                    .doc = "print nothing for good models",
                    .destination = &arguments->quiet},
                   arguments->flags.DimOption()}}},
      .examples = {{"descent check model.descent", "is it valid?"},
                   {"descent opt --passes 'specialize(train_step),differentiate' model.descent | "
                    "descent check -",
                    "is what the passes give valid?"}},
      .run = [arguments] { return Check(arguments->models, arguments->flags, arguments->quiet); }};
}

}  // namespace descent::cli
