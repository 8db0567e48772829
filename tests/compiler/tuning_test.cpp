// Tunings: choices change no bit, files say what they mean, and what fits nothing is refused.

#include "compiler/tuning.h"

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "compiler/kernel/schedule.h"
#include "tests/compiler/codegen/contraction_testing.h"
#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

const TargetFacts& Facts() { return NativeTarget().facts; }

Kernel Scheduled(Kernel kernel) {
  kernel.flops = 0;
  Schedule(kernel, Facts());
  return kernel;
}

/// Products and convolutions whose K is one block and several, with and without an epilogue.
std::vector<Kernel> Samples() {
  std::vector<Kernel> kernels;
  for (const MatmulShape& shape :
       {MatmulShape{50, 70, 40}, MatmulShape{64, 48, 1100}, MatmulShape{33, 40, 50, true, false},
        MatmulShape{40, 33, 50, false, true, 3}}) {
    kernels.push_back(MatmulKernel(shape));
    kernels.push_back(MatmulKernel(shape));
    AddBiasRelu(kernels.back(), shape.n);
    if (shape.batch > 1) kernels.pop_back();
  }
  kernels.push_back(MatmulKernel({20, 30, 40}, DType::kF64));
  kernels.push_back(ConvolutionKernel(2, 8, 14, 24, 3, 1, 1));
  kernels.push_back(ConvolutionKernel(2, 160, 6, 24, 3, 1, 1));
  kernels.push_back(ConvolutionWeightsKernel(2, 8, 14, 24, 3, 1, 1));
  for (Kernel& kernel : kernels) kernel = Scheduled(std::move(kernel));
  return kernels;
}

std::vector<Kernel> OthersOf(const Kernel& kernel, int64_t most) {
  std::vector<ContractionChoice> choices = TileChoices(kernel, Facts(), most);
  const std::vector<ContractionChoice> blocks = BlockChoices(kernel, Facts(), most);
  choices.insert(choices.end(), blocks.begin(), blocks.end());
  return DistinctKernels(kernel, choices, Facts());
}

void ExpectSameBits(const KernelRun& a, const KernelRun& b, const std::string& what) {
  ASSERT_EQ(a.values.size(), b.values.size());
  for (size_t i = 0; i < a.values.size(); ++i)
    EXPECT_TRUE(std::ranges::equal(a.values[i].bytes(), b.values[i].bytes())) << what;
}

TEST(Tuning, NoChoiceChangesABit) {
  size_t versions = 0;
  for (const Kernel& kernel : Samples()) {
    const std::vector<Tensor> values = Patterns(kernel);
    const KernelRun usual = RunCompiled(kernel, values);
    for (const Kernel& other : OthersOf(kernel, 2)) {
      const std::string what = KeyOf(kernel) + " = " + ToString(ChoiceOf(other));
      const auto jit = JitProgram::Load(ProgramOf(other), NativeTarget());
      ASSERT_TRUE(jit.has_value());
      for (const int threads : {0, 2, 3})
        ExpectSameBits(usual, RunCompiled(jit->program(), other, values, threads), what);
      ++versions;
    }
  }
  EXPECT_GT(versions, 25U);
}

TEST(Tuning, TheModelTakesWhatCouldBeChosen) {
  for (const Kernel& kernel : Samples()) {
    const auto same = Chosen(kernel, ChoiceOf(kernel), Facts());
    ASSERT_TRUE(same.has_value()) << KeyOf(kernel) << ": " << same.error();
    EXPECT_EQ(ChoiceOf(*same), ChoiceOf(kernel));
    EXPECT_EQ(same->as<ContractionForm>(), kernel.as<ContractionForm>());
    EXPECT_EQ(same->schedule.tiles, kernel.schedule.tiles);
    EXPECT_EQ(same->schedule.block_k, kernel.schedule.block_k);
    EXPECT_EQ(same->scratch_bytes, kernel.scratch_bytes);
  }
}

TEST(Tuning, ChoicesLeadToThemselvesFromAnyOther) {
  for (const Kernel& kernel : Samples())
    for (const Kernel& other : OthersOf(kernel, 3)) {
      const auto back = Chosen(other, ChoiceOf(kernel), Facts());
      ASSERT_TRUE(back.has_value()) << back.error();
      EXPECT_EQ(back->as<ContractionForm>(), kernel.as<ContractionForm>());
      EXPECT_EQ(ChoiceOf(*back), ChoiceOf(kernel));
    }
}

TEST(Tuning, KeysSayWhatAScheduleDependsOn) {
  const auto key = [](const Kernel& kernel) { return KeyOf(Scheduled(kernel)); };
  Kernel kernel = MatmulKernel({50, 70, 40});
  EXPECT_EQ(key(kernel),
            "contraction f32 m 50, n 70, k 40: f32[50, 40][i0, i2] * f32[40, 70][i2, i1] -> "
            "f32[50, 70][i0, i1]; cost 0");
  EXPECT_NE(key(kernel), key(MatmulKernel({50, 71, 40})));
  EXPECT_NE(key(kernel), key(MatmulKernel({50, 70, 40, true, false})));
  EXPECT_NE(key(kernel), key(MatmulKernel({50, 70, 40}, DType::kF64)));
  Kernel named = kernel;
  named.name = "other";
  EXPECT_EQ(key(kernel), key(named));
  AddBiasRelu(named, 70);
  EXPECT_NE(key(kernel), key(named));
  // Whatever lies on the lanes.
  for (const Kernel& sample : Samples())
    for (const Kernel& other : OthersOf(sample, 2)) EXPECT_EQ(KeyOf(other), KeyOf(sample));
}

TEST(Tuning, RefusesWhatTheGeneratorDoesNotMake) {
  const Kernel kernel = Scheduled(MatmulKernel({50, 70, 40}));
  const auto reason = [&](auto change) {
    ContractionChoice choice = ChoiceOf(kernel);
    change(choice);
    const auto chosen = Chosen(kernel, choice, Facts());
    return chosen ? "none" : chosen.error();
  };
  EXPECT_EQ(reason([](ContractionChoice&) {}), "none");
  EXPECT_EQ(reason([](ContractionChoice& c) { c.register_m = 40; }).substr(0, 22),
            "no register tile is 40");
  EXPECT_EQ(reason([](ContractionChoice& c) { c.register_n += 1; }).substr(0, 20),
            "no register tile is ");
  EXPECT_EQ(reason([](ContractionChoice& c) { c.block_m = 51; }).substr(0, 36),
            "50 x 70 is not cut into blocks of 51");
  EXPECT_EQ(reason([](ContractionChoice& c) { c.block_n = int64_t{1} << 60; }).substr(0, 33),
            "50 x 70 is not cut into blocks of");
}

/// A box that does not hold all channels cuts K where it ends, rows of the other factor elsewhere.
TEST(Tuning, RefusesOtherBlocksOfK) {
  const Kernel kernel = Scheduled(ConvolutionKernel(1, 1200, 56, 16, 3, 1, 1));
  int refused = 0;
  for (const ContractionChoice& choice : TileChoices(kernel, Facts(), 4)) {
    const auto chosen = Chosen(kernel, choice, Facts());
    if (chosen) continue;
    EXPECT_NE(chosen.error().find("it would sum K in blocks of "), std::string::npos)
        << chosen.error();
    ++refused;
  }
  EXPECT_GT(refused, 0);
}

// ---- programs ----------------------------------------------------------------------------------

Tuning TuningOf(const Kernel& kernel, const ContractionChoice& choice,
                std::string_view target = NativeTarget().name) {
  Tuning tuning{.file = "net.tune"};
  tuning.targets[std::string(target)] = {{.key = KeyOf(kernel), .choice = choice, .line = 3}};
  return tuning;
}

TEST(Tuning, IsAppliedToWhatItFits) {
  const Kernel kernel = Scheduled(MatmulKernel({50, 70, 40}));
  const Kernel other = OthersOf(kernel, 4).back();
  KernelProgram program = ProgramOf(kernel);
  const auto count = ApplyTuning(TuningOf(kernel, ChoiceOf(other)), NativeTarget(), program);
  ASSERT_TRUE(count.has_value()) << count.error().message;
  EXPECT_EQ(*count, 1);
  EXPECT_EQ(ChoiceOf(program.kernels[0]), ChoiceOf(other));
  EXPECT_EQ(program.entries[0].worker_scratch_bytes, program.kernels[0].scratch_bytes);
  // Neither another kernel's line nor another target's.
  program = ProgramOf(Scheduled(MatmulKernel({50, 70, 41})));
  EXPECT_EQ(ApplyTuning(TuningOf(kernel, ChoiceOf(other)), NativeTarget(), program), 0);
  program = ProgramOf(kernel);
  EXPECT_EQ(ApplyTuning(TuningOf(kernel, ChoiceOf(other), "none"), NativeTarget(), program), 0);
  EXPECT_EQ(ChoiceOf(program.kernels[0]), ChoiceOf(kernel));
}

TEST(Tuning, AnIllegalChoiceNamesItsLine) {
  const Kernel kernel = Scheduled(MatmulKernel({50, 70, 40}));
  ContractionChoice choice = ChoiceOf(kernel);
  choice.register_m = 77;
  KernelProgram program = ProgramOf(kernel);
  const auto applied = ApplyTuning(TuningOf(kernel, choice), NativeTarget(), program);
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().location.file, "net.tune");
  EXPECT_EQ(applied.error().location.line, 3);
  EXPECT_EQ(applied.error().status, ExitStatus::kInvalid);
  EXPECT_NE(applied.error().message.find("is no choice for this contraction: no register tile"),
            std::string::npos)
      << applied.error().message;
}

// ---- files -------------------------------------------------------------------------------------

TEST(Tuning, FilesAreReadAsTheyWereWritten) {
  Tuning tuning{.file = "net.tune"};
  const Kernel kernel = Scheduled(MatmulKernel({50, 70, 40}));
  tuning.targets["znver4"] = {
      {.key = KeyOf(kernel),
       .choice = {LaneGroup::kRows, 6, 64, 96, 512, true},
       .note = "k0_h: 3 us, 2 us tuned"},
      {.key = KeyOf(Scheduled(MatmulKernel({50, 71, 40}))), .choice = {.register_m = 1}}};
  tuning.targets["znver4"][1].choice = {LaneGroup::kColumns, 1, 16, 1, 16, false};
  tuning.targets["x86-64-v3"] = {};
  const std::string text = PrintTuning(tuning);
  EXPECT_TRUE(text.starts_with("descent tuning 1\ntarget x86-64-v3\ntarget znver4\n# k0_h: "))
      << text;
  const auto read = ParseTuning(text, "net.tune");
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  ASSERT_EQ(read->targets.size(), 2U);
  const auto& lines = read->targets.at("znver4");
  ASSERT_EQ(lines.size(), 2U);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].key, tuning.targets["znver4"][i].key);
    EXPECT_EQ(lines[i].choice, tuning.targets["znver4"][i].choice);
  }
  EXPECT_EQ(lines[0].line, 5);
}

TEST(Tuning, RefusesWhatIsNoTuning) {
  const std::string head = "descent tuning 1\n", target = head + "target znver4\n";
  const std::string key = "contraction f32 m 50";
  const std::string good = key + " = columns on lanes, tile 6x64, blocks 96x512, parallel\n";
  EXPECT_TRUE(ParseTuning(target + good, "f").has_value());
  EXPECT_TRUE(ParseTuning(target + "# a comment\r\n\n" + good, "f").has_value());
  using Case = std::tuple<std::string, int, int, std::string>;
  for (const auto& [text, line, status, message] :
       {Case("", 1, 1, "this is no tuning"), Case("descent 1\n", 1, 1, "no tuning"),
        Case("descent tuning 2\n", 1, 3, "version 1 here, not '2'"),
        Case((head + good), 2, 1, "no line `target`"),
        Case((head + "target znver99\n"), 2, 1, "unknown target 'znver99'"),
        Case((target + "attention f32 = x\n"), 3, 1, "'attention' is nothing that is tuned"),
        Case((target + key + "\n"), 3, 1, "`KEY = CHOICE`"),
        Case((target + key + " = best\n"), 3, 1, "'best' is no choice"),
        Case((target + key + " = columns on lanes, tile 6x64, blocks 96x512\n"), 3, 1,
             "is no choice"),
        Case((target + key + " = rows on lanes, tile 0x64, blocks 9x5, serial\n"), 3, 1,
             "is no choice"),
        Case((target + key +
              " = rows on lanes, tile 6x64, blocks 9x99999999999999999999, "
              "serial\n"),
             3, 1, "is no choice"),
        Case((target + good + good), 4, 1, "line 3 has chosen")}) {
    const auto read = ParseTuning(text, "net.tune");
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().location.file, "net.tune") << text;
    EXPECT_EQ(read.error().location.line, line) << text;
    EXPECT_EQ(static_cast<int>(read.error().status), status) << text;
    EXPECT_NE(read.error().message.find(message), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace descent
