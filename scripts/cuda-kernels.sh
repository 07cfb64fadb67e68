#!/usr/bin/env bash
# Compiles the CUDA kernels, cuda/kernels/*.cu, to the PTX that is embedded,
# cuda/kernels/ptx/*.ptx.gz, then assembles that for sm_80 and sm_90 and writes what each
# kernel takes to docs/benchmarks/cuda-kernels.md. Fails where registers spill. Only what
# changed is compiled; without changes nothing is written.
#
# Usage: scripts/cuda-kernels.sh [-c]
#   -c   check: compile all, write nothing, and fail where the PTX or the table differ
#
# Needs gcc, Python with pip and the package registry (scripts/cuda-toolkit.sh). Exit
# status 3: the compiler cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1-} in
"" | -c) ;;
*) sed -n '/^# Usage/,/^#$/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
toolkit=$(scripts/cuda-toolkit.sh)
eval "$toolkit"
PYTHONDONTWRITEBYTECODE=1 exec python3 scripts/cuda_kernels.py "$@"
