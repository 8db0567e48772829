// Feed: fills the inputs of one entry point's call from prepared data, batch by batch.
//
//   auto feed = Feed::Make(call, prepared, split.Rows(Split::kTrain));
//   feed->Fill(std::span(order).subspan(batch * size, size), executor);
//
// Rows a batch lacks repeat its row 0 (the caller passes the number of valid ones to Run). Inputs
// without a batch axis hold the whole split and are filled once, by Make. Fill allocates nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/data/prepared.h"
#include "runtime/executor.h"
#include "runtime/program.h"

namespace descent::runtime {

class Feed {
 public:
  /// `call` and `prepared` must outlive it.
  static Result<Feed> Make(EntryCall& call, const PreparedData& prepared,
                           const std::vector<int64_t>& rows);

  /// At most the entry's batch of rows; at least one.
  void Fill(std::span<const int64_t> rows, const Executor& executor) const;

 private:
  /// Input [outer, batch, inner] row-major; a row is its `outer` pieces of `inner` elements.
  struct Batched {
    const PreparedInput* values;
    std::byte* to;
    int64_t outer, inner, batch, element_bytes;
  };
  static void CopyRow(const Batched& input, int64_t row, int64_t position);

  std::vector<Batched> inputs_;
  int64_t batch_ = 0;
  int64_t row_elements_ = 0;  ///< over all inputs
};

}  // namespace descent::runtime
