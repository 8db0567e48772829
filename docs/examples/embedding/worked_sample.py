"""worked_sample.py LIBRARY: the worked sample of docs/examples/orange-blue through ctypes on `descent compile --emit shared`.

The structures are those of runtime/abi.h. Exit status 0 if every value is the one computed by hand.
"""

import ctypes as c
import itertools
import struct
import sys


class Tensor(c.Structure):
    _fields_ = [("name", c.c_char_p), ("dtype", c.c_int32), ("rank", c.c_int32), ("dims", c.POINTER(c.c_int64))]


class Input(c.Structure):
    _fields_ = [("tensor", Tensor), ("batch_axis", c.c_int32), ("normalization", c.c_int32), ("scale", c.c_double),
                ("column", c.c_char_p), ("index_limit", c.c_int64), ("lowest", c.c_double), ("highest", c.c_double)]


class Output(c.Structure):
    _fields_ = [("tensor", Tensor), ("kind", c.c_int32), ("batch_axis", c.c_int32)]


class Call(c.Structure):
    _fields_ = [("state", c.c_void_p), ("scratch", c.c_void_p), ("inputs", c.POINTER(c.c_void_p)),
                ("outputs", c.POINTER(c.c_void_p)), ("valid_rows", c.c_int64), ("executor", c.c_void_p),
                ("observer", c.c_void_p)]


class Entry(c.Structure):
    _fields_ = [("name", c.c_char_p), ("run", c.CFUNCTYPE(c.c_uint32, c.POINTER(Call))), ("batch", c.c_int64),
                ("input_count", c.c_int64), ("output_count", c.c_int64), ("inputs", c.POINTER(Input)),
                ("outputs", c.POINTER(Output)), ("fixed_scratch_bytes", c.c_int64), ("worker_scratch_bytes", c.c_int64),
                ("arena_bytes", c.c_int64), ("kernel_count", c.c_int64), ("flops", c.c_int64),
                ("assertion_count", c.c_int64), ("assertions", c.POINTER(c.c_char_p))]


class Slot(c.Structure):
    _fields_ = [("tensor", Tensor), ("kind", c.c_int32), ("trainable", c.c_int32), ("offset_bytes", c.c_int64),
                ("stored_bytes", c.c_int64), ("order", c.POINTER(c.c_int32))]


class Program(c.Structure):
    _fields_ = [("abi_version", c.c_int32), ("has_values", c.c_int32), ("name", c.c_char_p), ("model_hash", c.c_char_p),
                ("prediction_hash", c.c_char_p), ("target", c.c_char_p), ("compiler", c.c_char_p), ("cpu_is_supported", c.CFUNCTYPE(c.c_int32)),
                ("cpu_needs", c.c_char_p), ("state_bytes", c.c_int64), ("slot_count", c.c_int64),
                ("entry_count", c.c_int64), ("hyperparameter_count", c.c_int64), ("slots", c.POINTER(Slot)),
                ("entries", c.POINTER(Entry)), ("hyperparameters", c.c_void_p), ("keep_partial_batch", c.c_int64),
                ("weights", c.c_void_p), ("weights_bytes", c.c_int64), ("onnx", c.c_void_p)]


ABI_VERSION = 5
ALIGNMENT = 64


class Block:
    """Zeroed memory that is aligned as generated code wants it."""

    def __init__(self, size):
        self.memory = c.create_string_buffer(size + ALIGNMENT)
        self.address = -(-c.addressof(self.memory) // ALIGNMENT) * ALIGNMENT


class Model:
    def __init__(self, library, prefix):
        self.program = Program.in_dll(c.CDLL(library), f"{prefix}_program")
        if self.program.abi_version != ABI_VERSION or not self.program.cpu_is_supported():
            sys.exit(f"needs ABI {ABI_VERSION} and a CPU with {self.program.cpu_needs.decode()}")
        self.entries = {entry.name.decode(): entry for entry in self.program.entries[: self.program.entry_count]}
        self.slots = {slot.tensor.name.decode(): slot for slot in self.program.slots[: self.program.slot_count]}
        self.state = Block(self.program.state_bytes)
        self.memory = (c.c_char * self.program.state_bytes).from_address(self.state.address)

    def call(self, name, rows=0, **inputs):
        """Runs an entry point; tensors are lists of floats, by name; returns its outputs likewise."""
        entry = self.entries[name]
        scratch = Block(entry.fixed_scratch_bytes + entry.worker_scratch_bytes)
        names = [i.tensor.name.decode() for i in entry.inputs[: entry.input_count]]
        given = [(c.c_float * len(inputs[name]))(*inputs[name]) for name in names]
        outputs = {o.tensor.name.decode(): (c.c_float * elements(o.tensor))() for o in entry.outputs[: entry.output_count]}
        call = Call(self.state.address, scratch.address, addresses(given), addresses(outputs.values()), rows, None, None)
        status = entry.run(c.byref(call))
        if status:
            sys.exit(f"{name}: status {status}")
        return {name: list(values) for name, values in outputs.items()}

    def set(self, name, format, *values):
        """Row-major values of a tensor of the state."""
        slot = self.slots[name]
        for place, value in zip(places(slot), values, strict=True):
            struct.pack_into(f"<{format}", self.memory, slot.offset_bytes + place * struct.calcsize(format), value)

    def get(self, name, format):
        slot = self.slots[name]
        return [struct.unpack_from(f"<{format}", self.memory, slot.offset_bytes + place * struct.calcsize(format))[0]
                for place in places(slot)]


def addresses(arrays):
    return (c.c_void_p * max(1, len(arrays)))(*[c.addressof(array) for array in arrays])


def places(slot):
    """Where in memory the elements of a slot lie, in row-major order: memory axis i is axis order[i]."""
    dims = slot.tensor.dims[: slot.tensor.rank]
    order = slot.order[: len(dims)] if slot.order else range(len(dims))
    for index in itertools.product(*map(range, dims)):
        place = 0
        for axis in order:
            place = place * dims[axis] + index[axis]
        yield place


def elements(tensor):
    count = 1
    for size in tensor.dims[: tensor.rank]:
        count *= size
    return count


def main(library):
    model = Model(library, "no_bias")
    model.call("initialize")
    model.set("W1", "f", .1, -.2, .3, .4, .5, -.6)
    model.set("W2", "f", .7, -.8, .9)
    model.set("learning_rate", "d", .5)
    row = {"x": [1, 2], "y": [1]}
    values = {
        "prediction": (model.call("predict", rows=1, x=row["x"])["yhat"][0], .551277),
        "loss": (model.call("train_step", rows=1, **row)["loss"][0], .595518),
        "W1_12 after the step": (model.get("W1", "f")[1], -.238395),
        "loss after the step": (model.call("train_step", rows=1, **row)["loss"][0], .458218),
    }
    wrong = 0
    for name, (value, by_hand) in values.items():
        good = abs(value - by_hand) <= 2e-6
        wrong += not good
        print(f"{name:28} {value:10.6f}, by hand {by_hand:10.6f}{'' if good else '  WRONG'}")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
