"""Networks as people train them, in plain torch.nn: ResNet-18 and MobileNetV2 as published, the others at the structure of their
papers and reduced widths, so that 20 steps take seconds."""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from skl2onnx import to_onnx
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn


# --- ResNet-18 (He et al. 2015), the parameters named as in torchvision -----------------------------------------------------------


class BasicBlock(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        widths = [64, 64, 128, 256, 512]
        for i in range(1, 5):
            blocks = nn.Sequential(
                BasicBlock(widths[i - 1], widths[i], 1 if i == 1 else 2),
                BasicBlock(widths[i], widths[i], 1),
            )
            self.add_module(f"layer{i}", blocks)
        self.fc = nn.Linear(512, classes)

    def forward(self, image):
        x = self.maxpool(F.relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


# --- MobileNetV2 (Sandler et al. 2018) --------------------------------------------------------------------------------------------


def conv_bn_relu6(channels_in, channels, kernel, stride=1, groups=1):
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU6(),
    ]


class InvertedResidual(nn.Module):
    def __init__(self, channels_in, channels, stride, expansion):
        super().__init__()
        hidden = channels_in * expansion
        expand = conv_bn_relu6(channels_in, hidden, 1) if expansion != 1 else []
        self.conv = nn.Sequential(
            *expand,
            *conv_bn_relu6(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.residual = stride == 1 and channels_in == channels

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    """`dropout` is 0.2 in the paper; a comparison step by step needs 0, since random numbers differ."""

    BLOCKS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]

    def __init__(self, classes=10, dropout=0.0):
        super().__init__()
        layers = conv_bn_relu6(3, 32, 3, 2)
        channels_in = 32
        for expansion, channels, count, stride in self.BLOCKS:
            for i in range(count):
                layers.append(InvertedResidual(channels_in, channels, stride if i == 0 else 1, expansion))
                channels_in = channels
        layers += conv_bn_relu6(channels_in, 1280, 1)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, classes))

    def forward(self, image):
        return self.classifier(self.features(image).mean([2, 3]))


# --- U-Net (Ronneberger et al. 2015), padded, with batch normalization ------------------------------------------------------------


class UNet(nn.Module):
    def __init__(self, classes=3, width=16, depth=4, bilinear=False):
        super().__init__()

        def double_conv(channels_in, channels):
            return nn.Sequential(
                nn.Conv2d(channels_in, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
                nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )

        widths = [width * 2**i for i in range(depth + 1)]
        self.down = nn.ModuleList(double_conv(a, b) for a, b in zip([3] + widths, widths))
        self.up, self.join = nn.ModuleList(), nn.ModuleList()
        for below, here in zip(widths[:0:-1], widths[-2::-1]):
            self.up.append(
                nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(below, here, 1))
                if bilinear
                else nn.ConvTranspose2d(below, here, 2, 2)
            )
            self.join.append(double_conv(2 * here, here))
        self.out = nn.Conv2d(width, classes, 1)

    def forward(self, image):
        x, skips = self.down[0](image), []
        for down in self.down[1:]:
            skips.append(x)
            x = down(F.max_pool2d(x, 2))
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([skips.pop(), up(x)], 1))
        return self.out(x)


# --- sequences --------------------------------------------------------------------------------------------------------------------


class RecurrentClassifier(nn.Module):
    """Two bidirectional layers (nn.LSTM or nn.GRU) over embedded tokens, the last states into a linear layer."""

    def __init__(self, cell=nn.LSTM, vocabulary=200, width=32, classes=5):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.rnn = cell(width, width, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * width, classes)

    def forward(self, tokens):
        states, _ = self.rnn(self.embedding(tokens))
        return self.fc(torch.cat([states[:, -1, : self.rnn.hidden_size], states[:, 0, self.rnn.hidden_size :]], 1))


class TransformerClassifier(nn.Module):
    """nn.TransformerEncoder over embedded tokens with learned positions, averaged."""

    def __init__(self, vocabulary=200, steps=24, width=32, heads=4, layers=2, classes=5, norm_first=False):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.zeros(1, steps, width))
        nn.init.normal_(self.position, std=0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=norm_first
        )
        nn.init.normal_(layer.self_attn.out_proj.bias, std=0.02)  # the dynamo exporter leaves out a bias of zeros
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.fc = nn.Linear(width, classes)

    def forward(self, tokens):
        return self.fc(self.encoder(self.embedding(tokens) + self.position).mean(1))


class GPT2Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, x):
        batch, steps, width = x.shape
        q, k, v = (
            part.view(batch, steps, self.heads, width // self.heads).transpose(1, 2)
            for part in self.c_attn(self.ln_1(x)).split(width, 2)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(attended.transpose(1, 2).reshape(batch, steps, width))
        return x + self.mlp(self.ln_2(x))


class GPT2(nn.Module):
    """The decoder of Radford et al. (2019): logits [batch, steps, vocabulary] of the next token."""

    def __init__(self, vocabulary=300, steps=32, width=64, heads=4, layers=3, tied=True):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(steps, width)
        self.h = nn.ModuleList(GPT2Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        if tied:
            self.lm_head.weight = self.wte.weight

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


# --- others -----------------------------------------------------------------------------------------------------------------------


class VAE(nn.Module):
    """A variational autoencoder (Kingma and Welling 2013) that holds its loss: output 0, the negative evidence lower bound. The
    sample's noise is an input, so that a framework and Descent can take the same; without one it is drawn in the graph."""

    def __init__(self, pixels=28 * 28, hidden=128, code=16):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, code)
        self.log_variance = nn.Linear(hidden, code)
        self.decoder = nn.Sequential(nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, pixels))

    def forward(self, image, noise=None):
        h = self.encoder(image)
        mean, log_variance = self.mean(h), self.log_variance(h)
        if noise is None:
            noise = torch.randn_like(mean)
        logits = self.decoder(mean + torch.exp(0.5 * log_variance) * noise)
        reconstruction = F.binary_cross_entropy_with_logits(logits, image, reduction="none").sum(1)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
        return (reconstruction + divergence).mean(), torch.sigmoid(logits)


class ScikitMLP(nn.Module):
    """The network of a fitted sklearn.neural_network.MLPClassifier or MLPRegressor, which skl2onnx exports, behind a StandardScaler where
    `scaled`. A regressor has no classes. Two classes have one logit; the model's outputs here are those of cross_entropy, [0, logit]."""

    def __init__(self, classes, scaled=False):
        super().__init__()
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(200, 12)).astype(np.float32)
        scores = rows[:, :3] @ rng.normal(size=(3, max(classes, 1)))
        sizes = {"hidden_layer_sizes": (32, 16), "max_iter": 5, "random_state": 0}
        self.classes = classes
        self.perceptron = MLPClassifier(**sizes) if classes else MLPRegressor(**sizes)
        self.pipeline = make_pipeline(*[StandardScaler()] * scaled, self.perceptron)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged: Descent goes on
            self.pipeline.fit(rows * 3 + 1 if scaled else rows, scores.argmax(1) if classes else scores[:, 0])
        layers = []
        for weight, bias in zip(self.perceptron.coefs_, self.perceptron.intercepts_):
            layers += [nn.Linear(*weight.shape), nn.ReLU()]
            layers[-2].weight.data = torch.from_numpy(weight.T.copy()).float()
            layers[-2].bias.data = torch.from_numpy(bias.copy()).float()
        self.layers = nn.Sequential(*layers[:-1])
        scaler = self.pipeline[0]
        self.register_buffer("mean", torch.tensor(scaler.mean_ if scaled else 0.0, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(1 / scaler.scale_ if scaled else 1.0, dtype=torch.float32))

    def forward(self, X):
        z = self.layers((X - self.mean) * self.scale)
        return torch.cat([torch.zeros_like(z), z], 1) if self.classes == 2 else z

    def predictions(self, X):
        """What the exported model gives: the class, then the probabilities; or the number."""
        if not self.classes:
            return self(X)
        probabilities = torch.softmax(self(X), 1)
        return probabilities.argmax(1), probabilities

    def export(self, path, opset):
        options = {"zipmap": False} if self.classes else None
        opsets = {"": opset, "ai.onnx.ml": 3}
        model = to_onnx(self.pipeline, np.zeros((1, 12), np.float32), options=options, target_opset=opsets)
        path.write_bytes(model.SerializeToString())


class ConvNet1d(nn.Module):
    """Dilated 1-d convolutions over a signal [batch, channels, samples], one number out."""

    def __init__(self, channels=4, width=24):
        super().__init__()
        layers = []
        for i in range(3):
            layers += [
                nn.Conv1d(channels if i == 0 else width, width, 5, padding=2 * 2**i, dilation=2**i),
                nn.GroupNorm(4, width),
                nn.SiLU(),
                nn.AvgPool1d(2),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(width, 1)

    def forward(self, signal):
        return self.head(self.features(signal).amax(2))
