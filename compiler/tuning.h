// Tuning: schedules of contractions that measuring found to be faster than the cost model's, by
// what the schedule depends on, and a file of them.
//
//   DESCENT_TRY(tuning, ReadTuning("net.tune"));
//   DESCENT_TRY(tuned, ApplyTuning(tuning, *target, program));     // number of kernels
//
//   descent tuning 1
//   target znver4
//   contraction f32 m 128, n 512, k 784: ... = columns on lanes, tile 6x64, blocks 66x512, parallel
//
// A line says what a kernel computes and how: extents and layouts of the operands, and what its
// epilogue reads, writes and costs. It fits every kernel of every model of which all that is true,
// whatever the model and its values are called. Lines begin with `#` where they are comments.
//
// A choice changes no bit of the results: which factor lies on the lanes, the register tile, the
// blocks of M and N and whether threads share the work say only who computes a sum when. The blocks
// of K, which say how it is rounded, are no part of it, and a choice that would move their borders
// is none.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/codegen/target.h"
#include "compiler/kernel/contraction_schedule.h"
#include "compiler/kernel/program.h"
#include "ir/diagnostic.h"

namespace descent {

struct TunedContraction {
  std::string key;  ///< KeyOf the kernels that it is for
  ContractionChoice choice;
  std::string note;  ///< printed as a comment in front; not read
  int line = 0;      ///< of the file, from 1; 0: of none
};

struct Tuning {
  std::string file;
  std::map<std::string, std::vector<TunedContraction>, std::less<>> targets;  ///< by name
};

/// What the schedule of a contraction depends on, but for the target, as one line of text.
std::string KeyOf(const Kernel& contraction);

/// The kernel as `choice` has it, or why that is no choice: the generator does not make it, or it
/// would move the borders of K's blocks.
std::expected<Kernel, std::string> Chosen(const Kernel& contraction,
                                          const ContractionChoice& choice,
                                          const TargetFacts& target);

/// Those of `choices` that are legal and differ from `kernel` and from each other in what is
/// emitted.
std::vector<Kernel> DistinctKernels(const Kernel& kernel,
                                    const std::vector<ContractionChoice>& choices,
                                    const TargetFacts& target);

/// Schedules each kernel of the program that a line for the target fits; how many there are. An
/// error names the line whose choice is none for such a kernel.
Result<int> ApplyTuning(const Tuning& tuning, const Target& target, KernelProgram& program);

/// "columns on lanes, tile 6x64, blocks 66x512, parallel"
std::string ToString(const ContractionChoice& choice);

/// An error names file, line and what is wrong with it.
Result<Tuning> ParseTuning(std::string_view text, const std::string& file);
Result<Tuning> ReadTuning(const std::string& file);
/// ParseTuning gives the same again, but for the notes.
std::string PrintTuning(const Tuning& tuning);

}  // namespace descent
