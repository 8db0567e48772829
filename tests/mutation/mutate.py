#!/usr/bin/env python3
"""Breaks operators and rules, one at a time, and shows that the tests catch each.

    ./bootstrap mutate [--seed N] [--count N] [--only NAME]

Works in a copy of the tree (build/mutation), so that nothing else sees the mistakes. A seed draws the subjects from all
operators and rules, which are listed, and a mistake for each: a sign, an index, a missing term. Each is built and the
tests that loop over the registry are run until one fails. What does not compile is drawn anew. The last line is
"N mutations, M caught"; the exit status is 0 if all are.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

from mutants import mutants_of, operators, rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The cheapest first; of ir_test not what only compares texts of the documentation.
CHECKS = [
    ("ir_test", "--gtest_filter=-OpDocs.*"),
    ("witness_test", "--gtest_filter=*"),
    ("compiler_graph_test", "--gtest_filter=-Golden*:*golden*"),
    ("oracle_test", "--gtest_filter=*RandomGraphs*:*RandomPasses*"),
]
SECONDS = 900


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


class Copy:
    """The tree's files, as they are, with a build tree of their own."""

    def __init__(self, folder, jobs):
        self.folder, self.jobs = folder, jobs
        self.update()
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if run(["which", "ccache"]).returncode == 0 else []
        configured = run(["cmake", "-S", str(folder), "-B", str(folder / "build"), "-G", "Ninja",
                          "-DCMAKE_BUILD_TYPE=Release", "-DDESCENT_PRECOMPILE_HEADERS=OFF", *launcher])
        if configured.returncode != 0:
            sys.exit(configured.stdout)

    def update(self):
        """Only what differs is written, so that only that is compiled again."""
        for source in self.sources():
            copied = self.folder / source.relative_to(ROOT)
            if not copied.is_file() or copied.read_bytes() != source.read_bytes():
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copied)

    @staticmethod
    def sources():
        for top, folders, names in os.walk(ROOT):
            folders[:] = [name for name in folders if name != ".git" and not re.match(r"build(-\w+)?$", name)]
            yield from (pathlib.Path(top) / name for name in names if not (pathlib.Path(top) / name).is_symlink())

    def text(self, path):
        return (self.folder / path).read_text()

    def write(self, path, text):
        (self.folder / path).write_text(text)

    def build(self, target):
        return run(["ninja", "-C", str(self.folder / "build"), f"-j{self.jobs}", target])

    def caught_by(self):
        """(whether it compiles, the test that fails or "")."""
        for target, selection in CHECKS:
            built = self.build(target)
            if built.returncode != 0:
                # Tests are listed while they are built: one that dies there is caught, too.
                return not re.search(r":\d+:\d+: error:", built.stdout), f"{target} when it is listed"
            try:
                tested = run([str(self.folder / "build/bin" / target), selection, "--gtest_brief=1",
                              "--gtest_fail_fast"], timeout=SECONDS)
            except subprocess.TimeoutExpired:
                return True, f"{target}, which does not end"
            if tested.returncode != 0:
                failed = [line.split("]")[1].split(",")[0].strip() for line in tested.stdout.splitlines()
                          if line.startswith("[  FAILED  ]")]
                return True, failed[0] if failed else f"{target}, which ends with {tested.returncode}"
        return True, ""


def subjects_of(copy):
    """Of several places that an operator's name stands at (some attributes are called like one), the one with most code."""
    found = {}
    names = set(re.findall(r"^### (\w+)$", copy.text("docs/ops.md"), re.MULTILINE))
    for path in sorted((copy.folder / "ir/ops").glob("*.cpp")):
        name = path.relative_to(copy.folder).as_posix()
        for subject in operators(name, copy.text(name), names):
            known = found.setdefault(subject.name, subject)
            if len(mutants_of(known, copy.text(known.path))) < len(mutants_of(subject, copy.text(name))):
                found[subject.name] = subject
    name = "compiler/graph/rules.cpp"
    return list(found.values()) + rules(name, copy.text(name))


def draw(subject, copy, generator, tried):
    """A mistake of a kind that is drawn first, so that rare kinds are not lost among many indices."""
    mutants = [m for m in mutants_of(subject, copy.text(subject.path)) if (m.first, m.replacement) not in tried]
    if not mutants:
        return None
    kind = generator.choice(sorted({mutant.kind for mutant in mutants}))
    return generator.choice([mutant for mutant in mutants if mutant.kind == kind])


def try_subject(subject, copy, generator):
    """Breaks the subject in a way that compiles; (what was done, caught by), or None if there is no way."""
    tried = set()
    while (mutant := draw(subject, copy, generator, tried)) is not None and len(tried) < 8:
        tried.add((mutant.first, mutant.replacement))
        whole = copy.text(subject.path)
        copy.write(subject.path, whole[: mutant.first] + mutant.replacement + whole[mutant.last :])
        try:
            compiles, caught = copy.caught_by()
        finally:
            copy.write(subject.path, whole)
        if compiles:
            return mutant.describe(whole), caught
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--only", default="", help="part of the names of the subjects")
    parser.add_argument("--list", action="store_true", help="only list operators and rules, with their possible mistakes")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/mutation")
    parser.add_argument("--jobs", default=os.environ.get("DESCENT_JOBS", "2"))
    arguments = parser.parse_args()
    copy = Copy(arguments.folder, arguments.jobs)
    subjects = [subject for subject in subjects_of(copy) if arguments.only in subject.name]
    if arguments.list:
        for subject in subjects:
            print(f"{subject.name}: {len(mutants_of(subject, copy.text(subject.path)))}")
        return 0
    print(f"{len(subjects)} operators and rules, seed {arguments.seed}", flush=True)
    for target, _ in CHECKS:
        built = copy.build(target)
        if built.returncode != 0:
            sys.exit(built.stdout)
    _, failing = copy.caught_by()
    if failing:
        sys.exit(f"the tests fail before anything is broken: {failing}")
    generator = random.Random(arguments.seed)
    generator.shuffle(subjects)
    done = caught = 0
    for subject in subjects:
        if done == arguments.count:
            break
        start = time.monotonic()
        result = try_subject(subject, copy, generator)
        if result is None:
            print(f"{subject.name}: nothing to break", flush=True)
            continue
        done += 1
        caught += bool(result[1])
        print(f"{done:3} {result[0]}: {'caught by ' + result[1] if result[1] else 'NOT CAUGHT'} "
              f"({time.monotonic() - start:.0f} s)", flush=True)
    print(f"{done} mutations, {caught} caught")
    return 0 if caught == done else 1


if __name__ == "__main__":
    sys.exit(main())
