// The importers: which ONNX operators are read, in which versions, and by what they are replaced.
//
// Tables stand in the family files under frontends/onnx/ops/. A row is one form of an operator:
// where versions differ in what they read, each has a row.
#pragma once

#include <climits>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "frontends/onnx/node.h"

namespace descent::onnx {

/// What takes the place of a node: its results in order. Trailing ones that no node names may be
/// left out.
struct Outputs {
  Outputs(Value value) : values{value} {}                              // NOLINT: a result
  Outputs(std::vector<Value> results) : values(std::move(results)) {}  // NOLINT: results
  static Outputs OfSequence(Sequence sequence) {
    Outputs outputs(Value{});
    outputs.sequences.emplace(0, std::move(sequence));
    return outputs;
  }
  std::vector<Value> values;
  std::map<int, Sequence> sequences;  ///< results that are sequences; their value is not used
  /// Why results have no value, which are refused where something reads them.
  std::map<int, std::string> missing = {};
};

inline constexpr int kNewest = INT_MAX, kVariadic = INT_MAX;
inline constexpr std::string_view kTraining = "ai.onnx.preview.training";

struct OpImporter {
  std::string_view name;
  /// Versions of the operator set that this row reads, both included.
  int since = 1, until = kNewest;
  /// The most operands that one of these versions takes.
  int operands = 0;
  /// What it reads; a node with any other attribute is refused.
  std::vector<std::string_view> attributes;
  Outputs (*import)(OnnxNode&);
  /// Descent's operator, where several rows share `import`.
  std::string_view target = {};
  std::string_view domain = {};  ///< "": ONNX's own
};

/// ONNX's own domain has two names.
inline std::string_view PlainDomain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

/// All rows, by family.
std::span<const std::span<const OpImporter>> ImporterFamilies();

/// The row for the operator in that version; null if there is none.
const OpImporter* FindImporter(std::string_view domain, std::string_view name, int version);
/// Whether any row has that name.
bool KnowsOperator(std::string_view domain, std::string_view name);

}  // namespace descent::onnx
