// Network: a model compiled into this process, with its state and memory.
//
//   Result<Network> network = Network::Compile(model, {.threads = 2});
//   Result<double> loss = network->TrainStep({{"x", x}, {"label", label}});
//   Result<Tensors> told = network->Predict({{"x", x}});
//
// Inputs go by the model's names and have the rows of the entry point's batch; where the model
// normalizes data, they are normalized. The numbers are the same with any number of threads.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "ir/model.h"
#include "ir/tensor.h"

namespace descent::nn {

using Tensors = std::map<std::string, Tensor>;

struct NetworkOptions {
  int32_t threads = 1;                            ///< 0: one per core
  int64_t seed = 1;                               ///< of first values and random operators
  int64_t predict_batch = 0, evaluate_batch = 0;  ///< 0: the model's
  std::string target = "native";
};

class Network {
 public:
  /// Compiles all entry points and initializes the state. `model` is one that trains.
  static Result<Network> Compile(const Model& model, const NetworkOptions& options = {});
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;
  ~Network();

  /// One update; the loss is that before it. After an error the state is unspecified.
  Result<double> TrainStep(const Tensors& inputs);
  /// The loss outside training: without dropout, with running statistics.
  Result<double> Evaluate(const Tensors& inputs);
  Result<Tensors> Predict(const Tensors& inputs);

  /// A parameter or other state, or an error where there is none of the name.
  Result<Tensor> Get(const std::string& name) const;
  /// Parameters and statistics as a safetensors file, which `--weights` and `--checkpoint` read.
  Result<void> Save(const std::string& path) const;

 private:
  struct Engine;
  explicit Network(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace descent::nn
