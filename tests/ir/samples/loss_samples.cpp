#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

using List = std::vector<double>;

Attributes Reduction(const char* word) { return {{"reduction", std::string(word)}}; }

void AddNumberLosses(std::vector<OpSample>& samples) {
  const List y = {1, 0, 0};
  const auto stated = [&](std::string_view op, const char* reduction, List x, List expected,
                          List gradient) {
    samples.push_back({.op = op,
                       .operands = {F32({3, 1}), F32({3, 1})},
                       .attributes = Reduction(reduction),
                       .values = {std::move(x), y},
                       .expected = {std::move(expected)},
                       .smooth = false,
                       .gradients = {std::move(gradient)}});
  };
  stated("mse", "mean", {3, -1, 0}, {5.0 / 3}, {4.0 / 3, -2.0 / 3, 0});
  stated("mse", "sum", {3, -1, 0}, {5}, {4, -2, 0});
  stated("mse", "none", {3, -1, 0}, {4, 1, 0}, {4, -2, 0});
  const List p = {0.551277, 0.2, 0.9};
  stated("bce", "mean", p, {1.0404155060456537},
         {-0.6046567031335125, 0.4166666666666666, 3.333333333333334});
  stated("bce", "none", p, {0.5955178738287056, 0.2231435513142097, 2.302585092994046}, {});
  stated("bce_with_logits", "mean", {0.205831, -3, 2}, {0.9236778403556224},
         {-0.1495743856350786, 0.01580862439252226, 0.29359902599262744});
  for (const int64_t size : kSampleSizes)
    for (const std::string_view op : {"mse", "bce_with_logits"})
      samples.push_back({.op = op, .operands = {F32({size, 2}), F32({size, 2})}});
  for (const char* reduction : {"mean", "sum", "none"}) {
    for (const std::string_view op : {"mse", "bce_with_logits"})
      samples.push_back(
          {.op = op, .operands = {F64({4, 3}), F64({4, 3})}, .attributes = Reduction(reduction)});
    samples.push_back({.op = "bce",
                       .operands = {F32({17}), F32({17})},
                       .attributes = Reduction(reduction),
                       .low = 0.05,
                       .high = 0.95});
  }
  const std::vector<OpSample> saturated = {
      {.op = "bce",
       .operands = {F32({2}), F32({2})},
       .attributes = Reduction("none"),
       .values = {{0, 1}, {1, 1}},
       .expected = {{100, 0}},
       .source = "PyTorch: logarithms not below -100, denominator not below 1e-12",
       .smooth = false,
       .gradients = {{-1e12, 0}, {100, -100}}},
      {.op = "bce_with_logits",
       .operands = {F32({2}), F32({2})},
       .attributes = Reduction("sum"),
       .values = {{1000, -1000}, {0, 1}},
       .expected = {{2000}},
       .smooth = false,
       .gradients = {{1, -1}}},
  };
  samples.insert(samples.end(), saturated.begin(), saturated.end());
}

void AddClassLosses(std::vector<OpSample>& samples) {
  const List z = {1, 2, 3, -1, 0, 5};
  const List soft = {.2, .3, .5, .6, .1, .3};
  const std::vector<OpSample> stated = {
      {.op = "cross_entropy",
       .operands = {F32({2, 3}), I64({2})},
       .values = {z, {2, 0}},
       .expected = {{3.2083902245180576}},
       .smooth = false,
       .gradients = {{0.04501528658519023, 0.12236423552739882, -0.1673795221125891,
                      -0.4987719425477745, 0.0033382062566882256, 0.4954337362910863}}},
      {.op = "cross_entropy",
       .operands = {F32({2, 3}), U8({2})},
       .attributes = Reduction("none"),
       .values = {z, {2, 0}},
       .expected = {{0.40760596444438046, 6.0091744845917345}}},
      {.op = "cross_entropy",
       .operands = {F32({2, 3}), F32({2, 3})},
       .attributes = Reduction("none"),
       .values = {z, soft},
       .expected = {{1.1076059644443805, 4.109174484591734}}},
      {.op = "cross_entropy",
       .operands = {F32({2, 3}), I32({2})},
       .attributes = Reduction("none"),
       .values = {z, {3, 0}},
       .expected = {{2.40760596444438, 6.0091744845917345}},
       .source = "a class out of range counts as 0",
       .bad_index = true},
      {.op = "cross_entropy_probabilities",
       .operands = {F32({2, 3}), F32({2, 3})},
       .attributes = Reduction("sum"),
       .values = {{0.09003057317038046, 0.24472847105479764, 0.6652409557748218,
                   0.0024561149044509535, 0.006676412513376451, 0.9908674725821726},
                  soft},
       .expected = {{5.216780449036115}},
       .smooth = false},  // too curved for differences
      {.op = "cross_entropy_probabilities",
       .operands = {F32({2, 2}), I64({2})},
       .attributes = Reduction("none"),
       .values = {{0.25, 0.75, 0, 1}, {1, 0}},
       .expected = {{0.2876820724517809, 100}},
       .smooth = false,
       .gradients = {{0, -1.3333333333333333, -1e12, 0}}},
  };
  samples.insert(samples.end(), stated.begin(), stated.end());
  for (const char* reduction : {"mean", "sum", "none"}) {
    samples.push_back({.op = "cross_entropy",
                       .operands = {F64({3, 4}), F64({3, 4})},
                       .attributes = Reduction(reduction)});
    samples.push_back({.op = "cross_entropy",
                       .operands = {F32({2, 3, 4}), I32({2, 3})},
                       .attributes = Reduction(reduction)});
    samples.push_back({.op = "cross_entropy_probabilities",
                       .operands = {F32({3, 4}), I64({3})},
                       .attributes = Reduction(reduction),
                       .low = 0.1,
                       .high = 0.9});
  }
  for (const int64_t size : kSampleSizes)
    samples.push_back({.op = "cross_entropy", .operands = {F32({size, 4}), I64({size})}});
  samples.push_back({.op = "cross_entropy", .operands = {F32({3, 17}), I64({3})}, .integers = 17});
}

}  // namespace

FamilySamples LossSamples() {
  FamilySamples family;
  AddNumberLosses(family.samples);
  AddClassLosses(family.samples);
  for (const std::string_view op : {"mse", "bce", "bce_with_logits"}) {
    family.errors.push_back({op, {F32({3, 1}), F32({3})}, {}, "[3, 1] and target [3] must have"});
    family.errors.push_back(
        {op, {F32({3}), F32({3})}, Reduction("average"), "is one of mean, sum, none"});
  }
  for (const std::string_view op : {"cross_entropy", "cross_entropy_probabilities"}) {
    family.errors.push_back({op, {F32({3, 4}), I64({3, 1})}, {}, "must have shape [3]"});
    family.errors.push_back(
        {op, {F32({3, 4}), F32({3, 5})}, {}, "must be integer class numbers or have"});
    family.errors.push_back({op, {F32({}), I64({})}, {}, "needs an axis of classes"});
  }
  return family;
}

}  // namespace descent
