#!/usr/bin/env bash
# Loading weights: a ViT-B of 346 MB as .pth (zip) and as .safetensors, read by
# PyTorch's and safetensors' own readers and by ours, in turn, each in a fresh
# process. Prints tables of medians, least and most: time, time of processors, peak
# memory.
#
# Timed is from the file's name to the sum of every tensor as float32 numbers in
# memory, inside the process: not its start, not imports. The time of our processors
# and both memories are of whole processes; a mapped file counts as far as it was
# touched. Files are in the page cache.
#
# Usage: scripts/bench_load.sh [PAIRS]   (default 9)
#
# Needs Linux and Python with the torch and safetensors of interop-requirements.txt:
# M2PT_INTEROP_PYTHON names it, else it is the one that scripts/interop.sh makes.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${M2PT_INTEROP_PYTHON:-${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-interop/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=passive # PyTorch's threads wait busily

"$python" scripts/bench_load.py make "$work"
CGO_ENABLED=0 go test -c -o "$work/checkpoint.test" ./checkpoint
go version
"$python" scripts/bench_load.py compare "$work" "$work/checkpoint.test" "${1:-9}"
