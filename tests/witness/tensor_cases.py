"""Reductions, layout and indexing."""
import torch
import torch.nn.functional as F

from table import binary, case, unary

for name, function in [("sum", torch.sum), ("mean", torch.mean), ("max", torch.amax), ("min", torch.amin)]:
    unary(name, lambda x, f=function: f(x, dim=(0, 2)), "f64[2, 3, 2]", ", axes=[0, 2]")
    unary(name, lambda x, f=function: f(x, dim=1, keepdim=True), "f64[2, 3]", ", axes=[1], keepdims=true")
unary("argmax", lambda x: torch.argmax(x, dim=1), "f64[3, 4]", ", axis=1")

unary("reshape", lambda x: x.reshape(3, 2), "f64[2, 3]", ", shape=[3, 2]")
unary("transpose", lambda x: x.permute(2, 0, 1), "f64[2, 3, 2]", ", permutation=[2, 0, 1]")
unary("expand", lambda x: x.expand(2, 3, 4), "f64[3, 1]", ", shape=[2, 3, 4]")
case("concat(x0, x1, axis=1)", ["f64[2, 2]", "f64[2, 3]"], lambda a, b: torch.cat([a, b], 1))
unary("flip", lambda x: torch.flip(x, [1]), "f64[2, 3]", ", axes=[1]")
unary("slice", lambda x: x[1:3, 0:5:2], "f64[4, 5]", ", starts=[1, 0], stops=[3, 5], steps=[1, 2]")
unary("pad", lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), "f64[2, 2]", ", low=[0, 1], high=[1, 2], value=0.5")

case("gather(x0, x1, axis=1)", ["f64[3, 4]", "i64[3] 4"], lambda x, i: x[:, i])
case("one_hot(x0, depth=4, dtype=f64)", ["i64[5] 4"], lambda i: F.one_hot(i, 4).to(torch.float64))


# more reductions
unary("argmin", lambda x: torch.argmin(x, dim=1), "f64[3, 4]", ", axis=1")
unary("any", lambda x: torch.any(x, dim=1), "bool[3, 4]", ", axes=[1]")
unary("all", lambda x: torch.all(x, dim=0), "bool[3, 4]", ", axes=[0]")
unary("prod", lambda x: torch.prod(x, dim=1), "f64[3, 4]", ", axes=[1]")
unary("logsumexp", lambda x: torch.logsumexp(x, dim=(0, 2)), "f64[2, 3, 2]", ", axes=[0, 2]")
unary("var", lambda x: torch.var(x, dim=1), "f64[3, 4]", ", axes=[1]")
unary("var", lambda x: torch.var(x, dim=1, unbiased=False), "f64[3, 4]", ", axes=[1], correction=0")
unary("std", lambda x: torch.std(x, dim=0, keepdim=True), "f64[3, 4]", ", axes=[0], keepdims=true")
for p in [1, 2, 3]:
    unary("norm", lambda x, p=p: torch.linalg.vector_norm(x, p, dim=1), "f64[3, 4]", f", p={p}, axes=[1]")
unary("cumsum", lambda x: torch.cumsum(x, 1), "f64[3, 4]", ", axis=1")
unary("cumsum", lambda x: torch.flip(torch.cumsum(torch.flip(x, [0]), 0), [0]), "f64[3, 4]", ", axis=0, reverse=true")
unary("cumprod", lambda x: torch.cumprod(x, 1), "f64[3, 4]", ", axis=1")

# more layout
unary("squeeze", torch.squeeze, "f64[2, 1, 3]")
unary("unsqueeze", lambda x: x.unsqueeze(1), "f64[2, 3]", ", axes=[1]")
unary("flatten", lambda x: x.flatten(1), "f64[2, 3, 2]", ", start_axis=1")
case("split(x0, sizes=[1, 3], axis=1)", ["f64[2, 4]"], lambda x: torch.split(x, [1, 3], 1))
case("stack(x0, x1, axis=1)", ["f64[2, 3]", "f64[2, 3]"], lambda a, b: torch.stack([a, b], 1))
for mode, name in [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")]:
    unary("pad", lambda x, m=mode: F.pad(x, (2, 1), mode=m), "f64[1, 2, 4]", f", low=[0, 0, 2], high=[0, 0, 1], mode={name}")
unary("slice", lambda x: torch.flip(x, [0])[0:4:2], "f64[4, 2]", ", starts=[-1, 0], stops=[-5, 2], steps=[-2, 1]")
unary("tile", lambda x: x.repeat(2, 3), "f64[2, 2]", ", repeats=[2, 3]")
unary("roll", lambda x: torch.roll(x, (1, -1), (0, 1)), "f64[3, 3]", ", shifts=[1, -1], axes=[0, 1]")
unary("tril", lambda x: torch.tril(x, 1), "f64[3, 4]", ", diagonal=1")
unary("triu", lambda x: torch.triu(x, -1), "f64[3, 4]", ", diagonal=-1")
unary("diag", torch.diag, "f64[3]")
unary("diagonal", lambda x: torch.diagonal(x, 1), "f64[3, 4]", ", diagonal=1")
case("meshgrid(x0, x1)", ["f64[2]", "f64[3]"], lambda a, b: torch.meshgrid(a, b, indexing="ij"))
case("eye(rows=2, columns=3, dtype=f64)", [], lambda: torch.eye(2, 3, dtype=torch.float64))

# more indexing
binary("gather_elements", lambda x, i: torch.gather(x, 1, i), "f64[3, 4]", "i64[3, 2] 4", ", axis=1")
binary("index_select", lambda x, i: torch.index_select(x, 0, i), "f64[4, 2]", "i64[3] 4")
binary("take", torch.take, "f64[3, 4]", "i64[2, 3] 12")
binary("embedding", lambda w, i: F.embedding(i, w), "f64[5, 3]", "i64[2, 2] 5")
for mode in ["sum", "mean", "max"]:
    binary("embedding_bag", lambda w, i, m=mode: F.embedding_bag(i, w, mode=m), "f64[5, 3]", "i64[2, 3] 5", f", mode={mode}")
case("masked_fill(x0, x1, value=0.5)", ["f64[2, 3]", "bool[2, 3]"], lambda x, m: x.masked_fill(m, 0.5))
unary("top_k", lambda x: torch.topk(x, 2, dim=1), "f64[3, 4]", ", k=2, axis=1")
unary("sort", lambda x: torch.sort(x, dim=1), "f64[3, 4]", ", axis=1")
unary("argsort", lambda x: torch.argsort(x, dim=0, descending=True), "f64[4, 2]", ", axis=0, descending=true")
case("scatter(x0, x1, x2, axis=1, reduce=add)", ["f64[3, 4]", "i64[3, 2] 4", "f64[3, 2]"],
     lambda x, i, u: x.scatter_add(1, i, u))
