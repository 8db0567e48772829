// safetensors (github.com/huggingface/safetensors, format as of version 0.4): an 8-byte header
// length, a JSON header, then the tensors' bytes without gaps.
//
//   Bytes file = WriteSafetensors({{"model", "mlp"}}, tensors);
//   auto read = ParseSafetensors(file, "mlp.safetensors");   // views into `file`
//
// Files are untrusted. A file is accepted only if every tensor's bytes lie in the data, have
// exactly the size that dtype and shape say, and together cover it without overlap.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/file.h"
#include "runtime/status.h"

namespace descent::runtime {

struct NamedTensor {
  std::string name;
  int32_t dtype = 0;
  std::vector<int64_t> shape;
  ByteView bytes;
};

using Metadata = std::map<std::string, std::string, std::less<>>;

struct Safetensors {
  Metadata metadata;
  std::vector<NamedTensor> tensors;  ///< in the order of their bytes

  const NamedTensor* Find(std::string_view name) const;
};

/// Views into `bytes`, which must outlive them.
Result<Safetensors> ParseSafetensors(ByteView bytes, const std::string& path);

/// Equal contents give equal bytes: metadata by key, tensors by falling element size (so that each
/// is aligned), then name.
Bytes WriteSafetensors(const Metadata& metadata, std::vector<NamedTensor> tensors);

}  // namespace descent::runtime
