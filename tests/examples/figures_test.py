#!/usr/bin/env python3
"""The examples show the figures that theory and the course promise.

The tests docs.docs/examples/... run every command of the pages again and compare what it prints with the pages. This test
reads the pages and asserts that what they print is what it must be: together, that the commands reach these figures.

    figures_test.py [-v]
"""

import pathlib
import re
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs/examples"
NUMBER = r"(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"


def page(name):
    return (EXAMPLES / name / "README.md").read_text()


def numbers(text, pattern):
    """The numbers that `pattern`'s groups find in `text`; NUMBER stands for one."""
    found = [float(value) for match in re.finditer(pattern.replace("NUMBER", NUMBER), text)
             for value in match.groups()]
    if not found:
        raise AssertionError(f"the page prints nothing like {pattern}")
    return found


def tensor(text, name):
    """The elements of a printed tensor `name: f32[2, 3] = [[...]]`."""
    line = re.search(rf"^{re.escape(name)}: \w+\[[^]]*\] = (.*)$", text, re.MULTILINE)
    if not line:
        raise AssertionError(f"the page prints no {name}")
    return [float(value) for value in re.findall(NUMBER, line[1])]


class Figures(unittest.TestCase):
    def assertNear(self, values, expected, tolerance):
        self.assertEqual(len(values), len(expected))
        for value, wanted in zip(values, expected):
            self.assertAlmostEqual(value, wanted, delta=tolerance)

    def test_every_example_has_a_page(self):
        for folder in sorted(path for path in EXAMPLES.iterdir() if path.is_dir()):
            self.assertTrue((folder / "README.md").exists(), f"{folder.name} has no README.md")
            self.assertIn("```console", page(folder.name), folder.name)

    def test_every_model_is_used(self):
        for model in sorted(EXAMPLES.glob("*/*.descent")):
            text, stem = page(model.parent.name), re.sub(r"\d+", "", model.stem)
            self.assertTrue(model.name in text or model.stem in text or re.search(rf"{stem}[$\d]", text),
                            f"{model.parent.name}/README.md doesn't run {model.name}")

    def test_worked_sample(self):
        text = page("orange-blue")
        for name, expected in {
            "z1": [.9, .8, -.9], "a1": [.710950, .689974, .289050], "z2": [.205831], "yhat": [.551277],
            "loss": [.595518], "grad.W2": [-.319020, -.309608, -.129704],
            "grad.W1": [-.064549, .076789, -.082991, -.129098, .153578, -.165983],
        }.items():
            self.assertNear(tensor(text, name), expected, 1.5e-6)
        for by_hand, expected in {"dL_dz2": [-.448723], "yhat_minus_y": [-.448723], "dL_dW2": tensor(text, "grad.W2"),
                                  "dL_dW1": tensor(text, "grad.W1")}.items():
            self.assertNear(tensor(text, by_hand), expected, 1.5e-6)
        self.assertAlmostEqual(tensor(text, "next.W1")[1], -.238395, delta=1.5e-6)
        self.assertNear(numbers(text, r'"event":"step".*"loss":NUMBER'), [.595518, .458218], 1.5e-6)

    def test_orange_blue(self):
        accuracies = numbers(page("orange-blue"), r"\naccuracy NUMBER")
        self.assertEqual(len(accuracies), 9)
        self.assertLessEqual(max(accuracies[:3]), 0.60)
        self.assertGreaterEqual(min(accuracies[3:]), 0.988)

    def test_layers_without_nonlinearity_are_one(self):
        text = page("nonlinearity")
        self.assertNear(tensor(text, "W"), [-.063, .565], 1e-6)
        self.assertLess(tensor(text, "largest")[0], 1e-5)
        learned = r"\n%s on %s: NUMBER NUMBER NUMBER"  # lowest, median, highest of ten
        for data in ("circle", "xor"):
            one, two = (numbers(text, learned % (net, data)) for net in ("linear-2-3-1", "linear-2-3-2-1"))
            self.assertEqual(one, two)  # both are one line
            self.assertLessEqual(one[1], 0.60)
            self.assertLessEqual(one[2], 0.70)
        for net, data in (("tanh-2-3-1", "circle"), ("tanh-2-3-2-1", "circle"), ("sigmoid-2-8-1", "xor")):
            self.assertGreaterEqual(numbers(text, learned % (net, data))[0], 0.95)
        self.assertGreaterEqual(numbers(text, learned % ("tanh-2-3-2-1", "xor"))[1], 0.95)
        for net in ("linear-2-3-1", "tanh-2-3-1"):
            self.assertGreaterEqual(numbers(text, learned % (net, "gauss"))[0], 0.98)

    def test_pulse(self):
        self.assertNear(tensor(page("universal-approximation"), "y"), [.00005, .9999, .00005], 1e-5)

    def test_sums_of_pulses_and_trained_networks(self):
        errors = numbers(page("universal-approximation"), r"\n\d+ neurons: NUMBER")
        built, trained = errors[:5], errors[5:]
        self.assertNear(built, [.396, .285, .140, .069, .034], 5.1e-4)
        self.assertEqual(len(trained), 5)
        self.assertEqual(trained, sorted(trained, reverse=True))
        self.assertLess(trained[-1], trained[0] / 10)

    def test_neuron(self):
        text = page("neuron")
        self.assertGreaterEqual(numbers(text, r"\nr2 NUMBER")[0], 0.999)
        self.assertGreaterEqual(numbers(text, r"\naccuracy NUMBER")[0], 0.98)

    def test_softmax(self):
        text = page("neuron")
        p, sharper = tensor(text, "p"), tensor(text, "sharper")
        self.assertTrue(all(value > 0 for value in p))
        self.assertAlmostEqual(sum(p), 1, delta=1e-6)
        self.assertNear(tensor(text, "shifted"), p, 1e-7)
        self.assertGreater(max(sharper), max(p))

    def test_three_tasks(self):
        text = page("three-tasks")
        self.assertGreaterEqual(min(numbers(text, r"\naccuracy NUMBER")), 0.82)
        self.assertEqual(len(numbers(text, r"\naccuracy NUMBER")), 2)
        self.assertGreaterEqual(numbers(text, r"\nr2 NUMBER")[0], 0.8)
        self.assertNear(tensor(text, "bce"), tensor(text, "ce"), 1e-7)

    def test_rates_of_gradient_descent(self):
        text = page("gradient-descent")
        a, b, _, d = tensor(text, "H")
        largest = (a + d) / 2 + (((a - d) / 2) ** 2 + b * b) ** 0.5
        self.assertAlmostEqual(tensor(text, "lambda_max")[0], largest, delta=1e-9)
        limit = tensor(text, "limit")[0]
        self.assertAlmostEqual(limit, 2 / largest, delta=1e-9)
        rates = numbers(text, r"\nrate NUMBER: ")
        self.assertEqual(rates, [0.02, 0.2, 0.4])
        self.assertTrue(rates[1] < limit < rates[2] < 1.05 * limit)
        small, good, above = numbers(text, r"\nrate .*\"loss\":NUMBER")
        self.assertTrue(good < 1e-6 < small < above)
        self.assertRegex(text, r"--learning-rate 0.4 .*\nstopped: diverged.*\n\[exit status 5\]")
        self.assertRegex(text, r"--learning-rate 0.38 .*\nstopped: converged")

    def test_batch_size_and_optimizers(self):
        text = page("batch-size")
        losses = numbers(text, r"\nbatch \d+: loss NUMBER")
        self.assertEqual(len(losses), 3)
        self.assertEqual(losses, sorted(losses))  # the same epochs in fewer steps
        sgd, *others = numbers(text, r"\n(?:sgd|momentum|rmsprop|adam): loss NUMBER")
        self.assertEqual(len(others), 3)
        self.assertLess(max(others), sgd)

    def test_overfitting(self):
        text = page("overfitting")
        plain, *others = numbers(text, r"\n(?:plain|dropout|weight-decay): .*\"validation\":{\"loss\":NUMBER")
        others += numbers(text, r"\n{\"event\":\"epoch\".*\"validation\":{\"loss\":NUMBER")
        self.assertEqual(len(others), 3)
        self.assertLess(numbers(text, r"\nplain: .*?\"loss\":NUMBER")[0], plain / 3)
        self.assertLess(max(others), plain)
        self.assertIn("stopped: early stopping", text)

    def test_representation(self):
        text = page("representation")
        self.assertLessEqual(numbers(text, r"\nraw: accuracy NUMBER")[0], 0.60)
        self.assertGreaterEqual(min(numbers(text, r"\n(?:hand-made|learned): accuracy NUMBER")), 0.95)

    def test_fashion_mnist(self):
        network, said_again, one_layer, sixteen = numbers(page("fashion-mnist"), r"\naccuracy NUMBER")
        self.assertEqual(network, said_again)
        self.assertGreaterEqual(network, 0.88)
        self.assertTrue(0.8 < one_layer < sixteen < network)

    def test_vae(self):
        self.assertLess(numbers(page("vae"), r"\nloss NUMBER")[0], 250)

    def test_char_gpt(self):
        text = page("char-gpt")
        self.assertLess(numbers(text, r"\nloss NUMBER")[0], 1.5)
        written = re.search(r"\$ ./sample 1 300 'You may '\n(.*?)```", text, re.DOTALL)[1]
        self.assertEqual(len(written.rstrip("\n")), len("You may ") + 300)

    def test_cpp(self):
        self.assertLess(numbers(page("cpp"), r"\nstep +1000  loss NUMBER")[0], 0.1)

    def test_embedding(self):
        text = page("embedding")
        one_neuron, hidden_layer = numbers(text, r"\n  (?:one neuron|hidden layer) +NUMBER")
        self.assertLess(one_neuron, 0.6)
        self.assertGreater(hidden_layer, 0.9)
        self.assertEqual(len(set(numbers(text, r"\n(?:serial|OpenMP|oneTBB) +loss NUMBER"))), 1)
        self.assertNotIn("WRONG", text)


if __name__ == "__main__":
    unittest.main()
