// A recommender, trained: embeddings and bags of them, compiled with their gradients.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "compiler/codegen/jit.h"
#include "compiler/compile.h"
#include "ir/io/model_file.h"

namespace descent {
namespace {

constexpr int64_t kBatch = 32, kUsers = 12, kItems = 16, kKinds = 4;

/// Users like the items of their kind. Item 0 is none, so items count from 1.
struct Batch {
  std::vector<int32_t> user;
  std::vector<int64_t> seen, item;
  std::vector<float> liked;
};

Batch BatchOf(int64_t first) {
  Batch batch;
  for (int64_t row = first; row < first + kBatch; ++row) {
    const int64_t user = row % kUsers, kind = user % kKinds,
                  item = (row * 7 + row / kUsers) % kItems;
    batch.user.push_back(static_cast<int32_t>(user));
    batch.item.push_back(1 + item);
    batch.liked.push_back(item % kKinds == kind ? 1 : 0);
    // Two items of the user's kind and, for every other row, none as the third.
    for (int64_t i = 0; i < 3; ++i) {
      const int64_t other = (row + i) % (kItems / kKinds) * kKinds + kind;
      batch.seen.push_back(i == 2 && row % 2 == 0 ? 0 : 1 + other);
    }
  }
  return batch;
}

struct Free {
  void operator()(std::byte* data) const { std::free(data); }
};
using Memory = std::unique_ptr<std::byte, Free>;

Memory Zeros(int64_t bytes) {
  const size_t size = (static_cast<size_t>(bytes) + 2 * DESCENT_ALIGNMENT - 1) / DESCENT_ALIGNMENT *
                      DESCENT_ALIGNMENT;
  Memory memory(static_cast<std::byte*>(std::aligned_alloc(DESCENT_ALIGNMENT, size)));
  std::memset(memory.get(), 0, size);
  return memory;
}

class Recommender {
 public:
  Recommender() {
    const auto model = ReadModel(DESCENT_SOURCE_DIR "/tests/ir/models/recommender.descent");
    DESCENT_CHECK(model.has_value(), model.error().message);
    const auto compiled =
        Compile(*model, {.entries = {"initialize", "train_step", "predict"}, .verify_each = true});
    DESCENT_CHECK(compiled.has_value(), compiled.error().message);
    auto loaded = JitProgram::Load(compiled->program, *compiled->target);
    DESCENT_CHECK(loaded.has_value(), loaded.error().message);
    jit_.emplace(*std::move(loaded));
    state_ = Zeros(jit_->program().state_bytes);
    Run("initialize", {});
  }

  /// The loss before the update.
  float Step(const Batch& batch) { return Run("train_step", batch)[0]; }
  std::vector<float> Predict(const Batch& batch) { return Run("predict", batch); }
  uint32_t status() const { return status_; }

 private:
  static const void* ColumnOf(const Batch& batch, std::string_view name) {
    if (name == "user") return batch.user.data();
    if (name == "seen") return batch.seen.data();
    return name == "item" ? static_cast<const void*>(batch.item.data()) : batch.liked.data();
  }

  /// The first output.
  std::vector<float> Run(const char* name, const Batch& batch) {
    const descent_entry& entry = *jit_->FindEntry(name);
    const Memory scratch = Zeros(entry.fixed_scratch_bytes + entry.worker_scratch_bytes);
    std::vector<const void*> inputs;
    for (int64_t i = 0; i < entry.input_count; ++i)
      inputs.push_back(ColumnOf(batch, entry.inputs[i].tensor.name));
    std::vector<float> result(kBatch);
    std::vector<void*> outputs(static_cast<size_t>(entry.output_count), result.data());
    const descent_call call{state_.get(),   scratch.get(), inputs.data(),
                            outputs.data(), kBatch,        nullptr};
    status_ |= entry.run(&call);
    return result;
  }

  std::optional<JitProgram> jit_;
  Memory state_;
  uint32_t status_ = 0;
};

TEST(Recommender, LearnsWhatUsersLike) {
  Recommender recommender;
  const float first = recommender.Step(BatchOf(0));
  float last = first;
  for (int64_t step = 1; step < 120; ++step) last = recommender.Step(BatchOf(step * kBatch));
  EXPECT_NEAR(first, 0.693, 0.01) << "log 2: nothing is known";
  EXPECT_LT(last, 0.05);
  const Batch batch = BatchOf(3);
  const std::vector<float> scores = recommender.Predict(batch);
  for (size_t i = 0; i < scores.size(); ++i)
    EXPECT_EQ(scores[i] > 0, batch.liked[i] > 0) << "row " << i;
  EXPECT_EQ(recommender.status(), 0u);
}

TEST(Recommender, ReportsAnItemThatDoesNotExist) {
  Recommender recommender;
  Batch batch = BatchOf(0);
  batch.seen[4] = kItems + 1;
  recommender.Step(batch);
  EXPECT_EQ(recommender.status(), DESCENT_STATUS_BAD_INDEX);
}

}  // namespace
}  // namespace descent
