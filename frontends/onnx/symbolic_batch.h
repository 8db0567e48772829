// A batch without a number: the file takes any number of rows.
//
// Models have fixed shapes. What in an ONNX graph depends on the batch shows where the same model
// is written twice, with two batches.
#pragma once

#include <cstdint>

#include "onnx.pb.h"

namespace descent::onnx {

/// A model as a graph with some number of rows.
struct WithRows {
  proto::GraphProto& graph;
  int64_t rows;
};

/// Makes of `one` a graph for any number of rows: extents of inputs and outputs that are the rows
/// are called "batch", and integers (of shapes) that are a multiple of them are computed from the
/// first such input. False, and `one` is as it was, where `other` differs in anything else.
bool NameBatch(const WithRows& one, const WithRows& other);

}  // namespace descent::onnx
