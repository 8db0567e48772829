#!/usr/bin/env python3
"""steps_test.py: what steps.py makes of results, and what it refuses."""

import contextlib
import io
import pathlib
import tempfile
import unittest

import steps

MODELS = {"mlp": {"batch": 128, "width": 512}}


def result(ms, peak=None, **more):
    figures = {"ms": ms, "rss_mib": 10 * ms, "compile_s": ms, "start_ms": 5, "parameters": 7, "loss": 2.3, "first": [2.4], "batch": 400}
    return figures | {"peak_share": 0.5, "peak_gflops": peak or 200, "peak_gflops_1": 100} | more


class Steps(unittest.TestCase):
    def test_sizes(self):
        self.assertEqual(steps.sizes_of("mlp", MODELS), ("mlp", {"batch": 128, "width": 512}))
        self.assertEqual(steps.sizes_of("mlp:batch=1,width=17", MODELS), ("mlp", {"batch": 1, "width": 17}))
        self.assertEqual(MODELS["mlp"]["batch"], 128)
        for wrong in ("pml", "mlp:depth=2", "mlp:batch", "mlp:batch=-1"):
            with self.subTest(wrong), self.assertRaises(steps.Failure):
                steps.sizes_of(wrong, MODELS)

    def test_sizes_are_read_across_lines(self):
        listing = "net  one of many\\n     --batch 128 --width\\n     512\\nother  two\\n   --batch 1\\n"
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "descent"
            program.write_text(f"#!/bin/sh\nprintf '{listing}'\n")
            program.chmod(0o755)
            self.assertEqual(steps.ready_models(program), {"net": MODELS["mlp"], "other": {"batch": 1}})

    def test_only_the_same_workload_is_compared(self):
        steps.check_same_workload("mlp", {"descent": result(1), "jax": result(2)})
        with self.assertRaisesRegex(steps.Failure, "not one model"):
            steps.check_same_workload("mlp", {"descent": result(1), "jax": result(2, parameters=8)})
        with self.assertRaisesRegex(steps.Failure, "not one task"):
            steps.check_same_workload("mlp", {"descent": result(1), "jax": result(2, loss=3.3)})
        steps.check_same_workload("mlp", {"descent": result(1, batch=1), "jax": result(2, loss=3.3)})

    def test_ratios_are_taken_inside_a_round(self):
        # The machine was half as fast in the second round, and a third in the third.
        table = [{"descent": result(1.0), "jax": result(2.0)}, {"descent": result(2.0), "jax": result(4.0)},
                 {"descent": result(3.0), "jax": result(9.0)}]
        self.assertEqual(steps.ratio(table, "jax", "ms"), 2)
        self.assertEqual(steps.median(table, "jax", "ms"), 4)

    def test_scaling_is_a_share_of_the_peaks(self):
        table = [{"descent": result(1.0, peak=190), "serial": result(1.9)}]
        self.assertAlmostEqual(steps.scaling(table), 1)

    def test_tables(self):
        round_ = {"descent": result(1), "eager": result(4), "jax": result(3), "serial": result(1.5)}
        with contextlib.redirect_stdout(io.StringIO()) as text:
            steps.print_times({"playground": [round_], "mlp": [round_]}, ["eager", "jax"])
            steps.print_memory_and_compile({"mlp": [round_]}, ["eager", "jax"])
        self.assertIn("| mlp | 1 | 4 | 3 | 3.00x (jax) | 50.0% | 75% |", text.getvalue())
        self.assertIn("Geometric mean of the ratios: 3.00x; without playground 3.00x.", text.getvalue())
        self.assertIn("| mlp | 10 | 40 | 30 | 0.33 of it (jax) | 1 | 4 | 3 | 5 |", text.getvalue())


if __name__ == "__main__":
    unittest.main()
