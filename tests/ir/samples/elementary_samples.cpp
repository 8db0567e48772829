#include <iterator>

#include "tests/ir/samples/elementwise_rows.h"

namespace descent {
namespace {

// NOLINTNEXTLINE(readability-function-size): a table
std::vector<UnaryRow> Rows() {
  const List x = {-1.5, -0.5, 0.25, 2.0}, positive = {0.1, 0.5, 1.0, 4.0};
  const List unit = {-0.9, -0.25, 0, 0.75};
  constexpr double kInf = kInfinity, kHalfPi = 1.5707963267948966;
  const List odd_bounded = {0, 0, 5e-39, -5e-39, 1, -1, kNaN};
  const List odd_unbounded = {0, 0, 5e-39, -5e-39, kInf, -kInf, kNaN};
  const List odd_undefined = {0, 0, 5e-39, -5e-39, kNaN, kNaN, kNaN};
  return {
      {"exp",
       x,
       {0.22313016014842982, 0.6065306597126334, 1.2840254166877414, 7.38905609893065},
       {1, 1, 1, 1, kInf, 0, kNaN}},
      {"exp2",
       x,
       {0.3535533905932738, 0.7071067811865476, 1.189207115002721, 4},
       {1, 1, 1, 1, kInf, 0, kNaN}},
      {"expm1",
       x,
       {-0.7768698398515702, -0.3934693402873666, 0.2840254166877415, 6.38905609893065},
       {0, 0, 5e-39, -5e-39, kInf, -1, kNaN}},
      {"log",
       positive,
       {-2.3025850929940455, -0.6931471805599453, 0, 1.3862943611198906},
       {-kInf, -kInf, -88.19138, kNaN, kInf, kNaN, kNaN},
       0.1,
       4},
      {"log2",
       positive,
       {-3.321928094887362, -1, 0, 2},
       {-kInf, -kInf, -127.2332675, kNaN, kInf, kNaN, kNaN},
       0.1,
       4},
      {"log1p",
       {-0.5, -0.001, 0.25, 4},
       {-0.6931471805599453, -0.0010005003335835335, 0.22314355131420976, 1.6094379124341003},
       {0, 0, 5e-39, -5e-39, kInf, kNaN, kNaN},
       -0.75,
       4},
      {"sin",
       x,
       {-0.9974949866040544, -0.479425538604203, 0.24740395925452294, 0.9092974268256817},
       odd_undefined},
      {"cos",
       x,
       {0.0707372016677029, 0.8775825618903728, 0.9689124217106447, -0.4161468365471424},
       {1, 1, 1, 1, kNaN, kNaN, kNaN}},
      {"tan",
       x,
       {-14.101419947171719, -0.5463024898437905, 0.25534192122103627, -2.185039863261519},
       odd_undefined,
       -1.25,
       1.25},
      {"asin",
       unit,
       {-1.1197695149986342, -0.25268025514207865, 0, 0.848062078981481},
       odd_undefined,
       -0.9,
       0.9},
      {"acos",
       unit,
       {2.6905658417935308, 1.8234765819369754, kHalfPi, 0.7227342478134156},
       {kHalfPi, kHalfPi, kHalfPi, kHalfPi, kNaN, kNaN, kNaN},
       -0.9,
       0.9},
      {"atan",
       x,
       {-0.982793723247329, -0.4636476090008061, 0.24497866312686414, 1.1071487177940904},
       {0, 0, 5e-39, -5e-39, kHalfPi, -kHalfPi, kNaN}},
      {"sinh",
       x,
       {-2.1292794550948173, -0.5210953054937474, 0.2526123168081683, 3.626860407847019},
       odd_unbounded},
      {"cosh",
       x,
       {2.352409615243247, 1.1276259652063807, 1.0314130998795732, 3.7621956910836314},
       {1, 1, 1, 1, kInf, kInf, kNaN}},
      {"tanh",
       x,
       {-0.9051482536448665, -0.46211715726000974, 0.24491866240370913, 0.9640275800758169},
       odd_bounded},
      {"asinh",
       x,
       {-1.1947632172871094, -0.48121182505960347, 0.24746646154726346, 1.4436354751788103},
       odd_unbounded},
      {"acosh",
       {1.125, 1.25, 3, 100},
       {0.4949329230945269, 0.6931471805599453, 1.762747174039086, 5.298292365610484},
       {kNaN, kNaN, kNaN, kNaN, kInf, kNaN, kNaN},
       1.25,
       5},
      {"atanh",
       unit,
       {-1.4722194895832204, -0.25541281188299536, 0, 0.9729550745276566},
       odd_undefined,
       -0.9,
       0.9},
      {"erf",
       x,
       {-0.9661051464753108, -0.5204998778130465, 0.27632639016823696, 0.9953222650189527},
       {0, 0, 5.641895835477563e-39, -5.641895835477563e-39, 1, -1, kNaN}},
      {"erfc",
       x,
       {1.9661051464753108, 1.5204998778130465, 0.7236736098317631, 0.004677734981047265},
       {1, 1, 1, 1, 0, 2, kNaN}},
      {"sigmoid",
       x,
       {0.18242552380635635, 0.3775406687981454, 0.5621765008857981, 0.8807970779778823},
       {0.5, 0.5, 0.5, 0.5, 1, 0, kNaN}},
  };
}

/// Limits of domains and ranges: what PyTorch gives.
std::vector<OpSample> Limits() {
  constexpr double kInf = kInfinity, kPi = 3.141592653589793;
  return {
      Kink("exp", {-kInf, kInf, kNaN}, {0, kInf, kNaN}, {0, kInf, kNaN}),
      Kink("exp2", {-kInf, kInf, 3}, {0, kInf, 8}, {0, kInf, 5.545177444479562}),
      Kink("expm1", {-kInf, kInf, 0}, {-1, kInf, 0}, {0, kInf, 1}),
      Kink("log", {0, kInf}, {-kInf, kInf}, {kInf, 0}),
      Kink("log2", {0, 8, kInf}, {-kInf, 3, kInf}, {kInf, 0.18033688011112042, 0}),
      Kink("log1p", {-1, 0, kInf}, {-kInf, 0, kInf}, {kInf, 1, 0}),
      Kink("asin", {1, -1, 2}, {kPi / 2, -kPi / 2, kNaN}, {kInf, kInf, kNaN}),
      Kink("acos", {1, -1, 2}, {0, kPi, kNaN}, {-kInf, -kInf, kNaN}),
      Kink("atan", {kInf, -kInf}, {kPi / 2, -kPi / 2}, {0, 0}),
      Kink("sinh", {1000, -1000}, {kInf, -kInf}, {kInf, kInf}),
      Kink("cosh", {1000, -1000}, {kInf, kInf}, {kInf, -kInf}),
      Kink("tanh", {-100, 100, -kInf}, {-1, 1, -1}, {0, 0, 0}),
      Kink("asinh", {-kInf, 1e30}, {-kInf, 69.77069997104129}, {0, 0}),
      Kink("acosh", {1, kInf}, {0, kInf}, {kInf, 0}),
      Kink("atanh", {1, -1}, {kInf, -kInf}, {kInf, kInf}),
      Kink("sigmoid", {-1000, 1000}, {0, 1}, {0, 0}),
      Kink("erf", {-kInf, kInf}, {-1, 1}, {0, 0}),
      Kink("erfc", {-kInf, kInf}, {2, 0}, {0, 0}),
      Kink2("atan2", {0, 0, 1, -1, 0, kInf}, {0, 1, 0, -1, -1, -kInf},
            {0, 0, kPi / 2, -3 * kPi / 4, kPi, 3 * kPi / 4}, {kNaN, 1, 0, -0.5, -1, kNaN},
            {kNaN, 0, -1, 0.5, 0, kNaN}),
  };
}

}  // namespace

FamilySamples ElementarySamples() {
  FamilySamples family;
  for (const UnaryRow& row : Rows()) AddUnary(row, family);
  AddBinary({"atan2",
             {1, -2, 3},
             {4, 8, -2},
             {0.24497866312686414, -0.24497866312686414, 2.158798930342464},
             0.5,
             3},
            family);
  std::ranges::move(Limits(), std::back_inserter(family.samples));
  family.errors.push_back({"exp", {I32({2})}, {}, "must have a float type, not i32"});
  family.errors.push_back({"atan2", {I32({2}), I32({2})}, {}, "must have a float type, not i32"});
  return family;
}

}  // namespace descent
