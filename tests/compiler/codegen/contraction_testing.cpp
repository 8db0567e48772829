#include "tests/compiler/codegen/contraction_testing.h"

#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

void SumOfProducts(Stage& stage, DType dtype) {
  const Scalar sum = Accumulator(0, dtype);
  const Scalar product = Call(ScalarOp::kMul, {ReadScalar(0, dtype), ReadScalar(1, dtype)});
  stage.reducer = Reducer{{ConstantScalar(dtype, 0)},
                          {Call(ScalarOp::kAdd, {sum, product})},
                          {Call(ScalarOp::kAdd, {sum, Other(0, dtype)})}};
  stage.results = {sum};
}

/// Position in the image that output `o` and window offset `w` meet.
Index WindowIndex(int o, int w, int64_t stride, int64_t padding) {
  return Axis(o) * stride + Axis(w) + ConstantIndex(-padding);
}

}  // namespace

Kernel MatmulKernel(const MatmulShape& s, DType dtype) {
  Kernel kernel{.name = "test_matmul"};
  const auto with_batch = [&](Shape shape) {
    if (s.batch > 1) shape.insert(shape.begin(), s.batch);
    return shape;
  };
  const int first = s.batch > 1 ? 1 : 0;
  const Index m = Axis(first), n = Axis(first + 1), k = Axis(first + 2);
  const auto coordinates = [&](Index x, Index y) {
    std::vector<Index> result = {std::move(x), std::move(y)};
    if (s.batch > 1) result.insert(result.begin(), Axis(0));
    return result;
  };
  kernel.parameters = {
      {{dtype, with_batch(s.transpose_a ? Shape{s.k, s.m} : Shape{s.m, s.k})}, false},
      {{dtype, with_batch(s.transpose_b ? Shape{s.n, s.k} : Shape{s.k, s.n})}, false},
      {{dtype, with_batch({s.m, s.n})}, true}};
  Stage stage{.axes = with_batch({s.m, s.n, s.k}), .parallel = first + 2};
  stage.reads = {ReadOf(0, s.transpose_a ? coordinates(k, m) : coordinates(m, k)),
                 ReadOf(1, s.transpose_b ? coordinates(n, k) : coordinates(k, n))};
  SumOfProducts(stage, dtype);
  stage.stores = {{0, -1, 2, coordinates(m, n)}};
  kernel.stages = {stage};
  ContractionForm form{.batch = {}, .m = {first}, .n = {first + 1}, .k = {first + 2}};
  if (s.batch > 1) form.batch = {0};
  kernel.form = std::move(form);
  kernel.schedule.parallel = true;
  kernel.flops = 2 * s.batch * s.m * s.n * s.k;
  return kernel;
}

void AddBiasRelu(Kernel& kernel, int64_t n) {
  Stage& stage = kernel.stages[0];
  const DType dtype = kernel.parameters[2].type.dtype;
  kernel.parameters.push_back({{dtype, {n}}, false});
  const int slot = static_cast<int>(stage.reads.size());
  stage.reads.push_back(ReadOf(3, {Axis(kernel.as<ContractionForm>().n[0])}));
  const Scalar sum = Call(ScalarOp::kAdd, {Accumulator(0, dtype), ReadScalar(slot, dtype)});
  stage.results = {Call(ScalarOp::kMax, {sum, ConstantScalar(dtype, 0)})};
}

void RoundFactors(Kernel& kernel, DType lhs, DType rhs) {
  const auto factor = [&](int read, DType dtype) {
    kernel.parameters[read].type.dtype = dtype;
    StageRead& from = kernel.stages[0].reads[read];
    if (from.outside) from.outside = ConstantScalar(dtype, 0);
    return Cast(DType::kF32, Cast(DType::kBF16, ReadScalar(read, dtype)));
  };
  const Scalar product = Call(ScalarOp::kMul, {factor(0, lhs), factor(1, rhs)});
  kernel.stages[0].reducer->step = {Call(ScalarOp::kAdd, {Accumulator(0, DType::kF32), product})};
}

// Axes: image 0, out 1, y 2, x 3; in 4, ky 5, kx 6.
Kernel ConvolutionKernel(int64_t images, int64_t in, int64_t size, int64_t out, int64_t window,
                         int64_t stride, int64_t padding) {
  Kernel kernel{.name = "test_convolution"};
  const int64_t result = (size + 2 * padding - window) / stride + 1;
  kernel.parameters = {{{DType::kF32, {images, in, size, size}}, false},
                       {{DType::kF32, {out, in, window, window}}, false},
                       {{DType::kF32, {images, out, result, result}}, true}};
  Stage stage{.axes = {images, out, result, result, in, window, window}, .parallel = 4};
  const Index y = WindowIndex(2, 5, stride, padding), x = WindowIndex(3, 6, stride, padding);
  StageRead image = ReadOf(0, {Axis(0), Axis(4), y, x});
  if (padding > 0) {
    image.guards = {{y, size}, {x, size}};
    image.outside = ConstantScalar(DType::kF32, 0);
  }
  stage.reads = {image, ReadOf(1, {Axis(1), Axis(4), Axis(5), Axis(6)})};
  SumOfProducts(stage, DType::kF32);
  stage.stores = {{0, -1, 2, Axes(0, 4)}};
  kernel.stages = {stage};
  kernel.form =
      ContractionForm{.batch = {}, .m = {1}, .n = {0, 2, 3}, .k = {4, 5, 6}, .lhs = 1, .rhs = 0};
  kernel.schedule.parallel = true;
  kernel.flops = 2 * images * out * result * result * in * window * window;
  return kernel;
}

// Axes: out 0, in 1, ky 2, kx 3; image 4, y 5, x 6.
Kernel ConvolutionWeightsKernel(int64_t images, int64_t in, int64_t size, int64_t out,
                                int64_t window, int64_t stride, int64_t padding) {
  Kernel kernel{.name = "test_convolution_weights"};
  const int64_t result = (size + 2 * padding - window) / stride + 1;
  kernel.parameters = {{{DType::kF32, {images, in, size, size}}, false},
                       {{DType::kF32, {images, out, result, result}}, false},
                       {{DType::kF32, {out, in, window, window}}, true}};
  Stage stage{.axes = {out, in, window, window, images, result, result}, .parallel = 4};
  const Index y = WindowIndex(5, 2, stride, padding), x = WindowIndex(6, 3, stride, padding);
  StageRead image = ReadOf(0, {Axis(4), Axis(1), y, x});
  if (padding > 0) {
    image.guards = {{y, size}, {x, size}};
    image.outside = ConstantScalar(DType::kF32, 0);
  }
  stage.reads = {image, ReadOf(1, {Axis(4), Axis(0), Axis(5), Axis(6)})};
  SumOfProducts(stage, DType::kF32);
  stage.stores = {{0, -1, 2, Axes(0, 4)}};
  kernel.stages = {stage};
  kernel.form =
      ContractionForm{.batch = {}, .m = {0}, .n = {1, 2, 3}, .k = {4, 5, 6}, .lhs = 1, .rhs = 0};
  kernel.schedule.parallel = true;
  kernel.flops = 2 * images * out * result * result * in * window * window;
  return kernel;
}

}  // namespace descent
