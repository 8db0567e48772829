// Text that only names classes becomes numbers.
//
//   classes: string[3]      ArrayFeatureExtractor(classes, ArgMax(p)) -> Reshape -> label: string
//   classes: int64[0, 1, 2]                                                         label: int64
//
// Classifiers of scikit-learn end so. Descent has no text; the number of a name in its list is the
// class number that training takes.
#pragma once

#include "onnx.pb.h"

namespace descent::onnx {

/// Replaces the names in initializers of text, and those that a LabelEncoder gives, by their
/// numbers in the list, equal ones by the first. Lists whose names are not only moved about and
/// written are left as they are.
void NumberClassNames(proto::ModelProto& model);

}  // namespace descent::onnx
