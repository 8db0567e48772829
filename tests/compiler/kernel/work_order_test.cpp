#include "compiler/kernel/work_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace descent {
namespace {

Work MakeWork(const std::vector<int>& reads, const std::vector<int>& writes) {
  Work work;
  for (const int tensor : reads)
    work.computation.reads.push_back({.tensor = tensor,
                                      .dtype = DType::kF32,
                                      .view = {},
                                      .coordinates = {},
                                      .guards = {},
                                      .outside = nullptr});
  work.computation.tensors = writes;
  return work;
}

TensorTable TableOf(int size) {
  TensorTable tensors;
  for (int i = 0; i < size; ++i) tensors.Add({.name = "t", .type = {DType::kF32, {}}});
  return tensors;
}

/// Kahn's algorithm over all edges of the region.
bool HasOrder(const Region& region) {
  const int count = static_cast<int>(region.works.size());
  const auto has = [](const std::vector<int>& list, int tensor) {
    return std::find(list.begin(), list.end(), tensor) != list.end();
  };
  const auto before = [&](int a, int b) {
    if (a == b) return false;
    for (const int tensor : region.works[a].Writes())
      if (has(region.works[b].Reads(), tensor)) return true;
    return std::any_of(region.overwrites.begin(), region.overwrites.end(), [&](const auto& o) {
      return has(region.works[a].Reads(), o.older) && has(region.works[b].Writes(), o.newer);
    });
  };
  std::vector<bool> done(count, false);
  for (int round = 0; round < count; ++round) {
    int next = -1;
    for (int i = 0; i < count && next < 0; ++i) {
      bool ready = !done[i];
      for (int j = 0; j < count; ++j) ready &= done[j] || !before(j, i);
      if (ready) next = i;
    }
    if (next < 0) return false;
    done[next] = true;
  }
  return true;
}

TEST(WorkOrder, AllowsWhatLeavesAnOrder) {
  std::mt19937 random(7);
  int allowed = 0, refused = 0;
  for (int round = 0; round < 200; ++round) {
    // Tensors 0-3 come from outside; work w writes tensor 4 + w.
    const int works = 3 + static_cast<int>(random() % 5);
    const TensorTable tensors = TableOf(4 + works);
    Region region;
    for (int w = 0; w < works; ++w) {
      std::vector<int> reads;
      for (int r = 0; r < 2; ++r) reads.push_back(static_cast<int>(random() % (4 + w)));
      region.works.push_back(MakeWork(reads, {4 + w}));
    }
    WorkOrder order(region, tensors);
    for (int older = 0; older < 4; ++older) {
      const Overwrite overwrite{older, 4 + static_cast<int>(random() % works)};
      region.overwrites.push_back(overwrite);
      const bool expected = HasOrder(region);
      EXPECT_EQ(order.Allows(overwrite), expected);
      if (expected)
        order.Add(overwrite);
      else
        region.overwrites.pop_back();
      ++(expected ? allowed : refused);
    }
  }
  EXPECT_GT(allowed, 100);
  EXPECT_GT(refused, 100);
}

TEST(WorkOrder, AppendedWorksCanBeTakenBack) {
  TensorTable tensors = TableOf(2);
  Region region;
  region.works = {MakeWork({0}, {1})};
  WorkOrder order(region, tensors);
  const int copy = tensors.Add({.name = "copy", .type = {DType::kF32, {}}});
  order.Append(MakeWork({1}, {copy}));
  EXPECT_EQ(order.WriterOf(copy), 1);
  EXPECT_TRUE(order.Reads(1, 1));
  EXPECT_TRUE(order.Allows({0, copy}));
  order.DropLast();
  EXPECT_EQ(order.WriterOf(copy), -1);
  EXPECT_TRUE(order.ReadersOf(1).empty());
}

/// Works looked at while each of `layers` weights gets its next value: the forward pass reads it,
/// the backward pass reads it again, the update replaces it.
int64_t Visited(int layers) {
  Region region;
  TensorTable tensors;
  const auto tensor = [&] { return tensors.Add({.name = "t", .type = {DType::kF32, {}}}); };
  std::vector<int> weights, values = {tensor()}, updated;
  for (int i = 0; i < layers; ++i) {
    weights.push_back(tensor());
    values.push_back(tensor());
    region.works.push_back(MakeWork({values[i], weights[i]}, {values[i + 1]}));
  }
  int gradient = values.back();
  for (int i = layers - 1; i >= 0; --i) {
    const int weight_gradient = tensor(), next = tensor();
    region.works.push_back(MakeWork({gradient, values[i]}, {weight_gradient}));
    region.works.push_back(MakeWork({gradient, weights[i]}, {next}));
    gradient = next;
    updated.push_back(tensor());
    region.works.push_back(MakeWork({weights[i], weight_gradient}, {updated.back()}));
  }
  WorkOrder order(region, tensors);
  for (int i = 0; i < layers; ++i) {
    const Overwrite overwrite{weights[i], updated[layers - 1 - i]};
    EXPECT_TRUE(order.Allows(overwrite));
    order.Add(overwrite);
  }
  return order.visited();
}

TEST(WorkOrder, UpdatesOfAllLayersLookAtEachLayerOnce) {
  EXPECT_LE(Visited(100), 4 * 100);
  EXPECT_EQ(Visited(200), 2 * Visited(100));
}

}  // namespace
}  // namespace descent
