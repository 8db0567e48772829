#include "tests/compiler/codegen/reference_kernel.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "ir/diagnostic.h"
#include "ir/float16.h"
#include "ir/scalar_eval.h"
#include "runtime/abi.h"
#include "tests/compiler/codegen/reference_philox.h"
#include "tests/compiler/kernel/attention_reference.h"
#include "tests/compiler/kernel/form_reference.h"

namespace descent {
namespace {

/// Calls `body` for every point of `extents`, last axis fastest.
void ForEachPoint(const Shape& extents,
                  const std::function<void(const std::vector<int64_t>&)>& body) {
  if (Elements(extents) == 0) return;
  std::vector<int64_t> point(extents.size(), 0);
  while (true) {
    body(point);
    size_t d = extents.size();
    while (d > 0 && ++point[d - 1] == extents[d - 1]) point[--d] = 0;
    if (d == 0) return;
  }
}

std::vector<int64_t> Joined(std::vector<int64_t> a, const std::vector<int64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

ReferenceKernel::ReferenceKernel(const Kernel& kernel, const std::vector<Tensor>& values)
    : kernel_(kernel) {
  for (const Tensor& value : values)
    parameters_.push_back({value.type(), {value.bytes().begin(), value.bytes().end()}});
  for (const Local& local : kernel.locals) {
    const TensorType type{local.dtype, local.shape};
    locals_.push_back({type, std::vector<std::byte>(type.bytes())});
  }
}

std::vector<Tensor> ReferenceKernel::values() const {
  std::vector<Tensor> result;
  for (const Storage& storage : parameters_) result.emplace_back(storage.type, storage.bytes);
  return result;
}

uint32_t ReferenceKernel::Run() {
  std::visit([&](const auto& form) { RunForm(form); }, kernel_.form);
  return status_;
}

void ReferenceKernel::RunForm(const BucketsForm&) { RunWhole(RunBucketsReference); }
void ReferenceKernel::RunForm(const SortForm&) { RunWhole(RunSortReference); }
void ReferenceKernel::RunForm(const AttentionForm&) { RunWhole(RunAttentionReference); }
void ReferenceKernel::RunForm(const ContractionForm&) { RunForm(LoopsForm()); }

void ReferenceKernel::RunForm(const LoopsForm&) {
  ForEachPoint(kernel_.outer, [&](const Point& outer) {
    for (const Stage& stage : kernel_.stages) RunStage(stage, outer);
  });
}

void ReferenceKernel::RunForm(const ScatterForm& form) {
  Storage& destination = parameters_[form.destination];
  for (int64_t u = 0; u < form.updates; ++u) {
    const int64_t row = Load(parameters_[form.index], u).integer;
    if (row < 0 || row >= form.rows) {
      status_ |= DESCENT_STATUS_BAD_INDEX;
      continue;
    }
    for (int64_t e = 0; e < form.row_elements; ++e) {
      Number value = Load(parameters_[form.update], u * form.row_elements + e);
      const int64_t place = row * form.row_elements + e;
      if (form.combine) {
        const DType dtype = destination.type.dtype;
        const ScalarNode node{.kind = ScalarKind::kCall,
                              .dtype = dtype,
                              .op = *form.combine,
                              .arguments = {ReadScalar(0, dtype), ReadScalar(1, dtype)}};
        value = Round(dtype, Apply(node, {Load(destination, place), value}));
      }
      StoreAt(destination, place, value);
    }
  }
}

void ReferenceKernel::RunForm(const PrefixForm& form) {
  const AlongAxis& axis = form.axis;
  Storage& destination = parameters_.back();
  const Shape& shape = destination.type.shape;
  Stage reads;
  for (int i = 0; i + 1 < static_cast<int>(parameters_.size()); ++i) {
    StageRead read{.source = Source::kParameter, .index = i};
    for (size_t d = 0; d < shape.size(); ++d) read.coordinates.push_back(Axis(static_cast<int>(d)));
    reads.reads.push_back(std::move(read));
  }
  const auto strides = RowMajorStrides(shape);
  ForEachPoint({axis.outer, axis.inner}, [&](const Point& row) {
    Number state = Evaluate(reads, form.init, {}, {});
    for (int64_t t = 0; t < axis.length; ++t) {
      const int64_t place = form.reverse ? axis.length - 1 - t : t;
      const int64_t flat = (row[0] * axis.length + place) * axis.inner + row[1];
      Point point;
      for (size_t d = 0; d < shape.size(); ++d) point.push_back(flat / strides[d] % shape[d]);
      const Number next = Evaluate(reads, form.step, point, {state});
      StoreAt(destination, flat,
              Evaluate(reads, form.result, point, {form.exclusive ? state : next}));
      state = next;
    }
  });
}

void ReferenceKernel::RunWhole(std::vector<Tensor> (*reference)(const Kernel&,
                                                                std::vector<Tensor>)) {
  const std::vector<Tensor> results = reference(kernel_, values());
  for (size_t i = 0; i < parameters_.size(); ++i)
    parameters_[i].bytes.assign(results[i].bytes().begin(), results[i].bytes().end());
}

void ReferenceKernel::RunStage(const Stage& stage, const Point& outer) {
  const Shape parallel(stage.axes.begin(), stage.axes.begin() + stage.parallel);
  const Shape reduced(stage.axes.begin() + stage.parallel, stage.axes.end());
  ForEachPoint(parallel, [&](const Point& own) {
    const Point base = Joined(outer, own);
    std::vector<Number> accumulators;
    if (stage.reducer) {
      for (const Scalar& init : stage.reducer->init)
        accumulators.push_back(Evaluate(stage, init, base, {}));
      ForEachPoint(reduced, [&](const Point& inner) {
        const Point point = Joined(base, inner);
        std::vector<Number> next;
        for (const Scalar& step : stage.reducer->step)
          next.push_back(Evaluate(stage, step, point, accumulators));
        accumulators = next;
      });
    }
    std::vector<Number> results;
    for (const Scalar& result : stage.results)
      results.push_back(Evaluate(stage, result, base, accumulators));
    for (const StageStore& store : stage.stores) {
      if (store.local >= 0) {
        Storage& local = locals_[store.local];
        int64_t flat = 0;
        const auto strides = RowMajorStrides(local.type.shape);
        for (size_t d = 0; d < own.size() && d < strides.size(); ++d) flat += own[d] * strides[d];
        StoreAt(local, flat, results[store.result]);
      }
      if (store.parameter >= 0) {
        Storage& parameter = parameters_[store.parameter];
        const auto strides = RowMajorStrides(parameter.type.shape);
        int64_t flat = 0;
        for (size_t d = 0; d < strides.size(); ++d)
          flat += IndexAt(stage, store.coordinates[d], base) * strides[d];
        StoreAt(parameter, flat, results[store.result]);
      }
    }
  });
}

int64_t ReferenceKernel::IndexAt(const Stage& stage, const Index& index, const Point& point) {
  return descent::Evaluate(index, point,
                           [&](int read) { return ReadAt(stage, read, point).integer; });
}

ReferenceKernel::Number ReferenceKernel::ReadAt(const Stage& stage, int number,
                                                const Point& point) {
  const StageRead& read = stage.reads[number];
  for (const Guard& guard : read.guards) {
    const int64_t index = IndexAt(stage, guard.index, point);
    if (index < 0 || index >= guard.extent) return Evaluate(stage, read.outside, point, {});
  }
  const Storage& storage =
      read.source == Source::kParameter ? parameters_[read.index] : locals_[read.index];
  const auto strides = RowMajorStrides(storage.type.shape);
  int64_t flat = 0;
  for (size_t d = 0; d < strides.size(); ++d) {
    const int64_t coordinate = IndexAt(stage, read.coordinates[d], point);
    if (coordinate < 0 || coordinate >= storage.type.shape[d]) {
      status_ |= DESCENT_STATUS_BAD_INDEX;
      return {};
    }
    flat += coordinate * strides[d];
  }
  return Load(storage, flat);
}

ReferenceKernel::Number ReferenceKernel::Evaluate(const Stage& stage, const Scalar& scalar,
                                                  const Point& point,
                                                  const std::vector<Number>& accumulators) {
  switch (scalar->kind) {
    case ScalarKind::kConstant:
      return {scalar->number, scalar->integer};
    case ScalarKind::kIndex:
      return {0, IndexAt(stage, scalar->index, point)};
    case ScalarKind::kRead:
      return ReadAt(stage, scalar->slot, point);
    case ScalarKind::kAccumulator:
      return accumulators[scalar->slot];
    case ScalarKind::kOther:
      InternalError(__FILE__, __LINE__, "combine is not run here");
    case ScalarKind::kCall:
      break;
  }
  std::vector<Number> arguments;
  for (const Scalar& argument : scalar->arguments)
    arguments.push_back(Evaluate(stage, argument, point, accumulators));
  if (scalar->op == ScalarOp::kAssertFinite && !std::isfinite(arguments[0].real))
    status_ |= DESCENT_STATUS_NOT_FINITE;
  return Round(scalar->dtype, Apply(*scalar, arguments));
}

ReferenceKernel::Number ReferenceKernel::Load(const Storage& storage, int64_t flat) const {
  if (Info(storage.type.dtype).is_float)
    return {LoadDouble(storage.type.dtype, storage.bytes.data(), flat), 0};
  return {0, LoadInt(storage.type.dtype, storage.bytes.data(), flat)};
}

void ReferenceKernel::StoreAt(Storage& storage, int64_t flat, Number value) {
  if (Info(storage.type.dtype).is_float)
    StoreDouble(storage.type.dtype, storage.bytes.data(), flat, value.real);
  else
    StoreInt(storage.type.dtype, storage.bytes.data(), flat, value.integer);
}

ReferenceKernel::Number ReferenceKernel::Round(DType dtype, Number value) {
  if (Info(dtype).is_float) return {RoundToFloat(dtype, value.real), 0};
  return {0, WrapInteger(dtype, value.integer)};
}

namespace {

int64_t Divide(bool is_u64, int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (is_u64) return static_cast<int64_t>(static_cast<uint64_t>(a) / static_cast<uint64_t>(b));
  if (b == -1) return static_cast<int64_t>(-static_cast<uint64_t>(a));
  return a / b;
}

/// base^exponent modulo 2^64.
int64_t IntegerPower(bool is_u64, int64_t base, int64_t exponent) {
  const auto count = static_cast<uint64_t>(exponent);
  if (exponent < 0 && !is_u64) return base == 1 || base == -1 ? (exponent % 2 == 0 ? 1 : base) : 0;
  if (exponent == 0) return 1;
  const auto half =
      static_cast<uint64_t>(IntegerPower(is_u64, base, static_cast<int64_t>(count / 2)));
  const uint64_t power = half * half;
  return static_cast<int64_t>(count % 2 == 0 ? power : power * static_cast<uint64_t>(base));
}

}  // namespace

ReferenceKernel::Number ReferenceKernel::Apply(const ScalarNode& node,
                                               const std::vector<Number>& x) {
  const DType operand = node.arguments.back()->dtype;
  const double a = x[0].real, b = x.size() > 1 ? x[1].real : 0;
  const int64_t i = x[0].integer, j = x.size() > 1 ? x[1].integer : 0;
  const auto wrap = [](uint64_t value) { return static_cast<int64_t>(value); };
  const auto ui = static_cast<uint64_t>(i), uj = static_cast<uint64_t>(j);
  const bool real = Info(operand).is_float, is_u64 = operand == DType::kU64;
  const bool below = is_u64 ? ui < uj : i < j, above = is_u64 ? ui > uj : i > j;
  const auto truth = [&](bool reals, bool integers) { return Number{0, real ? reals : integers}; };
  switch (node.op) {
    case ScalarOp::kAdd:
      return {a + b, wrap(ui + uj)};
    case ScalarOp::kSub:
      return {a - b, wrap(ui - uj)};
    case ScalarOp::kMul:
      return {a * b, wrap(ui * uj)};
    case ScalarOp::kDiv:
      return {a / b, Divide(is_u64, i, j)};
    case ScalarOp::kNeg:
      return {-a, wrap(-ui)};
    case ScalarOp::kAbs:
      return {std::abs(a), i < 0 && !is_u64 ? wrap(-ui) : i};
    case ScalarOp::kMin:
      return {std::isnan(b) || b < a ? b : a, below ? i : j};
    case ScalarOp::kMax:
      return {std::isnan(b) || b > a ? b : a, above ? i : j};
    case ScalarOp::kFmod:
      return {std::fmod(a, b),
              wrap(ui - uj * static_cast<uint64_t>(Divide(is_u64, i, j))) * (j != 0)};
    case ScalarOp::kFloor:
      return {std::floor(a)};
    case ScalarOp::kRound:
      return {std::rint(a)};
    case ScalarOp::kSqrt:
      return {std::sqrt(a)};
    case ScalarOp::kPow:
      return {std::pow(a, b), IntegerPower(is_u64, i, j)};
    case ScalarOp::kExp:
      return {std::exp(a)};
    case ScalarOp::kExp2:
      return {std::exp2(a)};
    case ScalarOp::kExpm1:
      return {std::expm1(a)};
    case ScalarOp::kLog:
      return {std::log(a)};
    case ScalarOp::kLog2:
      return {std::log2(a)};
    case ScalarOp::kLog1p:
      return {std::log1p(a)};
    case ScalarOp::kSin:
      return {std::sin(a)};
    case ScalarOp::kCos:
      return {std::cos(a)};
    case ScalarOp::kTan:
      return {std::tan(a)};
    case ScalarOp::kAtan2:
      return {std::atan2(a, b)};
    case ScalarOp::kTanh:
      return {std::tanh(a)};
    case ScalarOp::kSigmoid:
      return {1 / (1 + std::exp(-a))};
    case ScalarOp::kErf:
      return {std::erf(a)};
    case ScalarOp::kErfc:
      return {std::erfc(a)};
    case ScalarOp::kEq:
      return truth(a == b, i == j);
    case ScalarOp::kNe:
      return truth(a != b, i != j);
    case ScalarOp::kLt:
      return truth(a < b, below);
    case ScalarOp::kLe:
      return truth(a <= b, !above);
    case ScalarOp::kGt:
      return truth(a > b, above);
    case ScalarOp::kGe:
      return truth(a >= b, !below);
    case ScalarOp::kAnd:
      return {0, i & j};
    case ScalarOp::kOr:
      return {0, i | j};
    case ScalarOp::kXor:
      return {0, i ^ j};
    case ScalarOp::kShl:
      return {0, j >= 0 && j < 64 ? wrap(ui << j) : 0};
    case ScalarOp::kShr:
      if (is_u64) return {0, uj < 64 ? wrap(ui >> uj) : 0};
      return {0, j >= 0 && j < 64 ? i >> j : i >> 63};
    case ScalarOp::kSelect:
      return i ? x[1] : x[2];
    case ScalarOp::kCast: {
      if (node.dtype == DType::kBool) return truth(a != 0, i != 0);
      const Cell cell = real ? NumberCell(a) : IntegerCell(i);
      const Cell cast = EvaluateCast(operand, node.dtype, cell);
      return Info(node.dtype).is_float ? Number{cast.number, 0} : Number{0, cast.integer};
    }
    case ScalarOp::kAssertFinite:
      return x[0];
    case ScalarOp::kPhilox:
      return {0, ReferencePhilox(i, j, x[2].integer, x[3].integer, x[4].integer)};
  }
  InternalError(__FILE__, __LINE__, "unknown scalar op");
}

}  // namespace descent
