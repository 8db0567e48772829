"""What PyTorch is asked: a call in Descent's text form, its operands, and the same in PyTorch."""
import torch
import torch.nn.functional as F

CASES = []


def case(call, operands, function):
    CASES.append((call, operands, function))


def unary(name, function, operand="f64[2, 5]", attributes=""):
    case(f"{name}(x0{attributes})", [operand], function)


def binary(name, function, a="f64[2, 3]", b="f64[2, 3]", attributes=""):
    case(f"{name}(x0, x1{attributes})", [a, b], function)


POSITIVE = "f64[2, 5] 0.1 4"

# ---- elementwise ----
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

# ---- reductions ----
for name, function in [("sum", torch.sum), ("mean", torch.mean), ("max", torch.amax), ("min", torch.amin)]:
    unary(name, lambda x, f=function: f(x, dim=(0, 2)), "f64[2, 3, 2]", ", axes=[0, 2]")
    unary(name, lambda x, f=function: f(x, dim=1, keepdim=True), "f64[2, 3]", ", axes=[1], keepdims=true")
unary("argmax", lambda x: torch.argmax(x, dim=1), "f64[3, 4]", ", axis=1")

# ---- contractions ----
binary("matmul", torch.matmul, "f64[2, 3]", "f64[3, 4]")
binary("matmul", torch.matmul, "f64[2, 2, 3]", "f64[3, 2]")
binary("matmul", lambda a, b: a.T @ b.T, "f64[3, 2]", "f64[4, 3]", ", transpose_a=true, transpose_b=true")
binary("conv2d", lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 0)), "f64[1, 2, 4, 4]", "f64[2, 2, 3, 2]",
       ", stride=[2, 1], padding=[1, 0, 1, 0]")
binary("conv2d", lambda x, w: F.conv2d(x, w, groups=2, dilation=2), "f64[1, 2, 4, 4]", "f64[2, 1, 2, 2]",
       ", dilation=[2, 2], groups=2")

# ---- layout ----
unary("reshape", lambda x: x.reshape(3, 2), "f64[2, 3]", ", shape=[3, 2]")
unary("transpose", lambda x: x.permute(2, 0, 1), "f64[2, 3, 2]", ", permutation=[2, 0, 1]")
unary("expand", lambda x: x.expand(2, 3, 4), "f64[3, 1]", ", shape=[2, 3, 4]")
case("concat(x0, x1, axis=1)", ["f64[2, 2]", "f64[2, 3]"], lambda a, b: torch.cat([a, b], 1))
unary("flip", lambda x: torch.flip(x, [1]), "f64[2, 3]", ", axes=[1]")
unary("slice", lambda x: x[1:3, 0:5:2], "f64[4, 5]", ", starts=[1, 0], stops=[3, 5], steps=[1, 2]")
unary("pad", lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), "f64[2, 2]", ", low=[0, 1], high=[1, 2], value=0.5")

# ---- windows ----
IMAGE = "f64[1, 2, 4, 4]"
unary("max_pool2d", lambda x: F.max_pool2d(x, 2, 2), IMAGE, ", kernel=[2, 2]")
unary("max_pool2d", lambda x: F.max_pool2d(x, 3, 1, 1), IMAGE, ", kernel=[3, 3], stride=[1, 1], padding=[1, 1, 1, 1]")
unary("avg_pool2d", lambda x: F.avg_pool2d(x, 2, 1), IMAGE, ", kernel=[2, 2], stride=[1, 1]")

# ---- activations, losses, normalization ----
for name, function in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
    unary(name, lambda x, f=function: f(x, dim=1), "f64[3, 4]")
    unary(name, lambda x, f=function: f(x, dim=0), "f64[3, 4]", ", axis=0")
for reduction in ["mean", "sum", "none"]:
    attribute = f", reduction={reduction}"
    binary("mse", lambda p, y, r=reduction: F.mse_loss(p, y, reduction=r), "f64[3, 2]", "f64[3, 2]", attribute)
    binary("cross_entropy", lambda z, y, r=reduction: F.cross_entropy(z, y, reduction=r), "f64[3, 4]", "i64[3] 4",
           attribute)

# ---- indexing ----
case("gather(x0, x1, axis=1)", ["f64[3, 4]", "i64[3] 4"], lambda x, i: x[:, i])
case("one_hot(x0, depth=4, dtype=f64)", ["i64[5] 4"], lambda i: F.one_hot(i, 4).to(torch.float64))

# ---- optimizers ----
OPTIMIZERS = [
    ("sgd(learning_rate=0.05)", lambda p: torch.optim.SGD(p, lr=0.05)),
    ("momentum(learning_rate=0.02)", lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
    ("nesterov(learning_rate=0.02, momentum=0.8)", lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8, nesterov=True)),
    ("adam(learning_rate=0.1)", lambda p: torch.optim.Adam(p, lr=0.1)),
    ("adamw(learning_rate=0.1)", lambda p: torch.optim.AdamW(p, lr=0.1)),
    ("rmsprop(learning_rate=0.01)", lambda p: torch.optim.RMSprop(p, lr=0.01)),
    ("adagrad(learning_rate=0.5)", lambda p: torch.optim.Adagrad(p, lr=0.5)),
]
