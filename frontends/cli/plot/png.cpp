#include "frontends/cli/plot/png.h"

#include <zlib.h>

#include <cstdint>

#include "ir/diagnostic.h"

namespace descent::plot {
namespace {

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string Chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
  return BigEndian(static_cast<uint32_t>(data.size())) + body +
         BigEndian(static_cast<uint32_t>(crc));
}

}  // namespace

std::string EncodePng(int width, int height, std::span<const unsigned char> rgb) {
  DESCENT_CHECK(rgb.size() == size_t{3} * width * height, "size of an image");
  std::string rows;
  for (int y = 0; y < height; ++y) {
    rows += '\0';  // filter type: none
    rows.append(reinterpret_cast<const char*>(rgb.data()) + size_t{3} * width * y,
                size_t{3} * width);
  }
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(rows.data()), rows.size(), 9);
  DESCENT_CHECK(status == Z_OK, "zlib refused to compress an image");
  packed.resize(size);
  const std::string header =
      BigEndian(width) + BigEndian(height) + std::string("\x08\x02\0\0\0", 5);
  return "\x89PNG\r\n\x1a\n" + Chunk("IHDR", header) + Chunk("IDAT", packed) + Chunk("IEND", "");
}

std::string Base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j)
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

}  // namespace descent::plot
