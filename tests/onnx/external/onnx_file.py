"""As much of ONNX's protobuf files as cases need: tensors, the inputs of a graph, the operands of its nodes.

Field numbers are those of onnx.proto. A message that is appended to another merges with it, so a model gets an
initializer by writing behind its end.
"""

import pathlib

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# TensorProto.DataType; the bits of bfloat16 stand as NumPy has no such type.
DTYPES = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8", 12: "<u4", 13: "<u8",
    16: "<u2",
}
BFLOAT16 = 16
# Numbers that are narrower than the field that holds them.
IN_INT32 = {2, 3, 4, 5, 6, 9, 10, BFLOAT16}


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Number, wire type and value of every field of a message, in order."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        wire = key & 7
        if wire == VARINT:
            value, at = read_varint(data, at)
        else:
            if wire == BYTES:
                length, at = read_varint(data, at)
            else:
                length = {FIXED64: 8, FIXED32: 4}[wire]
            value = data[at : at + length]
            at += length
        yield key >> 3, wire, value


def varint(number):
    head = bytearray()
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(head) + bytes([number])


def field(number, content):
    """A message or text as a field of another."""
    return bytes([number << 3 | BYTES]) + varint(len(content)) + content


def integers(wire, value):
    """Of a repeated field, packed or not; negative numbers are written as 64 bits."""
    numbers, at = [] if wire == BYTES else [value], 0
    while wire == BYTES and at < len(value):
        number, at = read_varint(value, at)
        numbers.append(number)
    return [number - (1 << 64) if number >> 63 else number for number in numbers]


def texts(message, number):
    return [value.decode() for key, _, value in fields(message) if key == number]


class UnknownType(Exception):
    pass


def read_tensor(data):
    """The array of a TensorProto, and its data type."""
    shape, dtype, raw, floats, numbers = [], 0, None, b"", []
    for number, wire, value in fields(data):
        if number == 1:
            shape += integers(wire, value)
        elif number == 2:
            dtype = value
        elif number in (4, 10):  # float_data, double_data
            floats += value
        elif number in (5, 7, 11):  # int32_data, int64_data, uint64_data
            numbers += integers(wire, value)
        elif number == 9:
            raw = value
    if dtype not in DTYPES:
        raise UnknownType(f"data type {dtype}")
    if raw is None and numbers:
        wide = np.array([number % (1 << 64) for number in numbers], np.uint64)
        # The lower bits are the number, or the pattern of a 16-bit float.
        raw = wide.astype(f"<u{np.dtype(DTYPES[dtype]).itemsize}").tobytes()
    return np.frombuffer(floats if raw is None else raw, DTYPES[dtype]).reshape(shape), dtype


def write_tensor(array):
    dtype = next(number for number, name in DTYPES.items() if np.dtype(name) == array.dtype)
    shape = b"".join(bytes([1 << 3]) + varint(extent) for extent in array.shape)
    return shape + bytes([2 << 3]) + varint(dtype) + field(9, array.tobytes())


class Model:
    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        self.graph = b"".join(value for number, _, value in fields(self.data) if number == 7)
        parts = [(number, value) for number, _, value in fields(self.graph)]
        initializers = {texts(value, 8)[0] for number, value in parts if number == 5}
        named = [texts(value, 1)[0] for number, value in parts if number == 11]
        # Until version 4 of the format, initializers stood among the inputs, too.
        self.inputs = [name for name in named if name not in initializers]

    def nodes(self, operator):
        """Names of the operands of every node of this operator."""
        nodes = [value for number, _, value in fields(self.graph) if number == 1]
        return [texts(node, 1) for node in nodes if texts(node, 4) == [operator]]

    def with_constants(self, tensors):
        """The model with TensorProtos in place of the inputs of these names."""
        named = [field(5, tensor + field(8, name.encode())) for name, tensor in tensors.items()]
        return self.data + field(7, b"".join(named))
