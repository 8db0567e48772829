#include "frontends/cli/run/tensor_literal.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "ir/io/text_literal.h"

namespace descent::cli {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kShown = 40, kSnippet = 120;  ///< bytes of the command line in an error
constexpr std::string_view kSpaces = " \t\n";

bool IsNumber(std::string_view word) {
  if (word == "true" || word == "false") return true;
  if (word.starts_with('+')) word.remove_prefix(word.substr(1).starts_with('-') ? 0 : 1);
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error != std::errc::invalid_argument && end == word.data() + word.size();
}

}  // namespace

/// Reads nested lists of numbers.
class LiteralReader {
 public:
  LiteralReader(std::string_view text, TensorLiteral& literal)
      : text_(text), rest_(text.substr(literal.begin_)), literal_(literal) {}

  struct Mistake {
    size_t at;
    std::string message;
  };
  using Read = std::expected<void, Mistake>;

  Read All() {
    if (auto read = Element(0); !read) return read;
    Skip();
    if (!rest_.empty()) return Wrong("unexpected {} behind the values", Quoted(Next()));
    return {};
  }

 private:
  /// About what comes next.
  template <typename... Args>
  Read Wrong(fmt::format_string<Args...> format, Args&&... args) const {
    return std::unexpected(Mistake{At(), fmt::format(format, std::forward<Args>(args)...)});
  }

  size_t At() const { return text_.size() - rest_.size(); }
  void Skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpaces), rest_.size())); }
  bool Take(char c) {
    Skip();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Up to the next separator, one character at least.
  std::string_view Word() const {
    const size_t end = std::min(rest_.find_first_of(", []\t\n"), rest_.size());
    return rest_.substr(0, std::max<size_t>(end, 1));
  }
  /// For an error: cut where it is long.
  std::string_view Next() const { return Word().substr(0, kShown); }

  Read Element(int depth) {
    if (Take('[')) return List(depth);
    if (rest_.empty()) return Wrong("a number is missing at the end");
    if (depth_ < 0) depth_ = depth;
    if (depth != depth_) return Wrong("a number stands where a list is expected");
    const std::string_view word = Word();
    if (!IsNumber(word)) return Wrong("expected a number, not {}", Quoted(Next()));
    literal_.words_.push_back({At(), word.size()});
    rest_.remove_prefix(word.size());
    return {};
  }

  Read List(int depth) {
    if (depth == kMaxDepth) return Wrong("lists are nested deeper than {}", kMaxDepth);
    if (depth_ >= 0 && depth >= depth_) return Wrong("a list stands where a number is expected");
    int64_t count = 0;
    if (!Take(']')) {
      do {
        if (auto read = Element(depth + 1); !read) return read;
        ++count;
      } while (Take(','));
      if (rest_.empty()) return Wrong("expected , or ] at the end");
      if (!Take(']')) return Wrong("expected , or ], not {}", Quoted(Next()));
    }
    Shape& shape = literal_.shape_;
    if (static_cast<int>(shape.size()) <= depth) shape.resize(depth + 1, -1);
    if (shape[depth] >= 0 && shape[depth] != count)
      return Wrong("lists of {} and of {} elements stand side by side", shape[depth], count);
    shape[depth] = count;
    return {};
  }

  std::string_view text_, rest_;
  TensorLiteral& literal_;
  int depth_ = -1;  ///< where numbers stand
};

std::unexpected<Diagnostic> TensorLiteral::Wrong(size_t at, std::string_view input,
                                                 std::string message) const {
  Diagnostic error;
  error.message =
      input.empty() ? std::move(message) : fmt::format("input {}: {}", Quoted(input), message);
  error.location = {.file = "command line", .line = 1, .column = static_cast<int>(at) + 1};
  const bool fits = argument_.size() <= kSnippet && std::ranges::none_of(argument_, [](char c) {
                      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                    });
  if (fits) error.snippet = argument_;
  if (argument_.find('[', begin_) == std::string::npos)
    error.hint = "a file whose name begins like a number is written ./NAME";
  return std::unexpected(std::move(error));
}

Result<TensorLiteral> TensorLiteral::Read(std::string argument, size_t begin) {
  TensorLiteral literal;
  literal.argument_ = std::move(argument);
  literal.begin_ = begin;
  auto read = LiteralReader(literal.argument_, literal).All();
  if (read) return literal;
  const std::string input = literal.argument_.substr(0, begin > 0 ? begin - 1 : 0);
  return literal.Wrong(read.error().at, input, std::move(read.error().message));
}

Result<Tensor> TensorLiteral::As(DType dtype, std::string_view input) const {
  std::vector<std::byte> data;
  for (const Word& word : words_) {
    std::string_view text = std::string_view(argument_).substr(word.begin, word.size);
    if (text.starts_with('+')) text.remove_prefix(1);
    if (dtype == DType::kBool && text == "1") text = "true";
    if (dtype == DType::kBool && text == "0") text = "false";
    if (auto stored = AppendElement({.token = {.text = text}}, dtype, data); !stored)
      return Wrong(word.begin, input, std::move(stored).error().message);
  }
  return Tensor({dtype, shape_}, std::move(data));
}

}  // namespace descent::cli
