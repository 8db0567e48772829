#include "tests/compiler/oracle/check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "compiler/graph/pipeline.h"
#include "compiler/graph/specialize.h"
#include "compiler/graph/transcribe.h"
#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

const std::set<std::string> kOptimizations = {"simplify", "fold_constants"};

Result<Model> PassesOf(const Model& model, const std::string& entry,
                       const std::set<std::string>& disabled) {
  return RunPasses(model, StandardPasses(model), {.pass = {.entry = entry}, .disabled = disabled});
}

/// The model for `rows` rows, none of which is padding.
Result<Model> WithoutBatch(const Model& model, int64_t rows) {
  if (model.batch == 0) return model;
  Model result = model;
  result.batch = 0;
  result.keep_partial_batch = false;
  for (InputBinding& input : result.inputs) {
    if (input.batch_axis >= 0) input.type.shape[input.batch_axis] = rows;
    input.batch_axis = -1;
  }
  std::vector<TensorType> types;
  for (const NamedValue& input : model.graph.inputs()) {
    const InputBinding* binding = result.FindInput(input.name);
    types.push_back(binding != nullptr ? binding->type : model.graph.type(input.value));
  }
  DESCENT_TRY(graph, TranscribeOver(model.graph, types, KeepNode));
  result.graph = std::move(graph);
  return result;
}

/// Values whose padded rows are like the first one: bounds of what is computed on valid rows must
/// not depend on what stands in others.
NamedTensors WithTamePadding(const OracleCase& one, const NamedTensors& values) {
  NamedTensors tame = values;
  for (const InputBinding& input : one.model.inputs)
    if (input.batch_axis >= 0)
      tame[input.name] = WithFirstRowRepeated(values.at(input.name), input.batch_axis,
                                              RunValuesOf(values).valid_rows);
  return tame;
}

BoundedArray CornerOf(const BoundedArray& array, const Shape& corner) {
  BoundedArray result{{array.type.dtype, corner}, {}};
  for (const int64_t place : PlacesInside(array.type.shape, corner))
    result.cells.push_back(array.cells[place]);
  return result;
}

std::vector<BoundedArray> Bounds(const Graph& graph, const NamedTensors& values,
                                 BadRead bad_read = BadRead::kZero) {
  return BoundErrors(graph, InputsOf(graph, values), RunValuesOf(values), Precision::kTyped,
                     nullptr, bad_read);
}

int64_t UndecidedIn(std::span<const BoundedArray> arrays) {
  int64_t count = 0;
  for (const BoundedArray& array : arrays)
    count += std::ranges::count(array.cells, true, &Bounded::undecided);
  return count;
}

/// The centres of the bounds are the exact interpreter's values: "" or what differs.
std::string CompareCentres(const Graph& graph, const Interpretation& exact,
                           std::span<const BoundedArray> bounds) {
  for (size_t i = 0; i < bounds.size(); ++i)
    for (int64_t k = 0; k < exact.outputs[i].elements(); ++k) {
      const Bounded& cell = bounds[i].cells[k];
      const bool is_float = Info(bounds[i].type.dtype).is_float;
      const double distance = is_float ? std::abs(exact.outputs[i].GetDouble(k) - cell.value) : 0;
      const bool same = is_float
                            ? exact.outputs[i].GetDouble(k) == cell.value || distance <= cell.error
                            : exact.outputs[i].GetInt(k) == cell.integer;
      if (!cell.undecided && !same)
        return fmt::format("interpreter and error analysis differ in {} element {}",
                           graph.outputs()[i].name, k);
    }
  return "";
}

/// The name of an output that only one of them has, or that stands elsewhere; "" if there is none.
std::string OtherOutput(const Graph& a, const Graph& b) {
  for (size_t i = 0; i < std::max(a.outputs().size(), b.outputs().size()); ++i) {
    if (i >= b.outputs().size()) return a.outputs()[i].name;
    if (i >= a.outputs().size() || a.outputs()[i].name != b.outputs()[i].name)
      return b.outputs()[i].name;
  }
  return "";
}

void CountFinite(const Tensor& exact, DType dtype, Sharpness& sharpness) {
  if (!Info(dtype).is_float) return;
  const double largest =
      dtype == DType::kF64 ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  sharpness.floats += exact.elements();
  for (int64_t i = 0; i < exact.elements(); ++i)
    if (std::abs(exact.GetDouble(i)) <= largest) ++sharpness.finite;
}

/// One way to compile the case.
struct Way {
  OptionSet options;
  Model optimized;
  CompiledCase compiled;
  bool as_written;  ///< the passes changed nothing, so the reference's bounds are its own
};

class Checker {
 public:
  Checker(const OracleCase& one, const Tamper& tamper) : case_(one), tamper_(tamper) {}

  CheckReport Run(std::span<const OptionSet> options) {
    const auto reference = ReferenceModel(case_);
    if (!reference) return Failed("passes: " + reference.error().ToString());
    reference_ = *reference;
    if (case_.model.batch != 0) {
      const auto padded = PassesOf(case_.model, case_.entry, kOptimizations);
      if (!padded) report_.refused = padded.error().ToString();
      if (!padded) return report_;
    }
    std::vector<Way> ways;
    for (const OptionSet& set : options) {
      report_.options = set;
      auto way = Compile(set);
      if (!way) return Failed("compilation: " + way.error().ToString());
      ways.push_back(*std::move(way));
    }
    NamedTensors values = WithSystemValues(case_.values);
    for (int call = 0; call < case_.calls && report_.failure.empty(); ++call)
      values = CheckCall(ways, values, call);
    return report_;
  }

 private:
  CheckReport Failed(std::string what) {
    report_.failure = std::move(what);
    return report_;
  }

  Result<Way> Compile(const OptionSet& set) {
    DESCENT_TRY(optimized, PassesOf(case_.model, case_.entry,
                                    set.simplify ? std::set<std::string>{} : kOptimizations));
    DESCENT_TRY(compiled, CompiledCase::Make(optimized, set, tamper_));
    const bool as_written = SameGraph(optimized.graph, reference_.graph);
    return Way{set, std::move(optimized), std::move(compiled), as_written};
  }

  /// The values of the next call.
  NamedTensors CheckCall(std::span<const Way> ways, const NamedTensors& values, int call) {
    const Graph& graph = reference_.graph;
    const auto written = Bounds(graph, values);
    const auto exact =
        Interpret(graph, InputsOf(graph, values), RunValuesOf(values), Precision::kExact);
    if (!exact) return Fail("interpreter: " + exact.error().message, call, values);
    if (std::string centre = CompareCentres(graph, *exact, written); !centre.empty())
      return Fail(centre, call, values);
    for (size_t i = 0; i < written.size(); ++i)
      CountFinite(exact->outputs[i], written[i].type.dtype, report_.sharpness);
    NamedTensors next = values;
    const NamedTensors tame = WithTamePadding(case_, values);
    for (const Way& way : ways) {
      report_.options = way.options;
      const int64_t undecided = report_.sharpness.elements - report_.sharpness.decided;
      const CompiledCase::Call run = way.compiled.Run(values);
      if (!run.memory.empty()) return Fail(run.memory, call, values);
      if (!run.unwritten.empty())
        return Fail("shows " + run.unwritten + " before it is whole", call, values);
      if (const std::string what = Compare(way, run, written, tame); !what.empty())
        return Fail(what, call, values);
      if (&way == ways.data())
        for (size_t i = 0; i < written.size(); ++i)
          if (const std::string& name = graph.outputs()[i].name; name.starts_with("next."))
            next[name.substr(5)] = run.outputs[i];
      // An undecided index may be out of range or not.
      const bool all_decided = undecided == report_.sharpness.elements - report_.sharpness.decided;
      if (all_decided && run.bad_index != exact->bad_index &&
          !(way.options.fuse && exact->bad_index && NoOutputReadsBadly(values, written)))
        return Fail(run.bad_index ? "reports a bad index" : "reports no bad index", call, values);
    }
    return next;
  }

  /// Fused kernels compute of a value only what is read, as of one that is sliced: an index of the
  /// rest may be out of range.
  bool NoOutputReadsBadly(const NamedTensors& values, std::span<const BoundedArray> written) const {
    return UndecidedIn(Bounds(reference_.graph, values, BadRead::kUndecided)) ==
           UndecidedIn(written);
  }

  /// Every output in the rows that are valid: "" or what differs.
  std::string Compare(const Way& way, const CompiledCase::Call& run,
                      std::span<const BoundedArray> written, const NamedTensors& tame) {
    const Graph& graph = reference_.graph;
    if (const std::string other = OtherOutput(graph, way.optimized.graph); !other.empty())
      return "has other outputs: " + other;
    std::vector<BoundedArray> own;
    if (!way.as_written) own = Bounds(way.optimized.graph, tame);
    for (size_t i = 0; i < written.size(); ++i) {
      const Shape& valid = written[i].type.shape;
      const BoundedArray computed = way.as_written ? written[i] : CornerOf(own[i], valid);
      const std::string difference =
          Difference(CornerOf(run.outputs[i], valid), written[i], computed, &report_.sharpness);
      if (!difference.empty()) return fmt::format("{} {}", graph.outputs()[i].name, difference);
    }
    return "";
  }

  NamedTensors Fail(const std::string& what, int call, const NamedTensors& values) {
    report_.failure = case_.calls == 1 ? what : fmt::format("call {}: {}", call, what);
    return values;
  }

  const OracleCase& case_;
  const Tamper& tamper_;
  Model reference_;
  CheckReport report_;
};

}  // namespace

void Sharpness::Add(const Sharpness& other) {
  elements += other.elements, decided += other.decided;
  floats += other.floats, finite += other.finite;
  relative.insert(relative.end(), other.relative.begin(), other.relative.end());
}

std::string Difference(const Tensor& got, const BoundedArray& written, const BoundedArray& computed,
                       Sharpness* sharpness) {
  if (got.type() != written.type)
    return fmt::format("is {}, not {}", ToString(got.type()), ToString(written.type));
  const bool is_float = Info(got.dtype()).is_float;
  double largest = 0;
  std::vector<double> bounds;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const Bounded &as_written = written.cells[i], &as_computed = computed.cells[i];
    if (as_written.undecided || as_computed.undecided) continue;
    if (!is_float) {
      bounds.push_back(0);
      if (got.GetInt(i) != as_written.integer)
        return fmt::format("element {}: {} for {}", i, got.GetInt(i), as_written.integer);
      continue;
    }
    const double value = got.GetDouble(i), exact = as_written.value;
    const double error = as_written.error + as_computed.error;
    if (std::isfinite(exact)) largest = std::max(largest, std::abs(exact));
    bounds.push_back(error);
    if (value != exact && !(std::abs(value - exact) <= error))
      return fmt::format("element {}: {} for {}, off by {} where {} is allowed", i, value, exact,
                         std::abs(value - exact), error);
  }
  if (sharpness == nullptr) return "";
  sharpness->elements += got.elements();
  sharpness->decided += static_cast<int64_t>(bounds.size());
  if (!is_float || bounds.empty() || largest == 0) return "";
  std::ranges::nth_element(bounds, bounds.begin() + bounds.size() / 2);
  sharpness->relative.push_back(bounds[bounds.size() / 2] / largest);
  return "";
}

Result<Model> ReferenceModel(const OracleCase& one) {
  const int64_t valid_rows = RunValuesOf(WithSystemValues(one.values)).valid_rows;
  DESCENT_TRY(model, WithoutBatch(one.model, valid_rows));
  return PassesOf(model, one.entry, kOptimizations);
}

CheckReport Check(const OracleCase& one, std::span<const OptionSet> options, const Tamper& tamper) {
  return Checker(one, tamper).Run(options);
}

}  // namespace descent
