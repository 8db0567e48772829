#include "runtime/data/source.h"

#include "runtime/data/array.h"
#include "tests/runtime/damage.h"

namespace descent::runtime {
namespace {

std::string ErrorOf(const std::string& spec, DataNeeds needs = {}) {
  auto data = LoadData(spec, needs);
  return data ? "accepted" : data.error().ToString();
}

std::string Npy(std::vector<int64_t> shape, std::vector<float> values) {
  const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
  Bytes file = WriteNpy({.dtype = DESCENT_F32,
                         .shape = std::move(shape),
                         .values = Bytes(bytes, bytes + values.size() * 4)});
  return std::string(TextOf(file));
}

TEST(Source, Generator) {
  auto data = LoadData("circle:samples=100,noise=0.1,seed=3", {});
  ASSERT_TRUE(data) << data.error().ToString();
  EXPECT_EQ(data->data.rows, 50);
  EXPECT_EQ(data->test->rows, 50);
  EXPECT_TRUE(LoadData("multi-gauss", {}));
  EXPECT_EQ(ErrorOf("circle:sample=3"),
            "circle:sample=3: unknown option 'sample' (known are samples, noise, seed)");
  EXPECT_EQ(ErrorOf("circle:noise=much"), "circle:noise=much: option noise cannot be 'much'");
  EXPECT_EQ(ErrorOf("circle:samples"), "circle:samples: options must be key=value,...");
}

TEST(Source, CsvWithOptionsAndOddNames) {
  TemporaryFolder folder;
  std::string plain = folder.Write("a.csv", "a,b\n1,2\n");
  EXPECT_EQ(LoadData(plain + ":label=a", {})->data.label()->name, "a");
  EXPECT_EQ(LoadData(plain, {})->data.label()->name, "b");
  std::string odd = folder.Write("x:label=a,b=c.csv", "a,b\n1,2\n");
  EXPECT_TRUE(LoadData(odd, {})) << ErrorOf(odd);
  std::string tabs = folder.Write("t.csv", "1\t2\n");
  EXPECT_EQ(LoadData(tabs + ":separator=tab,header=no", {})->data.columns.size(), 2u);
  EXPECT_NE(ErrorOf(plain + ":header=perhaps"), "accepted");
}

TEST(Source, Arrays) {
  TemporaryFolder folder;
  std::string x = folder.Write("x.npy", Npy({3, 2}, {1, 2, 3, 4, 5, 6}));
  std::string y = folder.Write("y.npy", Npy({3}, {0, 1, 0}));
  auto data = LoadData("features=" + x + ",label=" + y, {});
  ASSERT_TRUE(data) << data.error().ToString();
  EXPECT_EQ(data->data.rows, 3);
  EXPECT_EQ(data->data.label()->name, "label");
  EXPECT_EQ(data->data.Find("features")->row_shape, (std::vector<int64_t>{2}));
  EXPECT_EQ(LoadData(x, {})->data.columns.size(), 1u);
  std::string short_y = folder.Write("short.npy", Npy({2}, {0, 1}));
  EXPECT_EQ(ErrorOf("features=" + x + ",label=" + short_y),
            short_y + ": holds 2 rows, but features holds 3");
  EXPECT_NE(ErrorOf("features=" + x + ",images=" + x), "accepted");
  EXPECT_EQ(ErrorOf(folder.Write("n.npy", Npy({}, {1}))),
            folder.File("n.npy") + ": holds a single number; rows are needed");
  // A row count without bytes behind it.
  EXPECT_EQ(ErrorOf(folder.Write("e.npy", Npy({1000000000000, 0}, {}))),
            folder.File("e.npy") + ": holds no rows");
  EXPECT_NE(ErrorOf("features=" + folder.Write("t", "text")), "accepted");
}

TEST(Source, MnistFolder) {
  TemporaryFolder folder;
  auto idx = [](uint8_t rank, char rows) {
    std::string text = {0, 0, 8, static_cast<char>(rank), 0, 0, 0, rows};
    for (int axis = 1; axis < rank; ++axis) text += std::string("\0\0\0\2", 4);
    return text + std::string(static_cast<size_t>(rows) * (rank == 3 ? 4 : 1), '\1');
  };
  EXPECT_NE(ErrorOf(folder.File(".")).find("train-images-idx3-ubyte"), std::string::npos);
  folder.Write("train-images-idx3-ubyte", idx(3, 5));
  folder.Write("train-labels-idx1-ubyte", idx(1, 5));
  folder.Write("t10k-images-idx3-ubyte", idx(3, 2));
  folder.Write("t10k-labels-idx1-ubyte", idx(1, 2));
  auto data = LoadData(folder.File("."), {});
  ASSERT_TRUE(data) << data.error().ToString();
  EXPECT_EQ(data->data.rows, 5);
  EXPECT_EQ(data->test->rows, 2);
}

TEST(Source, Unknown) {
  EXPECT_NE(ErrorOf("circel").find("generators are circle, xor"), std::string::npos);
  EXPECT_EQ(LoadData("no/such.csv", {}).error().status, ExitStatus::kIo);
  EXPECT_EQ(ErrorOf("fashion-mnist:limit=20"),
            "fashion-mnist:limit=20: fashion-mnist has no options");
}

TEST(Dataset, AlignClasses) {
  auto parse = [](std::string_view text) {
    TemporaryFolder folder;
    return LoadData(folder.Write("d.csv", text), {})->data;
  };
  Dataset train = parse("x,l\n1,ant\n1,bee\n1,cow\n");
  Dataset test = parse("x,l\n1,cow\n1,bee\n");
  EXPECT_EQ(NumberAt(DESCENT_I64, test.label()->values.data(), 0), 1);
  ASSERT_TRUE(AlignClasses(test, "l", train.label()->class_names));
  EXPECT_EQ(NumberAt(DESCENT_I64, test.label()->values.data(), 0), 2);
  Dataset other = parse("x,l\n1,dog\n");
  EXPECT_FALSE(AlignClasses(other, "l", train.label()->class_names));
  Dataset numbers = parse("x,l\n1,0\n");
  EXPECT_FALSE(AlignClasses(numbers, "l", train.label()->class_names));
  EXPECT_FALSE(AlignClasses(test, "l", {}));
}

}  // namespace
}  // namespace descent::runtime
