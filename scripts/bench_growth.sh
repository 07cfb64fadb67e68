#!/usr/bin/env bash
# How the training step grows: its time and memory against batch, tokens, depth and width,
# one at a time from the small model of configs/bench/growth.toml. Writes tables with time
# per operation, the exponent of time against operations, and what grows faster than
# operations explain, and beside them a figure (OUT with .svg in place of .md).
#
# Usage: scripts/bench_growth.sh [-r ROUNDS] [-t THREADS] [-o OUT]
#   -r ROUNDS   of all points, one after another, default 3
#   -t THREADS  default 2
#   -o OUT      default docs/benchmarks/growth.md
#
# Each point of each round is a process of its own, so that memory is its own and a slow
# minute of the machine falls on neighbours alike. Three rounds take some five minutes on
# two cores. Needs Linux and Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=3 threads=2 out=docs/benchmarks/growth.md
while getopts r:t:o: option; do
  case $option in
  r) rounds=$OPTARG ;;
  t) threads=$OPTARG ;;
  o) out=$OPTARG ;;
  *) sed -n '/^# Usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/m2pt-bench" ./cmd/m2pt-bench
PYTHONDONTWRITEBYTECODE=1 python3 scripts/bench_growth.py "$work/m2pt-bench" "$rounds" "$threads" "$out"
