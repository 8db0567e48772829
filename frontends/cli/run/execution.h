// One call of an entry point, interpreted or compiled into this process.
//
//   DESCENT_TRY(execution, Prepare(model, {.entry = "predict", .inputs = ...}));
//   DESCENT_TRY(values, Interpret(execution));      // outputs, then the next state
//   DESCENT_TRY(same, RunCompiled(execution));
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "frontends/cli/load_model.h"
#include "frontends/cli/run/tensor_input.h"
#include "frontends/cli/weights.h"
#include "ir/interpreter.h"
#include "ir/model.h"

namespace descent::cli {

struct ExecutionRequest {
  std::string entry;  ///< "" = run, or predict of a model that trains
  std::vector<InputArgument> inputs;
  /// Inputs of the model that the entry point does not read may be given, too: by name, or all of
  /// the model's in order.
  bool all_inputs = false;
  WeightsFlags weights;  ///< not given: the initializers
  int64_t seed = 1;
  bool random_inputs = false;  ///< make up the inputs that are not given, from the seed
  int64_t threads = 0;
  bool check_memory = false;  ///< compiled calls: see compiler/memory_check.h
  CompileOptions options;
};

struct Execution {
  Model source;
  std::string entry;
  CompileOptions options;                    ///< batch sizes set to the rows of the inputs
  Model model;                               ///< the entry point before optimization
  std::map<std::string, Tensor> inputs;      ///< data inputs by name
  std::map<std::string, std::string> files;  ///< that inputs were read from; none of literals
  std::map<std::string, Tensor> state;       ///< every slot, and seed, step, learning_rate
  int64_t rows = 0;                          ///< valid rows
  int64_t seed = 1;
  int64_t threads = 0;
  bool check_memory = false;
};

struct NamedTensor {
  std::string name;
  Tensor value;
};

struct Values {
  std::vector<NamedTensor> outputs;  ///< of the entry point, in order
  std::vector<NamedTensor> next;     ///< state that the call replaced
  std::vector<NamedTensor> traced;   ///< named values, where asked for
};

/// Given inputs by the names that `reader`, as errors call it, knows: named ones first, the others
/// take the free places in order.
Result<std::map<std::string, InputArgument>> MatchInputs(const std::vector<std::string>& names,
                                                         std::string_view reader,
                                                         const std::vector<InputArgument>& given);

/// Every slot of the model, and seed, step, learning_rate: what the initializers give, over it what
/// the file of `weights` has, if one is given.
Result<std::map<std::string, Tensor>> StateOf(const Model& model, const WeightsFlags& weights,
                                              int64_t seed);

/// As LoadModel, of a model for `inputs`: the axes of an ONNX file that have no number have theirs.
Result<Model> LoadModelFor(const std::vector<InputArgument>& inputs, const std::string& path,
                           ModelFlags flags, std::vector<runtime::NamedFile>* read = nullptr);

Result<Execution> Prepare(const Model& model, const ExecutionRequest& request);

Result<Values> RunInterpreted(const Execution& execution, bool trace,
                              Precision precision = Precision::kTyped);
Result<Values> RunCompiled(const Execution& execution, bool trace);

}  // namespace descent::cli
