/* Trains a compiled network on points it makes up, draws what the network says about the plane, and
 * saves it. Links circle.o and libc, nothing else. */
#include <stdio.h>
#include <stdlib.h>

#include "circle.h" /* made by `descent compile --emit header`, as circle.o by --emit obj */

/* All memory is ours: the state is what the network is, scratch is what a call works in. */
static _Alignas(CIRCLE_ALIGNMENT) unsigned char state[CIRCLE_STATE_BYTES];
static _Alignas(CIRCLE_ALIGNMENT) unsigned char scratch[CIRCLE_SCRATCH_BYTES(1)];

static float coordinate(void) { return 10.0f * (float)rand() / (float)RAND_MAX - 5; }

int main(void) {
  float x[CIRCLE_TRAIN_STEP_BATCH][2], y[CIRCLE_TRAIN_STEP_BATCH], loss;
  const circle_train_step_inputs batch = {.x = *x, .y = y};
  const circle_train_step_outputs learned = {.loss = &loss};
  if (!circle_is_supported() || circle_initialize(state, scratch, 1, NULL) != 0) return 1;

  for (int step = 1; step <= 20000; ++step) { /* label 1: closer than 3 to the middle */
    for (int i = 0; i < CIRCLE_TRAIN_STEP_BATCH; ++i) {
      x[i][0] = coordinate(), x[i][1] = coordinate();
      y[i] = x[i][0] * x[i][0] + x[i][1] * x[i][1] < 9;
    }
    if (circle_train_step(state, scratch, &batch, &learned, CIRCLE_TRAIN_STEP_BATCH, NULL) != 0)
      return 1;
    if (step == 1 || step % 5000 == 0) printf("step %5d  loss %.3f\n", step, loss);
  }

  for (float up = 5; up >= -5; --up) { /* what does it say about the plane? One point a call. */
    for (float right = -5; right <= 5; right += 0.5f) {
      float point[] = {right, up}, yhat;
      circle_predict(state, scratch, &(circle_predict_inputs){point},
                     &(circle_predict_outputs){&yhat}, 1, NULL);
      putchar(yhat > 0.5f ? '#' : '.');
    }
    putchar('\n');
  }

  static unsigned char file[4096]; /* safetensors, as Python and `descent plot` read it */
  const int64_t bytes = circle_save(state, file, sizeof file);
  FILE* out = fopen("circle.safetensors", "wb");
  return out == NULL || fwrite(file, 1, (size_t)bytes, out) != (size_t)bytes || fclose(out) != 0;
}
