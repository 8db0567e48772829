#include "tests/ir/samples/loss_samples.h"

namespace descent {
namespace {

/// NumPy, and what differs from PyTorch.
std::vector<OpSample> OwnSamples() {
  const std::vector<double> z = {1, 2, 3, -1, 0, 5}, soft = {.2, .3, .5, .6, .1, .3};
  return {
      {.op = "cross_entropy",
       .operands = {F32({2, 3}), I64({2})},
       .values = {z, {2, 0}},
       .expected = {{3.2083902245180576}},
       .smooth = false,
       .gradients = {{0.04501528658519023, 0.12236423552739882, -0.1673795221125891,
                      -0.4987719425477745, 0.0033382062566882256, 0.4954337362910863}}},
      {.op = "cross_entropy",
       .operands = {F32({2, 3}), I32({2})},
       .attributes = Reduction("none"),
       .values = {z, {3, 0}},
       .expected = {{2.40760596444438, 6.0091744845917345}},
       .source = "a class out of range counts as 0",
       .bad_index = true},
      {.op = "nll",
       .operands = {F32({2, 3}), I64({2})},
       .attributes = {{"ignore_index", int64_t{7}}, {"reduction", std::string("none")}},
       .values = {z, {7, 5}},
       .expected = {{0, 1}},
       .source = "only the ignored number is none that is out of range",
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
}

/// One operator in the shapes and with the attributes of all.
void AddGenerated(std::vector<OpSample>& samples, std::string_view op, double low, double high) {
  const auto add = [&](std::vector<TensorType> operands, Attributes attributes,
                       int64_t classes = 4) {
    samples.push_back({.op = op,
                       .operands = std::move(operands),
                       .attributes = std::move(attributes),
                       .low = low,
                       .high = high,
                       .integers = classes});
  };
  const int64_t ignored = 1;
  for (const int64_t size : kSampleSizes) add({F32({size, 4}), I64({size})}, {});
  add({F32({3, 17}), I64({3})}, {}, 17);
  add({F32({5}), U8({})}, {});
  add({F32({3, 3, 4}), I32({3, 3})}, {{"axis", int64_t{-1}}});
  for (const char* word : kReductions) {
    const std::string reduction = word;
    add({F64({3, 4}), I64({3}), F64({4})}, {{"reduction", reduction}});
    add({F64({3, 4, 2}), U8({3, 2})}, {{"reduction", reduction}, {"ignore_index", ignored}});
    add({F64({4, 3}), I32({3}), F64({4})},
        {{"reduction", reduction}, {"ignore_index", ignored}, {"axis", int64_t{0}}});
  }
}

void AddDistributions(std::vector<OpSample>& samples, std::string_view op, double low,
                      double high) {
  for (const char* word : kReductions)
    for (const double smoothing : {0.0, 0.3}) {
      const Attributes attributes = {{"reduction", std::string(word)},
                                     {"label_smoothing", smoothing}};
      for (const std::vector<TensorType>& operands :
           {std::vector{F64({3, 4}), F64({3, 4})}, std::vector{F64({3, 4, 2}), F64({3, 4, 2})},
            std::vector{F64({3, 4}), F64({3, 4}), F64({4})},
            std::vector{F64({3, 4}), I64({3}), F64({4})}})
        samples.push_back(
            {.op = op, .operands = operands, .attributes = attributes, .low = low, .high = high});
    }
}

std::vector<ErrorSample> Errors() {
  const TensorType x = F32({3, 4});
  const Attributes ignoring = {{"ignore_index", int64_t{0}}};
  std::vector<ErrorSample> errors;
  for (const std::string_view op : {"cross_entropy", "cross_entropy_probabilities", "nll"}) {
    errors.push_back({op, {x, I64({3, 1})}, {}, "must have shape [3]"});
    errors.push_back({op, {F32({3, 4, 2}), I64({3, 4})}, {}, "must have shape [3, 2]"});
    errors.push_back({op, {F32({}), I64({})}, {}, "needs an axis of classes"});
    errors.push_back({op, {F32({3, 0}), I64({3})}, {}, "has no classes along axis 1"});
    errors.push_back({op, {x, I64({3}), F32({3})}, {}, "one for each of the 4 classes"});
    errors.push_back({op, {x, I64({3}), F64({4})}, {}, "must have one dtype"});
    errors.push_back({op, {x, I64({3})}, {{"axis", int64_t{2}}}, "axis 2 is out of range"});
    errors.push_back(
        {op, {x, I64({3})}, {{"axis", std::numeric_limits<int64_t>::min()}}, "out of range"});
  }
  for (const std::string_view op : {"cross_entropy", "cross_entropy_probabilities"}) {
    errors.push_back({op, {x, F32({3, 5})}, {}, "must be integer class numbers or have"});
    errors.push_back({op, {x, F64({3, 4})}, {}, "must be integer class numbers or have"});
    errors.push_back({op, {x, x}, ignoring, "ignore_index 0 needs class numbers"});
    errors.push_back({op, {x, x}, {{"label_smoothing", 1.5}}, "must be between 0 and 1, not 1.5"});
    errors.push_back({op, {x, x}, {{"label_smoothing", kNaN}}, "must be between 0 and 1"});
  }
  errors.push_back({"nll", {x, x}, {}, "target must have an integer type"});
  return errors;
}

}  // namespace

FamilySamples ClassLossSamples() {
  FamilySamples family{.samples = ClassLossValues(), .errors = Errors()};
  const std::vector<OpSample> own = OwnSamples();
  family.samples.insert(family.samples.end(), own.begin(), own.end());
  AddGenerated(family.samples, "cross_entropy", -2, 2);
  AddGenerated(family.samples, "nll", -2, 2);
  AddGenerated(family.samples, "cross_entropy_probabilities", 0.1, 0.9);
  AddDistributions(family.samples, "cross_entropy", -2, 2);
  AddDistributions(family.samples, "cross_entropy_probabilities", 0.1, 0.9);
  return family;
}

}  // namespace descent
