// Other libraries, each behind its own file: oneDNN, OpenBLAS, SLEEF, and plain loops that the C++
// compiler vectorizes. Shapes are those of the graph.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tests/benchmark/micro/micro_bench.h"

namespace descent::bench {

/// c[m, n] = a b of row-major operands; a transposed one is stored so.
struct MatmulSizes {
  int64_t m, n, k;
  bool transpose_a = false, transpose_b = false;
};
PeerMaker OpenBlasMatmul(const MatmulSizes& sizes);
PeerMaker OneDnnMatmul(const MatmulSizes& sizes);

/// x [images, in, size, size], w [out, in / groups, kernel, kernel], padding kernel / 2.
struct ConvolutionSizes {
  int64_t images, in, size, out, kernel, stride = 1, groups = 1;
  int64_t out_size() const { return (size + 2 * (kernel / 2) - kernel) / stride + 1; }
};
enum class ConvolutionPart { kForward, kData, kWeights };
/// Operands are in oneDNN's own layouts, as in a
/// network that keeps them so.
PeerMaker OneDnnConvolution(const ConvolutionSizes& sizes, ConvolutionPart part);

enum class Activation { kRelu, kExp, kTanh, kSigmoid, kLog, kGeluErf, kGeluTanh };
PeerMaker OneDnnActivation(Activation activation, int64_t count);
PeerMaker OneDnnSoftmax(int64_t rows, int64_t columns);
/// Without scale and bias.
PeerMaker OneDnnLayerNorm(int64_t rows, int64_t columns);
/// Sums of rows, or of columns.
PeerMaker OneDnnSum(int64_t rows, int64_t columns, int axis);

enum class Function { kExp, kTanh, kSigmoid, kLog, kErf, kGeluErf, kGeluTanh };
/// Its functions of at most 1 ulp, with the widest vectors of this CPU.
PeerMaker SleefFunction(Function function);

/// `compute` reads the inputs and writes `outputs` floats.
PeerMaker Loop(int64_t outputs, std::function<void(const Inputs&, float* output)> compute);

}  // namespace descent::bench
