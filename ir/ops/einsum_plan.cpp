#include <algorithm>
#include <bit>
#include <cctype>
#include <iterator>
#include <limits>
#include <map>

#include "ir/ops/einsum.h"

namespace descent {
namespace {

/// One comma-separated part: letters, and where its ellipsis stands (-1: none).
struct Term {
  std::string letters;
  int ellipsis = -1;
};

Result<Term> ParseTerm(std::string_view text) {
  Term term;
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      term.letters += text[i];
    } else if (text.substr(i, 3) == "..." && term.ellipsis < 0) {
      term.ellipsis = static_cast<int>(term.letters.size());
      i += 2;
    } else {
      return Error("the equation takes letters, one ... per operand, commas and ->, not {} in {}",
                   Quoted(text.substr(i, 1)), Quoted(text));
    }
  }
  return term;
}

/// The terms between commas.
Result<std::vector<Term>> ParseTerms(std::string_view text) {
  std::vector<Term> terms;
  for (;;) {
    const size_t comma = text.find(',');
    DESCENT_TRY(term, ParseTerm(text.substr(0, comma)));
    terms.push_back(std::move(term));
    if (comma == std::string_view::npos) return terms;
    text.remove_prefix(comma + 1);
  }
}

/// Letters get labels as they come; those of ellipses are shared, counted from the last axis.
class LabelTable {
 public:
  int Letter(char letter) {
    const auto [place, is_new] = letters_.try_emplace(letter, count_);
    count_ += is_new;
    return place->second;
  }
  bool Knows(char letter) const { return letters_.contains(letter); }
  /// The label of the ellipsis axis that has `behind` such axes behind it.
  int Ellipsis(int behind) {
    while (static_cast<int>(ellipsis_.size()) <= behind) ellipsis_.push_back(count_++);
    return ellipsis_[behind];
  }
  int ellipsis_axes() const { return static_cast<int>(ellipsis_.size()); }
  int count() const { return count_; }

  Labels LabelsOf(const Term& term, int ellipsis_axes) {
    Labels labels;
    for (int i = 0; i <= static_cast<int>(term.letters.size()); ++i) {
      if (i == term.ellipsis)
        for (int axis = ellipsis_axes; axis-- > 0;) labels.push_back(Ellipsis(axis));
      if (i < static_cast<int>(term.letters.size())) labels.push_back(Letter(term.letters[i]));
    }
    return labels;
  }

 private:
  std::map<char, int> letters_;
  std::vector<int> ellipsis_;
  int count_ = 0;
};

/// Without an arrow: the ellipsis, then letters that stand once, in alphabetical order.
Term ImplicitResult(const std::vector<Term>& terms) {
  std::map<char, int> counts;
  Term result;
  for (const Term& term : terms) {
    if (term.ellipsis >= 0) result.ellipsis = 0;
    for (const char letter : term.letters) ++counts[letter];
  }
  for (const auto& [letter, count] : counts)
    if (count == 1) result.letters += letter;
  return result;
}

Result<void> SetExtents(Subscripts& subscripts, std::span<const TensorType> operands, int labels) {
  subscripts.extents.assign(labels, 1);
  for (size_t i = 0; i < operands.size(); ++i) {
    std::map<int, int64_t> own;
    for (size_t axis = 0; axis < operands[i].shape.size(); ++axis) {
      const int label = subscripts.operands[i][axis];
      const int64_t extent = operands[i].shape[axis];
      const auto [place, is_new] = own.emplace(label, extent);
      if (!is_new && place->second != extent)
        return Error("operand {} {} has extents {} and {} under one letter", i,
                     ToString(operands[i].shape), place->second, extent);
      int64_t& known = subscripts.extents[label];
      if (extent != 1 && known != 1 && extent != known)
        return Error("extents {} and {} stand under one letter, in operand {} {}", known, extent, i,
                     ToString(operands[i].shape));
      if (extent != 1) known = extent;
    }
  }
  return {};
}

Result<Term> ResultTerm(std::string_view text, bool is_given, const std::vector<Term>& terms,
                        const LabelTable& table) {
  if (!is_given) return ImplicitResult(terms);
  DESCENT_TRY(term, ParseTerm(text));
  for (const char letter : term.letters) {
    if (!table.Knows(letter)) return Error("letter {} of the result is in no operand", letter);
    if (std::ranges::count(term.letters, letter) > 1)
      return Error("letter {} stands twice in the result", letter);
  }
  return term;
}

}  // namespace

Result<Subscripts> ParseSubscripts(const std::string& equation,
                                   std::span<const TensorType> operands) {
  std::string text = equation;
  std::erase(text, ' ');
  if (operands.empty() || operands.size() > kMaxEinsumOperands)
    return Error("takes 1 to {} operands, not {}", kMaxEinsumOperands, operands.size());
  if (text.size() > 1024) return Error("the equation is too long");
  const size_t arrow = text.find("->");
  DESCENT_TRY(terms, ParseTerms(std::string_view(text).substr(0, arrow)));
  if (terms.size() != operands.size())
    return Error("equation {} has {} operands, but {} are given", Quoted(equation), terms.size(),
                 operands.size());
  LabelTable table;
  Subscripts subscripts;
  for (size_t i = 0; i < terms.size(); ++i) {
    const int letters = static_cast<int>(terms[i].letters.size()), rank = operands[i].rank();
    if (letters > rank || (letters < rank && terms[i].ellipsis < 0))
      return Error("equation {} names {} axes of operand {}, which is {}", Quoted(equation),
                   letters, i, ToString(operands[i].shape));
    subscripts.operands.push_back(table.LabelsOf(terms[i], rank - letters));
  }
  const bool is_given = arrow != std::string::npos;
  DESCENT_TRY(result, ResultTerm(std::string_view(text).substr(is_given ? arrow + 2 : text.size()),
                                 is_given, terms, table));
  subscripts.result = table.LabelsOf(result, table.ellipsis_axes());
  DESCENT_RETURN_IF_ERROR(SetExtents(subscripts, operands, table.count()));
  return subscripts;
}

// ---- order -------------------------------------------------------------------------------------

namespace {

using LabelSet = std::set<int>;

double Size(const LabelSet& labels, std::span<const int64_t> extents) {
  double size = 1;
  for (const int label : labels) size *= static_cast<double>(extents[label]);
  return size;
}

LabelSet Union(const LabelSet& a, const LabelSet& b) {
  LabelSet all = a;
  all.insert(b.begin(), b.end());
  return all;
}

/// Labels of `all` that others or the result still need.
LabelSet Kept(const LabelSet& all, const LabelSet& needed) {
  LabelSet kept;
  std::ranges::set_intersection(all, needed, std::inserter(kept, kept.end()));
  return kept;
}

/// Dynamic programming over sets of operands: the best tree of each set joins those of two parts.
class BestOrder {
 public:
  BestOrder(std::span<const LabelSet> operands, const LabelSet& result,
            std::span<const int64_t> extents)
      : operands_(operands),
        result_(result),
        extents_(extents),
        best_(size_t{1} << operands.size()) {
    for (uint32_t set = 1; set < best_.size(); ++set) Find(set);
  }

  std::vector<std::pair<int, int>> Pairs() {
    std::vector<std::pair<int, int>> pairs;
    next_ = static_cast<int>(operands_.size());
    Emit(static_cast<uint32_t>(best_.size()) - 1, pairs);
    return pairs;
  }

 private:
  struct Tree {
    double cost = std::numeric_limits<double>::infinity();
    uint32_t left = 0;  ///< the other part is the rest
    LabelSet labels;
  };

  void Find(uint32_t set) {
    LabelSet all, needed = result_;
    for (size_t i = 0; i < operands_.size(); ++i) {
      LabelSet& side = (set >> i & 1) != 0 ? all : needed;
      side.insert(operands_[i].begin(), operands_[i].end());
    }
    Tree& tree = best_[set];
    if (std::has_single_bit(set)) {
      tree = {0, 0, all};
      return;
    }
    tree.labels = Kept(all, needed);
    for (uint32_t left = (set - 1) & set; left != 0; left = (left - 1) & set) {
      if (left < (set & ~left)) break;  // the halves come again, exchanged
      const Tree &a = best_[left], &b = best_[set & ~left];
      const double cost = a.cost + b.cost + Size(Union(a.labels, b.labels), extents_);
      if (cost < tree.cost || tree.left == 0) tree.cost = cost, tree.left = left;
    }
  }

  /// Number of the operand that holds `set`.
  int Emit(uint32_t set, std::vector<std::pair<int, int>>& pairs) {
    if (std::has_single_bit(set)) return std::countr_zero(set);
    const int right = Emit(set & ~best_[set].left, pairs), left = Emit(best_[set].left, pairs);
    pairs.emplace_back(std::min(left, right), std::max(left, right));
    return next_++;
  }

  std::span<const LabelSet> operands_;
  const LabelSet& result_;
  std::span<const int64_t> extents_;
  std::vector<Tree> best_;
  int next_ = 0;
};

/// The cheapest pair each time, the first of several.
std::vector<std::pair<int, int>> GreedyOrder(std::span<const LabelSet> operands,
                                             const LabelSet& result,
                                             std::span<const int64_t> extents) {
  std::map<int, LabelSet> open;
  for (size_t i = 0; i < operands.size(); ++i) open[static_cast<int>(i)] = operands[i];
  std::vector<std::pair<int, int>> pairs;
  for (int next = static_cast<int>(operands.size()); open.size() > 1; ++next) {
    std::pair<int, int> best;
    double least = std::numeric_limits<double>::infinity();
    for (auto a = open.begin(); a != open.end(); ++a)
      for (auto b = std::next(a); b != open.end(); ++b)
        if (const double cost = Size(Union(a->second, b->second), extents);
            cost < least || best.first == best.second)
          least = cost, best = {a->first, b->first};
    const LabelSet all = Union(open.at(best.first), open.at(best.second));
    open.erase(best.first);
    open.erase(best.second);
    LabelSet needed = result;
    for (const auto& [number, labels] : open) needed.insert(labels.begin(), labels.end());
    open[next] = Kept(all, needed);
    pairs.push_back(best);
  }
  return pairs;
}

/// 3^n pairs of parts are looked at.
constexpr size_t kExhaustiveOperands = 8;

}  // namespace

std::vector<std::pair<int, int>> ContractionOrder(std::span<const LabelSet> operands,
                                                  const LabelSet& result,
                                                  std::span<const int64_t> extents) {
  if (operands.size() > kExhaustiveOperands) return GreedyOrder(operands, result, extents);
  return BestOrder(operands, result, extents).Pairs();
}

}  // namespace descent
