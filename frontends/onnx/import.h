// ONNX models as Descent's.
//
//   DESCENT_TRY(model, onnx::ImportModel("resnet.onnx", {.dims = {{"batch", 32}}}));
//
// Every operator is rewritten into operators of the registry, with their meaning; nothing of ONNX
// is left afterwards. Shapes are static: symbolic dimensions get their number from `dims`, and what
// decides a shape (the target of a Reshape, the axes of a reduction) must follow from constants.
// Floating-point initializers become parameters, scalars where they are weights (weights.h),
// running statistics of a normalization statistics.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model.h"

namespace descent::onnx {

/// Operator sets that are read: "opset_import" of the default domain.
inline constexpr int kOldestOpset = 1, kNewestOpset = 28;

/// Of an input that the model will be given; without a name those of all inputs, in order.
struct InputShape {
  std::string name;
  Shape shape;
};

struct ImportOptions {
  /// Extents of symbolic dimensions by name ("batch" of `[batch, 3, 224, 224]`).
  std::map<std::string, int64_t, std::less<>> dims = {};
  /// Rows, for the first axis of the first input where it is called as those of all outputs and
  /// nothing else says its extent; 0: something must.
  int64_t batch = 0;
  /// Nobody has said that `batch`: what `dims` says of that axis counts.
  bool batch_is_guess = false;
  /// Inputs whose extents symbolic dimensions have, whatever `dims` says of these.
  std::vector<InputShape> inputs = {};
  /// Floating-point initializers that are parameters whatever their names and readers say.
  std::set<std::string, std::less<>> parameters = {};
  /// Every floating-point initializer is a parameter, whether it is a number or nothing reads it:
  /// it has a gradient. Those that the import relies on (the scales of a Resize) keep their value.
  bool all_parameters = false;
  /// The model gets a task. The first axis of its first input is the rows, and what is computed of
  /// their number counts those that are there. A Dropout that the file has in training mode drops
  /// while it is trained, not in what it predicts.
  bool for_task = false;
};

/// Whether a file of this name is read as an ONNX model rather than as one of Descent's forms.
bool IsOnnxName(std::string_view path);

/// An operator in versions that are read alike: with the same attributes.
struct SupportedOperator {
  std::string_view domain, name;  ///< domain "": ONNX's own
  int since, until;               ///< versions of the operator set, both included
  std::vector<std::string_view> attributes;
};
/// By name, then version.
std::vector<SupportedOperator> SupportedOperators();

/// Reads the file, and tensors in files beside it. The model has no task: `run` computes its
/// outputs. Fails with everything that is wrong or unsupported in one diagnostic: status 3 where an
/// operator, a version of it, an attribute or an element type is not supported.
Result<Model> ImportModel(const std::string& path, const ImportOptions& options = {});

/// The files of external data that the ONNX file names, by path; none where it cannot be read.
std::vector<std::string> ExternalFiles(const std::string& path);

/// As ImportModel, of bytes; `path` is named in diagnostics, files are looked for beside it.
Result<Model> ParseModel(std::string_view bytes, const std::string& path,
                         const ImportOptions& options = {});

}  // namespace descent::onnx
