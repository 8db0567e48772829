// Numbers of the command line as they are written, until the model says of which type they are: so
// each is rounded once, and integers not at all.
//
//   DESCENT_TRY(literal, TensorLiteral::Read("d=[9007199254740993, 1]", 2));
//   DESCENT_TRY(tensor, literal.As(DType::kI64, "d"));
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/tensor.h"

namespace descent::cli {

class TensorLiteral {
 public:
  /// The literal that begins at `begin` of the argument: "[[1, 2.5], [3, 4]]", "7" or "true"; lists
  /// of equal length all the way down. An error shows the argument with a caret.
  static Result<TensorLiteral> Read(std::string argument, size_t begin);

  const Shape& shape() const { return shape_; }

  /// By the rules for constants in a model's text; for bool 0 and 1 are good, too.
  Result<Tensor> As(DType dtype, std::string_view input) const;

 private:
  friend class LiteralReader;
  struct Word {
    size_t begin, size;
  };

  std::unexpected<Diagnostic> Wrong(size_t at, std::string_view input, std::string message) const;

  std::string argument_;
  size_t begin_ = 0;
  Shape shape_;
  std::vector<Word> words_;  ///< one an element
};

}  // namespace descent::cli
