/* Who runs the tiles of a kernel is the caller's choice: nobody else (NULL), the runtime library's
 * oneTBB threads, or any executor of the caller's own, here one of four lines over OpenMP. The same
 * training steps on each give the same bits. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "clothes.h"
#include "runtime/descent.h" /* descent_tbb_executor_create; needs libdescent_runtime */

enum { THREADS = 2, BATCH = CLOTHES_TRAIN_STEP_BATCH, PIXELS = 784 };

static _Alignas(CLOTHES_ALIGNMENT) unsigned char state[3][CLOTHES_STATE_BYTES];
static _Alignas(CLOTHES_ALIGNMENT) unsigned char scratch[CLOTHES_SCRATCH_BYTES(THREADS)];

/* Calls tile(arg, worker, first, last) until [0, tiles) is covered; no two calls at a time share a
 * worker. */
static void run_tiles(void* self, descent_tile_fn tile, void* arg, int64_t tiles) {
  (void)self;
#pragma omp parallel for schedule(dynamic) num_threads(THREADS)
  for (int64_t i = 0; i < tiles; ++i) tile(arg, omp_get_thread_num(), i, i + 1);
}

static float train(void* state, const descent_executor* executor) {
  static float image[BATCH][PIXELS], loss;
  static uint8_t label[BATCH];
  srand(1);
  clothes_initialize(state, scratch, 1, executor);
  for (int step = 0; step < 5; ++step) {
    for (int i = 0; i < BATCH; ++i) {
      for (int pixel = 0; pixel < PIXELS; ++pixel)
        image[i][pixel] = (float)rand() / (float)RAND_MAX;
      label[i] = (uint8_t)(rand() % 10);
    }
    clothes_train_step(state, scratch, &(clothes_train_step_inputs){*image, label},
                       &(clothes_train_step_outputs){&loss}, BATCH, executor);
  }
  return loss;
}

int main(void) {
  const descent_executor own = {.run = run_tiles, .self = NULL, .threads = THREADS};
  descent_executor* tbb = descent_tbb_executor_create(THREADS);
  if (tbb == NULL || !clothes_is_supported()) return 1;
  printf("serial  loss %.6f\n", train(state[0], NULL));
  printf("OpenMP  loss %.6f\n", train(state[1], &own));
  printf("oneTBB  loss %.6f\n", train(state[2], tbb));
  descent_tbb_executor_destroy(tbb);
  const int same = memcmp(state[0], state[1], sizeof state[0]) == 0 &&
                   memcmp(state[0], state[2], sizeof state[0]) == 0;
  puts(same ? "the three states are equal, bit for bit" : "the states differ");
  return !same;
}
