// Types, numbers, tensors and attribute values of the text IR.
#pragma once

#include <vector>

#include "ir/attribute.h"
#include "ir/io/text_cursor.h"
#include "ir/tensor.h"

namespace descent {

/// A number, inf, nan, true or false, not yet of any dtype.
struct ScalarLiteral {
  Token token;
  bool has_bits = false;  ///< nan(0x7fc00001)
  uint64_t bits = 0;
};

/// Appends the element that the literal is of this type, exactly or rounded once. An error says why
/// there is none, and has no place.
Result<void> AppendElement(const ScalarLiteral& literal, DType dtype, std::vector<std::byte>& data);

struct TypeSyntax {
  TensorType type;
  int batch_axis = -1;
  Token token;
};

class LiteralParser {
 public:
  explicit LiteralParser(TextCursor& cursor) : cursor_(cursor) {}

  /// What `batch` stands for in shapes; 0: not set yet.
  void SetBatch(int64_t batch) { batch_ = batch; }

  bool AtScalar();
  Result<ScalarLiteral> Scalar();
  Result<Tensor> ScalarOf(const ScalarLiteral& literal, DType dtype);
  Result<double> Number(std::string_view what);

  /// "f32[batch, 3]"; a scalar is "f32" or "f32[]". Also "[batch=64, 3]".
  Result<TypeSyntax> Type();
  /// "[[1.0, 2.0], [3.0, 4.0]]", or one number for every element.
  Result<Tensor> TensorOf(const TensorType& type);
  /// The value of an attribute of a known kind; not for graphs.
  Result<Attribute> AttributeOf(AttributeKind kind, std::string_view name);
  /// The value of a hyperparameter: number, bool, word or list of numbers.
  Result<Attribute> Hyperparameter(std::string_view name);

 private:
  Result<void> Store(const ScalarLiteral& literal, DType dtype, std::vector<std::byte>& data);
  Result<void> Elements(const TensorType& type, int axis, std::vector<std::byte>& data);
  Result<int64_t> Extent(TypeSyntax& syntax);
  Result<DType> ElementType();
  template <typename T, typename Element>
  Result<Attribute> List(Element element);

  TextCursor& cursor_;
  int64_t batch_ = 0;
  int64_t repeated_bytes_ = 0;
};

}  // namespace descent
