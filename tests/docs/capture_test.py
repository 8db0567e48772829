#!/usr/bin/env python3
"""capture.py reports what differs, leaves alone what may differ, and blesses to what then passes."""

import base64
import pathlib
import re
import tempfile
import unittest
import zlib

import capture

PAGE = """# Page
```console
$ echo one; cd folder
one
$ pwd | sed 's,.*/,,'; echo lost >&2
folder
lost
$ sleep 0; echo 'took 12.5 ms,   1,234 samples/s'
took 99 ms, 7 samples/s
$ false
[exit status 1]
```
<!-- capture: head=1 tail=1 -->
```console
$ seq \\
    9
1
...
9
```
<!-- capture: mask=id \\d+ -->
```console
$ echo "id $RANDOM"; cp ../old.svg ../new.svg
id 7
```
![picture](new.svg)
<!-- capture: near=0.01 -->
```console
$ echo accuracy 0.8912 of 10000
accuracy 0.8899 of 10000
```
"""


class Capture(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.root / "docs/folder").mkdir(parents=True)
        (self.root / "docs/folder/keep").touch()
        (self.root / "docs/old.svg").write_text("<svg/>\n")
        (self.root / "docs/new.svg").write_text("<svg/>\n")
        self.page = self.root / "docs/page.md"

    def run_page(self, text, bless=False):
        self.page.write_text(text)
        return "".join(capture.capture(self.page, self.root, bless, self.root))

    def test_same_passes(self):
        self.assertEqual(self.run_page(PAGE), "")

    def test_differences_are_reported(self):
        for shown, other in [("\none\n", "\ntwo\n"), ("\nlost\n", "\n"), ("[exit status 1]", "[exit status 2]"),
                             ("...\n", ""), ("took 99", "took me 99"), ("id 7", "di 7"),
                             ("0.8899", "0.8799"), ("0.8899", "high")]:
            with self.subTest(shown):
                self.assertIn("page.md:", self.run_page(PAGE.replace(shown, other)))

    def test_pictures(self):
        (self.root / "docs/new.svg").write_text("<svg>old</svg>\n")
        self.assertIn("new.svg differs", self.run_page(PAGE))
        self.assertIn("no command of the file writes", self.run_page(PAGE.replace("; cp ../old.svg ../new.svg", "")))

    def test_pictures_of_another_page(self):
        shows = "```console\n$ true\n```\n![there](folder/old.svg)\n"
        self.assertIn("no command of the file writes", self.run_page(shows))
        (self.root / "docs/folder/README.md").write_text("![here](old.svg)\n")
        self.assertEqual(self.run_page(shows), "")

    def test_pictures_of_what_was_learned(self):
        def svg(x, level, samples=300, word="loss", color="red"):
            rows = zlib.compress(bytes([level]) * samples)
            png = b"\x89PNG\r\n\x1a\n" + len(rows).to_bytes(4, "big") + b"IDAT" + rows + b"\0" * 4
            marks = "".join(f'<circle cx="{x + i}" cy="{i}" fill="{color}"/>' for i in range(0, 100, 10))
            return (f'<svg viewBox="0 0 200 100">{marks}<text>{word} {x}</text>'
                    f'<image href="data:image/png;base64,{base64.b64encode(png).decode()}"/></svg>')

        same = svg(50, 100)
        for other, is_same in [(svg(50.5, 100), True), (svg(50, 104), True), (svg(53, 100), False),
                               (svg(50, 120), False), (svg(50, 100, 301), False), (svg(50, 100, word="less"), False),
                               (svg(50, 100, color="blue"), False), (re.sub("<image[^>]*>", "", same), False)]:
            with self.subTest(other):
                self.assertEqual(capture.is_same_svg(same, other), is_same)

    def test_bless(self):
        (self.root / "docs/new.svg").unlink()
        self.assertEqual(self.run_page(PAGE.replace("\none\n", "\ntwo\n").replace("...\n", ""), bless=True), "")
        blessed = self.page.read_text()
        self.assertIn("\none\n", blessed)
        self.assertEqual(self.run_page(blessed), "")

    def test_quotes_another_page(self):
        (self.root / "docs/other.md").write_text("```console\n$ true\n$ ../../run it\n1\n2\n3\n4\n$ true\n```\n")
        quote = "<!-- capture: from=docs/other.md head=1 tail=1 -->\n```console\n$ ./run it\n%s\n...\n4\n```\n"
        self.assertEqual(self.run_page(quote % "1"), "")
        self.assertIn("page.md:", self.run_page(quote % "5"))
        with self.assertRaises(ValueError):
            self.run_page((quote % "1").replace("run it", "walk"))

    def test_models_are_canonical(self):
        (self.root / "bin").mkdir()
        command = self.root / "bin/descent"
        command.write_text("#!/bin/sh\ntr a-z A-Z\n")
        command.chmod(0o755)
        self.assertEqual(self.run_page("```descent\nMODEL\n```\n"), "")
        self.assertIn("+MODEL", self.run_page("text\n```descent\nmodel\n```\n"))

    def test_unknown_option(self):
        with self.assertRaises(ValueError):
            self.run_page(PAGE.replace("head=1", "heads=1"))


if __name__ == "__main__":
    unittest.main()
