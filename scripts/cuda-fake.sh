#!/usr/bin/env bash
# Tests the CUDA build without a GPU: builds a fake libcuda.so.1 and libcublasLt.so.12
# (cuda/gpu/fake), in which the emulated kernels run, and runs the tests of the packages
# under cuda with -tags m2ptcuda on them. Everything but the GPU is real: gorgonia.org/cu,
# the calls through C, capture, products by cuBLASLt's interface.
#
# Usage: scripts/cuda-fake.sh [go test flags and packages]   (default ./cuda/...)
#
# Needs g++ and what scripts/cuda-toolkit.sh needs. Exit status 3: CUDA's headers cannot be
# had. The libraries are kept in ${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-cuda-fake.
set -euo pipefail
cd "$(dirname "$0")/.."
toolkit=$(scripts/cuda-toolkit.sh)
eval "$toolkit"
fake=cuda/gpu/fake
key=$({ echo "$PWD" && cat "$0"; } | sha256sum | cut -c1-12)
out=${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-cuda-fake/$key
export FLAGS="-std=c++17 -O2 -g -fPIC -Wall -Wextra -Wno-unknown-pragmas -Wno-missing-field-initializers -I$M2PT_CUDA/include"

# compile makes object $1 of source $2, unless it is newer than all that it was made of.
compile() {
  local file fresh=$1
  [ -e "$1" ] && for file in $(sed 's/^[^:]*://; s/\\$//' "${1%.o}.d"); do [ "$1" -nt "$file" ] || fresh=; done || fresh=
  [ -n "$fresh" ] || g++ $FLAGS -MMD -MF "${1%.o}.d" -c -o "$1" "$2"
}
export -f compile

# objects compiles the sources named, as many at a time as there are processors, and
# prints what they became.
objects() {
  local source
  for source in "$@"; do printf '%s\0%s\0' "$out/${source//\//_}.o" "$source"; done |
    xargs -0 -n 2 -P "$(nproc)" bash -c 'compile "$@"' compile >&2 || return
  for source in "$@"; do echo "$out/${source//\//_}.o"; done
}

mkdir -p "$out"
exec {lock}>"$out/lock"
flock "$lock"
driver=$(objects "$fake"/{device,memory,module,stream}.cpp cuda/kernels/*.cpp cuda/kernels/emu/*.cpp)
products=$(objects "$fake/cublaslt.cpp")
# What the fake does not have answers 801, CUDA_ERROR_NOT_SUPPORTED.
sed 's/.*/__attribute__((weak)) int &(void) { return 801; }/' "$M2PT_CUDA/lib/symbols" | gcc -w -O2 -fPIC -c -o "$out/rest.o" -x c -
g++ -shared -Wl,-soname,libcuda.so.1 -o "$out/libcuda.so.1" $driver "$out/rest.o"
g++ -shared -Wl,-soname,libcublasLt.so.12 -o "$out/libcublasLt.so.12" $products -L"$out" -l:libcuda.so.1
flock -u "$lock"

[ $# -gt 0 ] || set -- ./cuda/...
LD_LIBRARY_PATH=$out exec go test -tags m2ptcuda "$@"
