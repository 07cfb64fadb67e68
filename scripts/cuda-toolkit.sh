#!/usr/bin/env bash
# Makes available what building with -tags m2ptcuda needs where no CUDA toolkit is
# installed: cuda.h, NVRTC and ptxas from NVIDIA's Python wheels (47 MB, pinned by hash in
# cuda-requirements.txt), and a libcuda.so to link against, made from the header: it
# answers every call with an error, and a GPU's driver takes its place at run time.
#
# Usage: eval "$(scripts/cuda-toolkit.sh [-v 12|13] [DIR])"
#   -v 13   the headers of CUDA 13 and no compiler, instead of CUDA 12.2
#   DIR     default ${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-cuda-VERSION
#
# Prints the environment for go build: CGO_CFLAGS, CGO_LDFLAGS, and M2PT_CUDA, the
# folder, which holds include/, lib/ and bin/. What is there already is kept. Needs gcc
# and Python with pip; x86-64 Linux. Exit status 3: the wheels cannot be had.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
version=12
while getopts v: option; do
  case $option:${OPTARG:-} in
  v:12 | v:13) version=$OPTARG ;;
  *) sed -n '/^# Usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
done
shift $((OPTIND - 1))
requirements=$root/scripts/cuda-requirements.txt
[ "$version" = 12 ] || requirements=$root/scripts/cuda-requirements-$version.txt
release=$(sed -n 's/^nvidia-cuda-runtime[^=]*==\([0-9]*\.[0-9]*\).*/\1/p' "$requirements")
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-cuda-$release}
shim=$root/cuda/gpu/shim

# fetch unpacks the wheels and moves what is needed into folder $1.
fetch() {
  local wheel
  python3 -m pip --disable-pip-version-check -q download --no-deps --require-hashes --only-binary=:all: \
    --platform manylinux1_x86_64 --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 \
    -d "$1/wheels" -r "$requirements" >&2 || { echo "cuda-toolkit: the wheels of $requirements cannot be had" >&2; return 3; }
  for wheel in "$1"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$1/unpacked"; done
  mkdir "$1/lib" "$1/bin"
  cp -r "$1"/unpacked/nvidia/*/include "$1/"
  find "$1/unpacked" -name 'libnvrtc*.so*' -exec mv -t "$1/lib" {} +
  find "$1/unpacked" -name ptxas -exec mv {} "$1/bin/ptxas" \; -exec chmod +x "$1/bin/ptxas" \;
  rm -r "$1/wheels" "$1/unpacked"
}

# stub makes lib/libcuda.so of folder $1 with every function of the header in its
# versions, and those that the shim asks for by name. 801 is CUDA_ERROR_NOT_SUPPORTED.
stub() {
  gcc -E -I"$shim" -I"$1/include" - <<<'#include <cuda.h>' |
    grep -oE '\bcu[A-Z][A-Za-z0-9_]* *\(|__asm__\("cu[A-Za-z0-9_]+' | grep -oE 'cu[A-Z][A-Za-z0-9_]*' | sort -u >"$1/lib/symbols"
  sed 's/.*/int &(void) { return 801; }/' "$1/lib/symbols" |
    gcc -w -fno-builtin -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$1/lib/libcuda.so" -x c -
}

if [ ! -e "$dir/lib/libcuda.so" ]; then
  mkdir -p "$(dirname "$dir")"
  work=$(mktemp -d "$dir.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  fetch "$work"
  stub "$work"
  chmod 755 "$work"
  rm -rf "$dir" && mv "$work" "$dir"
fi

echo "export M2PT_CUDA='$dir'"
echo "export CGO_CFLAGS='-O2 -g -I$shim -I$dir/include'"
echo "export CGO_LDFLAGS='-O2 -g -L$dir/lib'"
