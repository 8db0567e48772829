#include "compiler/codegen/scalar_emitter.h"

#include <llvm/IR/Intrinsics.h>

#include <array>
#include <cmath>
#include <limits>

#include "compiler/codegen/float16_emitter.h"
#include "compiler/codegen/vector_math.h"
#include "ir/float16.h"

namespace descent {
namespace {

/// Arguments of one instruction, all of the same lane count, and what its emission needs to know.
struct Operation {
  FunctionEmitter& f;
  llvm::IRBuilder<>& b;
  DType dtype;    ///< of the result
  DType operand;  ///< of the last argument
  int lanes;
  std::vector<llvm::Value*> x;

  bool is_float() const { return Info(operand).is_float; }
  bool is_unsigned() const { return Info(operand).is_unsigned; }
  llvm::Constant* Int(int64_t value) {
    return llvm::ConstantInt::get(x.back()->getType(), static_cast<uint64_t>(value), true);
  }
  llvm::Constant* Float(double value) { return llvm::ConstantFP::get(x.back()->getType(), value); }
  llvm::Type* ResultType() { return f.Widen(f.RegisterType(dtype), lanes); }
};

using Emit = llvm::Value* (*)(Operation&);

// ---- arithmetic --------------------------------------------------------------------------------

llvm::Value* EmitAdd(Operation& o) {
  return o.is_float() ? o.b.CreateFAdd(o.x[0], o.x[1]) : o.b.CreateAdd(o.x[0], o.x[1]);
}
llvm::Value* EmitSub(Operation& o) {
  return o.is_float() ? o.b.CreateFSub(o.x[0], o.x[1]) : o.b.CreateSub(o.x[0], o.x[1]);
}
llvm::Value* EmitMul(Operation& o) {
  return o.is_float() ? o.b.CreateFMul(o.x[0], o.x[1]) : o.b.CreateMul(o.x[0], o.x[1]);
}

/// Truncates; n / 0 = 0, and the lowest integer divided by -1 wraps to itself.
llvm::Value* EmitDiv(Operation& o) {
  if (o.is_float()) return o.f.Quotient(o.x[0], o.x[1]);
  llvm::Value* by_zero = o.b.CreateICmpEQ(o.x[1], o.Int(0));
  if (o.is_unsigned()) {
    llvm::Value* divisor = o.b.CreateSelect(by_zero, o.Int(1), o.x[1]);
    return o.b.CreateSelect(by_zero, o.Int(0), o.b.CreateUDiv(o.x[0], divisor));
  }
  llvm::Value* by_minus_one = o.b.CreateICmpEQ(o.x[1], o.Int(-1));
  llvm::Value* divisor = o.b.CreateSelect(o.b.CreateOr(by_zero, by_minus_one), o.Int(1), o.x[1]);
  llvm::Value* quotient = o.b.CreateSDiv(o.x[0], divisor);
  quotient = o.b.CreateSelect(by_minus_one, o.b.CreateNeg(o.x[0]), quotient);
  return o.b.CreateSelect(by_zero, o.Int(0), quotient);
}

llvm::Value* EmitNeg(Operation& o) {
  return o.is_float() ? o.b.CreateFNeg(o.x[0]) : o.b.CreateNeg(o.x[0]);
}

llvm::Value* EmitAbs(Operation& o) {
  if (o.is_float()) return o.b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, o.x[0]);
  if (o.is_unsigned()) return o.x[0];
  return o.b.CreateSelect(o.b.CreateICmpSLT(o.x[0], o.Int(0)), o.b.CreateNeg(o.x[0]), o.x[0]);
}

/// The second value if it is beyond the first, or NaN. (x86's minps and maxps give their second
/// operand if either is NaN, so only one side needs care.)
llvm::Value* EmitExtremum(Operation& o, llvm::CmpInst::Predicate floats,
                          llvm::CmpInst::Predicate signed_integers,
                          llvm::CmpInst::Predicate unsigned_integers) {
  if (!o.is_float()) {
    const auto predicate = o.is_unsigned() ? unsigned_integers : signed_integers;
    return o.b.CreateSelect(o.b.CreateICmp(predicate, o.x[1], o.x[0]), o.x[1], o.x[0]);
  }
  llvm::Value* chosen = o.b.CreateSelect(o.b.CreateFCmp(floats, o.x[1], o.x[0]), o.x[1], o.x[0]);
  return o.b.CreateSelect(o.b.CreateFCmpUNO(o.x[1], o.x[1]), o.x[1], chosen);
}
llvm::Value* EmitMin(Operation& o) {
  using enum llvm::CmpInst::Predicate;
  return EmitExtremum(o, FCMP_OLT, ICMP_SLT, ICMP_ULT);
}
llvm::Value* EmitMax(Operation& o) {
  using enum llvm::CmpInst::Predicate;
  return EmitExtremum(o, FCMP_OGT, ICMP_SGT, ICMP_UGT);
}

template <llvm::Intrinsic::ID kIntrinsic>
llvm::Value* Instruction(Operation& o) {
  return o.b.CreateUnaryIntrinsic(kIntrinsic, o.x[0]);
}

template <auto kFunction>
llvm::Value* Function(Operation& o) {
  return kFunction(o.f, o.x[0]);
}
template <auto kFunction>
llvm::Value* Function2(Operation& o) {
  return kFunction(o.f, o.x[0], o.x[1]);
}

/// What the truncating division leaves; 0 for the divisors 0 and -1.
llvm::Value* EmitRemainder(Operation& o) {
  if (o.is_float()) return EmitFmod(o.f, o.x[0], o.x[1]);
  llvm::Value* by_one = o.b.CreateICmpEQ(o.x[1], o.Int(0));
  if (!o.is_unsigned()) by_one = o.b.CreateOr(by_one, o.b.CreateICmpEQ(o.x[1], o.Int(-1)));
  llvm::Value* divisor = o.b.CreateSelect(by_one, o.Int(1), o.x[1]);
  return o.is_unsigned() ? o.b.CreateURem(o.x[0], divisor) : o.b.CreateSRem(o.x[0], divisor);
}

/// By squaring; a negative exponent leaves 1, -1 or 0.
llvm::Value* EmitIntegerPower(Operation& o) {
  llvm::Value* odd = o.b.CreateICmpNE(o.b.CreateAnd(o.x[1], o.Int(1)), o.Int(0));
  llvm::Type* type = o.x[0]->getType();
  llvm::AllocaInst* power = o.f.Variable(type);
  llvm::AllocaInst* square = o.f.Variable(type);
  llvm::AllocaInst* rest = o.f.Variable(type);
  o.b.CreateStore(o.Int(1), power);
  o.b.CreateStore(o.x[0], square);
  o.b.CreateStore(o.x[1], rest);
  o.f.While([&] { return o.f.Any(o.b.CreateICmpNE(o.b.CreateLoad(type, rest), o.Int(0))); },
            [&] {
              llvm::Value* bits = o.b.CreateLoad(type, rest);
              llvm::Value* factor = o.b.CreateLoad(type, square);
              llvm::Value* so_far = o.b.CreateLoad(type, power);
              llvm::Value* counts = o.b.CreateICmpNE(o.b.CreateAnd(bits, o.Int(1)), o.Int(0));
              o.b.CreateStore(o.b.CreateSelect(counts, o.b.CreateMul(so_far, factor), so_far),
                              power);
              o.b.CreateStore(o.b.CreateMul(factor, factor), square);
              o.b.CreateStore(o.b.CreateLShr(bits, 1), rest);
            });
  llvm::Value* result = o.b.CreateLoad(type, power);
  if (o.is_unsigned()) return result;
  llvm::Value* of_minus_one = o.b.CreateSelect(odd, o.Int(-1), o.Int(1));
  llvm::Value* inverse =
      o.b.CreateSelect(o.b.CreateICmpEQ(o.x[0], o.Int(-1)), of_minus_one, o.Int(0));
  inverse = o.b.CreateSelect(o.b.CreateICmpEQ(o.x[0], o.Int(1)), o.Int(1), inverse);
  return o.b.CreateSelect(o.b.CreateICmpSLT(o.x[1], o.Int(0)), inverse, result);
}

llvm::Value* EmitPower(Operation& o) {
  return o.is_float() ? EmitPow(o.f, o.x[0], o.x[1]) : EmitIntegerPower(o);
}

// ---- comparisons, bools, bits -------------------------------------------------------------------

template <llvm::CmpInst::Predicate kFloat, llvm::CmpInst::Predicate kSigned,
          llvm::CmpInst::Predicate kUnsigned>
llvm::Value* Compare(Operation& o) {
  if (o.is_float()) return o.b.CreateFCmp(kFloat, o.x[0], o.x[1]);
  return o.b.CreateICmp(o.is_unsigned() ? kUnsigned : kSigned, o.x[0], o.x[1]);
}

llvm::Value* EmitAnd(Operation& o) { return o.b.CreateAnd(o.x[0], o.x[1]); }
llvm::Value* EmitOr(Operation& o) { return o.b.CreateOr(o.x[0], o.x[1]); }
llvm::Value* EmitXor(Operation& o) { return o.b.CreateXor(o.x[0], o.x[1]); }

/// LLVM leaves counts outside [0, width) undefined.
llvm::Value* ShiftCountFits(Operation& o) {
  return o.b.CreateICmpULT(o.x[1], o.Int(o.x[1]->getType()->getScalarSizeInBits()));
}
llvm::Value* EmitShiftLeft(Operation& o) {
  llvm::Value* fits = ShiftCountFits(o);
  llvm::Value* shifted = o.b.CreateShl(o.x[0], o.b.CreateSelect(fits, o.x[1], o.Int(0)));
  return o.b.CreateSelect(fits, shifted, o.Int(0));
}
llvm::Value* EmitShiftRight(Operation& o) {
  llvm::Value* fits = ShiftCountFits(o);
  const int64_t most = o.x[1]->getType()->getScalarSizeInBits() - 1;
  llvm::Value* count = o.b.CreateSelect(fits, o.x[1], o.Int(most));
  if (!o.is_unsigned()) return o.b.CreateAShr(o.x[0], count);
  return o.b.CreateSelect(fits, o.b.CreateLShr(o.x[0], count), o.Int(0));
}
llvm::Value* EmitSelect(Operation& o) { return o.b.CreateSelect(o.x[0], o.x[1], o.x[2]); }

// ---- casts -------------------------------------------------------------------------------------

/// Truncates toward zero; saturates; NaN is 0. (fptosi of such values would be poison.)
llvm::Value* FloatToInteger(Operation& o) {
  const bool is_unsigned = Info(o.dtype).is_unsigned;
  // [low, high): the floats whose truncation fits; both bounds are exact in f32.
  const double low = static_cast<double>(LowestInteger(o.dtype));
  const double high = std::ldexp(1.0, Info(o.dtype).digits);
  llvm::Value* too_low = o.b.CreateFCmpOLT(o.x[0], o.Float(low));
  llvm::Value* too_high = o.b.CreateFCmpOGE(o.x[0], o.Float(high));
  llvm::Value* fits =
      o.b.CreateAnd(o.b.CreateFCmpOGE(o.x[0], o.Float(low)), o.b.CreateNot(too_high));
  llvm::Value* safe = o.b.CreateSelect(fits, o.x[0], o.Float(0));
  const bool narrow = Info(o.dtype).bytes < 4;
  llvm::Type* through = narrow ? o.f.Widen(o.b.getInt32Ty(), o.lanes) : o.ResultType();
  llvm::Value* whole =
      is_unsigned && !narrow ? o.b.CreateFPToUI(safe, through) : o.b.CreateFPToSI(safe, through);
  llvm::Value* value = o.b.CreateTrunc(whole, o.ResultType());
  auto limit = [&](int64_t bound) {
    return llvm::ConstantInt::get(o.ResultType(), static_cast<uint64_t>(bound), true);
  };
  value = o.b.CreateSelect(too_low, limit(LowestInteger(o.dtype)), value);
  return o.b.CreateSelect(too_high, limit(HighestInteger(o.dtype)), value);
}

llvm::Value* EmitCast(Operation& o) {
  const bool to_float = Info(o.dtype).is_float;
  if (o.dtype == DType::kBool)
    return o.is_float() ? o.b.CreateFCmpUNE(o.x[0], o.Float(0))
                        : o.b.CreateICmpNE(o.x[0], o.Int(0));
  if (ArithmeticType(o.dtype) != o.dtype)
    return EmitRoundToFloat16(o.f, o.operand, o.dtype, o.x[0]);
  if (o.is_float()) return to_float ? o.b.CreateFPCast(o.x[0], o.ResultType()) : FloatToInteger(o);
  if (to_float)
    return o.is_unsigned() ? o.b.CreateUIToFP(o.x[0], o.ResultType())
                           : o.b.CreateSIToFP(o.x[0], o.ResultType());
  return o.b.CreateIntCast(o.x[0], o.ResultType(), !o.is_unsigned());
}

// ---- random numbers ----------------------------------------------------------------------------
// J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011): Philox4x32-10.

/// Words of the counter as 64-bit lanes below 2^32, so that products are single instructions.
struct PhiloxState {
  llvm::Value* counter[4];
  llvm::Value* key[2];
};

void PhiloxRounds(Operation& o, PhiloxState& s) {
  auto& b = o.b;
  llvm::Type* type = s.counter[0]->getType();
  auto constant = [&](uint64_t value) { return llvm::ConstantInt::get(type, value); };
  llvm::Value* word_mask = constant(0xffffffff);
  for (int round = 0; round < 10; ++round) {
    llvm::Value* a = b.CreateMul(constant(0xd2511f53), s.counter[0]);
    llvm::Value* c = b.CreateMul(constant(0xcd9e8d57), s.counter[2]);
    llvm::Value* next0 = b.CreateXor(b.CreateXor(b.CreateLShr(c, 32), s.counter[1]), s.key[0]);
    llvm::Value* next2 = b.CreateXor(b.CreateXor(b.CreateLShr(a, 32), s.counter[3]), s.key[1]);
    s.counter[1] = b.CreateAnd(c, word_mask);
    s.counter[3] = b.CreateAnd(a, word_mask);
    s.counter[0] = next0;
    s.counter[2] = next2;
    auto key_constant = [&](uint64_t value) {
      return llvm::ConstantInt::get(s.key[0]->getType(), value);
    };
    llvm::Value* key_mask = key_constant(0xffffffff);
    s.key[0] = b.CreateAnd(b.CreateAdd(s.key[0], key_constant(0x9e3779b9)), key_mask);
    s.key[1] = b.CreateAnd(b.CreateAdd(s.key[1], key_constant(0xbb67ae85)), key_mask);
  }
}

/// The key of a node depends on no element: its arguments, scalars as a rule, stay outside of the
/// loops.
void NodeKey(Operation& o, llvm::Value* key[2]) {
  auto& b = o.b;
  int lanes = 1;
  for (int i = 0; i < 4; ++i) lanes = std::max(lanes, LaneCount(o.x[i]));
  auto low = [&](llvm::Value* v) {
    return b.CreateAnd(v, llvm::ConstantInt::get(v->getType(), 0xffffffff));
  };
  auto high = [&](llvm::Value* v) { return b.CreateLShr(v, 32); };
  llvm::Value* words[4];
  for (int i = 0; i < 4; ++i) words[i] = o.f.Splat(o.x[i], lanes);
  const auto [seed, step, iteration, stream] = words;
  PhiloxState state = {{low(step), high(step), low(stream), low(iteration)},
                       {low(seed), high(seed)}};
  PhiloxRounds(o, state);
  key[0] = state.counter[0];
  key[1] = state.counter[1];
}

/// Element i takes word (i mod 64) / 16 at counter 16 (i / 64) + i mod 16.
llvm::Value* EmitPhilox(Operation& o) {
  auto& b = o.b;
  llvm::Value* key[2];
  NodeKey(o, key);
  llvm::Value* index = o.f.Splat(o.x[4], LaneCount(key[0]));
  llvm::Value* counter =
      b.CreateOr(b.CreateShl(b.CreateLShr(index, 6), 4), b.CreateAnd(index, o.Int(15)));
  llvm::Value* zero = o.Int(0);
  const int lanes = LaneCount(index);
  PhiloxState state = {
      {b.CreateAnd(counter, o.Int(0xffffffff)), b.CreateLShr(counter, 32), zero, zero},
      {o.f.Splat(key[0], lanes), o.f.Splat(key[1], lanes)}};
  PhiloxRounds(o, state);
  llvm::Value* word = b.CreateAnd(b.CreateLShr(index, 4), o.Int(3));
  llvm::Value* result = state.counter[0];
  for (int i = 1; i < 4; ++i)
    result = b.CreateSelect(b.CreateICmpEQ(word, o.Int(i)), state.counter[i], result);
  return result;
}

// ---- the table ---------------------------------------------------------------------------------

struct Row {
  ScalarOp op;
  Emit emit;
  bool keep_scalars = false;  ///< takes arguments as they come instead of all widened alike
};

using enum llvm::CmpInst::Predicate;
constexpr std::array<Row, 42> kRows = {{
    {ScalarOp::kAdd, EmitAdd},
    {ScalarOp::kSub, EmitSub},
    {ScalarOp::kMul, EmitMul},
    {ScalarOp::kDiv, EmitDiv},
    {ScalarOp::kNeg, EmitNeg},
    {ScalarOp::kAbs, EmitAbs},
    {ScalarOp::kMin, EmitMin},
    {ScalarOp::kMax, EmitMax},
    {ScalarOp::kFmod, EmitRemainder},
    {ScalarOp::kPow, EmitPower},
    {ScalarOp::kFloor, Instruction<llvm::Intrinsic::floor>},
    {ScalarOp::kRound, Instruction<llvm::Intrinsic::roundeven>},
    {ScalarOp::kSqrt, Instruction<llvm::Intrinsic::sqrt>},
    {ScalarOp::kExp, Function<EmitExp>},
    {ScalarOp::kExp2, Function<EmitExp2>},
    {ScalarOp::kExpm1, Function<EmitExpm1>},
    {ScalarOp::kLog, Function<EmitLog>},
    {ScalarOp::kLog2, Function<EmitLog2>},
    {ScalarOp::kLog1p, Function<EmitLog1p>},
    {ScalarOp::kSin, Function<EmitSin>},
    {ScalarOp::kCos, Function<EmitCos>},
    {ScalarOp::kTan, Function<EmitTan>},
    {ScalarOp::kAtan2, Function2<EmitAtan2>},
    {ScalarOp::kTanh, Function<EmitTanh>},
    {ScalarOp::kSigmoid, Function<EmitSigmoid>},
    {ScalarOp::kErf, Function<EmitErf>},
    {ScalarOp::kErfc, Function<EmitErfc>},
    {ScalarOp::kEq, Compare<FCMP_OEQ, ICMP_EQ, ICMP_EQ>},
    {ScalarOp::kNe, Compare<FCMP_UNE, ICMP_NE, ICMP_NE>},
    {ScalarOp::kLt, Compare<FCMP_OLT, ICMP_SLT, ICMP_ULT>},
    {ScalarOp::kLe, Compare<FCMP_OLE, ICMP_SLE, ICMP_ULE>},
    {ScalarOp::kGt, Compare<FCMP_OGT, ICMP_SGT, ICMP_UGT>},
    {ScalarOp::kGe, Compare<FCMP_OGE, ICMP_SGE, ICMP_UGE>},
    {ScalarOp::kAnd, EmitAnd},
    {ScalarOp::kOr, EmitOr},
    {ScalarOp::kXor, EmitXor},
    {ScalarOp::kShl, EmitShiftLeft},
    {ScalarOp::kShr, EmitShiftRight},
    {ScalarOp::kSelect, EmitSelect},
    {ScalarOp::kCast, EmitCast},
    {ScalarOp::kPhilox, EmitPhilox, /*keep_scalars=*/true},
    {ScalarOp::kAssertFinite, [](Operation& o) { return o.x[0]; }, /*keep_scalars=*/true},
}};
static_assert([] {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<size_t>(kRows[i].op) != i) return false;
  return true;
}());

}  // namespace

llvm::Value* EmitScalarOp(FunctionEmitter& f, const ScalarNode& node,
                          std::span<llvm::Value* const> arguments) {
  const Row& row = kRows[static_cast<size_t>(node.op)];
  int lanes = 1;
  for (llvm::Value* argument : arguments) lanes = std::max(lanes, LaneCount(argument));
  Operation operation{f, f.b, node.dtype, node.arguments.back()->dtype, lanes, {}};
  for (llvm::Value* argument : arguments)
    operation.x.push_back(row.keep_scalars ? argument : f.Splat(argument, lanes));
  return row.emit(operation);
}

llvm::Constant* EmitConstant(FunctionEmitter& f, const ScalarNode& node) {
  llvm::Type* type = f.RegisterType(node.dtype);
  if (Info(node.dtype).is_float) {
    if (std::isnan(node.number)) return llvm::ConstantFP::getNaN(type);
    return llvm::ConstantFP::get(type, RoundToFloat(node.dtype, node.number));
  }
  const int64_t value = node.dtype == DType::kBool ? node.integer != 0 : node.integer;
  return llvm::ConstantInt::get(type, static_cast<uint64_t>(value), true);
}

}  // namespace descent
