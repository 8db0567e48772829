// EmitObjects: an executable's programs, one object for each kernel, one for what else a program
// is, and one for the data of all.

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "compiler/codegen/codegen.h"
#include "compiler/codegen/module_emitter.h"
#include "compiler/codegen/module_writer.h"
#include "compiler/codegen/rename_symbol.h"

namespace descent {
namespace {

using Object = std::vector<char>;

/// Programs with equal constants share them.
std::vector<DataSymbols> DataSymbolsOf(std::span<const TargetedProgram> programs,
                                       const CodegenOptions& options) {
  const std::string& first = programs[0].program->prefix;
  std::vector<DataSymbols> all;
  for (const TargetedProgram& each : programs) {
    DataSymbols data;
    if (!options.weights.empty()) data.weights = first + "_weights";
    if (options.onnx != nullptr) data.onnx = first + "_onnx";
    const auto constants = each.program->constants.bytes();
    const auto same = std::ranges::find_if(programs, [&](const TargetedProgram& other) {
      return std::ranges::equal(other.program->constants.bytes(), constants);
    });
    if (!constants.empty()) data.constants = same->program->prefix + "_constants";
    all.push_back(std::move(data));
  }
  return all;
}

/// Writers for the targets of one thread, made when they are first needed: a target machine takes
/// longer to make than a small kernel, and what it writes does not depend on what it wrote before.
class Writers {
 public:
  explicit Writers(const CodegenOptions& options) : options_(options) {}

  Result<const ModuleWriter*> For(const Target& target) {
    auto known = made_.find(&target);
    if (known == made_.end()) {
      DESCENT_TRY(writer, ModuleWriter::Make(target, options_));
      known = made_.emplace(&target, std::move(writer)).first;
    }
    return &known->second;
  }

 private:
  const CodegenOptions& options_;
  std::map<const Target*, ModuleWriter> made_;
};

/// Does tasks 0 to count - 1 on as many threads as there are cores, each with writers of its own.
void ForEach(size_t count, const CodegenOptions& options,
             const std::function<void(size_t, Writers&)>& task) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    Writers writers(options);
    for (size_t i = next++; i < count; i = next++) task(i, writers);
  };
  const size_t cores = std::max(std::thread::hardware_concurrency(), 1u);
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(cores, count); ++i) threads.emplace_back(work);
  work();
}

class Objects {
 public:
  Objects(std::span<const TargetedProgram> programs, const CodegenOptions& options)
      : programs_(programs), options_(options), data_(DataSymbolsOf(programs, options)) {
    // Data takes no time. Then what takes longest: entry points, which are one module a program.
    units_.push_back([this](Writers&) { return DataObject(); });
    for (size_t i = 0; i < programs.size(); ++i)
      units_.push_back(
          [this, i](Writers& writers) { return ProgramObject(programs_[i], data_[i], writers); });
    for (const TargetedProgram& each : programs)
      for (const int number : CalledKernels(*each.program))
        units_.push_back([this, &each, number](Writers& writers) {
          return KernelObject(each.program->kernels[number], *each.target, writers);
        });
  }

  Result<std::vector<Object>> Make() {
    std::vector<std::optional<Result<Object>>> made(units_.size());
    ForEach(units_.size(), options_,
            [&](size_t i, Writers& writers) { made[i] = units_[i](writers); });
    std::vector<Object> objects;
    for (auto& unit : made) {
      if (!*unit) return std::unexpected(unit->error());
      objects.push_back(**std::move(unit));
    }
    return objects;
  }

 private:
  /// No code: as cheap to make as to look up, and of any size.
  Result<Object> DataObject() {
    CodegenOptions options = options_;
    options.cache = nullptr;
    DESCENT_TRY(writer, ModuleWriter::Make(*programs_[0].target, options));
    llvm::LLVMContext context;
    return writer.Object(*EmitDataModule(context, programs_, data_, options, writer.Layout()));
  }

  Result<Object> ProgramObject(const TargetedProgram& each, const DataSymbols& data,
                               Writers& writers) {
    DESCENT_TRY(writer, writers.For(*each.target));
    llvm::LLVMContext context;
    return writer->Object(
        *EmitModule(context, *each.program, *each.target, options_, writer->Layout(), &data));
  }

  /// Made under the same name as all kernels.
  Result<Object> KernelObject(const Kernel& kernel, const Target& target, Writers& writers) {
    DESCENT_TRY(writer, writers.For(target));
    llvm::LLVMContext context;
    DESCENT_TRY(object, writer->Object(*EmitKernelModule(context, kernel, target, options_,
                                                         writer->Layout())));
    return RenameSymbol(object, kKernelSymbol, kernel.name);
  }

  std::span<const TargetedProgram> programs_;
  const CodegenOptions& options_;
  std::vector<DataSymbols> data_;
  std::vector<std::function<Result<Object>(Writers&)>> units_;
};

}  // namespace

Result<std::vector<Object>> EmitObjects(std::span<const TargetedProgram> programs,
                                        const CodegenOptions& options) {
  return Objects(programs, options).Make();
}

}  // namespace descent
