"""The table of cases: what every module of cases adds to, in order."""

CASES = []


def case(call, operands, function):
    """A call in Descent's text form on operands x0, x1, ..., and the same in PyTorch."""
    CASES.append((call, operands, function))


def unary(name, function, operand="f64[2, 5]", attributes=""):
    case(f"{name}(x0{attributes})", [operand], function)


def binary(name, function, a="f64[2, 3]", b="f64[2, 3]", attributes=""):
    case(f"{name}(x0, x1{attributes})", [a, b], function)
