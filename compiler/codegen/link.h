// Linking: objects of the code generator with the runtime, by the C compiler driver that the system
// has.
//
//   DESCENT_TRY(objects, EmitObjects({{&program, target}}));
//   DESCENT_RETURN_IF_ERROR(LinkExecutable(objects, "trainer"));
//
// lld or gold link where the system has them, several times faster than its usual linker. Outputs
// are written beside their final place and renamed: a file is old or new, never half. The
// same object and runtime give the same bytes from any directory.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/codegen/codegen.h"
#include "ir/diagnostic.h"

namespace descent {

struct LinkOptions {
  /// Folder of the runtime archives; empty: found beside the running program (../lib where
  /// installed, ../runtime in a build tree).
  std::string runtime_directory = {};
  /// Executables only: the archive that has their main().
  std::string main_archive = "descent_trainer_main";
  /// Executables only: no dynamic dependency, one thread.
  bool fully_static = false;
  /// Brings the runtime that instrumented code calls.
  Sanitizer sanitizer = kBuildSanitizer;
};

/// A trainer, unless the options name another main(): the objects of EmitObjects, main() and the
/// runtime.
Result<void> LinkExecutable(std::span<const std::vector<char>> objects, const std::string& path,
                            const LinkOptions& options = {});
/// Exports what the object defines; depends on libc only.
Result<void> LinkSharedLibrary(const std::vector<char>& object, const std::string& path,
                               const LinkOptions& options = {});
/// An ar archive that holds the object; `member` names it. Needs no tool.
Result<void> WriteStaticArchive(std::span<const char> object, const std::string& path,
                                const std::string& member);
/// What a file's name ends with until it is whole, before the process's number.
inline constexpr std::string_view kPartialSuffix = ".descent-partial";
/// Any file, atomically; two commands at once do not mix.
Result<void> WriteFileAtomically(std::span<const char> bytes, const std::string& path,
                                 bool executable = false);

}  // namespace descent
