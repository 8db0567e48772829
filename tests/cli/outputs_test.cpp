// What the command writes: never over what it reads, nothing when it is interrupted, and under
// names that are free.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <utility>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

void ExpectUsage(const Outcome& outcome, const std::string& text) {
  EXPECT_EQ(outcome.status, 2) << outcome.out << outcome.err;
  EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
}

TEST(AttachedValue, OfNothingDoesNotTakeTheNextWord) {
  const Shell shell;
  shell.Write("a.jsonl", "first\n");
  shell.Write("b.jsonl", "second\n");
  ExpectUsage(shell.Run("OUT=; descent plot --curves --output=$OUT a.jsonl b.jsonl"),
              "error: --output takes FILE, not ''\n");
  EXPECT_EQ(shell.Read("a.jsonl") + shell.Read("b.jsonl"), "first\nsecond\n");
  ExpectUsage(shell.Run("descent convert --output= new.descent orange-blue.descent"),
              "--output takes FILE, not ''");
  EXPECT_FALSE(shell.Exists("new.descent"));
  ExpectUsage(shell.Run("descent inspect --stage= orange-blue.descent"),
              "--stage takes STAGE, not ''");
  ExpectUsage(shell.Run("descent compile orange-blue.descent --name ''"),
              "--name takes PREFIX, not ''");
  ExpectUsage(shell.Run("descent compile orange-blue.descent --batch="), "--batch takes N, not ''");
  ExpectUsage(shell.Run("descent compile orange-blue.descent --quiet=no"),
              "--quiet takes no value");
  EXPECT_EQ(shell.Run("descent run orange-blue.descent 'x=[[1, 2]]' --seed=-3").status, 0);
}

TEST(Outputs, NeverReplaceWhatIsRead) {
  const Shell shell;
  ASSERT_EQ(shell
                .Run("cp orange-blue.descent orange_blue && cp orange-blue.descent m.descent && "
                     "ln -s m.descent link.descent && ln m.descent hard.descent && "
                     "mkdir out && descent run m.descent 'x=[[1, 2]]' -o out")
                .status,
            0);
  const std::string before = shell.Read("m.descent"), data = shell.Read("out/output_0.npy");
  for (const char* line :
       {"descent compile orange_blue", "descent compile m.descent -o m.descent",
        "descent compile m.descent -o ./link.descent", "descent convert m.descent -o hard.descent",
        "descent opt m.descent -o m.descent",
        "descent inspect --stage source m.descent -o m.descent",
        "descent plot m.descent --data circle -o m.descent",
        "descent plot m.descent --data m.descent:label=y -o m.descent",
        "descent train m.descent --data circle --log m.descent",
        "descent train m.descent --data circle --checkpoint m.descent",
        "descent compile - <m.descent -o m.descent", "descent convert - <m.descent -o m.descent",
        "descent opt - <m.descent -o m.descent", "descent inspect - <m.descent -o m.descent",
        "descent plot - --data circle <m.descent -o m.descent",
        "descent train - --data circle <m.descent --checkpoint m.descent",
        "cp $(command -v descent) d && ./d plot m.descent --data circle -o d"})
    ExpectUsage(shell.Run(line), "would overwrite");
  EXPECT_EQ(shell.Read("m.descent"), before);
  EXPECT_EQ(shell.Read("orange_blue"), before);
  shell.Write("abs.descent",
              "descent 1\nmodel m {\n  input x: f32[1, 1]\n  y = abs(x)\n  output y\n}\n");
  ExpectUsage(shell.Run("descent run abs.descent out/output_0.npy -o out"),
              "--output would overwrite 'out/output_0.npy', the file of INPUT");
  EXPECT_EQ(shell.Read("out/output_0.npy"), data);
  EXPECT_EQ(shell.Run("descent convert m.descent --to text -o /dev/null").status, 0);
}

TEST(Outputs, NeverReplaceTheFilesOfParameters) {
  const Shell shell;
  std::string file = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  file = std::string(1, static_cast<char>(file.size())) + std::string(7, '\0') + file + "1234";
  shell.Write("w.safetensors", file);
  shell.Write("m.descent",
              "descent 1\nmodel m {\n  batch 1\n  input x: f32[batch, 1] from features\n"
              "  parameter w: f32[1] = file \"w.safetensors\"\n  y = mul(x, w)\n"
              "  loss = sum(y)\n  predict y\n  train loss with sgd(learning_rate=0.1)\n}\n");
  for (const char* line : {"descent compile m.descent --emit obj -o w.safetensors",
                           "descent inspect m.descent -o ./w.safetensors",
                           "descent convert m.descent --to text -o w.safetensors",
                           "descent opt m.descent -o w.safetensors",
                           "descent opt m.descent --entry initialize -o w.safetensors",
                           "descent plot m.descent --fit --data sine -o w.safetensors",
                           "descent plot --fit --data sine - <m.descent -o w.safetensors",
                           "descent train m.descent --data sine --checkpoint w.safetensors"})
    ExpectUsage(shell.Run(line), "would overwrite 'w.safetensors', the file of MODEL's parameters");
  EXPECT_EQ(shell.Read("w.safetensors"), file);
}

/// A name that says what a file holds is no name for anything else.
TEST(Outputs, AreNotNamedLikeOtherKindsOfFiles) {
  const Shell shell;
  shell.Write("m.descent",
              "descent 1\nmodel m {\n  input x: f32[2]\n  y = neg(x)\n  output y\n}\n");
  for (const std::string name : {"x.h", "x.onnx", "x.descent", "x.pb", "x.pbtxt", "x.safetensors",
                                 "x.npy", "x.csv", "x.cpp", "x.c", "x.o", "x.so", "x.svg"}) {
    ExpectUsage(shell.Run("descent compile m.descent -o " + name), "'" + name + "' is a name for ");
    EXPECT_FALSE(shell.Exists(name));
  }
  ExpectUsage(shell.Run("descent compile m.descent -o x.h"), "or add --emit header");
  ExpectUsage(shell.Run("descent compile m.descent --emit obj -o x.h"), "let it end in .o");
  ExpectUsage(shell.Run("descent import m.descent -o x.onnx"), "descent import does not make");
  ExpectUsage(shell.Run("descent import m.descent -o x.safetensors"), "a file of parameters");
  ExpectUsage(shell.Run("descent export m.descent -o x.descent"), "let it end in .onnx");
  ExpectUsage(shell.Run("descent opt m.descent -o x.pb"), "let it end in .descent");
  for (const char* line : {"compile m.descent -o x.h.new", "compile m.descent --emit header -o n.h",
                           "compile m.descent --emit obj -o n", "import m.descent -o n.pbtxt"})
    EXPECT_EQ(shell.Run(std::string("descent ") + line).status, 0) << line;
}

TEST(Outputs, LeaveFilesWithPartialNamesThatAreRead) {
  const Shell shell;
  shell.Write("abs.descent",
              "descent 1\nmodel m {\n  input x: f32[1, 1]\n  y = abs(x)\n  output y\n}\n");
  ASSERT_EQ(shell
                .Run("mkdir o && descent run abs.descent 'x=[[1]]' -o o && "
                     "mv o/output_0.npy o/output_0.npy.descent-partial && "
                     "for i in $(seq 20); do echo 1,2,1; echo 2,1,0; done >q.descent-partial")
                .status,
            0);
  ExpectUsage(shell.Run("descent run abs.descent o/output_0.npy.descent-partial -o o"),
              "--output would overwrite 'o/output_0.npy.descent-partial', the file of INPUT");
  ExpectUsage(shell.Run("descent plot orange-blue.descent --data q.descent-partial -o q"),
              "--output would overwrite 'q.descent-partial', the file of --data");
  EXPECT_TRUE(shell.Exists("o/output_0.npy.descent-partial"));
  EXPECT_TRUE(shell.Exists("q.descent-partial"));
  // Names that people give are no temporary files.
  const Outcome plotted = shell.Run(
      "cp q.descent-partial q.tmp && descent convert orange-blue.descent --to text -o q && ls");
  EXPECT_EQ(plotted.out.find("q.partial"), std::string::npos);
  EXPECT_TRUE(shell.Exists("q.tmp"));
}

TEST(Outputs, StayAsTheyWereWhenTheDiskIsFull) {
  const Shell shell;
  // The limit of a file's size stands in for the end of the disk.
  const std::string limited = "trap '' XFSZ; ulimit -f 0; ";
  for (const char* line :
       {"descent plot orange-blue.descent --data circle -o old",
        "descent convert orange-blue.descent --to text -o old",
        "descent inspect orange-blue.descent -o old", "descent opt orange-blue.descent -o old"}) {
    shell.Write("old", "kept");
    const Outcome outcome = shell.Run("(" + limited + line + ") 2>&1 | cat");
    EXPECT_EQ(outcome.out, "error: cannot write 'old': File too large\n") << line;
    EXPECT_EQ(shell.Read("old"), "kept") << line;
    EXPECT_EQ(shell.Run("ls | grep partial").out, "") << line;
  }
}

TEST(Outputs, GoThroughLinksDevicesAndPipes) {
  const Shell shell;
  const std::string convert = "descent convert orange-blue.descent --to text -o ";
  const std::string text = shell.Run(convert + "-").out;
  shell.Write("old", "old");
  ASSERT_EQ(shell.Run("chmod 600 old; ln -s old link; mkdir d; ln -s ../new d/dangling").status, 0);
  for (const auto& [output, file] :
       {std::pair("link", "old"), std::pair("d/dangling", "new"),
        std::pair("/dev/stdout >stdout", "stdout"), std::pair(">(cat >pipe); sleep 0.3", "pipe")}) {
    const Outcome outcome = shell.Run(convert + output);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(shell.Read(file), text) << output;
  }
  EXPECT_EQ(
      shell.Run("stat -c %a old; readlink link d/dangling; [ -L /dev/stdout ] && echo yes").out,
      "600\nold\n../new\nyes\n");
  EXPECT_EQ(shell.Run(convert + "/dev/full").err,
            "error: cannot write '/dev/full': No space left on device\n");
}

TEST(Names, OfDescentItselfAreNoPrefix) {
  const Shell shell;
  ExpectUsage(shell.Run("descent compile orange-blue.descent --emit header --name Descent"),
              "error: the name 'Descent' is Descent's own; choose another\n");
  shell.Write("descent.descent",
              "descent 1\nmodel descent {\n  input x: f32[1]\n  y = abs(x)\n  output y\n}\n");
  const Outcome outcome = shell.Run(
      "descent compile descent.descent --emit header -o m.h && "
      "echo '#include \"m.h\"' | gcc -Wall -Wextra -Werror -I. -c -o /dev/null -xc - && "
      "grep -c descent__run m.h");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST(Options, ThatHaveNoEffectAreRefused) {
  const Shell shell;
  ExpectUsage(shell.Run("descent inspect orange-blue.descent --target foo"), "'foo'");
  ExpectUsage(shell.Run("descent diff orange-blue.descent no-bias.descent --entry predict"),
              "error: --entry is for comparing values\n");
  ExpectUsage(shell.Run("descent diff orange-blue.descent no-bias.descent --tolerance 1e-5"),
              "error: --tolerance is for comparing values\n");
  ExpectUsage(shell.Run("descent opt orange-blue.descent --passes 'specialize(train_step)' --entry "
                        "predict"),
              "error: --passes specialize(train_step) and --entry predict exclude each other\n");
  EXPECT_EQ(
      shell.Run("descent opt orange-blue.descent --passes 'specialize(predict)' --entry predict")
          .status,
      0);
}

TEST(Wording, OfWhatIsComparedAndPlanned) {
  const Shell shell;
  const Outcome changed = shell.Run(
      "sed 's/learning_rate=/weight_decay=1, learning_rate=/; s/sgd(/adamw(beta1=0.8, beta2=0.9, "
      "epsilon=1e-7, /' orange-blue.descent >a.descent; "
      "sed 's/learning_rate=[0-9.]*/learning_rate=7/' a.descent >b.descent; "
      "descent diff a.descent b.descent");
  EXPECT_NE(changed.out.find("learning_rate=7"), std::string::npos) << changed.out << changed.err;
  EXPECT_EQ(changed.out.find("with other data"), std::string::npos) << changed.out;
  // Reuse never costs memory.
  const std::string text = shell.Run("descent inspect --stage memory orange-blue.descent").out;
  long long arena = 0, without = 0;
  const size_t at = text.find("arena ");
  ASSERT_NE(at, std::string::npos) << text;
  ASSERT_EQ(std::sscanf(text.c_str() + at, "arena %lld bytes (%lld without", &arena, &without), 2);
  EXPECT_LE(arena, without);
}

TEST(Suggestions, OfOptimizers) {
  const Shell shell;
  for (const auto& [wrong, near] :
       {std::pair("s/sgd(/sdg(/", "did you mean 'sgd'? there are sgd"),
        std::pair("s/learning_rate=/learning_rat=/", "did you mean 'learning_rate'? it takes")}) {
    const Outcome outcome = shell.Run(std::string("sed '") + wrong +
                                      "' orange-blue.descent >m.descent; descent check m.descent");
    EXPECT_NE(outcome.err.find(near), std::string::npos) << outcome.err;
  }
  const Outcome open =
      shell.Run("sed '$d' orange-blue.descent >m.descent; descent check m.descent");
  EXPECT_NE(open.err.find("not the end of the file\n"), std::string::npos) << open.err;
  EXPECT_NE(open.err.find("^"), std::string::npos) << open.err;
}

TEST(Help, OfATrainerListsWhatItCanDo) {
  const Shell shell;
  const std::string compile = "descent compile -q orange-blue.descent -o t ";
  const std::string all = shell.Run(compile + "&& ./t --help").out;
  const std::string part = shell.Run(compile + "--entry predict && ./t --help").out;
  EXPECT_NE(all.find("  train "), std::string::npos) << all;
  EXPECT_EQ(part.find("  train "), std::string::npos) << part;
  EXPECT_EQ(part.find("  evaluate "), std::string::npos) << part;
  EXPECT_NE(part.find("  predict "), std::string::npos) << part;
  EXPECT_TRUE(part.starts_with("Predicts with the model")) << part;
  EXPECT_NE(shell.Run(compile + "&& ./t train --help").out.find("a second Ctrl-C ends it at once"),
            std::string::npos);
}

TEST(Completion, OffersTargetsPassesAndOperators) {
  const Outcome outcome = Shell().Run("descent completion bash");
  for (const char* words : {"--target) COMPREPLY=($(compgen -W \"native x86-64-v2",
                            "--passes) COMPREPLY=($(compgen -W \"specialize", " matmul ", " adam "})
    EXPECT_NE(outcome.out.find(words), std::string::npos) << words << outcome.out;
}

TEST(Ops, LongRowsKeepTheirColumns) {
  const Outcome outcome = Shell().Run("descent ops scan");
  EXPECT_NE(outcome.out.find("\n  continues        whether loop_step"), std::string::npos)
      << outcome.out;
}

/// A linker that interrupts the command which started it, and again.
void WriteLinker(const Shell& shell, const std::string& then) {
  shell.Write("bin/cc", "#!/bin/sh\nkill -INT $PPID\nsleep 0.1\nkill -INT $PPID\n" + then + "\n");
  // What a build with a sanitizer links with.
  ASSERT_EQ(shell.Run("chmod +x bin/cc && cp bin/cc bin/clang-19").status, 0);
}

TEST(Interrupt, WhileLinkingLeavesNothing) {
  for (const char* then : {"exit 1", "PATH=${PATH#*:} exec ${0##*/} \"$@\""}) {
    const Shell shell;
    ASSERT_EQ(shell.Run("mkdir bin tmp").status, 0);
    WriteLinker(shell, then);
    const std::string with = "export PATH=$PWD/bin:$PATH TMPDIR=$PWD/tmp; ";
    const Outcome trained = shell.Run(with + "descent train orange-blue.descent --data circle");
    EXPECT_EQ(trained.status, 130) << trained.out << trained.err;
    EXPECT_EQ(trained.out,
              "stopped: interrupted before the first step; no checkpoint was written\n");
    EXPECT_EQ(trained.err, "");
    const Outcome compiled = shell.Run(with + "descent compile orange-blue.descent -o trainer");
    EXPECT_EQ(compiled.status, 130) << compiled.out << compiled.err;
    EXPECT_EQ(compiled.err, "stopped: interrupted; nothing was written\n");
    EXPECT_EQ(shell.Run("ls tmp; ls | grep trainer").out, "");
  }
}

}  // namespace
}  // namespace descent::test
