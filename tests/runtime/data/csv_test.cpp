#include "runtime/data/csv.h"

#include "tests/runtime/damage.h"

namespace descent::runtime {
namespace {

Result<Dataset> Parse(std::string_view text, CsvOptions options = {}, DataNeeds needs = {}) {
  return ParseCsv(BytesOf(text), "d.csv", options, needs);
}

std::string ErrorOf(std::string_view text, CsvOptions options = {}, DataNeeds needs = {}) {
  auto data = Parse(text, options, needs);
  return data ? "accepted" : data.error().ToString();
}

std::vector<double> Numbers(const Column& column) {
  std::vector<double> numbers;
  for (size_t i = 0; i < column.values.size() / SizeOf(column.dtype); ++i) {
    numbers.push_back(NumberAt(column.dtype, column.values.data(), static_cast<int64_t>(i)));
  }
  return numbers;
}

TEST(Csv, HeaderAndTextLabel) {
  auto data = Parse("x1,x2,species\n1,2,b\n3,-4e1,a\n+5,6.5,b\n");
  ASSERT_TRUE(data) << data.error().ToString();
  EXPECT_EQ(data->rows, 3);
  EXPECT_TRUE(data->named);
  EXPECT_EQ(Numbers(*data->Find("x2")), (std::vector<double>{2, -40, 6.5}));
  ASSERT_NE(data->label(), nullptr);
  EXPECT_EQ(data->label()->name, "species");
  EXPECT_EQ(data->label()->class_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Numbers(*data->label()), (std::vector<double>{1, 0, 1}));
}

TEST(Csv, WithoutHeader) {
  auto data = Parse("1,2,0\r\n3,4,1\r\n");
  ASSERT_TRUE(data);
  EXPECT_FALSE(data->named);
  EXPECT_EQ(data->rows, 2);
  EXPECT_EQ(data->columns[0].name, "column0");
  EXPECT_EQ(data->label()->name, "column2");
  EXPECT_TRUE(data->label()->class_names.empty());
  // The first line is data although its label is text.
  EXPECT_EQ(Parse("1,2,yes\n3,4,no")->rows, 2);
  // Told that there is a header, it is one even when it holds numbers.
  auto told = Parse("1,2\n3,4\n", {.header = CsvOptions::Header::kYes});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->columns[1].name, "2");
}

TEST(Csv, LabelByNameAndIndex) {
  std::string_view text = "a,label,c\n1,2,3\n";
  EXPECT_EQ(Parse(text)->label()->name, "label");
  EXPECT_EQ(Parse(text, {.label = "c"})->label()->name, "c");
  EXPECT_EQ(Parse(text, {.label = "0"})->label()->name, "a");
  EXPECT_EQ(Parse(text, {.label = "-1"})->label()->name, "c");
  EXPECT_EQ(Parse(text, {}, {.label = false})->label(), nullptr);
  EXPECT_EQ(ErrorOf(text, {.label = "d"}),
            "d.csv: has no column 'd', named or numbered, for the label (3 columns)");
  EXPECT_NE(ErrorOf(text, {.label = "3"}), "accepted");
}

TEST(Csv, QuotesAndByteOrderMark) {
  auto data = Parse("\xEF\xBB\xBF\"x\",\"the, \"\"label\"\"\"\n1,\"a\nb\"\n2,\"c\"\n\n");
  ASSERT_TRUE(data) << data.error().ToString();
  EXPECT_EQ(data->columns[0].name, "x");
  EXPECT_EQ(data->columns[1].name, "the, \"label\"");
  EXPECT_EQ(data->label()->class_names, (std::vector<std::string>{"a\nb", "c"}));
  EXPECT_EQ(Parse("a;b\n1;2\n", {.separator = ';'})->columns.size(), 2u);
}

TEST(Csv, NamedColumnMayBeText) {
  DataNeeds needs = {.label = true, .columns = {"city"}};
  auto data = Parse("x,city,y\n1,Rome,0\n2,Bonn,1\n", {}, needs);
  ASSERT_TRUE(data) << data.error().ToString();
  EXPECT_EQ(data->Find("city")->class_names, (std::vector<std::string>{"Bonn", "Rome"}));
}

TEST(Csv, RefusesWithLineAndColumn) {
  EXPECT_EQ(ErrorOf("x,y\n1,2\n,3\n"), "d.csv: line 3: column 1 ('x'): missing value ''");
  EXPECT_EQ(ErrorOf("x,y\n1,2\nNA,3\n"), "d.csv: line 3: column 1 ('x'): missing value 'NA'");
  EXPECT_EQ(ErrorOf("x,y\n1,2\n1,?\n"), "d.csv: line 3: column 2 ('y'): missing value '?'");
  EXPECT_EQ(ErrorOf("x,y\n1,2\n1\n"), "d.csv: line 3: 1 field, but the first line has 2");
  EXPECT_EQ(ErrorOf("x,y\n1,2\n1,2,3\n"), "d.csv: line 3: 3 fields, but the first line has 2");
  EXPECT_EQ(ErrorOf("x,y\nRome,2\n"),
            "d.csv: line 2: column 1 ('x'): 'Rome' is not a number (text is for the label, which "
            "is column 'y'; if it should be this one, append :label=x)");
  EXPECT_EQ(ErrorOf("x,y\ninf,2\n"), "d.csv: line 2: column 1 ('x'): 'inf' is not finite");
  EXPECT_EQ(ErrorOf("x,y\n1e999,2\n"), "d.csv: line 2: column 1 ('x'): '1e999' is not finite");
  EXPECT_EQ(ErrorOf("x,y\n1,\"2\n\n"), "d.csv: line 2: quote is not closed");
  EXPECT_EQ(ErrorOf("x,y\n1,\"2\"3\n"), "d.csv: line 2: text after a closing quote");
  EXPECT_EQ(ErrorOf("x,x\n1,2\n"), "d.csv: line 1: two columns are named 'x'");
  EXPECT_EQ(ErrorOf(""), "d.csv: is empty");
  EXPECT_EQ(ErrorOf("x,y\n"), "d.csv: holds no rows");
  EXPECT_EQ(ErrorOf("x\n1\n\n2\n"), "d.csv: line 3: column 1 ('x'): missing value ''");
  EXPECT_NE(ErrorOf(std::string_view("x,y\n1,\0\n", 8)), "accepted");
}

TEST(Csv, TextIsForTheLabel) {
  const std::string_view table = "width,height,color\n1,2,blue\n3,4,orange\n";
  const DataNeeds needs = {.label = true};
  ASSERT_TRUE(Parse(table, {}, needs));
  const auto wrong = Parse(table, {.label = "height"}, needs);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().ToString(),
            "d.csv: line 2: column 3 ('color'): 'blue' is not a number (text is for the label, "
            "which is column 'height'; if it should be this one, append :label=color)");
}

TEST(Csv, SurvivesDamage) {
  Bytes bytes = ToBytes("x1,\"x 2\",l\n1,2,a\n3,4,\"b\"\n");
  auto parse = [](const Bytes& b) { return ParseCsv(b, "d.csv", {}, {}); };
  SurviveDamagedBytes(bytes, parse);
  for (size_t size = 0; size < bytes.size(); ++size) {
    auto data = parse(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)));
    if (data) {
      EXPECT_GE(data->rows, 1);
    }
  }
}

}  // namespace
}  // namespace descent::runtime
