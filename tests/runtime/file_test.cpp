#include "runtime/file.h"

#include <zlib.h>

#include "runtime/partial_file.h"
#include "tests/runtime/damage.h"

namespace descent::runtime {
namespace {

Bytes Gzip(std::string_view text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes out(compressBound(text.size()) + 64);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<Bytes> Inflate(const Bytes& bytes) { return InflateGzip(bytes, "d.gz"); }

TEST(File, GzipMembers) {
  Bytes one = Gzip("hello "), two = Gzip(std::string(3'000'000, 'x'));
  Bytes both = one;
  both.insert(both.end(), two.begin(), two.end());
  auto inflated = Inflate(both);
  ASSERT_TRUE(inflated) << inflated.error().ToString();
  EXPECT_EQ(TextOf(*inflated), "hello " + std::string(3'000'000, 'x'));
  both.push_back(std::byte{1});
  EXPECT_EQ(Inflate(both).error().message, "bytes after the end of the gzip data");
}

TEST(File, DamagedGzip) {
  Bytes bytes = Gzip("some text that is long enough to be worth compressing, some text");
  ASSERT_TRUE(Inflate(bytes));
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(Inflate(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size))));
  }
  SurviveDamagedBytes(bytes, Inflate);
}

TEST(File, ReadErrors) {
  TemporaryFolder folder;
  auto missing = ReadFile(folder.File("no"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().status, ExitStatus::kIo);
  EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
  EXPECT_FALSE(ReadFile(folder.File(".")));
  EXPECT_FALSE(ReadFile("/dev/zero"));
}

TEST(File, AtomicWrite) {
  TemporaryFolder folder;
  std::string path = folder.Write("a", "old");
  ASSERT_TRUE(WriteFileAtomically(path, BytesOf("new content")));
  EXPECT_EQ(TextOf(*ReadFile(path)), "new content");
  EXPECT_FALSE(FileExists(PartialPath(path)));
  EXPECT_EQ(WriteFileAtomically(folder.File("no/such"), BytesOf("x")).error().status,
            ExitStatus::kIo);
}

}  // namespace
}  // namespace descent::runtime
