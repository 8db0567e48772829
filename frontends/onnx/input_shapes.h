// Axes without a number have that of the inputs which are given.
#pragma once

#include <string>

#include "frontends/onnx/import.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// What `--dim` calls an axis of an input that has no number: its name, or "input.axis".
std::string AxisName(const proto::ValueInfoProto& input, int axis);

/// `options` with the extents that its inputs have for axes without a number, instead of those that
/// its `dims` say. Fails where two inputs say differently,
/// or one has not as many axes as it should.
Result<ImportOptions> WithShapesOf(const proto::GraphProto& graph, ImportOptions options);

}  // namespace descent::onnx
