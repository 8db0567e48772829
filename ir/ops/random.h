// Random tensors as expressions, shared by the families random and initializer.
//
// Stream numbers: nodes of a graph have [0, 2^30), initializers the same numbers + 2^30, and a
// second word for the same node is at + 2^31.
#pragma once

#include <span>

#include "ir/expr.h"
#include "ir/op_def.h"

namespace descent {

inline constexpr int64_t kStreamLimit = int64_t{1} << 30;
inline constexpr int64_t kInitializerStreams = kStreamLimit;
inline constexpr int64_t kSecondWord = int64_t{1} << 31;

/// i64 in [0, 2^32)
Expr RandomWord(GraphBuilder& b, const Shape& shape, int64_t stream);
/// [0, 1)
Expr RandomUnit(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream);
Expr RandomUniform(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double low,
                   double high);
Expr RandomNormal(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream, double mean,
                  double deviation);
/// Standard Gumbel distribution, finite.
Expr RandomGumbel(GraphBuilder& b, const Shape& shape, DType dtype, int64_t stream);
/// i64 in [0, count), count at most 2^31.
Expr RandomBelow(GraphBuilder& b, const Shape& shape, int64_t stream, int64_t count);

/// The x below which a standard normal variable lies with probability p, an f64 in [0, 1]; infinite
/// at the ends.
Expr NormalQuantile(Expr p);

/// Of random operators: stream in [0, limit).
Result<void> CheckStream(const Attributes& attributes, int64_t limit = kStreamLimit);
/// Of distributions: every attribute that is a number, and the length of [low, high), is finite in
/// the attribute `dtype`, a float type.
Result<void> CheckParameters(const Attributes& attributes);
AttributeSpec StreamAttribute();

// The tables that make up the family.
std::span<const OpDef> RandomGenerators();
std::span<const OpDef> DropoutOps();

}  // namespace descent
