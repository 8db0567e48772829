// Runs hand-built kernels: compiled, at any number of threads, and by a slow reference that walks
// every point.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/codegen/jit.h"
#include "compiler/kernel/program.h"
#include "ir/tensor.h"

namespace descent {

/// A program with one entry point "run" that calls `kernel` once: parameters that are only read are
/// its inputs, written ones its outputs, both in order.
KernelProgram ProgramOf(const Kernel& kernel);

struct KernelRun {
  uint32_t status = 0;
  std::vector<Tensor> values;  ///< of every parameter after the call
};

/// `values`: of every parameter before the call. threads 0: no executor.
KernelRun RunCompiled(const descent_program& program, const Kernel& kernel,
                      const std::vector<Tensor>& values, int threads);
KernelRun RunCompiled(const Kernel& kernel, const std::vector<Tensor>& values, int threads = 0);
KernelRun RunReference(const Kernel& kernel, const std::vector<Tensor>& values);

/// Target of this machine, or the one that $DESCENT_TEST_TARGET names.
const Target& NativeTarget();

/// Deterministic values in [-1, 1], small integers for integer types.
Tensor Pattern(const TensorType& type, int seed);
/// The pattern for every parameter.
std::vector<Tensor> Patterns(const Kernel& kernel);

/// Compiles, compares all parameters with the reference within `tolerance` (relative to the larger
/// of 1 and the magnitude), and demands the same bits at 1, 2, 3 and 8 threads.
void ExpectMatchesReference(const Kernel& kernel, const std::vector<Tensor>& values,
                            double tolerance = 2e-6);

/// Reads element (all given axes) of parameter `number`.
StageRead ReadOf(int number, std::vector<Index> coordinates);
/// Axis(first) ... Axis(first + count - 1)
std::vector<Index> Axes(int first, int count);
/// One unscheduled stage of elementwise parameters: reads of every non-written parameter at the
/// stage's parallel axes.
Kernel ElementwiseKernel(std::string name, const Shape& shape, const std::vector<DType>& inputs,
                         const std::vector<Scalar>& results);
/// Cuts a kernel into tiles of `extent` along its axis 0 (or its outer space).
void Tile(Kernel& kernel, int64_t extent);

}  // namespace descent
