// Axes without a number have that of the inputs which are given.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frontends/onnx/import.h"
#include "onnx.pb.h"

namespace descent::onnx {

/// What `--dim` calls an axis of an input that has no number: its name, or "input.axis".
std::string AxisName(const proto::ValueInfoProto& input, int axis);

/// What the first axis of an input or output is called that has no number, which may be ""; nothing
/// of others.
std::optional<std::string> FirstAxis(const proto::ValueInfoProto& info);

/// Which axis of inputs and values, by their names, is declared to be the rows: those along the
/// first axis of the first input, where it has no number.
std::map<std::string, int, std::less<>> RowAxes(const proto::GraphProto& graph);

/// Inputs, except those that are initializers, too.
std::vector<const proto::ValueInfoProto*> DataInputs(const proto::GraphProto& graph);

/// `options` with the extents that its inputs have for axes without a number, instead of those that
/// its `dims` say. Fails where two inputs say differently,
/// or one has not as many axes as it should.
Result<ImportOptions> WithShapesOf(const proto::GraphProto& graph, ImportOptions options);

/// `options` with its `batch` for the axis that looks like the batch and has no extent yet: the
/// first one of the first input and, unless the model gets a task, of every output, in all of which
/// it has one name or none.
ImportOptions WithBatch(const proto::GraphProto& graph, ImportOptions options);

/// Fails where `dims` and `batch` of the options say different extents of that axis.
Result<void> CheckBatch(const proto::GraphProto& graph, const ImportOptions& options);

/// Fails where `dims` of the options names an axis that no input has.
Result<void> CheckAxisNames(const proto::GraphProto& graph, const ImportOptions& options);

}  // namespace descent::onnx
