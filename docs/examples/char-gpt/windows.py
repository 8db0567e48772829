#!/usr/bin/env python3
"""windows.py FILE...: what there is to learn of a text. Row i of x.npy is a window of 64 characters, row i of y.npy the
same window one character on: what follows each."""

import struct
import sys

STEPS, STRIDE = 64, 9

text = b"".join(open(name, "rb").read() for name in sys.argv[1:])
starts = range(0, len(text) - STEPS, STRIDE)
header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({len(starts)}, {STEPS}), }}".ljust(117) + "\n"
for name, shift in ("x.npy", 0), ("y.npy", 1):
    with open(name, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for start in starts:
            file.write(text[start + shift:start + shift + STEPS])
print(f"{len(text)} characters, {len(starts)} windows")
