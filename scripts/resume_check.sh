#!/usr/bin/env bash
# Shows that a killed run resumes with the same bits: trains a small model
# (accumulation, mixup and EMA on) without interruption, then again killed with
# SIGKILL after its second mid-epoch checkpoint, at each of two places, and
# compares the SHA-256 of the final weights.
#
# Usage: scripts/resume_check.sh [FOLDER]   (default: a temporary one)
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
[ -n "${1:-}" ] || trap 'rm -rf "$work"' EXIT

(cd "$repo" && CGO_ENABLED=0 go build -o "$work/m2pt-train" ./cmd/m2pt-train)

cat >"$work/resume.toml" <<'TOML'
[data]
format = "generated"
samples = 640
val_samples = 64
image_size = 32
[tokenizer]
patch_size = 4
[model]
embed_dim = 64
depth = 3
num_heads = 4
drop_path = 0.2
[train]
epochs = 2
batch = 32
accumulate = 2
ema_decay = 0.9
clip_grad = 1.0
checkpoint_every = 3
keep = 3
log_every = 1
[augment]
crop = "shift"
mixup = 0.8
cutmix = 1.0
reprob = 0.25
TOML

hashes() { # of what a run ends with
  (cd "$1/checkpoints/step-00000040" && sha256sum model.safetensors ema.safetensors optimizer.safetensors)
}
train=("$work/m2pt-train" -config "$work/resume.toml" -json -out)

"${train[@]}" "$work/whole" >"$work/whole.json" 2>"$work/whole.log"
hashes "$work/whole" >"$work/whole.sha256"

fail=0
for kill_at in 6 24; do # the second mid-epoch checkpoint of epoch 1 and of epoch 2
  out="$work/killed-$kill_at"
  "${train[@]}" "$out" >/dev/null 2>"$out.log" &
  pid=$!
  while [ ! -d "$out/checkpoints/$(printf 'step-%08d' "$kill_at")" ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
  kill -9 $pid 2>/dev/null || { echo "the run ended before it could be killed"; exit 1; }
  wait $pid 2>/dev/null || true
  "${train[@]}" "$out" >"$out.json" 2>"$out.resumed.log"
  start=$(sed -n 's/.*"start_step":\([0-9]*\).*/\1/p' "$out.json")
  steps=$(grep -c '"kind":"train"' "$out/metrics.jsonl")
  hashes "$out" >"$out.sha256"
  if [ "$start" -gt 0 ] && [ "$steps" = 40 ] && cmp -s "$work/whole.sha256" "$out.sha256"; then
    echo "killed after step $kill_at: resumed at step $start, $((40 - start)) steps left, same bits"
  else
    echo "killed after step $kill_at: start step $start, $steps train records, weights:"
    diff "$work/whole.sha256" "$out.sha256" || true
    fail=1
  fi
done
awk '{print $1, $2}' "$work/whole.sha256"
exit $fail
