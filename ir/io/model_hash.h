// The identity of a model: a checkpoint belongs to the model whose hash it holds.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

/// SHA-256 (FIPS 180-4).
std::array<uint8_t, 32> Sha256(std::string_view bytes);
/// In lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

/// Sha256Hex of the model's meaning (ProtoContent::kMeaning): comments, names of inner values and
/// the order of statements do not count, and the three forms of one model have one hash.
Result<std::string> ModelHash(const Model& model);

}  // namespace descent
