"""Contractions, windows, normalization, losses, attention."""
import torch
import torch.nn.functional as F

from table import binary, case, unary

binary("matmul", torch.matmul, "f64[2, 3]", "f64[3, 4]")
binary("matmul", torch.matmul, "f64[2, 2, 3]", "f64[3, 2]")
binary("matmul", lambda a, b: a.T @ b.T, "f64[3, 2]", "f64[4, 3]", ", transpose_a=true, transpose_b=true")
binary("conv2d", lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 0)), "f64[1, 2, 4, 4]", "f64[2, 2, 3, 2]",
       ", stride=[2, 1], padding=[1, 0, 1, 0]")
binary("conv2d", lambda x, w: F.conv2d(x, w, groups=2, dilation=2), "f64[1, 2, 4, 4]", "f64[2, 1, 2, 2]",
       ", dilation=[2, 2], groups=2")

IMAGE = "f64[1, 2, 4, 4]"
unary("max_pool2d", lambda x: F.max_pool2d(x, 2, 2), IMAGE, ", kernel=[2, 2]")
unary("max_pool2d", lambda x: F.max_pool2d(x, 3, 1, 1), IMAGE, ", kernel=[3, 3], stride=[1, 1], padding=[1, 1, 1, 1]")
unary("avg_pool2d", lambda x: F.avg_pool2d(x, 2, 1), IMAGE, ", kernel=[2, 2], stride=[1, 1]")

for name, function in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
    unary(name, lambda x, f=function: f(x, dim=1), "f64[3, 4]")
    unary(name, lambda x, f=function: f(x, dim=0), "f64[3, 4]", ", axis=0")
for reduction in ["mean", "sum", "none"]:
    attribute = f", reduction={reduction}"
    binary("mse", lambda p, y, r=reduction: F.mse_loss(p, y, reduction=r), "f64[3, 2]", "f64[3, 2]", attribute)
    binary("cross_entropy", lambda z, y, r=reduction: F.cross_entropy(z, y, reduction=r), "f64[3, 4]", "i64[3] 4",
           attribute)


# more contractions
case("linear(x0, x1, x2)", ["f64[3, 4]", "f64[2, 4]", "f64[2]"], F.linear)
binary("matmul", torch.matmul, "f64[3]", "f64[3]")
binary("matmul", torch.matmul, "f64[2, 2, 3]", "f64[3]")
binary("outer", torch.outer, "f64[3]", "f64[4]")
for equation, shapes in [("ij,jk->ik", ["f64[2, 3]", "f64[3, 2]"]), ("ii->i", ["f64[3, 3]"]),
                         ("bij,bjk,kl->bil", ["f64[2, 2, 3]", "f64[2, 3, 2]", "f64[2, 2]"]), ("ij->", ["f64[2, 3]"])]:
    case(f"einsum({', '.join(f'x{i}' for i in range(len(shapes)))}, equation=\"{equation}\")", shapes,
         lambda *x, e=equation: torch.einsum(e, *x))
binary("conv1d", lambda x, w: F.conv1d(x, w, stride=2, padding=1), "f64[2, 2, 5]", "f64[3, 2, 3]", ", stride=[2], padding=[1, 1]")
binary("conv3d", F.conv3d, "f64[1, 2, 3, 3, 3]", "f64[2, 2, 2, 2, 2]")
binary("conv_transpose1d", lambda x, w: F.conv_transpose1d(x, w, stride=2), "f64[1, 2, 4]", "f64[2, 3, 3]", ", stride=[2]")
binary("conv_transpose2d", lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1), "f64[1, 2, 3, 3]", "f64[2, 2, 3, 3]",
       ", stride=[2, 2], padding=[1, 1, 1, 1]")

# more windows
unary("max_pool1d", lambda x: F.max_pool1d(x, 2, 2), "f64[2, 2, 6]", ", kernel=[2]")
unary("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 1), "f64[2, 2, 6]", ", kernel=[3], stride=[1]")
unary("max_pool3d", lambda x: F.max_pool3d(x, 2, 1), "f64[1, 1, 3, 3, 3]", ", kernel=[2, 2, 2], stride=[1, 1, 1]")
unary("avg_pool3d", lambda x: F.avg_pool3d(x, 2, 1), "f64[1, 1, 3, 3, 3]", ", kernel=[2, 2, 2], stride=[1, 1, 1]")
unary("max_pool2d", lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True), "f64[1, 1, 5, 5]", ", kernel=[2, 2], ceil_mode=true")
unary("avg_pool2d", lambda x: F.avg_pool2d(x, 2, 2, 1, count_include_pad=False), IMAGE,
      ", kernel=[2, 2], padding=[1, 1, 1, 1], count_include_pad=false")
unary("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), "f64[1, 2, 5, 4]", ", size=[3, 2]")
unary("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 2)), "f64[1, 2, 5, 4]", ", size=[3, 2]")
unary("global_avg_pool", lambda x: x.mean((2, 3), keepdim=True), IMAGE)
unary("global_max_pool", lambda x: x.amax((2, 3), keepdim=True), IMAGE)
unary("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), "f64[1, 4, 2, 2]", ", factor=2")
unary("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), "f64[1, 1, 4, 4]", ", factor=2")
unary("local_response_norm", lambda x: F.local_response_norm(x, 3, 0.1), "f64[1, 4, 2, 2]", ", size=3, alpha=0.1")
unary("resize", lambda x: F.interpolate(x, (6, 5), mode="bilinear"), IMAGE, ", sizes=[6, 5], mode=linear, coordinates=half_pixel")
unary("resize", lambda x: F.interpolate(x, (6, 5), mode="bicubic", align_corners=True), IMAGE,
      ", sizes=[6, 5], mode=cubic, coordinates=align_corners")
unary("resize", lambda x: F.interpolate(x, (6, 5), mode="nearest"), IMAGE, ", sizes=[6, 5], mode=nearest, coordinates=asymmetric")
GRID = "f64[1, 3, 2, 2] -1.8 1.8"
for mode in ["nearest", "linear", "cubic"]:
    for padding in ["zeros", "border", "reflection"]:
        for coordinates in ["half_pixel", "align_corners"]:
            torch_mode = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}[mode]
            binary("grid_sample", lambda x, g, m=torch_mode, p=padding, a=coordinates == "align_corners":
                   F.grid_sample(x, g, m, p, align_corners=a), IMAGE, GRID,
                   f", mode={mode}, padding_mode={padding}, coordinates={coordinates}")
ENDS = "f64[1, 1, 4, 2] = -1 0.3 0.4 -1 1 -0.2 0.1 1"
binary("grid_sample", lambda x, g: F.grid_sample(x, g, padding_mode="border", align_corners=True), "f64[1, 2, 4, 5]", ENDS,
       ", padding_mode=border, coordinates=align_corners")
binary("grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False), "f64[2, 1, 2, 3, 2]", "f64[2, 1, 2, 2, 3] -1.2 1.2")

# normalization
case("layer_norm(x0, x1, x2)", ["f64[3, 4]", "f64[4]", "f64[4]"], lambda x, s, b: F.layer_norm(x, (4,), s, b))
case("group_norm(x0, x1, x2, groups=2)", ["f64[2, 4, 3]", "f64[4]", "f64[4]"], lambda x, s, b: F.group_norm(x, 2, s, b))
case("instance_norm(x0, x1, x2)", ["f64[2, 2, 4]", "f64[2]", "f64[2]"], lambda x, s, b: F.instance_norm(x, weight=s, bias=b))
case("rms_norm(x0, x1, epsilon=1e-06)", ["f64[3, 4]", "f64[4]"],
     lambda x, s: x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * s)
unary("l2_normalize", lambda x: F.normalize(x, dim=1), "f64[3, 4]", ", axes=[1]")

# losses
PROBABILITY = "f64[3, 2] 0.1 0.9"
for reduction in ["mean", "sum", "none"]:
    attribute = f", reduction={reduction}"
    binary("mae", lambda p, y, r=reduction: F.l1_loss(p, y, reduction=r), attributes=attribute)
    binary("huber", lambda p, y, r=reduction: F.huber_loss(p, y, reduction=r, delta=0.8), attributes=attribute + ", delta=0.8")
    binary("smooth_l1", lambda p, y, r=reduction: F.smooth_l1_loss(p, y, reduction=r, beta=0.8), attributes=attribute + ", beta=0.8")
    binary("bce", lambda p, y, r=reduction: F.binary_cross_entropy(p, y, reduction=r), PROBABILITY, PROBABILITY,
           attribute)
    binary("kl_div", lambda p, y, r=reduction: F.kl_div(p, y, reduction=r), "f64[3, 2] -3 -0.1", PROBABILITY, attribute)
    binary("nll", lambda p, y, r=reduction: F.nll_loss(p, y, reduction=r), "f64[3, 4] -3 -0.1", "i64[3] 4", attribute)
    binary("poisson_nll", lambda p, y, r=reduction: F.poisson_nll_loss(p, y, reduction=r), "f64[3, 2]", "f64[3, 2] 0.2 3", attribute)
    case(f"gaussian_nll(x0, x1, x2{attribute})", ["f64[3, 2]", "f64[3, 2]", "f64[3, 2] 0.2 2"],
         lambda p, y, v, r=reduction: F.gaussian_nll_loss(p, y, v, reduction=r))
    case(f"triplet_margin(x0, x1, x2{attribute})", ["f64[3, 4]", "f64[3, 4]", "f64[3, 4]"],
         lambda a, p, n, r=reduction: F.triplet_margin_loss(a, p, n, reduction=r))
    case(f"cosine_embedding(x0, x1, x2{attribute})", ["f64[3, 4]", "f64[3, 4]", "f64[3] = 1 -1 1"],
         lambda a, b, y, r=reduction: F.cosine_embedding_loss(a, b, y, reduction=r))
case("cross_entropy(x0, x1, label_smoothing=0.1)", ["f64[3, 4]", "i64[3] 4"], lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1))
case("cross_entropy(x0, x1, ignore_index=1)", ["f64[4, 3]", "i64[4] = 0 1 2 1"], lambda z, y: F.cross_entropy(z, y, ignore_index=1))

# attention
QKV = ["f64[1, 2, 3, 4]", "f64[1, 2, 5, 4]", "f64[1, 2, 5, 2]"]


def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, -1) @ v, torch.logsumexp(scores, -1)


case("scaled_dot_product_attention(x0, x1, x2)", QKV, attention)
SQUARE = ["f64[1, 2, 3, 4]"] * 3
case("scaled_dot_product_attention(x0, x1, x2, causal=true)", SQUARE,
     lambda q, k, v: attention(q, k, v, torch.tril(torch.ones(3, 3, dtype=torch.bool))))
