#include "tests/compiler/oracle/sample_variation.h"

#include <algorithm>
#include <set>

namespace descent {
namespace {

constexpr int kAttempts = 6;
/// Around vector widths and register tiles, and odd ones.
constexpr int64_t kExtents[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33};

bool Chance(Random& random, int one_in) { return random() % one_in == 0; }

template <typename List>
auto Pick(const List& list, Random& random) {
  return std::data(list)[random() % std::size(list)];
}

// ---- extents -----------------------------------------------------------------------------------

void RenameExtent(OpSample& sample, Random& random) {
  std::set<int64_t> present;
  for (const TensorType& type : sample.operands)
    present.insert(type.shape.begin(), type.shape.end());
  if (present.empty()) return;
  const std::vector<int64_t> extents(present.begin(), present.end());
  const int64_t from = Pick(extents, random), to = Pick(kExtents, random);
  for (TensorType& type : sample.operands) std::ranges::replace(type.shape, from, to);
  if (Chance(random, 2)) return;
  // Attributes may speak of extents, too: sizes, splits, paddings.
  Attributes changed;
  for (auto [name, value] : sample.attributes) {
    if (auto* number = std::get_if<int64_t>(&value); number != nullptr && *number == from)
      *number = to;
    if (auto* list = std::get_if<std::vector<int64_t>>(&value))
      std::ranges::replace(*list, from, to);
    changed.Set(name, value);
  }
  sample.attributes = changed;
}

/// Channels that fill vectors, of a convolution of one group.
void WidenChannels(OpSample& sample, Random& random) {
  constexpr int64_t kWide[] = {8, 9, 16, 17, 32};
  if (!sample.op.starts_with("conv") || sample.op.starts_with("conv_transpose")) return;
  const int64_t* groups = std::get_if<int64_t>(sample.attributes.Find("groups"));
  const auto* layout = std::get_if<std::string>(sample.attributes.Find("layout"));
  if (groups != nullptr && *groups != 1) return;
  Shape &x = sample.operands[0].shape, &w = sample.operands[1].shape;
  int64_t& channels = layout != nullptr && *layout == "nhwc" ? x.back() : x[1];
  channels = w[1] = Pick(kWide, random);
  w[0] = Pick(kWide, random);
  if (sample.operands.size() > 2) sample.operands[2].shape = {w[0]};
}

void ChangeDTypes(OpSample& sample, DType (*change)(DType)) {
  for (TensorType& type : sample.operands) type.dtype = change(type.dtype);
  Attributes changed;
  for (auto [name, value] : sample.attributes) {
    if (auto* dtype = std::get_if<DType>(&value)) *dtype = change(*dtype);
    changed.Set(name, value);
  }
  sample.attributes = changed;
}

void SwapFloats(OpSample& sample) {
  ChangeDTypes(sample, [](DType dtype) {
    return dtype == DType::kF32 ? DType::kF64 : dtype == DType::kF64 ? DType::kF32 : dtype;
  });
}

// ---- attributes --------------------------------------------------------------------------------

int HighestRank(const OpSample& sample) {
  int rank = 1;
  for (const TensorType& type : sample.operands) rank = std::max(rank, type.rank());
  return rank;
}

/// One less, the same or one more; beyond the lowest comes the highest.
int64_t Beside(int64_t value, Random& random) {
  return static_cast<int64_t>(static_cast<uint64_t>(value) + random() % 3 - 1);
}

int64_t NearbyInt(int64_t value, int rank, Random& random) {
  if (Chance(random, 3)) return static_cast<int64_t>(random() % (2 * rank)) - rank;
  return Beside(value, random);
}

Attribute OtherValue(const AttributeSpec& spec, Attribute value, int rank, Random& random) {
  if (auto* flag = std::get_if<bool>(&value)) *flag = !*flag;
  if (auto* number = std::get_if<int64_t>(&value)) *number = NearbyInt(*number, rank, random);
  // Halves stay probabilities, rates and positive bounds.
  if (auto* number = std::get_if<double>(&value)) *number *= 0.5;
  if (auto* word = std::get_if<std::string>(&value); word != nullptr && !spec.choices.empty())
    *word = Pick(spec.choices, random);
  if (auto* list = std::get_if<std::vector<int64_t>>(&value); list != nullptr && !list->empty()) {
    if (Chance(random, 2)) {
      std::ranges::shuffle(*list, random);
    } else {
      int64_t& number = (*list)[random() % list->size()];
      number = Beside(number, random);
    }
  }
  return value;
}

void ChangeAttribute(OpSample& sample, Random& random) {
  const auto& specs = FindOp(sample.op)->signature.attributes;
  if (specs.empty()) return;
  const AttributeSpec& spec = specs[random() % specs.size()];
  const Attribute* given = sample.attributes.Find(spec.name);
  if (given == nullptr && !spec.default_value) return;
  const Attribute value = given != nullptr ? *given : *spec.default_value;
  sample.attributes.Set(std::string(spec.name),
                        OtherValue(spec, value, HighestRank(sample), random));
}

// ---- values ------------------------------------------------------------------------------------

/// Stated values repeated or cut off to the operand's new number of elements.
void RefillValues(OpSample& sample) {
  for (size_t i = 0; i < sample.values.size(); ++i) {
    std::vector<double>& values = sample.values[i];
    if (values.empty()) continue;
    const size_t stated = values.size();
    values.resize(sample.operands[i].elements());
    for (size_t k = stated; k < values.size(); ++k) values[k] = values[k - stated];
  }
}

/// Generated integers and stated ones stay inside what they index.
void LimitIndices(OpSample& sample) {
  const OpDef& op = *FindOp(sample.op);
  if (op.index_limit == nullptr) return;
  Attributes attributes = sample.attributes;
  if (!InferTypes(op, sample.operands, attributes)) return;
  for (size_t i = 0; i < sample.operands.size(); ++i) {
    const int64_t limit = op.index_limit({sample.operands, attributes}, static_cast<int>(i));
    if (limit <= 0) continue;
    sample.integers = std::min(sample.integers, limit);
    if (i < sample.values.size())
      for (double& value : sample.values[i])
        value = std::min(value, static_cast<double>(limit - 1));
  }
}

}  // namespace

std::optional<std::vector<TensorType>> SmallResults(const OpSample& sample) {
  Attributes attributes = sample.attributes;
  const auto results = InferTypes(*FindOp(sample.op), sample.operands, attributes);
  const auto fits = [](const TensorType& type) {
    return type.elements() > 0 && type.elements() <= kMaxRandomElements;
  };
  if (!results || !std::ranges::all_of(sample.operands, fits) ||
      !std::ranges::all_of(*results, fits))
    return std::nullopt;
  return *results;
}

void Refit(OpSample& sample) {
  RefillValues(sample);
  LimitIndices(sample);
}

OpSample InDouble(const OpSample& sample) {
  OpSample wide = sample;
  ChangeDTypes(wide, [](DType dtype) { return Info(dtype).is_float ? DType::kF64 : dtype; });
  return SmallResults(wide) ? wide : sample;
}

OpSample Varied(const OpSample& sample, Random& random) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    OpSample varied = sample;
    varied.expected.clear();
    varied.gradients.clear();
    const auto changes = 1 + random() % 2;
    for (uint64_t i = 0; i < changes; ++i) {
      if (Chance(random, 3)) ChangeAttribute(varied, random);
      if (Chance(random, 4)) SwapFloats(varied);
      if (!Chance(random, 4)) RenameExtent(varied, random);
      if (Chance(random, 2)) WidenChannels(varied, random);
    }
    if (!SmallResults(varied)) continue;
    Refit(varied);
    return varied;
  }
  return sample;
}

}  // namespace descent
