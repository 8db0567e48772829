#include "frontends/onnx/opsets.h"

#include <limits>

#include "frontends/onnx/import.h"
#include "frontends/onnx/registry.h"

namespace descent::onnx {
namespace {

/// The version of the format from which on files say their operator sets.
constexpr int64_t kSaysOpsets = 3;

std::string NameOf(std::string_view domain) {
  return domain.empty() ? "operator set" : fmt::format("operator set {}", Quoted(domain));
}

}  // namespace

Result<Opsets> ReadOpsets(const OpsetImports& imports) {
  Opsets opsets;
  for (const proto::OperatorSetIdProto& opset : imports) {
    const std::string domain(PlainDomain(opset.domain()));
    const int64_t version = opset.version();
    const int64_t newest = domain.empty() ? kNewestOpset : std::numeric_limits<int>::max();
    if (version < kOldestOpset || version > newest)
      return std::unexpected(Diagnostic{
          .message = fmt::format("{} of version {} is not supported", NameOf(domain), version),
          .hint = domain.empty() ? fmt::format("versions {} to {} are", kOldestOpset, kNewestOpset)
                                 : "",
          .status = ExitStatus::kUnsupported});
    const auto [place, is_new] = opsets.emplace(domain, static_cast<int>(version));
    if (!is_new && place->second != version)
      return Error("{} is imported twice, in versions {} and {}", NameOf(domain), place->second,
                   version);
  }
  return opsets;
}

Result<Opsets> ReadOpsets(const proto::ModelProto& model) {
  DESCENT_TRY(opsets, ReadOpsets(model.opset_import()));
  if (!opsets.empty()) return opsets;
  const int64_t format = model.ir_version();
  if (format > 0 && format < kSaysOpsets) return Opsets{{"", 1}};
  return Error("the file imports no operator set");
}

}  // namespace descent::onnx
