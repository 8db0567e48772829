// Why the kernels of one entry point are what they are, as text and JSON (`descent inspect
// --fusion`).
#pragma once

#include <string>

#include "compiler/kernel/fusion_report.h"
#include "compiler/kernel/program.h"
#include "frontends/cli/inspect/json_writer.h"

namespace descent::cli {

/// A paragraph for each kernel of several values and for each pair of neighbours.
std::string PrintFusion(const FusionReport& report, const EntryProgram& entry,
                        const KernelProgram& program);
/// calls, kernels, pairs.
void WriteFusion(JsonWriter& json, const FusionReport& report, const EntryProgram& entry,
                 const KernelProgram& program);

}  // namespace descent::cli
