#include "compiler/kernel/scatter.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ir/counts.h"

namespace descent {
namespace {

constexpr int64_t kMaxTiles = 64;
constexpr int64_t kMaxChunks = 64;
/// Costs of an update in those of an arithmetic operation: of finding its row, of each element.
constexpr int64_t kRowCost = 16, kElementCost = 8;
/// Cost of sorting an update: fewer than a tile's work of them are not worth a kernel of their own.
constexpr int64_t kSortCost = 8;

/// Sets tile_rows and chunk. Looking at an update costs about as much as changing an element, so
/// that tiles do not outnumber the elements of a row unless the updates are sorted.
void Cut(ScatterForm& form, const TargetFacts& target) {
  const int64_t work = form.updates * (kRowCost + kElementCost * form.row_elements);
  const int64_t most = std::max<int64_t>(std::min(form.rows, kMaxTiles), 1);
  int64_t wanted =
      work < target.dispatch_work ? 1 : std::clamp<int64_t>(work / target.tile_work, 1, most);
  if (wanted > form.row_elements) {
    const int64_t chunk = std::max<int64_t>(target.tile_work / kSortCost, 1);
    if (form.updates >= chunk)
      form.chunk = std::max(chunk, CeilDiv(form.updates, kMaxChunks));
    else
      wanted = std::max<int64_t>(form.row_elements, 1);
  }
  form.tile_rows = std::max<int64_t>(CeilDiv(form.rows, wanted), 1);
  if (form.tiles() == 1) form.chunk = 0;
}

Kernel MakeBuckets(const TensorType& index, const TensorType& update, const ScatterForm& scatter) {
  ScatterForm form = scatter;
  form.sorted_rows = 2;
  form.sorted_updates = 3;
  form.ends = 4;
  const bool narrow = std::max(form.rows, form.updates) <= std::numeric_limits<int32_t>::max();
  const DType number = narrow ? DType::kI32 : DType::kI64;
  Kernel kernel{.form = BucketsForm{form}};
  kernel.parameters = {{index, false},
                       {update, false},
                       {{number, {form.updates}}, true},
                       {update, true},
                       {{number, {form.chunks(), form.tiles()}}, true}};
  kernel.stages.resize(1);
  return kernel;
}

}  // namespace

ScatterKernels MakeScatter(const TensorType& index, const TensorType& update,
                           const TensorType& destination, std::optional<ScalarOp> combine,
                           const TargetFacts& target) {
  ScatterKernels made;
  Kernel& kernel = made.scatter;
  ScatterForm& form = kernel.form.emplace<ScatterForm>();
  const Shape& shape = destination.shape;
  form.updates = index.elements();
  form.rows = shape.empty() ? 1 : shape[0];
  form.row_elements = shape.empty() ? 1 : Elements(Shape(shape.begin() + 1, shape.end()));
  form.combine = combine;
  Cut(form, target);
  if (form.chunk > 0) made.buckets = MakeBuckets(index, update, form);

  const auto add = [&](const TensorType& type, bool written) {
    kernel.parameters.push_back({type, written});
    return static_cast<int>(kernel.parameters.size()) - 1;
  };
  form.index = add(index, false);
  form.update = add(update, false);
  const int base = add(destination, false);
  if (made.buckets) {
    form.sorted_rows = add(made.buckets->parameters[2].type, false);
    form.sorted_updates = add(made.buckets->parameters[3].type, false);
    form.ends = add(made.buckets->parameters[4].type, false);
  }
  form.destination = add(destination, true);
  kernel.in_place = {{base, form.destination}};
  kernel.reports_status = true;
  kernel.flops = form.updates * form.row_elements;
  kernel.stages.resize(1);
  return made;
}

std::string PrintForm(const Kernel&, const BucketsForm& buckets) {
  const ScatterForm& form = buckets.scatter;
  return fmt::format("  p{}, p{} = {} updates by row p{}[u] of {}, {} rows to a tile; p{} ends\n",
                     form.sorted_rows, form.sorted_updates, form.updates, form.index, form.rows,
                     form.tile_rows, form.ends);
}

std::string PrintForm(const Kernel&, const ScatterForm& form) {
  const std::string combine =
      form.combine ? fmt::format("{} with", Info(*form.combine).name) : "set to";
  return fmt::format("  p{}[p{}[u], :] {} p{}[u, :] for {} updates of {} elements, {} rows{}\n",
                     form.destination, form.index, combine, form.update, form.updates,
                     form.row_elements, form.rows,
                     form.chunk > 0 ? fmt::format(", sorted in chunks of {}", form.chunk) : "");
}

}  // namespace descent
