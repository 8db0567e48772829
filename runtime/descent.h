/* What libdescent_runtime adds for a C program that links a compiled model: threads.
 *
 *   descent_executor* executor = descent_tbb_executor_create(0);
 *   net_train_step(state, scratch, &inputs, &outputs, rows, executor);
 *   descent_tbb_executor_destroy(executor);
 *
 * `pkg-config --libs descent-runtime` (-ldescent_runtime -ltbb -lz -lstdc++ -lm) and the CMake
 * target Descent::runtime link it. The model's object itself needs libc only.
 */
#ifndef DESCENT_RUNTIME_DESCENT_H_
#define DESCENT_RUNTIME_DESCENT_H_

#include "runtime/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An executor over `threads` threads, the caller's among them; 0: one per core. NULL when the
 * system gives no threads. One executor serves one call at a time at full width; calls that come
 * while it is busy run on their own thread alone. Scratch blocks must be sized for
 * executor->threads. */
descent_executor* descent_tbb_executor_create(int32_t threads);

/* Ends its threads. No call may be using it. NULL is allowed. */
void descent_tbb_executor_destroy(descent_executor* executor);

#ifdef __cplusplus
}
#endif

#endif /* DESCENT_RUNTIME_DESCENT_H_ */
