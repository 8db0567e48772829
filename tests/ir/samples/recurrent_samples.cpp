#include <iterator>

#include "tests/ir/samples/samples.h"

namespace descent {

std::vector<OpSample> RecurrentReferenceSamples();

namespace {

/// One occurrence of a layer; weights follow in PyTorch's order.
struct Case {
  std::string_view op;
  int64_t gates;
  DType dtype = DType::kF32;
  int64_t steps = 3, batch = 2, width = 2, hidden = 2, layers = 1;
  bool bidirectional = false, bias = true, batch_first = false, initial = false;
  std::vector<double> lengths = {};
};

Attributes AttributesOf(const Case& c) {
  return {{"num_layers", c.layers},
          {"bidirectional", c.bidirectional},
          {"bias", c.bias},
          {"batch_first", c.batch_first},
          {"initial_state", c.initial},
          {"lengths", !c.lengths.empty()}};
}

OpSample SampleOf(const Case& c) {
  const int64_t directions = c.bidirectional ? 2 : 1, rows = c.gates * c.hidden;
  OpSample sample{.op = c.op, .attributes = AttributesOf(c), .low = -1, .high = 1};
  const auto add = [&](Shape shape) { sample.operands.push_back({c.dtype, std::move(shape)}); };
  add(c.batch_first ? Shape{c.batch, c.steps, c.width} : Shape{c.steps, c.batch, c.width});
  for (int i = 0; c.initial && i < (c.op == "lstm" ? 2 : 1); ++i)
    add({c.layers * directions, c.batch, c.hidden});
  if (!c.lengths.empty()) {
    sample.values.resize(sample.operands.size());
    sample.operands.push_back(I32({c.batch}));
    sample.values.push_back(c.lengths);
  }
  for (int64_t layer = 0; layer < c.layers; ++layer)
    for (int64_t direction = 0; direction < directions; ++direction) {
      add({rows, layer == 0 ? c.width : directions * c.hidden});
      add({rows, c.hidden});
      for (int i = 0; c.bias && i < 2; ++i) add({rows});
    }
  // Differences for every weight would take long; gradients are checked on the smaller ones.
  constexpr int64_t kMostDifferences = 300;
  int64_t elements = 0;
  for (const TensorType& type : sample.operands) elements += type.elements();
  sample.smooth = elements <= kMostDifferences;
  return sample;
}

std::vector<OpSample> AllSizes() {
  std::vector<OpSample> samples;
  for (const auto& [op, gates] : {std::pair{"rnn", 1}, std::pair{"lstm", 4}, std::pair{"gru", 3}})
    for (const Case& c : {
             Case{.op = op, .gates = gates, .steps = 0, .initial = true},
             Case{.op = op, .gates = gates, .steps = 1, .batch = 1, .width = 1, .hidden = 1},
             Case{.op = op, .gates = gates, .batch = 0},
             Case{.op = op, .gates = gates, .width = 0},
             Case{.op = op, .gates = gates, .batch = 3, .width = 5, .hidden = 17},
             Case{.op = op, .gates = gates, .batch = 9, .width = 4, .hidden = 7, .bias = false},
             Case{.op = op, .gates = gates, .dtype = DType::kF64, .steps = 5, .hidden = 3},
             // A length of 0 and less: no step; more than there are: all steps.
             Case{.op = op,
                  .gates = gates,
                  .batch = 4,
                  .layers = 2,
                  .bidirectional = true,
                  .initial = true,
                  .lengths = {0, 2, -1, 7}},
             Case{.op = op,
                  .gates = gates,
                  .steps = 2,
                  .batch = 17,
                  .layers = 3,
                  .bidirectional = true,
                  .batch_first = true},
         })
      samples.push_back(SampleOf(c));
  return samples;
}

std::vector<TensorType> With(std::vector<TensorType> types, size_t place, TensorType type) {
  types[place] = std::move(type);
  return types;
}

void AddErrors(FamilySamples& family) {
  const OpSample plain = SampleOf({.op = "lstm", .gates = 4, .width = 3});
  const auto types = plain.operands;
  auto& errors = family.errors;
  errors.push_back({"lstm", {}, {}, "takes at least 1 operand"});
  errors.push_back({"lstm", With(types, 0, I32({3, 2, 3})), {}, "must have a float type"});
  errors.push_back({"lstm", With(types, 0, F32({3, 2})), {}, "x must be [steps, batch, features]"});
  errors.push_back({"lstm",
                    With(types, 0, F32({3})),
                    {{"batch_first", true}},
                    "x must be [batch, steps, features]"});
  for (const int64_t layers : {int64_t{0}, int64_t{-1}, int64_t{1025}, INT64_MIN, INT64_MAX})
    errors.push_back(
        {"lstm", types, {{"num_layers", layers}}, "num_layers must be between 1 and 1024"});
  errors.push_back({"lstm", types, {{"num_layers", int64_t{2}}}, "takes 9 operands"});
  errors.push_back({"lstm", types, {{"bidirectional", true}}, "takes 9 operands"});
  errors.push_back({"lstm", types, {{"bias", false}}, "takes 3 operands"});
  errors.push_back({"lstm", types, {{"initial_state", true}}, "takes 7 operands"});
  errors.push_back({"gru", types, {{"initial_state", true}}, "takes 6 operands"});
  errors.push_back({"lstm", types, {{"lengths", true}}, "takes 6 operands"});
  errors.push_back({"lstm", With(types, 2, F32({8})), {}, "w_hh_l0 and must be a matrix"});
  errors.push_back({"lstm", With(types, 2, F32({0, 0})), {}, "w_hh_l0 and must be a matrix"});
  errors.push_back({"lstm", With(types, 1, F32({8, 2})), {}, "is w_ih_l0 and must be f32[8, 3]"});
  errors.push_back({"gru", types, {}, "is w_ih_l0 and must be f32[6, 3]"});
  errors.push_back({"rnn", types, {}, "is w_ih_l0 and must be f32[2, 3]"});
  errors.push_back({"lstm", With(types, 2, F32({6, 2})), {}, "is w_hh_l0 and must be f32[8, 2]"});
  errors.push_back({"lstm", With(types, 0, F32({int64_t{1} << 37, 2, 3})), {}, "the gates ["});
  errors.push_back({"lstm", With(types, 3, F32({2})), {}, "is b_ih_l0 and must be f32[8]"});
  errors.push_back({"lstm", With(types, 4, F64({8})), {}, "is b_hh_l0 and must be f32[8]"});
  errors.push_back({"rnn",
                    SampleOf({.op = "rnn", .gates = 1}).operands,
                    {{"nonlinearity", std::string("sin")}},
                    "nonlinearity is one of tanh, relu"});
  const OpSample full = SampleOf(
      {.op = "gru", .gates = 3, .bidirectional = true, .initial = true, .lengths = {1, 2}});
  errors.push_back({"gru", With(full.operands, 1, F32({1, 2, 2})), full.attributes,
                    "the initial h and must be"});
  errors.push_back(
      {"gru", With(full.operands, 2, F32({2})), full.attributes, "lengths and must be integers"});
  errors.push_back(
      {"gru", With(full.operands, 2, I64({3})), full.attributes, "lengths and must be integers"});
  errors.push_back(
      {"gru", With(full.operands, 7, F32({6, 3})), full.attributes, "is w_ih_l0_reverse"});
  const OpSample lstm = SampleOf({.op = "lstm", .gates = 4, .initial = true});
  errors.push_back({"lstm", With(lstm.operands, 2, F32({1, 2, 3})), lstm.attributes,
                    "the initial c and must be"});
}

}  // namespace

FamilySamples RecurrentSamples() {
  FamilySamples family;
  family.samples = RecurrentReferenceSamples();
  std::ranges::move(AllSizes(), std::back_inserter(family.samples));
  OpSample reset =
      SampleOf({.op = "gru", .gates = 3, .dtype = DType::kF64, .batch = 3, .hidden = 3});
  reset.attributes.Set("linear_before_reset", false);
  reset.source = "NumPy in float64";
  reset.expected = {
      {0.467109092, -0.0548483798, 0.0940658811,  0.387810247, -0.0424973228, 0.255965312,
       0.472029691, -0.450238079,  -0.109417575,  0.433156366, -0.344230923,  0.0281774235,
       0.743784715, -0.0710034381, 0.162887344,   0.719079981, -0.341205786,  0.0397388319,
       0.738233546, -0.502503031,  -0.0982876545, 0.572660807, -0.353634128,  0.0759415363,
       0.888185766, -0.235734119,  -0.0740183442},
      {0.738233546, -0.502503031, -0.0982876545, 0.572660807, -0.353634128, 0.0759415363,
       0.888185766, -0.235734119, -0.0740183442}};
  family.samples.push_back(std::move(reset));
  OpSample relu = SampleOf({.op = "rnn", .gates = 1, .batch = 5});
  relu.attributes.Set("nonlinearity", std::string("relu"));
  family.samples.push_back(std::move(relu));
  AddErrors(family);
  return family;
}

}  // namespace descent
