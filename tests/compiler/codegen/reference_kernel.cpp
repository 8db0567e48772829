#include "tests/compiler/codegen/reference_kernel.h"

#include <cmath>
#include <functional>
#include <limits>

#include "ir/diagnostic.h"
#include "runtime/abi.h"
#include "tests/compiler/codegen/reference_philox.h"
#include "tests/compiler/kernel/attention_reference.h"

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
  if (kernel_.kind == KernelKind::kScatter) {
    RunScatter();
    return status_;
  }
  if (kernel_.kind == KernelKind::kAttention) {
    const std::vector<Tensor> results = RunAttentionReference(kernel_, values());
    for (size_t i = 0; i < parameters_.size(); ++i)
      parameters_[i].bytes.assign(results[i].bytes().begin(), results[i].bytes().end());
    return status_;
  }
  ForEachPoint(kernel_.outer, [&](const Point& outer) {
    for (const Stage& stage : kernel_.stages) RunStage(stage, outer);
  });
  return status_;
}

void ReferenceKernel::RunScatter() {
  const ScatterForm& form = kernel_.scatter;
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
      if (form.add) {
        const Number old = Load(destination, place);
        value = Round(destination.type.dtype, {old.real + value.real, old.integer + value.integer});
      }
      StoreAt(destination, place, value);
    }
  }
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
  switch (dtype) {
    case DType::kF32:
      return {static_cast<float>(value.real), 0};
    case DType::kF64:
      return value;
    case DType::kI32:
      return {0, static_cast<int32_t>(value.integer)};
    case DType::kU8:
      return {0, static_cast<uint8_t>(value.integer)};
    default:
      return value;
  }
}

namespace {

int64_t Saturate(DType dtype, double x) {
  const int bits = 8 * Info(dtype).bytes;
  const bool is_unsigned = dtype == DType::kU8;
  const int64_t low = is_unsigned ? 0 : std::numeric_limits<int64_t>::min() >> (64 - bits);
  const int64_t high = is_unsigned ? 255 : std::numeric_limits<int64_t>::max() >> (64 - bits);
  if (std::isnan(x)) return 0;
  if (x < static_cast<double>(low)) return low;
  if (x >= static_cast<double>(high)) return high;
  return static_cast<int64_t>(x);
}

int64_t Divide(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<int64_t>(-static_cast<uint64_t>(a));
  return a / b;
}

}  // namespace

ReferenceKernel::Number ReferenceKernel::Apply(const ScalarNode& node,
                                               const std::vector<Number>& x) {
  const DType operand = node.arguments.back()->dtype;
  const double a = x[0].real, b = x.size() > 1 ? x[1].real : 0;
  const int64_t i = x[0].integer, j = x.size() > 1 ? x[1].integer : 0;
  const auto wrap = [](uint64_t value) { return static_cast<int64_t>(value); };
  const auto ui = static_cast<uint64_t>(i), uj = static_cast<uint64_t>(j);
  const bool real = Info(operand).is_float;
  const auto truth = [&](bool reals, bool integers) { return Number{0, real ? reals : integers}; };
  switch (node.op) {
    case ScalarOp::kAdd:
      return {a + b, wrap(ui + uj)};
    case ScalarOp::kSub:
      return {a - b, wrap(ui - uj)};
    case ScalarOp::kMul:
      return {a * b, wrap(ui * uj)};
    case ScalarOp::kDiv:
      return {a / b, Divide(i, j)};
    case ScalarOp::kNeg:
      return {-a, wrap(-ui)};
    case ScalarOp::kAbs:
      return {std::abs(a), i < 0 ? wrap(-ui) : i};
    case ScalarOp::kMin:
      return {std::isnan(b) || b < a ? b : a, std::min(i, j)};
    case ScalarOp::kMax:
      return {std::isnan(b) || b > a ? b : a, std::max(i, j)};
    case ScalarOp::kFloor:
      return {std::floor(a), i};
    case ScalarOp::kSqrt:
      return {std::sqrt(a)};
    case ScalarOp::kPow:
      return {std::pow(a, b)};
    case ScalarOp::kExp:
      return {std::exp(a)};
    case ScalarOp::kLog:
      return {std::log(a)};
    case ScalarOp::kSin:
      return {std::sin(a)};
    case ScalarOp::kCos:
      return {std::cos(a)};
    case ScalarOp::kTanh:
      return {std::tanh(a)};
    case ScalarOp::kSigmoid:
      return {1 / (1 + std::exp(-a))};
    case ScalarOp::kEq:
      return truth(a == b, i == j);
    case ScalarOp::kNe:
      return truth(a != b, i != j);
    case ScalarOp::kLt:
      return truth(a < b, i < j);
    case ScalarOp::kLe:
      return truth(a <= b, i <= j);
    case ScalarOp::kGt:
      return truth(a > b, i > j);
    case ScalarOp::kGe:
      return truth(a >= b, i >= j);
    case ScalarOp::kAnd:
      return {0, i & j};
    case ScalarOp::kOr:
      return {0, i | j};
    case ScalarOp::kNot:
      return {0, !i};
    case ScalarOp::kSelect:
      return i ? x[1] : x[2];
    case ScalarOp::kCast: {
      if (node.dtype == DType::kBool) return truth(a != 0, i != 0);
      if (Info(node.dtype).is_float) return {real ? a : static_cast<double>(i), 0};
      return {0, real ? Saturate(node.dtype, a) : i};
    }
    case ScalarOp::kPhilox:
      return {0, ReferencePhilox(i, j, x[2].integer, x[3].integer, x[4].integer)};
  }
  InternalError(__FILE__, __LINE__, "unknown scalar op");
}

}  // namespace descent
