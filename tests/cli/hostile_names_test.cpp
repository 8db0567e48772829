// Names and paths in models that try to be more than that: keywords, format strings, comment ends,
// files elsewhere. They are refused, or reach headers and file names as harmless text only.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "tests/cli/limited.h"

namespace descent::test {
namespace {

/// Allowed, as the text form writes them.
const std::vector<std::string> kOdd = {
    "int",
    "while",
    "class",
    "NULL",
    "EOF",
    "INT64_MAX",
    "DESCENT_OK",
    "M_STATE_BYTES",
    "main",
    "errno",
    "printf",
    "a\\\"b",
    "a'b",
    "a\\\\",
    "a/b",
    "../x",
    "/etc/passwd",
    "..",
    "-rf",
    "%n%s%n",
    "*/ int x; /*",
    "/*",
    "?\?/",
    "//",
    "#include <a>",
    "$(touch made)",
    "`touch made`",
    "a b",
    "\xc3\xa9t\xc3\xa9",
    "\xe2\x80\xae turned \xe2\x81\xa6",
};

/// A command that compiles the model in work/ to an object and a header, and that for C and C++.
constexpr const char* kBuild =
    "cd work && descent compile -q m.descent --emit obj --sanitize none && "
    "descent compile -q m.descent --emit header && rm -f m.descent && "
    "echo \"#include \\\"$(ls *.h)\\\"\" >a.c && echo 'int main(void) { return 0; }' >>a.c && "
    "gcc -std=c99 -Wall -Wextra -Werror a.c *.o -o a && "
    "g++ -Wall -Wextra -Werror -x c++ a.c -x none *.o -o b && ./a && ./b && rm -f a a.c b && ls";

/// Makes work/m.descent, builds it and sees that nothing but MODEL.h and MODEL.o is there.
void ExpectHarmless(const std::string& text) {
  const Shell shell;
  std::filesystem::create_directory(shell.folder() + "/work");
  const std::vector<std::string> before = FilesIn(shell);
  shell.Write("work/m.descent", text);
  const Outcome outcome = RunLimited(shell, kBuild);
  EXPECT_EQ(outcome.status, 0) << text << outcome.err;
  EXPECT_TRUE(std::regex_match(outcome.out, std::regex("([A-Za-z0-9_]+)\\.h\n\\1\\.o\n")))
      << text << outcome.out;
  EXPECT_EQ(FilesIn(shell).size(), before.size() + 2) << text;
}

std::string Quote(const std::string& name) { return "\"" + name + "\""; }

class OddModelName : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(All, OddModelName, testing::Range(size_t{0}, kOdd.size()));

TEST_P(OddModelName, IsHarmless) {
  ExpectHarmless("descent 1\nmodel " + Quote(kOdd[GetParam()]) +
                 " {\n  input x: f32[2]\n  y = neg(x)\n  output y\n}\n");
}

TEST(OddNames, OfInputsAndColumns) {
  std::string text = "  batch 4\n  input t: f32[batch, 1] from label\n";
  std::string sum = "  s0 = neg(t)\n";
  for (size_t i = 0; i < kOdd.size(); ++i) {
    text += "  input " + Quote(kOdd[i]) + ": f32[batch, 1] from " + Quote(kOdd[i]) + "\n";
    sum += "  s" + std::to_string(i + 1) + " = add(s" + std::to_string(i) + ", " + Quote(kOdd[i]) +
           ")\n";
  }
  const std::string last = "s" + std::to_string(kOdd.size());
  ExpectHarmless(ModelText(text + "  parameter w: f32[1, 1] = zeros\n" + sum + "  p = matmul(" +
                           last +
                           ", w)\n  loss = mse(p, t)\n  predict p\n"
                           "  train loss with sgd(learning_rate=1)\n"));
}

TEST(OddNames, OfParameters) {
  std::string text = "  input x: f32[2]\n", sum = "  s0 = neg(x)\n";
  for (size_t i = 0; i < kOdd.size(); ++i) {
    text += "  parameter " + Quote(kOdd[i]) + ": f32[2] = zeros\n";
    sum += "  s" + std::to_string(i + 1) + " = add(s" + std::to_string(i) + ", " + Quote(kOdd[i]) +
           ")\n";
  }
  ExpectHarmless(ModelText(text + sum + "  output s" + std::to_string(kOdd.size()) + "\n"));
}

TEST(OddNames, OfOutputsAndMetrics) {
  std::string text =
      "  batch 4\n  input x: f32[batch, 1]\n  input t: f32[batch, 1] from label\n"
      "  parameter w: f32[1, 1] = zeros\n  p = matmul(x, w)\n  loss = mse(p, t)\n";
  std::string tasks;
  for (size_t i = 0; i < kOdd.size(); ++i) {
    text += "  " + Quote(kOdd[i]) + " = mul(p, " + std::to_string(i + 2) + ")\n";
    tasks += "  predict " + Quote(kOdd[i]) + "\n  metric " + Quote(kOdd[i]) +
             " = mean_absolute_error(" + Quote(kOdd[i]) + ", t)\n";
  }
  ExpectHarmless(ModelText(text + tasks + "  train loss with sgd(learning_rate=1)\n"));
}

/// Whatever is printed about them is one diagnostic without a control character.
TEST(OddNames, ControlCharactersAreRefused) {
  for (const std::string name : {"a\\nb", "a\\x00b", "a\\x1b[31mb", "a\\rb", "\\x7f"})
    for (const std::string& text :
         {"descent 1\nmodel " + Quote(name) + " {\n  input x: f32[2]\n  output x\n}\n",
          ModelText("  input " + Quote(name) + ": f32[2]\n  output " + Quote(name) + "\n"),
          ModelText("  input x: f32[2] from " + Quote(name) + "\n  output x\n"),
          ModelText("  input x: f32[2]\n  parameter " + Quote(name) +
                    ": f32[2] = zeros\n  y = "
                    "add(x, " +
                    Quote(name) + ")\n  output y\n"),
          ModelText("  input x: f32[2]\n  " + Quote(name) + " = neg(x)\n  output " + Quote(name) +
                    "\n")}) {
      const Shell shell;
      shell.Write("m.descent", text);
      EXPECT_EQ(
          WhyNotRefused(shell, "descent compile m.descent",
                        {"m.descent", "V2: the name '", "has control characters or is not UTF-8"}),
          "");
    }
}

TEST(OddNames, ControlCharactersInTheText) {
  for (const std::string& text :
       {ModelText(std::string("  input \"a\0b\": f32[2]\n", 22)),
        std::string("descent 1\nmodel m {\n\0}\n", 23), ModelText("  input \"a\nb\": f32[2]\n"),
        ModelText("  input \"\x1b[31m\": f32[2]\n"), ModelText("  input \"\xff\": f32[2]\n"),
        ModelText("  # \x1b[2J\n  input x: f32[2]\n  output x\n")}) {
    const Shell shell;
    shell.Write("m.descent", text);
    EXPECT_EQ(WhyNotRefused(shell, "descent check m.descent", {"m.descent:"}), "");
  }
}

TEST(OddNames, LongNamesAreRefused) {
  const Shell shell;
  const std::string name(100000, 'a');
  shell.Write("m.descent", "descent 1\nmodel " + name + " {\n  input x: f32[2]\n  output x\n}\n");
  EXPECT_EQ(WhyNotRefused(shell, "descent check m.descent",
                          {"m.descent:2:7", "this name has 100000 bytes; at most 1000"}),
            "");
}

// ---- files of weights ---------------------------------------------------------------------------

/// net/ with a model that reads FILE, and good weights outside of it.
void WriteNetwork(const Shell& shell, const std::string& file) {
  shell.Write("make.py", R"(
import json, os, struct
head = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
os.makedirs("net/data")
os.makedirs("elsewhere")
for path in ("net/data/w", "w", "elsewhere/w"):
    open(path, "wb").write(struct.pack("<Q", len(head)) + head + struct.pack("<2f", 3, 5))
os.symlink("../w", "net/link")
os.symlink(os.path.abspath("w"), "net/absolute_link")
os.symlink("../elsewhere", "net/folder_link")
os.symlink("link", "net/link_of_link")
)");
  ASSERT_EQ(shell.Run("python3 make.py").status, 0);
  shell.Write("net/m.descent", ModelText("  input x: f32[2]\n  parameter w: f32[2] = file " +
                                         Quote(file) + "\n  y = mul(x, w)\n  output y\n"));
}

TEST(OddPaths, InsideTheFolderIsRead) {
  for (const char* file : {"data/w", "./data/w"}) {
    const Shell shell;
    WriteNetwork(shell, file);
    const Outcome outcome = RunLimited(shell, "descent run net/m.descent 'x=[2, 2]'");
    EXPECT_EQ(outcome.out, "y: f32[2] = [6, 10]\n") << file << outcome.err;
  }
}

TEST(OddPaths, OutsideTheFolderIsRefused) {
  for (const std::string file :
       {"../w", "data/../../w", "data/../data/w", "/etc/passwd", "/dev/zero", "//etc/passwd",
        "./../w", "..", "link", "absolute_link", "folder_link/w", "link_of_link",
        "data/w\\x00/../../../w"}) {
    const Shell shell;
    WriteNetwork(shell, file);
    for (const char* command : {"check net/m.descent", "run net/m.descent 'x=[2, 2]'",
                                "compile net/m.descent --emit obj -o made.o"})
      EXPECT_EQ(WhyNotRefused(shell, std::string("descent ") + command,
                              {"net/m.descent:4:", "is not inside the model's folder"}),
                "")
          << file;
  }
}

}  // namespace
}  // namespace descent::test
