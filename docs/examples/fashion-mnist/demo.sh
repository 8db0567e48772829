#!/usr/bin/env bash
# demo.sh [FOLDER]: compiles the model beside this file, trains it with the executable that comes out, and draws what it
# learned into FOLDER (default ./demo). Needs `descent` in PATH and Debian's package dataset-fashion-mnist.
set -euo pipefail

example=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-demo}"
cd "${1:-demo}"
here=$(pwd)

# step COMMAND...: shows the command, then runs it.
step() {
  printf '\n$ %s\n' "${*//$example/.}"
  "$@"
}

step descent compile "$example/model.descent" -o trainer
step ./trainer train --data fashion-mnist --epochs 12 --early-stopping 3 --validation-split 0.1 --seed 1 \
  --checkpoint fashion-mnist.safetensors --log log.jsonl
step ./trainer evaluate --data fashion-mnist --checkpoint fashion-mnist.safetensors | tee evaluation.txt
step descent plot --curves log.jsonl --series loss --series validation.loss --series validation.accuracy -o curves.svg
step descent plot "$example/model.descent" --predictions 32 --data fashion-mnist --checkpoint fashion-mnist.safetensors -o predictions.svg
step descent plot "$example/model.descent" --confusion --data fashion-mnist --checkpoint fashion-mnist.safetensors -o confusion.svg

cat <<END

$(grep '^accuracy' evaluation.txt) on the 10,000 test images, which training never saw

Pictures:
  $here/predictions.svg
  $here/confusion.svg
  $here/curves.svg

Try next:
  $(command -v descent) inspect $example/model.descent
  $(command -v descent) inspect --stage kernels $example/model.descent
  $here/trainer info
END
