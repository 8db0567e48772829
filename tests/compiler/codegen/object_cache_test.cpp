#include "compiler/codegen/object_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

namespace fs = std::filesystem;

class ObjectCacheTest : public testing::Test {
 protected:
  ~ObjectCacheTest() override { fs::remove_all(folder_.parent_path()); }
  std::unique_ptr<ObjectCache> Open(int64_t limit = ObjectCache::kDefaultLimit) const {
    auto cache = ObjectCache::Open(folder_, limit);
    EXPECT_TRUE(cache.has_value()) << cache.error().message;
    return *std::move(cache);
  }
  fs::path Entry(const std::string& key) const { return folder_ / (key + ".object"); }
  std::string Read(const fs::path& path) const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const fs::path& path, std::string_view bytes) const {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  int64_t FileCount() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("descent_cache_test_" + std::to_string(getpid())) / "made";
  const std::vector<char> object_ = {'o', 'b', '\0', 'j'};
};

TEST_F(ObjectCacheTest, GivesWhatWasStored) {
  const auto cache = Open();
  const std::string key = cache->KeyOf("input");
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(key, Open()->KeyOf("input"));
  EXPECT_NE(key, cache->KeyOf("other"));
  EXPECT_FALSE(cache->Find(key).has_value());
  ASSERT_TRUE(cache->Store(key, object_).has_value());
  EXPECT_EQ(Open()->Find(key), object_);
  EXPECT_EQ(cache->Find(key), object_);
  EXPECT_EQ(cache->counts().made, 1);
  EXPECT_EQ(cache->counts().reused, 1);
  EXPECT_EQ(FileCount(), 1);
}

TEST_F(ObjectCacheTest, AnyDamageCountsAsMissing) {
  const auto cache = Open();
  const std::string key = cache->KeyOf("input");
  ASSERT_TRUE(cache->Store(key, object_).has_value());
  const std::string whole = Read(Entry(key));
  for (size_t size = 0; size < whole.size(); ++size) {
    Write(Entry(key), whole.substr(0, size));
    EXPECT_FALSE(cache->Find(key).has_value()) << "cut at " << size;
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] ^= 1;
    Write(Entry(key), changed);
    EXPECT_FALSE(cache->Find(key).has_value()) << "changed at " << i;
  }
  Write(Entry(key), whole + "more");
  EXPECT_FALSE(cache->Find(key).has_value());
  EXPECT_EQ(cache->counts().damaged, 2 * std::ssize(whole) + 1);
  const std::string other = cache->KeyOf("other");
  Write(Entry(other), whole);
  EXPECT_FALSE(cache->Find(other).has_value()) << "an entry of another key";
  ASSERT_TRUE(cache->Store(key, object_).has_value());
  EXPECT_EQ(cache->Find(key), object_);
}

TEST_F(ObjectCacheTest, ManyWritersAndReaders) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      const auto cache = Open();
      for (int i = 0; i < 50; ++i) {
        const std::string key = cache->KeyOf(std::to_string(i % 7));
        const std::vector<char> object(1000 + i % 7, static_cast<char>('a' + i % 7));
        if (const auto found = cache->Find(key)) {
          EXPECT_EQ(*found, object);
        } else {
          EXPECT_TRUE(cache->Store(key, object).has_value());
        }
        if (i % 10 == thread) {
          EXPECT_TRUE(cache->Store(key, object).has_value());
        }
      }
      EXPECT_EQ(cache->counts().damaged, 0);
    });
  threads.clear();
  EXPECT_EQ(FileCount(), 7) << "no temporary file is left";
}

TEST_F(ObjectCacheTest, TrimRemovesWhatWasNotUsedForLongest) {
  const auto cache = Open(5000);
  const std::vector<char> object(1000, 'x');
  const auto now = fs::file_time_type::clock::now();
  std::vector<std::string> keys;
  for (int i = 0; i < 8; ++i) {
    keys.push_back(cache->KeyOf(std::to_string(i)));
    ASSERT_TRUE(cache->Store(keys.back(), object).has_value());
    fs::last_write_time(Entry(keys.back()), now - std::chrono::hours(20 - i));
  }
  EXPECT_TRUE(cache->Find(keys[0]).has_value()) << "which makes it the last used";
  Write(folder_ / "mine.txt", std::string(9000, 'm'));
  const fs::path left = folder_ / "partial-1-2-3", in_use = folder_ / "partial-1-2-4";
  Write(left, "cut");
  Write(in_use, "cut");
  fs::last_write_time(left, now - std::chrono::hours(2));
  cache->Trim();
  EXPECT_TRUE(fs::exists(Entry(keys[0])));
  EXPECT_TRUE(fs::exists(Entry(keys[7])));
  for (int i = 1; i < 5; ++i) EXPECT_FALSE(fs::exists(Entry(keys[i]))) << i;
  EXPECT_TRUE(fs::exists(folder_ / "mine.txt"));
  EXPECT_TRUE(fs::exists(in_use));
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(ObjectCacheTest, AFolderThatIsNoneIsAnError) {
  fs::create_directories(folder_.parent_path());
  Write(folder_, "a file");
  const auto cache = ObjectCache::Open(folder_);
  ASSERT_FALSE(cache.has_value());
  EXPECT_EQ(cache.error().status, ExitStatus::kIo);
  EXPECT_NE(cache.error().message.find("cannot make the folder"), std::string::npos);
}

TEST_F(ObjectCacheTest, ObjectsComeFromItByteForByte) {
  const Kernel kernel = ElementwiseKernel(
      "double", {5}, {DType::kF32},
      {Call(ScalarOp::kAdd, {ReadScalar(0, DType::kF32), ReadScalar(0, DType::kF32)})});
  const KernelProgram program = ProgramOf(kernel);
  const TargetedProgram programs[] = {{&program, &NativeTarget()}};
  const auto without = EmitObjects(programs);
  ASSERT_TRUE(without.has_value());
  const auto cache = Open();
  for (const bool reused : {false, true}) {
    const auto with = EmitObjects(programs, {.cache = cache.get()});
    ASSERT_TRUE(with.has_value());
    EXPECT_EQ(*with, *without);
    EXPECT_EQ(cache->counts().made, 2) << "the kernel and the program";
    EXPECT_EQ(cache->counts().reused, reused ? 2 : 0);
  }
  ASSERT_TRUE(EmitObjects(programs, {.position_independent = false, .cache = cache.get()}));
  EXPECT_EQ(cache->counts().made, 4) << "of another form";
}

}  // namespace
}  // namespace descent
