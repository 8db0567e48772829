// SLEEF's functions of vectors; what is put together of them is written as one would with them.
// Compiled for the CPU that it is built on.
#include "tests/benchmark/micro/peers.h"

#if defined(DESCENT_WITH_SLEEF) && defined(__AVX2__)
#include <immintrin.h>
#include <sleef.h>

namespace descent::bench {
namespace {

#ifdef __AVX512F__
using Vector = __m512;
Vector Same(float value) { return _mm512_set1_ps(value); }
Vector Load(const float* from) { return _mm512_loadu_ps(from); }
void Store(float* to, Vector v) { _mm512_storeu_ps(to, v); }
Vector Exp(Vector v) { return Sleef_expf16_u10avx512f(v); }
Vector Tanh(Vector v) { return Sleef_tanhf16_u10avx512f(v); }
Vector Log(Vector v) { return Sleef_logf16_u10avx512f(v); }
Vector Erf(Vector v) { return Sleef_erff16_u10avx512f(v); }
#else
using Vector = __m256;
Vector Same(float value) { return _mm256_set1_ps(value); }
Vector Load(const float* from) { return _mm256_loadu_ps(from); }
void Store(float* to, Vector v) { _mm256_storeu_ps(to, v); }
Vector Exp(Vector v) { return Sleef_expf8_u10avx2(v); }
Vector Tanh(Vector v) { return Sleef_tanhf8_u10avx2(v); }
Vector Log(Vector v) { return Sleef_logf8_u10avx2(v); }
Vector Erf(Vector v) { return Sleef_erff8_u10avx2(v); }
#endif

Vector Sigmoid(Vector v) { return Same(1) / (Same(1) + Exp(-v)); }
Vector GeluErf(Vector v) { return v * Same(0.5F) * (Same(1) + Erf(v * Same(0.70710678F))); }
Vector GeluTanh(Vector v) {
  const Vector cubic = v + Same(0.044715F) * v * v * v;
  return v * Same(0.5F) * (Same(1) + Tanh(Same(0.79788456F) * cubic));
}

/// `count` is a multiple of the vector's length.
template <Vector (*kFunction)(Vector)>
void Map(const float* x, float* y, size_t count) {
  constexpr size_t kLanes = sizeof(Vector) / sizeof(float);
  for (size_t i = 0; i < count; i += kLanes) Store(y + i, kFunction(Load(x + i)));
}

/// By Function.
constexpr void (*kMaps[])(const float*, float*, size_t) = {
    Map<Exp>, Map<Tanh>, Map<Sigmoid>, Map<Log>, Map<Erf>, Map<GeluErf>, Map<GeluTanh>};

}  // namespace

PeerMaker SleefFunction(Function function) {
  return [map = kMaps[static_cast<size_t>(function)]](const Inputs& inputs) -> std::optional<Peer> {
    auto x = std::make_shared<std::vector<float>>(inputs.at("x"));
    auto y = std::make_shared<std::vector<float>>(x->size());
    return Peer{.name = "SLEEF",
                .run = [=] { map(x->data(), y->data(), x->size()); },
                .result = [=] { return *y; }};
  };
}

}  // namespace descent::bench

#else

namespace descent::bench {

PeerMaker SleefFunction(Function) {
  return [](const Inputs&) { return std::nullopt; };
}

}  // namespace descent::bench

#endif
