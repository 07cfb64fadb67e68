#!/usr/bin/env bash
# Runs the emulated CUDA kernels under the sanitizers of the C++ compiler.
#
#   scripts/cuda-emu-check.sh                  the emulation's own tests and the kernels'
#   scripts/cuda-emu-check.sh -run TestAdamW   flags of go test
#   PACKAGES=./cuda/kernels/emu/... BUILDS="plain thread" scripts/cuda-emu-check.sh
#
# plain has no sanitizer, address finds overruns of any memory and misaligned accesses,
# thread finds races, ucontext is plain with the switch between threads of processors other
# than amd64. Needs g++ with its sanitizers' libraries.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

packages=${PACKAGES:-./cuda/kernels/... ./cuda/emulated/...}
failed=0
for build in ${BUILDS:-plain address thread ucontext}; do
  start=$SECONDS
  (
    case $build in
    plain) ;;
    address)
      set -- -asan "$@"
      export CGO_CXXFLAGS="-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined" CGO_LDFLAGS="-lubsan"
      ;;
    thread)
      export CGO_CFLAGS="-g -O1 -fsanitize=thread" CGO_CXXFLAGS="-g -O1 -fsanitize=thread" CGO_LDFLAGS="-fsanitize=thread"
      export TSAN_OPTIONS=halt_on_error=1 # the exit status of a Go program is its own
      ;;
    ucontext) export CGO_CXXFLAGS="-g -O2 -DEMU_UCONTEXT" ;;
    *)
      echo "unknown build $build: want plain, address, thread or ucontext" >&2
      exit 2
      ;;
    esac
    # shellcheck disable=SC2086 # several packages
    go test -tags m2ptemu "$@" $packages
  ) || failed=1
  printf -- '-- %-8s %4ds\n' "$build" $((SECONDS - start))
done
exit $failed
