// Any bytes as a file that a trainer reads: a diagnostic, or values. Every reader sees them, so a
// file of any kind is a seed.
#include <cstdint>
#include <span>

#include "runtime/checkpoint.h"
#include "runtime/data/array.h"
#include "runtime/data/csv.h"
#include "runtime/json.h"
#include "tests/runtime/fake_program.h"

namespace {

using namespace descent::runtime;

void ReadCsv(ByteView bytes) { (void)ParseCsv(bytes, "a.csv", {}, {}); }
void ReadTextCsv(ByteView bytes) {
  const CsvOptions options = {.header = CsvOptions::Header::kYes, .label = "0", .separator = ';'};
  (void)ParseCsv(bytes, "a.csv", options, {.label = true, .columns = {"name"}});
}
void ReadIdx(ByteView bytes) { (void)ParseIdx(bytes, "a.idx"); }
void ReadNpz(ByteView bytes) { (void)ParseNpz(bytes, "a.npz"); }
void ReadGzip(ByteView bytes) { (void)InflateGzip(bytes, "a.gz"); }
void ReadJson(ByteView bytes) { (void)ParseJson(TextOf(bytes), "a.json"); }

/// What is read is written and read again.
void ReadNpy(ByteView bytes) {
  const auto array = ParseNpy(bytes, "a.npy");
  if (!array) return;
  const auto again = ParseNpy(WriteNpy(*array), "again.npy");
  if (!again || again->shape != array->shape || again->values != array->values) __builtin_trap();
}

void ReadWeights(ByteView bytes) {
  static const auto program = Program::Open(FakeProgram());
  static auto state = State::Make(*program);
  const auto weights = ParseWeights(Bytes(bytes.begin(), bytes.end()), "a.safetensors", *program);
  if (weights) (void)RestoreState(*program, *weights, Restore::kParameters, *state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static constexpr void (*kReaders[])(ByteView) = {ReadCsv, ReadTextCsv, ReadIdx,  ReadNpy,
                                                   ReadNpz, ReadGzip,    ReadJson, ReadWeights};
  for (const auto read : kReaders) read(std::as_bytes(std::span(data, size)));
  return 0;
}
