// A state whose tensors have their axes in another order in memory: files, what resumes from them
// and single elements are those of the state in order.
#include <signal.h>

#include <algorithm>
#include <cstring>

#include "runtime/checkpoint.h"
#include "runtime/commands.h"
#include "runtime/embedding.h"
#include "tests/runtime/run_trainer.h"

namespace descent::runtime {
namespace {

constexpr FakeOptions kInOrder = {.tensors = FakeTensors::kInOrder},
                      kPermuted = {.tensors = FakeTensors::kPermuted};

/// A table of its own, as the fake's is replaced by the next, with a state behind `initialize`.
struct Model {
  explicit Model(const FakeOptions& options) : table(*FakeProgram(options)) {
    table.slots = slots.data();
    auto executor = Executor::Make(1, BindCaller::kNo);
    EXPECT_TRUE(Initialize(program, **executor, 3, state));
  }
  Bytes Checkpoint() const { return MakeCheckpoint(program, state, {}); }
  std::string Saved() const {
    std::string file(descent_save(&table, state.data(), nullptr, 0), '\0');
    EXPECT_EQ(descent_save(&table, state.data(), file.data(), std::ssize(file)), std::ssize(file));
    return file;
  }
  Bytes Memory() const { return Bytes(state.data(), state.data() + state.size()); }
  void Clear() { std::fill_n(state.data(), state.size(), std::byte{0}); }

  descent_program table;
  std::vector<descent_slot> slots = {table.slots, table.slots + table.slot_count};
  Program program = *Program::Open(&table);
  State state = *State::Make(program);
};

class PermutedStateTest : public testing::Test {
 protected:
  void TearDown() override { fake_step_hook = nullptr; }

  std::string File(const std::string& name) const { return folder_.File(name); }
  /// Trains for 4 epochs with checkpoint and log under `name`.
  Ran Train(const std::string& name, const FakeOptions& options,
            const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {
        "train",
        "--data",
        "plane:samples=130,noise=0.1,seed=4",
        "--epochs",
        "4",
        "--validation-split",
        "0.3",
        "--checkpoint",
        File(name),
        "--log",
        File(name + ".jsonl"),
        "--log-every",
        "1",
        "--track",
        "filter[3,1,0,4], filter[0,2,1,3], filter.moment[2,0,1], mask[66,3], bias[0,5,0,0]"};
    words.insert(words.end(), more.begin(), more.end());
    return RunTrainer(words, options);
  }
  TemporaryFolder folder_;
};

TEST_F(PermutedStateTest, CheckpointIsThatOfTheStateInOrder) {
  const Model in_order(kInOrder), permuted(kPermuted);
  EXPECT_NE(in_order.Memory(), permuted.Memory());
  EXPECT_EQ(in_order.Checkpoint(), permuted.Checkpoint());
}

TEST_F(PermutedStateTest, RestoresFromACheckpoint) {
  Model in_order(kInOrder), permuted(kPermuted);
  for (Model* model : {&in_order, &permuted}) {
    const Bytes before = model->Memory();
    const auto weights = ParseWeights(in_order.Checkpoint(), "c", model->program);
    ASSERT_TRUE(weights) << weights.error().ToString();
    model->Clear();
    ASSERT_TRUE(RestoreState(model->program, *weights, Restore::kEverything, model->state));
    EXPECT_EQ(model->Memory(), before);
  }
}

TEST_F(PermutedStateTest, RestoresFromBuiltInWeights) {
  Bytes file = Model(kInOrder).Checkpoint();
  FakeOptions options = kPermuted;
  options.weights = file.data();
  options.weights_bytes = std::ssize(file);
  Model model(options);
  const Bytes before = model.Memory();
  const auto weights = LoadBakedWeights(model.program);
  ASSERT_TRUE(weights && *weights);
  model.Clear();
  ASSERT_TRUE(RestoreState(model.program, **weights, Restore::kEverything, model.state));
  EXPECT_EQ(model.Memory(), before);
}

TEST_F(PermutedStateTest, TrainsToTheSameFiles) {
  ASSERT_EQ(Train("a", kInOrder).status, 0);
  ASSERT_EQ(Train("b", kPermuted).status, 0);
  EXPECT_EQ(Contents(File("a")), Contents(File("b")));
  EXPECT_EQ(Contents(File("a.best")), Contents(File("b.best")));
  const std::string log = Contents(File("a.jsonl"));
  EXPECT_NE(log.find("\"filter[3,1,0,4]\":"), std::string::npos) << log;
  EXPECT_EQ(log, Contents(File("b.jsonl")));
}

TEST_F(PermutedStateTest, ResumesInAnyOrderToTheSameBytes) {
  ASSERT_EQ(Train("whole", kInOrder).status, 0);
  for (const auto& [first, second] :
       {std::pair(kInOrder, kPermuted), std::pair(kPermuted, kInOrder),
        std::pair(kPermuted, kPermuted)}) {
    fake_step_hook = [](int64_t step) {
      if (step == 9) raise(SIGTERM);
    };
    ASSERT_EQ(Train("part", first).status, 130);
    fake_step_hook = nullptr;
    const Ran resumed = Train("part", second, {"--resume"});
    ASSERT_EQ(resumed.status, 0) << resumed.error;
    EXPECT_EQ(Contents(File("part")), Contents(File("whole")));
    EXPECT_EQ(Contents(File("part.jsonl")), Contents(File("whole.jsonl")));
  }
}

TEST_F(PermutedStateTest, ExportsTheNumbersInOrder) {
  static constexpr uint8_t kBytes[] = {0x08, 8};
  static constexpr descent_onnx_initializer kFilter = {kBytes, sizeof(kBytes), 7, "filter"};
  static constexpr descent_onnx kOnnx = {kBytes,   kBytes, sizeof(kBytes), sizeof(kBytes), 1,
                                         &kFilter, ""};
  ASSERT_EQ(Train("c", kInOrder).status, 0);
  for (FakeOptions options : {kInOrder, kPermuted}) {
    options.onnx = &kOnnx;
    const std::string name = options.tensors == FakeTensors::kInOrder ? "a" : "b";
    const Ran ran = RunTrainer({"export", "--checkpoint", File("c"), "-o", File(name)}, options);
    ASSERT_EQ(ran.status, 0) << ran.error;
  }
  EXPECT_GT(Contents(File("a")).size(), sizeof(FakeTensorState::filter));
  EXPECT_EQ(Contents(File("a")), Contents(File("b")));
}

TEST_F(PermutedStateTest, InfoNamesTheOrder) {
  EXPECT_NE(InfoText(Model(kPermuted).program, {})
                .find("  filter: f32[4, 3, 2, 5] parameter, axes 2, 3, 1, 0 in memory\n"),
            std::string::npos);
  EXPECT_NE(InfoText(Model(kInOrder).program, {}).find("  filter: f32[4, 3, 2, 5] parameter\n"),
            std::string::npos);
}

TEST_F(PermutedStateTest, AnOrderThatIsNoneIsRefused) {
  constexpr int32_t kTwice[] = {2, 3, 2, 0};
  Model model(kPermuted);
  model.slots[7].order = kTwice;
  const auto opened = Program::Open(&model.table);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message,
            "slot 'filter' of shape [4, 3, 2, 5] has no order of axes [2, 3, 2, 0]");
}

TEST_F(PermutedStateTest, EmbeddingGetsAndSetsInOrder) {
  const Model in_order(kInOrder);
  Model permuted(kPermuted);
  const Bytes memory = permuted.Memory();
  for (const descent_slot& slot : in_order.slots) {
    const char* name = slot.tensor.name;
    Bytes values(slot.stored_bytes);
    const int64_t bytes = slot.stored_bytes;
    ASSERT_EQ(
        descent_get_tensor(&permuted.table, permuted.state.data(), name, values.data(), bytes),
        DESCENT_OK);
    EXPECT_TRUE(std::ranges::equal(values, in_order.state.Bytes(slot))) << name;
    EXPECT_EQ(
        descent_get_tensor(&permuted.table, permuted.state.data(), name, values.data(), bytes + 1),
        DESCENT_ERROR_SIZE);
  }
  permuted.Clear();
  for (const descent_slot& slot : in_order.slots)
    ASSERT_EQ(descent_set_tensor(&permuted.table, permuted.state.data(), slot.tensor.name,
                                 in_order.state.Bytes(slot).data(), slot.stored_bytes),
              DESCENT_OK);
  EXPECT_EQ(permuted.Memory(), memory);
}

TEST_F(PermutedStateTest, EmbeddingSavesAndLoadsInOrder) {
  Model in_order(kInOrder), permuted(kPermuted);
  const std::string file = permuted.Saved();
  EXPECT_EQ(file, in_order.Saved());
  for (Model* model : {&in_order, &permuted}) {
    const Bytes before = model->Memory();
    model->Clear();
    ASSERT_EQ(descent_load(&model->table, model->state.data(), file.data(), std::ssize(file)),
              DESCENT_OK);
    EXPECT_EQ(model->Memory(), before);
  }
  // No byte beyond a buffer that ends in the midst of a tensor.
  for (size_t room = 0; room < file.size(); room += 13) {
    std::string buffer(room + 8, '\x55');
    EXPECT_EQ(descent_save(&permuted.table, permuted.state.data(), buffer.data(),
                           static_cast<int64_t>(room)),
              std::ssize(file));
    EXPECT_EQ(buffer.substr(room), std::string(8, '\x55')) << room;
  }
}

TEST_F(PermutedStateTest, CheckpointAndEmbeddingReadEachOther) {
  Model model(kPermuted);
  const Bytes before = model.Memory(), checkpoint = model.Checkpoint();
  model.Clear();
  ASSERT_EQ(
      descent_load(&model.table, model.state.data(), checkpoint.data(), std::ssize(checkpoint)),
      DESCENT_OK);
  EXPECT_EQ(model.Memory(), before);
}

}  // namespace
}  // namespace descent::runtime
