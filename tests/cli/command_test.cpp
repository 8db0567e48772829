// The command from outside: what each invocation prints and how it ends.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

/// One shell line. Expectations are exact; "~text" means "contains text", "*" anything.
struct Case {
  std::string name;
  std::string line;
  int status = 0;
  std::string out = "";
  std::string err = "";
};

std::ostream& operator<<(std::ostream& stream, const Case& test) { return stream << test.line; }

bool Matches(const std::string& text, const std::string& expected) {
  if (expected == "*") return true;
  if (expected.starts_with('~')) return text.find(expected.substr(1)) != std::string::npos;
  return text == expected;
}

void Check(const Case& test) {
  const Shell shell;
  shell.Write("empty.descent", "");
  shell.Write("broken.descent",
              "descent 1\nmodel broken {\n  input x: f32[4]\n  y = tanhh(x)\n  output y\n}\n");
  shell.Write(
      "shapes.descent",
      "descent 1\nmodel shapes {\n  input a: f32[2, 3]\n  input b: f32[4, 5]\n  c = matmul(a, b)\n"
      "  output c\n}\n");
  shell.Write("future.descent", "descent 99\nmodel later {\n}\n");
  shell.Write("square.descent",
              "descent 1\nmodel square {\n  input x: f32[3]\n  y = mul(x, x)\n  output y\n}\n");
  shell.Write("mixed.descent",
              "descent 1\nmodel mixed {\n  batch 4\n  input x: f32[batch, 1] from features\n"
              "  parameter w: f32[1, 1] = ones\n  p = matmul(x, w)\n  y = cumsum(p, axis=0)\n"
              "  loss = sum(y)\n  predict y\n  train loss with sgd(learning_rate=1.0)\n}\n");
  const Outcome outcome = shell.Run(test.line);
  EXPECT_EQ(outcome.status, test.status) << test.line << "\n" << outcome.out << outcome.err;
  EXPECT_TRUE(Matches(outcome.out, test.out)) << test.line << "\nprinted\n"
                                              << outcome.out << "\nexpected\n"
                                              << test.out;
  EXPECT_TRUE(Matches(outcome.err, test.err)) << test.line << "\nsaid\n"
                                              << outcome.err << "\nexpected\n"
                                              << test.err;
}

class CommandTest : public testing::TestWithParam<Case> {};

TEST_P(CommandTest, PrintsAndEndsAsExpected) { Check(GetParam()); }

std::string NameOf(const testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Usage, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"NoCommand", "descent", 2, "", "~Usage: descent COMMAND"},
        {"Help", "descent --help", 0, "~Commands:"},
        {"HelpOfCommand", "descent help compile", 0, "~Usage: descent compile [OPTIONS] MODEL"},
        {"HelpAsOption", "descent compile --help", 0, "~Usage: descent compile [OPTIONS] MODEL"},
        {"Version", "descent --version", 0, "~descent 0.1.0"},
        {"UnknownCommand", "descent cmopile", 2, "",
         "error: unknown command 'cmopile'\n  = help: did you mean 'compile'?\n"},
        {"StrangeCommand", "descent frobnicate", 2, "",
         "error: unknown command 'frobnicate'\n  = help: `descent --help` lists the commands\n"},
        {"UnknownOption", "descent check --quite orange-blue.descent", 2, "",
         "error: unknown option '--quite'\n  = help: did you mean '--quiet'?\n"},
        {"MissingArgument", "descent check", 2, "",
         "error: MODEL is missing\n  = help: `descent check --help` shows how it is used\n"},
        {"MissingValue", "descent compile orange-blue.descent --batch", 2, "",
         "~error: --batch needs a value"},
        {"NotANumber", "descent compile orange-blue.descent --batch ten", 2, "",
         "error: --batch takes a whole number, not 'ten'\n"},
        {"TooSmall", "descent compile orange-blue.descent --batch 0", 2, "",
         "error: --batch takes a number of at least 1, not '0'\n"},
        {"WrongChoice", "descent compile orange-blue.descent --emit exee", 2, "",
         "error: --emit takes one of exe, obj, static, shared, header, kernels, llvm, asm, not "
         "'exee'\n"
         "  = help: did you mean 'exe'?\n"},
        {"TooManyArguments", "descent convert orange-blue.descent no-bias.descent", 2, "",
         "error: unexpected argument 'no-bias.descent'\n"
         "  = help: `descent convert --help` shows how it is used\n"},
        {"FullDisk", "descent ops >/dev/full", 4, "",
         "error: cannot write standard output: No space left on device\n"},
        {"BrokenPipe", "exec 3> >(:); wait $!; descent ops >&3", 141},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Check, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"Good", "descent check orange-blue.descent", 0,
         "~orange-blue.descent: model orange_blue, "},
        {"Quiet", "descent check -q orange-blue.descent no-bias.descent", 0},
        {"DashesEndTheOptions",
         "cp no-bias.descent ./-q; descent check -q -- orange-blue.descent -q", 0},
        {"DashesAlone", "descent check -q orange-blue.descent --", 0},
        {"UnknownOptionBeforeDashes", "descent check --quite -- orange-blue.descent", 2, "",
         "~error: unknown option '--quite'\n"},
        {"StandardInput", "descent check - <orange-blue.descent", 0, "~: model orange_blue, "},
        {"Missing", "descent check nothing.descent", 4, "", "~No such file or directory"},
        {"Folder", "descent check .", 4, "", "~error: "},
        {"Empty", "descent check empty.descent", 1, "", "~error: "},
        {"UnknownOperator", "descent check broken.descent", 1, "", "~tanhh"},
        {"ErrorHasPlace", "descent check broken.descent", 1, "", "~--> broken.descent:4:"},
        {"ErrorHasHint", "descent check broken.descent", 1, "", "~did you mean 'tanh'?"},
        {"Shapes", "descent check shapes.descent", 1, "", "~shapes.descent:5:"},
        {"ErrorOfAPassShowsTheLine", "descent check mixed.descent", 1, "",
         "~ --> mixed.descent:7:3\n  |\n7 |   y = cumsum(p, axis=0)\n  |   ^\n"},
        {"SoDoOtherCommands", "descent compile mixed.descent -o m", 1, "",
         "~ --> mixed.descent:7:3\n  |\n7 |   y = cumsum(p, axis=0)\n  |   ^\n"},
        {"NewerFormat", "descent check future.descent", 3, "", "~error: "},
        {"OneBadOfTwo", "descent check broken.descent orange-blue.descent", 1,
         "~orange-blue.descent: model orange_blue", "~tanhh"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Convert, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"TextIsCanonical",
         "descent convert orange-blue.descent >a && descent convert - <a | cmp - a"},
        {"ThroughBinary",
         "descent convert orange-blue.descent -o m.pb && descent convert m.pb -o m.pbtxt && "
         "descent convert m.pbtxt >c && descent convert orange-blue.descent | cmp - c"},
        {"ToBinaryOnStandardOutput",
         "descent convert --to pb orange-blue.descent | descent diff - orange-blue.descent"},
        {"UnknownSuffix", "descent convert orange-blue.descent -o m.xyz", 2, "",
         "error: no form of a model ends like 'm.xyz'\n  = help: --to says which form it shall "
         "have\n"},
        {"CannotWrite", "descent convert orange-blue.descent -o no/such/m.pb", 4, "",
         "error: cannot write 'no/such/m.pb': No such file or directory\n"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Opt, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"List", "descent opt --list", 0, "~specialize "},
        {"NoModel", "descent opt", 2, "", "~error: MODEL is missing"},
        {"UsualEntry", "descent opt orange-blue.descent", 0, "~  entry train_step\n"},
        {"UsualEntryWithoutLoss", "descent opt square.descent", 0, "~  entry run\n"},
        {"UsualEntryOfSpecialize", "descent opt --passes specialize orange-blue.descent", 0,
         "~  entry train_step\n"},
        {"UnknownPass", "descent opt --passes simplify,specialise orange-blue.descent", 2, "",
         "error: there is no pass 'specialise'\n  = help: did you mean 'specialize'?\n"},
        {"UnknownDisabled", "descent opt --entry predict --disable-pass foo orange-blue.descent", 2,
         "", "~error: there is no pass 'foo'"},
        {"SkipsAnyPassButTheFirst", "descent opt --disable-pass specialize orange-blue.descent", 2,
         "", "error: pass specialize cannot be skipped\n"},
        {"PassesOrStage", "descent opt --passes simplify --stage source orange-blue.descent", 2, "",
         "error: --passes and --stage exclude each other\n"},
        {"ErrorNamesTheFile", "descent opt --passes append_optimizer orange-blue.descent", 1, "",
         "~\n --> orange-blue.descent\n"},
        {"PrintChanged",
         "descent opt --passes 'specialize(predict)' --print-changed orange-blue.descent -o out", 0,
         "", "~# after specialize\ndescent 1\n"},
        {"TimePasses", "descent opt --entry predict --time-passes orange-blue.descent -o out", 0,
         "", "~total\n"},
        {"PipedEqualsPipeline",
         "descent opt --entry train_step --verify-each orange-blue.descent >whole || exit\n"
         "passes=$(descent opt --entry train_step --print-after-all orange-blue.descent 2>&1 "
         ">/dev/null | "
         "sed -n 's/^# after \\([a-z_]*\\).*/\\1/p')\n"
         "descent opt --passes 'specialize(train_step)' orange-blue.descent >step || exit\n"
         "for pass in $passes; do\n"
         "  [ $pass = specialize ] && continue\n"
         "  descent opt --passes $pass - <step >next || exit; mv next step\n"
         "done\ncmp step whole"},
        {"StageByStage",
         "descent opt --entry train_step --stage differentiated orange-blue.descent | "
         "descent opt --passes append_optimizer - | descent check -q -"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Diff, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"Same", "descent diff orange-blue.descent orange-blue.descent"},
        {"CommentsDoNotCount",
         "sed 's/batch 10/batch 10  # ten/' orange-blue.descent | descent diff - "
         "orange-blue.descent"},
        {"Different", "descent diff orange-blue.descent no-bias.descent", 5, "*"},
        {"OneModel", "descent diff orange-blue.descent", 2, "", "~two models are compared"},
        {"HalfOfValues", "descent diff orange-blue.descent --compiled", 2, "", "~together"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Plot, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"FunctionWithDerivative", "descent plot --function square.descent", 0, "~>derivative<"},
        {"FunctionsOfTheSameInput",
         "printf 'descent 1\nmodel two {\n  input x: f64[9]\n  a = sin(x)\n  b = cos(x)\n"
         "  s = sum(a)\n  output a\n  output b\n  output s\n}\n' >two.descent; "
         "descent plot --function two.descent | grep -cE '>(a|b|s|derivative)<'",
         0, "2\n"},
        {"FunctionOfAMatrix",
         "sed 's/f32.3./f32[3, 2]/' square.descent >matrix.descent; "
         "descent plot --function matrix.descent",
         1, "", "~is a vector of floats, not f32[3, 2]"},
        {"OverAnyEvent",
         "printf '{\"event\":\"width\",\"width\":4,\"rms\":2}\n"
         "{\"event\":\"width\",\"width\":8,\"rms\":1}\n' >w.jsonl; "
         "descent plot --curves w.jsonl --over width --series rms --log-x --log-y",
         0, "~>width<"},
        {"FitNeedsOneFeature", "descent plot orange-blue.descent --fit --data circle:samples=20", 1,
         "", "~needs one feature; circle"},
        {"NoSuchSeries",
         "echo '{\"event\":\"epoch\",\"epoch\":1}' >l.jsonl; "
         "descent plot --curves l.jsonl",
         1, "", "~has no 'loss'"},
        {"Center",
         "descent plot orange-blue.descent --surface --data circle:samples=20 --x 'W1[0,0]' "
         "--y 'W1[0,1]' --center 5",
         2, "", "~--center takes X,Y"},
        {"Units", "descent plot mlp.descent --weights W1 --units 0", 2, "", "~--units takes 1 to"},
        {"UnitsOfAFreshModel", "descent plot mlp.descent --weights W1 --units 3 | grep -c '<image'",
         0, "3\n"},
        {"TwoFigures", "descent plot orange-blue.descent --confusion --boundary", 2, "",
         "~draw one at a time"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Compile, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"ErrorNamesTheFile", "descent compile --entry run orange-blue.descent", 1, "",
         "error: model 'orange_blue' has no entry point 'run'\n --> orange-blue.descent\n"
         "  = help: it has train_step, evaluate, predict, metrics, initialize\n"},
        {"CannotWrite", "descent compile orange-blue.descent -o no/such/trainer", 4, "",
         "error: cannot write 'no/such/trainer': No such file or directory\n"},
        {"CannotWriteObject", "descent compile --emit obj orange-blue.descent -o no/such/a.o", 4,
         "", "error: cannot write 'no/such/a.o': No such file or directory\n"},
        {"PipesAreNotReplaced",
         "mkfifo pipe; cat pipe >got & descent compile -q --emit header orange-blue.descent -o "
         "pipe "
         "&& wait && [ -p pipe ] && descent compile --emit header orange-blue.descent -o - | cmp - "
         "got"},
        {"FullDisk",
         "ln -s /dev/full full; descent compile --emit header orange-blue.descent -o full", 4, "",
         "error: cannot write 'full': No space left on device\n"},
        {"SkipsOptimizationsOnly", "descent compile --disable-pass expand orange-blue.descent", 2,
         "",
         "error: pass 'expand' cannot be skipped: it is no optimization\n"
         "  = help: these are: fuse, winograd, simplify, fold_constants\n"},
        {"WithoutTraining",
         "descent compile -q --entry predict orange-blue.descent -o t && ./t train --data circle",
         3, "",
         "error: model 'orange_blue' was compiled without train_step (it has no loss, or `descent "
         "compile --entry` left it out)\n"},
        {"StaticSanitizer", "descent compile --static --sanitize thread orange-blue.descent", 2, "",
         "~--static and --sanitize exclude each other"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Train, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"AnyOrder", "descent train --epochs 2 --batch 5 --data circle orange-blue.descent --quiet",
         0, "stopped: all 2 epochs done\n"},
        {"StandardInput", "descent train --data circle --quiet - <orange-blue.descent", 0,
         "stopped: all 10 epochs done\n"},
        {"HelpShowsTheTrainersOptions", "descent train --help", 0, "~--early-stopping PATIENCE"},
        {"UnknownOption", "descent train orange-blue.descent --epoch 3", 2, "",
         "error: unknown option '--epoch'\n  = help: did you mean '--epochs'?\n"},
        {"BadValue", "descent train orange-blue.descent --epochs many", 2, "",
         "error: --epochs takes a whole number of at least 0, not 'many'\n"},
        {"BadValueIsFoundBeforeCompiling", "descent train none.descent --learning-rate -1", 2, "",
         "error: --learning-rate takes a number of at least 0, not '-1'\n"},
        {"NothingToTrain", "descent train square.descent --data circle", 1, "",
         "error: model 'square' has no `train` statement, so it cannot be trained\n"
         " --> square.descent\n"},
        {"LeavesNothingBehind",
         "mkdir tmp; TMPDIR=$PWD/tmp descent train --data circle --quiet orange-blue.descent; ls "
         "tmp",
         0, "stopped: all 10 epochs done\n"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Run, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"Literal", "descent run square.descent 'x=[1, 2, -3]'", 0, "y: f32[3] = [1, 4, 9]\n"},
        {"NotANumber", "descent run square.descent 'x=[nan, inf, 1]'", 0,
         "y: f32[3] = [nan, inf, 1]\n"},
        {"LiteralByPosition", "descent run square.descent '[1, 2, -3]'", 0,
         "y: f32[3] = [1, 4, 9]\n"},
        {"BadElement", "descent run square.descent 'x=[1, abc, 3]'", 1, "",
         "error: input 'x': expected a number, not 'abc'\n --> command line:1:7\n  |\n"
         "1 | x=[1, abc, 3]\n  |       ^\n"},
        {"BadElementByPosition", "descent run square.descent '[1, 2a]'", 1, "",
         "error: expected a number, not '2a'\n --> command line:1:5\n  |\n"
         "1 | [1, 2a]\n  |     ^\n"},
        {"TwoSigns", "descent run square.descent 'x=[1, +-2]'", 1, "",
         "~error: input 'x': expected a number, not '+-2'\n"},
        {"OutOfRange", "descent run square.descent 'x=[1, 1e999, 2]'", 1, "",
         "~error: input 'x': '1e999' is out of range for f32\n"},
        {"OpenList", "descent run square.descent 'x=[1, 2'", 1, "",
         "error: input 'x': expected , or ] at the end\n --> command line:1:8\n  |\n"
         "1 | x=[1, 2\n  |        ^\n"},
        {"BadNumber", "descent run square.descent x=7abc", 1, "",
         "~  = help: a file whose name begins like a number is written ./NAME\n"},
        {"FilesBeginLikeNumbers",
         "descent run square.descent x=2.npy; "
         "descent run square.descent x=./2",
         4, "",
         "error: 2.npy: cannot open: No such file or directory\n"
         "error: ./2: cannot open: No such file or directory\n"},
        {"NoValue", "descent run square.descent x=", 2, "", "error: input 'x' has no value\n"},
        {"InputMissing", "descent run square.descent", 2, "",
         "error: input 'x' of type f32[3] is missing\n"
         "  = help: give x.npy, x=FILE.npy or x=[...]\n"},
        {"UnknownInput", "descent run square.descent 'z=[1, 2, 3]'", 2, "",
         "error: entry point run has no input 'z'\n  = help: it reads x\n"},
        {"InputTwice", "descent run square.descent 'x=[1, 2, 3]' 'x=[1, 2, 3]'", 2, "",
         "error: input 'x' is given twice\n"},
        {"TooManyInputs",
         "descent run square.descent 'x=[1, 2, 3]' -o out >log && "
         "descent run square.descent out/output_0.npy out/output_0.npy",
         2, "", "error: entry point run reads 1 input, not 2\n  = help: it reads x\n"},
        {"WrongShape", "descent run square.descent 'x=[1, 2]'", 1, "",
         "error: input 'x' must have the shape [3], not [2]\n --> square.descent\n"},
        {"NoNpyFile", "descent run square.descent square.descent", 1, "",
         "~error: square.descent: is no NPY file\n"},
        {"NoCheckpoint", "descent run square.descent 'x=[1, 2, 3]' --checkpoint none.safetensors",
         4, "", "error: none.safetensors: cannot open: No such file or directory\n"},
        {"TraceNamesWhatIsGone",
         "descent run --entry train_step --trace orange-blue.descent 'x=[[1, 2]]' 'y=[[1]]'", 0,
         "~grad.W1: f32[2, 3] = ", "note: optimized away: yhat (--interpreter computes all)\n"},
        {"InterpreterTracesAll",
         "descent run --entry train_step --trace --interpreter orange-blue.descent 'x=[[1, 2]]' "
         "'y=[[1]]' | cut -d: -f1 | tr '\\n' ' '",
         0,
         "s1 z1 a1 s2 z2 yhat grad.b2 grad.W2 grad.b1 grad.W1 loss next.W1 next.b1 next.W2 next.b2 "
         "next.step "},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Inspect, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"ErrorNamesTheFile", "descent inspect --entry run orange-blue.descent", 1, "",
         "~\n --> orange-blue.descent\n"},
        {"SummarySaysHowItTrains", "descent inspect orange-blue.descent", 0,
         "~Training         loss with sgd(learning_rate=0.3)\n"},
        {"DrawingsShowTypesAndConstants",
         "descent inspect --stage differentiated --format dot orange-blue.descent | "
         "grep -o 'label=\"[^\"]*\"' | grep -e '\"x' -e '\"0.1'",
         0, "label=\"x\\nf32[10, 2]\"\nlabel=\"0.1\\nf32[]\"\n"},
        {"NumbersAreTheSameInEveryFormat",
         "for format in dot json text; do\n"
         "  descent inspect --stage differentiated --format $format orange-blue.descent | "
         "grep -o '%[0-9]*' | sort -u >$format\ndone\n"
         "comm -23 text json; comm -23 text dot"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Ops, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"List", "descent ops", 0, "~matmul"},
        {"OneLineEach",
         "[ $(descent ops | grep -vcE ' (optimizer|schedule) ') = "
         "$(descent ops --markdown | grep -c '^### ') ]"},
        {"Kinds", "descent ops --kinds", 0, "~of them primitive\n"},
        {"Page", "descent ops sigmoid", 0, "~sigmoid(x) -> result\n"},
        {"Optimizer", "descent ops adam", 0, "~beta1=0.9"},
        {"OperatorAndSchedule", "descent ops step | grep -E '^step[( ]' | wc -l", 0, "2\n"},
        {"Unknown", "descent ops sigmiod", 1, "",
         "error: unknown operator 'sigmiod'\n  = help: did you mean 'sigmoid'?\n"},
    }),
    NameOf);

INSTANTIATE_TEST_SUITE_P(
    Manual, CommandTest,
    testing::ValuesIn(std::vector<Case>{
        {"BashScriptParses", "descent completion bash | bash -n"},
        {"BashCompletesCommands",
         "source <(descent completion bash); COMP_WORDS=(descent comp); COMP_CWORD=1; _descent; "
         "echo ${COMPREPLY[@]}",
         0, "compile completion\n"},
        {"BashCompletesValues",
         "source <(descent completion bash); COMP_WORDS=(descent compile --emit ker); "
         "COMP_CWORD=3; _descent; "
         "echo ${COMPREPLY[@]}",
         0, "kernels\n"},
        {"BashCompletesFilesWhereTheyBelong",
         "source <(descent completion bash); COMP_WORDS=(descent check no-b); COMP_CWORD=2; "
         "_descent; echo ${COMPREPLY[@]}; COMP_WORDS=(descent completion \"\"); _descent; "
         "echo ${COMPREPLY[@]}",
         0, "no-bias.descent\nbash\n"},
        {"BashCompletesTheTrainersOptions",
         "source <(descent completion bash); COMP_WORDS=(descent train --ea); COMP_CWORD=2; "
         "_descent; echo ${COMPREPLY[@]}",
         0, "--early-stopping\n"},
        {"EveryOptionIsInTheManual",
         "descent man >page\nfor command in $(descent completion bash | sed -n 's/^    "
         "\\([a-z]*\\))$/\\1/p'); do\n"
         "  for option in $(descent $command --help | grep -o '^ \\{2,6\\}[^ ].*' | grep -o -- "
         "'--[a-z-]*' | sort -u); do\n"
         "    [ $option = --help ] || grep -q -- \"$(echo \"$option\" | sed 's/-/\\\\\\\\-/g')\" "
         "page || echo $command $option\n"
         "  done\ndone"},
        {"Roff", "descent man | sed -n 1p", 0, "~.TH DESCENT 1", "*"},
        {"DocumentationIsCurrent",
         "descent man --format markdown | cmp - " DESCENT_SOURCE_DIR "/docs/cli.md"},
    }),
    NameOf);

}  // namespace
}  // namespace descent::test
