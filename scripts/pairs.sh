#!/usr/bin/env bash
# Every ordered pair of different modalities: trains the four small real
# experiments shortly, then configs/pair.toml with each of them as target and each
# other one as auxiliary, evaluates and exports the twelve models, and prints a line
# for each. A line is OK where m2pt-eval repeats the figures of training to the last
# digit, the lambda of every layer has moved, and m2pt-export -verify agrees. Fails
# where one line is not.
#
# Usage: M2PT_DATA=... [M2PT_EPOCHS=2] scripts/pairs.sh [FOLDER]
#   FOLDER keeps the runs (default: a temporary one). Called again with the same
#   FOLDER and epochs, it goes on where it was.
set -euo pipefail
: "${M2PT_DATA:?is not set: want the folder that holds image/cifar10, audio/fsdd, point/modelnet10, video/ut_interaction}"
M2PT_DATA=$(cd "$M2PT_DATA" && pwd)
export M2PT_DATA M2PT_TARGET M2PT_AUX
repo=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$(mktemp -d)}
[ -n "${1:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin"
work=$(cd "$work" && pwd)

(cd "$repo" && CGO_ENABLED=0 go build -o "$work/bin/" ./cmd/m2pt-train ./cmd/m2pt-eval ./cmd/m2pt-export)

experiments="cifar10 fsdd modelnet10 ut_interaction"
short=() short_aux=() # the same for both: an auxiliary run is taken only if its config is the one asked for
for entry in "train.epochs=${M2PT_EPOCHS:-2}" schedule.warmup_epochs=0 eval.every=1000000; do
  short+=(-set "$entry") short_aux+=(-set "aux.$entry")
done

# call NAME PROGRAM [OPTION]... leaves NAME.json and NAME.log.
call() { "$work/bin/$2" "${@:3}" -json >"$work/$1.json" 2>"$work/$1.log"; }

# run TARGET AUXILIARY trains, evaluates and exports.
run() {
  local name=$1_$2
  M2PT_TARGET=$1 M2PT_AUX=$2
  rm -f "$work/$name".{train,eval,export}.{json,log} # of an earlier call
  call "$name.train" m2pt-train -config "$repo/configs/pair.toml" -out "$work/$name" \
    "${short[@]}" "${short_aux[@]}" -set "aux.output=$work/$2" &&
    call "$name.eval" m2pt-eval -checkpoint "$work/$name" &&
    call "$name.export" m2pt-export -checkpoint "$work/$name" -out "$work/$name.safetensors" -verify
}

# number KEY NAME, with a format: the last number of that key. figures NAME: samples, loss and
# accuracies of the last evaluation there. moved NAME: the layers whose lambda is not 0.
number() { printf "${3:-%s}" "$(sed -n 's/.*"'"$1"'":\([-+0-9.e]*\).*/\1/p' "$work/$2.json")"; }
figures() { grep -o '"samples":[^{}]*"top5":[-+0-9.e]*' "$work/$1.json" | tail -n 1; }
moved() { grep -o '"lambda":[-+0-9.e]\+' "$work/$1.json" | grep -vxc '"lambda":0' || true; }

# verdict TARGET_AUXILIARY
verdict() {
  local layers
  layers=$(moved "$1.train")
  if [ -z "$(figures "$1.train")" ] || [ "$(figures "$1.train")" != "$(figures "$1.eval")" ]; then
    echo "evaluation differs"
  elif [ "$layers" = 0 ] || [ "$layers" != "$(number folded "$1.export")" ]; then
    echo "$layers lambdas moved"
  else
    echo OK
  fi
}

line() { printf '%-15s %-15s %6s %8s %8s %10s %12s %23s  %s\n' "$@"; }

line target auxiliary steps seconds trained evaluated 'max|lambda|' 'max|delta|/max|logit|' ''
for name in $experiments; do
  call "$name.train" m2pt-train -config "$repo/configs/$name.toml" -out "$work/$name" "${short[@]}" ||
    { tail -n 5 "$work/$name.train.log" >&2; exit 1; }
  line "$name" - "$(number steps "$name.train")" "$(number seconds "$name.train" %.1f)" "$(number top1 "$name.train" %.2f)" '' '' '' ''
done
failed=0
for target in $experiments; do
  for aux in $experiments; do
    [ "$target" != "$aux" ] || continue
    name=${target}_$aux
    if ! run "$target" "$aux"; then
      line "$target" "$aux" - - - - - - failed
      tail -qn 2 "$work/$name".{train,eval,export}.log >&2 2>/dev/null || true
      failed=1
      continue
    fi
    delta=$(awk -v d="$(number max_delta "$name.export")" -v l="$(number max_logit "$name.export")" 'BEGIN { printf "%.1e", d / l }')
    result=$(verdict "$name")
    [ "$result" = OK ] || failed=1
    line "$target" "$aux" "$(number steps "$name.train")" "$(number seconds "$name.train" %.1f)" \
      "$(number top1 "$name.train" %.2f)" "$(number top1 "$name.eval" %.2f)" \
      "$(number max_lambda "$name.export" %.6f)" "$delta" "$result"
  done
done
exit $failed
