#!/usr/bin/env bash
# Weights travel: between these programs and PyTorch, timm, safetensors and
# transformers, in both directions. Prints a line per check, `ok` or `FAILED`, and
# fails where one failed. docs/interop.md says what is checked.
#
# Usage: scripts/interop.sh [tensors|logits|files]...   (default: all three)
#   tensors  every element type arrives bit by bit
#   logits   both sides answer the same samples alike
#   files    full-size files of the published layouts, made of random numbers, as
#            target and as auxiliary model: 20 GB of writing and reading
#
# Makes a virtual environment of interop-requirements.txt, gigabytes of it where pip
# finds only the PyTorch that is built for CUDA; one for the CPU will do
# (PIP_EXTRA_INDEX_URL). M2PT_INTEROP_PYTHON names a Python that has all this.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-interop
python=${M2PT_INTEROP_PYTHON:-$venv/bin/python}
if [ -z "${M2PT_INTEROP_PYTHON:-}" ] && ! cmp -s scripts/interop-requirements.txt "$venv/installed.txt"; then
  echo "installing Python packages into $venv" >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" -q install -r scripts/interop-requirements.txt
  cp scripts/interop-requirements.txt "$venv/installed.txt"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/bin/" ./cmd/m2pt-train ./cmd/m2pt-eval ./cmd/m2pt-export
CGO_ENABLED=0 go build -o "$work/bin/rewrite" scripts/interop_rewrite.go

export HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 # PyTorch's threads wait busily
"$python" -c 'import importlib.metadata as m, platform; print("Python", platform.python_version(),
  *(f"{p} {m.version(p)}" for p in ("torch", "timm", "safetensors", "transformers", "numpy")))'
[ $# -gt 0 ] || set -- tensors logits files
failed=0
for name in "$@"; do
  "$python" "scripts/interop_$name.py" "$work" || failed=1
done
exit $failed
