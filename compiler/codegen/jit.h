// JitProgram: a kernel program compiled into this process, to be called through the same table that
// a linked program has.
//
//   DESCENT_TRY(jit, JitProgram::Load(program, *target));
//   const descent_program& table = jit.program();
//
// Calls run the very object that EmitObject writes. The table and its functions live as long as the
// JitProgram.
#pragma once

#include <memory>

#include "compiler/codegen/codegen.h"
#include "compiler/codegen/kernel_hooks.h"
#include "runtime/abi.h"

namespace descent {

class JitProgram {
 public:
  /// Calls `hooks`, if they are not null, which must live as long.
  static Result<JitProgram> Load(const KernelProgram& program, const Target& target,
                                 const CodegenOptions& options = {},
                                 const KernelHooks* hooks = nullptr);
  JitProgram(JitProgram&&) noexcept;
  JitProgram& operator=(JitProgram&&) noexcept;
  ~JitProgram();

  const descent_program& program() const { return *program_; }
  /// Null when the table has no such entry point.
  const descent_entry* FindEntry(std::string_view name) const;

 private:
  struct Engine;
  JitProgram(std::unique_ptr<Engine> engine, const descent_program* program);

  std::unique_ptr<Engine> engine_;
  const descent_program* program_;
};

}  // namespace descent
