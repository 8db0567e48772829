// descent-rounding-errors: rounding errors of sums, contractions and convolutions in f32, against
// the same computed in f64.
//
//   descent-rounding-errors [--write FOLDER]
//
// Prints a row of Markdown for each output of each case. With --write the folder gets what
// torch_errors.py needs to do the same: CASE.INPUT.npy, and in f64 CASE.OUTPUT.exact.npy and
// CASE.OUTPUT.magnitude.npy. Exit status 5 if an error is beyond its bound.

#include <fmt/format.h>

#include <cstdio>
#include <string_view>

#include "runtime/data/array.h"
#include "tests/compiler/numerics/rounding_cases.h"

namespace descent {
namespace {

/// The most that a plain sum may be off by, in units of 2^-24, relative to the magnitudes of its
/// products.
constexpr double kPlainBound = 64;
/// Typical errors of Winograd's way beside those of the plain one.
constexpr double kWinogradFactor = 4;

Result<void> Write(const std::string& path, const Tensor& tensor) {
  runtime::Array array;
  array.dtype = static_cast<int32_t>(tensor.dtype());
  array.shape.assign(tensor.shape().begin(), tensor.shape().end());
  array.values.assign(tensor.bytes().begin(), tensor.bytes().end());
  const auto bytes = runtime::WriteNpy(array);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written =
      file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (written && closed) return {};
  return ErrorWithStatus(ExitStatus::kIo, "cannot write {}", Quoted(path));
}

std::string Cell(const Errors& errors) {
  return fmt::format("{:.2g} ({:.2g})", errors.typical, errors.largest);
}

/// False where an error is beyond its bound.
Result<bool> Report(const RoundingCase& one, const std::string& folder) {
  DESCENT_TRY(exact, CompiledValues(one, DType::kF64, false));
  DESCENT_TRY(magnitudes, Magnitudes(one));
  DESCENT_TRY(plain, CompiledValues(one, DType::kF32, false));
  DESCENT_TRY(winograd, CompiledValues(one, DType::kF32, true));
  const Model model = ModelOf(one, DType::kF32);
  const bool convolves = one.kind == RoundingCase::Kind::kConvolution;
  bool good = true;
  for (size_t i = 0; i < exact.size(); ++i) {
    const std::string& output = model.graph.outputs()[i].name;
    const Errors of_plain = ErrorsOf(plain[i], exact[i], magnitudes[i]);
    const Errors of_winograd = ErrorsOf(winograd[i], exact[i], magnitudes[i]);
    const bool within = of_plain.largest <= kPlainBound &&
                        of_winograd.typical <= kWinogradFactor * of_plain.typical;
    fmt::print("| {} | {} | {} | {} |{}\n", one.name(), output, Cell(of_plain),
               convolves ? Cell(of_winograd) : "-", within ? "" : " BEYOND");
    std::fflush(stdout);
    good = good && within;
    if (folder.empty()) continue;
    const std::string stem = fmt::format("{}/{}.{}", folder, one.name(), output);
    DESCENT_RETURN_IF_ERROR(Write(stem + ".exact.npy", exact[i]));
    DESCENT_RETURN_IF_ERROR(Write(stem + ".magnitude.npy", magnitudes[i]));
  }
  if (!folder.empty())
    for (const auto& [name, value] : InputsOf(one))
      DESCENT_RETURN_IF_ERROR(Write(fmt::format("{}/{}.{}.npy", folder, one.name(), name), value));
  return good;
}

int Main(int argc, char** argv) {
  const bool writes = argc == 3 && std::string_view(argv[1]) == "--write";
  if (argc != 1 && !writes) {
    fmt::print(stderr, "usage: descent-rounding-errors [--write FOLDER]\n");
    return static_cast<int>(ExitStatus::kUsage);
  }
  fmt::print("| case | | plain sums | Winograd |\n|---|---|--:|--:|\n");
  bool good = true;
  for (const RoundingCase& one : RoundingCases()) {
    const auto reported = Report(one, writes ? argv[2] : "");
    if (!reported) {
      fmt::print(stderr, "{}", reported.error().ToString());
      return static_cast<int>(reported.error().status);
    }
    good = good && *reported;
  }
  return static_cast<int>(good ? ExitStatus::kGood : ExitStatus::kDiffers);
}

}  // namespace
}  // namespace descent

int main(int argc, char** argv) { return descent::Main(argc, argv); }
