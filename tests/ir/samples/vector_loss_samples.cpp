#include "tests/ir/samples/loss_samples.h"

namespace descent {
namespace {

constexpr std::string_view kPyTorch = "PyTorch 1.13 in float64";

std::vector<OpSample> StatedSamples() {
  return {
      {.op = "cosine_embedding",
       .operands = {F32({4, 3}), F32({4, 3}), I32({4})},
       .attributes = {{"margin", 0.0}, {"reduction", std::string("mean")}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0, 0, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, 2, 0, 0, 1, 1, 1},
                  {1, -1, 1, 1}},
       .expected = {{0.5124914373982112}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{-0.06310334878487103, 0.007423923386446256, -0.04825550201195257,
                      0.02940209704206272, -0.07751461947452218, -0.026729179129127485,
                      -2.5002222514558525e-13, 0, 0, -144337.56758575462, -144337.56758575462,
                      -144337.56758575462},
                     {0.014847846772898514, -0.05939138709164491, 0.05939138709163644,
                      -0.004009376869366938, 0.03207501495496361, 0.06815940677932225,
                      -3.1252778143198157e-14, 0, 0, 0, 0, 0}}},
      {.op = "cosine_embedding",
       .operands = {F32({4, 3}), F32({4, 3}), I32({4})},
       .attributes = {{"margin", 0.25}, {"reduction", std::string("sum")}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0, 0, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, 2, 0, 0, 1, 1, 1},
                  {1, -1, -1, -1}},
       .expected = {{1.549965749591595}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{-0.25241339513948413, 0.029695693545785024, -0.19302200804781028,
                      0.11760838816825088, -0.3100584778980887, -0.10691671651650994,
                      1.000088900582341e-12, 0, 0, 0, 0, 0},
                     {0.059391387091594056, -0.23756554836657964, 0.23756554836654575,
                      -0.016037507477467752, 0.12830005981985443, 0.272637627117289,
                      1.2501111257279263e-13, 0, 0, 0, 0, 0}}},
      {.op = "cosine_embedding",
       .operands = {F32({4, 3}), F32({4, 3}), I32({4})},
       .attributes = {{"margin", 0.5}, {"reduction", std::string("none")}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0, 0, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, 2, 0, 0, 1, 1, 1},
                  {-1, 1, -1, -1}},
       .expected = {{0.12360956446221227, 0.3264246859455676, 0.49999999999937494, 0}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{0.25241339513948413, -0.029695693545785024, 0.19302200804781028,
                      -0.11760838816825088, 0.3100584778980887, 0.10691671651650994,
                      1.000088900582341e-12, 0, 0, 0, 0, 0},
                     {-0.059391387091594056, 0.23756554836657964, -0.23756554836654575,
                      0.016037507477467752, -0.12830005981985443, -0.272637627117289,
                      1.2501111257279263e-13, 0, 0, 0, 0, 0}}},
      {.op = "cosine_embedding",
       .operands = {F32({4, 3}), F32({4, 3}), I32({4})},
       .attributes = {{"margin", 0.0}, {"reduction", std::string("none")}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0, 0, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, 2, 0, 0, 1, 1, 1},
                  {1, 0, 2, 1}},
       .expected = {{0.3763904355377877, 0, 0, 1}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{-0.25241339513948413, 0.029695693545785024, -0.19302200804781028, 0, 0, 0, 0,
                      0, 0, -577350.2703430185, -577350.2703430185, -577350.2703430185},
                     {0.059391387091594056, -0.23756554836657964, 0.23756554836654575, 0, 0, 0, 0,
                      0, 0, 0, 0, 0}}},
      {.op = "cosine_embedding",
       .operands = {F32({1, 2}), F32({1, 2}), F32({1})},
       .values = {{3, 0}, {0, 4}, {-1}},
       .expected = {{0}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{0, 0.3333333333333044}, {0.2499999999999783, 0}}},
      {.op = "triplet_margin",
       .operands = {F32({3, 3}), F32({3, 3}), F32({3, 3})},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0.25},
                  {1.5, 2, -1, 0.5, 0.5, 2, 3, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, -2, 1, 1}},
       .expected = {{0.043056412522855116}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{0, 0, 0, 0.08908718489018425, -0.6005946006987906, -0.17817390430154684, 0, 0,
                      0},
                     {0, 0, 0, -3.3333366666666664e-07, 0.33333333333299997,
                      -3.3333366666666664e-07, 0, 0, 0},
                     {0, 0, 0, -0.08908685155651758, 0.26726126736579053, 0.1781742376352135, 0, 0,
                      0}}},
      {.op = "triplet_margin",
       .operands = {F32({3, 3}), F32({3, 3}), F32({3, 3})},
       .attributes = {{"reduction", std::string("sum")}, {"p", 1.0}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0.25},
                  {1.5, 2, -1, 0.5, 0.5, 2, 3, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, -2, 1, 1}},
       .expected = {{0}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{0, 0, 0, 0, 0, 0, 0, 0, 0},
                     {0, 0, 0, 0, 0, 0, 0, 0, 0},
                     {0, 0, 0, 0, 0, 0, 0, 0, 0}}},
      {.op = "triplet_margin",
       .operands = {F32({3, 3}), F32({3, 3}), F32({3, 3})},
       .attributes = {{"reduction", std::string("none")}, {"p", 3.0}, {"margin", 2.0}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0.25},
                  {1.5, 2, -1, 0.5, 0.5, 2, 3, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, -2, 1, 1}},
       .expected = {{0.7483007030751656, 1.3490342749099034, 0.9495357163983518}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{-0.6741028849614704, -0.32589841862559693, 0.7332689976869345,
                      0.09171971218571442, -1.8254818122232894, -0.3668810500186545,
                      -1.96506404182362, 0.10737349445651594, 0.07600237853958568},
                     {1, -4.000016000047999e-12, -4.000016000047999e-12, -1.000002000003e-12, 1,
                      -1.000002000003e-12, 0.9987000147490616, -2.496752533624563e-13,
                      -0.015604828173029873},
                     {-0.3258971150385296, 0.32589841862959695, -0.7332689976829345,
                      -0.09171971218471442, 0.8254818122232895, 0.3668810500196545,
                      0.9663640270745585, -0.10737349445626626, -0.0603975503665558}}},
      {.op = "triplet_margin",
       .operands = {F32({3, 3}), F32({3, 3}), F32({3, 3})},
       .attributes = {{"reduction", std::string("none")}, {"swap", true}, {"margin", 2.5}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0.25},
                  {1.5, 2, -1, 0.5, 0.5, 2, 3, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, -2, 1, 1}},
       .expected = {{1.1291708411367878, 1.6291692375685654, 1.2655631842162283}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{-0.999999999996, 2.0000039999999996e-06, 2.0000039999999996e-06,
                      0.26726155467055274, -1.8017838020963717, -0.5345217129046406,
                      -1.9153549295464132, 0.3076924597258604, 0.3548041799256599},
                     {1.2672607837460608, -0.5345251710720312, 0.8017814202914557, -1.000001e-06,
                      0.999999999999, -1.000001e-06, 0.9922778080172031, -4.961391520781776e-07,
                      -0.12403528415869647},
                     {-0.2672607837500609, 0.5345231710680313, -0.8017834202954557,
                      -0.26726055466955273, 0.8017838020973717, 0.5345227129056406,
                      0.9230771215292101, -0.3076919635867083, -0.2307688957669634}}},
      {.op = "triplet_margin",
       .operands = {F64({3, 3}), F64({3, 3}), F64({3, 3})},
       .attributes = {{"reduction", std::string("none")}, {"p", kInfinity}},
       .values = {{1, 2, -1, 0.5, -0.5, 2, 1, 0, 0.25},
                  {1.5, 2, -1, 0.5, 0.5, 2, 3, 0, 0},
                  {2, 1, 0.5, 1, -2, 1, -2, 1, 1}},
       .expected = {{0, 0.49999799999999994, 0}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{-1, 0, 1, 0, -2, 0, 0, 0, 0},
                     {1, 0, 0, 0, 1, 0, 0, 0, 0},
                     {0, 0, -1, 0, 1, 0, 0, 0, 0}}},
      {.op = "triplet_margin",
       .operands = {F32({1, 3}), F32({1, 3}), F32({1, 3})},
       .attributes = {{"eps", 0.0}, {"margin", 0.5}},
       .values = {{1, 2, -1}, {1, 2, -1}, {1, 2, -1}},
       .expected = {{0.5}},
       .source = kPyTorch,
       .smooth = false,
       .gradients = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}},
  };
}

void AddGenerated(std::vector<OpSample>& samples) {
  const auto add = [&](TensorType type, Attributes attributes) {
    samples.push_back(
        {.op = "triplet_margin", .operands = {type, type, type}, .attributes = attributes});
    Shape rows = type.shape;
    rows.pop_back();
    std::vector<double> target;
    for (int64_t i = 0; i < Elements(rows); ++i) target.push_back(i % 3 == 0 ? -1 : 1);
    attributes.Set("margin", -0.9);
    attributes.Erase("p");
    samples.push_back({.op = "cosine_embedding",
                       .operands = {type, type, I64(rows)},
                       .attributes = attributes,
                       .values = {{}, {}, target}});
  };
  for (const int64_t size : kSampleSizes) add(F32({size, 4}), {{"margin", 3.0}});
  for (const char* reduction : kReductions) {
    add(F64({3, 5}), {{"reduction", std::string(reduction)}, {"margin", 4.0}});
    add(F64({2, 3, 4}), {{"reduction", std::string(reduction)}, {"margin", 4.0}, {"p", 3.0}});
  }
  add(F64({17}), {{"margin", 9.0}, {"p", 1.5}});
  samples.push_back({.op = "triplet_margin",
                     .operands = {F64({3, 5}), F64({3, 5}), F64({3, 5})},
                     .attributes = {{"margin", 5.0}, {"swap", true}}});
}

}  // namespace

FamilySamples VectorLossSamples() {
  FamilySamples family{.samples = StatedSamples(), .errors = {}};
  AddGenerated(family.samples);
  const TensorType x = F32({3, 4}), t = I32({3});
  family.errors = {
      {"cosine_embedding", {x, F32({3, 5}), t}, {}, "[3, 4] and [3, 5] must have one shape"},
      {"cosine_embedding", {x, x, I32({3, 1})}, {}, "must have one number per vector, [3]"},
      {"cosine_embedding", {F32({}), F32({}), I32({})}, {}, "need an axis for their elements"},
      {"cosine_embedding", {x, x, t}, {{"margin", 1.5}}, "margin must be between -1 and 1"},
      {"cosine_embedding", {x, x, t}, {{"margin", kNaN}}, "margin must be between -1 and 1"},
      {"triplet_margin", {x, x, F32({3})}, {}, "[3, 4] and [3] must have one shape"},
      {"triplet_margin", {F32({}), F32({}), F32({})}, {}, "need an axis for their elements"},
      {"triplet_margin", {F32({3, 0}), F32({3, 0}), F32({3, 0})}, {}, "have no elements"},
      {"triplet_margin", {x, x, x}, {{"p", 0.5}}, "p must be at least 1, not 0.5"},
      {"triplet_margin", {x, x, x}, {{"p", kNaN}}, "p must be at least 1"},
      {"triplet_margin", {x, x, x}, {{"margin", -1.0}}, "margin must be a finite number"},
      {"triplet_margin", {x, x, x}, {{"eps", kInfinity}}, "eps must be a finite number"},
  };
  return family;
}

}  // namespace descent
