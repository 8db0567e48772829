// oneDNN 2 (Debian's). Primitives choose their layouts; operands are brought there beforehand, and
// results back only to be compared.
#include "tests/benchmark/micro/peers.h"

#ifdef DESCENT_WITH_ONEDNN
#include <dnnl.hpp>

#include <cstring>
#include <unordered_map>

namespace descent::bench {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}
dnnl::stream& Stream() {
  static dnnl::stream stream(Engine());
  return stream;
}

memory::desc Described(const memory::dims& dims, Tag tag) {
  return {dims, memory::data_type::f32, tag};
}
memory::desc AnyLayout(const memory::dims& dims) { return Described(dims, Tag::any); }

memory Reordered(const memory& from, const memory::desc& to) {
  memory result(to, Engine());
  memory source = from;
  dnnl::reorder(source, result).execute(Stream(), source, result);
  Stream().wait();
  return result;
}

/// Numbers in the layout `plain`, as `wanted` has them.
memory Placed(const std::vector<float>& values, const memory::desc& plain,
              const memory::desc& wanted) {
  memory from(plain, Engine());
  std::memcpy(from.get_data_handle(), values.data(), values.size() * sizeof(float));
  return Reordered(from, wanted);
}

std::vector<float> Read(const memory& from, const memory::desc& plain) {
  const memory row_major = Reordered(from, plain);
  const auto* data = static_cast<const float*>(row_major.get_data_handle());
  return {data, data + plain.get_size() / sizeof(float)};
}

Peer PeerOf(dnnl::primitive primitive, std::unordered_map<int, memory> arguments, int output,
            memory::desc plain) {
  const auto run = [=] {
    primitive.execute(Stream(), arguments);
    Stream().wait();
  };
  return {
      .name = "oneDNN", .run = run, .result = [=] { return Read(arguments.at(output), plain); }};
}

/// One input, one output of the same shape.
template <typename Primitive>
PeerMaker RowWise(typename Primitive::desc description, memory::desc plain) {
  return [=](const Inputs& inputs) -> std::optional<Peer> {
    const typename Primitive::primitive_desc chosen(description, Engine());
    return PeerOf(Primitive(chosen),
                  {{DNNL_ARG_SRC, Placed(inputs.at("x"), plain, plain)},
                   {DNNL_ARG_DST, memory(plain, Engine())}},
                  DNNL_ARG_DST, plain);
  };
}

memory::desc Matrix(int64_t rows, int64_t columns) { return Described({rows, columns}, Tag::ab); }

/// Of a convolution: how its operands are described, plain and as the primitive may choose.
struct Convolution {
  explicit Convolution(const ConvolutionSizes& s)
      : x_dims{s.images, s.in, s.size, s.size},
        y_dims{s.images, s.out, s.out_size(), s.out_size()},
        w_dims{s.out, s.in / s.groups, s.kernel, s.kernel},
        w_tag(Tag::abcd),
        strides{s.stride, s.stride},
        padding{s.kernel / 2, s.kernel / 2},
        // What the last window leaves out at the right is negative padding.
        padding_right{Right(s), Right(s)} {
    if (s.groups == 1) return;
    w_dims = {s.groups, s.out / s.groups, s.in / s.groups, s.kernel, s.kernel};
    w_tag = Tag::abcde;
  }
  static int64_t Right(const ConvolutionSizes& s) {
    return (s.out_size() - 1) * s.stride + s.kernel - s.size - s.kernel / 2;
  }
  memory::desc x() const { return Described(x_dims, Tag::abcd); }
  memory::desc y() const { return Described(y_dims, Tag::abcd); }
  memory::desc w() const { return Described(w_dims, w_tag); }

  dnnl::convolution_forward::primitive_desc Forward() const {
    return {dnnl::convolution_forward::desc(dnnl::prop_kind::forward_training,
                                            dnnl::algorithm::convolution_auto, AnyLayout(x_dims),
                                            AnyLayout(w_dims), AnyLayout(y_dims), strides, padding,
                                            padding_right),
            Engine()};
  }
  dnnl::convolution_backward_data::primitive_desc Data() const {
    return {dnnl::convolution_backward_data::desc(
                dnnl::algorithm::convolution_auto, AnyLayout(x_dims), AnyLayout(w_dims),
                AnyLayout(y_dims), strides, padding, padding_right),
            Engine(), Forward()};
  }
  dnnl::convolution_backward_weights::primitive_desc Weights() const {
    return {dnnl::convolution_backward_weights::desc(
                dnnl::algorithm::convolution_auto, AnyLayout(x_dims), AnyLayout(w_dims),
                AnyLayout(y_dims), strides, padding, padding_right),
            Engine(), Forward()};
  }

  memory::dims x_dims, y_dims, w_dims;
  Tag w_tag;
  memory::dims strides, padding, padding_right;
};

Peer ForwardPeer(const Convolution& c, const Inputs& inputs) {
  const auto chosen = c.Forward();
  return PeerOf(dnnl::convolution_forward(chosen),
                {{DNNL_ARG_SRC, Placed(inputs.at("x"), c.x(), chosen.src_desc())},
                 {DNNL_ARG_WEIGHTS, Placed(inputs.at("w"), c.w(), chosen.weights_desc())},
                 {DNNL_ARG_DST, memory(chosen.dst_desc(), Engine())}},
                DNNL_ARG_DST, c.y());
}

Peer DataPeer(const Convolution& c, const Inputs& inputs) {
  const auto chosen = c.Data();
  return PeerOf(
      dnnl::convolution_backward_data(chosen),
      {{DNNL_ARG_DIFF_DST, Placed(inputs.at("cotangent.y"), c.y(), chosen.diff_dst_desc())},
       {DNNL_ARG_WEIGHTS, Placed(inputs.at("w"), c.w(), chosen.weights_desc())},
       {DNNL_ARG_DIFF_SRC, memory(chosen.diff_src_desc(), Engine())}},
      DNNL_ARG_DIFF_SRC, c.x());
}

Peer WeightsPeer(const Convolution& c, const Inputs& inputs) {
  const auto chosen = c.Weights();
  return PeerOf(
      dnnl::convolution_backward_weights(chosen),
      {{DNNL_ARG_DIFF_DST, Placed(inputs.at("cotangent.y"), c.y(), chosen.diff_dst_desc())},
       {DNNL_ARG_SRC, Placed(inputs.at("x"), c.x(), chosen.src_desc())},
       {DNNL_ARG_DIFF_WEIGHTS, memory(chosen.diff_weights_desc(), Engine())}},
      DNNL_ARG_DIFF_WEIGHTS, c.w());
}

/// By Activation.
constexpr dnnl::algorithm kActivations[] = {
    dnnl::algorithm::eltwise_relu,     dnnl::algorithm::eltwise_exp,
    dnnl::algorithm::eltwise_tanh,     dnnl::algorithm::eltwise_logistic,
    dnnl::algorithm::eltwise_log,      dnnl::algorithm::eltwise_gelu_erf,
    dnnl::algorithm::eltwise_gelu_tanh};

}  // namespace

PeerMaker OneDnnMatmul(const MatmulSizes& s) {
  return [s](const Inputs& inputs) -> std::optional<Peer> {
    const auto a = Described({s.m, s.k}, s.transpose_a ? Tag::ba : Tag::ab);
    const auto b = Described({s.k, s.n}, s.transpose_b ? Tag::ba : Tag::ab);
    const auto c = Matrix(s.m, s.n);
    const dnnl::matmul::primitive_desc chosen(dnnl::matmul::desc(a, b, c), Engine());
    return PeerOf(dnnl::matmul(chosen),
                  {{DNNL_ARG_SRC, Placed(inputs.at("a"), a, a)},
                   {DNNL_ARG_WEIGHTS, Placed(inputs.at("b"), b, b)},
                   {DNNL_ARG_DST, memory(c, Engine())}},
                  DNNL_ARG_DST, c);
  };
}

PeerMaker OneDnnConvolution(const ConvolutionSizes& sizes, ConvolutionPart part) {
  constexpr Peer (*kPeers[])(const Convolution&, const Inputs&) = {ForwardPeer, DataPeer,
                                                                   WeightsPeer};
  return [=, make = kPeers[static_cast<size_t>(part)]](const Inputs& inputs) {
    return std::optional(make(Convolution(sizes), inputs));
  };
}

PeerMaker OneDnnActivation(Activation activation, int64_t count) {
  const auto plain = Described({count}, Tag::a);
  return RowWise<dnnl::eltwise_forward>(
      {dnnl::prop_kind::forward_inference, kActivations[static_cast<size_t>(activation)], plain, 0,
       0},
      plain);
}

PeerMaker OneDnnSoftmax(int64_t rows, int64_t columns) {
  const auto plain = Matrix(rows, columns);
  return RowWise<dnnl::softmax_forward>({dnnl::prop_kind::forward_inference, plain, 1}, plain);
}

PeerMaker OneDnnLayerNorm(int64_t rows, int64_t columns) {
  const auto plain = Matrix(rows, columns);
  return RowWise<dnnl::layer_normalization_forward>(
      {dnnl::prop_kind::forward_inference, plain, 1e-5F, dnnl::normalization_flags::none}, plain);
}

PeerMaker OneDnnSum(int64_t rows, int64_t columns, int axis) {
  return [=](const Inputs& inputs) -> std::optional<Peer> {
    const auto from = Matrix(rows, columns);
    const auto to = axis == 0 ? Matrix(1, columns) : Matrix(rows, 1);
    const dnnl::reduction::primitive_desc chosen(
        dnnl::reduction::desc(dnnl::algorithm::reduction_sum, from, to, 0, 0), Engine());
    return PeerOf(
        dnnl::reduction(chosen),
        {{DNNL_ARG_SRC, Placed(inputs.at("x"), from, from)}, {DNNL_ARG_DST, memory(to, Engine())}},
        DNNL_ARG_DST, to);
  };
}

}  // namespace descent::bench

#else

namespace descent::bench {
namespace {

const PeerMaker kNone = [](const Inputs&) { return std::nullopt; };

}  // namespace

PeerMaker OneDnnMatmul(const MatmulSizes&) { return kNone; }
PeerMaker OneDnnConvolution(const ConvolutionSizes&, ConvolutionPart) { return kNone; }
PeerMaker OneDnnActivation(Activation, int64_t) { return kNone; }
PeerMaker OneDnnSoftmax(int64_t, int64_t) { return kNone; }
PeerMaker OneDnnLayerNorm(int64_t, int64_t) { return kNone; }
PeerMaker OneDnnSum(int64_t, int64_t, int) { return kNone; }

}  // namespace descent::bench

#endif
