// `descent bench`: what it prints, and that it does not time what it cannot vouch for.

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "frontends/cli/bench/first_figures.h"
#include "runtime/json.h"
#include "tests/cli/shell.h"

namespace descent::test {
namespace {

using cli::Compare;
using runtime::Json;

double Number(const Json& object, std::string_view key) {
  const Json* value = object.Find(key);
  EXPECT_NE(value, nullptr) << key;
  const auto* number = value == nullptr ? nullptr : std::get_if<Json::Number>(&value->value);
  EXPECT_NE(number, nullptr) << key << " is no number";
  return number == nullptr ? -1 : std::stod(number->text);
}

/// The one line that it prints with --json.
Json Line(const Shell& shell, const std::string& line) {
  const Outcome outcome = shell.Run(line);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 1) << outcome.out;
  return runtime::ParseJson(outcome.out, "json").value_or(Json{});
}

TEST(Bench, JsonHasEveryFigure) {
  const Shell shell;
  const Json json =
      Line(shell, "descent bench orange-blue.descent --json --seconds 0.05 --threads 1");
  ASSERT_NE(json.Find("workload"), nullptr);
  EXPECT_EQ(*json.Find("workload")->string(), "orange_blue");
  EXPECT_EQ(*json.Find("entry")->string(), "train_step");
  EXPECT_EQ(Number(json, "threads"), 1);
  EXPECT_EQ(Number(json, "batch"), 10);
  for (const char* key : {"ms", "ms_min", "steps", "compile_s", "start_ms", "rss_mib", "state_mib",
                          "arena_mib", "scratch_mib", "parameters", "kernel_calls", "flops",
                          "kernel_flops", "gflops", "peak_gflops", "peak_gflops_1", "peak_share"})
    EXPECT_GT(Number(json, key), 0) << key;
  EXPECT_LE(Number(json, "ms_min"), Number(json, "ms"));
  EXPECT_LT(Number(json, "peak_share"), 1);
#if !defined(DESCENT_SANITIZE_ADDRESS) && !defined(DESCENT_SANITIZE_THREAD)
  // The process that is measured holds no compiler. A sanitizer's own memory is more.
  EXPECT_LT(Number(json, "rss_mib"), 30);
#endif
  ASSERT_NE(json.Find("first"), nullptr);
  EXPECT_EQ(json.Find("first")->array()->size(), 3U);
  EXPECT_EQ(json.Find("kernels"), nullptr);
}

TEST(Bench, StepsTrain) {
  const Shell shell;
  const Json json = Line(shell, "descent bench orange-blue.descent --json --seconds 0.2");
  const Json::Array& first = *json.Find("first")->array();
  const auto loss = [](const Json& value) {
    return std::stod(std::get<Json::Number>(value.value).text);
  };
  EXPECT_LT(loss(first[2]), loss(first[0]));
  EXPECT_LT(Number(json, "loss"), loss(first[2]));
}

TEST(Bench, ProfileCoversTheStep) {
  const Shell shell;
  const Json json = Line(shell, "descent bench mlp.descent --json --profile --seconds 0.3");
  ASSERT_NE(json.Find("kernels"), nullptr);
  double microseconds = 0, calls = 0;
  for (const Json& kernel : *json.Find("kernels")->array()) {
    microseconds += Number(kernel, "us");
    calls += Number(kernel, "calls");
    EXPECT_NE(kernel.Find("kernel"), nullptr);
    for (const char* key : {"gflops", "gbytes", "roofline_share"})
      EXPECT_GE(Number(kernel, key), 0) << key;
  }
  EXPECT_EQ(calls, Number(json, "kernel_calls"));
  EXPECT_GT(microseconds, Number(json, "between_us"));
  EXPECT_LT(microseconds, 2e3 * Number(json, "ms"));
  const Outcome text = shell.Run("descent bench mlp.descent --profile --seconds 0.1");
  EXPECT_NE(text.out.find("roofline:"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("between kernels"), std::string::npos) << text.out;
}

TEST(Bench, CallsInLoopsCountAsOftenAsTheyRun) {
  const Shell shell;
  shell.Write("scan.descent",
              "descent 1\nmodel walk {\n  input start: f32[4]\n  input steps: f32[7, 4]\n"
              "  last: f32[4], all: f32[7, 4] = scan(start, steps, carried=1, sliced=1) body(\n"
              "      h: f32[4], x: f32[4]) {\n    s: f32[4] = add(h, x)\n"
              "    next: f32[4] = tanh(s)\n    return next\n  }\n  output all\n}\n");
  const Json json = Line(shell, "descent bench scan.descent --json --profile --seconds 0.05");
  double most = 0;
  for (const Json& kernel : *json.Find("kernels")->array())
    most = std::max(most, Number(kernel, "calls"));
  EXPECT_EQ(most, 7);
}

/// A layer of 16 rows, 32 numbers each, whose gradient keeps or recomputes what lies inside.
std::string Layer(const std::string& hidden) {
  return "descent 1\nmodel layer {\n  batch 16\n  input x: f32[batch, 32] from features\n"
         "  input t: f32[batch, 1] from label\n  parameter w: f32[32, 32] = glorot_uniform\n"
         "  parameter v: f32[32, 1] = glorot_uniform\n" +
         hidden +
         "  y = matmul(h, v)\n  loss = mse(y, t)\n  train loss with sgd(learning_rate=0.1)\n}\n";
}

TEST(Bench, RecomputationMakesNoRateBetter) {
  const Shell shell;
  shell.Write("kept.descent", Layer("  s = matmul(x, w)\n  h = tanh(s)\n"));
  shell.Write("again.descent",
              Layer("  h: f32[16, 32] = checkpoint(x, w) body(a: f32[16, 32], b: f32[32, 32]) {\n"
                    "    s: f32[16, 32] = matmul(a, b)\n    u: f32[16, 32] = tanh(s)\n"
                    "    return u\n  }\n"));
  const Json kept = Line(shell, "descent bench kept.descent --json --seconds 0.05");
  const Json again = Line(shell, "descent bench again.descent --json --seconds 0.05");
  EXPECT_EQ(Number(again, "flops"), Number(kept, "flops"));
  EXPECT_GE(Number(again, "kernel_flops"), Number(kept, "kernel_flops") + 2 * 16 * 32 * 32);
  const double rate = Number(again, "flops") / Number(again, "ms") * 1e-6;
  EXPECT_NEAR(Number(again, "gflops"), rate, 1e-2 * rate);
}

TEST(Bench, EveryEntryPointRuns) {
  const Shell shell;
  for (const char* entry : {"train_step", "evaluate", "predict"}) {
    const Outcome outcome =
        shell.Run(std::string("descent bench orange-blue.descent --seconds 0.05 --entry ") + entry);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find(entry), std::string::npos) << outcome.out;
  }
  shell.Write("square.descent",
              "descent 1\nmodel square {\n  input x: f32[3]\n  y = mul(x, x)\n  output y\n}\n");
  const Outcome outcome = shell.Run("descent bench square.descent --seconds 0.05");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("square: run, "), std::string::npos) << outcome.out;
}

TEST(Bench, KnowsReadyModels) {
  const Shell shell;
  const Json json = Line(shell, "descent bench playground --batch 7 --json --seconds 0.05");
  EXPECT_EQ(*json.Find("workload")->string(), "playground");
  EXPECT_EQ(Number(json, "batch"), 7);
  // A file of that name goes first.
  const Json file =
      Line(shell, "cp orange-blue.descent mlp; descent bench mlp --json --seconds 0.05");
  EXPECT_EQ(*file.Find("workload")->string(), "orange_blue");
  EXPECT_EQ(shell.Run("descent model playground | descent bench - --seconds 0.05").status, 0);
}

TEST(Bench, RefusesWhatItCannotMeasure) {
  const Shell shell;
  shell.Write("square.descent",
              "descent 1\nmodel square {\n  input x: f32[3]\n  y = mul(x, x)\n  output y\n}\n");
  for (const auto& [words, status, text] :
       {std::tuple("orange-blue.descent --seconds 0", 2, "--seconds takes a number above 0"),
        std::tuple("orange-blue.descent --seconds inf", 2, "--seconds takes a number above 0"),
        std::tuple("orange-blue.descent --seconds fast", 2, "--seconds takes a number above 0"),
        std::tuple("orange-blue.descent --threads 0", 2, "--threads"),
        std::tuple("orange-blue.descent --threads 5000", 2, "this program runs on 1 to 1024"),
        std::tuple("orange-blue.descent --entry run", 1, "has no entry point run"),
        std::tuple("square.descent --entry train_step", 1, "has no entry point train_step"),
        std::tuple("missing.descent", 4, "missing.descent")}) {
    const Outcome outcome = shell.Run(std::string("descent bench ") + words);
    EXPECT_EQ(outcome.status, status) << words << outcome.err;
    EXPECT_NE(outcome.err.find(text), std::string::npos) << words << "\n" << outcome.err;
    EXPECT_EQ(outcome.out, "") << words;
  }
}

/// Of no number, as the logarithm of one below 0.
constexpr std::string_view kNaN =
    "descent 1\nmodel nan {\n  input x: f32[8]\n  s = mul(x, x)\n  n = neg(s)\n  y = log(n)\n";

TEST(Bench, AFailedAssertionIsAnError) {
  const Shell shell;
  shell.Write("asserted.descent", std::string(kNaN) + "  z = assert_finite(y)\n  output z\n}\n");
  const Outcome outcome = shell.Run("descent bench asserted.descent --seconds 0.05");
  EXPECT_EQ(outcome.status, 1) << outcome.out;
  EXPECT_NE(outcome.err.find("call 1 of run on made-up data"), std::string::npos) << outcome.err;
}

TEST(Bench, ALossThatIsNoNumberIsNotTimed) {
  const Shell shell;
  shell.Write("nan.descent", std::string(kNaN) + "  output y\n}\n");
  const Outcome outcome = shell.Run("descent bench nan.descent --seconds 0.05");
  EXPECT_EQ(outcome.status, 5) << outcome.out;
  EXPECT_NE(outcome.err.find("no finite number"), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST(Bench, AnInterruptLeavesNothing) {
  const Shell shell;
  const Outcome outcome = shell.Run(
      "mkdir tmp; TMPDIR=$PWD/tmp timeout --preserve-status -s INT 3 descent bench "
      "orange-blue.descent --seconds 60; "
      "echo $?; ls tmp");
  EXPECT_EQ(outcome.out, "130\n");
  EXPECT_EQ(outcome.err, "stopped: interrupted\n");
}

TEST(Bench, RoundingIsNoDifference) {
  // The second call moves by 1e-3 where parameters move by their last bit.
  const cli::FirstFigures reference = {{1.0, 2.0}, {1.0, 2.001}, {1.0, 1.9995}};
  EXPECT_TRUE(Compare(reference, {1.0 + 9e-6, 2.0 + 7e-3}, "train_step").has_value());
  EXPECT_FALSE(Compare(reference, {1.0 + 11e-6, 2.0}, "train_step").has_value());
  const auto differs = Compare(reference, {1.0, 2.0 - 9e-3}, "train_step");
  ASSERT_FALSE(differs.has_value());
  EXPECT_EQ(differs.error().status, ExitStatus::kDiffers);
  EXPECT_NE(differs.error().message.find("call 2 of train_step gives 1.991, but 2 without fusion"),
            std::string::npos)
      << differs.error().message;
}

TEST(Bench, NaNNeverAgrees) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(Compare({{1.0}, {1.0}, {1.0}}, {nan}, "run").has_value());
  EXPECT_FALSE(Compare({{nan}, {nan}, {nan}}, {nan}, "run").has_value());
  EXPECT_FALSE(Compare({{1.0}, {nan}, {1.0}}, {2.0}, "run").has_value());
}

}  // namespace
}  // namespace descent::test
