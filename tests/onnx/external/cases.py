"""One case against what its folder expects of it: values and gradients."""

import json
import pathlib
import re
import subprocess

import numpy as np

from onnx_file import BFLOAT16, Model, UnknownType, read_tensor, write_tensor

SECONDS = 300
# Of the command: what the file needs is not there.
UNSUPPORTED = 3
# ONNX's own runner.
RTOL, ATOL = 1e-3, 1e-7
BFLOAT16_EPSILON = 2**-7
# How NPY files have it: without a type of NumPy's.
NPY_BFLOAT16 = "V2"
# Gradients that are 0 in exact arithmetic (of a bias in front of a batch normalization) are the noise of the largest ones.
GRADIENT_RTOL, GRADIENT_NOISE = 1e-3, 2e-6
# Expected values of sums that are 0 in exact arithmetic are NumPy's rounding of float32 terms; onnxruntime's tolerance.
NOISE = {"test_dft_inverse_opset19": 1e-5}
NOT_CONSTANT = re.compile(r"depends on '([^']*)', which is not a constant")


class Failed(Exception):
    pass


class Unsupported(Exception):
    pass


def call(*command):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"took more than {SECONDS} s") from None
    if done.returncode == UNSUPPORTED:
        raise Unsupported(done.stderr.strip())
    if done.returncode != 0:
        raise Failed(f"exit status {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def files(folder, kind):
    """kind_0.pb, kind_1.pb, ..., or the same of NumPy's files."""
    found = [file for file in folder.glob(f"{kind}_*") if file.suffix in (".pb", ".npy")]
    return sorted(found, key=lambda file: int(file.stem.rsplit("_", 1)[1]))


def load(file):
    """An array, and whether it holds the bits of bfloat16."""
    if file.suffix == ".npy":
        return np.load(file), False
    try:
        array, dtype = read_tensor(file.read_bytes())
    except UnknownType as error:
        raise Unsupported(f"{file.name}: {error}") from None
    return array, dtype == BFLOAT16


def tensor_bytes(file):
    return write_tensor(np.load(file)) if file.suffix == ".npy" else file.read_bytes()


def widened(array, is_bfloat16):
    if not is_bfloat16:
        return array.astype(np.float64)
    return (array.astype("<u4") << 16).view("<f4").astype(np.float64)


def compare(name, got, want, is_bfloat16, rtol, atol):
    if got.dtype != want.dtype or got.shape != want.shape:
        raise Failed(f"{name} is {got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}")
    if want.dtype.kind == "f" or is_bfloat16:
        rtol = max(rtol, BFLOAT16_EPSILON if is_bfloat16 else 0)
        got, want = widened(got, is_bfloat16), widened(want, is_bfloat16)
        wrong = ~np.isclose(got, want, rtol=rtol, atol=atol, equal_nan=True)
    else:
        wrong = got != want
    if np.any(wrong):
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise Failed(f"{name}: {np.sum(wrong)} of {wrong.size} differ, first at {list(at)}: {got[at]}, not {want[at]}")


def tolerances(case):
    file = case / "data.json"
    given = json.loads(file.read_text()) if file.exists() else {}
    return max(RTOL, given.get("rtol", 0)), max(ATOL, given.get("atol", 0), NOISE.get(case.name, 0))


class Values:
    """`descent run` on every data set of a case. Shapes are static: inputs that decide them are made constants, which are
    those that the importer says it needs to know."""

    def __init__(self, descent):
        self.descent = descent

    def __call__(self, case, work):
        model = Model(case / "model.onnx")
        for data in sorted(case.glob("test_data_set_*")):
            (out := work / data.name).mkdir()
            self.run(model, case, files(data, "input"), out)
            for file in files(data, "output"):
                written = out / f"{file.stem}.npy"
                if not written.exists():
                    raise Failed(f"{written.name} is missing")
                want, is_bfloat16 = load(file)
                got = np.load(written)
                if is_bfloat16 and got.dtype == NPY_BFLOAT16:
                    got = got.view(want.dtype)
                compare(file.stem, got, want, is_bfloat16, *tolerances(case))

    def run(self, model, case, inputs, out):
        constants = {}
        named = dict(zip(model.inputs, inputs))
        path = case / "model.onnx"
        while True:
            arguments = [self.array(file, out) for name, file in named.items() if name not in constants]
            try:
                call(self.descent, "run", path, "-o", out, *arguments)
                return
            except (Unsupported, Failed) as error:
                needed = set(NOT_CONSTANT.findall(str(error))) & named.keys() - constants.keys()
                if not needed:
                    raise
            constants |= {name: tensor_bytes(named[name]) for name in needed}
            path = out / "model.onnx"
            path.write_bytes(model.with_constants(constants))

    def array(self, file, out):
        if file.suffix == ".npy":
            return file
        array, is_bfloat16 = load(file)
        np.save(written := out / f"{file.stem}.npy", array.view(NPY_BFLOAT16) if is_bfloat16 else array)
        return written


class Gradients:
    """`descent grad`: of training graphs the gradient of output 0, of single operators that of given cotangents."""

    def __init__(self, descent):
        self.descent = descent

    def __call__(self, case, work):
        data = case / "test_data_set_0"
        file = case / "grads.npz"
        expected = np.load(file if file.exists() else case / "vjp.npz")
        cotangents = []
        for i, output in enumerate(files(data, "output")):
            value = load(output)[0]
            key = f"cotangent:{i}"
            cotangent = expected[key] if key in expected.files else np.full_like(value, 1 if i == 0 else 0)
            if value.dtype.kind == "f":
                np.save(path := work / f"cotangent_{i}.npy", cotangent)
                cotangents.append(path)
        call(self.descent, "grad", case / "model.onnx", "-o", work, *files(data, "input"), "--", *cotangents)
        wanted = {re.sub("^(input|grad):", "", key): expected[key]
                  for key in expected.files if not key.startswith("cotangent:")}
        self.check(wanted, work)

    def check(self, wanted, work):
        largest = max(np.abs(want).max(initial=0) for want in wanted.values())
        for name, want in wanted.items():
            written = work / f"grad_{name}.npy"
            if not written.exists():
                raise Failed(f"{written.name} is missing")
            got = np.load(written)
            if got.dtype != want.dtype or got.shape != want.shape:
                raise Failed(f"{written.name} is {got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}")
            limit = GRADIENT_RTOL * np.abs(want).max(initial=0) + GRADIENT_NOISE * largest
            error = np.abs(got.astype(np.float64) - want).max(initial=0)
            if not error <= limit:
                raise Failed(f"gradient of {name} off by {error:.3g}, allowed {limit:.3g}")


class Filled:
    """A network whose weights a script beside the cases writes; python3-onnx is needed for that."""

    def __init__(self, descent, script, python):
        self.values, self.script, self.python = Values(descent), script, python

    def __call__(self, case, work):
        filled = pathlib.Path(work) / "filled"
        call(self.python, self.script, case / "model.onnx", filled)
        (out := work / "out").mkdir()
        self.values(filled, out)
