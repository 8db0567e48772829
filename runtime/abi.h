/* The contract between generated code and whoever calls it: C, no dependencies.
 *
 * A compiled model is one constant `descent_program` (symbol <prefix>_program) plus one function
 * per entry point. All memory belongs to the caller: a state block (one layout for all entry
 * points) and a scratch block per concurrent call. Generated code allocates nothing, calls nothing
 * but libc's memset/memcpy and the caller's executor, and keeps no pointer after it returns.
 *
 * Blocks must be aligned to DESCENT_ALIGNMENT. Names are UTF-8 and NUL-terminated.
 */
#ifndef DESCENT_RUNTIME_ABI_H_
#define DESCENT_RUNTIME_ABI_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DESCENT_ABI_VERSION 5
#define DESCENT_ALIGNMENT 64

/* Element types, in the order of the compiler's DType. */
enum {
  DESCENT_F32 = 0,
  DESCENT_F64 = 1,
  DESCENT_I32 = 2,
  DESCENT_I64 = 3,
  DESCENT_U8 = 4,
  DESCENT_BOOL = 5,
  DESCENT_BF16 = 6, /* uint16_t: the upper half of a float's bits */
  DESCENT_F16 = 7,  /* uint16_t: the bits of an IEEE 754 binary16 */
  DESCENT_I8 = 8,
  DESCENT_I16 = 9,
  DESCENT_U16 = 10,
  DESCENT_U32 = 11,
  DESCENT_U64 = 12
};

/* Status word: 0, or an or of these. The state is unspecified after a nonzero status of train_step.
 * With DESCENT_STATUS_NOT_FINITE the bits from DESCENT_STATUS_ASSERTION_SHIFT on are the number of
 * the first assertion that failed, from 1, or 0 where that is unknown. */
enum {
  DESCENT_STATUS_BAD_INDEX = 1,  /* an index from data was out of range; it read 0 or was dropped */
  DESCENT_STATUS_NOT_FINITE = 2, /* an assert_finite failed */
  DESCENT_STATUS_BAD_CPU = 4 /* the CPU lacks what the program was compiled for; nothing was done */
};
#define DESCENT_STATUS_ASSERTION_SHIFT 8

/* Runs tiles [first, last) of a kernel. `worker` is in [0, threads) and picks the worker's scratch.
 */
typedef void (*descent_tile_fn)(void* arg, int32_t worker, int64_t first, int64_t last);

/* Runs fn over all tiles [0, tiles), each exactly once, in any split and order, and returns when
 * all are done. No two concurrent calls of fn may pass the same worker. */
typedef struct descent_executor {
  void (*run)(void* self, descent_tile_fn fn, void* arg, int64_t tiles);
  void* self;
  int32_t threads;
} descent_executor;

typedef struct descent_tensor {
  const char* name;
  int32_t dtype;
  int32_t rank;
  const int64_t* dims;
} descent_tensor;

/* A value that an entry point has computed: what a kernel leaves in memory. */
typedef struct descent_value {
  descent_tensor tensor; /* inside a loop the slice of one iteration; named as state or output, or
                            "%31" where the model has no name */
  const char* origin;    /* name of the value it is derived from, as a gradient is, or "" */
  const char* covered;   /* what else with a name its kernel computes: names one after the other,
                            each with its NUL, ended by an empty one */
} descent_value;

/* Is shown every floating-point value of train_step or evaluate as soon as it is whole, in the
 * order of computation, by the calling thread. `elements` (row-major; of a tensor of the state in
 * the order of its slot) may be read until it returns. */
typedef struct descent_observer {
  void (*computed)(void* self, const descent_value* value, const void* elements);
  void* self;
} descent_observer;

/* One call of an entry point. */
typedef struct descent_call {
  void* state;                      /* evaluate, predict and run only read it */
  void* scratch;                    /* fixed_scratch_bytes + threads * worker_scratch_bytes */
  const void* const* inputs;        /* one per entry input, row-major */
  void* const* outputs;             /* one per entry output, row-major */
  int64_t valid_rows;               /* <= batch; rows past it are padding (any readable values) */
  const descent_executor* executor; /* NULL: serial */
  const descent_observer* observer; /* NULL: none; see there */
} descent_call;

typedef uint32_t (*descent_entry_fn)(const descent_call* call);

enum {
  DESCENT_NORMALIZE_NONE = 0,
  DESCENT_NORMALIZE_STANDARDIZE,
  DESCENT_NORMALIZE_MIN_MAX,
  DESCENT_NORMALIZE_SCALE
};

typedef struct descent_input {
  descent_tensor tensor; /* as this entry point sees it, batch included */
  int32_t batch_axis;    /* -1: none */
  int32_t normalization;
  double scale;
  const char* column;     /* "features", "label", or a name */
  int64_t index_limit;    /* values are indices below it (labels, ids); 0: not an index */
  double lowest, highest; /* values lie in between, both included; both 0: anywhere */
} descent_input;

enum {
  DESCENT_OUTPUT_LOSS = 0,      /* f32 or f64 scalar: mean over valid rows */
  DESCENT_OUTPUT_PREDICTION,    /* as it is */
  DESCENT_OUTPUT_PROBABILITY,   /* of the positive class */
  DESCENT_OUTPUT_PROBABILITIES, /* one column per class */
  DESCENT_OUTPUT_METRIC_SUMS,   /* f64: add over all batches, then give to <metrics> */
  DESCENT_OUTPUT_VALUE,         /* of run */
  DESCENT_OUTPUT_METRIC         /* outputs of the entry "metrics": the final value */
};

typedef struct descent_output {
  descent_tensor tensor;
  int32_t kind;
  int32_t batch_axis;
} descent_output;

/* Entry points: initialize (state from seed), train_step, evaluate, predict, run, metrics (sums of
 * evaluate, in its order of DESCENT_OUTPUT_METRIC_SUMS, to values). Absent ones are not in the
 * table. */
typedef struct descent_entry {
  const char* name;
  descent_entry_fn run;
  int64_t batch; /* 0: no batch axis */
  int64_t input_count, output_count;
  const descent_input* inputs;
  const descent_output* outputs;
  int64_t fixed_scratch_bytes, worker_scratch_bytes;
  int64_t arena_bytes;  /* part of the fixed scratch that holds tensors */
  int64_t kernel_count; /* kernel calls per call of the entry point */
  int64_t flops;        /* multiply and add counted apart */
  int64_t assertion_count;
  const char* const* assertions; /* names of the values that are asserted to be finite */
} descent_entry;

enum {
  DESCENT_SLOT_PARAMETER = 0,
  DESCENT_SLOT_STATISTIC,
  DESCENT_SLOT_OPTIMIZER,
  DESCENT_SLOT_SEED,         /* i64 scalar */
  DESCENT_SLOT_STEP,         /* i64 scalar: finished updates */
  DESCENT_SLOT_LEARNING_RATE /* f64 scalar, base rate before the schedule */
};

typedef struct descent_slot {
  descent_tensor tensor; /* what the model, checkpoints and <prefix>_get / _set know */
  int32_t kind;
  int32_t trainable;
  int64_t offset_bytes; /* in the state block */
  int64_t stored_bytes; /* of the elements, which lie there without gaps */
  const int32_t* order; /* memory axis i is axis order[i] of the tensor, all of it row-major in
                           memory: [512, 256, 3, 3] with 2, 3, 1, 0 lies there as row-major
                           [3, 3, 256, 512]; NULL: order of the tensor itself */
} descent_slot;

typedef struct descent_hyperparameter {
  const char* name;  /* "optimizer.momentum" */
  const char* value; /* printed */
} descent_hyperparameter;

typedef struct descent_onnx_initializer {
  const uint8_t* tensor; /* its TensorProto without the numbers: name, type, extents */
  int64_t tensor_bytes;
  int32_t slot;       /* whose value it is, by number, or -1 */
  const char* source; /* with slot -1: the tensor of this name in a checkpoint, which holds it: of a
                         normalization */
} descent_onnx_initializer;

/* What the model predicts as an ONNX file, in parts: a program writes it with the parameters that
 * it has learned. */
typedef struct descent_onnx {
  const uint8_t* model; /* the file's ModelProto without its graph */
  const uint8_t* graph; /* the GraphProto without the initializers that are state */
  int64_t model_bytes, graph_bytes, initializer_count;
  const descent_onnx_initializer* initializers;
  const char* missing; /* why ONNX has no form for the model, or "" */
} descent_onnx;

typedef struct descent_program {
  int32_t abi_version;
  int32_t has_values;          /* initialize gives all parameters numbers of the model's own file */
  const char* name;            /* of the model */
  const char* model_hash;      /* 64 hex digits: SHA-256 over canonical binary model */
  const char* prediction_hash; /* and over what its predictions depend on */
  const char* target;          /* "znver4" */
  const char* compiler;        /* "descent 0.1.0" */
  int32_t (*cpu_is_supported)(void);
  const char* cpu_needs; /* "AVX-512 (F, BW, DQ, VL)" */
  int64_t state_bytes;
  int64_t slot_count, entry_count, hyperparameter_count;
  const descent_slot* slots;
  const descent_entry* entries;
  const descent_hyperparameter* hyperparameters;
  int64_t keep_partial_batch;
  const uint8_t* weights; /* baked-in safetensors (compile --weights), or NULL */
  int64_t weights_bytes;
  const descent_onnx* onnx; /* executables only, else NULL */
} descent_program;

#ifdef __cplusplus
}
#endif

#endif /* DESCENT_RUNTIME_ABI_H_ */
