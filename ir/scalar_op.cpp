#include <array>

#include "ir/tensor_expr.h"

namespace descent {
namespace {

constexpr std::array<ScalarOpInfo, 42> kAll = {{
    {ScalarOp::kAdd, "add", 2},         {ScalarOp::kSub, "sub", 2},
    {ScalarOp::kMul, "mul", 2},         {ScalarOp::kDiv, "div", 2},
    {ScalarOp::kNeg, "neg", 1},         {ScalarOp::kAbs, "abs", 1},
    {ScalarOp::kMin, "min", 2},         {ScalarOp::kMax, "max", 2},
    {ScalarOp::kFmod, "fmod", 2},       {ScalarOp::kPow, "pow", 2},
    {ScalarOp::kFloor, "floor", 1},     {ScalarOp::kRound, "round", 1},
    {ScalarOp::kSqrt, "sqrt", 1},       {ScalarOp::kExp, "exp", 1},
    {ScalarOp::kExp2, "exp2", 1},       {ScalarOp::kExpm1, "expm1", 1},
    {ScalarOp::kLog, "log", 1},         {ScalarOp::kLog2, "log2", 1},
    {ScalarOp::kLog1p, "log1p", 1},     {ScalarOp::kSin, "sin", 1},
    {ScalarOp::kCos, "cos", 1},         {ScalarOp::kTan, "tan", 1},
    {ScalarOp::kAtan2, "atan2", 2},     {ScalarOp::kTanh, "tanh", 1},
    {ScalarOp::kSigmoid, "sigmoid", 1}, {ScalarOp::kErf, "erf", 1},
    {ScalarOp::kErfc, "erfc", 1},       {ScalarOp::kEq, "eq", 2},
    {ScalarOp::kNe, "ne", 2},           {ScalarOp::kLt, "lt", 2},
    {ScalarOp::kLe, "le", 2},           {ScalarOp::kGt, "gt", 2},
    {ScalarOp::kGe, "ge", 2},           {ScalarOp::kAnd, "and", 2},
    {ScalarOp::kOr, "or", 2},           {ScalarOp::kXor, "xor", 2},
    {ScalarOp::kShl, "shl", 2},         {ScalarOp::kShr, "shr", 2},
    {ScalarOp::kSelect, "select", 3},   {ScalarOp::kCast, "cast", 1},
    {ScalarOp::kPhilox, "philox", 5},   {ScalarOp::kAssertFinite, "assert_finite", 1},
}};

// The table is indexed by the enumeration.
static_assert([] {
  for (size_t i = 0; i < kAll.size(); ++i)
    if (static_cast<size_t>(kAll[i].op) != i) return false;
  return true;
}());

}  // namespace

const ScalarOpInfo& Info(ScalarOp op) { return kAll[static_cast<size_t>(op)]; }
std::span<const ScalarOpInfo> AllScalarOps() { return kAll; }

}  // namespace descent
