// Index expressions of ir/tensor_expr.h.
#include "ir/tensor_expr.h"

#include <fmt/format.h>

#include "ir/diagnostic.h"
#include "ir/index_map.h"

namespace descent {
namespace {

Index MakeIndex(IndexKind kind, int64_t value, Index a = nullptr, Index b = nullptr) {
  return std::make_shared<const IndexNode>(IndexNode{kind, value, std::move(a), std::move(b)});
}

bool IsConstant(const Index& index) { return index->kind == IndexKind::kConstant; }

}  // namespace

Index ConstantIndex(int64_t value) { return MakeIndex(IndexKind::kConstant, value); }
Index Axis(int axis) { return MakeIndex(IndexKind::kAxis, axis); }
Index ReadIndex(int read) { return MakeIndex(IndexKind::kRead, read); }

Index operator+(const Index& a, const Index& b) {
  if (IsConstant(a) && IsConstant(b)) return ConstantIndex(a->value + b->value);
  if (IsConstant(a)) return b + a;  // constants stand right
  if (IsConstant(b)) {
    if (b->value == 0) return a;
    if (a->kind == IndexKind::kAdd && IsConstant(a->b))
      return a->a + ConstantIndex(a->b->value + b->value);
  }
  return MakeIndex(IndexKind::kAdd, 0, a, b);
}

Index operator*(const Index& a, int64_t factor) {
  if (factor == 0) return ConstantIndex(0);
  if (factor == 1) return a;
  if (IsConstant(a)) return ConstantIndex(a->value * factor);
  if (a->kind == IndexKind::kMul) return a->a * (a->value * factor);
  return MakeIndex(IndexKind::kMul, factor, a);
}

Index FloorDiv(const Index& a, int64_t divisor) {
  if (divisor == 1) return a;
  if (IsConstant(a)) return ConstantIndex(FloorDivide(a->value, divisor));
  return MakeIndex(IndexKind::kFloorDiv, divisor, a);
}

Index Mod(const Index& a, int64_t divisor) {
  if (divisor == 1) return ConstantIndex(0);
  if (IsConstant(a)) return ConstantIndex(a->value - divisor * FloorDivide(a->value, divisor));
  return MakeIndex(IndexKind::kMod, divisor, a);
}

int64_t Evaluate(const Index& index, std::span<const int64_t> axes,
                 const std::function<int64_t(int)>& read) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return index->value;
    case IndexKind::kAxis:
      return axes[index->value];
    case IndexKind::kAdd:
      return Evaluate(index->a, axes, read) + Evaluate(index->b, axes, read);
    case IndexKind::kMul:
      return Evaluate(index->a, axes, read) * index->value;
    case IndexKind::kFloorDiv:
      return FloorDivide(Evaluate(index->a, axes, read), index->value);
    case IndexKind::kMod: {
      const int64_t a = Evaluate(index->a, axes, read);
      return a - index->value * FloorDivide(a, index->value);
    }
    case IndexKind::kRead:
      return read(static_cast<int>(index->value));
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

Index Substitute(const Index& index, std::span<const Index> axes, int read_offset) {
  switch (index->kind) {
    case IndexKind::kConstant:
      return index;
    case IndexKind::kAxis:
      return axes[index->value];
    case IndexKind::kAdd:
      return Substitute(index->a, axes, read_offset) + Substitute(index->b, axes, read_offset);
    case IndexKind::kMul:
      return Substitute(index->a, axes, read_offset) * index->value;
    case IndexKind::kFloorDiv:
      return FloorDiv(Substitute(index->a, axes, read_offset), index->value);
    case IndexKind::kMod:
      return Mod(Substitute(index->a, axes, read_offset), index->value);
    case IndexKind::kRead:
      return ReadIndex(static_cast<int>(index->value) + read_offset);
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

bool SameIndex(const Index& a, const Index& b) {
  if (a == b) return true;
  if (!a || !b) return false;
  return a->kind == b->kind && a->value == b->value && SameIndex(a->a, b->a) &&
         SameIndex(a->b, b->b);
}

std::string ToString(const Index& index) {
  const auto operand = [](const Index& inner) {
    const bool atom = inner->kind == IndexKind::kAxis || inner->kind == IndexKind::kRead ||
                      (inner->kind == IndexKind::kConstant && inner->value >= 0);
    return atom ? ToString(inner) : "(" + ToString(inner) + ")";
  };
  switch (index->kind) {
    case IndexKind::kConstant:
      return fmt::format("{}", index->value);
    case IndexKind::kAxis:
      return fmt::format("i{}", index->value);
    case IndexKind::kAdd:
      if (IsConstant(index->b) && index->b->value < 0)
        return fmt::format("{} - {}", ToString(index->a), -index->b->value);
      return fmt::format("{} + {}", ToString(index->a), ToString(index->b));
    case IndexKind::kMul:
      return fmt::format("{} * {}", operand(index->a), index->value);
    case IndexKind::kFloorDiv:
      return fmt::format("{} / {}", operand(index->a), index->value);
    case IndexKind::kMod:
      return fmt::format("{} % {}", operand(index->a), index->value);
    case IndexKind::kRead:
      return fmt::format("r{}", index->value);
  }
  InternalError(__FILE__, __LINE__, "unknown index kind");
}

std::optional<AffineIndex> AsAffine(const Index& index, int axis_count) {
  AffineIndex affine{std::vector<int64_t>(axis_count, 0), 0};
  switch (index->kind) {
    case IndexKind::kConstant:
      affine.constant = index->value;
      return affine;
    case IndexKind::kAxis:
      affine.coefficients[index->value] = 1;
      return affine;
    case IndexKind::kAdd: {
      auto a = AsAffine(index->a, axis_count), b = AsAffine(index->b, axis_count);
      if (!a || !b) return std::nullopt;
      for (int i = 0; i < axis_count; ++i) a->coefficients[i] += b->coefficients[i];
      a->constant += b->constant;
      return a;
    }
    case IndexKind::kMul: {
      auto a = AsAffine(index->a, axis_count);
      if (!a) return std::nullopt;
      for (int64_t& coefficient : a->coefficients) coefficient *= index->value;
      a->constant *= index->value;
      return a;
    }
    case IndexKind::kFloorDiv:
    case IndexKind::kMod:
    case IndexKind::kRead:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace descent
