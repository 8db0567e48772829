#include "runtime/checkpoint.h"

#include <algorithm>

#include "runtime/partial_file.h"
#include "tests/runtime/damage.h"
#include "tests/runtime/fake_program.h"

namespace descent::runtime {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  Program program_ = *Program::Open(FakeProgram());
  State state_ = *State::Make(program_);
  TrainingRecord record_ = {.progress = {.epoch = 3,
                                         .batch = 7,
                                         .step = 40,
                                         .loss_sum = 0.1,
                                         .loss_rows = 56,
                                         .epoch_loss = 1.0 / 3,
                                         .best_loss = 1e-300,
                                         .best_epoch = 2,
                                         .epochs_without_improvement = 1},
                            .provenance = {.seed = -5,
                                           .validation_split = 0.1,
                                           .data_fingerprint = 0xfedcba9876543210,
                                           .label = "species",
                                           .features = {"a", "b \"c\""},
                                           .classes = {{"species", {"cat", "dog\n"}}},
                                           .normalizations = {{"x", {{0.1, 2}, {3, 1.0 / 7}}}}}};
  TemporaryFolder folder_;
  std::string path_ = folder_.File("c.safetensors");

  Bytes Make(int64_t step) {
    record_.progress.step = step;
    state_.SetScalar<int64_t>(program_.FindSlot(DESCENT_SLOT_STEP), step);
    return MakeCheckpoint(program_, state_, record_);
  }
  Result<Weights> Load(std::string* warning = nullptr) {
    std::string ignored;
    return LoadCheckpoint(path_, program_, Accept::kCheckpoint, warning ? warning : &ignored);
  }
  int64_t StepOf(const std::string& path) {
    return ParseWeights(*ReadFile(path), path, program_)->record->progress.step;
  }
};

TEST_F(CheckpointTest, RoundTrip) {
  for (int64_t i = 0; i < state_.size(); ++i) state_.data()[i] = std::byte(i * 7);
  Bytes bytes = MakeCheckpoint(program_, state_, record_);
  EXPECT_EQ(bytes, MakeCheckpoint(program_, state_, record_));
  auto weights = ParseWeights(bytes, path_, program_);
  ASSERT_TRUE(weights) << weights.error().ToString();
  EXPECT_EQ(weights->record->progress, record_.progress);
  EXPECT_EQ(weights->record->provenance, record_.provenance);
  State other = *State::Make(program_);
  ASSERT_TRUE(RestoreState(program_, *weights, Restore::kEverything, other));
  for (const descent_slot& slot : program_.slots()) {
    EXPECT_TRUE(std::ranges::equal(state_.Bytes(slot), other.Bytes(slot))) << slot.tensor.name;
  }
}

TEST_F(CheckpointTest, EveryDamageIsNoticed) {
  Bytes bytes = Make(1);
  auto parse = [&](const Bytes& b) -> Result<Weights> {
    auto weights = ParseWeights(b, "c", program_);
    if (weights && !weights->record) return Fail("c", "no record");
    return weights;
  };
  ExpectAllTruncationsFail(bytes, parse);
  for (size_t i = 0; i < bytes.size(); ++i) {
    Bytes damaged = bytes;
    damaged[i] ^= std::byte{1};
    auto weights = parse(damaged);
    // Shapes and dtypes are outside the checksum; RestoreState compares them with the model's.
    if (weights) {
      EXPECT_FALSE(RestoreState(program_, *weights, Restore::kEverything, state_)) << i;
    }
  }
}

TEST_F(CheckpointTest, Rotation) {
  CheckpointStore store(path_);
  ASSERT_TRUE(store.Save(Make(1)));
  EXPECT_FALSE(FileExists(store.previous_path()));
  ASSERT_TRUE(store.Save(Make(2)));
  ASSERT_TRUE(store.Save(Make(3)));
  EXPECT_EQ(StepOf(path_), 3);
  EXPECT_EQ(StepOf(store.previous_path()), 2);
  EXPECT_FALSE(FileExists(PartialPath(store.previous_path())));
}

TEST_F(CheckpointTest, NewRunDropsTheOlderOnesHistory) {
  CheckpointStore older(path_);
  for (int64_t step : {1, 2}) ASSERT_TRUE(older.Save(Make(step)));
  ASSERT_TRUE(older.SaveBest(Make(2)));
  CheckpointStore newer(path_);
  newer.BeginNewRun();
  ASSERT_TRUE(newer.Save(Make(10)));
  EXPECT_EQ(StepOf(path_), 10);
  EXPECT_FALSE(FileExists(newer.previous_path()));
  EXPECT_FALSE(FileExists(newer.best_path()));
}

TEST_F(CheckpointTest, DamagedFileFallsBack) {
  CheckpointStore store(path_);
  for (int64_t step : {1, 2}) ASSERT_TRUE(store.Save(Make(step)));
  Bytes newest = *ReadFile(path_);
  folder_.Write("c.safetensors", TextOf(newest).substr(0, newest.size() / 2));
  std::string warning;
  auto weights = Load(&warning);
  ASSERT_TRUE(weights) << weights.error().ToString();
  EXPECT_EQ(weights->record->progress.step, 1);
  EXPECT_NE(warning.find("using " + path_ + ".1"), std::string::npos) << warning;
  // The damaged one must not push the whole one out.
  store.DistrustNewest();
  ASSERT_TRUE(store.Save(Make(5)));
  EXPECT_EQ(StepOf(path_), 5);
  EXPECT_EQ(StepOf(store.previous_path()), 1);
  // Missing altogether.
  std::filesystem::remove(path_);
  EXPECT_EQ(Load(&warning)->record->progress.step, 1);
  // Both damaged.
  folder_.Write("c.safetensors", "");
  folder_.Write("c.safetensors.1", "x");
  EXPECT_FALSE(Load());
}

TEST_F(CheckpointTest, OtherModelIsRefused) {
  ASSERT_TRUE(CheckpointStore(path_).Save(Make(1)));
  ASSERT_TRUE(CheckpointStore(path_).Save(Make(2)));
  Program other = *Program::Open(FakeProgram({.other_model = true}));
  std::string warning;
  auto weights = LoadCheckpoint(path_, other, Accept::kAnyWeights, &warning);
  ASSERT_FALSE(weights);
  EXPECT_NE(weights.error().message.find(
                "is a checkpoint of another model: 'fake' with hash 0123456789ab"),
            std::string::npos)
      << weights.error().message;
}

TEST_F(CheckpointTest, BareWeights) {
  float w[] = {1, 2}, b[] = {3};
  Bytes bare = WriteSafetensors({}, {{"w", DESCENT_F32, {2, 1}, std::as_bytes(std::span(w))},
                                     {"b", DESCENT_F32, {1}, std::as_bytes(std::span(b))}});
  ASSERT_TRUE(WriteFileAtomically(path_, bare));
  EXPECT_FALSE(Load());  // not something to resume from
  std::string warning;
  auto weights = LoadCheckpoint(path_, program_, Accept::kAnyWeights, &warning);
  ASSERT_TRUE(weights) << weights.error().ToString();
  ASSERT_TRUE(RestoreState(program_, *weights, Restore::kParameters, state_));
  EXPECT_EQ(NumberAt(DESCENT_F32, state_.Bytes(*program_.FindSlot("w")).data(), 1), 2);
  auto everything = RestoreState(program_, *weights, Restore::kEverything, state_);
  ASSERT_FALSE(everything);
  EXPECT_EQ(everything.error().message, "lacks the tensor 'w.velocity'");
  Bytes wrong = WriteSafetensors({}, {{"w", DESCENT_F32, {1, 2}, std::as_bytes(std::span(w))}});
  auto shaped = ParseWeights(wrong, "f", program_);
  EXPECT_EQ(RestoreState(program_, *shaped, Restore::kParameters, state_).error().message,
            "tensor 'w' is f32[1, 2], but the model has f32[2, 1]");
}

TEST_F(CheckpointTest, BuiltInWeights) {
  EXPECT_FALSE(LoadBakedWeights(program_)->has_value());
  Bytes bytes = Make(9);
  Program baked = *Program::Open(
      FakeProgram({.weights = bytes.data(), .weights_bytes = static_cast<int64_t>(bytes.size())}));
  auto weights = LoadBakedWeights(baked);
  ASSERT_TRUE(weights && *weights);
  EXPECT_EQ((*weights)->record->progress.step, 9);
}

}  // namespace
}  // namespace descent::runtime
