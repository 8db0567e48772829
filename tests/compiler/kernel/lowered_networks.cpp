// Networks that train: a step of each, and some in evaluation.
#include "tests/compiler/kernel/lowered_models.h"

namespace descent {
namespace {

/// Sentences of different lengths, in both directions.
constexpr const char* kLstmClassifier = R"(model lstm {
      batch 4
      input words: i32[batch, 6] from words
      input length: i32[batch] from length
      input y: u8[batch] from label
      parameter table: f32[7, 3] = he_uniform
      parameter wi: f32[20, 3] = glorot_uniform
      parameter wh: f32[20, 5] = glorot_uniform
      parameter bi: f32[20] = zeros
      parameter bh: f32[20] = zeros
      parameter rwi: f32[20, 3] = glorot_uniform
      parameter rwh: f32[20, 5] = glorot_uniform
      parameter rbi: f32[20] = zeros
      parameter rbh: f32[20] = zeros
      parameter W: f32[10, 3] = glorot_uniform
      parameter b: f32[3] = zeros
      x = gather(table, words)
      _, h, _ = lstm(x, length, wi, wh, bi, bh, rwi, rwh, rbi, rbh, bidirectional=true,
          batch_first=true, lengths=true)
      t = transpose(h, permutation=[1, 0, 2])
      last = reshape(t, shape=[-1, 10])
      d = dropout(last, rate=0.2)
      m = matmul(d, W)
      logits = add(m, b)
      loss = cross_entropy(logits, y)
      probabilities = softmax(logits)
      predict probabilities as probabilities
      metric accuracy = accuracy(logits, y)
      train loss with adam(learning_rate=0.01)
    })";
const ModelSample kNetworks[] = {
    {"OrangeBlueStep", "train_step", 10, R"(model orange_blue {
      batch 10
      input x: f32[batch, 2] from features
      input y: f32[batch, 1] from label
      parameter W1: f32[2, 3] = glorot_uniform
      parameter b1: f32[3] = zeros
      parameter W2: f32[3, 1] = glorot_uniform
      m1 = matmul(x, W1)
      z1 = add(m1, b1)
      a1 = sigmoid(z1)
      z2 = matmul(a1, W2)
      yhat = sigmoid(z2)
      loss = bce(yhat, y)
      predict yhat as probability
      train loss with sgd(learning_rate=0.03)
    })",
     1e-5},
    {"ClassifierAdamStep", "train_step", 16, R"(model mlp {
      batch 6
      input image: f32[batch, 9] from features
      input label: u8[batch] from label
      parameter W1: f32[9, 7] = he_uniform
      parameter b1: f32[7] = zeros
      parameter W2: f32[7, 5] = he_uniform
      parameter b2: f32[5] = zeros
      parameter W3: f32[5, 4] = glorot_uniform
      parameter b3: f32[4] = zeros
      m1 = matmul(image, W1)
      z1 = add(m1, b1)
      h1 = relu(z1)
      m2 = matmul(h1, W2)
      z2 = add(m2, b2)
      h2 = relu(z2)
      m3 = matmul(h2, W3)
      logits = add(m3, b3)
      loss = cross_entropy(logits, label)
      probabilities = softmax(logits)
      predict probabilities as probabilities
      metric accuracy = accuracy(logits, label)
      metric confusion = confusion_matrix(logits, label)
      train loss with adam(learning_rate=0.001)
    })",
     2e-4},
    {"ClippedMomentumStep", "train_step", 20, R"(model clipped {
      batch 8
      input x: f32[batch, 5] from features
      input y: f32[batch, 2] from label
      parameter W1: f32[5, 4] = he_uniform
      parameter W2: f32[4, 2] = he_uniform
      h = matmul(x, W1)
      a = tanh(h)
      d = dropout(a, rate=0.25)
      p = matmul(d, W2)
      loss = mse(p, y)
      train loss with momentum(learning_rate=0.1) clip_norm 0.5
    })",
     1e-4},
    {"BatchNormStep", "train_step", 24, R"(model cnn {
      batch 4
      input x: f32[batch, 2, 6, 6] from features
      input y: u8[batch] from label
      parameter w: f32[3, 2, 3, 3] = he_uniform
      parameter scale: f32[3] = ones
      parameter bias: f32[3] = zeros
      parameter v: f32[27, 4] = he_uniform
      statistic mean: f32[3] = zeros -> next_mean
      statistic variance: f32[3] = ones -> next_variance
      c = conv2d(x, w, padding=[1, 1, 1, 1])
      n, next_mean, next_variance = batch_norm(c, scale, bias, mean, variance)
      r = relu(n)
      p = max_pool2d(r, kernel=[2, 2], stride=[2, 2])
      q = reshape(p, shape=[-1, 27])
      z = matmul(q, v)
      loss = cross_entropy(z, y)
      train loss with sgd(learning_rate=0.1)
    })",
     2e-3},
    {"Attention", "run", 6, R"(model f {
      input q: f64[2, 4, 7, 6]
      input k: f64[2, 2, 9, 6]
      input v: f64[2, 2, 9, 5]
      input keys: bool[2, 1, 1, 9]
      s = square(q)
      a, l = scaled_dot_product_attention(s, k, v, keys, causal=true)
      c, _ = scaled_dot_product_attention(q, k, v)
      y = add(a, c)
      output y
      output l
    })"},
    {"TransformerStep", "train_step", 50, R"(model transformer {
      batch 4
      input word: i32[batch, 6] from word
      input label: u8[batch] from label
      parameter table: f32[9, 8] = he_uniform
      parameter wq: f32[8, 8] = glorot_uniform
      parameter wk: f32[4, 8] = glorot_uniform
      parameter wv: f32[4, 8] = glorot_uniform
      parameter wo: f32[8, 8] = glorot_uniform
      parameter bq: f32[8] = zeros
      parameter bk: f32[4] = zeros
      parameter bv: f32[4] = zeros
      parameter bo: f32[8] = zeros
      parameter w1: f32[8, 12] = he_uniform
      parameter b1: f32[12] = zeros
      parameter w2: f32[12, 8] = he_uniform
      parameter wc: f32[8, 3] = glorot_uniform
      e = gather(table, word)
      t = sinusoidal_positions(length=6, width=8)
      x = add(e, t)
      m = mean(x, axes=[2], keepdims=true)
      c = sub(x, m)
      s = square(c)
      v = mean(s, axes=[2], keepdims=true)
      d = add(v, 0.00001)
      r = sqrt(d)
      n = div(c, r)
      a = multi_head_attention(n, n, n, wq, wk, wv, wo, bq, bk, bv, bo, heads=4, kv_heads=2, causal=true)
      h = add(x, a)
      m1 = matmul(h, w1)
      z1 = add(m1, b1)
      g = relu(z1)
      m2 = matmul(g, w2)
      y = add(h, m2)
      p = mean(y, axes=[1])
      logits = matmul(p, wc)
      loss = cross_entropy(logits, label)
      train loss with adam(learning_rate=0.01)
    })",
     2e-3},
    {"ResNetStep", "train_step", 70, R"(model resnet {
      batch 4
      input x: f32[batch, 2, 8, 8] from features
      input y: u8[batch] from label
      parameter w1: f32[4, 2, 3, 3] = he_uniform
      parameter w2: f32[6, 4, 3, 3] = he_uniform
      parameter w3: f32[6, 6, 3, 3] = he_uniform
      parameter shortcut: f32[6, 4, 1, 1] = he_uniform
      parameter scale1: f32[6] = ones
      parameter bias1: f32[6] = zeros
      parameter scale2: f32[6] = ones
      parameter bias2: f32[6] = zeros
      parameter v: f32[3, 6] = glorot_uniform
      parameter c: f32[3] = zeros
      statistic mean1: f32[6] = zeros -> next_mean1
      statistic variance1: f32[6] = ones -> next_variance1
      statistic mean2: f32[6] = zeros -> next_mean2
      statistic variance2: f32[6] = ones -> next_variance2
      stem = conv2d(x, w1, auto_pad=same)
      a = relu(stem)
      p = max_pool2d(a, kernel=[3, 3], stride=[2, 2], padding=[1, 1, 1, 1])
      h1 = conv2d(p, w2, stride=[2, 2], padding=[1, 1, 1, 1])
      n1, next_mean1, next_variance1 = batch_norm(h1, scale1, bias1, mean1, variance1)
      r1 = relu(n1)
      h2 = conv2d(r1, w3, padding=[1, 1, 1, 1])
      n2, next_mean2, next_variance2 = batch_norm(h2, scale2, bias2, mean2, variance2)
      q = conv2d(p, shortcut, stride=[2, 2])
      sum = add(n2, q)
      r2 = relu(sum)
      g = global_avg_pool(r2)
      f = reshape(g, shape=[-1, 6])
      z = linear(f, v, c)
      loss = cross_entropy(z, y)
      train loss with sgd(learning_rate=0.05)
    })",
     5e-3},
    {"UNetStep", "train_step", 70, R"(model unet {
      batch 3
      input x: f32[batch, 2, 8, 8] from features
      input y: f32[batch, 1, 8, 8] from label
      parameter w1: f32[4, 2, 3, 3] = he_uniform
      parameter scale1: f32[4] = ones
      parameter bias1: f32[4] = zeros
      parameter w2: f32[6, 4, 3, 3] = he_uniform
      parameter w3: f32[6, 6, 3, 3] = he_uniform
      parameter up1: f32[6, 4, 2, 2] = he_uniform
      parameter w4: f32[4, 8, 3, 3] = he_uniform
      parameter w5: f32[1, 6, 1, 1] = he_uniform
      parameter b5: f32[1] = zeros
      c1 = conv2d(x, w1, auto_pad=same)
      n1 = group_norm(c1, scale1, bias1, groups=2)
      e1 = relu(n1)
      p1 = avg_pool2d(e1, kernel=[2, 2])
      c2 = conv2d(p1, w2, auto_pad=same)
      e2 = relu(c2)
      p2 = max_pool2d(e2, kernel=[2, 2])
      c3 = conv2d(p2, w3, auto_pad=same)
      e3 = relu(c3)
      u2 = resize(e3, sizes=[4, 4], mode=linear)
      s2 = add(u2, e2)
      u1 = conv_transpose2d(s2, up1, stride=[2, 2])
      j1 = concat(u1, e1, axis=1)
      c4 = conv2d(j1, w4, auto_pad=same)
      e4 = relu(c4)
      u0 = resize(p1, sizes=[8, 8], mode=nearest)
      k0 = slice(u0, starts=[0, 0, 0, 0], stops=[3, 2, 8, 8])
      j0 = concat(e4, k0, axis=1)
      z = conv2d(j0, w5, b5)
      loss = bce_with_logits(z, y)
      train loss with adam(learning_rate=0.01)
    })",
     5e-3},
    {"RaggedChunks", "run", 4, R"(model f {
      input x: f64[331, 31, 67]
      input y: f64[8195, 15]
      input z: f64[8195, 16]
      s = square(x)
      n = sum(s)
      m = argmax(x, axis=0)
      w = matmul(y, z, transpose_a=true)
      output n
      output w
    })"},
    {"RecommenderStep", "train_step", 40, R"(model recommender {
      batch 4
      input user: i32[batch] from user
      input seen: i64[batch, 3] from seen
      input liked: f32[batch] from liked
      parameter users: f32[5, 4] = he_uniform
      parameter items: f32[7, 4] = he_uniform
      u = embedding(users, user)
      i = embedding_bag(items, seen, mode=mean, padding_idx=0)
      both = mul(u, i)
      z = sum(both, axes=[1])
      loss = bce_with_logits(z, liked)
      train loss with adam(learning_rate=0.1)
    })",
     2e-4},
    {"BodiesOfAnotherBatch", "evaluate", 20, R"(model bodies {
      batch 4
      evaluate_batch 3
      input x: f32[batch, 5, 2] from features
      input y: f32[batch, 2] from label
      parameter w: f32[2, 2] = he_uniform
      s = transpose(x, permutation=[1, 0, 2])
      z = mean(w)
      zero = mul(z, 0.0)
      h0 = expand(zero, shape=[2])
      h1 = sum(x, axes=[1])
      h, _ = scan(h1, s, w, carried=1, sliced=1) body(h: f32[4, 2], x: f32[4, 2], w: f32[2, 2]) {
        m = matmul(h, w)
        n = add(m, x)
        return n
      }
      c = checkpoint(h) body(h: f32[4, 2]) {
        t = tanh(h)
        return t
      }
      p = add(c, h0)
      loss = mse(p, y)
      train loss with sgd(learning_rate=0.1)
    })",
     1e-5},
    {"LstmClassifierStep", "train_step", 60, kLstmClassifier, 2e-4},
    {"LstmClassifierEvaluate", "evaluate", 22, kLstmClassifier, 1e-5},
    {"EmbeddingStep", "train_step", 12, R"(model embedding {
      batch 6
      input word: i32[batch] from word
      input y: f32[batch, 3] from label
      parameter table: f32[4, 3] = he_uniform
      e = gather(table, word)
      loss = mse(e, y)
      train loss with adam(learning_rate=0.1)
    })",
     2e-4},
    // Tolerances of 16 bits: one unit in the last place.
};

}  // namespace

std::span<const ModelSample> NetworkSamples() { return kNetworks; }

}  // namespace descent
