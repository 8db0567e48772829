#!/usr/bin/env python3
"""Writes docs/examples/onnx: small models as exporters write them, for tests of the commands.

    apt-get install python3-onnx
    /usr/bin/python3 tests/onnx/make_models.py
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parents[2] / "docs/examples/onnx"


def weight(name, shape, seed):
    values = np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def unnamed_axis(value, axis=0):
    """skl2onnx gives an axis of any extent neither a number nor a name."""
    value.type.tensor_type.shape.dim[axis].Clear()
    return value


def save(name, nodes, inputs, outputs, initializers, opset=13, functions=(), domains=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, producer_name="make_models.py", opset_imports=opsets, functions=functions)
    onnx.save(model, FOLDER / f"{name}.onnx")
    return model


def classifier():
    """Probabilities of three classes, with a symbolic batch and the reshape of an exporter."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["rows"], axis=0),
        helper.make_node("Concat", ["rows", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("MatMul", ["flat", "body.weight"], ["s"]),
        helper.make_node("Add", ["s", "body.bias"], ["z"]),
        helper.make_node("Relu", ["z"], ["h"]),
        helper.make_node("Gemm", ["h", "head.weight", "head.bias"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    save("classifier", nodes, [info("x", ["batch", 2, 2])], [info("probabilities", ["batch", 3])],
         [weight("body.weight", (4, 8), 1), weight("body.bias", (8,), 2), weight("head.weight", (3, 8), 3),
          weight("head.bias", (3,), 4), numpy_helper.from_array(np.array([0]), "zero"),
          numpy_helper.from_array(np.array([-1]), "rest")])


def unsupported():
    """Three things that are refused, of which all are told."""
    nodes = [
        helper.make_node("StringNormalizer", ["x"], ["a"], name="first"),
        helper.make_node("Relu", ["x"], ["b"], name="second", speed=2),
        helper.make_node("Invented", ["b"], ["y"], name="third", domain="elsewhere"),
    ]
    save("unsupported", nodes, [info("x", [2])], [info("y", [2])], [], domains=["elsewhere"])


def function():
    """An operator that the file defines itself: y = scale * x + 1."""
    body = [
        helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Mul", ["a", "b"], ["p"]),
        helper.make_node("Add", ["p", "one"], ["c"]),
    ]
    affine = helper.make_function("mine", "Affine", ["a", "b"], ["c"], body, [helper.make_opsetid("", 13)])
    save("function", [helper.make_node("Affine", ["x", "scale"], ["y"], domain="mine")], [info("x", [2])],
         [info("y", [2])], [numpy_helper.from_array(np.array([2, 3], np.float32), "scale")],
         functions=[affine], domains=["mine"])


def external():
    """A parameter in a file beside the model, and one in a file that lies outside."""
    for name, location in (("external", "external.bin"), ("outside", "../README.md")):
        model = save(name, [helper.make_node("Mul", ["x", "w"], ["y"])], [info("x", [4])], [info("y", [4])],
                     [numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")])
        tensor = model.graph.initializer[0]
        (FOLDER / "external.bin").write_bytes(b"\0" * 8 + tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "8"), ("length", "16")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        onnx.save(model, FOLDER / f"{name}.onnx")


def scikit():
    """A binary MLPClassifier behind a StandardScaler whose classes are text, as skl2onnx writes it."""
    nodes = [
        helper.make_node("Scaler", ["X"], ["scaled"], domain="ai.onnx.ml", offset=[1.0, 2.0], scale=[0.5, 0.25]),
        helper.make_node("MatMul", ["scaled", "coefficient"], ["s"]),
        helper.make_node("Add", ["s", "intercepts"], ["z"]),
        helper.make_node("Relu", ["z"], ["h"]),
        helper.make_node("MatMul", ["h", "coefficient1"], ["s1"]),
        helper.make_node("Add", ["s1", "intercepts1"], ["z1"]),
        helper.make_node("Sigmoid", ["z1"], ["p"]),
        helper.make_node("Sub", ["unity", "p"], ["n"]),
        helper.make_node("Concat", ["n", "p"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["place"], axis=1),
        helper.make_node("ArrayFeatureExtractor", ["classes", "place"], ["name"], domain="ai.onnx.ml"),
        helper.make_node("Reshape", ["name", "shape_tensor"], ["label"]),
    ]
    save("scikit", nodes, [unnamed_axis(info("X", [0, 2]))],
         [unnamed_axis(info("label", [0], TensorProto.STRING)), unnamed_axis(info("probabilities", [0, 2]))],
         [weight("coefficient", (2, 8), 5), weight("intercepts", (1, 8), 6), weight("coefficient1", (8, 1), 7),
          weight("intercepts1", (1, 1), 8), numpy_helper.from_array(np.array(1, np.float32), "unity"),
          helper.make_tensor("classes", TensorProto.STRING, [2], [b"no", b"yes"]),
          numpy_helper.from_array(np.array([-1]), "shape_tensor")], domains=["ai.onnx.ml"])


def repeated():
    """A shape that is computed of an input's, so that after import an attribute repeats its extents."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Expand", ["shift", "shape"], ["shifts"]),
        helper.make_node("Add", ["x", "shifts"], ["y"]),
    ]
    save("repeated", nodes, [info("x", ["batch", "steps"])], [info("y", ["batch", "steps"])], [weight("shift", (1, 1), 9)])


def main():
    FOLDER.mkdir(exist_ok=True)
    classifier()
    scikit()
    repeated()
    unsupported()
    function()
    external()


if __name__ == "__main__":
    main()
