"""What the design says of the tree, as functions from a source tree to the lines that break it.

Each rule takes the root folder and returns a list of messages, "file:line: what is wrong"; an empty list is good.
architecture_test.py runs every rule on this tree, where nothing may be reported, and on a small tree that breaks each.
"""

import pathlib
import re
import shutil
import subprocess

SOURCES = ("compiler", "runtime", "ir", "frontends", "tests", "docs")
TOP_LEVEL = {*SOURCES, "CMakeLists.txt", "README.md", "bootstrap", "CMakePresets.json", "LICENSE"}
BUILD_FOLDER = re.compile(r"build(-\w+)?$")

# Folder -> prefixes of what its files may include with quotes. The longest folder that matches decides.
PROJECT_INCLUDES = {
    "ir/": ("ir/",),
    "compiler/": ("ir/", "compiler/", "runtime/abi.h"),
    "compiler/graph/": ("ir/", "compiler/graph/"),
    "compiler/kernel/": ("ir/", "compiler/graph/", "compiler/kernel/", "runtime/abi.h"),
    "compiler/codegen/": ("ir/", "compiler/kernel/", "compiler/codegen/", "runtime/abi.h"),
    "runtime/": ("runtime/",),
    "frontends/cli/": ("frontends/cli/", "frontends/cpp/", "frontends/onnx/import.h", "frontends/onnx/export.h", "ir/", "compiler/", "runtime/"),
    "frontends/cpp/": ("frontends/cpp/", "ir/", "compiler/", "runtime/"),
    "frontends/onnx/": ("frontends/onnx/", "ir/"),
    "frontends/python/": ("frontends/python/", "ir/"),
    "tests/": ("ir/", "compiler/", "runtime/", "frontends/", "tests/"),
}

# External header -> where it may be included (a regular expression over the path). What is not listed is the C++
# standard library's or the system's, which has no folder but those of SYSTEM_FOLDERS.
EXTERNAL_INCLUDES = {
    "llvm/": r"compiler/codegen/",
    "llvm-c/": r"compiler/codegen/",
    "clang/": r"(?!)",
    "tbb/": r"runtime/.*\.cpp$",
    "oneapi/": r"runtime/.*\.cpp$",
    "zlib.h": r"runtime/.*\.cpp$|frontends/cli/plot/png\.cpp$|tests/",
    "google/protobuf/": r"(ir/io/model_proto|frontends/onnx/(proto_file|large_data|broken_text))\.cpp$|tests/(fuzz|onnx)/",
    "CLI/": r"(runtime|frontends/cli|tests/compiler/oracle)/.*\.cpp$",
    "fmt/": r"(ir|compiler|runtime|frontends|tests)/",
    "gtest/": r"tests/",
    "gmock/": r"tests/",
    "benchmark/": r"tests/",
    "dnnl.hpp": r"tests/benchmark/",
    "cblas.h": r"tests/benchmark/",
    "sleef.h": r"tests/benchmark/",
}
# Written by the build, not by us.
GENERATED_INCLUDES = {
    "graph.pb.h": r"ir/io/proto_(reader|writer)\.h$",
    "onnx.pb.h": r"(frontends|tests)/onnx/|tests/fuzz/",
}
SYSTEM_FOLDERS = ("sys/", "linux/", "netinet/", "arpa/")

LINE_LIMIT = 500
# File -> why it may be longer.
LONGER_FILES = {}

# Names that say nothing about what is inside.
EMPTY_NAMES = re.compile(r"(^|[_-])(utils?|common|misc|helpers?)([_.-]|$)")
# The tree speaks of itself only: no developer's folders, no tracker, no account of who wrote it.
SURROUNDINGS = re.compile(
    r"/(?:work|home|root|Users)/|\.\./shared|\bissue #?\d+|\bsub[-_ ]?agents?\b|\bAI[- ]generated\b|/tmp/\w+_jobs"
)

CODE = {".h", ".cpp", ".c"}
TEXT = CODE | {".py", ".txt", ".cmake", ".md", ".proto", ".in", ".sh", ".json", ".yml", ".descent", ".pbtxt", ""}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def paths(root):
    """Files of the tree, relative, without what builds and Git keep in it."""
    for top in sorted(root.iterdir()):
        if top.name == ".git" or (top.is_dir() and BUILD_FOLDER.match(top.name)):
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root)


def files(root, suffixes):
    return [path for path in paths(root) if path.suffix in suffixes]


def lines(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace").splitlines()


def includes(root, path):
    """(line number, "<" or '"', header) for each include of a file."""
    for number, line in enumerate(lines(root, path), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def is_product(path):
    """Consumers and examples are users' projects: they include what is installed."""
    return not (path.as_posix().startswith(("tests/consumers/", "docs/")))


def project_includes(root):
    found = []
    for path in filter(is_product, files(root, CODE)):
        folders = [folder for folder in PROJECT_INCLUDES if path.as_posix().startswith(folder)]
        if not folders:
            found.append(f"{path}: no rule of PROJECT_INCLUDES covers this folder")
            continue
        allowed = PROJECT_INCLUDES[max(folders, key=len)]
        for number, quote, header in includes(root, path):
            if quote == '"' and header not in GENERATED_INCLUDES and not header.startswith(allowed):
                found.append(f'{path}:{number}: may not include "{header}", only {", ".join(allowed)}')
    return found


def external_includes(root):
    found = []
    for path in filter(is_product, files(root, CODE)):
        for number, quote, header in includes(root, path):
            place = GENERATED_INCLUDES.get(header)
            if quote == "<":
                place = next((EXTERNAL_INCLUDES[name] for name in EXTERNAL_INCLUDES if header.startswith(name)), None)
                if place is None and "/" in header and not header.startswith(SYSTEM_FOLDERS):
                    found.append(f"{path}:{number}: <{header}> is of a library that EXTERNAL_INCLUDES does not list")
            if place is not None and not re.match(place, path.as_posix()):
                found.append(f"{path}:{number}: {header} stays behind {place}")
    return found


def llvm_stays_in_codegen(root):
    """No file outside codegen sees LLVM's headers through ours."""
    direct = {path.as_posix(): list(includes(root, path)) for path in filter(is_product, files(root, CODE))}
    sees = {path for path, headers in direct.items() if any(h.startswith(("llvm/", "llvm-c/")) for _, _, h in headers)}
    while True:
        more = {p for p, headers in direct.items() if p not in sees and any(h in sees for _, _, h in headers)}
        if not more:
            break
        sees |= more
    return [
        f"{path}: includes LLVM through a header of compiler/codegen"
        for path in sorted(sees)
        if not path.startswith(("compiler/codegen/", "tests/compiler/codegen/"))
    ]


def top_level(root):
    return [
        f"{path.name}: not one of the names agreed for the top level"
        for path in sorted(root.iterdir())
        if path.name not in TOP_LEVEL
        and not path.name.startswith(".")
        and not (path.is_dir() and BUILD_FOLDER.match(path.name))
    ]


def header_guards(root):
    """Headers of C, which other compilers read, carry a guard instead."""
    found = []
    for path in files(root, {".h"}):
        text = (root / path).read_text()
        guard = re.search(r"^#ifndef (\w+_H_?)\n#define \1\n", text, re.MULTILINE)
        if not re.search(r"^#pragma once$", text, re.MULTILINE) and not ('extern "C"' in text and guard):
            found.append(f"{path}: has no #pragma once")
    return found


def file_lengths(root):
    found = [f"{path}: is listed as longer for a reason, but does not exist" for path in LONGER_FILES
             if not (root / path).exists()]
    for path in [p for p in paths(root) if p.suffix in CODE | {".py", ".cmake", ".sh"} or p.name == "bootstrap"]:
        count = len(lines(root, path))
        if count > LINE_LIMIT and path.as_posix() not in LONGER_FILES:
            found.append(f"{path}: {count} lines; at most {LINE_LIMIT}: split it by concept")
        elif count <= LINE_LIMIT and path.as_posix() in LONGER_FILES:
            found.append(f"{path}: {count} lines; no longer needs to be listed as longer")
    return found


def names(root):
    found = []
    for path in filter(is_product, paths(root)):
        for part in path.parts:
            if EMPTY_NAMES.search(part):
                found.append(f"{path}: '{part}' says nothing of what is inside")
        if path.suffix in CODE and path.name != path.name.lower():
            found.append(f"{path}: file names are snake_case")
    return found


def surroundings(root):
    found = []
    for path in files(root, TEXT):
        for number, line in enumerate(lines(root, path), 1):
            match = SURROUNDINGS.search(line)
            if match:
                found.append(f"{path}:{number}: '{match[0]}' is not of this tree")
    return found


def runtime_links(root):
    found = []
    for path in [p for p in files(root, {".txt"}) if p.as_posix().startswith("runtime/")]:
        for number, line in enumerate(lines(root, path), 1):
            if re.search(r"LLVM|protobuf|descent_ir|descent_compiler", line, re.IGNORECASE):
                found.append(f"{path}:{number}: the runtime links neither LLVM, protobuf, the IR nor the compiler")
    return found


def operators_unnamed(root):
    """What an operator is stands in its definition: no code asks for its name."""
    found = []
    for path in files(root, CODE):
        if not path.as_posix().startswith(("compiler/", "frontends/", "ir/", "runtime/")) or path.parts[:2] == ("ir", "ops"):
            continue
        for number, line in enumerate(lines(root, path), 1):
            if re.search(r"""\bop(->|\.)name\s*[!=]=\s*"|"\s*[!=]=\s*\w+(->|\.)op->name""", line):
                found.append(f"{path}:{number}: compares the name of an operator")
    return found


def formatting(root):
    formatter = shutil.which("clang-format-19")
    if formatter is None:
        return ["clang-format-19 is missing; type: sudo apt-get install clang-format-19"]
    sources = [path.as_posix() for path in files(root, CODE)]
    run = subprocess.run([formatter, "--dry-run", "-Werror", *sources], cwd=root, capture_output=True, text=True)
    return [line for line in run.stderr.splitlines() if "error:" in line]


RULES = [
    project_includes, external_includes, llvm_stays_in_codegen, top_level, header_guards, file_lengths, names,
    surroundings, runtime_links, operators_unnamed, formatting,
]


def archive_symbols(archive, pattern):
    """Symbols of an archive, defined or not, whose demangled name the pattern finds."""
    run = subprocess.run(["nm", "-C", str(archive)], capture_output=True, text=True, check=True)
    return [line for line in run.stdout.splitlines() if re.search(pattern, line)]


def defined_names(archive):
    """What an archive defines, in snake_case and without namespaces, classes and parameters."""
    run = subprocess.run(["nm", "-C", "--defined-only", str(archive)], capture_output=True, text=True, check=True)
    symbols = re.findall(r"^[0-9a-f]* [a-zA-Z] (?:descent::[\w:]*::)?(\w+)(?:[(<\[].*)?$", run.stdout, re.MULTILINE)
    return {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", symbol).lower() for symbol in symbols}
