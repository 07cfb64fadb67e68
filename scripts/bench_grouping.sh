#!/usr/bin/env bash
# Grouping speed: clouds per second on one core (points/groups/group size, and
# farthest-point sampling alone), ours and a plain numpy one, in turn. Needs
# Python 3; makes a virtual environment.
#
# Usage: scripts/bench_grouping.sh [ROUNDS]   (default 3)
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-tools/grouping-venv
[ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" -q install numpy==2.2.6; }
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 GOMAXPROCS=1
for _ in $(seq "${1:-3}"); do
  "$venv/bin/python" scripts/bench_grouping.py
  go test -run xxx -bench . -benchtime 2s ./tokenizers/grouping | grep Benchmark
done
