// Any bytes as a file that a trainer reads: a diagnostic, or values. One fuzzer for each reader,
// which DESCENT_READER names.
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>

#include "runtime/checkpoint.h"
#include "runtime/data/array.h"
#include "runtime/data/csv.h"
#include "runtime/data/prepared.h"
#include "runtime/json.h"
#include "tests/runtime/fake_program.h"

namespace {

using namespace descent::runtime;

/// Normalized and brought into the form of a model's inputs, as for training, and read.
void Feed(const Dataset& data, int32_t normalization) {
  const auto program = Program::Open(FakeProgram({.normalization = normalization}));
  const auto inputs = DataInputs({program->Find("train_step")});
  std::vector<int64_t> rows(static_cast<size_t>(data.rows));
  std::iota(rows.begin(), rows.end(), 0);
  const auto fitted = FitNormalizations(data, inputs, rows);
  if (!fitted) return;
  const auto prepared = Prepare(data, inputs, *fitted);
  if (!prepared) return;
  for (const auto& [name, input] : prepared->inputs) {
    std::vector<std::byte> row(static_cast<size_t>(input.row_elements()) * sizeof(double));
    for (const int64_t number : rows) input.Copy(number, 0, input.row_elements(), row.data());
  }
}

void ReadCsv(ByteView bytes) {
  if (const auto data = ParseCsv(bytes, "a.csv", {}, {})) {
    Feed(*data, DESCENT_NORMALIZE_STANDARDIZE);
    Feed(*data, DESCENT_NORMALIZE_MIN_MAX);
  }
  const CsvOptions options = {.header = CsvOptions::Header::kYes, .label = "0", .separator = ';'};
  (void)ParseCsv(bytes, "a.csv", options, {.label = true, .columns = {"name"}});
}

void ReadIdx(ByteView bytes) { (void)ParseIdx(bytes, "a.idx"); }
void ReadNpz(ByteView bytes) { (void)ParseNpz(bytes, "a.npz"); }
void ReadJson(ByteView bytes) { (void)ParseJson(TextOf(bytes), "a.json"); }

/// A stream, and one without head and checksum, which lets changes through.
void ReadGzip(ByteView bytes) {
  (void)InflateGzip(bytes, "a.gz");
  for (const int64_t size : {0, 1, 1000}) (void)InflateRaw(bytes, size, "a.gz");
}

/// What is read is written and read again.
void ReadNpy(ByteView bytes) {
  const auto array = ParseNpy(bytes, "a.npy");
  if (!array) return;
  const auto again = ParseNpy(WriteNpy(*array), "again.npy");
  if (!again || again->shape != array->shape || again->values != array->values) __builtin_trap();
}

void ReadSafetensors(ByteView bytes) {
  static const auto program = Program::Open(FakeProgram());
  static auto state = State::Make(*program);
  const auto weights = ParseWeights(Bytes(bytes.begin(), bytes.end()), "a.safetensors", *program);
  if (weights) (void)RestoreState(*program, *weights, Restore::kParameters, *state);
}

struct Reader {
  std::string_view name;
  void (*read)(ByteView);
};
constexpr Reader kReaders[] = {
    {"csv", ReadCsv},
    {"idx", ReadIdx},
    {"npy", ReadNpy},
    {"npz", ReadNpz},
    {"gzip", ReadGzip},
    {"json", ReadJson},
    {"safetensors", ReadSafetensors},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const Reader& reader : kReaders)
    if (reader.name == DESCENT_READER) reader.read(std::as_bytes(std::span(data, size)));
  return 0;
}
