#!/usr/bin/env python3
"""Runs a folder of cases that others wrote: ONNX's backend tests, and values, gradients and training of PyTorch's.

    tests/onnx/external/external.py FOLDER [--descent build/bin/descent] [--jobs N] [--filter REGEX] [PART...]

Configure with -DDESCENT_EXTERNAL_CASES=FOLDER (or the environment variable of that name), and ctest runs it. The folder
has the layout of ONNX's backend tests, CASE/model.onnx with CASE/test_data_set_N/{input,output}_I.{pb,npy}, and

    core_cases.txt, extended_cases.txt   lists of cases, a path in the folder each
    light_cases/CASE, light_fill.py      whole networks, and the script that gives them weights
    torch/models/CASE                    inference
    torch/ops/CASE/vjp.npz               gradients of single operators
    torch/train/CASE                     output 0 is the loss: grads.npz, steps.json, after.npz
    torch/optim/*.npz, optim.json, net/  optimizers' ways

Needs NumPy only; filling the networks needs python3-onnx, too. The last line is "N passed, M failed, K unsupported".
"""

import argparse
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from cases import Failed, Filled, Gradients, Unsupported, Values
from training import Optimizer, Steps

ROOT = pathlib.Path(__file__).resolve().parents[3]
Part = collections.namedtuple("Part", "cases check reach")


def listed(folder, name):
    file = folder / name
    lines = file.read_text().splitlines() if file.exists() else []
    return [folder / line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def python_with_onnx():
    """This one, else Debian's; networks are filled by the package."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import onnx"], capture_output=True).returncode == 0:
            return python
    return sys.executable


def parts(folder, descent):
    """Where the cases of a part stand, how one is checked, and the share of them that must be supported."""
    torch = folder / "torch"
    models = lambda place: sorted(file.parent for file in place.glob("*/model.onnx"))
    values = Values(descent)
    return {
        "core": Part(listed(folder, "core_cases.txt"), values, 0.99),
        "extended": Part(listed(folder, "extended_cases.txt"), values, 0.68),
        "light": Part(models(folder / "light_cases"), Filled(descent, folder / "light_fill.py", python_with_onnx()), 1),
        "models": Part(models(torch / "models"), values, 1),
        "operator gradients": Part(models(torch / "ops"), Gradients(descent), 1),
        "training values": Part(models(torch / "train"), values, 1),
        "training gradients": Part(models(torch / "train"), Gradients(descent), 1),
        "training steps": Part(models(torch / "train"), Steps(descent), 1),
        "optimizers": Part(sorted((torch / "optim").glob("*.npz")), Optimizer(descent), 1),
    }


def outcome(check, case):
    """passed, failed or unsupported, and why."""
    with tempfile.TemporaryDirectory(prefix="descent-external-") as work:
        try:
            check(case, pathlib.Path(work))
        except Unsupported as error:
            return "unsupported", str(error)
        except Failed as error:
            return "failed", str(error)
        except Exception as error:  # a case that cannot be read must not hide the others
            return "failed", repr(error)
    return "passed", ""


def run_part(name, part, jobs):
    """Prints what did not pass; how many had each outcome."""
    start, counts = time.monotonic(), collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda case: outcome(part.check, case), part.cases)
        for case, (state, why) in zip(part.cases, results):
            counts[state] += 1
            if state != "passed":
                print(f"{state}: {name} {case.stem}: {why}", flush=True)
    print(f"{name}: {summary(counts)} ({time.monotonic() - start:.1f} s)", flush=True)
    if counts["unsupported"] > (1 - part.reach) * len(part.cases):
        print(f"failed: {name}: more than {1 - part.reach:.0%} are unsupported")
        counts["failed"] += 1
    return counts


def summary(counts):
    return f"{counts['passed']} passed, {counts['failed']} failed, {counts['unsupported']} unsupported"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("part", nargs="*", help="all, if none is named")
    parser.add_argument("--descent", type=pathlib.Path, default=ROOT / "build/bin/descent")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--filter", type=re.compile, default=re.compile(""), help="of a case's path")
    arguments = parser.parse_args()
    known = parts(arguments.folder.resolve(), arguments.descent.resolve())
    if unknown := set(arguments.part) - known.keys():
        parser.error(f"there is no part {sorted(unknown)}; there are {list(known)}")
    total = collections.Counter()
    for name, part in known.items():
        if arguments.part and name not in arguments.part:
            continue
        cases = [case for case in part.cases if arguments.filter.search(str(case))]
        if not cases and not arguments.filter.pattern:
            print(f"failed: {name}: no case in {arguments.folder}")
            total["failed"] += 1
        total += run_part(name, part._replace(cases=cases), arguments.jobs)
    print(summary(total))
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
