// The prose of the manual that does not belong to one command.
#pragma once

#include <string_view>

namespace descent::cli {

inline constexpr std::string_view kManualIntroduction =
    R"(Descent compiles the training of neural networks ahead of time: from a model file to an
executable, object, library or header that trains, evaluates and predicts without any framework.

A model file is the text form (.descent), binary proto (.pb) or proto text (.pbtxt); the content
decides where the name does not. `-` is standard input. `--` ends the options: what follows is an
argument even if it begins with a dash. What a command prints goes to standard
output, what it has to say about errors and progress to standard error. An error is one message with
file, line, the rule that is broken and what to do. No command writes over a file that it reads, nor
two outputs into one file: that is a usage error.
)";

inline constexpr std::string_view kManualTrainers =
    R"(`descent compile MODEL -o trainer` makes a program with commands of its own. It needs neither
descent nor the model file. Results do not depend on the number of threads.

Data is named by --data SPEC. A generator gives training data and, from the other half of its points,
test data. Its options are samples, noise (0 to 0.5) and seed. Of a CSV file the last column is the
label unless one is called label, or FILE.csv:label=NAME (or a number, from 0 or, from the end, from
-1) says otherwise; further options are header=yes|no and separator=C. What is not a number is a
class name in the label column and an error elsewhere. Files may be compressed by gzip.

A checkpoint is a safetensors file: parameters, all state of training, normalization and class names.
A run that was interrupted (Ctrl-C, exit status 130) after its first step has saved one; --resume goes
on from it as if there had been no interruption.
)";

/// Markdown; stands in docs/cli.md only.
inline constexpr std::string_view kManualAppendix =
    R"(## JSON of `descent inspect --format json`

One object. Its first members are the same for every stage:

| member | type | meaning |
|---|---|---|
| `schema` | string | `"descent.inspect"` |
| `version` | integer | 1; raised when a member changes its meaning or goes; new members do not raise it |
| `stage` | string | as given to `--stage`; `"summary"` without, `"fusion"` with `--fusion` |
| `model` | string | name of the model |
| `entry` | string | entry point; `""` for a source model |
| `batch` | integer | rows per call; 0: no batch axis |

Types of tensors are strings as in the text form (`"f32[10, 3]"`). A value is a pair
`[node, result]`.

**Graph stages** (`source`, `simplified`, `differentiated`, `optimized`):

| member | type | meaning |
|---|---|---|
| `inputs` | array | `name`, `type`, `batch_axis` (-1: none), `column`, `normalization` |
| `slots` | array | the state: `name`, `type`, `kind` (parameter, statistic, optimizer), `trainable`, `initializer`, `next` (the output that replaces it, or `""`) |
| `outputs` | array | `name`, `value` |
| `nodes` | array | in topological order: `id`, `names` (one per result), `op`, `operands` (values), `attributes` (object; a body is an object with `nodes` and `outputs`, a tensor one with `type` and, up to 16 elements, `values`), `types`, `section` (forward, backward, update), `origin` (what a derived node comes from), `flops`, `role` (input, slot, constant, system, operator), `kept_for_backward` |

**`kernels`**:

| member | type | meaning |
|---|---|---|
| `target` | string | CPU |
| `calls` | array | in order: `depth` (enclosing loops and branches) and either `trip_count` (a loop begins), `if` or `if_not` (a side of a branch on that buffer begins) or `kernel`, `section`, `reads`, `writes` (names of buffers) |
| `order` | array | pairs of calls (numbered without the loops): the first ends before the second begins |
| `kernels` | array | `name` (also the function's in `llvm` and `asm`), `kind` (loops, contraction, scatter, buckets, prefix, sort, attention), `covers` (graph values), `flops`, `bytes` (of its parameters), `tiles`, `parallel` |

**`memory`**: `target`, `arena_bytes`, `state_bytes`, `worker_scratch_bytes`, and `buffers`: `name`,
`type`, `space` (arena, state, input, output, constant, ...), `offset`, `bytes`, `first_call` and
`last_call` (its life; -1: never used), `section`, `origin`, `kept_for_backward`.

**`fusion`**: `target` and

| member | type | meaning |
|---|---|---|
| `calls` | array | the kernel of each call, in order, without loops and branches |
| `kernels` | array | each call whose kernel covers several values: `call`, `kernel`, `covers` (graph values), `parts`: `values` that came into the kernel by `rule` (inlined, epilogue, one_loop, siblings, shared_rows, one_reduction) with the value `with` |
| `pairs` | array | `writer` writes `values` that `reader` reads or waits for; either has `calls` (the first and the last) and `kernel`, or is a loop with `trip_count`, or a `branch`; `findings`: one for each `way` to make one kernel of both (inline, one_loop, shared_rows), with the `obstacle`, a sentence `text`, and, where it says so, `values` (not inlined), `reader` (another reader that stands in the way; inlining is for all or none), `about` (the value or the number that it names), `through` (the kernel that it names) |

Obstacles are names such as `"contraction"`, `"path"` or `"row_bytes"`; new ones may come. Pairs of a kernel and a copy of what
it wrote over an older value have one finding, `"old_value"`.

**`summary`**: `values` (`value`, `operator`, `type`, `parameters` first read there, `flops`),
`trainable_parameters`, `fixed_parameters`, `parameter_bytes`, `optimizer_bytes`, `flops` (of the
source graph) and `entries` (`name`, `batch`, `nodes`, `flops` of the optimized graphs, in which
what a gradient computes again counts once).
)";

}  // namespace descent::cli
