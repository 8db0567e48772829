/* Two compiled models in one program: a single neuron and a network with a hidden layer learn from
 * the same points. Every symbol of a model begins with the name it was compiled under, so any
 * number of models can be linked. */
#include <stdio.h>
#include <stdlib.h>

#include "curve.h"
#include "line.h"

enum { POINTS = LINE_PREDICT_BATCH, BATCH = LINE_TRAIN_STEP_BATCH };
_Static_assert(POINTS == CURVE_PREDICT_BATCH && BATCH == CURVE_TRAIN_STEP_BATCH,
               "the same rows for both");

/* Each model has a state of its own. They run one after the other, so one scratch serves both. */
static _Alignas(DESCENT_ALIGNMENT) unsigned char line_state[LINE_STATE_BYTES];
static _Alignas(DESCENT_ALIGNMENT) unsigned char curve_state[CURVE_STATE_BYTES];
enum { SCRATCH = LINE_SCRATCH_BYTES(1) + CURVE_SCRATCH_BYTES(1) };
static _Alignas(DESCENT_ALIGNMENT) unsigned char scratch[SCRATCH];

/* Points of the plane; label 1: closer than 4 to the middle, half of them. */
static void make_points(float (*x)[2], float* y, int count) {
  for (int i = 0; i < count; ++i) {
    for (int axis = 0; axis < 2; ++axis) x[i][axis] = 10.0f * (float)rand() / (float)RAND_MAX - 5;
    y[i] = x[i][0] * x[i][0] + x[i][1] * x[i][1] < 16;
  }
}

static double accuracy(const float* yhat, const float* y) {
  int right = 0;
  for (int i = 0; i < POINTS; ++i) right += (yhat[i] > 0.5f) == (y[i] > 0.5f);
  return (double)right / POINTS;
}

int main(void) {
  static float x[POINTS][2], y[POINTS], line_yhat[POINTS], curve_yhat[POINTS], loss;
  if (!line_is_supported() || !curve_is_supported()) return 1;
  line_initialize(line_state, scratch, 1, NULL);
  curve_initialize(curve_state, scratch, 1, NULL);

  for (int step = 0; step < 20000; ++step) {
    make_points(x, y, BATCH);
    line_train_step(line_state, scratch, &(line_train_step_inputs){*x, y},
                    &(line_train_step_outputs){&loss}, BATCH, NULL);
    curve_train_step(curve_state, scratch, &(curve_train_step_inputs){*x, y},
                     &(curve_train_step_outputs){&loss}, BATCH, NULL);
  }

  make_points(x, y, POINTS);
  line_predict(line_state, scratch, &(line_predict_inputs){*x}, &(line_predict_outputs){line_yhat},
               POINTS, NULL);
  curve_predict(curve_state, scratch, &(curve_predict_inputs){*x},
                &(curve_predict_outputs){curve_yhat}, POINTS, NULL);
  printf("accuracy on %d new points\n  one neuron   %.3f\n  hidden layer %.3f\n", POINTS,
         accuracy(line_yhat, y), accuracy(curve_yhat, y));
  return 0;
}
