#!/usr/bin/env bash
# consumers_test.sh SOURCE BUILD: installs BUILD, moves what was installed elsewhere, and builds and runs users' projects
# against it: CMake, pkg-config with a C compiler, Python's ctypes. None of them sees the source tree or the build.
set -euo pipefail

source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

say() { printf '\n== %s\n' "$*"; }

say 'install, then move'
cmake --install "$build" --prefix "$work/stage" >"$work/install.log"
mv "$work/stage" "$prefix"
if grep -rIlF -e "$work/stage" -e "$source" -e "$build" "$prefix"; then
  echo 'these installed files name the folder they were built in or installed to' >&2
  exit 1
fi
export PATH=$prefix/bin:$PATH

# Users' projects are copies, each with its model.
mkdir "$work/projects"
cp -r "$source/tests/consumers/." "$work/projects"
for consumer in cmake pkg_config ctypes; do
  mkdir -p "$work/projects/$consumer"
  cp "$source/docs/examples/orange-blue/no-bias.descent" "$work/projects/$consumer"
done
cp "$source/docs/examples/embedding/worked_sample.py" "$work/projects/ctypes"

say CMake
cd "$work/projects/cmake"
cmake -S . -B build -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release
cmake --build build
ctest --test-dir build --output-on-failure --no-tests=error

say pkg-config
cd "$work/projects/pkg_config"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
descent compile no-bias.descent --batch 1 --name no_bias --emit obj -o no_bias.o
descent compile no-bias.descent --batch 1 --name no_bias --emit header -o no_bias.h
cc -std=c11 -O2 -DDESCENT_CONSUMER_THREADS=2 -I. $(pkg-config --cflags descent-runtime) ../worked_sample.c no_bias.o \
  $(pkg-config --libs descent-runtime) -lm -o worked_sample
./worked_sample

say ctypes
cd "$work/projects/ctypes"
descent compile no-bias.descent --batch 1 --name no_bias --emit shared -o libno_bias.so
python3 worked_sample.py ./libno_bias.so
