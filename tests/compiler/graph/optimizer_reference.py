#!/usr/bin/env python3
"""Writes optimizer_reference.txt: parameters after each of 20 training steps, for optimizers and their options.

Independent of Descent: gradients in closed form, updates as the PyTorch documentation states them (torch.optim,
torch.optim.lr_scheduler, torch.nn.utils), in float64. Needs python3-numpy only.

    python3 optimizer_reference.py > optimizer_reference.txt
"""
import numpy as np

X = np.array([[1.0, 2.0, -1.0], [0.5, -1.5, 2.0], [-2.0, 0.25, 1.0], [3.0, 1.0, 0.5]])
Y = np.array([1.0, -2.0, 0.5, 3.0])
W0 = np.array([0.3, -0.2, 0.1])
STEPS = 20


def loss_gradient(w):
    """Of mean((X w - Y)^2)."""
    return 2.0 / len(Y) * X.T @ (X @ w - Y)


class Sgd:
    def __init__(self, momentum=0.0, nesterov=False):
        self.momentum, self.nesterov, self.velocity = momentum, nesterov, None

    def direction(self, g, t):
        if self.momentum == 0.0:
            return g
        self.velocity = g.copy() if self.velocity is None else self.momentum * self.velocity + g
        return g + self.momentum * self.velocity if self.nesterov else self.velocity


class Adam:
    def __init__(self, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.m = self.v = 0.0

    def direction(self, g, t):
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g * g
        m_hat = self.m / (1 - self.beta1**t)
        v_hat = self.v / (1 - self.beta2**t)
        return m_hat / (np.sqrt(v_hat) + self.epsilon)


class RmsProp:
    def __init__(self, alpha=0.99, epsilon=1e-8, momentum=0.0):
        self.alpha, self.epsilon, self.momentum = alpha, epsilon, momentum
        self.v = self.buffer = 0.0

    def direction(self, g, t):
        self.v = self.alpha * self.v + (1 - self.alpha) * g * g
        d = g / (np.sqrt(self.v) + self.epsilon)
        if self.momentum == 0.0:
            return d
        self.buffer = self.momentum * self.buffer + d
        return self.buffer


class Adagrad:
    def __init__(self, rate_decay=0.0, initial=0.0, epsilon=1e-10):
        self.rate_decay, self.epsilon, self.sum = rate_decay, epsilon, initial

    def direction(self, g, t):
        self.sum = self.sum + g * g
        return g / (np.sqrt(self.sum) + self.epsilon) / (1 + (t - 1) * self.rate_decay)


def constant(s):
    return 1.0


def step_schedule(size, gamma):
    return lambda s: gamma ** (s // size)


def cosine(steps, minimum=0.0):
    return lambda s: minimum + (1 - minimum) * (1 + np.cos(np.pi * min(s, steps) / steps)) / 2


def warm_up(steps, then=constant):
    return lambda s: min(1.0, (s + 1) / steps) * then(max(0, s - steps))


def clip_value(limit):
    return lambda g: np.clip(g, -limit, limit)


def clip_norm(limit):
    return lambda g: g * min(1.0, limit / (np.linalg.norm(g) + 1e-6))


def train(optimizer, rate, schedule=constant, clip=lambda g: g, l1=0.0, l2=0.0, decay=0.0, every=1):
    w, path, updates = W0.copy(), [], 0
    for s in range(STEPS):
        if s % every == 0:
            updates += 1
            g = clip(loss_gradient(w) + 2 * l2 * w + l1 * np.sign(w))
            r = rate * schedule(s)
            w = (1 - r * decay) * w - r * optimizer.direction(g, updates)
        path.append(w.copy())
    return path


def two_updates():
    """u fits the data, then w follows the u that was just updated; rates 0.1 and 0.05, w with momentum."""
    u, w, velocity, path = W0.copy(), -W0, np.zeros(3), []
    for _ in range(STEPS):
        u = u - 0.1 * loss_gradient(u)
        velocity = 0.9 * velocity + 2.0 / len(Y) * X.T @ (X @ w - X @ u)
        w = w - 0.05 * velocity
        path.append(np.concatenate([u, w]))
    return path


def take_turns():
    """One loss, the mean of ((x u)(x w) - y)^2, reduced by u, then by w at the new u, which is a constant there."""
    u, w, path = W0.copy(), -W0, []
    for _ in range(STEPS):
        error = (X @ u) * (X @ w) - Y
        u = u - 0.02 * 2.0 / len(Y) * X.T @ (error * (X @ w))
        error = (X @ u) * (X @ w) - Y
        w = w - 0.02 * 2.0 / len(Y) * X.T @ (error * (X @ u))
        path.append(np.concatenate([u, w]))
    return path


CASES = {
    "sgd": lambda: train(Sgd(), 0.05),
    "momentum": lambda: train(Sgd(momentum=0.9), 0.02),
    "nesterov": lambda: train(Sgd(momentum=0.8, nesterov=True), 0.02),
    "adam": lambda: train(Adam(), 0.1),
    "adam_betas": lambda: train(Adam(beta1=0.5, beta2=0.9, epsilon=1e-3), 0.1),
    "adamw": lambda: train(Adam(), 0.1, decay=0.01),
    "rmsprop": lambda: train(RmsProp(), 0.01),
    "rmsprop_momentum": lambda: train(RmsProp(alpha=0.9, momentum=0.5), 0.01),
    "adagrad": lambda: train(Adagrad(), 0.5),
    "adagrad_decay": lambda: train(Adagrad(rate_decay=0.1, initial=0.2), 0.5),
    "step_schedule": lambda: train(Sgd(), 0.1, schedule=step_schedule(5, 0.5)),
    "cosine": lambda: train(Sgd(), 0.1, schedule=cosine(15, 0.1)),
    "warm_up": lambda: train(Sgd(), 0.1, schedule=warm_up(8)),
    "warm_up_cosine": lambda: train(Adam(), 0.1, schedule=warm_up(5, cosine(10))),
    "clip_value": lambda: train(Sgd(), 0.1, clip=clip_value(0.7)),
    "clip_norm": lambda: train(Sgd(), 0.1, clip=clip_norm(1.5)),
    "l1": lambda: train(Sgd(), 0.05, l1=0.3),
    "l2": lambda: train(Sgd(momentum=0.9), 0.02, l2=0.1),
    "weight_decay": lambda: train(Sgd(), 0.05, decay=0.2),
    "every": lambda: train(Adam(), 0.1, every=3),
    "two_updates": two_updates,
    "take_turns": take_turns,
}

if __name__ == "__main__":
    for name, run in CASES.items():
        print(name)
        for parameters in run():
            print(" ".join(f"{value:.17g}" for value in parameters))
