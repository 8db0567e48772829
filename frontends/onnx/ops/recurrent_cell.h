// Recurrent cells with all that ONNX lets a file say of them: the activation of each gate, limits
// of what they get, coupled gates, peepholes. Descent's own layers have none of that; these are a
// scan whose body is the cell's equations.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/onnx/node.h"
#include "ir/expr.h"

namespace descent::onnx {

struct Activation {
  std::string_view name;  ///< in lower case
  Expr (*of)(Expr x, double alpha, double beta);
  double alpha = 0, beta = 0;
};

/// Attributes activations, activation_alpha and activation_beta: `usual`, for each direction,
/// where the first is left out.
std::vector<Activation> ReadActivations(OnnxNode& n, std::span<const std::string_view> usual,
                                        int64_t directions);

struct Cell {
  std::string_view op;  ///< "rnn", "gru", "lstm"
  std::span<const Activation> activations;
  double clip;  ///< infinite where nothing is cut
  bool couples_gates = false, resets_late = false;
};

/// One direction: gates in ONNX's order, G of them. Invalid values are left out.
struct CellOperands {
  Value x;                    ///< [steps, batch, features]
  Value lengths;              ///< [batch]
  Value w, r;                 ///< [G hidden, features], [G hidden, hidden]
  Value w_bias, r_bias;       ///< [G hidden]
  Value peepholes;            ///< [3 hidden]
  std::vector<Value> states;  ///< [batch, hidden]
};

/// y [steps, batch, hidden], then the last states.
std::vector<Value> RunCell(OnnxNode& n, const Cell& cell, const CellOperands& operands);

}  // namespace descent::onnx
