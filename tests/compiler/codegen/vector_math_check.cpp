// descent-vector-math-check: compares every elementary function of generated code with libm, over
// all floats.
//
//   descent-vector-math-check [--stride N] [--function NAME]
//
// Functions of one f32 argument run over all 2^32 bit patterns (every N-th with a stride) and are
// compared with the f64 functions of libm. f64 functions and pow run over patterns spread over the
// whole range and around 0, and are compared with long double ones. Prints the largest error in ulp
// of the exact result and where; exit status 5 when one is beyond its bound.

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

struct Function {
  std::string_view name;
  ScalarOp op;
  double bound_ulp;
  double (*exact32)(double);
  long double (*exact64)(long double);
};

long double Sigmoid(long double x) { return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x)); }

constexpr Function kFunctions[] = {
    {"exp", ScalarOp::kExp, 2, std::exp, expl},
    {"log", ScalarOp::kLog, 2, std::log, logl},
    {"tanh", ScalarOp::kTanh, 2, std::tanh, tanhl},
    {"sigmoid", ScalarOp::kSigmoid, 2, [](double x) { return 1 / (1 + std::exp(-x)); }, Sigmoid},
    {"sin", ScalarOp::kSin, 4, std::sin, sinl},
    {"cos", ScalarOp::kCos, 4, std::cos, cosl},
    {"sqrt", ScalarOp::kSqrt, 0.5, std::sqrt, sqrtl},
};

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

/// A compiled function over blocks of values.
template <typename T>
class Evaluator {
 public:
  static constexpr int64_t kBlock = 1 << 14;

  Evaluator(ScalarOp op, int arguments) {
    const DType dtype = sizeof(T) == 4 ? DType::kF32 : DType::kF64;
    std::vector<Scalar> reads;
    for (int i = 0; i < arguments; ++i) reads.push_back(ReadScalar(i, dtype));
    kernel_ = ElementwiseKernel("math", {kBlock}, std::vector<DType>(arguments, dtype),
                                {Call(op, reads)});
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

/// Bases near 1 and anywhere, exponents that keep the result finite and any.
template <typename T>
Worst CheckPower(int64_t stride) {
  Evaluator<T> evaluator(ScalarOp::kPow, 2);
  Worst worst;
  std::vector<T> x(Evaluator<T>::kBlock), y(x.size()), z(x.size());
  constexpr uint64_t kSpecials = std::size(kSpecial);
  const uint64_t total = std::max<uint64_t>((uint64_t{1} << 26) / stride, x.size());
  for (uint64_t i = 0; i < total;) {
    for (size_t j = 0; j < x.size(); ++j, ++i) {
      if (i < kSpecials * kSpecials) {
        x[j] = static_cast<T>(kSpecial[i / kSpecials]);
        y[j] = static_cast<T>(kSpecial[i % kSpecials]);
        continue;
      }
      const double base = i % 3 ? std::abs(SpreadPattern(2 * i)) : std::abs(SpreadPattern(i | 1));
      const double limit = sizeof(T) == 4 ? 88 : 709;
      const double fraction = std::fmod(SpreadPattern(6 * i + 2), 1.1);
      x[j] = static_cast<T>(base);
      y[j] = static_cast<T>(i % 5 ? limit / std::log(base) * fraction
                                  : std::round(SpreadPattern(2 * i)));
    }
    evaluator.Run({x.data(), y.data()}, z.data());
    for (size_t j = 0; j < x.size(); ++j) worst.See(UlpError(z[j], powl(x[j], y[j])), x[j], y[j]);
  }
  return worst;
}

bool Report(std::string_view name, std::string_view dtype, const Worst& worst, double bound) {
  const bool good = worst.ulp <= bound;
  fmt::print("{:8} {}  {:.4f} ulp at {:a}{}  (bound {}){}\n", name, dtype, worst.ulp, worst.at,
             name == "pow" ? fmt::format(", {:a}", worst.second) : "", bound,
             good ? "" : "  BEYOND");
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
  for (const Function& function : kFunctions) {
    if (!only.empty() && only != function.name) continue;
    good &= Report(function.name, "f32", CheckFloats(function, stride), function.bound_ulp);
    good &= Report(function.name, "f64", CheckDoubles(function, stride), function.bound_ulp);
  }
  if (only.empty() || only == "pow") {
    good &= Report("pow", "f32", CheckPower<float>(stride), 4);
    good &= Report("pow", "f64", CheckPower<double>(stride), 4);
  }
  return static_cast<int>(good ? ExitStatus::kGood : ExitStatus::kDiffers);
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) { return descent::Main(argc, argv); }
