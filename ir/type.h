// Tensor types: an element type and a static shape.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace descent {

/// Numbers are part of the binary formats and of the ABI: new types go to the end.
enum class DType : uint8_t {
  kF32,
  kF64,
  kI32,
  kI64,
  kU8,
  kBool,
  kBF16,
  kF16,
  kI8,
  kI16,
  kU16,
  kU32,
  kU64
};

/// Everything that is known about an element type, one row of a table per type.
struct DTypeInfo {
  DType dtype;
  std::string_view name;       ///< in text IR: "f32"
  std::string_view c_type;     ///< in emitted headers: "float"
  std::string_view npy_descr;  ///< in .npy files: "<f4"
  int bytes;
  bool is_float;
  bool is_integer;   ///< neither float nor bool
  bool is_unsigned;  ///< unsigned integers and bool
  int digits;        ///< bits of a float's significand, value bits of the others
  int max_exponent;  ///< of floats: all finite ones are below 2^max_exponent
};

const DTypeInfo& Info(DType dtype);
/// What bodies compute in: f32 for the 16-bit floats, else the type itself.
DType ArithmeticType(DType dtype);
inline bool IsFloat16(DType dtype) { return ArithmeticType(dtype) != dtype; }
/// Whether every value of `from` is one of `to`.
bool HoldsAll(DType to, DType from);

/// The limits of an integer type; those of u64 by their two's complement (its highest is -1).
int64_t LowestInteger(DType dtype);
int64_t HighestInteger(DType dtype);
// Magnitudes of a float type.
double LargestFinite(DType dtype);
double SmallestNormal(DType dtype);
double SmallestDenormal(DType dtype);

/// All element types, in the order of the enumeration.
const std::vector<DTypeInfo>& AllDTypes();
std::optional<DType> ParseDType(std::string_view name);

/// Extents, outermost first. All are >= 0; a rank-0 shape is a scalar.
using Shape = std::vector<int64_t>;

/// Limits of every tensor, so that sizes never overflow.
inline constexpr int kMaxRank = 16;
inline constexpr int64_t kMaxElements = int64_t{1} << 40;

/// Product of the extents; nullopt when an extent is negative or the product exceeds kMaxElements.
std::optional<int64_t> CheckedElements(const Shape& shape);
/// Product of the extents of a shape that is known to be valid.
int64_t Elements(const Shape& shape);
/// Row-major strides in elements: the last is 1.
std::vector<int64_t> RowMajorStrides(const Shape& shape);
/// "[2, 3]"
std::string ToString(const Shape& shape);

struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;

  int rank() const { return static_cast<int>(shape.size()); }
  int64_t elements() const { return Elements(shape); }
  int64_t bytes() const { return elements() * Info(dtype).bytes; }
  bool operator==(const TensorType&) const = default;
};

/// "f32[2, 3]"; a scalar is "f32[]".
std::string ToString(const TensorType& type);

}  // namespace descent
