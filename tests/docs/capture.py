#!/usr/bin/env python3
"""Runs the commands shown in Markdown files and compares, or rewrites, the output and the pictures shown with them.

    capture.py --check [--build FOLDER] [FILE...]     exit status 1 if anything differs
    capture.py --bless [--build FOLDER] [FILE...]     rewrite; without FILE, README.md and everything under docs/

A block that is fenced as ```console holds lines "$ command", each followed by what the command prints (standard output
and error as they come). All blocks of a file run in one shell, in a copy of docs/ in a temporary folder, in the place of
the file's own folder, with the build's bin/ first in PATH. A status other than 0 shows as a line "[exit status N]". A
picture the file refers to (![...](x.svg)) must be written by its commands, or belong to the README.md beside it.

A block that is fenced as ```descent is a model, in the form in which `descent convert` prints it.

A comment right above a block changes how it is taken:
    <!-- capture: head=3 tail=2 -->   shows the first 3 and last 2 lines of each command's output, "..." between them
    <!-- capture: near=0.02 -->       numbers may differ by that much, relative or absolute: what learning found, where
                                      the CPU decides the last bits
    <!-- capture: from=FILE -->       the command is not run: its output is that of the same command in another page
    <!-- capture: mask=REGEX -->      what REGEX finds is not compared (last option: it reaches to the end)

Times, throughputs and temporary paths are never compared; the rest is, to the byte. An SVG may show what learning found,
which differs a little on another CPU: a tenth of its texts may have other words, its marks may move by about 1% of the
picture on average, and the samples of its PNGs by 2%. Other pictures are compared as bytes.
"""

import argparse
import base64
import collections
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^(?:<!-- capture: (?P<options>.*?) -->\n)?```console\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MODEL = re.compile(r"^```descent\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?:)([^)\s]+)\)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
EMBEDDED_PNG = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
PICTURE_TOLERANCE = 0.02
MARK_TOLERANCE = 0.1
GRID = 20
TIMEOUT_SECONDS = 900

# What differs between two runs or two machines: (what, pattern, replacement).
MASKS = [
    ("time of day", r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|\b\d\d?:\d\d(:\d\d)?\b", "<time>"),
    ("throughput", r"\d[\d.,]*\s?[kMG]?\s?(samples|steps|rows|images|B|bytes|FLOP|flop)s?/s", "<rate>"),
    ("arithmetic rate", r"\d[\d.,]*\s?[MGT]FLOPS?\b", "<rate>"),
    ("duration", r"\d[\d.,]*(e-?\d+)?\s?(ns|us|µs|ms|s|sec|seconds|min|minutes|h)\b", "<duration>"),
    ("temporary path", r"/tmp/[\w.-]+", "<temporary>"),
    # Widths follow the numbers that were masked.
    ("spaces", r"[ \t]+", " "),
    ("line ends", r" $", ""),
]
MASK_PATTERNS = [(re.compile(pattern, re.MULTILINE), replacement) for _, pattern, replacement in MASKS]


def mask(text, own=None):
    if own:
        text = re.sub(own, "<masked>", text)
    for pattern, replacement in MASK_PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def are_near(shown, now, tolerance):
    """Whether two texts differ only in numbers, and those by little."""
    if NUMBER.sub("#", shown) != NUMBER.sub("#", now):
        return False
    pairs = zip(map(float, NUMBER.findall(shown)), map(float, NUMBER.findall(now)))
    return all(abs(a - b) <= tolerance * max(1, abs(a)) for a, b in pairs)


def png_samples(png):
    """The decompressed rows of a PNG's bytes."""
    place, data = 8, b""
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += length + 12
    return zlib.decompress(data)


def are_near_pngs(kept, made):
    """Whether samples differ little on average."""
    a, b = png_samples(base64.b64decode(kept)), png_samples(base64.b64decode(made))
    return len(a) == len(b) and sum(abs(x - y) for x, y in zip(a, b)) <= PICTURE_TOLERANCE * 255 * len(a)


def ink(svg):
    """Where the marks of a picture are: (look, column, row) -> amount, over a grid of 20 by 20. Each point of a mark is
    shared by the four nearest nodes of the grid, so that a small move changes little."""
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    amounts = collections.Counter()
    for tag, text in re.findall(r"<(\w+)([^>]*)>", svg):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', text))
        points = [float(number) for number in re.findall(r"[-\d.]+", attributes.get("points", ""))]
        for names in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy"), ("width", "height")):
            if all(name in attributes for name in names):
                points += [float(attributes[name]) for name in names]
        fill = attributes.get("fill") if tag != "rect" else None  # a cell's shade says how much, which may differ
        look = tag, fill, attributes.get("stroke")
        for x, y in zip(points[::2], points[1::2]):
            column, row = x / width * GRID, y / height * GRID
            left, top = math.floor(column), math.floor(row)
            for c in (left, left + 1):
                for r in (top, top + 1):
                    amounts[look, c, r] += (1 - abs(column - c)) * (1 - abs(row - r))
    return amounts


def share_that_differs(a, b):
    """Of two counters, 0 to 1."""
    return sum(abs(a[key] - b[key]) for key in a.keys() | b.keys()) / max(1e-9, a.total() + b.total())


def is_same_svg(kept, made):
    if kept == made:
        return True
    kept_pngs, made_pngs = EMBEDDED_PNG.findall(kept), EMBEDDED_PNG.findall(made)
    words = [collections.Counter(NUMBER.sub("#", text) for text in re.findall(r">([^<>]*\S)</", svg)) for svg in (kept, made)]
    return (share_that_differs(*words) <= MARK_TOLERANCE and share_that_differs(ink(kept), ink(made)) <= MARK_TOLERANCE
            and len(kept_pngs) == len(made_pngs) and all(map(are_near_pngs, kept_pngs, made_pngs)))


# In the comment above a block -> (attribute of Options, type)
OPTION_TYPES = {"head": ("head", int), "tail": ("tail", int), "near": ("near", float), "from": ("source", str)}


class Options:
    """What the comment above a block says."""

    def __init__(self, text):
        self.head = self.tail = self.near = self.source = None
        text, _, own_mask = (text or "").partition("mask=")
        self.mask = own_mask or None
        for word in text.split():
            name, _, value = word.partition("=")
            if name not in OPTION_TYPES:
                raise ValueError(f"capture: unknown option '{word}'")
            attribute, make = OPTION_TYPES[name]
            setattr(self, attribute, make(value))

    def same(self, shown, now):
        return shown == now or (self.near is not None and are_near(shown, now, self.near))

    def elide(self, output):
        """The shown part of a command's output."""
        if self.head is None and self.tail is None:
            return output
        all_lines, head, tail = output.splitlines(keepends=True), self.head or 0, self.tail or 0
        if len(all_lines) <= head + tail + 1:
            return output
        return "".join([*all_lines[:head], "...\n", *all_lines[len(all_lines) - tail :]])


def commands_of(block):
    """The commands of a block; one that ends in a backslash goes on in the next line."""
    commands, more = [], False
    for line in block.splitlines():
        if more:
            commands[-1] += "\n" + line
        elif line.startswith("$ "):
            commands.append(line[2:])
        else:
            continue
        more = commands[-1].endswith("\\")
    return commands


class Shell:
    """One bash for all blocks of a file, so that `cd` and variables persist."""

    END = "\x01end of command "

    def __init__(self, folder, build):
        environment = dict(os.environ, PATH=f"{build / 'bin'}:{os.environ['PATH']}", LC_ALL="C.UTF-8", COLUMNS="100")
        environment.update(TERM="dumb", DESCENT_BUILD=str(build))
        self.process = subprocess.Popen(
            ["timeout", str(TIMEOUT_SECONDS), "bash"], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, command):
        # The command reads nothing: standard input is this script's.
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '%s%d\\n' '{self.END}' $?\n")
        self.process.stdin.flush()
        output = ""
        for line in self.process.stdout:
            before, end, status = line.partition(self.END)
            output += before
            if end:
                if output and not output.endswith("\n"):
                    output += "\n"
                return output + (f"[exit status {status.strip()}]\n" if status.strip() != "0" else "")
        raise RuntimeError(f"the shell ended in: {command}\n{output}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def quoted(page, command):
    """What the same command, seen from another folder, prints in a page."""
    def name(text):
        return re.sub(r"^(\.\.?/)+", "", text)

    for match in BLOCK.finditer(page):
        text = match["text"]
        for other in commands_of(text):
            if name(other) == name(command):
                rest = text[text.index(f"$ {other}\n") + len(other) + 3 :]
                return re.split(r"^\$ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    raise ValueError(f"capture: no page prints the output of '{command}'")


def run_block(shell, match, root):
    """The block's text as its commands print it now."""
    options, text = Options(match["options"]), ""
    for command in commands_of(match["text"]):
        output = quoted((root / options.source).read_text(), command) if options.source else shell.run(command)
        text += f"$ {command}\n" + options.elide(output)
    return text


def difference(name, shown, now):
    import difflib

    return "".join(difflib.unified_diff(
        shown.splitlines(keepends=True), now.splitlines(keepends=True), f"{name} (shown)", f"{name} (now)"))


def check_models(file, text, build):
    """What differs between the models shown and their canonical form."""
    found = []
    for match in MODEL.finditer(text):
        printed = subprocess.run([build / "bin/descent", "convert", "-"], input=match[1], text=True, capture_output=True)
        if printed.stdout != match[1]:
            found.append(difference(f"{file}:{text.count(chr(10), 0, match.start()) + 1}", match[1],
                                    printed.stdout + printed.stderr))
    return found


def check_pictures(file, text, folder, bless):
    """Compares each picture of the file with what the commands left in `folder`; returns what differs."""
    found = []
    for picture in sorted(set(PICTURE.findall(text))):
        made, kept = folder / picture, file.parent / picture
        page = kept.parent / "README.md"
        if page != file and page.exists() and kept.name in PICTURE.findall(page.read_text()):
            continue  # that page's
        if not made.exists():
            found.append(f"{file}: no command of the file writes {picture}\n")
        elif bless:
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made, kept)
        elif not kept.exists():
            found.append(f"{file}: {picture} is not there\n")
        elif made.suffix == ".svg":
            if not is_same_svg(kept.read_text(), made.read_text()):
                found.append(f"{file}: {picture} differs from what the commands draw now\n")
        elif made.read_bytes() != kept.read_bytes():
            found.append(f"{file}: {picture} differs from what the commands draw now\n")
    return found


def with_short_paths(text, temporary, build, root):
    return text.replace(temporary, "/tmp/descent").replace(str(build), "build").replace(f"{root}/", "")


def capture(file, build, bless, root=ROOT):
    """Runs the file; returns what differs, as text. With `bless` rewrites the file instead."""
    text = file.read_text()
    blocks = list(BLOCK.finditer(text))
    found, rewritten, last = check_models(file, text, build), "", 0
    if not blocks:
        return found
    with tempfile.TemporaryDirectory(prefix="descent-") as temporary:
        copy = pathlib.Path(temporary)
        if (root / "docs").exists():
            shutil.copytree(root / "docs", copy / "docs", ignore=shutil.ignore_patterns("__pycache__"))
        for shown in ("bootstrap", "frontends"):
            if (root / shown).exists():
                (copy / shown).symlink_to(root / shown)
        (copy / "build").symlink_to(build)
        folder = copy / file.relative_to(root).parent
        for picture in PICTURE.findall(text):
            (folder / picture).unlink(missing_ok=True)  # so that it is there only if it is drawn
        with Shell(folder, build) as shell:
            shown = [(match, with_short_paths(run_block(shell, match, root), temporary, build, root)) for match in blocks]
        for match, now in shown:
            rewritten += text[last : match.start("text")] + now
            last = match.end("text")
            options = Options(match["options"])
            before, after = mask(match["text"], options.mask), mask(now, options.mask)
            if not bless and not options.same(before, after):
                line = text.count("\n", 0, match.start()) + 1
                found.append(difference(f"{file.relative_to(root)}:{line}", before, after))
        if bless:
            file.write_text(rewritten + text[last:])
        return found + check_pictures(file, text, folder, bless)


def all_files():
    """README.md last: it quotes others."""
    return [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]


def main():
    parser = argparse.ArgumentParser(description="Re-runs the commands shown in Markdown files.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="compare")
    mode.add_argument("--bless", action="store_true", help="rewrite files and pictures")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build tree (default build/)")
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    found = []
    for file in [file.resolve() for file in arguments.files] or all_files():
        if arguments.bless:
            print(f"{file.relative_to(ROOT)}", flush=True)
        found += capture(file, arguments.build.resolve(), arguments.bless)
    sys.stdout.write("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
