// The registry as parameters of tests: one instance a family or an operator, so that they run in
// parallel and can be chosen.
//
//   class Conformance : public testing::TestWithParam<OpFamily> {};
//   TEST_P(Conformance, TypesAreInferred) {
//     for (const OpSample& sample : SamplesOf(GetParam())) ...
//   }
//   INSTANTIATE_TEST_SUITE_P(All, Conformance, testing::ValuesIn(OpFamilies()), FamilyName());
//
//   ir_test --gtest_filter='*elementwise*'
//   compiler_test --gtest_filter='*/elementwise_add'
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <ranges>

#include "tests/ir/samples/samples.h"

namespace descent {

/// An operator and where it stands.
struct Operator {
  std::string_view family;
  const OpDef* op;
};

inline std::vector<Operator> AllOperators() {
  std::vector<Operator> operators;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) operators.push_back({family.name, &op});
  return operators;
}

inline auto SamplesOf(const OpDef& op) {
  return AllSamples() |
         std::views::filter([&op](const OpSample& sample) { return sample.op == op.name; });
}

inline bool Holds(const OpFamily& family, std::string_view op) {
  return std::ranges::any_of(family.ops, [op](const OpDef& held) { return held.name == op; });
}

inline auto SamplesOf(const OpFamily& family) {
  return AllSamples() |
         std::views::filter([&family](const OpSample& sample) { return Holds(family, sample.op); });
}

inline auto ErrorSamplesOf(const OpFamily& family) {
  return AllErrorSamples() | std::views::filter([&family](const ErrorSample& sample) {
           return Holds(family, sample.op);
         });
}

/// Names of test instances.
struct FamilyName {
  std::string operator()(const testing::TestParamInfo<OpFamily>& info) const {
    return std::string(info.param.name);
  }
};
struct OperatorName {
  std::string operator()(const testing::TestParamInfo<Operator>& info) const {
    return fmt::format("{}_{}", info.param.family, info.param.op->name);
  }
};

inline void PrintTo(const OpFamily& family, std::ostream* out) { *out << family.name; }
inline void PrintTo(const Operator& one, std::ostream* out) { *out << one.op->name; }

}  // namespace descent
