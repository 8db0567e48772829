/* The lecture's worked sample on the compiled no-bias network: one row, one step of gradient
 * descent with rate 0.5. Exit status 0 if every value is the one computed by hand. Built by two
 * consumers: linked with the model alone, and with DESCENT_CONSUMER_THREADS also with the runtime's
 * executor. */
#include <math.h>
#include <stdalign.h>
#include <stdio.h>

#include "no_bias.h"
#ifdef DESCENT_CONSUMER_THREADS
#include "runtime/descent.h"
#define THREADS DESCENT_CONSUMER_THREADS
#else
#define THREADS 1
#endif

static alignas(DESCENT_ALIGNMENT) unsigned char state[NO_BIAS_STATE_BYTES];
static alignas(DESCENT_ALIGNMENT) unsigned char scratch[NO_BIAS_SCRATCH_BYTES(THREADS)];

static int failures = 0;

static void expect(const char* what, double value, double expected) {
  const int good = fabs(value - expected) <= 2e-6;
  printf("%-28s %10.6f, by hand %10.6f%s\n", what, value, expected, good ? "" : "  WRONG");
  failures += !good;
}

static void expect_zero(const char* what, long status) {
  if (status == 0) return;
  printf("%s: status %ld\n", what, status);
  ++failures;
}

static void work_through(const descent_executor* executor) {
  /* Row-major [input, neuron]. */
  const float w1[2][3] = {{.1f, -.2f, .3f}, {.4f, .5f, -.6f}}, w2[3] = {.7f, -.8f, .9f};
  const float x[2] = {1, 2}, y[1] = {1};
  float loss = 0, yhat = 0, w1_after[2][3];
  const no_bias_train_step_inputs row = {.x = x, .y = y};
  const no_bias_train_step_outputs result = {.loss = &loss};
  const no_bias_predict_inputs question = {.x = x};
  const no_bias_predict_outputs answer = {.yhat = &yhat};

  expect_zero("initialize", no_bias_initialize(state, scratch, 1, executor));
  expect_zero("set W1", no_bias_set(state, "W1", w1, sizeof w1));
  expect_zero("set W2", no_bias_set(state, "W2", w2, sizeof w2));
  expect_zero("set rate", no_bias_set_learning_rate(state, 0.5));

  expect_zero("predict", no_bias_predict(state, scratch, &question, &answer, 1, executor));
  expect("prediction", yhat, .551277);
  expect_zero("train_step", no_bias_train_step(state, scratch, &row, &result, 1, executor));
  expect("loss", loss, .595518);
  expect_zero("get W1", no_bias_get(state, "W1", w1_after, sizeof w1_after));
  expect("W1_12 after the step", w1_after[0][1], -.238395);
  expect_zero("train_step", no_bias_train_step(state, scratch, &row, &result, 1, executor));
  expect("loss after the step", loss, .458218);
  failures += no_bias_set(state, "W3", w1, sizeof w1) != DESCENT_ERROR_NAME;
}

int main(void) {
  if (!no_bias_is_supported()) {
    printf("this CPU lacks %s\n", no_bias_program.cpu_needs);
    return 1;
  }
#ifdef DESCENT_CONSUMER_THREADS
  descent_executor* executor = descent_tbb_executor_create(THREADS);
  if (executor == NULL) return 1;
  work_through(executor);
  descent_tbb_executor_destroy(executor);
#else
  work_through(NULL);
#endif
  return failures != 0;
}
