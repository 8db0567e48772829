#!/usr/bin/env python3
"""Every relative link in a Markdown file leads to a file, and every #anchor to a heading."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def prose(page):
    """Without code, which only looks like links."""
    return re.sub(r"```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page):
    """As GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Links(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
            for file, anchor in LINK.findall(prose(page)):
                with self.subTest(page=page.relative_to(ROOT), link=f"{file}#{anchor}"):
                    target = page.parent / file if file else page
                    self.assertTrue(target.exists())
                    self.assertTrue(not anchor or anchor in anchors(target))


if __name__ == "__main__":
    unittest.main()
