"""write_seeds.py FOLDER READER: small files for READER_fuzz to start from."""

import gzip
import io
import json
import pathlib
import struct
import sys
import zipfile
import zlib


def npy(descr, shape, values, fortran=False):
    head = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + values


def npz(compression):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("x.npy", npy("<f4", (2, 2), struct.pack("<4f", 1, 2, 3, 4)))
        archive.writestr("label.npy", npy("|u1", (2,), bytes([0, 1])))
    return file.getvalue()


def safetensors(metadata):
    head = {"w": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}}
    text = json.dumps({"__metadata__": metadata, **head} if metadata else head).encode()
    return struct.pack("<Q", len(text)) + text + struct.pack("<3f", 1, 2, 3)


def idx(kind, shape, values):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


def onnx_models():
    """Models of the importer's tests: name, model, then inputs and outputs, each with its size in front."""
    cases = gzip.decompress((pathlib.Path(__file__).parents[1] / "onnx/cases.bin.gz").read_bytes())
    models, at = {}, 0

    def number():
        nonlocal at
        at += 4
        return struct.unpack_from("<I", cases, at - 4)[0]

    def sized():
        nonlocal at
        size = number()
        at += size
        return cases[at - size:at]

    while at < len(cases):
        name = sized().decode()
        models[f"{name}.onnx"] = sized()
        for _ in range(2):
            for _ in range(number()):
                sized()
    return models


FILES = {
    "csv": {
        "header.csv": b"x1,x2,label\n1,2,a\n3.5,-4e-2,b\n",
        "quoted.csv": b'name;"0"\r\n"a ""b""";1\r\n"c\nd";0\r\n',
        "numbers.csv": b"1,2\n3,4\n",
    },
    "idx": {
        "u8.idx": idx(8, (2, 2, 1), bytes(4)),
        "i16.idx": idx(11, (2, 1), bytes(4)),
        "f32.idx": idx(13, (3,), struct.pack(">3f", 1, 2, 3)),
        "f64.idx": idx(14, (1, 1), struct.pack(">d", 1)),
    },
    "npy": {
        "f32.npy": npy("<f4", (2, 3), struct.pack("<6f", *range(6))),
        "big.npy": npy(">i8", (2, 1), struct.pack(">2q", -1, 1), fortran=True),
        "bool.npy": npy("|b1", (3,), bytes([0, 1, 1])),
        "f16.npy": npy("<f2", (), bytes(2)),
    },
    "npz": {"stored.npz": npz(zipfile.ZIP_STORED), "deflated.npz": npz(zipfile.ZIP_DEFLATED)},
    "gzip": {
        "u8.idx.gz": gzip.compress(idx(8, (2, 2, 1), bytes(4))),
        "two.gz": gzip.compress(b"1,2\n") + gzip.compress(b"3,4\n"),
        "raw": zlib.compress(bytes(1000))[2:-4],
    },
    "safetensors": {
        "w.safetensors": safetensors({}),
        "checkpoint.safetensors": safetensors({"descent.format": "1", "descent.checksum": "00000000"}),
    },
    "json": {
        "line.json": b'{"event": "step", "loss": 1e-3, "names": ["a\\u00e9", null, true]}',
        "nested.json": b"[[[], {}], [-0.5, 12, \"\\ud83d\\ude00\"]]",
    },
    "arguments": {
        "literal": b"[[1, -2.5e3], [inf, +4]]",
        "setting": b"optimizer=momentum",
        "pattern": b"W*.weight_decay=0.01",
        "passes": b"specialize(train_step),simplify,differentiate",
    },
}

if __name__ == "__main__":
    folder, reader = pathlib.Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (onnx_models() if reader == "onnx" else FILES[reader]).items():
        (folder / name).write_bytes(content)
