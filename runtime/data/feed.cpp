#include "runtime/data/feed.h"

namespace descent::runtime {
namespace {

constexpr int64_t kElementsPerTile = 16384;  // below this a dispatch costs more than it gives

}  // namespace

Result<Feed> Feed::Make(EntryCall& call, const PreparedData& prepared,
                        const std::vector<int64_t>& rows) {
  const descent_entry& entry = call.entry();
  Feed feed;
  feed.batch_ = entry.batch;
  for (int64_t i = 0; i < entry.input_count; ++i) {
    const descent_input& input = entry.inputs[i];
    const descent_tensor& tensor = input.tensor;
    auto found = prepared.inputs.find(std::string_view(tensor.name));
    if (found == prepared.inputs.end()) {
      return FailWith(ExitStatus::kInternal, "", "input {} was not prepared", Quoted(tensor.name));
    }
    bool batched = input.batch_axis >= 0;
    int64_t axis = batched ? input.batch_axis : 0;
    Batched target = {.values = &found->second,
                      .to = call.input(i),
                      .outer = 1,
                      .inner = 1,
                      .batch = tensor.rank > 0 ? tensor.dims[axis] : 1,
                      .element_bytes = SizeOf(tensor.dtype)};
    for (int64_t a = 0; a < tensor.rank; ++a) {
      if (a < axis) target.outer *= tensor.dims[a];
      if (a > axis) target.inner *= tensor.dims[a];
    }
    if (batched) {
      feed.row_elements_ += found->second.row_elements();
      feed.inputs_.push_back(target);
      continue;
    }
    if (static_cast<int64_t>(rows.size()) != target.batch) {
      return Fail("", "input {} is {} and takes all rows at once, but there are {}",
                  Quoted(tensor.name), ShapeText(tensor), rows.size());
    }
    for (size_t row = 0; row < rows.size(); ++row) {
      CopyRow(target, rows[row], static_cast<int64_t>(row));
    }
  }
  return feed;
}

void Feed::CopyRow(const Batched& input, int64_t row, int64_t position) {
  for (int64_t outer = 0; outer < input.outer; ++outer) {
    input.values->Copy(
        row, outer * input.inner, input.inner,
        input.to + (outer * input.batch + position) * input.inner * input.element_bytes);
  }
}

void Feed::Fill(std::span<const int64_t> rows, const Executor& executor) const {
  auto copy = [&](int64_t first, int64_t last) {
    for (int64_t position = first; position < last; ++position) {
      int64_t row = position < static_cast<int64_t>(rows.size()) ? rows[position] : rows[0];
      for (const Batched& input : inputs_) CopyRow(input, row, position);
    }
  };
  if (row_elements_ * batch_ < kElementsPerTile) {
    copy(0, batch_);
  } else {
    executor.Run(batch_, copy);
  }
}

}  // namespace descent::runtime
