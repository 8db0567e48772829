// Kernels and memory of one entry point as JSON, dot and SVG.
#pragma once

#include <string>

#include "compiler/kernel/program.h"
#include "frontends/cli/inspect/json_writer.h"

namespace descent::cli {

void WriteKernels(JsonWriter& json, const EntryProgram& entry, const KernelProgram& program);
void WriteMemory(JsonWriter& json, const EntryProgram& entry, const KernelProgram& program);

/// Calls in their partial order.
std::string KernelsDot(const EntryProgram& entry, const KernelProgram& program);
/// The arena: calls from left to right, bytes from bottom to top, one box for each buffer's life.
std::string MemorySvg(const EntryProgram& entry, const KernelProgram& program);

}  // namespace descent::cli
