// Large initializers stay in the file: protobuf would copy each.
//
//   std::vector<LargeData> large;
//   if (ParseWithoutLargeData(file, kLargeBytes, model, large))
//     ... file.substr(large[0].offset, large[0].size) is raw_data of initializer large[0].place ...
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "onnx.pb.h"

namespace descent::onnx {

struct LargeData {
  int place;  ///< of the initializer in the model's graph
  size_t offset, size;
};

/// Parses a serialized ModelProto but for raw_data of at least `least` bytes in initializers of its
/// graph. False where the serialization is unusual or damaged, which protobuf judges: `model` and
/// `large` hold anything then.
bool ParseWithoutLargeData(std::string_view bytes, size_t least, proto::ModelProto& model,
                           std::vector<LargeData>& large);

}  // namespace descent::onnx
