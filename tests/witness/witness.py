#!/usr/bin/env python3
"""Writes witness.txt: values and vector-Jacobian products of operators as PyTorch computes them, in float64.

Needs Debian's python3-torch (1.13). The table of cases stands in *_cases.py; the operands are those of
tests/ir/samples (multiples of the golden ratio modulo 1 in the case's range), so that both sides can make them.

    /usr/bin/python3 tests/witness/witness.py > tests/witness/witness.txt
"""
import math
import pathlib
import re
import sys
import warnings

import torch

import elementwise_cases, network_cases, tensor_cases  # noqa: E401, F401: they fill the table
from optimizers import OPTIMIZERS
from table import CASES


def spread(index, operand):
    place = 0.41421356 * operand + 0.6180339887498949 * (index + 1)
    return place - math.floor(place)


class Operand:
    """ "f64[2, 3] 0.1 4" (a range), "i64[4] 5" (below 5), "i64[3] = 2 0 1" (stated)."""

    def __init__(self, text, number):
        self.text = text
        self.dtype, extents, rest = re.fullmatch(r"(\w+)\[(.*?)\](.*)", text).groups()
        self.shape = [int(extent) for extent in extents.split(",") if extent.strip()]
        numbers = [float(word) for word in rest.replace("=", " ").split()]
        count = math.prod(self.shape)
        self.is_float = self.dtype == "f64"
        if "=" in rest:
            values = numbers
        elif self.is_float:
            low, high = numbers or (-2.0, 2.0)
            values = [low + (high - low) * spread(i, number) for i in range(count)]
        elif self.dtype == "bool":
            values = [spread(i, number) < 0.5 for i in range(count)]
        else:
            values = [math.floor(numbers[0] * spread(i, number)) for i in range(count)]
        assert len(values) == count, text
        torch_type = {"f64": torch.float64, "bool": torch.bool}.get(self.dtype, torch.int64)
        self.tensor = torch.tensor(values, dtype=torch.float64).to(torch_type).reshape(self.shape)
        self.tensor.requires_grad_(self.is_float)


def weights(tensor):
    """What arrives at a result: as in tests/witness/witness_test.cpp."""
    count = tensor.numel()
    return torch.tensor([0.7 * math.cos(1.3 * i + 0.2) for i in range(count)], dtype=torch.float64).reshape(tensor.shape)


def row(name, tensor):
    numbers = [float(value) for value in tensor.detach().to(torch.float64).reshape(-1)]
    return f"{name}: " + " ".join(f"{number:.10g}" for number in numbers)


def print_case(call, operands, function):
    operands = [Operand(text, number) for number, text in enumerate(operands)]
    results = function(*[operand.tensor for operand in operands])
    results = results if isinstance(results, tuple) else (results,)
    print(f"call: {call}")
    for operand in operands:
        print(f"x: {operand.text}")
    smooth = [result for result in results if result.is_floating_point() and result.requires_grad]
    for result in results:
        print(row("y", result))
    if smooth:
        total = sum((result * weights(result)).sum() for result in smooth)
        wanted = [operand.tensor for operand in operands if operand.is_float]
        for gradient, operand in zip(torch.autograd.grad(total, wanted, allow_unused=True), wanted):
            print(row("g", torch.zeros_like(operand) if gradient is None else gradient))
    print()


X = [[1.0, 2.0, -1.0], [0.5, -1.5, 2.0], [-2.0, 0.25, 1.0], [3.0, 1.0, 0.5]]
Y = [1.0, -2.0, 0.5, 3.0]


def print_trajectory(train, make):
    """20 steps on mean((x w - y)^2): the parameters after each."""
    x, y = torch.tensor(X, dtype=torch.float64), torch.tensor(Y, dtype=torch.float64)
    w = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    print(f"train: {train}")
    for _ in range(20):
        optimizer.zero_grad()
        ((x @ w - y) ** 2).mean().backward()
        optimizer.step()
        print(row("w", w))
    print()


def signatures():
    """Names of the attributes of every operator of docs/ops.md."""
    reference = pathlib.Path(__file__).resolve().parents[2] / "docs/ops.md"
    lines = re.findall(r"^`(\w+)\((.*)\) -> ", reference.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"(\w+)(?==|,|$)", rest.partition("; ")[2])) for name, rest in lines}


def main():
    warnings.simplefilter("ignore")  # about defaults that will change
    known = signatures()
    for call, operands, function in CASES:
        name, attributes = call.split("(")[0], set(re.findall(r"(\w+)=", call))
        if name not in known or not attributes <= known[name]:
            sys.exit(f"docs/ops.md has nothing like {call}")
        print_case(call, operands, function)
    for train, make in OPTIMIZERS:
        print_trajectory(train, make)


if __name__ == "__main__":
    main()
