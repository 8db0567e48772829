#include "tests/compiler/kernel/form_reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

#include "compiler/kernel/axis_forms.h"

namespace descent {
namespace {

using Entry = std::pair<uint64_t, uint64_t>;  // key, place

/// Unsigned, in the order of the elements.
uint64_t KeyOf(const Tensor& values, int64_t at, bool descending) {
  const DTypeInfo& info = Info(values.dtype());
  const int bits = 8 * info.bytes;
  const uint64_t all = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  const uint64_t sign = uint64_t{1} << (bits - 1);
  uint64_t raw = 0;
  std::memcpy(&raw, values.bytes().data() + at * info.bytes, info.bytes);
  uint64_t key = raw;
  if (info.is_float) {
    const double value = values.GetDouble(at);
    if (std::isnan(value))
      key = all;
    else if (value == 0)
      key = sign;
    else
      key = (raw & sign) != 0 ? ~raw & all : raw | sign;
  } else if (!info.is_unsigned) {
    key = raw ^ sign;
  }
  return descending ? ~key & all : key;
}

class Entries {
 public:
  Entries(const SortForm& form, const Tensor& tensor)
      : form_(form),
        type_(tensor.type()),
        bytes_(tensor.bytes().begin(), tensor.bytes().end()),
        words_(form.entry_bits / 64) {}

  Entry Get(int64_t at) const {
    const auto word = [&](int64_t number) {
      return static_cast<uint64_t>(LoadInt(DType::kU64, bytes_.data(), number));
    };
    if (words_ == 2) return {word(2 * at + 1), word(2 * at)};
    return {word(at) >> 32, word(at) & 0xffffffff};
  }
  void Set(int64_t at, Entry entry) {
    const auto store = [&](int64_t number, uint64_t value) {
      StoreInt(DType::kU64, bytes_.data(), number, static_cast<int64_t>(value));
    };
    if (words_ == 1) return store(at, entry.first << 32 | entry.second);
    store(2 * at + 1, entry.first);
    store(2 * at, entry.second);
  }
  /// In runs of so many.
  void Sort(int64_t row, int64_t run) {
    const int64_t length = form_.axis.length;
    for (int64_t low = 0; low < length; low += run) {
      std::vector<Entry> entries;
      for (int64_t i = low; i < std::min(low + run, length); ++i)
        entries.push_back(Get(row * length + i));
      std::ranges::sort(entries);
      for (size_t i = 0; i < entries.size(); ++i)
        Set(row * length + low + static_cast<int64_t>(i), entries[i]);
    }
  }
  Tensor Take() { return Tensor(type_, std::move(bytes_)); }

 private:
  const SortForm& form_;
  TensorType type_;
  std::vector<std::byte> bytes_;
  int words_;
};

/// Calls `body` with each row's number and the function from its places to elements.
void ForEachRow(const AlongAxis& axis,
                const std::function<void(int64_t, const std::function<int64_t(int64_t)>&)>& body) {
  for (int64_t row = 0; row < axis.outer * axis.inner; ++row)
    body(row, [&](int64_t place) {
      return (row / axis.inner * axis.length + place) * axis.inner + row % axis.inner;
    });
}

Tensor SortWhole(const SortForm& form, const Tensor& values, const TensorType& type) {
  const auto less = [&](int64_t a, int64_t b) {
    if (form.descending) std::swap(a, b);
    if (!Info(values.dtype()).is_float) {
      const auto x = values.GetInt(a), y = values.GetInt(b);
      return values.dtype() == DType::kU64 ? static_cast<uint64_t>(x) < static_cast<uint64_t>(y)
                                           : x < y;
    }
    const double x = values.GetDouble(a), y = values.GetDouble(b);
    return std::isnan(y) ? !std::isnan(x) : x < y;
  };
  std::vector<int64_t> ranks(type.elements());
  ForEachRow(form.axis, [&](int64_t, const auto& element) {
    std::vector<int64_t> order(form.axis.length);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order,
                             [&](int64_t a, int64_t b) { return less(element(a), element(b)); });
    for (size_t rank = 0; rank < order.size(); ++rank)
      ranks[element(order[rank])] = static_cast<int64_t>(rank);
  });
  return Tensor::FromInts(type, ranks);
}

Tensor Ranks(const SortForm& form, Entries& entries, const TensorType& type) {
  std::vector<int64_t> ranks(type.elements());
  ForEachRow(form.axis, [&](int64_t row, const auto& element) {
    const int64_t length = form.axis.length;
    entries.Sort(row, length);
    for (int64_t rank = 0; rank < length; ++rank)
      ranks[element(static_cast<int64_t>(entries.Get(row * length + rank).second))] = rank;
  });
  return Tensor::FromInts(type, ranks);
}

}  // namespace

std::vector<Tensor> RunSortReference(const Kernel& kernel, std::vector<Tensor> before) {
  const SortForm& form = kernel.as<SortForm>();
  if (form.part == SortPart::kWhole) {
    before[1] = SortWhole(form, before[0], before[1].type());
    return before;
  }
  Entries entries(form, before[form.part == SortPart::kRuns ? 1 : 0]);
  if (form.part == SortPart::kRanks) {
    before[1] = Ranks(form, entries, before[1].type());
    return before;
  }
  ForEachRow(form.axis, [&](int64_t row, const auto& element) {
    const int64_t length = form.axis.length;
    if (form.part == SortPart::kRuns)
      for (int64_t place = 0; place < length; ++place)
        entries.Set(row * length + place, {KeyOf(before[0], element(place), form.descending),
                                           static_cast<uint64_t>(place)});
    entries.Sort(row, form.part == SortPart::kRuns ? form.run : 2 * form.run);
  });
  before[1] = entries.Take();
  return before;
}

std::vector<Tensor> RunBucketsReference(const Kernel& kernel, std::vector<Tensor> before) {
  const ScatterForm& form = kernel.as<BucketsForm>().scatter;
  const auto copy = [&](int parameter) {
    const auto bytes = before[parameter].bytes();
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  const std::vector<std::byte> updates = copy(form.update);
  std::vector<std::byte> rows = copy(form.sorted_rows), sorted = copy(form.sorted_updates);
  const DType number = before[form.sorted_rows].dtype();
  const int64_t width = form.row_elements * Info(before[form.update].dtype()).bytes;
  std::vector<int64_t> ends;
  for (int64_t first = 0; first < form.updates; first += form.chunk) {
    int64_t place = first;
    for (int64_t tile = 0; tile < form.tiles(); ++tile) {
      for (int64_t u = first; u < std::min(first + form.chunk, form.updates); ++u) {
        const int64_t row = before[form.index].GetInt(u);
        if (row < 0 || row >= form.rows || row / form.tile_rows != tile) continue;
        StoreInt(number, rows.data(), place, row);
        std::copy_n(updates.begin() + u * width, width, sorted.begin() + place * width);
        ++place;
      }
      ends.push_back(place - first);
    }
  }
  before[form.sorted_rows] = Tensor(before[form.sorted_rows].type(), std::move(rows));
  before[form.sorted_updates] = Tensor(before[form.sorted_updates].type(), std::move(sorted));
  before[form.ends] = Tensor::FromInts(before[form.ends].type(), ends);
  return before;
}

}  // namespace descent
