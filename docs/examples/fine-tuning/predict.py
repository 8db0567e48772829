"""How much of the test images onnxruntime tells right with a model: predict.py MODEL.onnx"""
import gzip
import pathlib
import sys

import numpy as np
import onnxruntime

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")


def read(name, offset):
    return np.frombuffer(gzip.decompress((DATA / name).read_bytes()), np.uint8, offset=offset)


image = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).astype(np.float32)
label = read("t10k-labels-idx1-ubyte.gz", 8)
logits, = onnxruntime.InferenceSession(sys.argv[1]).run(None, {"image": image})
print(f"accuracy {np.mean(logits.argmax(axis=1) == label):.4f}, first image {logits[0].round(4)}")
