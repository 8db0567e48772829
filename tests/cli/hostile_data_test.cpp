// Data files, weights and checkpoints that lie, given to a compiled trainer and to the command:
// refused in little memory and time.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/limited.h"

namespace descent::test {
namespace {

/// Writes each hostile file; sizes are lies unless the name says otherwise.
constexpr const char* kFiles = R"(
import gzip, json, pathlib, struct, zipfile

def npy(descr, shape, values, fortran=False):
    head = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + values
def idx(kind, shape, values):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values
def npz(name, method, sizes, **members):
    with zipfile.ZipFile(name, "w", method) as archive:
        for member, content in members.items(): archive.writestr(member + ".npy", content)
    content = bytearray(pathlib.Path(name).read_bytes())
    at = content.rfind(b"PK\x01\x02")  # the last member's sizes in the directory
    if sizes: content[at + 20:at + 28] = struct.pack("<2I", *sizes)
    pathlib.Path(name).write_bytes(content)
def tensors(head, data):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(head)) + head + data
def w(shape, offsets, dtype="F32"): return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}

rows = struct.pack("<6f", *range(6))
big = 2**62
for name, content in {
    "huge.idx": idx(13, (2**32 - 1, 2**32 - 1), rows),
    "wraps.idx": idx(14, (2**31, 2**31, 2), rows),
    "rank.idx": idx(8, (1,) * 200, b"\0"),
    "short.idx": idx(13, (3, 2), rows[:-1]),
    "long.idx": idx(13, (3, 2), rows + b"\0"),
    "head.idx": b"\0\0\x0d\x02\0\0",
    "huge.npy": npy("<f4", (2**40, 2**20), rows),
    "wraps.npy": npy("<f4", (big, 4), rows),
    "beyond.npy": npy("<f4", (10**30, 2), rows),
    "negative.npy": npy("<f4", (-3, 2), rows),
    "short.npy": npy("<f4", (3, 3), rows),
    "object.npy": npy("|O", (3, 2), rows),
    "header.npy": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{'descr': '<f4'",
    "deep.npy": npy("<f4", "(" * 60, rows),
    "huge.csv": b"a,b,y\n" + b"1," * 1000000 + b"1\n",
    "ragged.csv": b"a,b,y\n1,2,0\n1,2\n",
    "ragged_more.csv": b"a,b,y\n1,2,0\n1,2,3,0\n",
    "text.csv": b"a,b,y\n1,red,0\n",
    "quote.csv": b"a,b,y\n1,\"2,0\n" + b"3,4,1\n" * 100000,
    "nul.csv": b"a,b,y\n1,\0,0\n",
    "infinite.csv": b"a,b,y\n1,1e999,0\n",
    "missing.csv": b"a,b,y\n1,,0\n",
    "class.csv": b"a,b,y\n1,2,0\n1,2,7\n",
    "negative_class.csv": b"a,b,y\n1,2,0\n1,2,-1\n",
    "half_class.csv": b"a,b,y\n1,2,0\n1,2,0.5\n",
    "huge_class.csv": b"a,b,y\n1,2,0\n1,2,9223372036854775808\n",
    "names.csv": b"a,b,y\n" + b"".join(b"1,2,class%d\n" % i for i in range(5)),
    "empty.csv": b"",
    "head.csv": b"a,b,y\n",
    "cut.csv.gz": gzip.compress(b"a,b,y\n1,2,0\n" * 1000)[:40],
    "wrong.csv.gz": gzip.compress(b"a,b,y\n1,2,0\n")[:-8] + bytes(8),
    "empty.csv.gz": b"\x1f\x8b",
    "head.safetensors": struct.pack("<Q", 2**63) + b"{}",
    "head_wraps.safetensors": struct.pack("<Q", 2**64 - 1) + b"{}",
    "cut.safetensors": b"\0\0\0",
    "deep.safetensors": tensors(b"[" * 100000, b""),
    "outside.safetensors": tensors(w([2, 3], [0, 2**40]), bytes(24)),
    "wraps.safetensors": tensors(w([big, 4], [0, 24]), bytes(24)),
    "negative.safetensors": tensors(w([-2, 3], [0, 24]), bytes(24)),
    "backwards.safetensors": tensors(w([2, 3], [24, 0]), bytes(24)),
    "overlap.safetensors": tensors({**w([2, 3], [0, 24]), "v": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(24)),
    "shape.safetensors": tensors(w([3, 2], [0, 24]), bytes(24)),
    "other.safetensors": tensors({"v": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]}}, bytes(24)),
    "text.safetensors": b"<html>" * 10,
    "good.safetensors": tensors(w([2, 3], [0, 24]), bytes(24)),
}.items():
    pathlib.Path(name).write_bytes(content)
npz("sizes.npz", zipfile.ZIP_STORED, (2**31, 2**31), x=npy("<f4", (3, 2), rows))
npz("inflated.npz", zipfile.ZIP_DEFLATED, (100, 2**31), x=npy("<f4", (3, 2), rows))
npz("object.npz", zipfile.ZIP_DEFLATED, None, x=npy("|O", (3, 2), rows))
npz("rows.npz", zipfile.ZIP_STORED, None, x=npy("<f4", (3, 2), rows), y=npy("<i8", (2,), bytes(16)))
npz("class.npz", zipfile.ZIP_STORED, None, x=npy("<f4", (3, 2), rows), y=npy("<i8", (3,), struct.pack("<3q", 0, 1, 3)))
pathlib.Path("notes.npz").write_bytes(b"PK\x05\x06" + bytes(18))
pathlib.Path("directory.npz").write_bytes(b"PK\x05\x06" + bytes(6) + struct.pack("<HII", 65535, 2**32 - 2, 2**32 - 2) + bytes(2))
)";

/// The bomb that is asked for: 3 GiB out of a few megabytes. A piece is compressed once, so that it
/// ends with a byte and depends on nothing before it, and repeated.
constexpr const char* kBombs = R"(
import pathlib, struct, sys, zlib

def pieces(piece, before=b""):
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = pack.compress(before) + pack.flush(zlib.Z_FULL_FLUSH) if before else b""
    one = pack.compress(piece) + pack.flush(zlib.Z_FULL_FLUSH)
    return first + one * ((3 << 30) // len(piece)) + pack.flush()
def gz(deflated): return b"\x1f\x8b\x08" + bytes(7) + deflated + bytes(8)
def npz(deflated):
    sizes = struct.pack("<IIIHH", 0, len(deflated), 3 << 30, 5, 0)
    local = b"PK\x03\x04" + struct.pack("<5H", 20, 0, 8, 0, 0) + sizes + b"x.npy" + deflated
    entry = b"PK\x01\x02" + struct.pack("<6H", 20, 20, 0, 8, 0, 0) + sizes + bytes(14) + b"x.npy"
    return local + entry + b"PK\x05\x06" + struct.pack("<4HIIH", 0, 0, 1, 1, len(entry), len(local), 0)

zeros = bytes(1 << 20)
pathlib.Path(sys.argv[1]).write_bytes({
    "bomb.csv.gz": lambda: gz(pieces(zeros)),
    "rows.csv.gz": lambda: gz(pieces(b"1,2,0\n" * (1 << 18), b"a,b,y\n")),
    "row.csv.gz": lambda: gz(pieces(b"1," * (1 << 19))),
    "bomb.idx.gz": lambda: gz(pieces(zeros, bytes([0, 0, 8, 2]) + struct.pack(">2I", 3 << 29, 2))),
    "bomb.npz": lambda: npz(pieces(zeros)),
}[sys.argv[1]]())
)";

/// Two numbers and one of three classes.
const std::string kModel = ModelText(
    "  batch 2\n  input x: f32[batch, 2] from features\n  input y: i64[batch] from label\n"
    "  parameter w: f32[2, 3] = zeros\n  z = matmul(x, w)\n  p = softmax(z)\n"
    "  loss = cross_entropy(z, y)\n  predict p as probabilities\n"
    "  train loss with sgd(learning_rate=0.1)\n");

/// The folder with the trainer and all files, made once.
const Shell& Folder() {
  static const auto* folder = [] {
    auto* shell = new Shell;
    shell->Write("net.descent", kModel);
    shell->Write("files.py", kFiles);
    const Outcome made = shell->Run(
        "python3 files.py && descent compile -q net.descent -o trainer && "
        "printf 'a,b,y\\n1,2,0\\n3,4,2\\n' >good.csv");
    EXPECT_EQ(made.status, 0) << made.out << made.err;
    return shell;
  }();
  return *folder;
}

struct Lie {
  std::string data;  ///< --data
  std::vector<std::string> words;
};

void ExpectRefused(const std::string& line, std::vector<std::string> words) {
  EXPECT_EQ(WhyNotRefused(Folder(), line, words), "");
}

/// Given to training, and to the command that compiles and trains.
void ExpectDataRefused(const std::vector<Lie>& lies) {
  for (const Lie& lie : lies) {
    ExpectRefused("./trainer train --epochs 1 --quiet --data " + lie.data, lie.words);
    ExpectRefused(
        "./trainer evaluate --split train --checkpoint good.safetensors --data " + lie.data,
        lie.words);
  }
  ExpectRefused("descent train net.descent --epochs 1 --quiet --data " + lies[0].data,
                lies[0].words);
}

TEST(HostileData, Idx) {
  ExpectDataRefused({
      {"huge.idx", {"huge.idx: ", "declares [4294967295, 4294967295]", "24 bytes follow it"}},
      {"wraps.idx", {"wraps.idx: ", "declares [2147483648, 2147483648, 2]"}},
      {"rank.idx", {"rank.idx: ", "declares 200 dimensions; 1 to 8"}},
      {"short.idx", {"short.idx: ", "23 bytes follow it"}},
      {"long.idx", {"long.idx: ", "25 bytes follow it"}},
      {"head.idx", {"head.idx: ", "truncated"}},
  });
}

TEST(HostileData, Npy) {
  ExpectDataRefused({
      {"huge.npy", {"huge.npy: ", "NPY header"}},
      {"wraps.npy", {"wraps.npy: ", "NPY header"}},
      {"beyond.npy", {"beyond.npy: "}},
      {"negative.npy", {"negative.npy: "}},
      {"short.npy", {"short.npy: ", "declares [3, 3] of f32, but 24 bytes follow it"}},
      {"object.npy", {"object.npy: ", "pickled Python objects"}},
      {"header.npy", {"header.npy: "}},
      {"deep.npy", {"deep.npy: "}},
  });
}

TEST(HostileData, Npz) {
  ExpectDataRefused({
      {"sizes.npz", {"sizes.npz(x.npy): ", "lies outside the file"}},
      {"inflated.npz", {"inflated.npz(x.npy): "}},
      {"object.npz", {"object.npz(x.npy): ", "pickled Python objects"}},
      {"rows.npz", {"rows.npz(y): ", "holds 2 rows, but x holds 3"}},
      {"class.npz", {"class.npz: ", "row 3 of column 'y' holds 3", "whole numbers from 0 to 2"}},
      {"notes.npz", {"notes.npz: ", "holds no arrays"}},
      {"directory.npz", {"directory.npz: ", "outside the file"}},
  });
}

TEST(HostileData, Csv) {
  ExpectDataRefused({
      {"huge.csv", {"huge.csv: line 2: more than 1000000 columns"}},
      {"ragged.csv", {"ragged.csv: line 3: 2 fields, but the first line has 3"}},
      {"ragged_more.csv", {"ragged_more.csv: line 3: 4 fields, but the first line has 3"}},
      {"text.csv", {"text.csv: line 2: column 2 ('b'): 'red' is not a number"}},
      {"quote.csv", {"quote.csv: line 2: quote is not closed"}},
      {"nul.csv", {"nul.csv: line 2: NUL byte: this is not a text file"}},
      {"infinite.csv", {"infinite.csv: line 2: column 2 ('b'): '1e999' is not finite"}},
      {"missing.csv", {"missing.csv: line 2: column 2 ('b'): missing value"}},
      {"empty.csv", {"empty.csv: is empty"}},
      {"head.csv", {"head.csv: holds no rows"}},
  });
}

TEST(HostileData, LabelsBeyondTheClasses) {
  ExpectDataRefused({
      {"class.csv",
       {"class.csv: row 2 of column 'y' holds 7; input 'y' takes whole numbers from 0"}},
      {"negative_class.csv", {"negative_class.csv: row 2 of column 'y' holds -1"}},
      {"half_class.csv", {"half_class.csv: row 2 of column 'y' holds 0.5"}},
      {"huge_class.csv", {"huge_class.csv: row 2 of column 'y' holds 9.22"}},
      {"names.csv", {"names.csv: row 4 of column 'y' holds 3"}},
  });
}

TEST(HostileData, Gzip) {
  ExpectDataRefused({
      {"cut.csv.gz", {"cut.csv.gz: ", "truncated"}},
      {"wrong.csv.gz", {"wrong.csv.gz: ", "damaged"}},
      {"empty.csv.gz", {"empty.csv.gz: ", "gzip data"}},
  });
}

// Where memory is not limited, a sanitizer's shadow would take it.
#if !defined(DESCENT_SANITIZE_ADDRESS) && !defined(DESCENT_SANITIZE_THREAD)

class Bomb : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, Bomb,
                         testing::Values("bomb.csv.gz", "rows.csv.gz", "row.csv.gz", "bomb.idx.gz",
                                         "bomb.npz"));

TEST_P(Bomb, IsRefused) {
  const std::string& name = GetParam();
  Folder().Write("bombs.py", kBombs);
  ASSERT_EQ(Folder().Run("python3 bombs.py " + name).status, 0);
  EXPECT_LT(Folder().Read(name).size(), 20u << 20);
  ExpectRefused("./trainer train --epochs 1 --quiet --data " + name,
                {"error: " + name + ": ", "memory"});
}

#endif

TEST(HostileData, Weights) {
  const Lie lies[] = {
      {"head", {"its header does not fit"}},
      {"head_wraps", {"its header does not fit"}},
      {"cut", {"its header does not fit"}},
      {"deep", {"deep.safetensors"}},
      {"outside", {"lies outside the file"}},
      {"wraps", {"'w'"}},
      {"negative", {"'w' has no valid shape"}},
      {"backwards", {"'w' lies outside the file"}},
      {"overlap", {"overlaps another"}},
      {"shape", {"'w'"}},
      {"other", {"'w'"}},
      {"text", {"its header does not fit"}},
  };
  for (const Lie& lie : lies) {
    const std::string file = lie.data + ".safetensors";
    std::vector<std::string> words = {file};
    words.insert(words.end(), lie.words.begin(), lie.words.end());
    ExpectRefused("./trainer train --quiet --data good.csv --resume --checkpoint " + file, {file});
    for (const std::string& line :
         {"./trainer evaluate --split train --data good.csv --checkpoint " + file,
          "./trainer predict --input good.csv --output y.csv --checkpoint " + file,
          "descent run net.descent 'x=[[1, 2]]' --weights " + file,
          "descent compile net.descent --emit obj -o made.o --weights " + file})
      ExpectRefused(line, words);
  }
}

TEST(HostileData, ArgumentsOfRun) {
  const std::string run = "descent run net.descent ";
  ExpectRefused(run + "huge.npy", {"huge.npy"});
  ExpectRefused(run + "object.npy", {"object.npy", "pickled Python objects"});
  ExpectRefused(run + "x=huge.idx", {"huge.idx", "is no NPY file"});
  ExpectRefused(run + "\"x=$(printf '[%.0s' {1..100000})\"", {"lists are nested deeper than 8"});
  ExpectRefused(run + "'x=[[1, 2], [3]]'", {"stand side by side"});
}

/// Column by column as Fortran and NumPy have it, and big-endian, too: the same predictions.
TEST(GoodData, FortranOrder) {
  const Shell& shell = Folder();
  const Outcome made = RunLimited(shell, R"(python3 - <<'END'
import struct
def npy(name, descr, fortran, form, values):
    head = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (2, 3), }}".ljust(117) + "\n"
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(form, *values))
npy("c.npy", "<f4", False, "<6f", [1, 2, 3, 4, 5, 6])
npy("fortran.npy", "<f4", True, "<6f", [1, 4, 2, 5, 3, 6])
npy("big.npy", ">f8", True, ">6d", [1, 4, 2, 5, 3, 6])
END
printf 'descent 1\nmodel twice {\n  input x: f32[2, 3]\n  y = mul(x, 2)\n  output y\n}\n' >twice.descent
for file in c fortran big; do descent run twice.descent $file.npy || exit; done; rm c.npy fortran.npy big.npy twice.descent)");
  EXPECT_EQ(made.status, 0) << made.err;
  const std::string line = "y: f32[2, 3] = [[2, 4, 6], [8, 10, 12]]\n";
  EXPECT_EQ(made.out, line + line + line);
}

}  // namespace
}  // namespace descent::test
