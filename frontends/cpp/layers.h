// The layers, with PyTorch's names, parameters, defaults and first values.
//
// Images are [batch, channels, height, width], sequences [batch, steps, width].
#pragma once

#include <concepts>
#include <optional>
#include <vector>

#include "frontends/cpp/layer.h"

namespace descent::nn {

/// An extent of both spatial axes, or one of each.
struct Pair {
  int64_t height, width;
  Pair(int64_t both) : height(both), width(both) {}  // NOLINT: a number is a pair
  Pair(int64_t height, int64_t width) : height(height), width(width) {}
};

// ---- containers (containers.cpp) --------------------------------------------------------------

/// One after the other, named "0", "1", ...
Layer Sequential(const std::vector<Layer>& layers);
template <std::same_as<Layer>... Layers>
Layer Sequential(const Layers&... layers) {
  return Sequential(std::vector<Layer>{layers...});
}
/// shortcut(x) + body(x), named "shortcut" and "body".
Layer Residual(const Layer& body, const Layer& shortcut = {});

// ---- linear (linear.cpp) ----------------------------------------------------------------------

struct LinearOptions {
  bool bias = true;
  std::optional<Parameter> weight = {};  ///< [out, in]: one shared with another layer
};
/// Over the last axis.
Layer Linear(int64_t in, int64_t out, const LinearOptions& options = {});
/// Rows of a table `weight`, [count, width], by integers.
Layer Embedding(int64_t count, int64_t width);

// ---- convolution (convolution.cpp) ------------------------------------------------------------

struct ConvOptions {
  Pair stride = 1, padding = 0, dilation = 1;
  int64_t groups = 1;
  bool bias = true;
};
Layer Conv2d(int64_t in, int64_t out, Pair kernel, const ConvOptions& options = {});

struct ConvTransposeOptions {
  Pair stride = 1, padding = 0, output_padding = 0, dilation = 1;
  int64_t groups = 1;
  bool bias = true;
};
Layer ConvTranspose2d(int64_t in, int64_t out, Pair kernel,
                      const ConvTransposeOptions& options = {});

struct PoolOptions {
  std::optional<Pair> stride = {};  ///< by default the kernel
  Pair padding = 0;
};
Layer MaxPool2d(Pair kernel, const PoolOptions& options = {});
Layer AvgPool2d(Pair kernel, const PoolOptions& options = {});
Layer AdaptiveAvgPool2d(Pair size);
/// Images `scale` times as large, each element repeated (PyTorch's mode nearest).
Layer Upsample(int64_t scale);
/// Axes from `start_axis` on as one.
Layer Flatten(int64_t start_axis = 1);

// ---- normalization (normalization.cpp) --------------------------------------------------------

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;
};
/// Over all axes but axis 1, the channels; running statistics outside training.
Layer BatchNorm1d(int64_t channels, const BatchNormOptions& options = {});
Layer BatchNorm2d(int64_t channels, const BatchNormOptions& options = {});

struct LayerNormOptions {
  double epsilon = 1e-5;
  bool bias = true;
};
/// Over the last axis.
Layer LayerNorm(int64_t width, const LayerNormOptions& options = {});

/// Elements, or whole channels, set to 0 while training.
Layer Dropout(double rate = 0.5);
Layer Dropout2d(double rate = 0.5);

// ---- activations (activations.cpp) ------------------------------------------------------------

Layer Identity();
Layer ReLU();
Layer ReLU6();
Layer LeakyReLU(double slope = 0.01);
/// `approximate`: "none" or "tanh".
Layer GELU(const std::string& approximate = "none");
Layer SiLU();
Layer Sigmoid();
Layer Tanh();

// ---- sequences (recurrent.cpp, transformer.cpp) -----------------------------------------------

struct RecurrentOptions {
  int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;  ///< [batch, steps, width] instead of [steps, batch, width]
  bool bidirectional = false;
};
/// The last layer's outputs of all steps.
Layer LSTM(int64_t in, int64_t hidden, const RecurrentOptions& options = {});
Layer GRU(int64_t in, int64_t hidden, const RecurrentOptions& options = {});
Layer RNN(int64_t in, int64_t hidden, const RecurrentOptions& options = {});

struct AttentionOptions {
  bool causal = false;  ///< a step sees itself and those before it
  bool bias = true;
};
/// Attention of a sequence to itself; without dropout of its probabilities.
Layer MultiheadAttention(int64_t width, int64_t heads, const AttentionOptions& options = {});

struct TransformerOptions {
  int64_t hidden = 2048;  ///< PyTorch's dim_feedforward
  double dropout = 0.1;   ///< behind attention and within the feed-forward part
  bool norm_first = false;
  bool causal = false;
};
Layer TransformerEncoderLayer(int64_t width, int64_t heads, const TransformerOptions& options = {});
/// `depth` of them, named "layers.0", ...
Layer TransformerEncoder(int64_t width, int64_t heads, int64_t depth,
                         const TransformerOptions& options = {});

}  // namespace descent::nn
