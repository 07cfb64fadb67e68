#!/usr/bin/env bash
# Our training step on the CPU beside PyTorch's: timm's VisionTransformer of the same
# structure, float32, with the same loss, AdamW and parameter groups. First a check that
# both do the same work: from the same weights, on the same pictures, they come to the
# same losses and the same updated weights, or the script fails. Then the times of
# alternating pairs (ours, theirs, theirs, ours, ...), and a table as its last lines.
#
# Usage: scripts/bench_vs_torch.sh [-p PAIRS] [-s STEPS] [-t THREADS] [-k KINDS] [-c] [-o] [MODEL]...
#   -p PAIRS    pairs of each model, default 5
#   -s STEPS    timed steps of each process, default 5; the process has their median
#   -t THREADS  of both sides, default 2
#   -k KINDS    of step, default training,pathway,inference: with a pathway, theirs adds
#               λW' to every weight in its forward pass, as the method's authors publish it
#   -c          theirs is compiled (torch.compile, which needs g++), not eager
#   -o          prints what each op of both sides takes, too
#   MODEL       a file of configs/bench without .toml, of pictures; default
#               vit_ti16_224 vit_b16_224 vit32_4
#
# Every side of every pair is a fresh process: no idle threads or memory of the other
# side are around, and each pair has its own placement of threads and pages. Starting,
# compiling and warming up are not timed. A step ends with the loss on the host; ours
# takes the norm of the gradient besides, and normalises the pictures, which theirs is
# given normalised. Theirs has PyTorch's fused AdamW. LD_PRELOAD and the like reach
# theirs only: ours is one static program.
#
# Needs Linux and Python with the packages of interop-requirements.txt:
# M2PT_INTEROP_PYTHON names it, else it is the one that scripts/interop.sh makes.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${M2PT_INTEROP_PYTHON:-${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-interop/bin/python}
options=()
while getopts p:s:t:k:co option; do
  case $option in
  p) options+=(--pairs "$OPTARG") ;;
  s) options+=(--steps "$OPTARG") ;;
  t) options+=(--threads "$OPTARG") ;;
  k) options+=(--kind "$OPTARG") ;;
  c) options+=(--compile) ;;
  o) options+=(--ops) ;;
  *) sed -n '/^# Usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- vit_ti16_224 vit_b16_224 vit32_4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/bin/" ./cmd/m2pt-train ./cmd/m2pt-export ./cmd/m2pt-bench

export PYTHONDONTWRITEBYTECODE=1 TORCHINDUCTOR_CACHE_DIR=$work/inductor
go version
"$python" scripts/bench_vs_torch.py versions
"$python" scripts/bench_vs_torch.py check "$work" "$@"
"$python" scripts/bench_vs_torch.py compare "$work" "$@" ${options[@]+"${options[@]}"}
