// Operators of the domain ai.onnx.ml that scikit-learn's networks and their preprocessing need.

#include <cmath>
#include <optional>

#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

constexpr std::string_view kMl = "ai.onnx.ml";

/// Elements along the last axis; a vector is one row of a matrix.
Outputs ArrayFeatureExtractor(OnnxNode& n) {
  const Value x = n.In(0);
  const Value indices = n.Reshape(n.In(1), {n.type(n.In(1)).elements()});
  const int rank = n.rank(x);
  if (n.failed()) return Value{};
  if (rank == 0) return n.Fail("a scalar has no elements to take");
  const Value taken = n.Add("gather", {x, indices}, {{"axis", int64_t{rank - 1}}});
  return rank == 1 ? n.Unsqueeze(taken, {0}) : taken;
}

/// `numbers`, one for each feature, the last axis of `x`, or one for all.
Value PerFeature(OnnxNode& n, std::string_view attribute, Value x,
                 const std::vector<double>& numbers, DType dtype) {
  if (n.failed()) return {};
  if (n.rank(x) == 0) return n.Fail("a scalar has no axis of features");
  const int64_t features = n.shape(x).back();
  const auto count = static_cast<int64_t>(numbers.size());
  if (count != 1 && count != features)
    return n.Fail("{} has {} numbers for {} features", attribute, count, features);
  return n.Constant(Tensor::FromDoubles({dtype, {count}}, numbers));
}

Outputs Scaler(OnnxNode& n) {
  const Value x = n.Cast(n.In(0), DType::kF32);
  const Value offset = PerFeature(n, "offset", x, n.Floats("offset", {0}), DType::kF32);
  const Value scale = PerFeature(n, "scale", x, n.Floats("scale", {1}), DType::kF32);
  return n.Times(n.Minus(x, offset), scale);
}

/// Elements that are the replaced value, which may be NaN, give way to one of their feature.
Outputs Imputer(OnnxNode& n) {
  const Value x = n.In(0);
  if (!n.IsFloat(x))
    return n.Unsupported("missing integers have no mark of their own; cast them to floats");
  const double replaced = n.Float("replaced_value_float", 0);
  const Value missing =
      std::isnan(replaced) ? n.Add("is_nan", {x}) : n.Add("equal", {x, n.Like(x, replaced)});
  const Value imputed =
      PerFeature(n, "imputed_value_floats", x, n.Floats("imputed_value_floats"), n.dtype(x));
  return n.Add("where", {missing, imputed, x});
}

/// 1 where an element is greater than the threshold, else 0.
Outputs Binarizer(OnnxNode& n) {
  const Value x = n.In(0);
  return n.Cast(n.Add("greater", {x, n.Like(x, n.Float("threshold", 0))}), n.dtype(x));
}

/// Each row, the last axis, over its norm; rows of norm 0 stay.
Outputs Normalizer(OnnxNode& n) {
  const Value x = n.Cast(n.In(0), DType::kF32);
  const std::string norm = n.Word("norm", "MAX");
  if (n.failed()) return Value{};
  const Attributes rows = {{"axes", std::vector<int64_t>{-1}}, {"keepdims", true}};
  Value size;
  if (norm == "MAX") {
    size = n.Add("max", {x}, rows);
  } else if (norm == "L1") {
    size = n.Add("sum", {n.Add("abs", {x})}, rows);
  } else if (norm == "L2") {
    size = n.Add("sqrt", {n.Add("sum", {n.Add("square", {x})}, rows)});
  } else {
    return n.Fail("there is no norm {}", Quoted(norm));
  }
  const Value empty = n.Add("equal", {size, n.Like(x, 0)});
  return n.Over(x, n.Add("where", {empty, n.Like(x, 1), size}));
}

/// "keys" or "values": a vector of one of the three types, or a tensor.
std::optional<Tensor> TableOf(OnnxNode& n, const std::string& which) {
  if (n.HasAttribute(which + "_tensor")) return n.TensorAttribute(which + "_tensor");
  if (n.HasAttribute(which + "_int64s")) {
    const auto numbers = n.Ints(which + "_int64s");
    return Tensor::FromInts({DType::kI64, {static_cast<int64_t>(numbers.size())}}, numbers);
  }
  if (n.HasAttribute(which + "_floats")) {
    const auto numbers = n.Floats(which + "_floats");
    return Tensor::FromDoubles({DType::kF32, {static_cast<int64_t>(numbers.size())}}, numbers);
  }
  if (n.HasAttribute(which + "_strings"))
    n.Unsupported("its {} are text; train with classes that are numbers", which);
  else
    n.Fail("attribute {}_* is missing", which);
  return std::nullopt;
}

/// What stands for an element that is no key.
Value Otherwise(OnnxNode& n, DType dtype) {
  if (n.HasAttribute("default_tensor"))
    return n.Reshape(n.Constant(n.TensorAttribute("default_tensor")), {});
  if (Info(dtype).is_float) return n.Scalar(dtype, n.Float("default_float", -0.0));
  return n.Constant(
      Tensor::FromInts({dtype, {}}, std::vector<int64_t>{n.Int("default_int64", -1)}));
}

/// The value of the first key that an element is; NaN is a key, too.
Outputs LabelEncoder(OnnxNode& n) {
  const Value x = n.In(0);
  const auto keys = TableOf(n, "keys"), values = TableOf(n, "values");
  if (n.failed()) return Value{};
  if (keys->elements() != values->elements() || keys->elements() == 0)
    return n.Fail("it has {} keys and {} values", keys->elements(), values->elements());
  const Value element = n.Unsqueeze(x, {n.rank(x)});
  const Value key = n.Reshape(n.Constant(*keys), {keys->elements()});
  Value is = n.Add("equal", {element, key});
  if (n.IsFloat(x))
    is = n.Add("logical_or",
               {is, n.Add("logical_and", {n.Add("is_nan", {element}), n.Add("is_nan", {key})})});
  const Value place = n.Add("argmax", {n.Cast(is, DType::kU8)}, {{"axis", int64_t{-1}}});
  const Value known = n.Add("any", {is}, {{"axes", std::vector<int64_t>{-1}}});
  const Value value = n.Reshape(n.Constant(*values), {values->elements()});
  return n.Add("where", {known, n.Add("gather", {value, place}, {{"axis", int64_t{0}}}),
                         Otherwise(n, values->dtype())});
}

Outputs ZipMap(OnnxNode& n) {
  return n.Unsupported(
      "it turns probabilities into dictionaries; export with options={{'zipmap': False}}");
}

}  // namespace

std::span<const OpImporter> ScikitImporters() {
  static const std::vector<OpImporter> kImporters = {
      {"ArrayFeatureExtractor", 1, kNewest, 2, {}, ArrayFeatureExtractor, {}, kMl},
      {"Binarizer", 1, kNewest, 1, {"threshold"}, Binarizer, {}, kMl},
      {"Imputer",
       1,
       kNewest,
       1,
       {"imputed_value_floats", "imputed_value_int64s", "replaced_value_float",
        "replaced_value_int64"},
       Imputer,
       {},
       kMl},
      {"LabelEncoder",
       2,
       kNewest,
       1,
       {"keys_int64s", "keys_floats", "keys_strings", "keys_tensor", "values_int64s",
        "values_floats", "values_strings", "values_tensor", "default_int64", "default_float",
        "default_string", "default_tensor"},
       LabelEncoder,
       {},
       kMl},
      {"Normalizer", 1, kNewest, 1, {"norm"}, Normalizer, {}, kMl},
      {"Scaler", 1, kNewest, 1, {"offset", "scale"}, Scaler, {}, kMl},
      {"ZipMap", 1, kNewest, 1, {"classlabels_int64s", "classlabels_strings"}, ZipMap, {}, kMl},
  };
  return kImporters;
}

}  // namespace descent::onnx
