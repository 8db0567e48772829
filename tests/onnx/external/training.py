"""Training against PyTorch's losses and weights, with the trainer that `descent compile` writes.

The same batch is every step's: the data has one batch of rows, so an epoch is a step. The order of its rows changes with
the epoch, which rounds sums otherwise and changes nothing else.
"""

import json
import re
import struct

import numpy as np

from cases import GRADIENT_NOISE, GRADIENT_RTOL, Failed, call, files
from onnx_file import Model

# Of what float64 gives; what float32 adds is told by PyTorch's own two runs: ten times their difference.
RTOL, NOISE = 1e-4, 10
TORCH_MOMENTUM = 0.1
# What PyTorch and ONNX call their hyperparameters is on the left; the optimizers' names depend on them.
NAMES = {"lr": "learning_rate", "eps": "epsilon", "alpha": "alpha", "lr_decay": "learning_rate_decay",
         "initial_accumulator_value": "initial_sum"}
# Whatever is not a number of the equations here must be off.
OFF = ("dampening", "maximize", "amsgrad", "centered")


def read_safetensors(file):
    data = file.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
    return {name: np.frombuffer(body[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items() if entry["dtype"] in kinds}


class Trainer:
    def __init__(self, descent, model, data, work, optimizer, settings, weights=None):
        self.program, self.checkpoint, self.log = work / "trainer", work / "checkpoint.safetensors", work / "log.jsonl"
        features, label = files(data, "input")
        self.data = f"features={features},label={label}"
        options = [word for name, value in settings.items() for word in ("--set", f"{name}={value!r}")]
        options += ["--weights", weights] if weights else []
        call(descent, "compile", "-q", model, "--optimizer", optimizer, *options, "-o", self.program)

    def train_until(self, step):
        """Goes on to this step; the weights and statistics after it."""
        call(self.program, "train", "--data", self.data, "--epochs", step, "--checkpoint", self.checkpoint, "--resume",
             "--log", self.log, "--log-every", 1, "--quiet")
        return read_safetensors(self.checkpoint)

    def losses(self):
        """Before each step, and after the last."""
        events = [json.loads(line) for line in self.log.read_text().splitlines()]
        last = call(self.program, "evaluate", "--data", self.data, "--split", "train", "--checkpoint", self.checkpoint,
                    "--json")
        return [event["loss"] for event in events if event["event"] == "step"] + [json.loads(last)["loss"]]


def check_losses(got, want, exact):
    if len(got) != len(want):
        raise Failed(f"{len(got)} losses, not {len(want)}")
    for step, (loss, single, double) in enumerate(zip(got, want, exact)):
        limit = NOISE * abs(single - double) + RTOL * abs(double)
        if not abs(loss - double) <= limit:
            raise Failed(f"loss after {step} steps is {loss:.7g}, not {double:.7g} (within {limit:.2g})")


def check_weights(when, got, want, noise):
    """`noise` is what two runs of PyTorch's differ by."""
    for name, weights in want.items():
        if name not in got or got[name].shape != weights.shape:
            raise Failed(f"{when}, {name} is not of shape {list(weights.shape)}")
        limit = NOISE * noise[name] + RTOL * np.abs(weights)
        error = np.abs(got[name].astype(np.float64) - weights)
        if not np.all(error <= limit):
            at = np.unravel_index(np.argmax(error - limit), error.shape)
            raise Failed(f"{when}, {name}{[int(i) for i in at]} is {got[name][at]:.7g}, not {weights[at]:.7g}")


class Optimizer:
    """The weights on the way of one optimizer over the net in the same folder."""

    def __init__(self, descent):
        self.descent = descent

    def __call__(self, file, work):
        given = json.loads((file.parent / "optim.json").read_text())[file.stem]
        golden = np.load(file)
        if np.ptp(golden["lr"]) != 0:
            raise Failed("the learning rate changes")
        net = file.parent / "net"
        trainer = Trainer(self.descent, net / "model.onnx", net / "test_data_set_0", work,
                          *settings_of(given["optimizer"], given["defaults"]))
        at = {key: {name.split(":", 1)[1]: golden[name] for name in golden.files if name.startswith(f"{key}:")}
              for key in ("step1", "step2", "step10", "final", "final_f64")}
        # The float64 run is known at the end alone. A weight may happen to end where it would exactly: the tensor's worst.
        noise = {name: np.abs(at["final"][name] - exact).max() for name, exact in at["final_f64"].items()}
        for step, key in ((1, "step1"), (2, "step2"), (10, "step10"), (given["steps"], "final_f64")):
            check_weights(f"after {step} steps", trainer.train_until(step), at[key], noise)
        before = trainer.losses()[:-1]
        check_losses(before, golden["loss"], golden["loss_f64"])
        check_losses(trainer.losses()[-1:], [golden["loss_final"]], [golden["loss_final"]])


def settings_of(optimizer, defaults):
    """The optimizer and hyperparameters of Descent's that are one of torch.optim's."""
    if any(defaults.get(name) for name in OFF):
        raise Failed(f"{optimizer} has {[name for name in OFF if defaults.get(name)]}")
    settings = {NAMES[name]: value for name, value in defaults.items() if name in NAMES}
    if "betas" in defaults:
        settings["beta1"], settings["beta2"] = defaults["betas"]
    name = optimizer.lower()
    if defaults.get("momentum"):
        settings["momentum"] = defaults["momentum"]
        name = "nesterov" if defaults.get("nesterov") else "momentum" if name == "sgd" else name
    settings = {f"optimizer.{key}": value for key, value in settings.items()}
    # PyTorch's decay is added to the gradient, as that of a penalty of half its size, but for AdamW's.
    if optimizer == "AdamW":
        settings["optimizer.weight_decay"] = defaults["weight_decay"]
    elif defaults["weight_decay"]:
        settings["*.l2"] = defaults["weight_decay"] / 2
    return name, settings


class Steps:
    """Further steps of gradient descent on a training graph: losses, running statistics after the first, norms and sums of
    the weights after the last."""

    def __init__(self, descent):
        self.descent = descent

    def __call__(self, case, work):
        golden = json.loads((case / "steps.json").read_text())
        steps = len(golden["loss"]) - 1
        weights = self.start(case, work) if (case / "after.npz").exists() else None
        trainer = Trainer(self.descent, case / "model.onnx", case / "test_data_set_0", work, "sgd",
                          {"optimizer.learning_rate": golden["lr"]}, weights)
        if weights:
            self.check_statistics(case, read_safetensors(weights), trainer.train_until(1), work)
        after = trainer.train_until(steps)
        check_losses(trainer.losses(), golden["loss"], golden["loss_f64"])
        self.check_sums(case, golden, after, steps)

    def start(self, case, work):
        """The training graph was written with the statistics after its first step. Those before it stand in the inference
        graph of the same network, and so do its weights."""
        inference = min(case.parents[1].glob(f"models/{case.name}_b*"))
        call(self.descent, "import", inference / "model.onnx", "-o", work / "inference.descent")
        return work / "inference.safetensors"

    def check_statistics(self, case, start, got, work):
        """PyTorch moves the running variance by the unbiased variance of a batch, n / (n - 1) of what ONNX's operator set 15
        says, where n is the batch's numbers for a channel. The normalization itself takes the biased one in both."""
        after = np.load(case / "after.npz")
        call(self.descent, "import", case / "model.onnx", "-o", work / "training.descent")
        text = (work / "training.descent").read_text()
        for operands in Model(case / "model.onnx").nodes("BatchNormalization"):
            batch, channels, *area = extents(text, operands[0])
            count = batch * np.prod(area)
            for name, factor in ((operands[3], 1), (operands[4], count / (count - 1))):
                kept = (1 - TORCH_MOMENTUM) * start[name].astype(np.float64)
                moved = kept + factor * (got[name] - kept)
                error = np.abs(moved - after[name])
                # As of gradients, of what the batch adds; the sum is rounded to float32.
                limit = GRADIENT_RTOL * np.abs(after[name] - kept).max() + np.spacing(np.abs(after[name]).max())
                if not np.all(error <= limit):
                    raise Failed(f"{name} after a step is off by {error.max():.3g}, allowed {limit:.3g}")

    def check_sums(self, case, golden, weights, steps):
        """Each step moves a weight by rate times gradient, so the gradients' tolerance bounds how far weights may be from
        PyTorch's; where its float32 run does not know the loss to that tolerance, it knows the weights no better."""
        gradients = np.load(case / "grads.npz")
        rtol = max(GRADIENT_RTOL, NOISE * max(
            abs(single - double) / abs(double) for single, double in zip(golden["loss"], golden["loss_f64"])))
        largest = max(np.abs(gradients[name]).max() for name in gradients.files)
        for name, want in golden["final"].items():
            got = weights[name].astype(np.float64)
            moved = steps * golden["lr"] * (rtol * np.abs(gradients[name]).max() + GRADIENT_NOISE * largest)
            each = moved + steps * np.finfo(np.float32).eps * np.abs(got).max()
            # Of n numbers that are off by `each`, the norm is off by sqrt(n) times that, the sum by n times.
            for key, value, count in (("l2", np.linalg.norm(got), got.size**0.5), ("sum", got.sum(), got.size)):
                if not abs(value - want[key]) <= count * each:
                    raise Failed(f"{key} of {name} is {value:.7g}, not {want[key]:.7g} (within {count * each:.2g})")


def extents(text, name):
    """The shape of a value of a text model."""
    found = re.search(rf'^\s*"?{re.escape(name)}"?: \w+\[([\d, ]*)\]', text, re.MULTILINE)
    if found is None:
        raise Failed(f"the imported model has no value {name}")
    return [int(extent) for extent in found[1].split(",")]
