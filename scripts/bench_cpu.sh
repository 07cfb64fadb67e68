#!/usr/bin/env bash
# Writes docs/benchmarks/cpu.md anew: what the training step takes on this machine's CPU,
# beside what the machine can do at most. Everything in it comes from this one run; its
# prose is in bench_cpu.py.
#
# Usage: scripts/bench_cpu.sh [-r ROUNDS] [-o OUT]
#   -r ROUNDS   of a step and its other side, default 21; products are timed for three
#               times 7 ms a round
#   -o OUT      default docs/benchmarks/cpu.md
#
# Takes some ten minutes on two idle cores, and wants them idle: the peaks are the best of
# the run, the rest are medians. Needs Linux and Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=21 out=docs/benchmarks/cpu.md
while getopts r:o: option; do
  case $option in
  r) rounds=$OPTARG ;;
  o) out=$OPTARG ;;
  *) sed -n '/^# Usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/m2pt-bench" ./cmd/m2pt-bench
CGO_ENABLED=0 go test -c -o "$work/kernel.test" ./cpu/kernel
PYTHONDONTWRITEBYTECODE=1 python3 scripts/bench_cpu.py "$work" "$rounds" "$out"
