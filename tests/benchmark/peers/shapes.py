"""Shapes of networks that take more than a line to tell, for both peers."""

import numpy as np

# Depth -> convolutions of each stage.
VGG = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

# (expansion, channels, blocks, stride of the first)
INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def scaled(channels, width):
    """Channels of the paper for a first convolution of `width` instead of 32: a multiple of 8, not below nine tenths."""
    wanted = channels * width / 32
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def mobilenet_v2(width):
    """Channels of the first convolution, blocks as (channels, out, stride, expansion), channels of the last convolution."""
    first = last = scaled(32, width)
    blocks = []
    for expansion, channels, count, stride in INVERTED:
        for number in range(count):
            out = scaled(channels, width)
            blocks.append((last, out, stride if number == 0 else 1, expansion))
            last = out
    return first, blocks, scaled(1280, max(width, 32))


def sinusoids(steps, width):
    angles = np.arange(steps)[:, None] * 10000.0 ** (-(np.arange(width) // 2 * 2) / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles)).astype(np.float32)
