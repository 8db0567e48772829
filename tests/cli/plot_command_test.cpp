// `descent plot` from outside: what it refuses, and what its pictures call things.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

TEST(PlotCommand, RefusesWithOneErrorThatNamesTheOption) {
  const struct {
    const char* options;
    int status;
    const char* message;
  } cases[] = {
      {"--surface --x 'W1[0, 0]' --y 'W1[0, 1]' --radius 0", 2,
       "error: --radius takes a number above 0, not '0'\n"},
      {"--surface --x 'W1[0, 0]' --y 'W1[0, 1]' --radius=-1", 2, "error: --radius takes"},
      {"--surface --x 'W1[0, 0]' --y 'W1[0, 1]' --center 1e300,0 --radius 1", 1,
       "error: nothing can be drawn from 1e+300 to 1e+300"},
      {"--surface --x 'W1[0, 0]' --y 'W1[9,9]'", 2, "error: --y W1[9,9]: it is "},
      {"--surface --x nothing --y 'W1[0,0]'", 2, "error: --x nothing: there is no such parameter"},
      {"--surface --x 'W1[0,0],W1[0,1]' --y 'W1[0,0]'", 2, "error: --x takes one element, not"},
      {"--images nothing", 1, "error: the model has no value 'nothing'"},
      {"--images loss", 1, "error: 'loss' has no value for each row\n"},
      {"--images yhat --units 0", 2, "error: --units takes 1 to 400\n"},
      {"--predictions 0", 2, "error: --predictions takes 1 to 400 images, not 0\n"},
      {"--predictions 401", 2, "error: --predictions takes 1 to 400 images, not 401\n"},
  };
  const Shell shell;
  for (const auto& [options, status, message] : cases) {
    const Outcome outcome = shell.Run(
        std::string("descent plot orange-blue.descent --data circle:samples=40 ") + options);
    EXPECT_EQ(outcome.status, status) << options << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with(message)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(PlotCommand, UsesAllThatIsGiven) {
  const Shell shell;
  shell.Write("l.jsonl", "{\"event\":\"epoch\",\"step\":1,\"epoch\":1,\"loss\":1}\n");
  const struct {
    const char* line;
    const char* message;
  } cases[] = {
      {"orange-blue.descent --data circle --checkpoint a --checkpoint b",
       "error: 2 times --checkpoint for 1 model\n  = help: give one for each, or none\n"},
      {"orange-blue.descent no-bias.descent --data circle --checkpoint a",
       "error: 1 times --checkpoint for 2 models\n"},
      {"orange-blue.descent --data circle --data xor", "error: 2 times --data for 1 model\n"},
      {"orange-blue.descent --data circle --title a --title b",
       "error: 2 times --title for 1 model\n"},
      {"--curves l.jsonl --data circle", "error: --curves takes no --data\n"},
      {"--curves l.jsonl --label a --label b", "error: 2 times --label for 1 log\n"},
  };
  for (const auto& [line, message] : cases) {
    const Outcome outcome = shell.Run(std::string("descent plot ") + line);
    EXPECT_EQ(outcome.status, 2) << line;
    EXPECT_TRUE(outcome.err.starts_with(message)) << outcome.err;
  }
  EXPECT_EQ(shell
                .Run("descent plot orange-blue.descent no-bias.descent --data circle --title a "
                     ">/dev/null")
                .status,
            0);
}

TEST(PlotCommand, ImagesAreOfRowsOrOfWhatIsMadeUp) {
  const Shell shell;
  shell.Run("descent model vae --inputs 256 --batch 8 --width 8 --code 2 -o vae.descent");
  for (const auto& [options, images] : {std::pair("restored --units 5", 5), {"sample", 8}}) {
    const Outcome outcome = shell.Run(fmt::format(
        "descent plot vae.descent --data shapes:samples=20 --images {} | grep -c '<image'",
        options));
    EXPECT_EQ(outcome.out, fmt::format("{}\n", images)) << outcome.err;
  }
}

TEST(PlotCommand, SpacesInTheNameOfAnElementDoNotMatter) {
  const Shell shell;
  const Outcome outcome = shell.Run(
      "descent train orange-blue.descent --data circle:samples=40 --epochs 1 --quiet "
      "--log l.jsonl --log-every 1 --track 'W1[0,0], W1[ 1 ,0]' && "
      "descent plot orange-blue.descent --data circle:samples=40 --surface --x 'W1[0, 0]' "
      "--y 'W1[1, 0]' --trajectory l.jsonl >surface.svg");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST(PlotCommand, SaysThatParametersLackANormalization) {
  const Shell shell;
  shell.Write("m.descent",
              "descent 1\nmodel m {\n  batch 1\n"
              "  input x: f32[batch, 1] from features normalize standardize\n"
              "  input t: f32[batch, 1] from label\n"
              "  parameter w: f32[1] = zeros\n  y = mul(x, w)\n  d = sub(y, t)\n  s = square(d)\n  "
              "loss = mean(s)\n"
              "  predict y\n  train loss with sgd(learning_rate=0.1)\n}\n");
  std::string file = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  file = std::string(1, static_cast<char>(file.size())) + std::string(7, '\0') + file + "1234";
  shell.Write("w.safetensors", file);
  const std::string plot = "descent plot --fit m.descent --data sine";
  EXPECT_NE(shell.Run(plot).err.find("by what training fitted\n"), std::string::npos)
      << shell.Run(plot).err;
  const Outcome outcome = shell.Run(plot + " --checkpoint w.safetensors");
  EXPECT_NE(outcome.err.find("by what training fitted; 'w.safetensors' lacks that\n"),
            std::string::npos)
      << outcome.err;
}

TEST(PlotCommand, SaysWhichDataDoesNotFit) {
  const Shell shell;
  const Outcome outcome = shell.Run("descent plot --fit orange-blue.descent --data sine");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.err.starts_with("error: sine")) << outcome.err;
  EXPECT_EQ(outcome.err.find("grid"), std::string::npos) << outcome.err;
}

TEST(PlotCommand, AxesAndClassesHaveTheNamesOfTheData) {
  const Shell shell;
  std::string csv = "height,weight,kind\n";
  for (int i = 0; i < 20; ++i)
    csv += std::to_string(i) + "," + std::to_string(i % 3) + (i % 2 != 0 ? ",dog\n" : ",cat\n");
  shell.Write("pets.csv", csv);
  const std::string plot = "descent plot orange-blue.descent --data ";
  const std::string named = shell.Run(plot + "pets.csv:label=kind").out;
  for (const char* name : {">height<", ">weight<", ">cat<", ">dog<"})
    EXPECT_NE(named.find(name), std::string::npos) << name;
  const std::string generated = shell.Run(plot + "circle:samples=20").out;
  for (const char* name : {">x1<", ">x2<", ">label 1<", ">label 0<"})
    EXPECT_NE(generated.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace descent::test
