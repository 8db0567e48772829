"""Elementwise operators and activations."""
import torch
import torch.nn.functional as F

from table import binary, case, unary

POSITIVE = "f64[2, 5] 0.1 4"

for name in ["neg", "abs", "sign", "floor", "square", "exp", "sin", "cos", "tanh", "sigmoid", "relu"]:
    unary(name, getattr(torch, name))
for name in ["sqrt", "log"]:
    unary(name, getattr(torch, name), POSITIVE)
unary("leaky_relu", lambda x: F.leaky_relu(x, 0.2), attributes=", slope=0.2")
for name in ["add", "sub", "mul", "minimum", "maximum"]:
    binary(name, getattr(torch, name), b="f64[3]")
binary("div", torch.div, b="f64[2, 1] 0.5 3")
binary("pow", torch.pow, "f64[2, 3] 0.5 3", "f64[2, 3]")
for name, function in [("equal", torch.eq), ("not_equal", torch.ne), ("less", torch.lt), ("less_equal", torch.le),
                       ("greater", torch.gt), ("greater_equal", torch.ge)]:
    binary(name, function)
    binary(name, function, "i64[3, 4] 3", "i64[4] 3")
binary("logical_and", torch.logical_and, "bool[6]", "bool[6]")
binary("logical_or", torch.logical_or, "bool[6]", "bool[6]")
unary("logical_not", torch.logical_not, "bool[6]")
case("where(x0, x1, x2)", ["bool[2, 3]", "f64[2, 3]", "f64[3]"], torch.where)
unary("cast", lambda x: x.to(torch.int64), attributes=", to=i64")


# rounding, remainders, elementary functions
for name in ["ceil", "round", "trunc", "exp2", "expm1", "sinh", "cosh", "asinh", "erf", "erfc", "atan"]:
    unary(name, getattr(torch, name))
for name in ["log2", "log1p", "rsqrt", "reciprocal"]:
    unary(name, getattr(torch, name), POSITIVE)
unary("tan", torch.tan, "f64[2, 5] -1.4 1.4")
for name in ["asin", "acos", "atanh"]:
    unary(name, getattr(torch, name), "f64[2, 5] -0.9 0.9")
unary("acosh", torch.acosh, "f64[2, 5] 1.1 4")
binary("atan2", torch.atan2)
binary("fmod", torch.fmod, "f64[2, 3] -5 5", "f64[3] 0.7 2")
binary("remainder", torch.remainder, "f64[2, 3] -5 5", "f64[3] 0.7 2")
unary("clamp", lambda x: torch.clamp(x, -0.5, 1.0), attributes=", low=-0.5, high=1")

# bits
for name in ["bitwise_and", "bitwise_or", "bitwise_xor"]:
    binary(name, getattr(torch, name), "i64[6] 9", "i64[6] 9")
unary("bitwise_not", torch.bitwise_not, "i64[6] 9")
binary("shift_left", torch.bitwise_left_shift, "i64[6] 9", "i64[6] 5")
binary("shift_right", torch.bitwise_right_shift, "i64[6] 90", "i64[6] 5")
binary("logical_xor", torch.logical_xor, "bool[6]", "bool[6]")
for name, function in [("is_nan", torch.isnan), ("is_inf", torch.isinf), ("is_finite", torch.isfinite)]:
    unary(name, function, "f64[4] = nan inf -inf 1")

# activations
for name, function in [("relu6", F.relu6), ("selu", F.selu), ("silu", F.silu), ("mish", F.mish),
                       ("softplus", F.softplus), ("softsign", F.softsign),
                       ("hard_swish", F.hardswish), ("hard_tanh", F.hardtanh), ("log_sigmoid", F.logsigmoid)]:
    unary(name, function, "f64[2, 5] -4 4")
unary("elu", lambda x: F.elu(x, 0.7), attributes=", alpha=0.7")
# F.hardsigmoid and F.celu keep 1 / 6 and 1 / alpha as f32.
unary("hard_sigmoid", lambda x: torch.clamp(x / 6 + 0.5, 0, 1), "f64[2, 5] -4 4")
unary("celu", lambda x: F.celu(x, 0.5), attributes=", alpha=0.5")
unary("gelu", F.gelu)
unary("gelu", lambda x: F.gelu(x, approximate="tanh"), attributes=", approximate=tanh")
unary("softplus", lambda x: F.softplus(x, 2.0), attributes=", beta=2")
unary("thresholded_relu", lambda x: F.threshold(x, 0.5, 0.0), attributes=", alpha=0.5")
unary("glu", F.glu, "f64[3, 4]")
unary("geglu", lambda x: (lambda a, b: a * F.gelu(b))(*x.chunk(2, -1)), "f64[3, 4]")
unary("swiglu", lambda x: (lambda a, b: a * F.silu(b))(*x.chunk(2, -1)), "f64[3, 4]")
binary("prelu", F.prelu, "f64[2, 3, 2]", "f64[3] 0.1 0.9")
unary("softmin", lambda x: F.softmin(x, dim=1), "f64[3, 4]")
