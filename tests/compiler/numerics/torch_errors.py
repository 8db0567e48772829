#!/usr/bin/env python3
"""Rounding errors of PyTorch's float32 on the very numbers of descent-rounding-errors.

    descent-rounding-errors --write FOLDER
    torch_errors.py FOLDER

Needs numpy and torch, so it runs by hand: the build has neither. Prints a row for each output of each case; the errors are
in units of 2^-24, as there.
"""

import math
import pathlib
import sys

import numpy
import torch

UNIT = 2.0**-24


def load(folder, case, name):
    return torch.from_numpy(numpy.load(folder / f"{case}.{name}.npy"))


def outputs(kind, folder, case):
    """By name, what PyTorch computes."""
    x = load(folder, case, "x")
    if kind == "sum":
        return {"y": x.sum(dim=1)}
    w = load(folder, case, "w")
    if kind == "matmul":
        return {"y": x @ w}
    x.requires_grad_()
    w.requires_grad_()
    y = torch.nn.functional.conv2d(x, w, padding=1)
    y.backward(load(folder, case, "g"))
    return {"y": y.detach(), "dx": x.grad, "dw": w.grad}


def errors(computed, exact, magnitudes):
    difference = computed.double() - exact
    typical = math.sqrt((difference**2).mean() / (exact**2).mean())
    return typical / UNIT, (difference.abs() / magnitudes).max().item() / UNIT


def main():
    folder = pathlib.Path(sys.argv[1])
    print(f"| case | | PyTorch {torch.__version__} |\n|---|---|--:|")
    cases = {path.name.split(".")[0] for path in folder.glob("*.exact.npy")}
    for case in sorted(cases, key=lambda name: (name.split("-")[:2], int(name.split("-")[2]))):
        for name, computed in outputs(case.split("-")[0], folder, case).items():
            typical, largest = errors(computed, *(load(folder, case, f"{name}.{of}") for of in ("exact", "magnitude")))
            print(f"| {case} | {name} | {typical:.2g} ({largest:.2g}) |")


if __name__ == "__main__":
    main()
