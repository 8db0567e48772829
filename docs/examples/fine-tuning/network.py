"""A small convolutional network in PyTorch that has learned the first five kinds of clothes; writes network.onnx."""
import gzip
import pathlib

import numpy as np
import torch
from torch import nn

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")


def read(name, offset):
    return np.frombuffer(gzip.decompress((DATA / name).read_bytes()), np.uint8, offset=offset).copy()


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(16 * 7 * 7, 10)

    def forward(self, image):
        return self.head(self.body(image / 255))


torch.manual_seed(1)
image = torch.from_numpy(read("train-images-idx3-ubyte.gz", 16)).view(-1, 1, 28, 28).float()
label = torch.from_numpy(read("train-labels-idx1-ubyte.gz", 8)).long()
image, label = image[label < 5], label[label < 5]
network = Network()
optimizer = torch.optim.Adam(network.parameters())
for rows in torch.randperm(len(image)).split(128):
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(image[rows]), label[rows]).backward()
    optimizer.step()
torch.onnx.export(network.eval(), image[:2], "network.onnx", input_names=["image"], output_names=["logits"],
                  dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}}, dynamo=False)
