#include "runtime/trainer_main.h"

#include <algorithm>

#include "runtime/data/array.h"
#include "runtime/data/generators.h"
#include "runtime/dtype.h"
#include "runtime/file.h"
#include "tests/runtime/run_trainer.h"

namespace descent::runtime {
namespace {

class TrainerMainTest : public testing::Test {
 protected:
  std::string File(const std::string& name) const { return folder_.File(name); }
  /// A table of y = a + 2 b with the columns a, b, label.
  std::string Table(const std::string& name, int rows) const {
    std::string csv = "a,b,label\n";
    for (int i = 0; i < rows; ++i)
      csv += fmt::format("{},{},{}\n", i % 7, i % 5, i % 7 + 2 * (i % 5));
    return folder_.Write(name, csv);
  }
  void TrainOn(const std::string& data) {
    Ran ran = RunTrainer(
        {"train", "--data", data, "--epochs", "200", "--checkpoint", File("c"), "--quiet"});
    ASSERT_EQ(ran.status, 0) << ran.error;
    EXPECT_EQ(ran.out, "stopped: all 200 epochs done\n");
  }
  static std::string Content(const std::string& path) {
    return std::string(TextOf(ReadFile(path).value()));
  }
  TemporaryFolder folder_;
};

TEST_F(TrainerMainTest, UsageAndHelp) {
  Ran help = RunTrainer({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* word : {"train", "evaluate", "predict", "info", "Exit status"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  Ran train = RunTrainer({"train", "--help"});
  EXPECT_EQ(train.status, 0);
  for (const char* flag :
       {"--data", "--test-data", "--epochs", "--seed", "--threads", "--learning-rate",
        "--checkpoint", "--checkpoint-every", "--resume", "--early-stopping", "--tolerance",
        "--validation-split", "--log", "--log-every", "--track", "--quiet"}) {
    EXPECT_NE(train.out.find(flag), std::string::npos) << flag;
  }
  for (const Generator& generator : Generators())
    EXPECT_NE(train.out.find(generator.name), std::string::npos) << generator.name;
  Ran nothing = RunTrainer({});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_EQ(nothing.error, help.out);
  EXPECT_EQ(RunTrainer({"--version"}).out, "fake: by hand for generic\n");
}

TEST_F(TrainerMainTest, UsageErrors) {
  struct Bad {
    std::vector<std::string> words;
    std::string error;
  };
  const Bad kBad[] = {
      {{"jump"}, "unknown command 'jump' (commands are train, evaluate, predict, export and info)"},
      {{"--jump"},
       "unknown option '--jump' (commands are train, evaluate, predict, export and info)"},
      {{"train", "--epoch", "3"}, "train has no option '--epoch' (did you mean --epochs?)"},
      {{"train", "--json"}, "train has no option '--json' (--help lists the options)"},
      {{"train", "here"}, "unexpected argument 'here'"},
      {{"train", "--", "here"}, "unexpected argument 'here'"},
      {{"train", "--", "--quiet"}, "unexpected argument '--quiet'"},
      {{"train", "--epochs"}, "--epochs needs a value: N"},
      {{"train", "--epochs", "-1"}, "--epochs takes a whole number of at least 0, not '-1'"},
      {{"train", "--epochs=1e3"}, "--epochs takes a whole number of at least 0, not '1e3'"},
      {{"train", "--quiet=yes"}, "--quiet takes no value"},
      {{"train", "--threads", "0"}, "--threads takes a whole number from 1 to 1024, not '0'"},
      {{"train", "--seed", "one"}, "--seed takes a whole number, not 'one'"},
      {{"train", "--learning-rate", "-1"},
       "--learning-rate takes a number of at least 0, not '-1'"},
      {{"train", "--learning-rate", "nan"},
       "--learning-rate takes a number of at least 0, not 'nan'"},
      {{"train", "--validation-split", "1"},
       "--validation-split takes a share, from 0 to below 1, not '1'"},
      {{"train", "--checkpoint", ""}, "--checkpoint takes a name, not ''"},
      {{"evaluate", "--split", "all"}, "--split takes train, validation or test, not 'all'"},
      {{"predict"}, "--output is needed"},
      {{"predict", "--output", "y.txt"}, "y.txt: --output must end with .csv or .npy"},
  };
  for (const Bad& bad : kBad) {
    Ran ran = RunTrainer(bad.words);
    EXPECT_EQ(ran.status, 2) << ran.error;
    EXPECT_EQ(ran.error, "error: " + bad.error + "\n");
  }
}

TEST_F(TrainerMainTest, WhatCannotBeWrittenIsFoundBeforeTheFirstStep) {
  const std::string data = Table("d.csv", 60);
  for (const auto& [path, rule] :
       {std::pair(File("no/c"), "cannot be written: No such file or directory"),
        std::pair(folder_.File(""), "cannot be written: it is not a regular file"),
        std::pair(std::string("/dev/null"), "cannot be written: it is not a regular file")}) {
    Ran train = RunTrainer({"train", "--data", data, "--epochs", "3", "--checkpoint", path});
    EXPECT_EQ(train.status, 4);
    EXPECT_EQ(train.out, "");
    EXPECT_EQ(train.error, fmt::format("error: {}: {}\n", path, rule));
  }
  TrainOn(data);
  Ran predict = RunTrainer(
      {"predict", "--input", data, "--output", File("no/y.csv"), "--checkpoint", File("c")});
  EXPECT_EQ(predict.status, 4);
}

TEST_F(TrainerMainTest, LastLinesCountThisRun) {
  const std::string data = Table("d.csv", 60);
  const std::vector<std::string> train = {"train",        "--data",  data,
                                          "--checkpoint", File("c"), "--epochs"};
  const auto run = [&](const char* epochs) {
    std::vector<std::string> words = train;
    words.insert(words.end(), {epochs, "--resume"});
    return RunTrainer(words).out;
  };
  EXPECT_NE(run("1").find("\n1 epoch, 7 steps in "), std::string::npos);
  EXPECT_NE(run("3").find("\n2 epochs, 14 steps in "), std::string::npos);
  const std::string done = run("2");
  EXPECT_EQ(LastLine(done), "stopped: 3 epochs are done already, and --epochs is 2");
  EXPECT_EQ(done.find(" steps in "), std::string::npos) << done;
}

TEST_F(TrainerMainTest, TwoDashesEndTheOptions) {
  EXPECT_EQ(RunTrainer({"info", "--"}).status, 0);
  EXPECT_EQ(RunTrainer({"train", "--data", Table("d.csv", 60), "--epochs", "1", "--"}).status, 0);
}

TEST_F(TrainerMainTest, Info) {
  Ran ran = RunTrainer({"info"});
  EXPECT_EQ(ran.status, 0);
  for (const char* text :
       {"model fake", "3 parameters", "train_step: batch 8, 1 kernel call,",
        "w: f32[2, 1] parameter", "optimizer.momentum = 0.5", "for generic", "dependencies: lib"}) {
    EXPECT_NE(ran.out.find(text), std::string::npos) << text << " in\n" << ran.out;
  }
}

TEST_F(TrainerMainTest, EvaluateSplits) {
  std::string data = Table("d.csv", 60), test = Table("t.csv", 35);
  Ran trained = RunTrainer({"train", "--data", data, "--epochs", "300", "--validation-split",
                            "0.25", "--checkpoint", File("c"), "--quiet"});
  ASSERT_EQ(trained.status, 0) << trained.error;
  for (std::string split : {"train", "validation"}) {
    Ran ran = RunTrainer({"evaluate", "--data", data, "--checkpoint", File("c"), "--split", split});
    ASSERT_EQ(ran.status, 0) << ran.error;
    ASSERT_TRUE(ran.out.starts_with("loss ")) << ran.out;
    EXPECT_LT(std::stod(ran.out.substr(5)), 5e-5);
    EXPECT_NE(ran.out.find("\nmae "), std::string::npos) << ran.out;
  }
  Ran missing = RunTrainer({"evaluate", "--data", data, "--checkpoint", File("c")});
  EXPECT_EQ(missing.status, 2);
  EXPECT_EQ(missing.error, "error: " + data +
                               ": has no test split (the checkpoint was trained without "
                               "--test-split: give --test-data)\n");
  Ran alone = RunTrainer({"evaluate", "--test-data", test, "--checkpoint", File("c")});
  EXPECT_EQ(alone.status, 0) << alone.error;
  Ran both =
      RunTrainer({"evaluate", "--data", data, "--test-data", test, "--checkpoint", File("c")});
  EXPECT_EQ(alone.out, both.out);
  Ran other =
      RunTrainer({"evaluate", "--data", test, "--checkpoint", File("c"), "--split", "validation"});
  EXPECT_EQ(other.status, 1);
  Ran json = RunTrainer({"evaluate", "--test-data", test, "--checkpoint", File("c"), "--json"});
  EXPECT_TRUE(json.out.starts_with("{\"loss\": ")) << json.out;
  Ran none = RunTrainer({"evaluate", "--data", data});
  EXPECT_EQ(none.status, 2);
  EXPECT_EQ(none.error, "error: no parameters: give --checkpoint FILE (none are built in)\n");
}

TEST_F(TrainerMainTest, TestSplitIsNeverTrainedOn) {
  // All rows fit but those of the test split would change the result if they were seen; the record
  // says which they are.
  std::string data = Table("d.csv", 60);
  Ran trained = RunTrainer({"train", "--data", data, "--epochs", "5", "--test-split", "0.2",
                            "--checkpoint", File("c"), "--quiet"});
  ASSERT_EQ(trained.status, 0) << trained.error;
  Ran ran = RunTrainer({"evaluate", "--data", data, "--checkpoint", File("c")});
  EXPECT_EQ(ran.status, 0) << ran.error;
  Ran contradicting =
      RunTrainer({"evaluate", "--data", data, "--checkpoint", File("c"), "--test-split", "0.3"});
  EXPECT_EQ(contradicting.status, 2);
}

TEST_F(TrainerMainTest, TestDataThatDoesNotGoWithTheCheckpointSaysWhatToDo) {
  const std::string data = Table("d.csv", 60), test = Table("t.csv", 35);
  const auto train = [&](const std::string& checkpoint, std::vector<std::string> how) {
    how.insert(how.begin(),
               {"train", "--data", data, "--epochs", "1", "--quiet", "--checkpoint", checkpoint});
    return RunTrainer(how);
  };
  ASSERT_EQ(train(File("split"), {"--test-split", "0.25"}).status, 0);
  ASSERT_EQ(train(File("apart"), {"--test-data", test}).status, 0);
  const auto both = train(File("both"), {"--test-split", "0.25", "--test-data", test});
  EXPECT_EQ(both.status, 2);
  EXPECT_EQ(both.error, "error: " + data +
                            ": has test data by --test-data; --test-split would mix "
                            "the two (leave out one of --test-data and --test-split)\n");
  struct Case {
    std::string checkpoint;
    std::vector<std::string> options;
    int status;
    std::string error;  ///< "": none
  };
  const Case cases[] = {
      {"split", {"--test-data", test}, 0, ""},
      {"split", {"--data", data}, 0, ""},
      {"split",
       {"--data", data, "--test-data", test},
       2,
       data + ": has test data by --test-data, but the checkpoint was trained with --test-split "
              "0.25 (leave out --test-data for the rows that training kept; `evaluate --test-data` "
              "without "
              "--data tests on all of that file)"},
      {"split",
       {"--data", test},
       1,
       test +
           ": is not the data that was trained on, so its test split is unknown (give that data, "
           "or --test-data without --data to test on all rows)"},
      {"split",
       {},
       2,
       "no data to evaluate on (give --data SPEC, the data of training with its test rows, or "
       "--test-data SPEC)"},
      {"apart", {"--test-data", test}, 0, ""},
      {"apart", {"--data", data, "--test-data", test}, 0, ""},
      {"apart",
       {"--data", data},
       2,
       data + ": has no test split (the checkpoint was trained without --test-split: give "
              "--test-data)"},
      {"apart",
       {"--data", data, "--test-split", "0.25"},
       2,
       "--test-split is 0.25, but the checkpoint was trained with 0 (leave it out: the "
       "checkpoint's "
       "is taken)"},
      {"apart",
       {"--data", data, "--split", "validation"},
       2,
       data + ": has no validation split (the checkpoint was trained without --validation-split)"},
  };
  for (const Case& one : cases) {
    std::vector<std::string> words = {"evaluate", "--checkpoint", File(one.checkpoint)};
    words.insert(words.end(), one.options.begin(), one.options.end());
    const Ran ran = RunTrainer(words);
    EXPECT_EQ(ran.status, one.status) << ran.error;
    EXPECT_EQ(ran.error, one.error.empty() ? "" : "error: " + one.error + "\n");
  }
}

TEST_F(TrainerMainTest, PredictCsvAndNpy) {
  TrainOn(Table("d.csv", 60));
  // The label may be there or not; four rows are a batch of three and one more.
  folder_.Write("x.csv", "a,b\n0,0\n1,0\n0,1\n3,4\n");
  folder_.Write("xl.csv", "a,b,label\n0,0,9\n1,0,9\n0,1,9\n3,4,9\n");
  for (std::string input : {"x.csv", "xl.csv"}) {
    Ran ran = RunTrainer(
        {"predict", "--input", File(input), "--output", File("y.csv"), "--checkpoint", File("c")});
    ASSERT_EQ(ran.status, 0) << ran.error;
    std::string csv = Contents(File("y.csv"));
    EXPECT_TRUE(csv.starts_with("yhat\n")) << csv;
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
    EXPECT_NEAR(std::stod(LastLine(csv)), 11, 0.01);
  }
  ASSERT_EQ(RunTrainer({"predict", "--input", File("x.csv"), "--output", File("y.npy"),
                        "--checkpoint", File("c")})
                .status,
            0);
  auto array = ParseNpy(*ReadFile(File("y.npy")), "y.npy");
  ASSERT_TRUE(array);
  EXPECT_EQ(array->shape, (std::vector<int64_t>{4, 1}));
  EXPECT_NEAR(NumberAt(array->dtype, array->values.data(), 3), 11, 0.01);
  // Back in as .npy.
  float x[] = {3, 4};
  ByteView bytes = std::as_bytes(std::span(x));
  Bytes npy = WriteNpy(
      {.dtype = DESCENT_F32, .shape = {1, 2}, .values = Bytes(bytes.begin(), bytes.end())});
  ASSERT_TRUE(WriteFileAtomically(File("x.npy"), npy));
  ASSERT_EQ(RunTrainer({"predict", "--input", File("x.npy"), "--output", File("y.csv"),
                        "--checkpoint", File("c")})
                .status,
            0);
  EXPECT_NEAR(std::stod(LastLine(Contents(File("y.csv")))), 11, 0.01);
}

TEST_F(TrainerMainTest, TrainingBeginsWithBuiltInWeights) {
  TrainOn(Table("d.csv", 60));
  const std::string weights = Contents(File("c"));
  const std::vector<std::string> train = {"train", "--data", File("d.csv"), "--epochs",
                                          "1",     "--seed", "9",           "--learning-rate",
                                          "1e-9",  "--log"};
  const auto loss = [&](const std::string& log, const FakeOptions& options) {
    std::vector<std::string> words = train;
    words.push_back(File(log));
    EXPECT_EQ(RunTrainer(words, options).status, 0);
    const std::string text = Contents(File(log));
    const size_t place = text.rfind("\"loss\":");
    return place == std::string::npos ? -1 : std::stod(text.substr(place + 7));
  };
  EXPECT_GT(loss("fresh", {}), 0.1);
  EXPECT_LT(loss("begun", {.weights = weights.data(),
                           .weights_bytes = static_cast<int64_t>(weights.size())}),
            0.01);
}

TEST_F(TrainerMainTest, PredictRefuses) {
  TrainOn(Table("d.csv", 60));
  auto error = [&](const std::string& csv) {
    Ran ran = RunTrainer({"predict", "--input", folder_.Write("x.csv", csv), "--output",
                          File("y.csv"), "--checkpoint", File("c")});
    return ran.status == 1 ? ran.error : fmt::format("status {}: {}", ran.status, ran.error);
  };
  std::string place = "error: " + File("x.csv") + ": ";
  EXPECT_EQ(error("b,a\n1,2\n"),
            place + "columns differ from training's: feature 1 is 'b', but was 'a'\n");
  EXPECT_EQ(error("a\n1\n"),
            place + "columns differ from training's: feature 2 is nothing, but was 'b'\n");
  EXPECT_EQ(error("a,b,c\n1,2,3\n"),
            place + "columns differ from training's: feature 3 is 'c', but was nothing more\n");
  EXPECT_EQ(error("1,2,3,4\n"), place +
                                    "a row of features (column0, column1, column2, column3) "
                                    "is 4 numbers, but input 'x' is [3, 2]: 2 a row\n");
  EXPECT_EQ(RunTrainer({"predict", "--input", File("x.csv"), "--output", File("y.txt"),
                        "--checkpoint", File("c")})
                .status,
            2);
  EXPECT_EQ(RunTrainer({"predict", "--input", File("x.csv"), "--output", File("y.csv")}).status, 2);
}

TEST_F(TrainerMainTest, BuiltInWeights) {
  TrainOn(Table("d.csv", 60));
  std::string weights = Contents(File("c"));
  FakeOptions baked = {.weights = weights.data(),
                       .weights_bytes = static_cast<int64_t>(weights.size())};
  folder_.Write("x.csv", "a,b\n3,4\n");
  Ran ran = RunTrainer({"predict", "--input", File("x.csv"), "--output", File("y.csv")}, baked);
  ASSERT_EQ(ran.status, 0) << ran.error;
  EXPECT_NEAR(std::stod(LastLine(Contents(File("y.csv")))), 11, 0.01);
}

TEST_F(TrainerMainTest, ModelsOwnValues) {
  folder_.Write("x.csv", "a,b\n3,4\n");
  const std::vector<std::string> predict = {"predict", "--input", File("x.csv"), "--output",
                                            File("y.csv")};
  EXPECT_EQ(RunTrainer(predict).status, 2);
  const Ran ran =
      RunTrainer(predict, {.normalization = DESCENT_NORMALIZE_NONE, .has_values = true});
  EXPECT_EQ(ran.status, 0) << ran.error;
}

/// ModelProto {1: 8}, GraphProto {2: "g"}, TensorProto {8: "b", 2: 1, 1: 1}: tag, then number or
/// length and bytes.
constexpr uint8_t kOnnxModel[] = {0x08, 8}, kOnnxGraph[] = {0x12, 1, 'g'},
                  kOnnxTensor[] = {0x42, 1, 'b', 0x10, 1, 0x08, 1};
constexpr descent_onnx_initializer kOnnxInitializer = {kOnnxTensor, sizeof(kOnnxTensor), 1, "b"};
constexpr descent_onnx kOnnx = {
    kOnnxModel, kOnnxGraph, sizeof(kOnnxModel), sizeof(kOnnxGraph), 1, &kOnnxInitializer, ""};

TEST_F(TrainerMainTest, ExportsAnOnnxFile) {
  TrainOn(Table("d.csv", 60));
  const std::vector<std::string> words = {"export", "--checkpoint", File("c"), "-o", File("m")};
  const Ran ran = RunTrainer(words, {.onnx = &kOnnx});
  ASSERT_EQ(ran.status, 0) << ran.error;
  // Behind the model comes field 7, the graph; behind what the graph has, field 5, an initializer,
  // and last in that field 9, its 4 bytes.
  const std::string file = Contents(File("m")), number = file.substr(file.size() - 4);
  EXPECT_EQ(file,
            "\x08\x08\x3a\x12\x12\x01g\x2a\x0d\x42\x01"
            "b\x10\x01\x08\x01\x4a\x04" +
                number);
  // Features are standardized, so b is the mean of the labels.
  float b = 0;
  std::memcpy(&b, number.data(), sizeof(b));
  EXPECT_NEAR(b, 6.9, 0.01);
}

TEST_F(TrainerMainTest, ExportsTheNumbersOfANormalization) {
  TrainOn(Table("d.csv", 60));
  constexpr descent_onnx_initializer kShift = {kOnnxTensor, sizeof(kOnnxTensor), -1,
                                               "descent/normalization/x/shift"};
  const descent_onnx onnx = {kOnnxModel, kOnnxGraph, sizeof(kOnnxModel), sizeof(kOnnxGraph), 1,
                             &kShift,    ""};
  const std::vector<std::string> words = {"export", "--checkpoint", File("c"), "-o", File("m")};
  const Ran ran = RunTrainer(words, {.onnx = &onnx});
  ASSERT_EQ(ran.status, 0) << ran.error;
  const std::string file = Contents(File("m"));
  double means[2] = {};
  ASSERT_GT(file.size(), sizeof(means));
  std::memcpy(means, file.data() + file.size() - sizeof(means), sizeof(means));
  EXPECT_NEAR(means[0], 2.9, 1e-9);
  EXPECT_NEAR(means[1], 2, 1e-9);
  EXPECT_EQ(RunTrainer({"export", "-o", File("m")}, {.has_values = true, .onnx = &onnx}).error,
            "error: input 'x' is normalized, but the parameters come without its numbers (use a "
            "checkpoint that train wrote)\n");
}

TEST_F(TrainerMainTest, ExportRefuses) {
  TrainOn(Table("d.csv", 60));
  const std::string c = File("c");
  const auto error = [&](std::vector<std::string> words, const descent_onnx* onnx) {
    words.insert(words.begin(), "export");
    const Ran ran = RunTrainer(words, {.onnx = onnx});
    return fmt::format("{}: {}", ran.status, ran.error);
  };
  EXPECT_EQ(error({"--checkpoint", c, "-o", File("m")}, nullptr),
            "3: error: the program holds no ONNX form of its model\n");
  constexpr descent_onnx kMissing = {.missing = "ONNX has no form for argsort"};
  EXPECT_EQ(error({"--checkpoint", c, "-o", File("m")}, &kMissing),
            "3: error: model 'fake' cannot be exported: ONNX has no form for argsort\n");
  EXPECT_EQ(error({"--checkpoint", c}, &kOnnx), "2: error: --output is needed\n");
  EXPECT_EQ(error({"-o", File("m")}, &kOnnx).substr(0, 26), "2: error: no parameters: g");
  EXPECT_EQ(error({"--checkpoint", c, "-o", c}, &kOnnx).substr(0, 9), "2: error:");
  EXPECT_EQ(error({"--checkpoint", c, "-o", File("no/m")}, &kOnnx).substr(0, 9), "4: error:");
}

TEST_F(TrainerMainTest, ClassNamesInPredictions) {
  // The label is text; the fake model takes it as one number, so two classes.
  std::string csv = "a,b,label\n";
  for (int i = 0; i < 40; ++i) csv += fmt::format("{},{},{}\n", i % 7, i % 5, i % 2 ? "yes" : "no");
  ASSERT_EQ(RunTrainer({"train", "--data", folder_.Write("d.csv", csv), "--epochs", "1",
                        "--checkpoint", File("c"), "--quiet"})
                .status,
            0);
  Ran unknown =
      RunTrainer({"evaluate", "--test-data", folder_.Write("t.csv", "a,b,label\n1,2,perhaps\n"),
                  "--checkpoint", File("c")});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.error, "error: " + File("t.csv") +
                               ": class 'perhaps' of column 'label' is not in the training data\n");
}

TEST_F(TrainerMainTest, OutputsReplaceNoInputAndNoOtherOutput) {
  const std::string data = Table("d.csv", 60), test = Table("t.csv", 35);
  const auto refuse = [&](std::vector<std::string> words, const std::string& message) {
    const Ran ran = RunTrainer(words);
    EXPECT_EQ(ran.status, 2) << ran.out;
    EXPECT_NE(ran.error.find(message), std::string::npos) << ran.error;
  };
  const std::string before = Content(data);
  for (const char* option : {"--checkpoint", "--log"}) {
    refuse({"train", "--data", data, option, data},
           std::string("error: ") + option + " would overwrite '" + data + "', the file of --data");
    refuse({"train", "--data", data + ":label=label", option, File(".") + "/d.csv"},
           "the file of --data");
    refuse({"train", "--data", data, "--test-data", test, option, test}, "the file of --test-data");
  }
  refuse({"train", "--data", data, "--log", File("x"), "--checkpoint", File("x")},
         "--log and --checkpoint would both write '" + File("x") + "'");
  refuse({"train", "--data", data, "--log", File("x.best"), "--checkpoint", File("x")},
         "would both write");
  refuse({"predict", "--input", data, "--output", data}, "--output would overwrite");
  const std::string partial = Table("q.descent-partial", 60);
  refuse({"train", "--data", partial, "--checkpoint", File("q")},
         "--checkpoint would overwrite '" + partial + "', the file of --data");
  refuse({"train", "--data", data, "--log", partial, "--checkpoint", File("q")},
         "--log and --checkpoint would both write '" + partial + "'");
  refuse({"predict", "--input", Table("y.csv.descent-partial", 9), "--output", File("y.csv")},
         "the file of --input");
  EXPECT_EQ(Content(partial), before);
  std::filesystem::create_symlink("/proc/self/exe", File("program.csv"));
  refuse({"train", "--data", data, "--checkpoint", File("program.csv")},
         "the file of this program");
  refuse({"predict", "--input", data, "--output", File("program.csv")}, "the file of this program");
  EXPECT_EQ(Content(data), before);
  EXPECT_FALSE(FileExists(File("x")));
}

TEST_F(TrainerMainTest, OtherAbiAndCpu) {
  descent_program program = *FakeProgram();
  char name[] = "trainer", info[] = "info";
  char* argv[] = {name, info, nullptr};
  const descent_program* const programs[] = {&program};
  program.abi_version = 99;
  EXPECT_EQ(TrainerMain(programs, 2, argv), 3);
  program = *FakeProgram();
  program.cpu_is_supported = [] { return 0; };
  testing::internal::CaptureStderr();
  EXPECT_EQ(TrainerMain(programs, 2, argv), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "error: target generic needs nothing, and this CPU does not have all of it (compile "
            "for this CPU, or with --target x86-64-v2)\n");
}

}  // namespace
}  // namespace descent::runtime
