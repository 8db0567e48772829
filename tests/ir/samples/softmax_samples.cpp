#include "tests/ir/samples/samples.h"

namespace descent {

FamilySamples SoftmaxSamples() {
  FamilySamples family;
  const std::vector<double> x = {1, 2, 3, -1, 0, 5};
  family.samples = {
      {.op = "softmax",
       .operands = {F32({2, 3})},
       .values = {x},
       .expected = {{0.09003057317038046, 0.24472847105479764, 0.6652409557748218,
                     0.0024561149044509535, 0.006676412513376451, 0.9908674725821726}}},
      {.op = "softmin",
       .operands = {F32({2, 3})},
       .values = {x},
       .expected = {{0.6652409557748218, 0.2447284710547976, 0.09003057317038045,
                     0.7297362141184152, 0.26845495065244657, 0.0018088352291382895}},
       .source = "PyTorch"},
      {.op = "log_softmax",
       .operands = {F32({2, 3})},
       .values = {x},
       .expected = {{-2.40760596444438, -1.4076059644443804, -0.40760596444438046,
                     -6.0091744845917345, -5.0091744845917345, -0.009174484591734738}}},
      {.op = "softmax",
       .operands = {F32({2})},
       .values = {{1000, 1000}},
       .expected = {{0.5, 0.5}},
       .source = "a shift changes nothing"},
  };
  for (const std::string_view op : {"softmax", "softmin", "log_softmax"}) {
    for (const int64_t size : kSampleSizes)
      family.samples.push_back({.op = op, .operands = {F32({3, size})}});
    family.samples.push_back(
        {.op = op, .operands = {F32({5, 3, 2})}, .attributes = {{"axis", int64_t{0}}}});
    family.samples.push_back(
        {.op = op, .operands = {F64({2, 4, 3})}, .attributes = {{"axis", int64_t{1}}}});
    family.errors.push_back(
        {op, {F32({2, 3})}, {{"axis", int64_t{2}}}, "axis 2 is out of range for rank 2"});
    family.errors.push_back({op, {I32({3})}, {}, "must have a float type"});
  }
  return family;
}

}  // namespace descent
