#!/usr/bin/env python3
"""Writes cases.bin.gz: the node tests that Debian's python3-onnx generates, as far as they are small, and those of
own_cases.py.

    apt-get install python3-onnx
    /usr/bin/python3 tests/onnx/make_cases.py

Values are those of the package's NumPy references (onnx/backend/test/case/node, Apache-2.0). Inputs that decide shapes
are made initializers, as Descent's shapes are static. A case is, little-endian: name, model, number of inputs, inputs,
number of outputs, outputs; texts, models and tensors (TensorProto) with a 4-byte length in front.
"""
import gzip
import pathlib
import struct
import warnings

import numpy as np

warnings.filterwarnings("ignore")
# Names of NumPy's that the package still uses.
for name, kind in {"float": float, "bool": bool, "int": int, "object": object}.items():
    if name not in np.__dict__:
        setattr(np, name, kind)

import onnx  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from onnx.backend.test.case.node import collect_testcases  # noqa: E402

from own_cases import own_cases  # noqa: E402

LIMIT = 6000  # bytes of a case
# Operators that Descent does not read, and why.
REFUSED = {
    "text": {"StringNormalizer", "TfIdfVectorizer", "RegexFullMatch", "StringConcat", "StringSplit"},
    "dynamic shapes": {"NonZero", "Unique", "NonMaxSuppression"},
}
# The package writes bfloat16 as other numbers.
MISWRITTEN = "BFLOAT16"
# What they give is drawn from other random numbers.
RANDOM = {"Bernoulli", "RandomUniformLike", "RandomNormalLike"}
RANDOM_CASES = ("test_training_dropout",)
# Its expected values are of another operator set.
MISTAKEN = {"test_adam_multiple"}
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
# Floating-point inputs that decide shapes or are read at import.
STATIC_NAMES = {"scales", "roi", "rois", "start", "limit", "delta", "depth", "lower_edge_hertz", "upper_edge_hertz"}


def length(data):
    return struct.pack("<I", len(data)) + data


def tensor_of(value):
    return value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value))


def declared(info):
    return tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)


def bound(model, values):
    """The model with inputs that decide shapes as initializers, and the other inputs."""
    model, left = onnx.ModelProto.FromString(model.SerializeToString()), []
    inputs = list(model.graph.input)
    del model.graph.input[:]
    for info, value in zip(inputs, values):
        tensor = tensor_of(value)
        if tensor.data_type in FLOATS and info.name not in STATIC_NAMES:
            model.graph.input.append(info)
            left.append(tensor)
        else:
            tensor.name = info.name
            model.graph.initializer.append(tensor)
    return model, left


def encoded(name, model, inputs, outputs):
    model, left = bound(model, inputs)
    data = length(name.encode()) + length(model.SerializeToString())
    for tensors in (left, [tensor_of(value) for value in outputs]):
        data += struct.pack("<I", len(tensors)) + b"".join(length(tensor.SerializeToString()) for tensor in tensors)
    return data


def cases():
    refused = set().union(RANDOM, *REFUSED.values())
    for case in sorted(collect_testcases(None), key=lambda case: case.name):
        if any(node.op_type in refused for node in case.model.graph.node):
            continue
        if case.name in MISTAKEN or MISWRITTEN in case.name or case.name.startswith(RANDOM_CASES):
            continue
        for inputs, outputs in case.data_sets or []:
            if any(isinstance(value, (list, type(None))) for value in [*inputs, *outputs]):
                continue
            if any(tensor_of(value).data_type == onnx.TensorProto.STRING for value in [*inputs, *outputs]):
                continue
            if any(declared(info) != np.shape(value) for info, value in zip(case.model.graph.input, inputs)):
                continue  # the package's own mistake
            data = encoded(case.name, case.model, inputs, outputs)
            if len(data) < LIMIT:
                yield data
            break
    for own in own_cases():
        yield encoded(*own)


def main():
    out = pathlib.Path(__file__).with_name("cases.bin.gz")
    data = list(cases())
    with gzip.GzipFile(out, "wb", mtime=0) as file:
        file.write(b"".join(data))
    print(f"{len(data)} cases, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
