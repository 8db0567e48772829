#!/usr/bin/env python3
"""architecture_test.py SOURCE RUNTIME_ARCHIVE: the tree keeps every rule of rules.py, and every rule can fail."""

import pathlib
import re
import sys
import tempfile
import unittest

import rules

# Rule -> files of a tree that breaks it.
BROKEN = {
    rules.project_includes: {
        "ir/a.cpp": '#include "compiler/compile.h"\n',
        "runtime/a.cpp": '#include "ir/graph.h"\n',
        "compiler/graph/a.cpp": '#include "compiler/kernel/program.h"\n',
        "frontends/onnx/a.cpp": '#include "compiler/compile.h"\n',
        "elsewhere/a.cpp": "\n",
    },
    rules.external_includes: {
        "ir/a.cpp": "#include <llvm/IR/Module.h>\n",
        "runtime/a.h": "#include <tbb/task_arena.h>\n",
        "ir/verify.cpp": '#include "graph.pb.h"\n',
        "compiler/a.cpp": "#include <boost/any.hpp>\n",
    },
    rules.llvm_stays_in_codegen: {
        "compiler/codegen/a.h": "#include <llvm/IR/Module.h>\n",
        "compiler/codegen/b.h": '#include "compiler/codegen/a.h"\n',
        "compiler/compile.cpp": '#include "compiler/codegen/b.h"\n',
    },
    rules.top_level: {"notes.txt": "\n"},
    rules.header_guards: {"ir/a.h": "int a;\n"},
    rules.file_lengths: {"ir/a.cpp": "\n" * (rules.LINE_LIMIT + 1)},
    rules.names: {"ir/string_utils.cpp": "\n", "ir/common/a.h": "\n", "ir/Graph.cpp": "\n"},
    rules.surroundings: {"docs/a.md": "see iss" + "ue #12\n", "ir/a.cpp": "// in /ho" + "me/me/descent\n"},
    rules.runtime_links: {"runtime/CMakeLists.txt": "target_link_libraries(descent_runtime PRIVATE LLVM)\n"},
    rules.operators_unnamed: {"compiler/graph/a.cpp": 'bool b = node.op->name == "relu";\n'},
    rules.formatting: {"ir/a.cpp": "int  a ;\n"},
}
# Files of BROKEN that keep the rule and are only there to lead to the one that doesn't.
INNOCENT = {"compiler/codegen/a.h", "compiler/codegen/b.h"}


def break_tree(root, contents):
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


class Architecture(unittest.TestCase):
    source = None
    runtime_archive = None
    maxDiff = None

    def test_tree_keeps_rules(self):
        for rule in rules.RULES:
            with self.subTest(rule.__name__):
                self.assertEqual("\n".join(rule(self.source)), "")

    def test_rules_can_fail(self):
        self.assertEqual(set(BROKEN), set(rules.RULES))
        for rule, contents in BROKEN.items():
            with self.subTest(rule.__name__), tempfile.TemporaryDirectory() as folder:
                break_tree(pathlib.Path(folder), contents)
                found = "\n".join(rule(pathlib.Path(folder)))
                for name in set(contents) - INNOCENT:
                    self.assertIn(name.split("/")[0] if rule is rules.top_level else name, found)

    def test_runtime_knows_no_compiler(self):
        found = rules.archive_symbols(self.runtime_archive, r"\bllvm::|\bgoogle::protobuf|\bdescent::(Graph|Node|OpDef)\b")
        self.assertEqual("\n".join(found), "")
        self.assertTrue(rules.archive_symbols(self.runtime_archive, r"."))

    def test_runtime_has_no_operator(self):
        """Every kernel is generated: no function or table of the runtime bears an operator's name."""
        operators = set(re.findall(r"^### (\w+)$", (self.source / "docs/ops.md").read_text(), re.MULTILINE))
        self.assertIn("matmul", operators)
        # A line of the log, and two distributions that the generators of data draw from.
        innocent = {"step", "uniform", "normal"}
        self.assertEqual(operators & rules.defined_names(self.runtime_archive), innocent)


if __name__ == "__main__":
    Architecture.runtime_archive = pathlib.Path(sys.argv.pop())
    Architecture.source = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main()
