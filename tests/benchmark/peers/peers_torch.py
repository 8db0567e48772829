#!/usr/bin/env python3
"""A training step of PyTorch on the CPU; see peer.py.

Variants: eager, as one writes it; best, with what its documentation advises for CPUs (images in channels_last, fused
optimizers); compile, that and torch.compile over forward pass and loss.
"""

import peer
import shapes

ARGUMENTS = peer.parse(["eager", "best", "compile"])

import torch
from torch import nn
from torch.nn import functional as F


class Basic(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)
        self.shortcut = nn.Identity()
        if stride != 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class Block(nn.Module):
    """Of a Transformer: causal attention, then two linear layers, each behind a layer norm."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, steps, width = x.shape
        parts = self.c_attn(self.ln_1(x)).split(width, dim=2)
        q, k, v = (part.view(batch, steps, self.heads, -1).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).reshape(batch, steps, width))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, vocabulary, positions, width, depth, heads):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.ln_f = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.wte.weight
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.02)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        return self.head(self.ln_f(self.blocks(x))).flatten(0, 1)


def labels(classes, *shape):
    return torch.randint(0, classes, shape)


# Each gives the network, its input, its target, its loss, and the optimizer with its settings.


def playground(batch, inputs, width):
    net = nn.Sequential(nn.Linear(inputs, width), nn.Sigmoid(), nn.Linear(width, 1))
    target = labels(2, batch, 1).float()
    return net, torch.randn(batch, inputs), target, F.binary_cross_entropy_with_logits, (torch.optim.SGD, {"lr": 0.03})


def mlp(batch, inputs, width, depth, classes):
    layers, last = [], inputs
    for _ in range(depth):
        layers += [nn.Linear(last, width), nn.ReLU()]
        last = width
    net = nn.Sequential(*layers, nn.Linear(last, classes))
    return net, torch.randn(batch, inputs), labels(classes, batch), F.cross_entropy, (torch.optim.Adam, {"lr": 1e-3})


def lenet(batch, channels, size, width, hidden, classes):
    pooled = size // 4
    net = nn.Sequential(
        nn.Conv2d(channels, width, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2 * width * pooled * pooled, hidden), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(hidden, classes))
    optimizer = torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
    return net, torch.randn(batch, channels, size, size), labels(classes, batch), F.cross_entropy, optimizer


def resnet18(batch, channels, size, width, classes):
    layers, last = [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()], width
    for out, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 2)):
        layers += [Basic(last, out, stride), Basic(out, out, 1)]
        last = out
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, classes))
    optimizer = torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}
    return net, torch.randn(batch, channels, size, size), labels(classes, batch), F.cross_entropy, optimizer


def gpt(batch, steps, vocabulary, width, depth, heads, positions=None, optimizer=None):
    net = Gpt(vocabulary, positions or steps, width, depth, heads)
    optimizer = optimizer or {"lr": 1e-3, "betas": (0.9, 0.99), "weight_decay": 0.1}
    tokens, target = labels(vocabulary, batch, steps), labels(vocabulary, batch * steps)
    return net, tokens, target, F.cross_entropy, (torch.optim.AdamW, optimizer)


def gpt2(**sizes):
    return gpt(**sizes, optimizer={"lr": 1e-4, "weight_decay": 0.01})


def vgg(batch, channels, size, width, depth, hidden, classes):
    layers, last = [], channels
    for stage, convolutions in enumerate(shapes.VGG[depth]):
        for _ in range(convolutions):
            out = width << min(stage, 3)
            layers += [nn.Conv2d(last, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
            last = out
        layers.append(nn.MaxPool2d(2))
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(last * (size // 32) ** 2, hidden), nn.ReLU(), nn.Dropout(),
                        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, classes))
    optimizer = torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}
    return net, torch.randn(batch, channels, size, size), labels(classes, batch), F.cross_entropy, optimizer


def unit(channels, out, kernel, stride=1, groups=1):
    """Convolution, batch norm and ReLU6."""
    return [nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out),
            nn.ReLU6()]


class Inverted(nn.Module):
    """A depthwise convolution between two pointwise ones, beside a shortcut where shapes allow."""

    def __init__(self, channels, out, stride, expansion):
        super().__init__()
        hidden = channels * expansion
        self.conv = nn.Sequential(*(unit(channels, hidden, 1) if expansion != 1 else []),
                                  *unit(hidden, hidden, 3, stride, hidden),
                                  nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out))
        self.shortcut = stride == 1 and channels == out

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


def mobilenet_v2(batch, channels, size, width, classes):
    first, blocks, features = shapes.mobilenet_v2(width)
    layers = unit(channels, first, 3, 2) + [Inverted(*block) for block in blocks] + unit(blocks[-1][1], features, 1)
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(features, classes))
    optimizer = torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 4e-5}
    return net, torch.randn(batch, channels, size, size), labels(classes, batch), F.cross_entropy, optimizer


class UNet(nn.Module):
    def __init__(self, channels, width, depth, classes):
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.down = nn.ModuleList(self.double(m, n) for m, n in zip([channels] + widths, widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, 2) for n in reversed(widths[:-1]))
        self.join = nn.ModuleList(self.double(2 * n, n) for n in reversed(widths[:-1]))
        self.last = nn.Conv2d(width, classes, 1)

    @staticmethod
    def double(channels, out):
        return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
                             nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU())

    def forward(self, x):
        seen = []
        for level, down in enumerate(self.down):
            x = down(F.max_pool2d(x, 2) if level > 0 else x)
            seen.append(x)
        seen.pop()
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([seen.pop(), up(x)], 1))
        return self.last(x)


def unet(batch, channels, size, width, depth, classes):
    data, target = torch.randn(batch, channels, size, size), labels(classes, batch, size, size)
    return UNet(channels, width, depth, classes), data, target, F.cross_entropy, (torch.optim.Adam, {"lr": 1e-3})


def autoencoder(batch, inputs, width, code):
    net = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, code), nn.Linear(code, width), nn.ReLU(),
                        nn.Linear(width, inputs), nn.Sigmoid())
    image = torch.randn(batch, inputs)
    return net, image, image, F.mse_loss, (torch.optim.Adam, {"lr": 1e-3})


class Vae(nn.Module):
    """Logits of the restored image, and the logarithm of the variance and the mean of its code."""

    def __init__(self, inputs, width, code):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, width), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(width, code), nn.Linear(width, code)
        self.decoder = nn.Sequential(nn.Linear(code, width), nn.ReLU(), nn.Linear(width, inputs))

    def forward(self, image):
        h = self.encoder(image)
        mean, log_variance = self.mean(h), self.log_variance(h)
        drawn = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(drawn), mean, log_variance


def vae(batch, **sizes):
    def loss(answer, image):
        logits, mean, log_variance = answer
        pixels = F.binary_cross_entropy_with_logits(logits, image, reduction="none").sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
        return (pixels + divergence).mean()

    image = torch.randn(batch, sizes["inputs"])
    return Vae(**sizes), image, image, loss, (torch.optim.Adam, {"lr": 1e-3})


class Lstm(nn.Module):
    def __init__(self, vocabulary, width, depth):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, depth, batch_first=True)
        self.fc = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        return self.fc(self.lstm(self.embedding(tokens))[0]).flatten(0, 1)


def lstm(batch, steps, vocabulary, width, depth):
    data, target = labels(vocabulary, batch, steps), labels(vocabulary, batch * steps)
    return Lstm(vocabulary, width, depth), data, target, F.cross_entropy, (torch.optim.Adam, {"lr": 1e-3})


class Classifier(nn.Module):
    def __init__(self, steps, vocabulary, width, hidden, depth, heads, classes):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.Sequential(
            *[nn.TransformerEncoderLayer(width, heads, hidden, 0.1, batch_first=True) for _ in range(depth)])
        for layer in self.layers:
            layer.self_attn.dropout = 0.0  # of the weights of attention; what comes from it is dropped all the same
        self.fc = nn.Linear(width, classes)
        self.register_buffer("positions", torch.from_numpy(shapes.sinusoids(steps, width)))

    def forward(self, tokens):
        return self.fc(self.layers(self.embedding(tokens) + self.positions).mean(1))


def transformer_encoder(batch, classes, **sizes):
    data, target = labels(sizes["vocabulary"], batch, sizes["steps"]), labels(classes, batch)
    return Classifier(classes=classes, **sizes), data, target, F.cross_entropy, (torch.optim.Adam, {"lr": 5e-4})


WORKLOADS = {"playground": playground, "mlp": mlp, "lenet": lenet, "resnet18": resnet18, "gpt": gpt, "chargpt": gpt,
             "gpt2": gpt2, "vgg": vgg, "mobilenet_v2": mobilenet_v2, "unet": unet, "autoencoder": autoencoder, "vae": vae,
             "lstm": lstm, "transformer_encoder": transformer_encoder}


def main():
    torch.set_num_threads(ARGUMENTS.threads)
    torch.manual_seed(1)
    net, data, target, loss, (optimizer, settings) = WORKLOADS[ARGUMENTS.workload](**ARGUMENTS.sizes)
    if ARGUMENTS.variant != "eager":
        settings["fused"] = True
        if data.dim() == 4:
            net, data = net.to(memory_format=torch.channels_last), data.to(memory_format=torch.channels_last)
    net.train()
    optimizer = optimizer(net.parameters(), **settings)

    def forward(data, target):
        with torch.autocast("cpu", torch.bfloat16, enabled=ARGUMENTS.precision == "bf16"):
            return loss(net(data), target)

    if ARGUMENTS.variant == "compile":
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = forward(data, target)
        value.backward()
        optimizer.step()
        return float(value.detach())

    first, seconds = peer.timed(step)
    peer.report(peer=f"torch {torch.__version__} {ARGUMENTS.variant}", workload=ARGUMENTS.workload,
                threads=ARGUMENTS.threads, **peer.measure(step, ARGUMENTS.seconds), compile_s=round(seconds, 3),
                parameters=sum(parameter.numel() for parameter in net.parameters()), loss=first)


main()
