#include "frontends/cli/artifact.h"

#include "frontends/cli/command.h"
#include "frontends/cli/runtime_result.h"
#include "runtime/file.h"
#include "runtime/safetensors.h"

namespace descent::cli {

std::string DefaultPath(const Compilation& compilation, const ArtifactKindInfo& kind) {
  return fmt::format("{}{}{}", kind.prefix, compilation.program.prefix, kind.suffix);
}

Result<std::vector<std::byte>> ReadWeights(const std::string& path, const Model& model) {
  DESCENT_TRY(bytes, FromRuntime(runtime::ReadFile(path)));
  DESCENT_TRY(file, FromRuntime(runtime::ParseSafetensors(bytes, path)));
  for (const Slot& slot : model.slots) {
    if (slot.kind != SlotKind::kParameter) continue;
    const runtime::NamedTensor* tensor = file.Find(slot.name);
    if (tensor == nullptr)
      return InputError(fmt::format("{} has no parameter {}", Quoted(path), Quoted(slot.name)),
                        fmt::format("model {} needs it", Quoted(model.name)));
    const TensorType type = {static_cast<DType>(tensor->dtype), tensor->shape};
    if (type != slot.type)
      return InputError(fmt::format("{}: parameter {} is {}, but the model has {}", path,
                                    Quoted(slot.name), ToString(type), ToString(slot.type)));
  }
  return bytes;
}

}  // namespace descent::cli
