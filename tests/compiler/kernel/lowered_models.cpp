#include "tests/compiler/kernel/lowered_models.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace descent {
namespace {

const ModelSample kSamples[] = {
    {"Softmax", "run", 1, R"(model f {
      input x: f64[6, 10]
      y = softmax(x)
      output y
    })"},
    {"LogSoftmaxOverInnerAxis", "run", 1, R"(model f {
      input x: f64[4, 5, 3]
      y = log_softmax(x, axis=2)
      output y
    })"},
    {"SoftmaxOverOuterAxis", "run", 4, R"(model f {
      input x: f64[5, 7]
      y = softmax(x, axis=0)
      output y
    })"},
    {"Convolution", "run", 1, R"(model f {
      input x: f64[2, 3, 7, 6]
      input w: f64[4, 3, 3, 3]
      input b: f64[4, 1, 1]
      c = conv2d(x, w, stride=[2, 1], padding=[1, 1, 1, 1])
      z = add(c, b)
      y = relu(z)
      output y
    })"},
    {"GroupedDilatedConvolution", "run", 1, R"(model f {
      input x: f64[2, 4, 9, 8]
      input w: f64[6, 2, 3, 2]
      y = conv2d(x, w, groups=2, dilation=[2, 1], padding=[2, 0, 1, 1])
      output y
    })"},
    {"InputDilatedConvolution", "run", 1, R"(model f {
      input x: f64[1, 2, 4, 5]
      input w: f64[3, 2, 3, 3]
      y = conv2d(x, w, input_dilation=[2, 2], padding=[1, 1, 2, 2])
      output y
    })"},
    {"Pooling", "run", 2, R"(model f {
      input x: f64[2, 3, 8, 6]
      a = max_pool2d(x, kernel=[2, 2], stride=[2, 2])
      b = avg_pool2d(x, kernel=[3, 3], stride=[1, 1], padding=[1, 1, 1, 1])
      output a
      output b
    })"},
    {"UnfoldFold", "run", 2, R"(model f {
      input x: f64[1, 2, 6, 5]
      u = unfold(x, kernel=[3, 2], stride=[1, 2], padding=[1, 1, 0, 0])
      s = square(u)
      y = fold(s, size=[6, 5], stride=[1, 2], padding=[1, 1, 0, 0])
      output y
    })"},
    {"Layouts", "run", 3, R"(model f {
      input x: f64[4, 6]
      t = transpose(x, permutation=[1, 0])
      r = reshape(t, shape=[3, 8])
      s = slice(r, starts=[0, 1], stops=[3, 8], steps=[2, 3])
      p = pad(s, low=[1, 0], high=[0, 2], value=2.5)
      f = flip(p, axes=[1])
      e = exp(f)
      c = concat(e, p, axis=0)
      m = sum(c, axes=[1])
      output c
      output m
    })"},
    {"TransposedBatchedMatmul", "run", 1, R"(model f {
      input a: f64[2, 3, 4, 5]
      input b: f64[3, 6, 5]
      t = transpose(b, permutation=[0, 2, 1])
      y = matmul(a, t)
      output y
    })"},
    {"FactorThatUsesItsIndices", "run", 1, R"(model f {
      input a: f64[6, 5]
      input b: f64[6, 4]
      input w: f64[9, 7]
      c = concat(a, b, axis=1)
      y = matmul(c, w)
      output y
    })"},
    {"ReshapedBetween", "run", 2, R"(model f {
      input x: f64[2, 12]
      input w: f64[12, 24]
      input k: f64[5, 2, 2, 2]
      h = matmul(x, w)
      i = reshape(h, shape=[2, 2, 3, 4])
      a = relu(i)
      y = conv2d(a, k)
      output y
    })"},
    {"Reductions", "run", 6, R"(model f {
      input x: f64[3, 5, 4]
      a = sum(x, axes=[0, 2])
      b = max(x, axes=[1], keepdims=true)
      c = argmax(x, axis=2)
      d = mean(x)
      e = sub(x, b)
      g = min(e, axes=[0])
      output a
      output c
      output d
      output g
    })"},
    {"GatherOfComputed", "run", 2, R"(model f {
      input x: f64[4, 3]
      input i: i32[6]
      e = exp(x)
      y = gather(e, i)
      z = mul(y, 2)
      output z
    })"},
    {"GatherInnerAxisAndOneHot", "run", 4, R"(model f {
      input x: f64[5, 4]
      input i: u8[3]
      y = gather(x, i, axis=1)
      o = one_hot(i, depth=4, dtype=f64)
      m = matmul(y, o)
      output m
    })"},
    {"ScatterAdd", "run", 4, R"(model f {
      input x: f64[4, 3]
      input i: i64[6]
      input u: f64[6, 3]
      v = square(u)
      y = scatter_rows(x, i, v, reduce="add")
      z = tanh(y)
      output z
    })"},
    {"PrefixesAndSorting", "run", 13, R"(model f {
      input x: f64[5, 17]
      s = cumsum(x, axis=1, reverse=true)
      v, i = sort(s, axis=1, descending=true)
      p = cumprod(x, axis=0, exclusive=true)
      t, j = top_k(p, k=3)
      z = add(v, p)
      output z
      output i
      output t
    })"},
    {"SelectionInALoop", "run", 14, R"(model f {
      input h0: f64[6]
      input xs: f64[4, 6]
      last, kept, history = scan(h0, xs, carried=1, sliced=1, stacked=1) body(h: f64[6], x: f64[6]) {
        c = cumsum(x)
        m = greater(c, h)
        v, count = masked_select(x, m, size=6)
        n = add(h, v)
        return n, v
      }
      output last
      output kept
    })"},
    {"Scan", "run", 12, R"(model loops {
      input h0: f64[3]
      input xs: f64[5, 3]
      input w: f64[3]
      last, out, history = scan(h0, xs, w, carried=1, sliced=1, stacked=1) body(h: f64[3], x: f64[3], w: f64[3]) {
        a = mul(x, w)
        b = add(h, a)
        t = loop_step()
        c = cast(t, to=f64)
        v3, _ = scan(b, carried=1, trip_count=2) body(v: f64[3]) {
          v2 = mul(v, 0.5)
          return v2
        }
        e = mul(v3, c)
        f = square(e)
        return e, f
      }
      output last
      output out
      output history
    })"},
    {"ReverseScanWithMatmul", "run", 8, R"(model loops {
      input h0: f64[2, 3]
      input xs: f64[4, 2, 3]
      input w: f64[3, 3]
      last, out, _ = scan(h0, xs, w, carried=1, sliced=1, stacked=1, reverse=true) body(h: f64[2, 3], x: f64[2, 3], w: f64[3, 3]) {
        m = matmul(h, w)
        s = add(m, x)
        n = tanh(s)
        t = loop_step()
        c = cast(t, to=f64)
        o = mul(n, c)
        return n, o
      }
      output last
      output out
    })"},
    {"LoopOverEmptyTensors", "run", 4, R"(model loops {
      input h0: f64[0, 3]
      input xs: f64[4, 0, 3]
      last, _ = scan(h0, xs, carried=1, sliced=1) body(h: f64[0, 3], x: f64[0, 3]) {
        t = loop_step()
        c = cast(t, to=f64)
        s = mul(x, c)
        n = add(h, s)
        return n
      }
      total = sum(last)
      output last
      output total
    })"},
    {"SlicesForAnInnerLoop", "run", 8, R"(model loops {
      input h0: f64[3]
      input xs: f64[4, 2, 3]
      last, _ = scan(h0, xs, carried=1, sliced=1) body(h: f64[3], x: f64[2, 3]) {
        n, _ = scan(h, x, carried=1, sliced=1) body(g: f64[3], y: f64[3]) {
          z = mul(g, y)
          k = add(z, y)
          return k
        }
        return n
      }
      output last
    })"},
    {"Branch", "run", 6, R"(model f {
      input x: f64[4, 6]
      input w: f64[6, 6]
      s = sum(x)
      positive = greater(s, 0.0)
      h = tanh(x)
      y, n = if(positive, h, x, w) then_body(h: f64[4, 6], x: f64[4, 6], w: f64[6, 6]) {
        p = matmul(h, w)
        e = exp(p)
        n = add(e, x)
        return e, n
      } else_body(h: f64[4, 6], x: f64[4, 6], w: f64[6, 6]) {
        q = matmul(x, w)
        r = sin(q)
        return r, h
      }
      z = add(y, n)
      output z
      output y
    })"},
    {"BranchesInALoop", "run", 9, R"(model f {
      input h0: f64[3]
      input xs: f64[6, 3]
      input up: bool[6]
      last, all, _ = scan(h0, xs, up, carried=1, sliced=2, stacked=1, reverse=true) body(
          h: f64[3], x: f64[3], up: bool[]) {
        n = if(up, h, x) then_body(h: f64[3], x: f64[3]) {
          s, _ = scan(h, x, carried=1, trip_count=3) body(v: f64[3], x: f64[3]) {
            m = mul(v, x)
            a = add(m, 0.5)
            return a
          }
          return s
        } else_body(h: f64[3], x: f64[3]) {
          return h
        }
        t = sin(n)
        return n, t
      }
      output last
      output all
    })"},
    {"While", "run", 10, R"(model f {
      input x: f64[5]
      input limit: f64[]
      a, n = while(x, limit, bound=6) condition(x: f64[5], limit: f64[]) {
        m = max(x)
        c = less(m, limit)
        return c
      } body(x: f64[5], limit: f64[]) {
        d = mul(x, 1.5)
        e = add(d, 0.25)
        return e
      }
      output a
      output n
    })"},
    {"CheckpointedScan", "run", 12, R"(model f {
      input h0: f64[3]
      input xs: f64[8, 3]
      last, all = checkpointed_scan(h0, xs, every=4, carried=1, sliced=1, stacked=1) body(
          h: f64[3], x: f64[3]) {
        d = dropout(x, stream=2)
        m = mul(h, d)
        n = add(m, x)
        return n, m
      }
      output last
      output all
    })"},
    {"Randomness", "run", 2, R"(model f {
      input x: f64[7, 9]
      u = uniform(shape=[7, 9], dtype=f64, stream=3)
      n = normal(shape=[9], dtype=f64, stream=4)
      a = mul(x, u)
      y = add(a, n)
      output y
    })"},
    {"SoftmaxInF16", "run", 1, R"(model f {
      input x: f16[6, 33]
      y = softmax(x)
      output y
    })",
     0x1p-10},
    {"ConvolutionInBf16", "run", 1, R"(model f {
      input x: bf16[2, 3, 7, 6]
      input w: bf16[4, 3, 3, 3]
      input b: bf16[4, 1, 1]
      c = conv2d(x, w, stride=[2, 1], padding=[1, 1, 1, 1])
      z = add(c, b)
      y = relu(z)
      output y
    })",
     0x1p-7},
    {"LongSumsInBf16", "run", 6, R"(model f {
      input x: bf16[300, 700]
      input y: bf16[8195, 3]
      input z: bf16[8195, 5]
      n = sum(x)
      w = matmul(y, z, transpose_a=true)
      output n
      output w
    })",
     0x1p-7},
    {"Bf16Step", "train_step", 12, R"(model narrow {
      batch 9
      input x: bf16[batch, 17] from features
      input y: bf16[batch, 3] from label
      parameter W1: bf16[17, 19] = he_uniform
      parameter b1: bf16[19] = zeros
      parameter W2: bf16[19, 3] = glorot_uniform
      z = matmul(x, W1)
      a = add(z, b1)
      h = relu(a)
      yhat = matmul(h, W2)
      loss = mse(yhat, y)
      train loss with adam(learning_rate=0.01) every 2
    })",
     0x1p-7},
    {"IntegerTable", "run", 4, R"(model f {
      input x: i8[5, 33]
      input n: u64[5, 33]
      q = div(x, x)
      s = sum(x, axes=[1])
      m = max(n, axes=[0])
      f = cast(n, to=f16)
      output q
      output s
      output m
      output f
    })"},
};

}  // namespace

std::span<const ModelSample> ModelSamples() {
  static const std::vector<ModelSample> kAll = [] {
    std::vector<ModelSample> all(std::begin(kSamples), std::end(kSamples));
    std::ranges::copy(NetworkSamples(), std::back_inserter(all));
    return all;
  }();
  return kAll;
}

}  // namespace descent
