#include "compiler/graph/pattern.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>

#include "ir/op_def.h"

namespace descent {
namespace {

class PatternParser {
 public:
  explicit PatternParser(std::string_view text) : text_(text) {}

  Pattern Parse() {
    Pattern pattern = ParseTerm();
    Require(place_ == text_.size());
    return pattern;
  }

 private:
  void Require(bool condition) const {
    if (!condition)
      InternalError(__FILE__, __LINE__, fmt::format("pattern `{}` at {}", text_, place_));
  }
  void SkipSpace() {
    while (place_ < text_.size() && text_[place_] == ' ') ++place_;
  }
  bool Take(char c) {
    SkipSpace();
    if (place_ >= text_.size() || text_[place_] != c) return false;
    ++place_;
    SkipSpace();
    return true;
  }
  std::string Word() {
    SkipSpace();
    const size_t start = place_;
    while (place_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[place_])) ||
                                     std::string_view("_-.").contains(text_[place_])))
      ++place_;
    Require(place_ > start);
    std::string word(text_.substr(start, place_ - start));
    SkipSpace();
    return word;
  }
  static bool IsNumber(std::string_view word) {
    return std::isdigit(static_cast<unsigned char>(word.back())) &&
           (std::isdigit(static_cast<unsigned char>(word[0])) || word[0] == '-');
  }
  double ToNumber(std::string_view word) const {
    double number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    Require(error == std::errc() && end == word.data() + word.size());
    return number;
  }

  Pattern ParseTerm() {
    const std::string word = Word();
    if (IsNumber(word)) return {.kind = Pattern::Kind::kNumber, .number = ToNumber(word)};
    if (!Take('(')) {
      const bool constant = word[0] == 'C' || word[0] == 'K';
      return {.kind = constant ? Pattern::Kind::kConstant : Pattern::Kind::kVariable, .name = word};
    }
    Pattern call{.kind = Pattern::Kind::kCall, .name = word};
    if (Take(')')) return call;
    do call.operands.push_back(ParseTerm());
    while (Take(','));
    if (Take(';')) {
      do call.attributes.push_back(ParseAttribute());
      while (Take(','));
    }
    Require(Take(')'));
    return call;
  }

  PatternAttribute ParseAttribute() {
    PatternAttribute attribute{.name = Word()};
    Require(Take('='));
    if (Take('$')) {
      attribute.variable = Word();
      return attribute;
    }
    const std::string word = Word();
    if (word == "true" || word == "false")
      attribute.literal = word == "true";
    else if (IsNumber(word))
      attribute.literal = static_cast<int64_t>(ToNumber(word));
    else
      attribute.literal = word;
    return attribute;
  }

  std::string_view text_;
  size_t place_ = 0;
};

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool IsCommutative(std::string_view op) {
  static constexpr std::string_view kOps[] = {"add",       "mul",         "equal",
                                              "not_equal", "logical_and", "logical_or"};
  return std::ranges::find(kOps, op) != std::end(kOps);
}

class Matcher {
 public:
  Matcher(std::span<const std::string_view> ops, const GraphBuilder& b, Value root)
      : ops_(ops), b_(b), match_{b, root, {}, {}, {}, {}} {}

  bool Matches(const Pattern& pattern, Value value) {
    switch (pattern.kind) {
      case Pattern::Kind::kVariable: {
        const auto [place, is_new] = match_.values.emplace(pattern.name, value);
        return is_new || place->second == value;
      }
      case Pattern::Kind::kConstant: {
        if (!UniformConstant(b_, value)) return false;
        const auto [place, is_new] = match_.values.emplace(pattern.name, value);
        return is_new || place->second == value;
      }
      case Pattern::Kind::kNumber: {
        const auto number = UniformConstant(b_, value);
        return number && SameBits(*number, pattern.number);
      }
      case Pattern::Kind::kCall:
        return MatchesCall(pattern, value);
    }
    return false;
  }

  Match Take() { return std::move(match_); }

 private:
  bool MatchesCall(const Pattern& pattern, Value value) {
    const Node& node = b_.node(value);
    if (node.types.size() != 1 || node.operands.size() != pattern.operands.size()) return false;
    if (pattern.name == "F") {
      if (std::ranges::find(ops_, node.op->name) == ops_.end()) return false;
      match_.op = node.op->name;
    } else if (node.op->name != pattern.name) {
      return false;
    }
    if (!MatchesAttributes(pattern, node)) return false;
    const Match saved = match_;
    if (MatchesOperands(pattern, node.operands)) return true;
    if (!IsCommutative(node.op->name)) return false;
    match_.values = saved.values;
    match_.attributes = saved.attributes;
    return MatchesOperands(pattern, {node.operands[1], node.operands[0]});
  }

  bool MatchesOperands(const Pattern& pattern, const std::vector<Value>& operands) {
    for (size_t i = 0; i < operands.size(); ++i)
      if (!Matches(pattern.operands[i], operands[i])) return false;
    return true;
  }

  bool MatchesAttributes(const Pattern& pattern, const Node& node) {
    for (const auto& [name, value] : node.attributes) {
      const auto named = std::ranges::find(pattern.attributes, name, &PatternAttribute::name);
      if (named == pattern.attributes.end()) {
        const auto& specs = node.op->signature.attributes;
        const auto spec = std::ranges::find(specs, name, &AttributeSpec::name);
        if (!spec->default_value || !SameAttribute(*spec->default_value, value)) return false;
      } else if (named->variable.empty()) {
        if (!SameAttribute(named->literal, value)) return false;
      } else {
        const auto [place, is_new] = match_.attributes.emplace(named->variable, value);
        if (!is_new && !SameAttribute(place->second, value)) return false;
      }
    }
    return true;
  }

  std::span<const std::string_view> ops_;
  const GraphBuilder& b_;
  Match match_;
};

class PatternBuilder {
 public:
  PatternBuilder(const Match& match, GraphBuilder& b, const AddNode& add)
      : match_(match), b_(b), add_(add) {}

  Result<Value> Build(const Pattern& pattern, std::optional<Value> like) {
    switch (pattern.kind) {
      case Pattern::Kind::kVariable:
        return match_.values.at(pattern.name);
      case Pattern::Kind::kConstant: {
        const auto number = match_.numbers.find(pattern.name);
        if (number == match_.numbers.end()) return match_.values.at(pattern.name);
        return b_.ConstantLike(like.value_or(match_.root), number->second);
      }
      case Pattern::Kind::kNumber:
        return b_.ConstantLike(like.value_or(match_.root), pattern.number);
      case Pattern::Kind::kCall:
        return BuildCall(pattern);
    }
    return Error("unknown pattern");
  }

 private:
  static bool IsScalar(const Pattern& pattern) {
    return pattern.kind == Pattern::Kind::kNumber ||
           (pattern.kind == Pattern::Kind::kConstant && pattern.name[0] == 'K');
  }

  Result<Value> BuildCall(const Pattern& pattern) {
    std::vector<Value> operands(pattern.operands.size());
    std::optional<Value> like;
    for (size_t i = 0; i < operands.size(); ++i) {
      if (IsScalar(pattern.operands[i])) continue;
      DESCENT_TRY(value, Build(pattern.operands[i], {}));
      operands[i] = value;
      like = value;
    }
    for (size_t i = 0; i < operands.size(); ++i) {
      if (!IsScalar(pattern.operands[i])) continue;
      DESCENT_TRY(value, Build(pattern.operands[i], like));
      operands[i] = value;
    }
    Attributes attributes;
    for (const PatternAttribute& attribute : pattern.attributes)
      attributes.Set(attribute.name, attribute.variable.empty()
                                         ? attribute.literal
                                         : match_.attributes.at(attribute.variable));
    const std::string op = pattern.name == "F" ? match_.op : pattern.name;
    return add_(op, std::move(operands), std::move(attributes));
  }

  const Match& match_;
  GraphBuilder& b_;
  const AddNode& add_;
};

}  // namespace

Pattern ParsePattern(std::string_view text) { return PatternParser(text).Parse(); }

const TensorType& Match::type(std::string_view variable) const {
  return b.type(values.at(std::string(variable)));
}

double Match::Number(std::string_view variable) const {
  return *UniformConstant(b, values.at(std::string(variable)));
}

const std::vector<int64_t>& Match::Ints(std::string_view attribute) const {
  return std::get<std::vector<int64_t>>(attributes.at(std::string(attribute)));
}

bool Match::Bool(std::string_view attribute) const {
  return std::get<bool>(attributes.at(std::string(attribute)));
}

std::optional<Match> MatchPattern(const Pattern& pattern, std::span<const std::string_view> ops,
                                  const GraphBuilder& b, Value root) {
  Matcher matcher(ops, b, root);
  if (!matcher.Matches(pattern, root)) return std::nullopt;
  return matcher.Take();
}

Result<Value> BuildPattern(const Pattern& pattern, const Match& match, GraphBuilder& b,
                           const AddNode& add) {
  return PatternBuilder(match, b, add).Build(pattern, {});
}

namespace {

/// Every element of the node is an element of its one operand: reshape, expand, slice, ...
bool OnlyMoves(const GraphBuilder& b, const Node& node) {
  if (node.operands.size() != 1 || node.op->define == nullptr) return false;
  const TensorType types[] = {b.type(node.operands[0])};
  const TensorExpr expr = node.op->define({types, node.attributes});
  return !expr.reducer && expr.results.size() == 1 && expr.results[0]->kind == ScalarKind::kRead &&
         expr.reads[expr.results[0]->slot].guards.empty();
}

}  // namespace

std::optional<double> UniformConstant(const GraphBuilder& b, Value value) {
  // What moves nothing ends the way: chains of other operators are as long as a network is deep.
  while (b.node(value).op->leaf == Leaf::kNone) {
    if (!OnlyMoves(b, b.node(value))) return std::nullopt;
    value = b.node(value).operands[0];
  }
  const Node& node = b.node(value);
  if (node.op->leaf != Leaf::kConstant) return std::nullopt;
  const Tensor& tensor = node.attributes.Literal("value");
  if (tensor.elements() == 0) return std::nullopt;
  const double first = tensor.GetDouble(0);
  for (int64_t i = 1; i < tensor.elements(); ++i)
    if (!SameBits(tensor.GetDouble(i), first)) return std::nullopt;
  return first;
}

}  // namespace descent
