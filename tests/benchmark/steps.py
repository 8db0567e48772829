#!/usr/bin/env python3
"""Whole training steps of Descent beside PyTorch and JAX, interleaved; prints tables in Markdown.

    steps.py [--venv FOLDER | --python PROGRAM] [--build FOLDER] [--threads T] [--rounds N] [--seconds S]
             [--peers torch,jax] [--precision f32|bf16] [--shapes] [--output FILE.json] [WORKLOAD...]

A WORKLOAD is a name of `descent model`, with other sizes than the usual ones as in mlp:batch=1,width=17; by default the six
reference workloads run, with --shapes the shapes that nobody tuned for. The peers' Python is that of a virtual environment
outside the repository (~/.cache/descent/peers), which is made if it is not there: pip downloads PyTorch and JAX.

Each round runs every program once, in a process of its own and in another order, on the same processors. Ratios are taken
inside a round, where the machine was the same, and their median is printed; the peer of a ratio is the fastest by its median
over all rounds. Programs of the same workload must have equally many parameters and begin with about the same loss, or else
the comparison is refused.
"""

import argparse
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = pathlib.Path(__file__).resolve().parent / "peers"
REQUIREMENTS = ["torch==2.13.0", "jax==0.10.2", "jaxlib==0.10.2"]
REFERENCE = ["playground", "mlp", "lenet", "resnet18", "chargpt", "gpt2"]
SHAPES = [
    "mlp:batch=1", "mlp:batch=17", "mlp:batch=512", "mlp:width=17", "mlp:width=100,depth=6", "mlp:width=2048,batch=64",
    "mlp:inputs=30,width=64,depth=3,classes=2", "playground:batch=1000,inputs=20,width=50", "lenet:batch=1",
    "lenet:batch=512", "lenet:width=17,hidden=100", "resnet18:batch=1", "resnet18:width=17",
    "resnet18:width=32,size=48,batch=16", "gpt:batch=1", "gpt:steps=17,batch=5", "gpt:width=96,heads=3",
    "gpt:steps=256,batch=2,depth=2", "gpt:width=384,depth=6,heads=6,batch=2", "vgg:depth=11,batch=8", "mobilenet_v2",
    "mobilenet_v2:batch=1", "unet", "lstm", "lstm:batch=1", "transformer_encoder", "autoencoder", "vae",
]
# Program -> (script, variant); the order of columns.
PROGRAMS = {
    "descent": None,
    "eager": ("torch", "eager"),
    "best": ("torch", "best"),
    "compile": ("torch", "compile"),
    "jax": ("jax", "jit"),
}
TIMEOUT_SECONDS = 1200
LOSS_TOLERANCE = 0.25  # of the first loss: other random parameters
ROW_TOLERANCE = 2  # beside that, of a batch of one: other random data


class Failure(Exception):
    """A message for the user."""


# --- programs -------------------------------------------------------------------------------------------------------------


def make_environment(folder):
    """The Python of a virtual environment that has the peers."""
    python = folder / "bin/python"
    if folder.resolve().is_relative_to(ROOT):
        raise Failure(f"{folder} lies in the repository; the peers' packages stay outside")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if subprocess.run([python, "-c", "import torch, jax"], capture_output=True).returncode != 0:
        print(f"installing {', '.join(REQUIREMENTS)} into {folder}", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
    return str(python)


def ready_models(descent):
    """Name -> sizes by default, of `descent model --list`."""
    text = subprocess.run([descent, "model", "--list"], check=True, capture_output=True, text=True).stdout
    # A model begins at the left margin; what else is said of it may break anywhere.
    return {entry.split()[0]: {size: int(value) for size, value in re.findall(r"--(\w+)\s+(\d+)", entry)}
            for entry in re.split(r"\n(?=\S)", text)}


def sizes_of(workload, models):
    """The model's name, and all its sizes."""
    name, _, changes = workload.partition(":")
    if name not in models:
        raise Failure(f"there is no ready model {name}; there are {', '.join(models)}")
    sizes = dict(models[name])
    for change in filter(None, changes.split(",")):
        size, _, value = change.partition("=")
        if size not in sizes or not value.isdigit():
            raise Failure(f"{workload}: '{change}' is no size of {name}; it has {', '.join(sizes)}")
        sizes[size] = int(value)
    return name, sizes


class Bench:
    def __init__(self, arguments):
        self.descent = str(arguments.build / "bin/descent")
        self.models = ready_models(self.descent)
        self.threads, self.seconds = arguments.threads, arguments.seconds
        self.precision = ["--precision", arguments.precision]
        self.folder = arguments.folder
        peers = arguments.peers.split(",") if arguments.peers else []
        if arguments.precision != "f32" and "jax" in peers:
            raise Failure("JAX has no mixed precision of its own: --precision bf16 takes --peers torch")
        self.programs = [name for name, peer in PROGRAMS.items() if peer is None or peer[0] in peers]
        self.python = arguments.python
        if peers and not self.python:
            self.python = make_environment(arguments.venv)

    def command(self, program, workload, threads):
        name, sizes = sizes_of(workload, self.models)
        if program == "descent":
            model = f"{self.folder}/{name}.descent"
            words = [word for size, value in sizes.items() for word in (f"--{size}", str(value))]
            subprocess.run([self.descent, "model", name, *words, "-o", model], check=True, capture_output=True)
            return [self.descent, "bench", model, "--json", "--threads", str(threads), "--seconds", str(self.seconds),
                    *self.precision]
        script, variant = PROGRAMS[program]
        return [self.python, str(PEERS / f"peers_{script}.py"), "--variant", variant, "--threads", str(threads),
                "--seconds", str(self.seconds), *self.precision, name, json.dumps(sizes)]

    def run(self, program, workload, threads=None):
        threads = threads or self.threads
        # What torch.compile has compiled is found again in later rounds, but not in another run of this script.
        environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": f"{self.folder}/inductor", "OMP_NUM_THREADS": str(threads)}
        processors = sorted(os.sched_getaffinity(0))[:threads]
        done = subprocess.run(self.command(program, workload, threads), capture_output=True, text=True, env=environment,
                              timeout=TIMEOUT_SECONDS, preexec_fn=lambda: os.sched_setaffinity(0, processors))
        if done.returncode != 0:
            raise Failure(f"{program} failed on {workload}:\n{done.stderr.strip()[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])


# --- rounds ---------------------------------------------------------------------------------------------------------------


def check_same_workload(workload, results):
    """All have one number of parameters and, however those are drawn, about one loss."""
    parameters = {program: result["parameters"] for program, result in results.items()}
    if len(set(parameters.values())) > 1:
        raise Failure(f"{workload} is not one model: parameters are {parameters}")
    losses = {program: result["first"][0] if program == "descent" else result["loss"] for program, result in results.items()}
    tolerance = LOSS_TOLERANCE + ROW_TOLERANCE / math.sqrt(results["descent"]["batch"])
    if max(losses.values()) > (1 + tolerance) * min(losses.values()):
        raise Failure(f"{workload} is not one task: the first losses are {losses}")


def run_rounds(bench, workload, rounds):
    """A list of {program: result}; "serial" is Descent on one thread."""
    programs = bench.programs + (["serial"] if bench.threads > 1 else [])
    table = []
    for number in range(rounds):
        results = {}
        for i in range(len(programs)):
            program = programs[(number + i) % len(programs)]
            serial = program == "serial"
            results[program] = bench.run("descent" if serial else program, workload, 1 if serial else None)
        check_same_workload(workload, {program: results[program] for program in bench.programs})
        table.append(results)
        print(f"{workload}: round {number + 1} of {rounds}, "
              + ", ".join(f"{p} {results[p]['ms']:.4g} ms" for p in programs), file=sys.stderr)
    return table


def median(table, program, key):
    return statistics.median(results[program][key] for results in table)


def ratio(table, peer, key):
    """Of a peer to Descent, by rounds."""
    return statistics.median(results[peer][key] / results["descent"][key] for results in table)


def scaling(table):
    """How much faster several threads are than one, as a share of how much the FMA peak grows."""
    def share(results):
        descent = results["descent"]
        return results["serial"]["ms"] / descent["ms"] / (descent["peak_gflops"] / descent["peak_gflops_1"])
    return statistics.median(map(share, table))


# --- tables ---------------------------------------------------------------------------------------------------------------


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def head(*cells):
    row(*cells)
    print("|" + "---|" * len(cells))


def number(value):
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"


def geometric_mean(values):
    return math.exp(statistics.mean(map(math.log, values)))


def print_times(tables, peers):
    head("ms a step, median", "descent", *peers, "faster than the fastest peer by", "share of the FMA peak",
         "scaling")
    ratios = {}
    for workload, table in tables.items():
        cells = [number(median(table, program, "ms")) for program in ["descent", *peers]]
        if peers:
            fastest = min(peers, key=lambda peer: median(table, peer, "ms"))
            ratios[workload] = ratio(table, fastest, "ms")
        cells.append(f"{ratios[workload]:.2f}x ({fastest})" if peers else "-")
        cells.append(f"{100 * median(table, 'descent', 'peak_share'):.1f}%")
        cells.append(f"{100 * scaling(table):.0f}%" if "serial" in table[0] else "-")
        row(workload, *cells)
    if len(ratios) > 1:
        print(f"\nGeometric mean of the ratios: {geometric_mean(ratios.values()):.2f}x", end="")
        others = [value for workload, value in ratios.items() if workload != "playground"]
        print(f"; without playground {geometric_mean(others):.2f}x." if len(others) < len(ratios) else ".")


def print_memory_and_compile(tables, peers):
    head("peak memory, MiB; compile, s", "descent", *peers, "memory of the smallest peer", "compile", *peers,
         "start to first step, ms")
    for workload, table in tables.items():
        memory = [number(median(table, program, "rss_mib")) for program in ["descent", *peers]]
        smallest = min(peers, key=lambda peer: median(table, peer, "rss_mib"), default=None)
        share = f"{1 / ratio(table, smallest, 'rss_mib'):.2f} of it ({smallest})" if smallest else "-"
        compile_times = [number(median(table, "descent", "compile_s"))]
        # The first round is the one in which a peer's caches were empty.
        compile_times += [number(table[0][peer]["compile_s"]) for peer in peers]
        row(workload, *memory, share, *compile_times, number(median(table, "descent", "start_ms")))


def describe_machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown processor")
    return f"{model}, {len(os.sched_getaffinity(0))} processors"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    parser.add_argument("--venv", type=pathlib.Path, default=cache / "descent/peers")
    parser.add_argument("--python")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--peers", default="torch,jax")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="bf16: PyTorch's autocast; not of JAX")
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("workloads", nargs="*")
    return parser.parse_args()


def main():
    arguments = parse()
    workloads = arguments.workloads or (SHAPES if arguments.shapes else REFERENCE)
    with tempfile.TemporaryDirectory(prefix="descent-steps-") as arguments.folder:
        bench = Bench(arguments)
        for workload in workloads:
            sizes_of(workload, bench.models)
        tables = {}
        for workload in workloads:
            tables[workload] = run_rounds(bench, workload, arguments.rounds)
            if arguments.output:
                arguments.output.write_text(json.dumps(tables, indent=1) + "\n")
    peers = [program for program in bench.programs if program != "descent"]
    target = next(iter(tables.values()))[0]["descent"]["target"]
    print(f"{describe_machine()}; target {target}, {arguments.threads} threads, {arguments.rounds} rounds of "
          f"{arguments.seconds:g} s\n")
    print_times(tables, peers)
    print()
    print_memory_and_compile(tables, peers)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
