#include "ir/op_def.h"

#include <algorithm>
#include <unordered_map>

#include "ir/ops/families.h"

namespace descent {
namespace {

bool Allows(DTypeClass dtypes, DType dtype) {
  const DTypeInfo& info = Info(dtype);
  switch (dtypes) {
    case DTypeClass::kAny:
      return true;
    case DTypeClass::kFloat:
      return info.is_float;
    case DTypeClass::kInteger:
      return info.is_integer;
    case DTypeClass::kNumeric:
      return info.is_float || info.is_integer;
    case DTypeClass::kBool:
      return dtype == DType::kBool;
  }
  return false;
}

std::string_view ToString(DTypeClass dtypes) {
  static constexpr std::string_view kNames[] = {"any type", "a float type", "an integer type",
                                                "a float or integer type", "bool"};
  return kNames[static_cast<size_t>(dtypes)];
}

/// The specification of operand `index`; a variadic one stands for all that follow.
const OperandSpec& SpecOf(const Signature& signature, size_t index) {
  return signature.operands[std::min(index, signature.operands.size() - 1)];
}

Result<void> CheckOperands(const OpDef& op, std::span<const TensorType> operands) {
  const auto& specs = op.signature.operands;
  const bool variadic = !specs.empty() && specs.back().variadic;
  const auto required = static_cast<size_t>(std::ranges::count_if(
      specs, [](const OperandSpec& spec) { return !spec.optional && !spec.variadic; }));
  if (operands.size() < required || (!variadic && operands.size() > specs.size())) {
    const std::string expected = required == specs.size() ? fmt::format("{}", required)
                                 : variadic               ? fmt::format("at least {}", required)
                                            : fmt::format("{} to {}", required, specs.size());
    auto error =
        Error("takes {} operand{}, not {}", expected, expected == "1" ? "" : "s", operands.size());
    if (operands.size() > required && !op.signature.attributes.empty())
      error.error().hint =
          fmt::format("attributes are named: {}=...", op.signature.attributes[0].name);
    return error;
  }
  std::unordered_map<int, size_t> first_of_group;
  for (size_t i = 0; i < operands.size(); ++i) {
    const OperandSpec& spec = SpecOf(op.signature, i);
    if (!Allows(spec.dtypes, operands[i].dtype))
      return Error("operand {} must have {}, not {}", spec.name, ToString(spec.dtypes),
                   Info(operands[i].dtype).name);
    if (spec.dtype_group < 0) continue;
    const auto [first, is_new] = first_of_group.emplace(spec.dtype_group, i);
    if (!is_new && operands[first->second].dtype != operands[i].dtype)
      return Error("operands {} and {} must have one dtype, not {} and {}",
                   SpecOf(op.signature, first->second).name, spec.name,
                   Info(operands[first->second].dtype).name, Info(operands[i].dtype).name);
  }
  return {};
}

/// A list `[]` has no element kind, and a whole number is a float where one is expected.
std::optional<Attribute> Convert(const Attribute& value, AttributeKind kind) {
  if (KindOf(value) == kind) return value;
  if (kind == AttributeKind::kFloat)
    if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* integers = std::get_if<std::vector<int64_t>>(&value))
    if (kind == AttributeKind::kFloats)
      return std::vector<double>(integers->begin(), integers->end());
  return std::nullopt;
}

Result<void> CheckChoice(const AttributeSpec& spec, const Attribute& value) {
  if (spec.choices.empty()) return {};
  const auto& word = std::get<std::string>(value);
  if (std::ranges::find(spec.choices, word) != spec.choices.end()) return {};
  std::string allowed;
  for (const auto choice : spec.choices)
    allowed += (allowed.empty() ? "" : ", ") + std::string(choice);
  return Error("attribute {} is one of {}, not {}", spec.name, allowed, Quoted(word));
}

Result<void> CheckAttributes(const OpDef& op, Attributes& attributes) {
  for (const auto& [name, value] : attributes) {
    if (std::ranges::find(op.signature.attributes, name, &AttributeSpec::name) ==
        op.signature.attributes.end())
      return Error("has no attribute {}", Quoted(name));
  }
  for (const AttributeSpec& spec : op.signature.attributes) {
    const Attribute* given = attributes.Find(spec.name);
    if (given == nullptr) {
      if (!spec.default_value) return Error("needs attribute {}", spec.name);
      attributes.Set(std::string(spec.name), *spec.default_value);
      continue;
    }
    auto converted = Convert(*given, spec.kind);
    if (!converted)
      return Error("attribute {} must be {}, not {}", spec.name, ToString(spec.kind),
                   ToString(KindOf(*given)));
    if (spec.kind == AttributeKind::kString) DESCENT_RETURN_IF_ERROR(CheckChoice(spec, *converted));
    attributes.Set(std::string(spec.name), *std::move(converted));
  }
  return {};
}

}  // namespace

Result<std::vector<TensorType>> InferTypes(const OpDef& op, std::span<const TensorType> operands,
                                           Attributes& attributes) {
  DESCENT_RETURN_IF_ERROR(CheckOperands(op, operands));
  DESCENT_RETURN_IF_ERROR(CheckAttributes(op, attributes));
  return op.infer(OpContext{operands, attributes});
}

Value ValidRows::Mask(GraphBuilder& b, const Shape& shape, int axis) const {
  Shape column(shape.size(), 1);
  column[axis] = shape[axis];
  Value row = b.Add(
      "iota", {}, {{"shape", std::move(column)}, {"axis", int64_t{axis}}, {"dtype", DType::kI64}});
  const auto number = [&](int64_t value) {
    return b.Constant(Tensor::Scalar(DType::kI64, static_cast<double>(value)));
  };
  if (stride != 1) row = b.Add("div", {row, number(stride)});
  if (shape[axis] != rows * stride) row = b.Add("remainder", {row, number(rows)});
  return b.Add("less", {row, count});
}

const OpDef* FindOp(std::string_view name) {
  static const auto* kByName = [] {
    auto* map = new std::unordered_map<std::string_view, const OpDef*>;
    for (const OpFamily& family : OpFamilies())
      for (const OpDef& op : family.ops)
        DESCENT_CHECK(map->emplace(op.name, &op).second, "two operators of one name");
    return map;
  }();
  const auto place = kByName->find(name);
  return place == kByName->end() ? nullptr : place->second;
}

std::span<const OpFamily> OpFamilies() {
  static const std::vector<OpFamily> kFamilies = {
      {"leaf", LeafOps()},
      {"arithmetic", ArithmeticOps()},
      {"elementary", ElementaryOps()},
      {"elementwise", ElementwiseOps()},
      {"reduce", ReduceOps()},
      {"statistic", StatisticOps()},
      {"prefix", PrefixOps()},
      {"contract", ContractOps()},
      {"einsum", EinsumOps()},
      {"convolution", ConvolutionOps()},
      {"transposed_convolution", TransposedConvolutionOps()},
      {"layout", LayoutOps()},
      {"slicing", SlicingOps()},
      {"arrange", ArrangeOps()},
      {"matrix", MatrixOps()},
      {"window", WindowOps()},
      {"pool", PoolOps()},
      {"global_pool", GlobalPoolOps()},
      {"resample", ResampleOps()},
      {"resize", ResizeOps()},
      {"grid_sample", GridSampleOps()},
      {"rectifier", RectifierOps()},
      {"activation", ActivationOps()},
      {"softmax", SoftmaxOps()},
      {"loss", LossOps()},
      {"normalization", NormalizationOps()},
      {"attention", AttentionOps()},
      {"transformer", TransformerOps()},
      {"layer_normalization", LayerNormalizationOps()},
      {"local_response_normalization", LocalResponseNormOps()},
      {"weight_normalization", WeightNormalizationOps()},
      {"quantize", QuantizeOps()},
      {"indexing", IndexingOps()},
      {"scatter", ScatterOps()},
      {"bag", BagOps()},
      {"sort", SortOps()},
      {"selection", SelectionOps()},
      {"random", RandomOps()},
      {"initializer", InitializerOps()},
      {"control", ControlOps()},
      {"flow", FlowOps()},
      {"annotation", AnnotationOps()},
      {"recurrent", RecurrentOps()},
      {"metric", MetricOps()},
  };
  return kFamilies;
}

}  // namespace descent
