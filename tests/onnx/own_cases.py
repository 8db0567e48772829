"""Cases of operators, versions and attributes that Debian's python3-onnx has none of: name, model, inputs, outputs.

Expected values are loops over the specification's equations (onnx/docs/Operators.md).
"""

import itertools

import numpy as np
from onnx import TensorProto, helper

KINDS = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64, "int32": TensorProto.INT32,
         "uint8": TensorProto.UINT8}
RANDOM = np.random.RandomState(7)


def normal(*shape, scale=1.0):
    return (scale * RANDOM.standard_normal(shape)).astype(np.float32)


def case(name, operator, opset, inputs, outputs, **attributes):
    """Inputs and outputs by name, None where one is left out."""
    def info(key, value):
        return helper.make_tensor_value_info(key, KINDS[value.dtype.name], value.shape)

    given = {key: value for key, value in inputs.items() if value is not None}
    node = helper.make_node(operator, [key if value is not None else "" for key, value in inputs.items()],
                            list(outputs), **attributes)
    graph = helper.make_graph([node], name, [info(*item) for item in given.items()],
                              [info(*item) for item in outputs.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return f"own_{name}", model, list(given.values()), list(outputs.values())



# ---- recurrent layers ---------------------------------------------------------------------------

ACTIVATIONS = {
    "Affine": lambda x, a=1, b=0: a * x + b,
    "Elu": lambda x, a=1, b=None: np.where(x < 0, a * np.expm1(x), x),
    "HardSigmoid": lambda x, a=0.2, b=0.5: np.clip(a * x + b, 0, 1),
    "LeakyRelu": lambda x, a=0.01, b=None: np.where(x < 0, a * x, x),
    "Relu": lambda x, a=None, b=None: np.maximum(x, 0),
    "ScaledTanh": lambda x, a=1, b=1: a * np.tanh(b * x),
    "Sigmoid": lambda x, a=None, b=None: 1 / (1 + np.exp(-x)),
    "Softplus": lambda x, a=None, b=None: np.log1p(np.exp(x)),
    "Softsign": lambda x, a=None, b=None: x / (1 + np.abs(x)),
    "Tanh": lambda x, a=None, b=None: np.tanh(x),
    "ThresholdedRelu": lambda x, a=1, b=None: np.where(x > a, x, 0),
}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def cell(operator, x, h, c, w, r, b, p, functions, coupled, late):
    """The next h and c; the gates of GRU are z, r, h, of LSTM i, o, f, c."""
    size = h.shape[1]
    wb, rb = np.split(b.astype(np.float64), 2)
    part = lambda m, k: m[..., k * size : (k + 1) * size]
    own, rec = x @ w.T + wb, h @ r.T + rb
    if operator == "RNN":
        return functions[0](own + rec), c
    if operator == "GRU":
        z, reset = (functions[0](part(own, k) + part(rec, k)) for k in (0, 1))
        inner = reset * part(rec, 2) if late else (reset * h) @ r[2 * size :].T + part(rb, 2)
        return (1 - z) * functions[1](part(own, 2) + inner) + z * h, c
    gates = own + rec
    i = functions[0](part(gates, 0) + part(p, 0) * c)
    f = 1 - i if coupled else functions[0](part(gates, 2) + part(p, 2) * c)
    c = f * c + i * functions[1](part(gates, 3))
    o = functions[0](part(gates, 1) + part(p, 1) * c)
    return o * functions[2](c), c


def run(operator, x, lengths, weights, first, functions, coupled, late):
    """y [steps, batch, hidden] and the last states, of one direction."""
    h, c = (state.astype(np.float64) for state in first)
    y = np.zeros((len(x), *h.shape))
    for step in range(len(x)):
        inside = (step < lengths)[:, None]
        next_h, next_c = cell(operator, x[step], h, c, *weights, functions, coupled, late)
        h, c = np.where(inside, next_h, h), np.where(inside, next_c, c)
        y[step] = np.where(inside, next_h, 0)
    return y, h, c


def backwards(x, lengths):
    y = x.copy()
    for row, length in enumerate(lengths):
        y[:length, row] = x[:length, row][::-1]
    return y


def recurrent(name, operator, activations=(), alphas=(), betas=(), lengths=None, peepholes=False, states=False,
              layout=0, **attributes):
    steps, batch, features, size = 4, 3, 2, 3
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[operator] * size
    x = normal(steps, batch, features)
    w, r = normal(directions, rows, features), normal(directions, rows, size)
    b, p = normal(directions, 2 * rows), normal(directions, 3 * size) * peepholes
    first = [normal(directions, batch, size) * states for _ in range(2)]
    usual = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[operator]
    names = list(activations) or usual * directions
    next_alpha, next_beta = iter(alphas), iter(betas)
    functions = []
    for word in names:
        values = ACTIVATIONS[word].__defaults__
        a = next(next_alpha, values[0]) if values[0] is not None else None
        d = next(next_beta, values[1]) if values[1] is not None else None
        clip = attributes.get("clip", np.inf)
        functions.append(lambda v, word=word, a=a, d=d: ACTIVATIONS[word](np.clip(v, -clip, clip), a, d))
    ends = np.full(batch, steps) if lengths is None else np.array(lengths)
    ys, hs, cs = [], [], []
    for d in range(directions):
        turned = d == 1 or attributes.get("direction") == "reverse"
        y, h, c = run(operator, backwards(x, ends) if turned else x, ends, (w[d], r[d], b[d], p[d]),
                      [state[d] for state in first], functions[d * len(usual) : (d + 1) * len(usual)],
                      attributes.get("input_forget", 0), attributes.get("linear_before_reset", 0))
        ys.append(backwards(y, ends) if turned else y)
        hs.append(h)
        cs.append(c)
    turn = (lambda v: np.ascontiguousarray(np.moveaxis(v, -2, 0))) if layout else (lambda v: v)
    outputs = {"y": turn(np.stack(ys, 1)), "y_h": turn(np.stack(hs)), "y_c": turn(np.stack(cs))}
    inputs = {"x": np.swapaxes(x, 0, 1).copy() if layout else x, "w": w, "r": r, "b": b,
              "lengths": None if lengths is None else np.array(lengths, np.int32),
              "h": turn(first[0]) if states else None, "c": turn(first[1]) if states else None,
              "p": p if peepholes else None}
    if operator != "LSTM":
        for key in ("c", "p"):
            del inputs[key]
        del outputs["y_c"]
    outputs = {key: value.astype(np.float32) for key, value in outputs.items()}
    given = {"activations": list(activations), "activation_alpha": list(alphas), "activation_beta": list(betas)}
    return case(name, operator, 14, inputs, outputs, hidden_size=size, layout=layout,
                **{key: value for key, value in given.items() if value}, **attributes)


def recurrent_cases():
    yield recurrent("lstm_clip", "LSTM", clip=0.5, states=True)
    yield recurrent("lstm_input_forget", "LSTM", input_forget=1)
    yield recurrent("lstm_peepholes_bidirectional_lengths", "LSTM", peepholes=True, direction="bidirectional",
                    lengths=[4, 2, 0], states=True)
    yield recurrent("lstm_peepholes_reverse_layout", "LSTM", peepholes=True, direction="reverse", lengths=[1, 4, 3],
                    layout=1, states=True)
    yield recurrent("lstm_activations", "LSTM", ["HardSigmoid", "ScaledTanh", "Softsign"], [0.3, 1.5], [0.4, 0.7])
    yield recurrent("lstm_activations_both_ways", "LSTM", ["Sigmoid", "Elu", "Tanh", "HardSigmoid", "LeakyRelu", "Affine"],
                    [0.5, 0.25], [0.4], direction="bidirectional", layout=1)
    yield recurrent("gru_activations", "GRU", ["HardSigmoid", "Softplus"], lengths=[2, 4, 1])
    yield recurrent("gru_late_reset_clip", "GRU", clip=0.7, linear_before_reset=1, direction="bidirectional")
    yield recurrent("gru_thresholded", "GRU", ["Sigmoid", "ThresholdedRelu"], [0.2], linear_before_reset=1, states=True)
    yield recurrent("rnn_two_activations", "RNN", ["Tanh", "Relu"], direction="bidirectional", states=True, layout=1)
    yield recurrent("rnn_affine", "RNN", ["Affine"], [0.5], [0.1], direction="reverse", lengths=[3, 1, 4])


# ---- LinearAttention ----------------------------------------------------------------------------


def linear_attention(name, rule, readers=4, heads=2, past=False, per_key=True, one_rate=False, scale=0.0):
    batch, steps, keys, values = 2, 3, 3, 2
    q, k = normal(batch, steps, readers * keys), normal(batch, steps, heads * keys)
    v = normal(batch, steps, heads * values)
    decay = -np.abs(normal(batch, steps, heads * keys if per_key else heads)) if rule.startswith("gated") else None
    beta = np.abs(normal(batch, steps, 1 if one_rate else heads)) if rule.endswith("delta") else None
    first = normal(batch, heads, keys, values) if past else None
    state = np.zeros((batch, heads, keys, values)) if first is None else first.astype(np.float64)
    y = np.zeros((batch, steps, readers, values))
    for b, t, h in itertools.product(range(batch), range(steps), range(heads)):
        own_k, own_v = k[b, t].reshape(heads, keys)[h], v[b, t].reshape(heads, values)[h]
        if decay is not None:
            state[b, h] *= np.exp(decay[b, t].reshape(heads, -1)[h])[:, None]
        written = own_v
        if beta is not None:
            written = beta[b, t][0 if one_rate else h] * (own_v - state[b, h].T @ own_k)
        state[b, h] += np.outer(own_k, written)
        for reader in range(h * readers // heads, (h + 1) * readers // heads):
            y[b, t, reader] = (scale or keys**-0.5) * q[b, t].reshape(readers, keys)[reader] @ state[b, h]
    outputs = {"y": y.reshape(batch, steps, -1).astype(np.float32), "state": state.astype(np.float32)}
    inputs = {"q": q, "k": k, "v": v, "past": first, "decay": decay, "beta": beta}
    return case(f"linear_attention_{name}", "LinearAttention", 27, inputs, outputs, q_num_heads=readers,
                kv_num_heads=heads, update_rule=rule, scale=scale)


def linear_attention_cases():
    yield linear_attention("linear", "linear", past=True)
    yield linear_attention("gated", "gated", per_key=False, scale=0.5)
    yield linear_attention("delta", "delta", readers=2)
    yield linear_attention("gated_delta", "gated_delta", past=True, one_rate=True)


# ---- RoiAlign, DeformConv -----------------------------------------------------------------------


def corners(image, place, outermost):
    """Elements around a place of an image, and their weights, each axis by its distance. `outermost` places up to one
    element outside of the image hold the edge's values; else those outside are 0."""
    parts = []
    for axis, at in enumerate(place):
        last = image.shape[axis] - 1
        if outermost:
            if at < -1 or at > last + 1:
                return [(0.0, 0.0)]
            at = min(max(at, 0), last)
        low = int(np.floor(at))
        parts.append([(low, 1 - (at - low)), (low + 1, at - low)])
    found = []
    for corner in itertools.product(*parts):
        index = tuple(i for i, _ in corner)
        inside = all(0 <= i < extent for i, extent in zip(index, image.shape))
        found.append((float(image[index]) if inside else 0.0, np.prod([weight for _, weight in corner])))
    return found


def roi_align(name, mode, half_pixel, ratio, opset=16):
    x = normal(2, 2, 5, 6)
    rois = np.array([[0.5, 1, 7, 6.5], [2, 0.25, 3, 9], [-1, -2, 1.5, 12]], np.float32)
    images = np.array([1, 0, 1], np.int64)
    height, width, scale = 2, 3, 0.6
    y = np.zeros((len(rois), 2, height, width), np.float32)
    for r, (x1, y1, x2, y2) in enumerate(rois.astype(np.float64) * scale - (0.5 if half_pixel else 0)):
        tall, wide = (y2 - y1, x2 - x1) if half_pixel else (max(y2 - y1, 1), max(x2 - x1, 1))
        down, across = (ratio, ratio) if ratio else (int(np.ceil(tall / height)), int(np.ceil(wide / width)))
        for channel, i, j in itertools.product(range(2), range(height), range(width)):
            image = x[images[r], channel]
            reads = [corners(image, (y1 + (i + (a + 0.5) / down) * tall / height, x1 + (j + (b + 0.5) / across) * wide / width),
                             True) for a in range(down) for b in range(across)]
            # The reference takes the largest weighted corner.
            each = [max(v * w for v, w in read) if mode == "max" else sum(v * w for v, w in read) for read in reads]
            y[r, channel, i, j] = max(each) if mode == "max" else np.mean(each)
    coordinates = {"coordinate_transformation_mode": "half_pixel" if half_pixel else "output_half_pixel"}
    return case(f"roi_align_{name}", "RoiAlign", opset, {"x": x, "rois": rois, "images": images}, {"y": y}, mode=mode,
                output_height=height, output_width=width, sampling_ratio=ratio, spatial_scale=scale,
                **(coordinates if opset >= 16 else {}))


def deform_conv(name, extents, kernel, group=1, offset_group=1, strides=1, dilations=1, pads=0, mask=True, bias=True):
    axes, channels, made = len(extents), 4, 2
    strides, dilations = [strides] * axes, [dilations] * axes
    out = [(e + 2 * pads - d * (k - 1) - 1) // s + 1 for e, k, s, d in zip(extents, kernel, strides, dilations)]
    x, w = normal(1, channels, *extents), normal(made, channels // group, *kernel)
    count = int(np.prod(kernel))
    offset = normal(1, offset_group * count * axes, *out, scale=0.7)
    m = np.abs(normal(1, offset_group * count, *out)) if mask else None
    b = normal(made) if bias else None
    offsets = offset.reshape(offset_group, count, axes, *out)
    masks = (m if mask else np.ones((1, offset_group * count, *out))).reshape(offset_group, count, *out)
    y = np.zeros((1, made, *out), np.float32)
    for o, place in itertools.product(range(made), itertools.product(*map(range, out))):
        total = b[o] if bias else 0.0
        for c in range(channels // group):
            channel = o // (made // group) * (channels // group) + c
            own = channel // (channels // offset_group)
            for k, element in enumerate(itertools.product(*map(range, kernel))):
                at = [p * s + e * d - pads + offsets[(own, k, i, *place)]
                      for i, (p, s, e, d) in enumerate(zip(place, strides, element, dilations))]
                read = sum(v * weight for v, weight in corners(x[0, channel], at, False))
                total += read * masks[(own, k, *place)] * w[(o, c, *element)]
        y[(0, o, *place)] = total
    return case(f"deform_conv_{name}", "DeformConv", 19, {"x": x, "w": w, "offset": offset, "b": b, "mask": m}, {"y": y},
                group=group, offset_group=offset_group, strides=strides, dilations=dilations, pads=[pads] * 2 * axes,
                kernel_shape=kernel)


def sampling_cases():
    yield roi_align("average", "avg", True, 2)
    yield roi_align("largest", "max", True, 3)
    yield roi_align("as_regions_need", "avg", True, 0)
    yield roi_align("largest_as_regions_need", "max", False, 0)
    yield roi_align("version_10", "avg", False, 2, opset=10)
    yield deform_conv("groups", [4, 5], [2, 3], group=2, offset_group=2, pads=1)
    yield deform_conv("strided", [6, 5], [2, 2], strides=2, dilations=2, pads=1, mask=False, offset_group=4)
    yield deform_conv("one_row", [1, 5], [1, 2], bias=False)
    yield deform_conv("vector", [7], [3], group=2)
    yield deform_conv("volume", [3, 2, 3], [2, 1, 2], offset_group=2)


# ---- Scan of operator set 8 ---------------------------------------------------------------------

def scan_of_batch(name, batch, steps, directions, lengths=False):
    """state = state * weight + x; y = state - z, of each sample by itself; weight is outside of the body."""
    floats = TensorProto.FLOAT
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Mul", ["state", "weight"], ["kept"]), helper.make_node("Add", ["kept", "x"], ["next"]),
         helper.make_node("Sub", ["next", "z"], ["y"])], "step",
        [info("state", floats, [3]), info("x", floats, [3]), info("z", floats, [])],
        [info("next", floats, [3]), info("y", floats, [3])])
    state, xs, zs, weight = normal(batch, 3), normal(batch, steps, 3), normal(batch, steps), normal(3)
    last, ys = state.copy(), np.zeros((batch, steps, 3), np.float32)
    forwards = [range(steps) if d == 0 else range(steps)[::-1] for d in directions]
    for b in range(batch):
        for step, (i, j) in enumerate(zip(*forwards)):
            last[b] = last[b] * weight + xs[b, i]
            ys[b, step] = last[b] - zs[b, j]
    node = helper.make_node("Scan", ["lengths" if lengths else "", "state0", "xs", "zs"], ["last", "ys"], body=body,
                            num_scan_inputs=2, directions=directions)
    full = helper.make_tensor("lengths", TensorProto.INT64, [batch], [steps] * batch)
    graph = helper.make_graph(
        [node], name, [info("state0", floats, state.shape), info("xs", floats, xs.shape), info("zs", floats, zs.shape),
                       info("weight", floats, weight.shape)],
        [info("last", floats, last.shape), info("ys", floats, ys.shape)], [full] if lengths else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 8)])
    return f"own_scan_of_batch_{name}", model, [state, xs, zs, weight], [last, ys]


def scan_cases():
    yield scan_of_batch("forward", 3, 4, [0, 0], lengths=True)
    yield scan_of_batch("backward", 2, 5, [0, 1])
    yield scan_of_batch("of_one", 1, 1, [1, 0])
    yield scan_of_batch("of_none", 0, 3, [0, 0])


# ---- signs and loops ------------------------------------------------------------------------------

def signs(kind):
    """ONNX's reference is NumPy's sign: NaN stays."""
    x = np.array([np.nan, -np.inf, -2, -0.0, 0, 3, np.inf], kind)
    return case(f"sign_{np.dtype(kind).name}", "Sign", 13, {"x": x}, {"y": np.sign(x)})


def loop_while(results):
    """v doubles while its largest element is below 10; nobody reads how it has grown."""
    floats = TensorProto.FLOAT
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Add", ["v", "v"], ["doubled"]),
         helper.make_node("ReduceMax", ["doubled"], ["largest"], keepdims=0),
         helper.make_node("Less", ["largest", "ten"], ["goes_on"]), helper.make_node("Identity", ["doubled"], ["grown"])],
        "step", [info("i", TensorProto.INT64, []), info("begins", TensorProto.BOOL, []), info("v", floats, [2])],
        [info("goes_on", TensorProto.BOOL, []), info("doubled", floats, [2]), info("grown", floats, [2])])
    x = np.array([0.5, 1.5], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Loop", ["trips", "", "x"], ["last", *results], body=body)], "loop_while", [info("x", floats, [2])],
        [info("last", floats, [2])], [helper.make_tensor("trips", TensorProto.INT64, [], [20]),
                                      helper.make_tensor("ten", floats, [], [10])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    return f"own_loop_while_{len(results)}", model, [x], [x * 8]


def sign_and_loop_cases():
    yield signs(np.float32)
    yield signs(np.float64)
    yield loop_while([])
    yield loop_while([""])
    yield loop_while(["unread"])


def resize_cases():
    """Before version 11 an axis that becomes smaller takes the next element, a longer one that before."""
    x = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4)
    for scales, rows, columns in [((0.6, 0.6), [0], [0, 2]), ((1.5, 0.7), [0, 0, 1], [0, 2])]:
        scales = np.array([1, 1, *scales], np.float32)
        yield case(f"resize_10_{len(rows)}", "Resize", 10, {"x": x, "scales": scales}, {"y": x[:, :, rows][..., columns]},
                   mode="nearest")


def resize_to_one_cases():
    """A length of 1 is that of the result, not 4 * 0.34 = 1.36."""
    x = np.array([[[[1, 2, 10, 4]]]], np.float32)
    scales = np.array([1, 1, 1, 0.34], np.float32)
    for mode in ["linear", "cubic"]:
        yield case(f"resize_to_one_pytorch_{mode}", "Resize", 13, {"x": x, "roi": None, "scales": scales}, {"y": x[..., :1]},
                   mode=mode, coordinate_transformation_mode="pytorch_half_pixel")
    roi = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32)
    yield case("resize_to_one_crop", "Resize", 13, {"x": x, "roi": roi, "scales": scales},
               {"y": x[..., 1:3].mean(axis=3, keepdims=True)}, mode="linear",
               coordinate_transformation_mode="tf_crop_and_resize")


def range_case(name, opset, *ends, **attributes):
    """Ends that lie closer than the numbers of a float near them."""
    values = [np.array(end) for end in ends]
    y = np.array(list(range(*(int(end) for end in ends))), values[0].dtype)
    kind = KINDS[y.dtype.name]
    tensors = [helper.make_tensor(key, kind, [], [int(end)]) for key, end in zip(["start", "limit", "delta"], ends)]
    graph = helper.make_graph([helper.make_node("Range", ["start", "limit", "delta"], ["y"], **attributes)], name, [],
                              [helper.make_tensor_value_info("y", kind, y.shape)], tensors)
    return f"own_{name}", helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), [], [y]


def corner_cases():
    vector, matrix = np.array([0, 1, 2], np.uint8), np.arange(12, dtype=np.uint8).reshape(3, 4)
    zero = np.array([1], np.uint8)
    yield case("matmul_integer_of_a_vector", "MatMulInteger", 10, {"a": vector, "b": matrix, "zero": zero},
               {"y": (vector.astype(np.int32) - 1) @ matrix.astype(np.int32)})
    yield from resize_to_one_cases()
    base, exponents = np.array([-1, -1, 1], np.float32), np.array([16777217, 16777218, 5])
    yield case("pow_of_large_integers", "Pow", 13, {"x": base, "e": exponents}, {"y": np.array([-1, 1, 1], np.float32)})
    yield range_case("range_beyond_doubles", 11, np.int64(2**53 + 1), np.int64(2**53 + 4), np.int64(1))
    yield range_case("range_downward", 11, np.int64(7), np.int64(-4), np.int64(-3))
    yield range_case("range_of_none", 11, np.int64(7), np.int64(9), np.int64(-3))
    yield range_case("range_with_stash_type", 27, np.int64(2), np.int64(9), np.int64(3), stash_type=1)
    one, x = np.array(1, np.float32), np.array([[[[10, 20], [30, 40]]]], np.uint8)
    yield case("qlinear_conv_of_a_zero_point_with_an_axis", "QLinearConv", 10,
               {"x": x, "xs": one, "xz": np.array(0, np.uint8), "w": np.full((1, 1, 1, 1), 2, np.uint8), "ws": one,
                "wz": np.array(0, np.uint8), "ys": one, "yz": np.array([3], np.uint8)}, {"y": 2 * x + np.uint8(3)})
    x = np.array([np.nan, -1, 1, 2, np.inf], np.float32)
    yield case("thresholded_relu_of_nan", "ThresholdedRelu", 10, {"x": x}, {"y": np.array([0, 0, 0, 2, np.inf], np.float32)})
    ones = [np.array([v], np.float32) for v in (2, 1, 0.5, 4)]
    x = np.array([1, 2, 4], np.float32)
    yield case("batch_norm_of_a_vector", "BatchNormalization", 15, {"x": x, **dict(zip("sbmv", ones))},
               {"y": ((x - 0.5) / np.sqrt(4 + 1e-5) * 2 + 1).astype(np.float32)})


def own_cases():
    yield from recurrent_cases()
    yield from linear_attention_cases()
    yield from sampling_cases()
    yield from scan_cases()
    yield from sign_and_loop_cases()
    yield from resize_cases()
    yield from corner_cases()
