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
    R"(entry run: 7 calls of 6 kernels, 6 pairs of neighbours

kernel f_k2_h covers m, z, h
  inlined        z into h: computed where it is read
  epilogue       h with m: at the points where that reduction has its results

kernel f_k3_p covers %7, %8, %9, %10, p
  inlined        %8 into %9: computed where it is read
  shared rows    %9, %10, p with %7: each row takes only what the same row has computed
  shared rows    p with %10: each row takes only what the same row has computed

f_k0_e -> f_k2_h by e
  inlining       e is stored anyway: an output, a state, or what a loop or branch hands on
  one loop       the reader is a reduction, which takes several points for each result
  shared rows    a contraction shares no rows, and takes only readers at the same points

f_k1_last_h (call 1) -> the loop of call 5, 64 times by last.h
  inlining       last.h is stored anyway: an output, a state, or what a loop or branch hands on
  one loop       a loop or branch is not part of a kernel
  shared rows    a loop or branch is not part of a kernel

f_k2_h -> f_k3_p by h
  inlining       it takes more than 6 operations, too many to repeat for several readers or points
  one loop       f_k3_p is several stages that share rows, not one loop
  shared rows    a contraction shares no rows, and takes only readers at the same points

f_k3_p -> f_k4_c by p
  inlining       p is stored anyway: an output, a state, or what a loop or branch hands on
  one loop       a form (attention, scatter, sort, prefix) is a kernel of its own
  shared rows    a form (attention, scatter, sort, prefix) is a kernel of its own

f_k4_c -> the loop of call 5, 64 times by c
  any way        a form (attention, scatter, sort, prefix) is a kernel of its own

the loop of call 5, 64 times -> f_k1_last_h (call 6) by last
  any way        a loop or branch is not part of a kernel
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
  EXPECT_EQ(outcome.out, R"(descent.inspect 1 fusion run 7
2 [('inlined', ['z'], 'h'), ('epilogue', ['h'], 'm')]
3 [('inlined', ['%8'], '%9'), ('shared_rows', ['%9', '%10', 'p'], '%7'), ('shared_rows', ['p'], '%10')]
f_k0_e[0, 0] f_k2_h[2, 2] e inline=delivered one_loop=reader_reduces shared_rows=contraction
f_k1_last_h[1, 1] loop of 64[5, 5] last.h inline=delivered one_loop=control shared_rows=control
f_k2_h[2, 2] f_k3_p[3, 3] h inline=repeated_operations one_loop=several_stages shared_rows=contraction
f_k3_p[3, 3] f_k4_c[4, 4] p inline=delivered one_loop=form shared_rows=form
f_k4_c[4, 4] loop of 64[5, 5] c inline=form one_loop=form shared_rows=form
loop of 64[5, 5] f_k1_last_h[6, 6] last inline=control one_loop=control shared_rows=control
)");
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
