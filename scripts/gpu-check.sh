#!/usr/bin/env bash
# Checks and measures the CUDA device on a machine with an NVIDIA GPU. That machine needs
# the driver, cuBLASLt and, for the bench stages, PyTorch; no Go, and of this repository
# configs/, scripts/ and build/gpu-check alone.
#
# Usage: scripts/gpu-check.sh build          here, with Go: makes build/gpu-check, one
#                                            stripped program with all stages
#        scripts/gpu-check.sh STAGE [OUT]    there: writes OUT/STAGE.txt, default OUT build/gpu
#        scripts/gpu-check.sh report [OUT]   writes docs/benchmarks/gpu-NAME.md of the results
#
# STAGE:
#   ops         every kernel against its reference in float64, in float32 and bf16
#   parity      what was recorded of the published code (M2PT_FIXTURES names the folder)
#   train       50 steps of small models, losses beside the CPU device's
#   replay      two runs, and one without replayed graphs, end in the same bits
#   memory      steps after the second allocate nothing, and all is freed
#   sanitizer   the kernels on small shapes under compute-sanitizer, where that is installed
#   bench-b16   ViT-B/16, batch 256: ours, PyTorch eager, with a pathway and compiled, ours again
#   bench-b16-autotune   PyTorch compiled with max-autotune, and ours
#   bench-s16, bench-ti16, bench-audio, bench-video
#               ViT-S/16, ViT-Ti/16, spectrograms of 512 tokens, clips of 1,568, like bench-b16
#   bench-rest  these four in one stage, as far as its time goes
#
# Relative paths, OUT's too, are relative to the repository. Every stage ends within eight
# minutes. Its last line says "passed", "FAILED", and it exits with 1, or "skipped: why". What
# a bench stage cannot measure is noted, does not end the rest, and fails the stage at its end.
set -uo pipefail
cd "$(dirname "$0")/.."
program=$PWD/build/gpu-check
python=${PYTHON:-python3}

build() {
  local env
  env=$(scripts/cuda-toolkit.sh) || return
  eval "$env"
  mkdir -p build && go test -c -tags m2ptcuda -ldflags='-s -w' -o "$program" ./cuda
}

# within runs a command for at most that many seconds, and to the end of the stage.
within() {
  local seconds=$1 left=$((end - SECONDS))
  shift
  [ "$left" -gt 0 ] || return 124
  timeout -k 5 $((seconds < left ? seconds : left)) "$@"
}

# check runs tests of the program.
check() { within 460 "$program" -test.v -test.run "^($1)\$"; }

sanitizer() {
  command -v compute-sanitizer >/dev/null || { echo "skipped: compute-sanitizer is not installed"; return; }
  within 460 compute-sanitizer --error-exitcode 1 "$program" -test.run '^TestOps$/bf16/(layer_norm|attention|linear|adamw)'
}

# bench MODEL BATCH measures ours, theirs eager, with a pathway and compiled, and ours again.
bench() {
  ours "$1"
  theirs 55 "$1" "$2"
  theirs 55 "$1" "$2" --pathway
  theirs 180 "$1" "$2" --compile default
  ours "$1"
}

autotune() {
  theirs 360 "$1" "$2" --compile max-autotune
  ours "$1"
}

ours() {
  measure 80 env M2PT_BENCH="configs/bench/gpu_$1.toml" M2PT_BENCH_OUT="$figures" "$program" -test.v -test.run '^TestBench$'
}

# theirs SECONDS ARGUMENT...
theirs() { measure "$1" "$python" scripts/bench_gpu.py steps "${@:2}" >>"$figures"; }

# measure notes a measurement that fails within its seconds, and goes on.
measure() {
  local status
  within "$@" && return
  status=$?
  failed=1
  echo "not measured: ${*:2}: status $status" >&2
}

stage() {
  local name
  case $1 in
  ops) check 'TestOps|TestIndexOutside' ;;
  parity) check TestParity ;;
  train) check 'TestTrain|TestFused|TestFrozen' ;;
  replay) check TestReplay ;;
  memory) check TestMemory ;;
  sanitizer) sanitizer ;;
  bench-b16) bench vit_b16 256 ;;
  bench-b16-autotune) autotune vit_b16 256 ;;
  bench-s16) bench vit_s16 512 ;;
  bench-ti16) bench vit_ti16 1024 ;;
  bench-audio) bench audio_b16 96 ;;
  bench-video) bench video_b16 24 ;;
  bench-rest) for name in s16 ti16 audio video; do stage "bench-$name"; done ;;
  *) echo "there is no stage $1"; return 2 ;;
  esac
}

# carry_out runs a stage.
carry_out() {
  failed=0
  echo "gpu: $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)"
  nvidia-smi --query-gpu=driver_version,memory.total --format=csv,noheader
  stage "$1" && return $failed
}

# verdict STATUS is the last line of a stage.
verdict() {
  local why
  why=$(grep -o -m 1 'skipped: .*' "$text")
  if [ "$1" != 0 ]; then
    echo "FAILED with status $1 after $SECONDS s"
  elif [ -n "$why" ]; then
    echo "$why"
  else
    echo "passed in $SECONDS s"
  fi
}

# report joins what the stages wrote.
report() {
  local name
  name=$(sed -n 's/^gpu: //p' "$out"/*.txt | head -n 1)
  [ -n "$name" ] || { echo "no results in $out" >&2; return 1; }
  mkdir -p docs/benchmarks
  {
    printf '# CUDA device on %s\n\nWritten by `scripts/gpu-check.sh report`.\n\n| stage | result |\n|---|---|\n' "$name"
    for f in "$out"/*.txt; do printf '| %s | %s |\n' "$(basename "$f" .txt)" "$(tail -n 1 "$f")"; done
    printf '\n## Speed\n\nA training step in bf16, on a batch that lies on the device, to the end of its update: median of 50.\n\n'
    "$python" scripts/bench_gpu.py table "$out"/*.jsonl
  } >"docs/benchmarks/gpu-$(tr 'A-Z ' 'a-z-' <<<"$name").md"
}

[ $# -gt 0 ] || { sed -n '/^# Usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
if [ "$1" = build ]; then build; exit; fi
out=${2:-build/gpu}
mkdir -p "$out"
if [ "$1" = report ]; then report; exit; fi
figures=$out/$1.jsonl
text=$out/$1.txt
end=$((SECONDS + 465))
rm -f "$figures"
carry_out "$1" 2>&1 | tee "$text"
status=${PIPESTATUS[0]}
verdict "$status" | tee -a "$text"
exit $((status > 0))
