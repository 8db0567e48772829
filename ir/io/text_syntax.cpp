#include "ir/io/text_syntax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <deque>

#include "ir/float16.h"

namespace descent {
namespace {

constexpr std::array<std::string_view, 5> kReserved = {"inf", "nan", "true", "false", "_"};

template <typename Float, typename Bits>
std::string PrintExactly(Float value, Bits default_nan) {
  const Bits bits = std::bit_cast<Bits>(value);
  if (std::isnan(value)) return bits == default_nan ? "nan" : fmt::format("nan(0x{:x})", bits);
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string PrintFloat16(DType dtype, uint16_t bits) {
  const double value = FromBits16(dtype, bits);
  if (!std::isnan(value)) return PrintFloat(ShortestDecimal(dtype, value));
  return bits == ToBits16(dtype, value) && bits < 0x8000 ? "nan" : fmt::format("nan(0x{:x})", bits);
}

bool IsIdentifier(std::string_view name) {
  if (name.empty() || !IsNameStart(name[0]) || name.back() == '.') return false;
  for (size_t i = 1; i < name.size(); ++i)
    if (!IsNamePart(name[i]) && (name[i] != '.' || name[i - 1] == '.')) return false;
  return true;
}

}  // namespace

bool IsReserved(std::string_view word) {
  return std::ranges::find(kReserved, word) != kReserved.end();
}

std::string PrintName(std::string_view name) {
  return IsIdentifier(name) && !IsReserved(name) ? std::string(name) : PrintString(name);
}

std::string PrintString(std::string_view text) {
  static constexpr std::string_view kEscapes = "\"\\nrt", kMeanings = "\"\\\n\r\t";
  std::string quoted = "\"";
  for (const char c : text) {
    const size_t which = kMeanings.find(c);
    if (which != std::string_view::npos) {
      quoted += {'\\', kEscapes[which]};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string_view SlotKeyword(SlotKind kind) {
  static constexpr std::string_view kKeywords[] = {"parameter", "statistic", "state"};
  return kKeywords[static_cast<size_t>(kind)];
}

void SortByStatement(std::vector<StatementComment>& comments) {
  std::vector<std::pair<std::string_view, size_t>> order;
  for (const StatementComment& comment : comments)
    order.emplace_back(comment.statement, order.size());
  std::ranges::sort(order);
  std::vector<StatementComment> sorted;
  for (const auto& [statement, index] : order) sorted.push_back(comments[index]);
  comments = std::move(sorted);
}

std::string PrintFloat(double value) {
  return PrintExactly<double, uint64_t>(value, 0x7ff8000000000000);
}

std::string PrintElement(const Tensor& tensor, int64_t index) {
  switch (tensor.dtype()) {
    case DType::kF32: {
      float value;  // not through double, which would change the bits of a NaN
      std::memcpy(&value, tensor.bytes().data() + index * sizeof(value), sizeof(value));
      return PrintExactly<float, uint32_t>(value, 0x7fc00000);
    }
    case DType::kF64:
      return PrintFloat(tensor.GetDouble(index));
    case DType::kBF16:
    case DType::kF16: {
      uint16_t bits;
      std::memcpy(&bits, tensor.bytes().data() + index * sizeof(bits), sizeof(bits));
      return PrintFloat16(tensor.dtype(), bits);
    }
    case DType::kBool:
      return tensor.GetInt(index) != 0 ? "true" : "false";
    default:
      return PrintInteger(tensor.dtype(), tensor.GetInt(index));
  }
}

std::optional<DType> LiteralDType(const OpDef& op, size_t index,
                                  std::span<const std::optional<DType>> operands) {
  const auto& specs = op.signature.operands;
  if (specs.empty()) return std::nullopt;
  const auto spec = [&](size_t i) -> const OperandSpec& {
    return specs[std::min(i, specs.size() - 1)];
  };
  const OperandSpec& own = spec(index);
  if (own.dtypes == DTypeClass::kBool) return DType::kBool;
  for (size_t i = 0; i < operands.size() && own.dtype_group >= 0; ++i)
    if (operands[i] && spec(i).dtype_group == own.dtype_group) return operands[i];
  return std::nullopt;
}

namespace {

/// Finds the constants that can be written in place: unnamed scalars whose dtype follows from the
/// other operands at every use. Giving up one may change the dtype of others, so its users are seen
/// again.
class InPlaceConstants {
 public:
  explicit InPlaceConstants(const Graph& graph) : graph_(graph), users_(graph.nodes().size()) {
    for (const Node& node : graph.nodes()) candidate_.push_back(MayStandInPlace(node));
    for (const NamedValue& output : graph.outputs()) candidate_[output.value.node] = false;
    for (size_t i = 0; i < graph.nodes().size(); ++i) {
      for (const Value operand : graph.nodes()[i].operands)
        if (candidate_[operand.node]) users_[operand.node].push_back(static_cast<int32_t>(i));
      work_.push_back(static_cast<int32_t>(i));
    }
    queued_.assign(graph.nodes().size(), true);
  }

  std::vector<bool> Find() && {
    for (; !work_.empty(); work_.pop_front()) {
      queued_[work_.front()] = false;
      Check(graph_.nodes()[work_.front()]);
    }
    // One that nothing uses would not be written at all.
    for (size_t i = 0; i < candidate_.size(); ++i)
      if (users_[i].empty()) candidate_[i] = false;
    return std::move(candidate_);
  }

 private:
  static bool MayStandInPlace(const Node& node) {
    return node.op->leaf == Leaf::kConstant && node.types[0].rank() == 0 &&
           node.label.names[0].empty() && node.label.comment.empty() && node.label.trailing.empty();
  }

  void Check(const Node& node) {
    bool any = false;
    std::vector<std::optional<DType>> dtypes;
    for (const Value operand : node.operands) {
      any |= candidate_[operand.node];
      dtypes.push_back(candidate_[operand.node] ? std::nullopt
                                                : std::optional(graph_.type(operand).dtype));
    }
    for (size_t i = 0; any && i < node.operands.size(); ++i)
      if (!dtypes[i] && LiteralDType(*node.op, i, dtypes) != graph_.type(node.operands[i]).dtype)
        GiveUp(node.operands[i].node);
  }

  void GiveUp(int32_t constant) {
    if (!candidate_[constant]) return;
    candidate_[constant] = false;
    for (const int32_t user : users_[constant]) {
      if (queued_[user]) continue;
      queued_[user] = true;
      work_.push_back(user);
    }
  }

  const Graph& graph_;
  std::vector<bool> candidate_, queued_;
  std::vector<std::vector<int32_t>> users_;
  std::deque<int32_t> work_;
};

}  // namespace

StatementOrder OrderStatements(const Graph& graph) {
  const auto nodes = graph.nodes();
  StatementOrder order = {.nodes = {},
                          .position = std::vector<int32_t>(nodes.size(), -1),
                          .in_place = InPlaceConstants(graph).Find()};
  const auto write = [&](int32_t node) {
    if (order.position[node] >= 0) return;
    order.position[node] = static_cast<int32_t>(order.nodes.size());
    order.nodes.push_back(node);
  };
  for (const NamedValue& input : graph.inputs()) write(input.value.node);
  for (int32_t i = 0; i < static_cast<int32_t>(nodes.size()); ++i) {
    if (order.in_place[i]) continue;
    for (const Value operand : nodes[i].operands)
      if (order.in_place[operand.node]) write(operand.node);
    write(i);
  }
  return order;
}

StatementOrder OrderByStructure(const Graph& graph) {
  const auto nodes = graph.nodes();
  StatementOrder order = {.nodes = {},
                          .position = std::vector<int32_t>(nodes.size(), -1),
                          .in_place = std::vector<bool>(nodes.size(), false)};
  const auto write = [&](int32_t node) {
    order.position[node] = static_cast<int32_t>(order.nodes.size());
    order.nodes.push_back(node);
  };
  for (const NamedValue& input : graph.inputs()) write(input.value.node);
  // Node and the operand to visit next; graphs are too deep for recursion.
  std::vector<std::pair<int32_t, size_t>> path;
  for (const NamedValue& output : graph.outputs()) {
    path.emplace_back(output.value.node, 0);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (order.position[node] < 0 && next < nodes[node].operands.size()) {
        const int32_t operand = nodes[node].operands[next++].node;
        if (order.position[operand] < 0) path.emplace_back(operand, 0);
        continue;
      }
      if (order.position[node] < 0) write(node);
      path.pop_back();
    }
  }
  return order;
}

}  // namespace descent
