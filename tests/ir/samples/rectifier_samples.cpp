#include "tests/ir/samples/elementwise_rows.h"

namespace descent {
namespace {

std::vector<UnaryRow> Rows() {
  const List x = {-1.5, -0.5, 0.25, 2.0};
  constexpr double kInf = kInfinity;
  return {
      {"relu", x, {0, 0, 0.25, 2}, {0, 0, 5e-39, 0, kInf, 0, kNaN}},
      {"relu6", x, {0, 0, 0.25, 2}, {0, 0, 5e-39, 0, 6, 0, kNaN}, -3, 9},
      {"leaky_relu", x, {-0.015, -0.005, 0.25, 2}, {0, 0, 5e-39, -5e-41, kInf, -kInf, kNaN}},
      {"leaky_relu", x, {-0.375, -0.125, 0.25, 2}, {}, -2, 2, {{"slope", 0.25}}},
      {"thresholded_relu", x, {0, 0, 0, 2}, {0, 0, 0, 0, kInf, 0, kNaN}},
      {"thresholded_relu", x, {0, -0.5, 0.25, 2}, {}, -2, 2, {{"alpha", -0.75}}},
      {"elu",
       x,
       {-0.7768698398515702, -0.3934693402873666, 0.25, 2},
       {0, 0, 5e-39, -5e-39, kInf, -1, kNaN}},
      {"elu", x, {-0.3884349199257851, -0.1967346701436833, 0.25, 2}, {}, -2, 2, {{"alpha", 0.5}}},
      {"selu",
       x,
       {-1.3658143533672527, -0.6917581878028713, 0.2626752468388701, 2.101401974710961},
       {0, 0, 5.253504936777403e-39, -8.790496704236883e-39, kInf, -1.7580993408473766, kNaN}},
      {"celu",
       x,
       {-0.7768698398515702, -0.3934693402873666, 0.25, 2},
       {0, 0, 5e-39, -5e-39, kInf, -1, kNaN}},
      {"celu",
       x,
       {-1.0552668945179706, -0.44239843385719024, 0.25, 2},
       {},
       -2,
       2,
       {{"alpha", 2.0}}},
      {"hard_sigmoid",
       x,
       {0.25, 0.4166666666666667, 0.5416666666666666, 0.8333333333333334},
       {0.5, 0.5, 0.5, 0.5, 1, 0, kNaN},
       -5,
       5},
      {"hard_sigmoid", x, {0.2, 0.4, 0.55, 0.9}, {}, -5, 5, {{"slope", 0.2}, {"offset", 0.5}}},
      {"hard_swish",
       x,
       {-0.375, -0.20833333333333334, 0.13541666666666666, 1.6666666666666667},
       {0, 0, 2.5e-39, -2.5e-39, kInf, kNaN, kNaN},
       -5,
       5},
      {"hard_tanh", x, {-1, -0.5, 0.25, 1}, {0, 0, 5e-39, -5e-39, 1, -1, kNaN}},
      {"hard_tanh", x, {-0.75, -0.5, 0.25, 1.5}, {}, -2, 2, {{"low", -0.75}, {"high", 1.5}}},
  };
}

std::vector<OpSample> Kinks() {
  return {
      Kink("relu", {-1, 0, 2, kNaN}, {0, 0, 2, kNaN}, {0, 0, 1, 0}),
      Kink("relu6", {-1, 0, 3, 6, 7, kNaN}, {0, 0, 3, 6, 6, kNaN}, {0, 0, 1, 0, 0, 1}),
      Kink("leaky_relu", {-1, 0, 2}, {-0.01, 0, 2}, {0.01, 0.01, 1}),
      Kink("thresholded_relu", {0, 1, 2, kNaN}, {0, 0, 2, kNaN}, {0, 0, 1, 1}),
      Kink("elu", {-1e30, -1, 0, 100}, {-1, -0.6321205588285577, 0, 100},
           {0, 0.36787944117144233, 1, 1}),
      Kink("elu", {-1, 0, 100}, {-0.31606027941427883, 0, 100}, {0.18393972058572117, 0.5, 1},
           {{"alpha", 0.5}}),
      Kink("selu", {-1e30, -1, 0, 100},
           {-1.7580993408473766, -1.1113307378125625, 0, 105.07009873554804},
           {0, 0.646768603034814, 1.7580993408473766, 1.0507009873554805}),
      Kink("celu", {-1e30, -1, 0, 100}, {-1, -0.6321205588285577, 0, 100},
           {0, 0.36787944117144233, 1, 1}),
      Kink("celu", {-1e30, -1, 0, 100}, {-2, -0.7869386805747332, 0, 100},
           {0, 0.6065306597126334, 1, 1}, {{"alpha", 2.0}}),
      Kink("hard_sigmoid", {-4, -3, 0, 3, 4}, {0, 0, 0.5, 1, 1}, {0, 0, 1.0 / 6, 0, 0}),
      Kink("hard_swish", {-4, -3, 0, 3, 4}, {0, 0, 0, 3, 4}, {0, -0.5, 0.5, 1.5, 1}),
      Kink("hard_tanh", {-2, -1, 0, 1, 2, kNaN}, {-1, -1, 0, 1, 1, kNaN}, {0, 0, 1, 0, 0, 1}),
      Kink("hard_tanh", {-1, -0.5, 0, 1.5, 2}, {-0.5, -0.5, 0, 1.5, 1.5}, {0, 0, 1, 0, 0},
           {{"low", -0.5}, {"high", 1.5}}),
  };
}

std::vector<OpSample> Prelus() {
  std::vector<OpSample> samples = {
      {.op = "prelu",
       .operands = {F32({2, 3}), F32({3})},
       .values = {{-1, 0, 2, 3, -4, 5}, {0.5, 0.25, 0.1}},
       .expected = {{-0.5, 0, 2, 3, -1, 5}},
       .source = "PyTorch",
       .smooth = false,
       .gradients = {{0.5, 0.25, 1, 1, 0.25, 1}, {-1, -4, 0}}},
      {.op = "prelu", .operands = {F32({2, 3, 5}), F32({3})}},
      {.op = "prelu", .operands = {F64({2, 3, 2, 2}), F64({3})}},
      {.op = "prelu", .operands = {F32({2, 3}), F32({1})}},
      {.op = "prelu", .operands = {F32({7}), F32({})}},
      {.op = "prelu",
       .operands = {F32({2, 3, 4}), F32({4})},
       .attributes = {{"axis", int64_t{-1}}}},
  };
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = "prelu", .operands = {F32({2, size}), F32({size})}});
  return samples;
}

std::vector<ErrorSample> Errors() {
  std::vector<ErrorSample> errors = {
      {"relu", {F32({2})}, {{"slope", 0.1}}, "has no attribute"},
      {"leaky_relu", {F32({2})}, {{"slope", std::string("steep")}}, "attribute slope must be"},
      {"celu", {F32({2})}, {{"alpha", 0.0}}, "alpha must not be 0"},
      {"hard_tanh", {F32({2})}, {{"low", 2.0}}, "low <= high, not 2 and 1"},
      {"hard_tanh", {F32({2})}, {{"low", kNaN}}, "low <= high, not nan and 1"},
      {"hard_tanh", {F32({2})}, {{"high", kInfinity}}, "high must be finite, not inf"},
      {"prelu", {F32({2, 3}), F32({2})}, {}, "2 slopes do not fit the 3 channels of axis 1"},
      {"prelu", {F32({2, 3}), F32({1, 3})}, {}, "slope must have rank 0 or 1, not 2"},
      {"prelu", {F32({3}), F32({3})}, {}, "axis 1 is out of range for rank 1"},
      {"prelu",
       {F32({2, 3}), F32({3})},
       {{"axis", std::numeric_limits<int64_t>::min()}},
       "is out of range for rank 2"},
      {"prelu", {F32({2, 3}), F64({3})}, {}, "must have one dtype"},
      {"prelu", {I32({2, 3}), I32({3})}, {}, "must have a float type"},
  };
  for (const auto& [op, attribute] :
       {std::pair<std::string_view, std::string>{"leaky_relu", "slope"},
        {"thresholded_relu", "alpha"},
        {"elu", "alpha"},
        {"celu", "alpha"},
        {"hard_sigmoid", "slope"},
        {"hard_sigmoid", "offset"}})
    errors.push_back({op, {F32({2})}, {{attribute, kNaN}}, "must be finite, not nan"});
  return errors;
}

}  // namespace

FamilySamples RectifierSamples() {
  FamilySamples family;
  for (const UnaryRow& row : Rows()) AddUnary(row, family);
  for (auto rows : {Kinks, Prelus})
    for (OpSample& sample : std::vector(rows())) family.samples.push_back(std::move(sample));
  for (ErrorSample& error : Errors()) family.errors.push_back(std::move(error));
  return family;
}

}  // namespace descent
