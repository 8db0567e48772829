// Optimizers as operators of ai.onnx.preview.training: one step for any number of tensors.
#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

/// Operands 0 and 1, then `kinds` runs of as many tensors each: the tensors, their gradients and
/// what else each of them has.
struct Step {
  Value rate, count;
  int64_t tensors = 0;
  int kinds = 0;
};

Step ReadStep(OnnxNode& n, int kinds) {
  Step step{.rate = n.Reshape(n.In(0), {}), .count = n.Reshape(n.In(1), {}), .kinds = kinds};
  const int tensors = n.operand_count() - 2;
  if (tensors <= 0 || tensors % kinds != 0)
    n.Fail("{} operands are not {} of each tensor", tensors, kinds);
  step.tensors = n.failed() ? 0 : tensors / kinds;
  return step;
}

Value Scaled(OnnxNode& n, double factor, Value x) { return n.Times(n.Like(x, factor), x); }

/// The gradient with that of the penalty.
Value Regularized(OnnxNode& n, Value x, Value gradient) {
  const double coefficient = n.Float("norm_coefficient", 0);
  return coefficient == 0 ? gradient : n.Plus(Scaled(n, coefficient, x), gradient);
}

/// `next` for each tensor gives what replaces the tensor and its state; results stand kind by kind.
template <typename Next>
Outputs ForEach(OnnxNode& n, const Step& step, Next next) {
  std::vector<Value> results(step.tensors * (step.kinds - 1));
  for (int64_t i = 0; i < step.tensors; ++i) {
    std::vector<Value> own;
    for (int kind = 0; kind < step.kinds; ++kind)
      own.push_back(n.In(static_cast<int>(2 + kind * step.tensors + i)));
    const std::vector<Value> replaced = next(own);
    for (size_t kind = 0; kind < replaced.size(); ++kind)
      results[kind * step.tensors + i] = replaced[kind];
  }
  return results;
}

Outputs Adagrad(OnnxNode& n) {
  const Step step = ReadStep(n, 3);
  const double epsilon = n.Float("epsilon", 1e-6f);
  const Value steps = n.Cast(step.count, n.dtype(step.rate));
  const Value decay = Scaled(n, n.Float("decay_factor", 0), steps);
  const Value rate = n.Over(step.rate, n.Plus(n.Like(decay, 1), decay));
  return ForEach(n, step, [&](const std::vector<Value>& own) {
    const Value g = Regularized(n, own[0], own[1]);
    const Value sum = n.Plus(own[2], n.Add("square", {g}));
    const Value root = n.Plus(n.Add("sqrt", {sum}), n.Like(sum, epsilon));
    const Value moved = n.Times(n.Cast(rate, n.dtype(g)), n.Over(g, root));
    return std::vector{n.Minus(own[0], moved), sum};
  });
}

/// The rate by which the first steps, whose averages began at 0, are corrected.
Value CorrectedRate(OnnxNode& n, const Step& step, double alpha, double beta) {
  const Value t = n.Cast(step.count, DType::kF64), one = n.Like(t, 1);
  const auto missing = [&](double decay) {
    return n.Minus(one, n.Add("pow", {n.Like(t, decay), t}));
  };
  const Value rate = n.Cast(step.rate, DType::kF64);
  const Value corrected = n.Over(n.Times(rate, n.Add("sqrt", {missing(beta)})), missing(alpha));
  return n.Add("where", {n.Add("greater", {t, n.Like(t, 0)}), corrected, rate});
}

Outputs Adam(OnnxNode& n) {
  const Step step = ReadStep(n, 4);
  const double alpha = n.Float("alpha", 0.9f), beta = n.Float("beta", 0.999f);
  const double epsilon = n.Float("epsilon", 1e-6f), post = n.Float("norm_coefficient_post", 0);
  const Value rate = CorrectedRate(n, step, alpha, beta);
  return ForEach(n, step, [&](const std::vector<Value>& own) {
    const Value g = Regularized(n, own[0], own[1]);
    const Value v = n.Plus(Scaled(n, alpha, own[2]), Scaled(n, 1 - alpha, g));
    const Value h = n.Plus(Scaled(n, beta, own[3]), Scaled(n, 1 - beta, n.Add("square", {g})));
    const Value root = n.Plus(n.Add("sqrt", {h}), n.Like(h, epsilon));
    const Value moved = n.Times(n.Cast(rate, n.dtype(v)), n.Over(v, root));
    const Value x = n.Minus(own[0], moved);
    return std::vector{post == 0 ? x : Scaled(n, 1 - post, x), v, h};
  });
}

Outputs Momentum(OnnxNode& n) {
  const Step step = ReadStep(n, 3);
  const std::string mode = n.Choice("mode", {"standard", "nesterov"});
  if (n.failed()) return Value{};
  const double alpha = n.Float("alpha", 0), beta = n.Float("beta", 0);
  const Value later = n.Add("greater", {step.count, n.Like(step.count, 0)});
  return ForEach(n, step, [&](const std::vector<Value>& own) {
    const Value g = Regularized(n, own[0], own[1]);
    // The first gradient counts whole.
    const Value weight = n.Add("where", {later, n.Like(g, beta), n.Like(g, 1)});
    const Value v = n.Plus(Scaled(n, alpha, own[2]), n.Times(weight, g));
    const Value direction = mode == "standard" ? v : n.Plus(g, Scaled(n, alpha, v));
    const Value moved = n.Times(n.Cast(step.rate, n.dtype(g)), direction);
    return std::vector{n.Minus(own[0], moved), v};
  });
}

}  // namespace

std::span<const OpImporter> OptimizerImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"Adagrad",
       1,
       kNewest,
       kVariadic,
       {"decay_factor", "epsilon", "norm_coefficient"},
       Adagrad,
       {},
       kTraining},
      {"Adam",
       1,
       kNewest,
       kVariadic,
       {"alpha", "beta", "epsilon", "norm_coefficient", "norm_coefficient_post"},
       Adam,
       {},
       kTraining},
      {"Momentum",
       1,
       kNewest,
       kVariadic,
       {"alpha", "beta", "mode", "norm_coefficient"},
       Momentum,
       {},
       kTraining},
  };
  return kImporters;
}

}  // namespace descent::onnx
