#!/usr/bin/env python3
"""Networks as PyTorch exports them, predicted and trained by Descent and by PyTorch: prints a Markdown table of the differences.

  python3 -m venv venv && venv/bin/pip install torch onnx onnxscript onnxruntime scikit-learn skl2onnx
  venv/bin/python tests/real_models/compare.py --descent build/bin/descent

Each network trains 20 steps (4 epochs of 5 batches) from the same weights, on the same batches, with the same loss and optimizer. The
truth is PyTorch in float64. PyTorch in float32 differs from it by rounding, and more with each step; where a value near 0 falls to the
other side of a ReLU, by much. So it is run four times, of which three from weights that are changed in their last bit. A loss of Descent
must be within 10 times the largest difference of these so far, plus 1e-6 of the loss (8 units in the last place). Where it is not, the
row says so and the exit status is 1.
"""

import argparse
import copy
import functools
import json
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch.fx.experimental.optimization import fuse

from cases import CASES
from order import epoch_order

EPOCHS, BATCHES, SEED = 4, 5, 1
BATCH = torch.export.Dim("batch")


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(map(str, command))}: exit status {done.returncode}\n{done.stderr[:2000]}")
    return done.stdout


def export(network, inputs, how, path):
    """As a user would: the network in inference mode, its batch a symbolic dimension."""
    if hasattr(network, "export"):
        return network.export(path, how.opset)
    options = dict(how.options, opset_version=how.opset, dynamo=how.dynamo, input_names=list(inputs))
    if how.dynamo:
        options.update(dynamic_shapes=[{0: BATCH} for _ in inputs], verbose=False)
    else:
        options.update(dynamic_axes={name: {0: "batch"} for name in inputs})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.eval(), tuple(inputs.values()), str(path), **options)


def as_trained(network):
    """Normalizations as training leaves them. Those of a fresh network fold into biases of zeros, which the dynamo exporter leaves out."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            for values in (module.running_mean, module.bias):
                torch.nn.init.normal_(values, std=0.1)
    return network


def losses(network, inputs, target, case, dtype):
    """PyTorch's loss before each step, and the seconds of a step."""
    network = copy.deepcopy(network).to(dtype).train()
    cast = {name: x.to(dtype) if x.is_floating_point() else x for name, x in inputs.items()}
    if target is not None and target.is_floating_point():
        target = target.to(dtype)
    optimizer = case.torch_optimizer(network.parameters())
    history, begun = [], time.perf_counter()
    for epoch in range(EPOCHS):
        order = epoch_order(len(next(iter(inputs.values()))), SEED, epoch)
        for first in range(0, len(order), case.batch):
            rows = order[first : first + case.batch]
            output = network(*(x[rows] for x in cast.values()))
            loss = output[0] if target is None else case.torch_loss(output, target[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(loss.item())
    return np.array(history), (time.perf_counter() - begun) / len(history)


def changed_in_last_bit(network, seed):
    network, generator = copy.deepcopy(network), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            up = torch.rand(parameter.shape, generator=generator) < 0.5
            parameter.copy_(torch.where(up, parameter * (1 + 2**-23), parameter))
    return network


@functools.cache
def truth(name, folded):
    """What does not depend on the exporter: losses in float64, the largest differences of float32 up to each step, seconds of a step."""
    case, network, inputs, target = prepared(name, folded)
    trained = fuse(copy.deepcopy(network)).requires_grad_(True) if folded else network
    exact, _ = losses(trained, inputs, target, case, torch.float64)
    single, seconds = losses(trained, inputs, target, case, torch.float32)
    runs = [single] + [losses(changed_in_last_bit(trained, i), inputs, target, case, torch.float32)[0] for i in range(3)]
    differences = np.max([np.abs(run - exact) for run in runs], axis=0)
    return parameters_of(trained), exact, np.maximum.accumulate(differences), seconds


@functools.cache
def prepared(name, folded):
    """The network with its first weights, and data for an epoch."""
    case = next(each for each in CASES if each.name == name)
    torch.manual_seed(0)
    network = as_trained(case.make()).eval() if folded else case.make().eval()
    rows = case.batch * BATCHES
    return case, network, case.inputs(rows), case.target(rows) if case.target else None


def largest_prediction_difference(descent, network, inputs, case, model, folder):
    """Of Descent's outputs to PyTorch's, relative to the largest element. onnxruntime must agree with PyTorch, too."""
    batch = {name: x[: case.batch] for name, x in inputs.items()}
    with torch.no_grad():
        want = getattr(network.eval(), "predictions", network)(*batch.values())
    want = [x.numpy() for x in (want if isinstance(want, tuple) else (want,))]
    feed = {name: x.numpy() for name, x in batch.items()}
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    for name, x in feed.items():
        np.save(folder / f"{name}.npy", x)
    files = [f"{name}={folder / name}.npy" for name in feed]
    run([descent, "run", model, "--dim", f"{case.batch_name}={case.batch}", "-o", folder / "out", *files])
    worst = 0
    for i, (exact, reference) in enumerate(zip(want, session.run(None, feed))):
        got, scale = np.load(folder / "out" / f"output_{i}.npy"), np.abs(exact).max() or 1
        np.testing.assert_allclose(reference, exact, rtol=1e-3, atol=1e-4 * scale)
        np.testing.assert_allclose(got, reference, rtol=1e-3, atol=1e-4 * scale)
        worst = max(worst, np.abs(got - exact).max() / scale)
    return worst


def descent_losses(descent, case, model, data, folder, threads):
    """The losses that the trainer logs, and the seconds of a step."""
    trainer, log = folder / "trainer", folder / "log.jsonl"
    loss = ["--loss", case.loss] if case.loss else []
    options = ["--dim", f"{case.batch_name}={case.batch}", *loss, "--optimizer", *case.optimizer.split()]
    run([descent, "compile", "-q", model, *options, "-o", trainer])
    begun = time.perf_counter()
    training = ["train", "--data", f"{data}:label={case.label}", "--epochs", str(EPOCHS), "--seed", str(SEED)]
    run([trainer, *training, "--threads", str(threads), "--quiet", "--log", log, "--log-every", "1"])
    seconds = time.perf_counter() - begun
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    history = np.array([step["loss"] for step in steps if step["event"] == "step"])
    return history, seconds / len(history)


def parameters_of(network):
    return sum(p.numel() for p in network.parameters())


def compare(descent, case, how, folder, threads):
    """One row of the table."""
    _, network, inputs, target = prepared(case.name, how.folded)
    model = folder / "model.onnx"
    export(copy.deepcopy(network), {name: x[:2] for name, x in inputs.items()}, how, model)
    difference = largest_prediction_difference(descent, network, inputs, case, model, folder)
    arrays = {name: x.numpy() for name, x in inputs.items()}
    if target is not None:
        arrays["label"] = target.numpy()
    np.savez(folder / "data.npz", **arrays)
    parameters, exact, rounding, torch_seconds = truth(case.name, how.folded)
    got, seconds = descent_losses(descent, case, model, folder / "data.npz", folder, threads)
    if len(got) != len(exact):
        raise RuntimeError(f"{len(got)} steps instead of {len(exact)}")
    good = bool((np.abs(got - exact) <= 10 * rounding + 1e-6 * np.abs(exact)).all())
    cells = [
        case.name, how.name, f"{parameters:,}", f"{difference:.0e}", f"{exact[0]:.5f}", f"{got[0]:.5f}", f"{exact[-1]:.5f}",
        f"{got[-1]:.5f}", f"{(np.abs(got - exact) / exact).max():.0e}" + ("" if good else " **too much**"),
        f"{(rounding / exact).max():.0e}", f"{1e3 * torch_seconds:.0f} / {1e3 * seconds:.0f}",
    ]
    return "| " + " | ".join(cells) + " |", good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--descent", default="build/bin/descent")
    parser.add_argument("--only", default="", help="networks whose name holds this")
    parser.add_argument("--export", default="", help="exports whose name holds this")
    parser.add_argument("--keep", type=Path, help="folder for what is exported")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch and of the trainer")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| Network | Exported by | Parameters | Predictions differ by | Loss 1, PyTorch | Descent | Loss 20, PyTorch | Descent "
          "| 20 losses differ by | PyTorch float32 by | ms a step, PyTorch / Descent |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    all_good = True
    for case in CASES:
        for how in case.exports:
            if arguments.only not in case.name or arguments.export not in how.name:
                continue
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                if arguments.keep:
                    folder = arguments.keep / f"{case.name}, {how.name}".replace(" ", "_").replace(",", "")
                    folder.mkdir(parents=True, exist_ok=True)
                try:
                    text, good = compare(Path(arguments.descent).resolve(), case, how, folder, arguments.threads)
                except (RuntimeError, AssertionError) as error:
                    text, good = f"| {case.name} | {how.name} | failed: {error} |", False
                print(text, flush=True)
                all_good = all_good and good
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
