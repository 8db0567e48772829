// The exporters: by which ONNX nodes an operator of the registry is written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "frontends/onnx/graph_writer.h"

namespace descent::onnx {

/// A node that is exported: its types and attributes, the names of its operands in the file.
struct ExportedNode {
  GraphWriter& w;
  OpContext op;
  std::span<const TensorType> results;
  const Names& operands;
  std::string_view target;  ///< of the row

  const std::string& In(int i) const { return operands[i]; }
  int64_t Int(std::string_view name) const { return op.attributes.Int(name); }
  double Float(std::string_view name) const { return op.attributes.Float(name); }
  bool Flag(std::string_view name) const { return op.attributes.Bool(name); }
  const std::vector<int64_t>& Ints(std::string_view name) const { return op.attributes.Ints(name); }
};

struct OpExporter {
  std::string_view name;
  /// Names of the results; empty where ONNX has no form for these attributes or types.
  Names (*write)(const ExportedNode&);
  std::string_view target = {};  ///< ONNX's operator, where several rows share `write`
};

/// Null if there is none.
const OpExporter* FindExporter(std::string_view name);

}  // namespace descent::onnx
