#include "tests/ir/samples/elementwise_rows.h"

namespace descent {
namespace {

const Attributes kByTanh = {{"approximate", std::string("tanh")}};

std::vector<UnaryRow> Rows() {
  const List x = {-1.5, -0.5, 0.25, 2.0};
  constexpr double kInf = kInfinity, kLn2 = 0.6931471805599453;
  return {
      {"gelu",
       x,
       {-0.10021080190328704, -0.15426876936299344, 0.14967658142073093, 1.9544997361036416},
       {0, 0, 2.5e-39, -2.5e-39, kInf, kNaN, kNaN}},
      {"gelu",
       x,
       {-0.10042842301976707, -0.15428599017485606, 0.149675350701685, 1.954597694087775},
       {0, 0, 2.5e-39, -2.5e-39, kInf, kNaN, kNaN},
       -2,
       2,
       kByTanh},
      {"silu",
       x,
       {-0.2736382857095345, -0.1887703343990727, 0.14054412522144952, 1.7615941559557646},
       {0, 0, 2.5e-39, -2.5e-39, kInf, kNaN, kNaN}},
      {"mish",
       x,
       {-0.29809974216680674, -0.22074377465173, 0.1695724096638176, 1.9439589595339946},
       {0, 0, 3e-39, -3e-39, kInf, kNaN, kNaN}},
      {"softplus",
       x,
       {0.2014132779827524, 0.4740769841801067, 0.8259394198788436, 2.1269280110429727},
       {kLn2, kLn2, kLn2, kLn2, kInf, 0, kNaN}},
      {"softplus",
       x,
       {0.02429367578687103, 0.15663084375911143, 0.48703849209005334, 2.0090749639589047},
       {kLn2 / 2, kLn2 / 2, kLn2 / 2, kLn2 / 2, kInf, 0, kNaN},
       -2,
       2,
       {{"beta", 2.0}}},
      {"log_sigmoid",
       x,
       {-1.7014132779827524, -0.9740769841801067, -0.5759394198788436, -0.1269280110429725},
       {-kLn2, -kLn2, -kLn2, -kLn2, 0, -kInf, kNaN}},
      {"softsign",
       x,
       {-0.6, -0.3333333333333333, 0.2, 0.6666666666666666},
       {0, 0, 5e-39, -5e-39, kNaN, kNaN, kNaN}},
  };
}

/// Far from 0: what PyTorch gives; for the gradients of gelu at infinities, the limits.
std::vector<OpSample> Limits() {
  const List far = {-1e30, -100, -20, 0, 20, 100, 1e30}, far_softplus = {-1e30, -100, -20, 0, 100};
  std::vector<OpSample> samples = {
      Kink("gelu", far, {0, 0, 0, 0, 20, 100, 1e30}, {0, 0, 0, 0.5, 1, 1, 1}),
      Kink("gelu", far, {0, 0, 0, 0, 20, 100, 1e30}, {0, 0, 0, 0.5, 1, 1, 1}, kByTanh),
      Kink("silu", far, {0, 0, -4.122307236380407e-08, 0, 19.999999958776925, 100, 1e30},
           {0, 0, -3.9161918660646786e-08, 0.5, 1.0000000391619202, 1, 1}),
      Kink("mish", far, {0, 0, -4.122307240628762e-08, 0, 20, 100, 1e30},
           {0, 0, -3.916191874348969e-08, 0.6, 1, 1, 1}),
      Kink("log_sigmoid", far,
           {-1e30, -100, -20.000000002061153, -0.6931471805599453, -2.061153620314381e-09, 0, 0},
           {1, 1, 0.9999999979388464, 0.5, 2.0611536181902033e-09, 0, 0}),
      Kink("softsign", far,
           {-1, -0.9900990099009901, -0.9523809523809523, 0, 0.9523809523809523, 0.9900990099009901,
            1},
           {0, 9.80296049406925e-05, 0.0022675736961451226, 1, 0.0022675736961451226,
            9.80296049406925e-05, 0}),
      Kink("softplus", far_softplus, {0, 0, 2.061153620314381e-09, 0.6931471805599453, 100},
           {0, 0, 2.0611536181902033e-09, 0.5, 1}),
      Kink("softplus", far_softplus, {0, 0, 2.1241771276457944e-18, 0.34657359027997264, 100},
           {0, 0, 4.248354255291589e-18, 0.5, 1}, {{"beta", 2.0}}),
  };
  for (const Attributes& attributes : {Attributes(), kByTanh}) {
    OpSample infinities =
        Kink("gelu", {-kInfinity, kInfinity}, {kNaN, kInfinity}, {0, 1}, attributes);
    infinities.source = "PyTorch; gradients by hand";
    samples.push_back(infinities);
  }
  return samples;
}

std::vector<OpSample> Gates() {
  const List x = {-1.5, -0.5, 0.25, 2, 1, 2, 3, -4};
  const auto stated = [&](std::string_view op, List y, Attributes attributes = {}) {
    return OpSample{.op = op,
                    .operands = {F32({2, 4})},
                    .attributes = std::move(attributes),
                    .values = {x},
                    .expected = {std::move(y)},
                    .source = "PyTorch"};
  };
  std::vector<OpSample> samples = {
      stated("glu",
             {-0.843264751328697, -0.44039853898894116, 0.9525741268224334, 0.03597241992418312}),
      stated("glu",
             {-1.0965878679450074, -0.44039853898894116, 0.23814353170560834, 0.03597241992418312},
             {{"axis", int64_t{0}}}),
      stated("geglu",
             {-0.2245148721310964, -0.9772498680518208, 2.99595030590511, -0.00025336993466495983}),
      stated("geglu",
             {-0.2245130260525275, -0.9772988470438875, 2.996362607918227, -0.00014049189638454251},
             kByTanh),
      stated("swiglu",
             {-0.21081618783217426, -0.8807970779778823, 2.8577223804672998, -0.14388967969673247}),
  };
  for (const std::string_view op : {"glu", "geglu", "swiglu"}) {
    for (const int64_t size : kSampleSizes)
      samples.push_back({.op = op, .operands = {F32({3, 2 * size})}});
    samples.push_back(
        {.op = op, .operands = {F32({4, 3, 5})}, .attributes = {{"axis", int64_t{0}}}});
    samples.push_back(
        {.op = op, .operands = {F64({2, 6, 3})}, .attributes = {{"axis", int64_t{-2}}}});
  }
  return samples;
}

std::vector<ErrorSample> Errors() {
  const Attributes sigmoid = {{"approximate", std::string("sigmoid")}};
  std::vector<ErrorSample> errors = {
      {"gelu", {F32({2})}, sigmoid, "approximate is one of none, tanh"},
      {"geglu", {F32({2})}, sigmoid, "approximate is one of none, tanh"},
      {"softplus", {F32({2})}, {{"beta", 0.0}}, "beta must be finite and not 0, not 0"},
      {"softplus", {F32({2})}, {{"beta", kInfinity}}, "beta must be finite and not 0, not inf"},
      {"softplus", {F32({2})}, {{"beta", kNaN}}, "beta must be finite and not 0, not nan"},
  };
  for (const std::string_view op : {"glu", "geglu", "swiglu"}) {
    errors.push_back({op, {F32({2, 3})}, {}, "axis 1 of extent 3 has no two equal halves"});
    errors.push_back({op, {F32({})}, {}, "is out of range for rank 0"});
    errors.push_back({op, {F32({2, 4})}, {{"axis", int64_t{2}}}, "axis 2 is out of range"});
    errors.push_back({op, {I32({4})}, {}, "must have a float type"});
  }
  return errors;
}

}  // namespace

FamilySamples ActivationSamples() {
  FamilySamples family;
  for (const UnaryRow& row : Rows()) AddUnary(row, family);
  for (auto rows : {Limits, Gates})
    for (OpSample& sample : std::vector(rows())) family.samples.push_back(std::move(sample));
  for (ErrorSample& error : Errors()) family.errors.push_back(std::move(error));
  return family;
}

}  // namespace descent
