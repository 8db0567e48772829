"""Optimizers: a `train` clause and the same of torch.optim."""
import torch

OPTIMIZERS = [
    ("sgd(learning_rate=0.05)", lambda p: torch.optim.SGD(p, lr=0.05)),
    ("momentum(learning_rate=0.02)", lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    ("nesterov(learning_rate=0.02, momentum=0.8)", lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8, nesterov=True)),
    ("adam(learning_rate=0.1)", lambda p: torch.optim.Adam(p, lr=0.1)),
    ("adamw(learning_rate=0.1)", lambda p: torch.optim.AdamW(p, lr=0.1)),
    ("rmsprop(learning_rate=0.01)", lambda p: torch.optim.RMSprop(p, lr=0.01)),
    ("adagrad(learning_rate=0.5)", lambda p: torch.optim.Adagrad(p, lr=0.5)),
]
