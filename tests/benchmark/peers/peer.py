"""What the scripts of all peers share: their command line, how they time, what they print.

    PEER.py [--variant V] [--threads T] [--seconds S] NAME '{"batch": 128, "width": 512, ...}'

NAME and sizes are those of `descent model`. One line of JSON is printed, with the keys of `descent bench --json` where they
mean the same: peer, workload, threads, ms (median), ms_min, steps, rss_mib, parameters, loss (of the first step), and
compile_s, which for a peer that compiles at its first step is that step's time.
"""

import argparse
import json
import os
import statistics
import time

WARM_UPS = 3


def parse(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("workload")
    parser.add_argument("sizes", type=json.loads)
    arguments = parser.parse_args()
    # Thread pools are as large as the set of processors that they find.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    return arguments


def peak_memory_mib():
    """Of this process alone: what getrusage gives begins with the memory of the process that started it."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def measure(step, seconds):
    """`step` does one training step and returns its loss, a float. The first step has been done."""
    for _ in range(WARM_UPS - 1):
        step()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return {"ms": statistics.median(times) * 1e3, "ms_min": min(times) * 1e3, "steps": len(times),
            "rss_mib": round(peak_memory_mib(), 1)}


def timed(function):
    """What it returns, and its seconds."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def report(**figures):
    print(json.dumps(figures), flush=True)
