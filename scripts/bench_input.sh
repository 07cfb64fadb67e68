#!/usr/bin/env bash
# What input pipelines do, on one core: JPEG files to pictures of 224, 10 s of sound to
# log-mel filterbanks, point clouds to groups, video files to clips, by Pillow,
# torchaudio, numpy and PyAV, and by ours, in turn. Says how far results are apart and
# fails where that is too far; prints a table of medians, least and most.
#
# Rates are per second of processor time, with one thread on both sides; that of an
# ffmpeg process counts. Photos and a video file are those of M2PT_DATA, generated
# where it is not set; all else is generated.
#
# Usage: [M2PT_DATA=...] scripts/bench_input.sh [PAIRS]   (default 5)
#
# Needs Linux and Python with the packages of interop-requirements.txt, to which it
# adds torchaudio and PyAV: M2PT_INTEROP_PYTHON names it, else it is the one that
# scripts/interop.sh makes. Ours uses libturbojpeg and ffmpeg.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${M2PT_INTEROP_PYTHON:-${XDG_CACHE_HOME:-$HOME/.cache}/m2pt-interop/bin/python}
"$python" -c 'import av, torchaudio' 2>/dev/null ||
  "$python" -m pip -q --disable-pip-version-check install torchaudio==2.9.1 av==18.1.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 GOMAXPROCS=1

"$python" scripts/bench_input.py make "$work"
CGO_ENABLED=0 go test -c -o "$work/data.test" ./data
go version
ffmpeg -version | head -n 1
"$python" scripts/bench_input.py compare "$work" "$work/data.test" "${1:-5}"
