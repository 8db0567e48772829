// Any bytes as a data file of each kind: a diagnostic, or values.
#include <cstdint>
#include <span>

#include "runtime/data/array.h"
#include "runtime/data/csv.h"

namespace {

using namespace descent::runtime;

void ReadCsv(ByteView bytes) { (void)ParseCsv(bytes, "a.csv", {}, {}); }
void ReadIdx(ByteView bytes) { (void)ParseIdx(bytes, "a.idx"); }
void ReadNpy(ByteView bytes) { (void)ParseNpy(bytes, "a.npy"); }
void ReadNpz(ByteView bytes) { (void)ParseNpz(bytes, "a.npz"); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The first byte chooses the reader.
  static constexpr void (*kReaders[])(ByteView) = {ReadCsv, ReadIdx, ReadNpy, ReadNpz};
  if (size == 0) return 0;
  kReaders[data[0] % std::size(kReaders)](std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
