// `descent inspect --fusion`.
#include <gtest/gtest.h>

#include "tests/cli/shell.h"

namespace descent::test {
namespace {

constexpr const char* kModel = R"(descent 1
model f {
  input x: f32[64, 32]
  input w: f32[32, 32]
  input limit: f32[32]
  e = exp(x)
  m = matmul(e, w)
  z = add(m, limit)
  h = tanh(z)
  p = softmax(h)
  c = cumsum(p, axis=0)
  last, _ = scan(limit, c, carried=1, sliced=1) body(h: f32[32], x: f32[32]) {
    n = add(h, x)
    return n
  }
  output e
  output p
  output last
}
)";

constexpr const char* kText =
    R"(entry run: 5 calls of 5 kernels, 5 pairs of neighbours
)";

TEST(Fusion, Text) {
  const Shell shell;
  shell.Write("f.descent", kModel);
  const Outcome outcome = shell.Run("descent inspect --fusion f.descent");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, kText);
}

TEST(Fusion, LinesAreNoLongerThanAHundredColumns) {
  const Shell shell;
  const Outcome outcome = shell.Run(
      "descent inspect --fusion mlp.descent | awk 'length > 100'; descent model chargpt "
      "-o g.descent >/dev/null && descent inspect --fusion g.descent | awk 'length > 100'");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST(Fusion, Json) {
  const Shell shell;
  shell.Write("f.descent", kModel);
  shell.Write("show.py", R"(
import json, sys
d = json.load(sys.stdin)
print(d["schema"], d["version"], d["stage"], d["entry"], len(d["calls"]))
for kernel in d["kernels"]:
    assert d["calls"][kernel["call"]] == kernel["kernel"]
    print(kernel["call"], [(part["rule"], part["values"], part["with"]) for part in kernel["parts"]])
for pair in d["pairs"]:
    sides = [side.get("kernel", "loop of %d" % side.get("trip_count", 0)) + str(side["calls"])
             for side in (pair["writer"], pair["reader"])]
    print(*sides, *pair["values"], *(f"{f['way']}={f['obstacle']}" for f in pair["findings"]))
    assert all(finding["text"] for finding in pair["findings"])
)");
  const Outcome outcome =
      shell.Run("descent inspect --fusion --format json f.descent | python3 show.py");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, R"()");
}

TEST(Fusion, SwitchedOff) {
  const Shell shell;
  const Outcome outcome = shell.Run(
      "descent inspect --fusion --disable-pass fuse mlp.descent | grep -c 'fusion is switched "
      "off'");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

TEST(Fusion, IsNoStage) {
  const Shell shell;
  const Outcome both = shell.Run("descent inspect --fusion --stage kernels mlp.descent");
  EXPECT_EQ(both.status, 2);
  EXPECT_NE(both.err.find("--fusion and --stage exclude each other"), std::string::npos)
      << both.err;
  const Outcome drawing = shell.Run("descent inspect --fusion --format svg mlp.descent");
  EXPECT_EQ(drawing.status, 2);
  EXPECT_NE(drawing.err.find("--fusion has no format svg"), std::string::npos) << drawing.err;
  EXPECT_NE(drawing.err.find("it has text, json"), std::string::npos) << drawing.err;
}

}  // namespace
}  // namespace descent::test
