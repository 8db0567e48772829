#include "frontends/onnx/registry.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "frontends/onnx/import.h"
#include "frontends/onnx/ops/families.h"

namespace descent::onnx {
namespace {

using Key = std::pair<std::string_view, std::string_view>;

const std::multimap<Key, const OpImporter*>& Rows() {
  static const auto kRows = [] {
    std::multimap<Key, const OpImporter*> rows;
    for (const std::span<const OpImporter> family : ImporterFamilies())
      for (const OpImporter& row : family) rows.emplace(Key{row.domain, row.name}, &row);
    return rows;
  }();
  return kRows;
}

Key KeyOf(std::string_view domain, std::string_view name) { return {PlainDomain(domain), name}; }

}  // namespace

std::span<const std::span<const OpImporter>> ImporterFamilies() {
  static const std::array kFamilies = {
      ActivationImporters(),  AttentionImporters(),     ConstantImporters(),
      ContractImporters(),    ControlImporters(),       ConvolutionImporters(),
      ElementwiseImporters(), GradientImporters(),      ImageImporters(),
      IndexingImporters(),    LayoutImporters(),        LinearAttentionImporters(),
      LossImporters(),        NormalizationImporters(), OptimizerImporters(),
      PoolImporters(),        QuantizeImporters(),      RandomImporters(),
      RecurrentImporters(),   ReduceImporters(),        SamplingImporters(),
      ScatterImporters(),     ScikitImporters(),        SequenceImporters(),
      SignalImporters(),      SlicingImporters(),       SortImporters(),
  };
  return kFamilies;
}

const OpImporter* FindImporter(std::string_view domain, std::string_view name, int version) {
  const auto [first, last] = Rows().equal_range(KeyOf(domain, name));
  const auto row = std::find_if(first, last, [&](const auto& entry) {
    return entry.second->since <= version && version <= entry.second->until;
  });
  return row == last ? nullptr : row->second;
}

std::vector<SupportedOperator> SupportedOperators() {
  std::vector<SupportedOperator> operators;
  for (const std::span<const OpImporter> family : ImporterFamilies())
    for (const OpImporter& row : family)
      operators.push_back(
          {row.domain, row.name, row.since, std::min(row.until, kNewestOpset), row.attributes});
  std::ranges::sort(operators, {}, [](const SupportedOperator& each) {
    return std::tuple(each.domain, each.name, each.since);
  });
  // Rows may differ in more than what is told here.
  std::vector<SupportedOperator> merged;
  for (SupportedOperator& each : operators) {
    SupportedOperator* last = merged.empty() ? nullptr : &merged.back();
    if (last != nullptr && last->domain == each.domain && last->name == each.name &&
        last->until + 1 == each.since && last->attributes == each.attributes)
      last->until = each.until;
    else
      merged.push_back(std::move(each));
  }
  return merged;
}

bool KnowsOperator(std::string_view domain, std::string_view name) {
  return Rows().contains(KeyOf(domain, name));
}

}  // namespace descent::onnx
