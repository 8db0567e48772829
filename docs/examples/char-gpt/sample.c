/* sample SEED COUNT TEXT: writes TEXT and COUNT characters more, each drawn from what the network
 * expects to follow. Links gpt.o, which has the parameters in it, libc and libm, nothing else. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpt.h" /* made by `descent compile --emit header`, as gpt.o by --emit obj */

enum { STEPS = 64, CHARACTERS = 128 };
static const double temperature = 0.5; /* below 1: likely characters are preferred */

static _Alignas(GPT_ALIGNMENT) unsigned char state[GPT_STATE_BYTES];
static _Alignas(GPT_ALIGNMENT) unsigned char scratch[GPT_PREDICT_SCRATCH_BYTES(1)];
static int64_t window[STEPS]; /* the last characters that were written, `known` of them */
static int known;

static void append(int character) {
  if (known == STEPS) { /* a full window goes on with its second half */
    known = STEPS / 2;
    memmove(window, window + STEPS / 2, known * sizeof *window);
  }
  window[known++] = character;
  putchar(character);
}

/* One of the characters by its probability, the softmax of the logits. */
static int draw(const float* logits) {
  double weights[CHARACTERS], sum = 0;
  for (int c = 0; c < CHARACTERS; ++c) sum += weights[c] = exp(logits[c] / temperature);
  double place = sum * rand() / (RAND_MAX + 1.0);
  int c = 0;
  while (c < CHARACTERS - 1 && (place -= weights[c]) >= 0) ++c;
  return c;
}

int main(int argc, char** argv) {
  if (argc != 4 || argv[3][0] == '\0') return 2;
  if (!gpt_is_supported() || gpt_load_weights(state) != DESCENT_OK) return 1;
  srand((unsigned)atoi(argv[1]));
  for (const char* c = argv[3]; *c != '\0'; ++c) append(*c & (CHARACTERS - 1));
  for (int left = atoi(argv[2]); left > 0; --left) {
    static float logits[STEPS][CHARACTERS]; /* at each step, what follows it */
    const gpt_predict_inputs inputs = {.tokens = window};
    const gpt_predict_outputs outputs = {.logits = *logits};
    if (gpt_predict(state, scratch, &inputs, &outputs, 1, NULL) != 0) return 1;
    append(draw(logits[known - 1]));
  }
  putchar('\n');
  return 0;
}
