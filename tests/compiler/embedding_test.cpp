#include "runtime/embedding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace {

constexpr int64_t kWeightDims[] = {2, 3};
constexpr int64_t kBiasDims[] = {3};

/// Two parameters with odd names, an optimizer slot and the system's scalars.
const descent_slot kSlots[] = {
    {{"seed", DESCENT_I64, 0, nullptr}, DESCENT_SLOT_SEED, 0, 0, 8, nullptr},
    {{"learning_rate", DESCENT_F64, 0, nullptr}, DESCENT_SLOT_LEARNING_RATE, 0, 8, 8, nullptr},
    {{"W \"1\"\\", DESCENT_F32, 2, kWeightDims}, DESCENT_SLOT_PARAMETER, 1, 64, 24, nullptr},
    {{"b", DESCENT_F32, 1, kBiasDims}, DESCENT_SLOT_PARAMETER, 1, 128, 12, nullptr},
    {{"b.m", DESCENT_F32, 1, kBiasDims}, DESCENT_SLOT_OPTIMIZER, 0, 192, 12, nullptr},
};

descent_program Program() {
  descent_program program = {};
  program.abi_version = DESCENT_ABI_VERSION;
  program.state_bytes = 256;
  program.slot_count = 5;
  program.slots = kSlots;
  return program;
}

struct State {
  alignas(64) unsigned char bytes[256] = {};
};

State Filled() {
  State state;
  for (int i = 0; i < 256; ++i) state.bytes[i] = static_cast<unsigned char>(i * 7 + 1);
  return state;
}

bool SameTensors(const State& a, const State& b) {
  for (const descent_slot& slot : kSlots)
    if (std::memcmp(a.bytes + slot.offset_bytes, b.bytes + slot.offset_bytes, slot.stored_bytes) !=
        0)
      return false;
  return true;
}

std::string Saved(const descent_program& program, const State& state) {
  std::string file(descent_save(&program, state.bytes, nullptr, 0), '\0');
  EXPECT_EQ(descent_save(&program, state.bytes, file.data(), file.size()),
            static_cast<int64_t>(file.size()));
  return file;
}

/// A file with this JSON header and `data_bytes` zeros.
std::string File(const std::string& json, int64_t data_bytes) {
  std::string file(8, '\0');
  for (int i = 0; i < 8; ++i) file[i] = static_cast<char>(json.size() >> (8 * i));
  return file + json + std::string(data_bytes, '\0');
}

TEST(Embedding, GetAndSet) {
  const descent_program program = Program();
  State state;
  const float values[6] = {1, 2, 3, 4, 5, 6};
  float back[6] = {};
  EXPECT_EQ(descent_set_tensor(&program, state.bytes, "W \"1\"\\", values, sizeof values),
            DESCENT_OK);
  EXPECT_EQ(descent_get_tensor(&program, state.bytes, "W \"1\"\\", back, sizeof back), DESCENT_OK);
  EXPECT_EQ(std::memcmp(values, back, sizeof back), 0);
  EXPECT_EQ(descent_set_tensor(&program, state.bytes, "b", values, sizeof values),
            DESCENT_ERROR_SIZE);
  EXPECT_EQ(descent_get_tensor(&program, state.bytes, "c", back, 4), DESCENT_ERROR_NAME);
}

TEST(Embedding, LearningRate) {
  const descent_program program = Program();
  State state;
  EXPECT_EQ(descent_set_learning_rate(&program, state.bytes, 0.125), DESCENT_OK);
  for (const double rate : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(descent_set_learning_rate(&program, state.bytes, rate), DESCENT_ERROR_VALUE) << rate;
  EXPECT_EQ(descent_get_learning_rate(&program, state.bytes), 0.125);
}

TEST(Embedding, SaveThenLoad) {
  const descent_program program = Program();
  const State saved = Filled();
  const std::string file = Saved(program, saved);
  State loaded;
  EXPECT_EQ(descent_load(&program, loaded.bytes, file.data(), file.size()), DESCENT_OK);
  EXPECT_TRUE(SameTensors(saved, loaded));
  EXPECT_EQ(Saved(program, loaded), file);
}

TEST(Embedding, SaveIntoTooLittleRoomWritesNoByteBeyond) {
  const descent_program program = Program();
  const State state = Filled();
  const std::string file = Saved(program, state);
  for (size_t room = 0; room <= file.size(); ++room) {
    std::string buffer(room + 8, '\x55');
    EXPECT_EQ(descent_save(&program, state.bytes, buffer.data(), room),
              static_cast<int64_t>(file.size()));
    EXPECT_EQ(buffer.substr(room), std::string(8, '\x55')) << room;
  }
}

TEST(Embedding, CutFilesAreRefused) {
  const descent_program program = Program();
  const std::string file = Saved(program, Filled());
  for (size_t bytes = 0; bytes < file.size(); ++bytes) {
    const std::vector<char> cut(file.begin(), file.begin() + static_cast<int64_t>(bytes));
    State state;
    EXPECT_NE(descent_load(&program, state.bytes, cut.data(), cut.size()), DESCENT_OK) << bytes;
    EXPECT_TRUE(SameTensors(state, State())) << bytes;
  }
}

TEST(Embedding, FilesWithBytesBehindTheirDataAreRefused) {
  const descent_program program = Program();
  const std::string file = Saved(program, Filled()) + "x";
  State state;
  EXPECT_EQ(descent_load(&program, state.bytes, file.data(), file.size()), DESCENT_ERROR_FORMAT);
  EXPECT_TRUE(SameTensors(state, State()));
}

TEST(Embedding, DamagedHeadersNeverReachOutside) {
  const descent_program program = Program();
  const std::string file = Saved(program, Filled());
  const size_t header_end = file.size() - 64;
  for (size_t place = 0; place < header_end; ++place) {
    for (const char byte : {'\0', '"', '{', '}', '[', ']', ',', ':', '9', '\\', '\xff'}) {
      std::vector<char> damaged(file.begin(), file.end());
      damaged[place] = byte;
      State state;
      descent_load(&program, state.bytes, damaged.data(),
                   damaged.size());  // checked by the sanitizers
    }
  }
}

TEST(Embedding, RefusalsNameTheRule) {
  const descent_program program = Program();
  const std::string weight = R"("W \"1\"\\":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]})";
  const std::string bias = R"("b":{"dtype":"F32","shape":[3],"data_offsets":[24,36]})";
  const auto load = [&](const std::string& json, int64_t data_bytes) {
    State state;
    const std::string file = File(json, data_bytes);
    return descent_load(&program, state.bytes, file.data(), file.size());
  };
  EXPECT_EQ(load("{" + weight + "," + bias + "}", 36), DESCENT_OK);
  EXPECT_EQ(load(R"({"__metadata__":{"a":"{[\"]}"},"z":{"y":[1,{"a":null}]},)" + weight + "," +
                     bias + "}  ",
                 36),
            DESCENT_OK);
  EXPECT_EQ(load("{" + weight + "}", 36), DESCENT_ERROR_MISSING);
  EXPECT_EQ(load("{}", 36), DESCENT_ERROR_MISSING);
  EXPECT_EQ(load("{" + weight + "," + bias + "}", 35), DESCENT_ERROR_FORMAT);
  EXPECT_EQ(load("{" + weight + "," + bias + "," + bias + "}", 36), DESCENT_ERROR_FORMAT);
  EXPECT_EQ(load("{" + weight + "," + bias, 36), DESCENT_ERROR_FORMAT);
  EXPECT_EQ(load(R"({"b":{"dtype":"F64","shape":[3],"data_offsets":[24,36]},)" + weight + "}", 36),
            DESCENT_ERROR_TYPE);
  EXPECT_EQ(load(R"({"b":{"dtype":"F32","shape":[4],"data_offsets":[24,36]},)" + weight + "}", 36),
            DESCENT_ERROR_TYPE);
  EXPECT_EQ(load(R"({"b":{"dtype":"F32","shape":[3],"data_offsets":[25,36]},)" + weight + "}", 36),
            DESCENT_ERROR_FORMAT);
  EXPECT_EQ(load(R"({"b":{"dtype":"F32","shape":[3],"data_offsets":[36,24]},)" + weight + "}", 36),
            DESCENT_ERROR_FORMAT);
  EXPECT_EQ(load(R"({"b":{"dtype":"F32","shape":[3],"data_offsets":[99999999999999999999,36]},)" +
                     weight + "}",
                 36),
            DESCENT_ERROR_FORMAT);
}

}  // namespace
