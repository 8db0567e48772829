#include "compiler/kernel/constant_section.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "compiler/kernel/program.h"

namespace descent {

int64_t ConstantSection::Add(std::span<const std::byte> bytes) {
  if (bytes_.empty()) bytes_.resize(kAlignment);  // also an empty constant has an address
  const size_t hash =
      std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const auto [first, last] = pieces_.equal_range(hash);
  for (auto piece = first; piece != last; ++piece) {
    const auto [offset, size] = piece->second;
    if (std::ranges::equal(bytes, std::span(bytes_).subspan(offset, size)))
      return static_cast<int64_t>(offset);
  }
  const size_t offset = bytes_.size();
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  bytes_.resize(Aligned(static_cast<int64_t>(bytes_.size())));
  pieces_.emplace(hash, Piece{offset, bytes.size()});
  return static_cast<int64_t>(offset);
}

}  // namespace descent
