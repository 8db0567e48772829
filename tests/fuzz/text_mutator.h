// Changes that keep a model's text readable more often than changed bytes do: a word or number for
// another one, a line left out or said twice.
#pragma once

#include <cctype>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace descent {

class TextMutator {
 public:
  TextMutator(std::string_view text, unsigned seed) : text_(text), random_(seed) {}

  std::string Mutate() {
    for (unsigned changes = random_() % 3 + 1; changes > 0; --changes)
      random_() % 4 == 0 ? ChangeLine() : ChangeWord();
    return text_;
  }

 private:
  struct Piece {
    size_t begin, size;
  };

  /// Maximal runs of characters that `belongs` says yes to.
  template <typename Belongs>
  std::vector<Piece> Pieces(Belongs belongs) const {
    std::vector<Piece> pieces;
    for (size_t i = 0; i < text_.size(); ++i) {
      if (!belongs(text_[i])) continue;
      const size_t begin = i;
      while (i < text_.size() && belongs(text_[i])) ++i;
      pieces.push_back({begin, i - begin});
    }
    return pieces;
  }

  void ChangeWord() {
    static constexpr const char* kWords[] = {
        "0",      "1",   "2",       "3",   "7",      "8",    "64",      "1000003", "1e30",
        "-1",     "nan", "f32",     "f64", "i64",    "u8",   "bool",    "add",     "mul",
        "matmul", "sum", "max",     "exp", "log",    "relu", "reshape", "concat",  "transpose",
        "slice",  "pad", "softmax", "mse", "gather", "cast", "conv2d",  "adam",    "sgd"};
    const auto words = Pieces([](char c) { return std::isalnum(c) || c == '_' || c == '.'; });
    if (words.empty()) return;
    const Piece from = words[random_() % words.size()];
    const Piece other = words[random_() % words.size()];
    const std::string word = random_() % 2 ? text_.substr(other.begin, other.size)
                                           : kWords[random_() % std::size(kWords)];
    text_.replace(from.begin, from.size, word);
  }

  void ChangeLine() {
    const auto lines = Pieces([](char c) { return c != '\n'; });
    if (lines.empty()) return;
    const Piece from = lines[random_() % lines.size()];
    const Piece to = lines[random_() % lines.size()];
    const std::string line = text_.substr(from.begin, from.size) + "\n";
    if (random_() % 2)
      text_.insert(to.begin, line);
    else
      text_.erase(from.begin, from.size);
  }

  std::string text_;
  std::mt19937 random_;
};

}  // namespace descent
