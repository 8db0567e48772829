// What `descent compile` and `descent inspect` leave behind, examined with the system's own tools.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

std::set<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> words;
  for (std::string word; stream >> word;) words.insert(word);
  return words;
}

void ExpectGood(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
}

TEST(Compile, SaysWhatItMadeInOneLine) {
  const Shell shell;
  const Outcome made = shell.Run("descent compile orange-blue.descent --emit obj -o net.o");
  ExpectGood(made);
  EXPECT_TRUE(made.out.starts_with("net.o: object for ")) << made.out;
  EXPECT_EQ(std::ranges::count(made.out, '\n'), 1);
  EXPECT_EQ(shell.Run("descent compile -q orange-blue.descent --emit obj -o net.o").out, "");
}

TEST(Compile, NamesOutputsAfterTheModel) {
  const Shell shell;
  for (const char* kind : {"exe", "obj", "static", "shared", "header"})
    ExpectGood(shell.Run(std::string("descent compile -q orange-blue.descent --emit ") + kind));
  for (const char* file :
       {"orange_blue", "orange_blue.o", "liborange_blue.a", "liborange_blue.so", "orange_blue.h"})
    EXPECT_TRUE(shell.Exists(file)) << file;
}

TEST(Compile, TrainsOrangeBlue) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile orange-blue.descent -o trainer"));
  const Outcome trained =
      shell.Run("./trainer train --data circle:samples=500,seed=1 --epochs 100 --seed 1 --quiet");
  ExpectGood(trained);
}

// An instrumented executable needs the sanitizer's runtime and what that needs.
#if !defined(DESCENT_SANITIZE_ADDRESS) && !defined(DESCENT_SANITIZE_THREAD)

TEST(Compile, ExecutableDependsOnNothingElse) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile orange-blue.descent -o trainer"));
  const Outcome needed =
      shell.Run("readelf -d trainer | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p'");
  const std::set<std::string> allowed = {"libc.so.6",     "libm.so.6", "libstdc++.so.6",
                                         "libgcc_s.so.1", "libz.so.1", "libtbb.so.12"};
  for (const std::string& library : Words(needed.out))
    EXPECT_TRUE(allowed.contains(library)) << library;
  EXPECT_TRUE(Words(needed.out).contains("libtbb.so.12"));
}

TEST(Compile, ExecutableStartsNoProcessAndGeneratesNoCode) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile orange-blue.descent -o trainer"));
  const auto imports =
      Words(shell.Run("nm -D --undefined-only trainer | sed 's/.* //; s/@.*//'").out);
  EXPECT_TRUE(imports.contains("rename")) << "of the checkpoint";
  for (const char* forbidden :
       {"fork", "vfork", "clone", "execl", "execlp", "execle", "execv", "execvp", "execve",
        "execvpe", "fexecve", "posix_spawn", "posix_spawnp", "system", "popen", "dlopen",
        "mprotect", "memfd_create"})
    EXPECT_FALSE(imports.contains(forbidden)) << forbidden;
}

TEST(Compile, StaticExecutableDependsOnNothing) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile orange-blue.descent --static -o trainer"));
  EXPECT_EQ(shell.Run("readelf -d trainer | grep NEEDED").out, "");
  ExpectGood(shell.Run("./trainer info"));
}

#endif

TEST(Compile, ObjectNeedsLibcOnly) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile mlp.descent --emit obj --sanitize none -o net.o"));
  const std::set<std::string> allowed = {"memcpy", "memset", "memmove", "U"};
  for (const std::string& symbol : Words(shell.Run("nm -u net.o").out))
    EXPECT_TRUE(allowed.contains(symbol)) << symbol;
}

TEST(Compile, AllSymbolsCarryThePrefix) {
  const Shell shell;
  ExpectGood(shell.Run(
      "descent compile orange-blue.descent --emit obj --sanitize none --name my_net -o net.o"));
  const Outcome symbols = shell.Run("nm -g --defined-only net.o | cut -d' ' -f3");
  for (const std::string& symbol : Words(symbols.out))
    EXPECT_TRUE(symbol.starts_with("my_net_")) << symbol;
  EXPECT_TRUE(Words(symbols.out).contains("my_net_program"));
}

TEST(Compile, PredictionHoldsNoTrainingCode) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile mlp.descent --emit obj -o all.o"));
  ExpectGood(shell.Run("descent compile mlp.descent --emit obj --entry predict -o predict.o"));
  const auto symbols = Words(shell.Run("nm predict.o | cut -d' ' -f3").out);
  EXPECT_TRUE(symbols.contains("fashion_mnist_predict"));
  EXPECT_FALSE(symbols.contains("fashion_mnist_train_step"));
  EXPECT_LT(shell.Read("predict.o").size(), shell.Read("all.o").size() / 2);
}

TEST(Compile, KernelsAreSymbols) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile mlp.descent --emit obj -o net.o"));
  const auto symbols = Words(shell.Run("nm net.o | cut -d' ' -f3").out);
  const auto kernels = Words(shell
                                 .Run("descent compile mlp.descent --emit kernels | sed -n 's/^ "
                                      "*kernel \\([^ ]*\\).*/\\1/p'")
                                 .out);
  EXPECT_GT(kernels.size(), 5u);
  for (const std::string& kernel : kernels) EXPECT_TRUE(symbols.contains(kernel)) << kernel;
}

TEST(Compile, IsReproducibleFromAnyFolder) {
  const Shell shell;
  ExpectGood(shell.Run(
      "mkdir -p a b/c && cp orange-blue.descent a && cp orange-blue.descent b/c/other.descent &&"
      "(cd a && descent compile orange-blue.descent -o trainer) &&"
      "(cd b/c && TMPDIR=$PWD descent compile other.descent -o different) && cmp a/trainer "
      "b/c/different &&"
      "descent compile - -o piped <orange-blue.descent && cmp a/trainer piped"));
}

TEST(Compile, LeavesNothingBehindOnError) {
  const Shell shell;
  const Outcome failed =
      shell.Run("mkdir out && descent compile orange-blue.descent -o out/no/trainer");
  EXPECT_EQ(failed.status, 4) << failed.err;
  EXPECT_EQ(shell.Run("ls out").out, "");
}

TEST(Compile, SettingsReachTheProgram) {
  const Shell shell;
  ExpectGood(
      shell.Run("descent compile orange-blue.descent --set optimizer=adam --set "
                "optimizer.learning_rate=0.125 --batch 25 -o trainer"));
  const Outcome info = shell.Run("./trainer info");
  ExpectGood(info);
  EXPECT_NE(info.out.find("adam"), std::string::npos) << info.out;
  EXPECT_NE(info.out.find("0.125"), std::string::npos) << info.out;
}

TEST(Compile, RefusesWhatDoesNotFit) {
  const Shell shell;
  struct Refusal {
    const char* options;
    int status;
    const char* message;
  };
  const Refusal refusals[] = {
      {"--set optimizer.momentun=0.9", 1, "momentun"},
      {"--set nonsense=1", 1, "fits nothing in the model"},
      {"--set momentum", 2, "NAME=VALUE"},
      {"--set W9.l2=0.1", 1, "fits nothing in the model"},
      {"--set W1.l2=much", 1, "takes a number, not 'much'"},
      {"--learning-rate abc", 2, "--learning-rate takes a number of at least 0, not 'abc'"},
      {"--set every=2 --set learning_rate=abc", 1,
       "error: --set learning_rate=abc: optimizer sgd: learning_rate must be a number, not a "
       "string\n --> command line\n"},
      {"--target pentium", 2, "pentium"},
      {"--name 9lives", 2, "C identifier"},
      {"--entry run", 1, "no entry point 'run'"},
      {"--weights nothing.safetensors", 4, "nothing.safetensors"},
      {"--weights orange-blue.descent", 1, "orange-blue.descent"},
      {"--static --emit obj", 2, "--static is for executables"},
      {"--disable-pass fus", 2, "did you mean 'fuse'"},
  };
  for (const Refusal& refusal : refusals) {
    const Outcome outcome =
        shell.Run(std::string("descent compile orange-blue.descent -o trainer ") + refusal.options);
    EXPECT_EQ(outcome.status, refusal.status) << refusal.options << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find(refusal.message), std::string::npos) << refusal.options << "\n"
                                                                    << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("error: ")) << outcome.err;
    EXPECT_FALSE(shell.Exists("trainer")) << refusal.options;
  }
}

TEST(Compile, WithoutLinkerSaysWhatToInstall) {
  const Shell shell;
  const Outcome outcome = shell.Run(
      "descent=$(command -v descent); mkdir empty; PATH=$PWD/empty $descent compile "
      "orange-blue.descent");
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err.find("apt"), std::string::npos) << outcome.err;
}

TEST(Header, CompilesAlone) {
  const Shell shell;
  ExpectGood(shell.Run("descent compile orange-blue.descent --emit header -o net.h"));
  shell.Write("a.c",
              "#include \"net.h\"\nint main(void) { return sizeof(orange_blue_train_step_inputs) "
              "== 0; }\n");
  ExpectGood(
      shell.Run("descent compile orange-blue.descent --emit obj --sanitize none -o net.o &&"
                "cc -std=c99 -Wall -Wextra -Wpedantic -Werror a.c net.o -o a && ./a &&"
                "c++ -std=c++17 -Wall -Wextra -Werror -x c++ a.c -x none net.o -o b && ./b"));
}

TEST(Header, TwoModelsOneProgram) {
  const Shell shell;
  // Not in the raw text: these headers are made by the command, no source file includes them.
  shell.Write("main.c",
              "#include <stdio.h>\n#include \"first.h\"\n#include \"second.h\"\n"
              R"(
static _Alignas(64) unsigned char state1[FIRST_STATE_BYTES], state2[SECOND_STATE_BYTES];
static _Alignas(64) unsigned char scratch[FIRST_SCRATCH_BYTES(1) + SECOND_SCRATCH_BYTES(1)];
static unsigned char file[65536];
int main(void) {
  float before[6], after[6];
  int64_t bytes;
  if (!first_is_supported() || !second_is_supported()) return 1;
  if (first_initialize(state1, scratch, 7, NULL) || second_initialize(state2, scratch, 7, NULL)) return 2;
  if (first_get(state1, "W1", before, sizeof before) != DESCENT_OK) return 3;
  bytes = first_save(state1, NULL, 0);
  if (bytes <= 0 || bytes > (int64_t)sizeof file || first_save(state1, file, bytes) != bytes) return 4;
  if (first_initialize(state1, scratch, 8, NULL)) return 5;
  if (first_get(state1, "W1", after, sizeof after) != DESCENT_OK || memcmp(before, after, sizeof after) == 0) return 6;
  if (first_load(state1, file, bytes) != DESCENT_OK) return 7;
  if (first_get(state1, "W1", after, sizeof after) != DESCENT_OK || memcmp(before, after, sizeof after) != 0) return 8;
  if (first_get(state1, "W7", after, sizeof after) != DESCENT_ERROR_NAME) return 9;
  if (first_get(state1, "W1", after, 4) != DESCENT_ERROR_SIZE) return 10;
  if (first_load(state1, file, bytes - 1) >= 0) return 11;
  file[9] ^= 1;
  if (first_load(state1, file, bytes) >= 0) return 12;
  if (first_set_learning_rate(state1, 0.25) != DESCENT_OK || first_get_learning_rate(state1) != 0.25) return 13;
  fwrite(file, 1, 0, stdout);
  return 0;
}
)");
  const Outcome outcome = shell.Run(
      "for kind in obj header; do\n"
      "  descent compile orange-blue.descent --name first --sanitize none --emit $kind || exit\n"
      "  descent compile no-bias.descent --name second --sanitize none --emit $kind || exit\n"
      "done\n"
      "cc -std=c11 -Wall -Wextra -Werror main.c first.o second.o -o main && ./main");
  ExpectGood(outcome);
}

TEST(Header, FitsOnlyItsOwnObject) {
  const Shell shell;
  shell.Write("a.c", "#include \"net.h\"\nint main(void) { return net_is_supported(); }\n");
  ExpectGood(
      shell.Run("descent compile orange-blue.descent --name net --emit obj --sanitize none &&"
                "descent compile orange-blue.descent --name net --emit header --batch 20 &&"
                "cc a.c net.o -o a && ./a"));
}

TEST(Header, OddNamesAreMadeSafe) {
  const Shell shell;
  shell.Write("odd.descent",
              "descent 1\nmodel odd {\n  input int: f32[2]\n  input \"2 x\": f32[2]\n"
              "  double = add(int, \"2 x\")\n  output double\n}\n");
  shell.Write("a.c",
              "#include \"odd.h\"\nint main(void) {\n  odd_run_inputs in; odd_run_outputs out;\n"
              "  in.int_ = 0; in.m2_x = 0; out.double_ = 0;\n  return in.int_ != 0 || in.m2_x != 0 "
              "|| out.double_ != 0;\n}\n");
  ExpectGood(
      shell.Run("descent compile odd.descent --emit header && descent compile odd.descent --emit "
                "obj --sanitize none &&"
                "cc -Wall -Wextra -Werror a.c odd.o -o a && ./a"));
}

TEST(Inspect, JsonParses) {
  const Shell shell;
  for (const char* stage :
       {"summary", "source", "simplified", "differentiated", "optimized", "kernels", "memory"}) {
    const Outcome outcome = shell.Run(
        std::string("descent inspect orange-blue.descent --format json --stage ") + stage +
        " | python3 -c 'import json, sys; d = json.load(sys.stdin); "
        "print(d[\"schema\"], d[\"version\"], d[\"stage\"], d[\"model\"])'");
    ExpectGood(outcome);
    EXPECT_EQ(outcome.out, std::string("descent.inspect 1 ") + stage + " orange_blue\n");
  }
}

TEST(Inspect, GraphStagesAreModels) {
  const Shell shell;
  for (const char* stage : {"source", "simplified", "differentiated", "optimized"})
    ExpectGood(shell.Run(std::string("descent inspect orange-blue.descent --stage ") + stage +
                         " | descent check -"));
}

TEST(Inspect, MarksWhatBackwardKeeps) {
  const Shell shell;
  const Outcome text = shell.Run("descent inspect orange-blue.descent --stage differentiated");
  EXPECT_NE(text.out.find("kept for backward"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("backward"), std::string::npos) << text.out;
}

TEST(Inspect, Drawings) {
  const Shell shell;
  ExpectGood(shell.Run("descent inspect orange-blue.descent --stage memory --format svg -o m.svg"));
  EXPECT_TRUE(shell.Read("m.svg").starts_with("<svg")) << shell.Read("m.svg").substr(0, 80);
  ExpectGood(
      shell.Run("descent inspect orange-blue.descent --stage optimized --format dot -o g.dot"));
  EXPECT_TRUE(shell.Read("g.dot").starts_with("digraph"));
  const Outcome without = shell.Run(
      "descent=$(command -v descent); mkdir empty; PATH=$PWD/empty $descent inspect "
      "orange-blue.descent "
      "--stage source --format svg");
  EXPECT_EQ(without.status, 4);
  EXPECT_NE(without.err.find("graphviz"), std::string::npos);
  EXPECT_EQ(shell.Run("descent inspect orange-blue.descent --stage llvm --format svg").status, 2);
}

TEST(Run, WorkedSample) {
  const Shell shell;
  shell.Write("weights.py", R"(
import json, struct
w1, w2 = [.1, -.2, .3, .4, .5, -.6], [.7, -.8, .9]
head = json.dumps({"W1": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
                   "W2": {"dtype": "F32", "shape": [3, 1], "data_offsets": [24, 36]}}).encode()
open("w.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + struct.pack("<9f", *w1, *w2))
)");
  ExpectGood(shell.Run("python3 weights.py"));
  for (const char* how : {"--interpreter", "--compiled"}) {
    const Outcome outcome = shell.Run(
        std::string("descent run no-bias.descent 'x=[[1, 2]]' --weights w.safetensors ") + how);
    ExpectGood(outcome);
    EXPECT_TRUE(outcome.out.starts_with("yhat: f32[1, 1] = [[0.55127")) << outcome.out;
  }
}

TEST(Run, ParametersFromAFileOfTheModel) {
  const Shell shell;
  shell.Write("weights.py", R"(
import json, os, struct
head = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
os.makedirs("net/data")
for path in ("net/data/w.safetensors", "outside.safetensors"):
    open(path, "wb").write(struct.pack("<Q", len(head)) + head + struct.pack("<2f", 3, 5))
os.symlink("../../outside.safetensors", "net/data/link.safetensors")
for name, file, rest in (("good", "w", ""), ("link", "link", ""), ("missing", "none", ""), ("shape", "w", ", 1")):
    open(f"net/{name}.descent", "w").write(
        f'descent 1\nmodel {name} {{\n  input x: f32[2]\n'
        f'  parameter w: f32[2{rest}] = file "data/{file}.safetensors"\n  y = mul(x, w)\n  output y\n}}\n')
)");
  ExpectGood(shell.Run("python3 weights.py"));
  EXPECT_EQ(shell.Run("descent run net/good.descent 'x=[2, 2]'").out, "y: f32[2] = [6, 10]\n");
  const std::pair<const char*, int> bad[] = {{"link", 1}, {"missing", 4}, {"shape", 1}};
  for (const auto& [name, status] : bad) {
    const Outcome outcome =
        shell.Run(std::string("descent compile net/") + name + ".descent --emit obj -o x.o");
    EXPECT_EQ(outcome.status, status) << name << outcome.err;
    EXPECT_NE(outcome.err.find(".safetensors"), std::string::npos) << outcome.err;
  }
}

TEST(Run, WritesFiles) {
  const Shell shell;
  ExpectGood(shell.Run("descent run orange-blue.descent 'x=[[1, 2], [3, 4]]' -o out"));
  EXPECT_TRUE(shell.Read("out/output_0.npy").starts_with("\x93NUMPY"));
  const Outcome again = shell.Run(
      "descent run orange-blue.descent 'x=[[1, 2], [3, 4]]' --interpreter -o truth && "
      "ls out truth");
  ExpectGood(again);
}

TEST(Run, RefusesWrongInputs) {
  const Shell shell;
  const std::pair<const char*, const char*> refusals[] = {
      {"", "input 'x'"},
      {"'x=[[1, 2, 3]]'", "shape"},
      {"'z=[[1, 2]]'", "no input 'z'"},
      {"'x=[[1, 2], [3]]'", "stand side by side"},
      {"'x=[[1, 2]]' 'x2.npy'", "x2.npy"},
      {"'x=[[1, 2]' ", "expected"},
  };
  for (const auto& [inputs, message] : refusals) {
    const Outcome outcome =
        shell.Run(std::string("descent run --interpreter orange-blue.descent ") + inputs);
    EXPECT_NE(outcome.status, 0) << inputs;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << inputs << "\n" << outcome.err;
  }
}

TEST(Diff, CompiledAgreesWithInterpreter) {
  const Shell shell;
  const Outcome outcome = shell.Run("descent diff orange-blue.descent --compiled --interpreter");
  ExpectGood(outcome);
}

TEST(Diff, NamesTheFirstValueThatDiffers) {
  const Shell shell;
  const Outcome outcome = shell.Run(
      "descent diff mlp.descent --compiled --interpreter --entry predict --tolerance 0 --batch 2");
  EXPECT_EQ(outcome.status, 5) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("predict: ")) << outcome.out;
  EXPECT_NE(outcome.out.find("]: compiled "), std::string::npos) << outcome.out;
}

TEST(Train, PassesOptionsOn) {
  const Shell shell;
  const Outcome outcome = shell.Run(
      "descent train orange-blue.descent --batch 20 --data circle:samples=100,seed=1 --epochs 2 && "
      "ls");
  ExpectGood(outcome);
  EXPECT_NE(outcome.out.find("epochs"), std::string::npos) << outcome.out;
  EXPECT_EQ(shell.Run("descent train orange-blue.descent --data nonsense").status != 0, true);
}

}  // namespace
}  // namespace descent::test
