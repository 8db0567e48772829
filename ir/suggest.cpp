#include "ir/suggest.h"

#include <algorithm>
#include <vector>

#include "ir/diagnostic.h"

namespace descent {
namespace {

constexpr size_t kMaxLength = 64;
constexpr size_t kMaxCandidates = 10'000;

/// What a name from PyTorch, Keras, NumPy or C is called here.
struct Synonym {
  std::string_view elsewhere, here;
};
constexpr Synonym kSynonyms[] = {
    {"float", "f32"},
    {"float32", "f32"},
    {"double", "f64"},
    {"float64", "f64"},
    {"int", "i32"},
    {"int32", "i32"},
    {"long", "i64"},
    {"int64", "i64"},
    {"half", "f16"},
    {"float16", "f16"},
    {"bfloat16", "bf16"},
    {"int8", "i8"},
    {"int16", "i16"},
    {"uint8", "u8"},
    {"uint16", "u16"},
    {"uint32", "u32"},
    {"uint64", "u64"},
    {"boolean", "bool"},
    {"xavier_uniform", "glorot_uniform"},
    {"xavier_normal", "glorot_normal"},
    {"kaiming_uniform", "he_uniform"},
    {"kaiming_normal", "he_normal"},
    {"lr", "learning_rate"},
    {"mean_squared_error", "mse"},
    {"mse_loss", "mse"},
    {"mae", "mean_absolute_error"},
    {"l1_loss", "mae"},
    {"mae_loss", "mae"},
    {"huber_loss", "huber"},
    {"smooth_l1_loss", "smooth_l1"},
    {"nll_loss", "nll"},
    {"kl_div_loss", "kl_div"},
    {"hinge_loss", "hinge"},
    {"binary_cross_entropy", "bce"},
    {"binary_cross_entropy_with_logits", "bce_with_logits"},
    {"categorical_crossentropy", "cross_entropy"},
    {"dense", "linear"},
    {"embedding", "gather"},
    {"concatenate", "concat"},
    {"permute", "transpose"},
    {"view", "reshape"},
    {"broadcast_to", "expand"},
    {"arange", "iota"},
    {"multiply", "mul"},
    {"subtract", "sub"},
    {"divide", "div"},
};

std::string Lower(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

/// Edits from `a` to `b`: insertions, deletions, replacements and swaps of neighbours.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string ClosestName(std::string_view name, std::span<const std::string_view> candidates) {
  if (name.empty() || name.size() > kMaxLength) return "";
  const std::string lower = Lower(name);
  const auto* synonym = std::ranges::find(kSynonyms, lower, &Synonym::elsewhere);
  const std::string_view known = synonym != std::end(kSynonyms) ? synonym->here : lower;
  if (known != name && std::ranges::find(candidates, known) != candidates.end())
    return std::string(known);
  std::string_view closest;
  size_t least = (name.size() + 2) / 3 + 1;
  for (const std::string_view candidate :
       candidates.first(std::min(candidates.size(), kMaxCandidates))) {
    if (candidate.size() > kMaxLength || candidate == name) continue;
    const size_t distance = EditDistance(name, candidate);
    if (distance < least && distance < std::max(name.size(), candidate.size())) {
      least = distance;
      closest = candidate;
    }
  }
  return std::string(closest);
}

std::string DidYouMean(std::string_view name, std::span<const std::string_view> candidates) {
  const std::string closest = ClosestName(name, candidates);
  return closest.empty() ? "" : fmt::format("did you mean {}?", Quoted(closest));
}

std::string SuggestionAmong(std::string_view name, std::span<const std::string_view> candidates,
                            std::string_view there_are) {
  const std::string near = DidYouMean(name, candidates);
  return fmt::format(
      "{}{}{} {}", near, near.empty() ? "" : " ", there_are,
      candidates.empty() ? "nothing" : fmt::format("{}", fmt::join(candidates, ", ")));
}

}  // namespace descent
