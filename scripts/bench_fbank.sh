#!/usr/bin/env bash
# Filterbank speed: clips of 10 s per second on one core, ours and a plain numpy
# and scipy one, in turn. Needs Python 3; makes a virtual environment.
#
# Usage: scripts/bench_fbank.sh [ROUNDS]   (default 3)
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-tools/fbank-venv
[ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install numpy==2.2.6 scipy==1.15.3; }
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 GOMAXPROCS=1
for _ in $(seq "${1:-3}"); do
  "$venv/bin/python" scripts/bench_fbank.py
  go test -run xxx -bench LogMel -benchtime 2s ./tokenizers/spectrogram | grep Benchmark
done
