// descent-vector-math-check: compares every elementary function of generated code with libm, over
// all floats. A function is an elementwise operator; its definition is compiled as it stands.
//
//   [DESCENT_TEST_TARGET=NAME] descent-vector-math-check [--stride N] [--function NAME]
//
// Functions of one f32 argument run over all 2^32 bit patterns (every N-th with a stride) and are
// compared with the f64 functions of libm. f64 functions and those of two arguments run over
// patterns spread over the whole range and around 0, and are compared with long double ones. Prints
// the largest error in ulp of the exact result and where; exit status 5 when one is beyond its
// bound.

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "ir/op_def.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

struct Function {
  std::string_view op;
  double bound_ulp;
  double (*exact32)(double);
  long double (*exact64)(long double);
};

long double Sigmoid(long double x) { return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); }

constexpr Function kFunctions[] = {
    {"exp", 2, std::exp, expl},
    {"exp2", 4, std::exp2, exp2l},
    {"expm1", 4, std::expm1, expm1l},
    {"log", 2, std::log, logl},
    {"log2", 4, std::log2, log2l},
    {"log1p", 4, std::log1p, log1pl},
    {"sin", 4, std::sin, sinl},
    {"cos", 4, std::cos, cosl},
    {"tan", 4, std::tan, tanl},
    {"asin", 4, std::asin, asinl},
    {"acos", 4, std::acos, acosl},
    {"atan", 4, std::atan, atanl},
    {"sinh", 4, std::sinh, sinhl},
    {"cosh", 4, std::cosh, coshl},
    {"tanh", 2, std::tanh, tanhl},
    {"asinh", 4, std::asinh, asinhl},
    {"acosh", 4, std::acosh, acoshl},
    {"atanh", 4, std::atanh, atanhl},
    {"sigmoid", 2, [](double x) { return 1 / (1 + std::exp(-x)); }, Sigmoid},
    {"erf", 4, std::erf, erfl},
    {"erfc", 4, std::erfc, erfcl},
    {"sqrt", 0.5, std::sqrt, sqrtl},
    {"rsqrt", 2, [](double x) { return 1 / std::sqrt(x); },
     [](long double x) { return 1 / sqrtl(x); }},
    {"reciprocal", 0.5, [](double x) { return 1 / x; }, [](long double x) { return 1 / x; }},
    {"floor", 0, std::floor, floorl},
    {"ceil", 0, std::ceil, ceill},
    {"trunc", 0, std::trunc, truncl},
    {"round", 0, std::nearbyint, nearbyintl},
};

/// What `remainder` means: the sign of the divisor.
long double Remainder(long double x, long double y) {
  const long double rest = fmodl(x, y);
  return rest != 0 && std::signbit(rest) != std::signbit(y) ? rest + y : rest;
}

struct Function2 {
  std::string_view op;
  double bound_ulp;
  long double (*exact)(long double, long double);
};

constexpr Function2 kFunctions2[] = {
    {"pow", 4, powl}, {"atan2", 4, atan2l}, {"fmod", 0, fmodl}, {"remainder", 0.5, Remainder}};

/// Distance in units of the last place that the nearest float of type T to `exact` has.
template <typename T, typename Exact>
double UlpError(T actual, Exact exact) {
  const T nearest = static_cast<T>(exact);
  if (std::isnan(actual) || std::isnan(nearest))
    return std::isnan(actual) == std::isnan(nearest) ? 0 : INFINITY;
  if (actual == nearest) return std::signbit(actual) == std::signbit(nearest) ? 0 : INFINITY;
  if (std::isinf(actual) || std::isinf(nearest)) return INFINITY;
  int exponent = 0;
  std::frexp(nearest, &exponent);
  const int lowest = std::numeric_limits<T>::min_exponent;
  const int digits = std::numeric_limits<T>::digits;
  const Exact ulp = std::ldexp(Exact{1}, std::max(exponent, lowest) - digits);
  return static_cast<double>(std::abs(static_cast<Exact>(actual) - exact) / ulp);
}

/// A compiled operator over blocks of values: what its definition says, fused into one loop.
template <typename T>
class Evaluator {
 public:
  static constexpr int64_t kBlock = 1 << 14;

  Evaluator(std::string_view op, int arguments) {
    const DType dtype = sizeof(T) == 4 ? DType::kF32 : DType::kF64;
    const std::vector<TensorType> operands(arguments, TensorType{dtype, {kBlock}});
    const TensorExpr expr = FindOp(op)->define({operands, Attributes()});
    kernel_ =
        ElementwiseKernel("math", {kBlock}, std::vector<DType>(arguments, dtype), expr.results);
    auto jit = JitProgram::Load(ProgramOf(kernel_), NativeTarget());
    DESCENT_CHECK(jit.has_value(), jit.error().message);
    jit_ = std::make_unique<JitProgram>(std::move(*jit));
  }

  void Run(const std::vector<const void*>& x, T* y) {
    void* const outputs[] = {y};
    alignas(64) static std::byte scratch[4096];
    const descent_call call{nullptr, scratch, x.data(), outputs, 0, nullptr};
    jit_->program().entries[0].run(&call);
  }

 private:
  Kernel kernel_;
  std::unique_ptr<JitProgram> jit_;
};

struct Worst {
  double ulp = 0;
  double at = 0, second = 0;
  void See(double error, double x, double y = 0) {
    if (!(error > ulp)) return;
    ulp = error, at = x, second = y;
  }
};

Worst CheckFloats(const Function& function, int64_t stride) {
  Evaluator<float> evaluator(function.op, 1);
  Worst worst;
  std::vector<float> x(Evaluator<float>::kBlock), y(x.size());
  for (uint64_t bits = 0; bits < uint64_t{1} << 32;) {
    size_t count = 0;
    for (; count < x.size() && bits < uint64_t{1} << 32; bits += stride)
      x[count++] = std::bit_cast<float>(static_cast<uint32_t>(bits));
    evaluator.Run({x.data()}, y.data());
    for (size_t i = 0; i < count; ++i) worst.See(UlpError(y[i], function.exact32(x[i])), x[i]);
  }
  return worst;
}

/// A sequence that visits the bit patterns of f64 evenly, and every other value near 0.
double SpreadPattern(uint64_t i) {
  const uint64_t bits = i * 0x9e3779b97f4a7c15u;
  if (i % 2) return std::bit_cast<double>(bits);
  return std::ldexp(static_cast<double>(static_cast<int64_t>(bits)), -63) *
         static_cast<double>(i % 64);
}

constexpr double kSpecial[] = {0.0,    -0.0,  1,      -1,     INFINITY, -INFINITY, NAN,
                               0.5,    2,     3,      -2,     -3,       5e-324,    -5e-324,
                               1e-310, 1e308, -1e308, 709.78, -745.1,   1e16,      2.5};

Worst CheckDoubles(const Function& function, int64_t stride) {
  Evaluator<double> evaluator(function.op, 1);
  Worst worst;
  std::vector<double> x(Evaluator<double>::kBlock), y(x.size());
  const uint64_t total = std::max<uint64_t>((uint64_t{1} << 27) / stride, x.size());
  for (uint64_t i = 0; i < total;) {
    for (size_t j = 0; j < x.size(); ++j, ++i)
      x[j] = i < std::size(kSpecial) ? kSpecial[i] : SpreadPattern(i);
    evaluator.Run({x.data()}, y.data());
    for (size_t j = 0; j < x.size(); ++j) worst.See(UlpError(y[j], function.exact64(x[j])), x[j]);
  }
  return worst;
}

/// Any bit pattern of type T.
template <typename T>
T AnyPattern(uint64_t i) {
  const uint64_t bits = i * 0x9e3779b97f4a7c15u;
  if constexpr (sizeof(T) == 8) return std::bit_cast<double>(bits);
  return std::bit_cast<float>(static_cast<uint32_t>(bits >> 32));
}

template <typename T>
struct Pair {
  T x, y;
};

/// Bases near 1 and anywhere, exponents that keep the power finite and any.
template <typename T>
Pair<T> PowerPair(uint64_t i) {
  const double base = i % 3 ? std::abs(SpreadPattern(2 * i)) : std::abs(SpreadPattern(i | 1));
  const double limit = sizeof(T) == 4 ? 88 : 709;
  const double fraction = std::fmod(SpreadPattern(6 * i + 2), 1.1);
  const double exponent =
      i % 5 ? limit / std::log(base) * fraction : std::round(SpreadPattern(2 * i));
  return {static_cast<T>(base), static_cast<T>(exponent)};
}

/// Any two, two of like magnitude, and nearly whole multiples.
template <typename T>
Pair<T> AnyPair(uint64_t i) {
  const T x = AnyPattern<T>(3 * i), y = AnyPattern<T>(5 * i + 1);
  if (i % 3 == 0) return {x, y};
  const T near = static_cast<T>(SpreadPattern(2 * i));
  if (i % 3 == 1) return {static_cast<T>(SpreadPattern(4 * i + 2)), near};
  return {x * std::round(near), x};
}

template <typename T>
Worst CheckPairs(const Function2& function, int64_t stride) {
  Evaluator<T> evaluator(function.op, 2);
  Worst worst;
  std::vector<T> x(Evaluator<T>::kBlock), y(x.size()), z(x.size());
  constexpr uint64_t kSpecials = std::size(kSpecial);
  const uint64_t total = std::max<uint64_t>((uint64_t{1} << 26) / stride, x.size());
  for (uint64_t i = 0; i < total;) {
    for (size_t j = 0; j < x.size(); ++j, ++i) {
      Pair<T> pair = function.op == "pow" ? PowerPair<T>(i) : AnyPair<T>(i);
      if (i < kSpecials * kSpecials)
        pair = {static_cast<T>(kSpecial[i / kSpecials]), static_cast<T>(kSpecial[i % kSpecials])};
      x[j] = pair.x, y[j] = pair.y;
    }
    evaluator.Run({x.data(), y.data()}, z.data());
    for (size_t j = 0; j < x.size(); ++j)
      worst.See(UlpError(z[j], function.exact(x[j], y[j])), x[j], y[j]);
  }
  return worst;
}

bool Report(std::string_view name, std::string_view dtype, const Worst& worst, double bound) {
  const bool good = worst.ulp <= bound;
  fmt::print("{:10} {}  {:.4f} ulp at {:a}, {:a}  (bound {}){}\n", name, dtype, worst.ulp, worst.at,
             worst.second, bound, good ? "" : "  BEYOND");
  std::fflush(stdout);
  return good;
}

int Main(int argc, char** argv) {
  int64_t stride = 1;
  std::string_view only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i], value = argv[i + 1];
    if (option == "--stride") {
      std::from_chars(value.data(), value.data() + value.size(), stride);
    } else if (option == "--function") {
      only = value;
    }
  }
  if (argc % 2 == 0 || stride < 1) {
    fmt::print(stderr, "usage: descent-vector-math-check [--stride N] [--function NAME]\n");
    return static_cast<int>(ExitStatus::kUsage);
  }
  bool good = true;
  const auto wanted = [&](std::string_view op) { return only.empty() || only == op; };
  for (const Function& function : kFunctions) {
    if (!wanted(function.op)) continue;
    good &= Report(function.op, "f32", CheckFloats(function, stride), function.bound_ulp);
    good &= Report(function.op, "f64", CheckDoubles(function, stride), function.bound_ulp);
  }
  for (const Function2& function : kFunctions2) {
    if (!wanted(function.op)) continue;
    good &= Report(function.op, "f32", CheckPairs<float>(function, stride), function.bound_ulp);
    good &= Report(function.op, "f64", CheckPairs<double>(function, stride), function.bound_ulp);
  }
  return static_cast<int>(good ? ExitStatus::kGood : ExitStatus::kDiffers);
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) { return descent::Main(argc, argv); }
