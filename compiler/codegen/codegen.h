// Code generation: a KernelProgram as LLVM text, assembly or an object file. Knows no graph and no
// operator; no LLVM type appears here.
//
//   DESCENT_TRY(target, ResolveTarget("native"));
//   DESCENT_TRY(object, EmitObject(program, *target));
//
// An object defines <prefix>_program (runtime/abi.h), one function per entry point,
// <prefix>_<entry>, and one hidden function per kernel under the kernel's own name. It needs memcpy
// and memset at most. The same input gives the same bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/codegen/target.h"
#include "compiler/kernel/program.h"
#include "ir/diagnostic.h"
#include "ir/onnx_form.h"

namespace descent {

/// Instrumentation of generated code by LLVM's own passes; the final link must bring the matching
/// runtime.
enum class Sanitizer : uint8_t { kNone, kAddress, kThread };

/// What Descent itself is built with; what it makes follows, unless told otherwise.
#if defined(DESCENT_SANITIZE_ADDRESS)
inline constexpr Sanitizer kBuildSanitizer = Sanitizer::kAddress;
#elif defined(DESCENT_SANITIZE_THREAD)
inline constexpr Sanitizer kBuildSanitizer = Sanitizer::kThread;
#else
inline constexpr Sanitizer kBuildSanitizer = Sanitizer::kNone;
#endif

class ObjectCache;

struct CodegenOptions {
  bool position_independent = true;
  Sanitizer sanitizer = kBuildSanitizer;
  /// Entry points call `void descent_kernel_done(int32_t call)` after each kernel; calls are
  /// numbered in the order of the step tree. The linker must find it: of bench executables only.
  bool reports_calls = false;
  /// Entry points call the hooks (kernel_hooks.h) at the symbol kKernelHooksSymbol around each
  /// kernel: of programs in this process only, where JitProgram::Load sets it.
  bool calls_hooks = false;
  /// Safetensors bytes baked in as descent_program::weights; must outlive the call.
  std::span<const std::byte> weights = {};
  /// Becomes descent_program::onnx; may be null, must outlive the call.
  const OnnxForm* onnx = nullptr;
  /// Where objects are looked for before they are made; may be null, must outlive the call.
  ObjectCache* cache = nullptr;
};

/// One of the programs of an executable.
struct TargetedProgram {
  const KernelProgram* program;  ///< its prefix is no other's
  const Target* target;
};

Result<std::string> EmitLlvmText(const KernelProgram& program, const Target& target,
                                 const CodegenOptions& options = {});
Result<std::string> EmitAssembly(const KernelProgram& program, const Target& target,
                                 const CodegenOptions& options = {});
Result<std::vector<char>> EmitObject(const KernelProgram& program, const Target& target,
                                     const CodegenOptions& options = {});

/// All objects of an executable, made on as many threads as there are cores: the programs, of which
/// the runtime's main() chooses by their list `descent_main_programs` (best first, ended by null),
/// and once for all of them the weights, the ONNX form and constants that are equal. The programs
/// are one model with the same state by name.
Result<std::vector<std::vector<char>>> EmitObjects(std::span<const TargetedProgram> programs,
                                                   const CodegenOptions& options = {});

/// "19.1.7"
std::string_view LlvmVersion();

/// Bytes of worker scratch that a kernel needs on a target: locals, packed operands, partial sums.
int64_t WorkerScratchBytes(const Kernel& kernel, const Target& target);

}  // namespace descent
