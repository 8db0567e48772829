#!/usr/bin/env bash
# demo.sh [FOLDER]: compiles the model beside this file, trains it with the executable that comes out, and draws what it
# learned into FOLDER (default ./demo). Needs `descent` in PATH and Debian's package dataset-fashion-mnist.
set -euo pipefail

from=$(pwd)
example=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-demo}"
cd "${1:-demo}"
here=$(pwd)

# step COMMAND...: shows the command, then runs it.
step() {
  printf '\n> %s\n' "${*//$example/.}"
  "$@"
}

# The learning rate falls along half a cosine over the 421 steps of each of the five epochs.
step descent compile "$example/model.descent" --set schedule=cosine --set schedule.steps=2105 -o trainer
step ./trainer train --data fashion-mnist --epochs 5 --early-stopping 3 --validation-split 0.1 --seed 1 \
  --checkpoint fashion-mnist.safetensors --log log.jsonl
step ./trainer evaluate --data fashion-mnist --checkpoint fashion-mnist.safetensors | tee evaluation.txt
step descent plot --curves log.jsonl --series loss --series validation.loss --series validation.accuracy -o curves.svg
step descent plot "$example/model.descent" --predictions 32 --data fashion-mnist --checkpoint fashion-mnist.safetensors -o predictions.svg
step descent plot "$example/model.descent" --confusion --data fashion-mnist --checkpoint fashion-mnist.safetensors -o confusion.svg


# short PATH: as seen from where the demo was started.
short() { printf '%s' "${1#"$from"/}"; }

descent=$(short "$(command -v descent)") model=$(short "$example/model.descent") demo=$(short "$here")
cat <<END

$(grep '^accuracy' evaluation.txt) on the 10,000 test images, which training never saw

Pictures:
  $demo/predictions.svg
  $demo/confusion.svg
  $demo/curves.svg

Try next:
  $descent inspect $model
  $descent inspect --stage kernels $model
  $demo/trainer info
END
