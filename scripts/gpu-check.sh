#!/usr/bin/env bash
# Checks and measures the CUDA device on a machine with an NVIDIA GPU. That machine needs
# the driver, cuBLASLt and, for the bench stages, PyTorch; no Go, and of this repository
# configs/ and scripts/ alone.
#
# Usage: scripts/gpu-check.sh build          here, with Go: makes build/gpu-check, one
#                                            stripped program with all stages
#        scripts/gpu-check.sh STAGE [OUT]    there: writes OUT/STAGE.txt, default OUT build/gpu
#        scripts/gpu-check.sh report [OUT]   writes docs/benchmarks/gpu-NAME.md of the results
#
# STAGE:
#   ops         every kernel against its reference in float64, in float32 and bf16
#   parity      what was recorded of the published code (M2PT_FIXTURES names the folder)
#   train       50 steps of a small model, losses beside the CPU device's
#   replay      two runs, and one without replayed graphs, end in the same bits
#   memory      steps after the second allocate nothing, and all is freed
#   sanitizer   the kernels on small shapes under compute-sanitizer, where that is installed
#   bench-b16   ViT-B/16, batch 256: ours, PyTorch eager, torch.compile, max-autotune
#   bench-rest  ViT-S/16, ViT-Ti/16, spectrograms of 512 tokens, clips of 1,568
#
# Every stage takes less than eight minutes, says on its last line whether it passed, and
# exits with 1 where it did not.
set -uo pipefail
cd "$(dirname "$0")/.."
program=$PWD/build/gpu-check
python=${PYTHON:-python3}

build() {
  eval "$(scripts/cuda-toolkit.sh)" || return
  mkdir -p build && go test -c -tags m2ptcuda -ldflags='-s -w' -o "$program" ./cuda
}

# check runs one of the program's tests.
check() { (cd cuda && timeout 460 "$program" -test.v -test.run "^$1\$"); }

sanitizer() {
  command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not installed: skipped"; return; }
  (cd cuda && timeout 460 compute-sanitizer --error-exitcode 1 "$program" -test.run '^TestOps$/bf16/(layer_norm|attention|linear|adamw)')
}

# bench MODEL BATCH [MODE]... measures ours, then theirs eager, with a pathway and compiled,
# then ours again.
bench() {
  local model=$1 batch=$2 mode
  shift 2
  ours "$model" && theirs "$model" "$batch" && theirs "$model" "$batch" --pathway || return
  for mode in "$@"; do theirs "$model" "$batch" --compile "$mode" || return; done
  ours "$model"
}

ours() { (cd cuda && M2PT_BENCH=../configs/bench/gpu_$1.toml M2PT_BENCH_OUT=$figures timeout 200 "$program" -test.run '^TestBench$'); }
theirs() { timeout 300 "$python" scripts/bench_gpu.py steps "$@" >>"$figures"; }

stage() {
  case $1 in
  ops) check TestOps ;;
  parity) check TestParity ;;
  train) check TestTrain ;;
  replay) check TestReplay ;;
  memory) check TestMemory ;;
  sanitizer) sanitizer ;;
  bench-b16) bench vit_b16 256 default max-autotune ;;
  bench-rest) bench vit_s16 512 default && bench vit_ti16 1024 default && bench audio_b16 96 default && bench video_b16 24 default ;;
  *) return 2 ;;
  esac
}

# report joins what the stages wrote.
report() {
  local name
  name=$(sed -n 's/^gpu: //p' "$out"/*.txt | head -n 1)
  [ -n "$name" ] || { echo "no results in $out" >&2; return 1; }
  {
    printf '# CUDA device on %s\n\nWritten by `scripts/gpu-check.sh report`.\n\n| stage | result |\n|---|---|\n' "$name"
    for f in "$out"/*.txt; do printf '| %s | %s |\n' "$(basename "$f" .txt)" "$(tail -n 1 "$f")"; done
    printf '\n## Speed\n\nA training step in bf16; a window of steps, median of the windows.\n\n'
    "$python" scripts/bench_gpu.py table "$out"/*.jsonl
  } >"docs/benchmarks/gpu-$(tr 'A-Z ' 'a-z-' <<<"$name").md"
}

[ $# -gt 0 ] || { sed -n '/^# Usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
if [ "$1" = build ]; then build; exit; fi
out=$PWD/${2:-build/gpu}
mkdir -p "$out"
if [ "$1" = report ]; then report; exit; fi
figures=$out/$1.jsonl
rm -f "$figures"
{
  echo "gpu: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)"
  nvidia-smi --query-gpu=driver_version,memory.total --format=csv,noheader
  start=$SECONDS
  stage "$1"
  status=$?
  [ $status = 0 ] && echo "passed in $((SECONDS - start)) s" || echo "FAILED with status $status after $((SECONDS - start)) s"
  exit $status
} 2>&1 | tee "$out/$1.txt"
exit "${PIPESTATUS[0]}"
