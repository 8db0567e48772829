#include "compiler/codegen/jit.h"

#include "compiler/codegen/object_loader.h"

namespace descent {

struct JitProgram::Engine {
  ObjectLoader loader;
};

JitProgram::JitProgram(std::unique_ptr<Engine> engine, const descent_program* program)
    : engine_(std::move(engine)), program_(program) {}
JitProgram::JitProgram(JitProgram&&) noexcept = default;
JitProgram& JitProgram::operator=(JitProgram&&) noexcept = default;
JitProgram::~JitProgram() = default;

Result<JitProgram> JitProgram::Load(const KernelProgram& program, const Target& target,
                                    const CodegenOptions& options, const KernelHooks* hooks) {
  if (!RunningCpuSupports(target))
    return ErrorWithStatus(ExitStatus::kInvalid, "this CPU cannot run target {}: it needs {}",
                           target.name, CpuNeeds(target));
  CodegenOptions codegen = options;
  codegen.calls_hooks = hooks != nullptr;
  DESCENT_TRY(object, EmitObject(program, target, codegen));
  HostSymbols symbols;
  if (hooks != nullptr) symbols.emplace_back(kKernelHooksSymbol, hooks);
  DESCENT_TRY(loader, ObjectLoader::Load(object, symbols));
  DESCENT_TRY(table, loader.Find(program.prefix + "_program"));
  return JitProgram(std::make_unique<Engine>(std::move(loader)),
                    static_cast<const descent_program*>(table));
}

const descent_entry* JitProgram::FindEntry(std::string_view name) const {
  for (int64_t i = 0; i < program_->entry_count; ++i)
    if (program_->entries[i].name == name) return &program_->entries[i];
  return nullptr;
}

}  // namespace descent
