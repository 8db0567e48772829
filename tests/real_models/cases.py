"""What is compared: a network, its data, its loss and optimizer in PyTorch and as Descent's options, and ways to export it."""

from dataclasses import dataclass, field
from typing import Callable

import torch
import torch.nn.functional as F
from torch import nn

import networks


@dataclass
class Export:
    """How torch.onnx.export is called. `batch` is the name that the batch axis gets."""

    name: str
    opset: int
    dynamo: bool = True
    options: dict = field(default_factory=dict)
    folded: bool = False  # batch normalizations are merged into convolutions, so that there is none to train


# What torch.onnx.export does by itself, and what keeps batch normalization as it is in training.
LEGACY_13 = Export("TorchScript, opset 13", 13, False)
LEGACY_17 = Export("TorchScript, opset 17", 17, False)
LEGACY_UNFOLDED = Export("TorchScript, opset 17, constants not folded", 17, False, {"do_constant_folding": False})
DYNAMO_18 = Export("dynamo, opset 18", 18)
DYNAMO_20 = Export("dynamo, opset 20", 20)
LEGACY_NORM = Export(
    "TorchScript, opset 13, preserve", 13, False, {"training": torch.onnx.TrainingMode.PRESERVE}
)
DYNAMO_NORM = Export("dynamo, opset 18, optimize=False", 18, True, {"optimize": False})
DYNAMO_FOLDED = Export("dynamo, opset 20", 20, folded=True)
LEGACY_FOLDED = Export("TorchScript, opset 17", 17, False, folded=True)

SCIKIT = [Export("skl2onnx, opset 13", 13), Export("skl2onnx, opset 17", 17)]
SEQUENCES = [LEGACY_17, DYNAMO_18, DYNAMO_20]
WITH_NORM = [LEGACY_NORM, DYNAMO_NORM, LEGACY_FOLDED, DYNAMO_FOLDED]


@dataclass
class Case:
    name: str
    make: Callable[[], nn.Module]
    inputs: Callable[[int], dict]  # rows -> tensors by the name of forward's argument
    target: Callable[[int], torch.Tensor] | None  # None: the model holds its loss
    loss: str  # Descent's name
    torch_loss: Callable
    optimizer: str
    torch_optimizer: Callable
    exports: list
    batch: int = 8
    batch_name: str = "batch"  # of the axis in the exported model
    label: str = "label"  # the array that feeds the model's last input


def images(side):
    return lambda rows: {"image": torch.randn(rows, 3, side, side)}


def tokens(vocabulary, steps):
    return lambda rows: {"tokens": torch.randint(0, vocabulary, (rows, steps))}


def classes(count, *shape):
    return lambda rows: torch.randint(0, count, (rows, *shape))


def features(rows):
    return {"X": torch.randn(rows, 12)}


def logit_loss(logits, target):
    """Of [0, z] and what the probability of the second class should be."""
    return F.binary_cross_entropy_with_logits(logits[:, 1:], target)


def sequence_loss(logits, target):
    return F.cross_entropy(logits.transpose(1, 2), target)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.001)


def momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.001, momentum=0.9)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01)


def rmsprop(parameters):
    return torch.optim.RMSprop(parameters, lr=1e-3, alpha=0.99)


SGD = ("sgd --set learning_rate=0.001", sgd)
MOMENTUM = ("momentum --set learning_rate=0.001", momentum)
ADAM = ("adam --set learning_rate=0.001", adam)
ADAMW = ("adamw --set learning_rate=0.001", adamw)
RMSPROP = ("rmsprop --set learning_rate=0.001", rmsprop)

CROSS_ENTROPY = ("cross_entropy", F.cross_entropy)
MSE = ("mse", F.mse_loss)

CASES = [
    Case("ResNet-18", networks.ResNet18, images(64), classes(10), *CROSS_ENTROPY, *SGD, WITH_NORM),
    Case("MobileNetV2", networks.MobileNetV2, images(64), classes(10), *CROSS_ENTROPY, *SGD, WITH_NORM, batch=16),
    Case("U-Net", networks.UNet, images(32), classes(3, 32, 32), *CROSS_ENTROPY, *MOMENTUM, WITH_NORM),
    Case(
        "U-Net, bilinear", lambda: networks.UNet(bilinear=True), images(32), classes(3, 32, 32),
        *CROSS_ENTROPY, *SGD, [LEGACY_NORM, DYNAMO_NORM],
    ),
    Case(
        "LSTM classifier", networks.RecurrentClassifier, tokens(200, 24), classes(5), *CROSS_ENTROPY, *ADAM,
        [LEGACY_13, *SEQUENCES],
    ),
    Case(
        "GRU classifier", lambda: networks.RecurrentClassifier(nn.GRU), tokens(200, 24), classes(5),
        *CROSS_ENTROPY, *RMSPROP, SEQUENCES,
    ),
    Case("Transformer encoder", networks.TransformerClassifier, tokens(200, 24), classes(5), *CROSS_ENTROPY, *ADAMW, SEQUENCES),
    Case(
        "Transformer encoder, norm first", lambda: networks.TransformerClassifier(norm_first=True), tokens(200, 24),
        classes(5), *CROSS_ENTROPY, *ADAM, SEQUENCES,
    ),
    Case(
        "GPT-2", networks.GPT2, tokens(300, 32), classes(300, 32), "cross_entropy", sequence_loss, *ADAMW,
        [LEGACY_UNFOLDED, DYNAMO_18, DYNAMO_20],
    ),
    Case(
        "GPT-2, untied", lambda: networks.GPT2(tied=False), tokens(300, 32), classes(300, 32), "cross_entropy",
        sequence_loss, *ADAMW, SEQUENCES,
    ),
    Case(
        "VAE", networks.VAE, lambda rows: {"image": torch.rand(rows, 784), "noise": torch.randn(rows, 16)}, None, "",
        None, *ADAM, [LEGACY_13, *SEQUENCES], batch=32, label="noise",
    ),
    Case(
        "MLPClassifier", lambda: networks.ScikitMLP(4), features, classes(4), *CROSS_ENTROPY, *ADAM, SCIKIT, batch_name="X.0",
    ),
    Case(
        "MLPClassifier, two classes", lambda: networks.ScikitMLP(2), features, classes(2), *CROSS_ENTROPY, *ADAM, SCIKIT,
        batch_name="X.0",
    ),
    Case(
        "MLPClassifier, two classes, bce", lambda: networks.ScikitMLP(2, scaled=True), features,
        lambda rows: torch.randint(0, 2, (rows, 1)).float(), "bce", logit_loss, *MOMENTUM, SCIKIT, batch_name="X.0",
    ),
    Case(
        "MLPRegressor", lambda: networks.ScikitMLP(0, scaled=True), features, lambda rows: torch.randn(rows, 1), *MSE, *ADAM, SCIKIT,
        batch_name="X.0",
    ),
    Case(
        "1-d convolutions", networks.ConvNet1d, lambda rows: {"signal": torch.randn(rows, 4, 64)},
        lambda rows: torch.randn(rows, 1), *MSE, *ADAM, [LEGACY_13, *SEQUENCES],
    ),
]
