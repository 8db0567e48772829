"""write_seeds.py FOLDER: small files of every kind that a trainer reads, for data_fuzz to start from."""

import gzip
import io
import json
import pathlib
import struct
import sys
import zipfile


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


FILES = {
    "header.csv": b"x1,x2,label\n1,2,a\n3.5,-4e-2,b\n",
    "quoted.csv": b'name;"0"\r\n"a ""b""";1\r\n"c\nd";0\r\n',
    "numbers.csv": b"1,2\n3,4\n",
    "u8.idx": idx(8, (2, 2, 1), bytes(4)),
    "f32.idx": idx(13, (3,), struct.pack(">3f", 1, 2, 3)),
    "f32.npy": npy("<f4", (2, 3), struct.pack("<6f", *range(6))),
    "big.npy": npy(">i8", (2, 1), struct.pack(">2q", -1, 1), fortran=True),
    "bool.npy": npy("|b1", (3,), bytes([0, 1, 1])),
    "stored.npz": npz(zipfile.ZIP_STORED),
    "deflated.npz": npz(zipfile.ZIP_DEFLATED),
    "u8.idx.gz": gzip.compress(idx(8, (2, 2, 1), bytes(4))),
    "w.safetensors": safetensors({}),
    "checkpoint.safetensors": safetensors({"descent.format": "1", "descent.checksum": "00000000"}),
    "line.json": b'{"event": "step", "loss": 1e-3, "names": ["a\\u00e9", null, true]}',
}

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
