// The exporters: by which ONNX nodes an operator of the registry is written.
//
// Tables stand in the family files under frontends/onnx/exporters/. A row is an operator: a
// function that adds nodes, or one that says the same by operators that have such rows.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "frontends/onnx/graph_writer.h"

namespace descent::onnx {

/// Writes the nodes of a graph whose inputs have these names; gives those of its outputs.
/// `loop_step`: name of that number, an i64 scalar, "" outside of loops.
using WriteGraph =
    std::function<Names(GraphWriter&, const Graph&, const Names&, const std::string& loop_step)>;

/// A node that is exported: its types and attributes, the names of its operands in the file.
struct ExportedNode {
  GraphWriter& w;
  OpContext op;
  std::span<const TensorType> results;
  const Names& operands;
  std::string_view target;          ///< of the row
  const std::vector<bool>& wanted;  ///< results that something reads
  const WriteGraph& write_graph;
  const std::string& loop_step;

  const std::string& In(int i) const { return operands[i]; }
  DType dtype() const { return op.dtype(0); }
  int rank() const { return op.operands[0].rank(); }
  int64_t Int(std::string_view name) const { return op.attributes.Int(name); }
  double Float(std::string_view name) const { return op.attributes.Float(name); }
  bool Flag(std::string_view name) const { return op.attributes.Bool(name); }
  const std::vector<int64_t>& Ints(std::string_view name) const { return op.attributes.Ints(name); }
  /// Attribute axes; all of operand 0 where it is empty.
  std::vector<int64_t> Axes() const;
};

struct OpExporter {
  std::string_view name;
  /// Names of the results; empty where ONNX has no form for these attributes or types. Null: none
  /// ever.
  Names (*write)(const ExportedNode&);
  std::string_view target = {};  ///< ONNX's operator, where several rows share `write`
  /// The results by other operators, where `write` gives none. Null: by the operator's own
  /// expansion, if there is one.
  std::vector<Value> (*expand)(GraphBuilder&, const OpContext&,
                               std::span<const Value> operands) = nullptr;
  /// The type in whose place of operand 0's it is written: ONNX's operator does not have all.
  DType (*via)(DType) = nullptr;
  bool keeps_bf16 = false;  ///< is not written in f32 where operands or results are of bf16
};

/// Wraps as all integers do, so that what is added and multiplied in it is right in narrower ones
/// and unsigned ones: i32 or i64.
DType RingType(DType dtype);

/// Null if there is none.
const OpExporter* FindExporter(std::string_view name);

}  // namespace descent::onnx
