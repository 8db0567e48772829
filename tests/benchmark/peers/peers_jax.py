#!/usr/bin/env python3
"""A training step of JAX on the CPU; see peer.py.

The whole step (loss, gradients, update) is one jit whose state is donated, and images are NHWC: what XLA does best.
"""

import peer
import shapes

ARGUMENTS = peer.parse(["jit"])
if ARGUMENTS.precision != "f32":
    raise SystemExit("JAX has no mixed precision of its own: leave it out (--peers torch)")

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

RANDOM = np.random.default_rng(1)
map_tree = jax.tree_util.tree_map


def normal(*shape, deviation=1.0):
    return (RANDOM.standard_normal(shape) * deviation).astype(np.float32)


def weights(*shape):
    """As deep layers begin: the variance is one over the number of inputs."""
    return normal(*shape, deviation=np.prod(shape[:-1]) ** -0.5)


def zeros(n):
    return np.zeros(n, np.float32)


def ones(n):
    return np.ones(n, np.float32)


def labels(classes, *shape):
    return RANDOM.integers(0, classes, shape).astype(np.int32)


def cross_entropy(logits, target):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1))


def sgd(rate, momentum=0.0, weight_decay=0.0):
    def begin(parameters):
        return map_tree(jnp.zeros_like, parameters) if momentum else ()

    def update(parameters, gradients, velocity):
        if weight_decay:
            gradients = map_tree(lambda g, p: g + weight_decay * p, gradients, parameters)
        if momentum:
            gradients = velocity = map_tree(lambda v, g: momentum * v + g, velocity, gradients)
        return map_tree(lambda p, g: p - rate * g, parameters, gradients), velocity

    return begin, update


def adam(rate, beta1=0.9, beta2=0.999, weight_decay=0.0):
    def begin(parameters):
        return map_tree(jnp.zeros_like, parameters), map_tree(jnp.zeros_like, parameters), jnp.zeros(())

    def update(parameters, gradients, moments):
        m, v, step = moments
        step = step + 1
        m = map_tree(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradients)
        v = map_tree(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradients)
        rate_m, scale_v = rate / (1 - beta1**step), 1 / (1 - beta2**step)

        def move(p, m, v):
            return p * (1 - rate * weight_decay) - rate_m * m / (jnp.sqrt(v * scale_v) + 1e-8)

        return map_tree(move, parameters, m, v), (m, v, step)

    return begin, update


def convolve(x, kernel, stride=1):
    """"same" padding of a square kernel with an odd side."""
    pad = kernel.shape[0] // 2
    return lax.conv_general_dilated(x, kernel, (stride, stride), [(pad, pad)] * 2,
                                    dimension_numbers=("NHWC", "HWIO", "NHWC"))


def halve(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


# Each gives parameters, statistics, data, target, the loss as (parameters, statistics, data, target, key) -> (loss, next
# statistics), and the optimizer.


def playground(batch, inputs, width):
    parameters = [weights(inputs, width), zeros(width), weights(width, 1), zeros(1)]

    def loss(p, statistics, x, y, key):
        z = jax.nn.sigmoid(x @ p[0] + p[1]) @ p[2] + p[3]
        return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))), statistics

    return parameters, (), normal(batch, inputs), labels(2, batch, 1).astype(np.float32), loss, sgd(0.03)


def mlp(batch, inputs, width, depth, classes):
    widths = [inputs] + [width] * depth + [classes]
    parameters = [(weights(m, n), zeros(n)) for m, n in zip(widths, widths[1:])]

    def loss(p, statistics, x, y, key):
        for weight, bias in p[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        return cross_entropy(x @ p[-1][0] + p[-1][1], y), statistics

    return parameters, (), normal(batch, inputs), labels(classes, batch), loss, adam(1e-3)


def lenet(batch, channels, size, width, hidden, classes):
    pooled = size // 4
    parameters = [(weights(5, 5, channels, width), zeros(width)), (weights(5, 5, width, 2 * width), zeros(2 * width)),
                  (weights(2 * width * pooled * pooled, hidden), zeros(hidden)), (weights(hidden, classes), zeros(classes))]

    def loss(p, statistics, x, y, key):
        for kernel, bias in p[:2]:
            x = halve(jax.nn.relu(convolve(x, kernel) + bias))
        x = jax.nn.relu(x.reshape(batch, -1) @ p[2][0] + p[2][1])
        x = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), 2 * x, 0)
        return cross_entropy(x @ p[3][0] + p[3][1], y), statistics

    return parameters, (), normal(batch, size, size, channels), labels(classes, batch), loss, sgd(0.01, 0.9, 5e-4)


def batch_norm(x, parameters, statistics):
    """Normalized, and the running statistics after it."""
    mean = x.mean((0, 1, 2))
    variance = jnp.maximum((x * x).mean((0, 1, 2)) - mean * mean, 0)
    gain, bias = parameters
    y = (x - mean) * (lax.rsqrt(variance + 1e-5) * gain) + bias
    return y, (0.9 * statistics[0] + 0.1 * mean, 0.9 * statistics[1] + 0.1 * variance)


def resnet18(batch, channels, size, width, classes):
    parameters, statistics, blocks = {}, {}, []

    def add(name, side, m, n):
        parameters[name], parameters[name + ".bn"] = weights(side, side, m, n), (ones(n), zeros(n))
        statistics[name] = (zeros(n), ones(n))

    add("conv1", 3, channels, width)
    last = width
    for level, out in enumerate((width, 2 * width, 4 * width, 8 * width)):
        for part in range(2):
            name, stride = f"{level}.{part}", 2 if level > 0 and part == 0 else 1
            add(name + ".1", 3, last, out)
            add(name + ".2", 3, out, out)
            if stride != 1 or last != out:
                add(name + ".0", 1, last, out)
            blocks.append((name, stride))
            last = out
    parameters["fc"] = (weights(last, classes), zeros(classes))

    def loss(p, statistics, x, y, key):
        after = {}

        def unit(name, x, stride=1):
            y, after[name] = batch_norm(convolve(x, p[name], stride), p[name + ".bn"], statistics[name])
            return y

        x = jax.nn.relu(unit("conv1", x))
        for name, stride in blocks:
            shortcut = unit(name + ".0", x, stride) if name + ".0" in p else x
            x = jax.nn.relu(unit(name + ".2", jax.nn.relu(unit(name + ".1", x, stride))) + shortcut)
        return cross_entropy(x.mean((1, 2)) @ p["fc"][0] + p["fc"][1], y), after

    return (parameters, statistics, normal(batch, size, size, channels), labels(classes, batch), loss,
            sgd(0.1, 0.9, 5e-4))


def layer_norm(x, parameters):
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * parameters[0] + parameters[1]


def attend(x, p, heads, causal=False):
    batch, steps, width = x.shape
    q, k, v = (part.reshape(batch, steps, heads, -1) for part in jnp.split(x @ p["attn"][0] + p["attn"][1], 3, -1))
    scores = jnp.einsum("bqhc,bkhc->bhqk", q, k) * (width // heads) ** -0.5
    if causal:
        scores = jnp.where(np.tril(np.ones((steps, steps), bool)), scores, -jnp.inf)
    y = jnp.einsum("bhqk,bkhc->bqhc", jax.nn.softmax(scores), v).reshape(batch, steps, width)
    return y @ p["proj"][0] + p["proj"][1]


def gpt(batch, steps, vocabulary, width, depth, heads, positions=None, optimizer=None):
    def linear(m, n):
        return normal(m, n, deviation=0.02), zeros(n)

    def block():
        return {"ln_1": (ones(width), zeros(width)), "ln_2": (ones(width), zeros(width)), "attn": linear(width, 3 * width),
                "proj": linear(width, width), "fc": linear(width, 4 * width), "out": linear(4 * width, width)}

    parameters = {"wte": normal(vocabulary, width, deviation=0.02), "wpe": normal(positions or steps, width, deviation=0.02),
                  "ln_f": (ones(width), zeros(width)), "blocks": [block() for _ in range(depth)]}
    def loss(p, statistics, tokens, y, key):
        x = p["wte"][tokens] + p["wpe"][:steps]
        for b in p["blocks"]:
            x = x + attend(layer_norm(x, b["ln_1"]), b, heads, causal=True)
            hidden = jax.nn.gelu(layer_norm(x, b["ln_2"]) @ b["fc"][0] + b["fc"][1], approximate=True)
            x = x + hidden @ b["out"][0] + b["out"][1]
        logits = layer_norm(x, p["ln_f"]) @ p["wte"].T
        return cross_entropy(logits.reshape(batch * steps, vocabulary), y), statistics

    return (parameters, (), labels(vocabulary, batch, steps), labels(vocabulary, batch * steps), loss,
            optimizer or adam(1e-3, 0.9, 0.99, 0.1))


def gpt2(**sizes):
    return gpt(**sizes, optimizer=adam(1e-4, weight_decay=0.01))


def drop(x, rate, key):
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


class Network:
    """Convolutions with batch norm, numbered as they are added, and applied in that order."""

    def __init__(self):
        self.parameters, self.statistics = [], []

    def add(self, side, channels, out, groups=1, bias=False):
        self.parameters.append((weights(side, side, channels // groups, out), zeros(out) if bias else None, ones(out),
                                zeros(out)))
        self.statistics.append((zeros(out), ones(out)))

    @staticmethod
    def pass_through(parameters, statistics):
        """Of one step: a function from a feature map to the next one, and the statistics that it collects."""
        after = []

        def unit(x, stride=1, groups=1):
            kernel, bias, *norm = parameters[len(after)]
            pad = kernel.shape[0] // 2
            y = lax.conv_general_dilated(x, kernel, (stride, stride), [(pad, pad)] * 2, feature_group_count=groups,
                                         dimension_numbers=("NHWC", "HWIO", "NHWC"))
            y, next_statistics = batch_norm(y if bias is None else y + bias, norm, statistics[len(after)])
            after.append(next_statistics)
            return y

        return unit, after


def vgg(batch, channels, size, width, depth, hidden, classes):
    net, last = Network(), channels
    for stage, convolutions in enumerate(shapes.VGG[depth]):
        for _ in range(convolutions):
            net.add(3, last, width << min(stage, 3), bias=True)
            last = width << min(stage, 3)
    widths = [last * (size // 32) ** 2, hidden, hidden, classes]
    parameters = {"net": net.parameters, "linear": [(weights(m, n), zeros(n)) for m, n in zip(widths, widths[1:])]}

    def loss(p, statistics, x, y, key):
        unit, after = Network.pass_through(p["net"], statistics)
        for convolutions in shapes.VGG[depth]:
            for _ in range(convolutions):
                x = jax.nn.relu(unit(x))
            x = halve(x)
        x = x.reshape(batch, -1)
        for (weight, bias), own in zip(p["linear"][:-1], jax.random.split(key)):
            x = drop(jax.nn.relu(x @ weight + bias), 0.5, own)
        return cross_entropy(x @ p["linear"][-1][0] + p["linear"][-1][1], y), after

    return (parameters, net.statistics, normal(batch, size, size, channels), labels(classes, batch), loss,
            sgd(0.05, 0.9, 5e-4))


def mobilenet_v2(batch, channels, size, width, classes):
    first, blocks, features = shapes.mobilenet_v2(width)
    net = Network()
    net.add(3, channels, first)
    for m, n, _, expansion in blocks:
        if expansion != 1:
            net.add(1, m, m * expansion)
        net.add(3, m * expansion, m * expansion, groups=m * expansion)
        net.add(1, m * expansion, n)
    net.add(1, blocks[-1][1], features)
    parameters = {"net": net.parameters, "fc": (weights(features, classes), zeros(classes))}

    def loss(p, statistics, x, y, key):
        unit, after = Network.pass_through(p["net"], statistics)
        x = jax.nn.relu6(unit(x, 2))
        for m, n, stride, expansion in blocks:
            z = jax.nn.relu6(unit(x)) if expansion != 1 else x
            z = unit(jax.nn.relu6(unit(z, stride, m * expansion)))
            x = x + z if stride == 1 and m == n else z
        x = drop(jax.nn.relu6(unit(x)).mean((1, 2)), 0.2, key)
        return cross_entropy(x @ p["fc"][0] + p["fc"][1], y), after

    return (parameters, net.statistics, normal(batch, size, size, channels), labels(classes, batch), loss,
            sgd(0.05, 0.9, 4e-5))


def unet(batch, channels, size, width, depth, classes):
    widths = [width << level for level in range(depth + 1)]
    net = Network()
    for m, n in [*zip([channels] + widths, widths), *((2 * n, n) for n in reversed(widths[:-1]))]:
        net.add(3, m, n)
        net.add(3, n, n)
    parameters = {"net": net.parameters, "up": [(weights(2, 2, 2 * n, n), zeros(n)) for n in reversed(widths[:-1])],
                  "last": (weights(1, 1, width, classes), zeros(classes))}

    def loss(p, statistics, x, y, key):
        unit, after = Network.pass_through(p["net"], statistics)
        double = lambda x: jax.nn.relu(unit(jax.nn.relu(unit(x))))
        seen = []
        for level in range(depth + 1):
            x = double(halve(x) if level > 0 else x)
            seen.append(x)
        seen.pop()
        for kernel, bias in p["up"]:
            x = lax.conv_transpose(x, kernel, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias
            x = double(jnp.concatenate([seen.pop(), x], -1))
        logits = convolve(x, p["last"][0]) + p["last"][1]
        return cross_entropy(logits.reshape(-1, classes), y), after

    return (parameters, net.statistics, normal(batch, size, size, channels), labels(classes, batch * size * size), loss,
            adam(1e-3))


def autoencoder(batch, inputs, width, code):
    widths = [inputs, width, code, width, inputs]
    parameters = [(weights(m, n), zeros(n)) for m, n in zip(widths, widths[1:])]

    def loss(p, statistics, x, y, key):
        linear = lambda i, x: x @ p[i][0] + p[i][1]
        h = linear(1, jax.nn.relu(linear(0, x)))
        h = jax.nn.sigmoid(linear(3, jax.nn.relu(linear(2, h))))
        return jnp.mean((h - y) ** 2), statistics

    image = normal(batch, inputs)
    return parameters, (), image, image, loss, adam(1e-3)


def vae(batch, inputs, width, code):
    sides = {"encoder": (inputs, width), "mean": (width, code), "log_variance": (width, code), "first": (code, width),
             "last": (width, inputs)}
    parameters = {name: (weights(m, n), zeros(n)) for name, (m, n) in sides.items()}

    def loss(p, statistics, x, y, key):
        linear = lambda name, x: x @ p[name][0] + p[name][1]
        h = jax.nn.relu(linear("encoder", x))
        mean, log_variance = linear("mean", h), linear("log_variance", h)
        drawn = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        logits = linear("last", jax.nn.relu(linear("first", drawn)))
        pixels = jnp.sum(jax.nn.softplus(logits) - logits * y, 1)
        divergence = 0.5 * jnp.sum(jnp.square(mean) + jnp.exp(log_variance) - log_variance - 1, 1)
        return jnp.mean(pixels + divergence), statistics

    image = normal(batch, inputs)
    return parameters, (), image, image, loss, adam(1e-3)


def lstm(batch, steps, vocabulary, width, depth):
    layers = [(weights(width, 4 * width), weights(width, 4 * width), zeros(4 * width), zeros(4 * width))
              for _ in range(depth)]
    parameters = {"embedding": normal(vocabulary, width), "layers": layers,
                  "fc": (weights(width, vocabulary), zeros(vocabulary))}

    def layer(x, p):
        """[steps, batch, width]; the products with the inputs of all steps are one."""
        arriving = x @ p[0] + p[2] + p[3]

        def advance(state, own):
            h, c = state
            i, f, g, o = jnp.split(own + h @ p[1], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        start = jnp.zeros((batch, width))
        return lax.scan(advance, (start, start), arriving)[1]

    def loss(p, statistics, tokens, y, key):
        x = p["embedding"][tokens.T]
        for own in p["layers"]:
            x = layer(x, own)
        logits = jnp.moveaxis(x, 0, 1) @ p["fc"][0] + p["fc"][1]
        return cross_entropy(logits.reshape(-1, vocabulary), y), statistics

    return (parameters, (), labels(vocabulary, batch, steps), labels(vocabulary, batch * steps), loss, adam(1e-3))


def transformer_encoder(batch, steps, vocabulary, width, hidden, depth, heads, classes):
    def linear(m, n):
        return weights(m, n), zeros(n)

    def block():
        return {"attn": linear(width, 3 * width), "proj": linear(width, width), "fc": linear(width, hidden),
                "out": linear(hidden, width), "norm1": (ones(width), zeros(width)), "norm2": (ones(width), zeros(width))}

    parameters = {"embedding": normal(vocabulary, width), "blocks": [block() for _ in range(depth)],
                  "fc": linear(width, classes)}
    positions = shapes.sinusoids(steps, width)

    def loss(p, statistics, tokens, y, key):
        x = p["embedding"][tokens] + positions
        for b, own in zip(p["blocks"], jax.random.split(key, depth)):
            keys = jax.random.split(own, 3)
            x = layer_norm(x + drop(attend(x, b, heads), 0.1, keys[0]), b["norm1"])
            h = drop(jax.nn.relu(x @ b["fc"][0] + b["fc"][1]), 0.1, keys[1])
            x = layer_norm(x + drop(h @ b["out"][0] + b["out"][1], 0.1, keys[2]), b["norm2"])
        return cross_entropy(x.mean(1) @ p["fc"][0] + p["fc"][1], y), statistics

    return parameters, (), labels(vocabulary, batch, steps), labels(classes, batch), loss, adam(5e-4)


WORKLOADS = {"playground": playground, "mlp": mlp, "lenet": lenet, "resnet18": resnet18, "gpt": gpt, "chargpt": gpt,
             "gpt2": gpt2, "vgg": vgg, "mobilenet_v2": mobilenet_v2, "unet": unet, "autoencoder": autoencoder, "vae": vae,
             "lstm": lstm, "transformer_encoder": transformer_encoder}


def main():
    parameters, statistics, data, target, loss, (begin, update) = WORKLOADS[ARGUMENTS.workload](**ARGUMENTS.sizes)
    count = sum(leaf.size for leaf in jax.tree_util.tree_leaves(parameters))
    parameters, statistics, data, target = jax.device_put((parameters, statistics, data, target))
    state = [parameters, begin(parameters), statistics, jax.random.key(0)]

    def whole_step(parameters, moments, statistics, key, data, target):
        key, own = jax.random.split(key)
        (value, statistics), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, statistics, data, target, own)
        parameters, moments = update(parameters, gradients, moments)
        return value, [parameters, moments, statistics, key]

    jitted = jax.jit(whole_step, donate_argnums=(0, 1, 2, 3))
    compiled, seconds = peer.timed(lambda: jitted.lower(*state, data, target).compile())

    def step():
        value, state[:] = compiled(*state, data, target)
        return float(value)

    first = step()
    peer.report(peer=f"jax {jax.__version__}", workload=ARGUMENTS.workload, threads=ARGUMENTS.threads,
                **peer.measure(step, ARGUMENTS.seconds), compile_s=round(seconds, 3), parameters=count, loss=first)


main()
