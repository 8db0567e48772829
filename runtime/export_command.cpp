#include "runtime/commands.h"
#include "runtime/onnx_file.h"

namespace descent::runtime {

Result<ExitStatus> Export(const Program& program, const ExportCommand& command) {
  const descent_onnx* onnx = program.abi().onnx;
  if (onnx == nullptr)
    return FailWith(ExitStatus::kUnsupported, "", "the program holds no ONNX form of its model");
  if (*onnx->missing)
    return FailWith(ExitStatus::kUnsupported, "", "model {} cannot be exported: {}",
                    Quoted(program.name()), onnx->missing);
  if (command.output.empty()) return FailWith(ExitStatus::kUsage, "", "--output is needed");
  if (auto apart =
          CheckOutputs({{"--output", command.output}}, {{"--checkpoint", command.checkpoint}});
      !apart) {
    return std::unexpected(apart.error());
  }
  auto state = State::Make(program);
  if (!state) return std::unexpected(state.error());
  auto record = LoadParameters(program, command.checkpoint, *state);
  if (!record) return std::unexpected(record.error());
  auto bytes = WriteOnnx(*onnx, program, *state,
                         *record ? (*record)->provenance.normalizations : Normalizations{});
  if (!bytes) return std::unexpected(bytes.error());
  if (auto written = WriteFileAtomically(command.output, *bytes); !written)
    return std::unexpected(written.error());
  return ExitStatus::kGood;
}

}  // namespace descent::runtime
