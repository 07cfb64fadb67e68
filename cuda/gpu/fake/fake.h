// A CUDA driver and a cuBLASLt without a GPU, for tests of package gpu: libcuda.so.1 and
// libcublasLt.so.12 whose calls have their real meaning on the host's memory. Kernels are
// the emulated ones; scripts/cuda-fake.sh builds the libraries and runs the tests.
//
// It is as strict and as late as a GPU may be. A call needs a current context. What goes to
// a stream is done when something waits for it, not before, so that a wait left out or a
// buffer used again too soon shows. Memory is limited and lies between red zones. The
// first error of something enqueued is every later call's result. What is not here answers
// CUDA_ERROR_NOT_SUPPORTED. Releasing the context fails where something was not freed.
//
// The environment sets, and may change at any time:
//
//	FAKE_CUDA_MEMORY=N            bytes that a device has, default 1 GiB
//	FAKE_CUDA_FAIL=CALL:N[:CODE]  the Nth call of CALL from now on fails, with CODE or 719
//	FAKE_CUDA_DEVICES=N           default 1
//	FAKE_CUDA_CAPABILITY=N        major compute capability, default 8
//	FAKE_CUDA_SEED=N              other than 0: threads and blocks run in a random order
//	FAKE_CUBLASLT_BIAS=STATUS     of a float32 bias with a bf16 result, default 15; 0 takes it,
//	                              -1 has no algorithm for it
//	FAKE_CUBLASLT_BROKEN=N        proposals from the Nth on, from 0, fail when they run, default 2
#pragma once
#include <cuda.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "../../kernels/emu/bridge.h"

namespace fake {

using Work = std::function<CUresult()>;

// Stream is a queue of work, not done yet.
struct Stream {
  std::vector<Work> queue;
  size_t done = 0;  // of queue
  bool capturing = false, invalid = false;
  const void* thread = nullptr;  // that began the capture
  std::vector<Work> captured;
};
struct Event {
  CUstream stream = nullptr;
  size_t at = 0;  // how much of the stream's queue comes before it
  double ms = 0;  // when it was reached
  bool timing = true;
};
struct Function {
  const emu_kernel* kernel;
  size_t dynamic = 48 << 10;  // bytes of shared memory that may be asked for
};

// State is everything. Calls hold its lock.
struct State {
  std::recursive_mutex lock;
  bool started = false;
  int retained = 0;
  CUresult broken = CUDA_SUCCESS;
  std::map<CUdeviceptr, size_t> memory, pinned;
  std::map<CUstream, Stream*> streams;
  std::map<CUevent, Event*> events;
  std::map<CUgraph, std::vector<Work>*> graphs;
  std::map<CUgraphExec, std::vector<Work>*> execs;
  std::map<CUmodule, std::map<std::string, Function*>> modules;
};
State& state();

// number is an environment variable's, or a default.
long number(const char* name, long otherwise);
// injected is the error that this call is to have by FAKE_CUDA_FAIL.
CUresult injected(const char* call);
// ready is what a call that needs a context has to return at once, or CUDA_SUCCESS.
CUresult ready(const char* call);
// covers tells whether n bytes at p lie in a block of memory.
bool covers(const std::map<CUdeviceptr, size_t>& memory, CUdeviceptr p, size_t n);
// enqueue gives work to a stream, or to its capture.
CUresult enqueue(CUstream s, Work w);
// run does the first n pieces of work of a stream.
CUresult run(Stream* s, size_t n);
// unsafe is the error of a call that a thread must not make while it captures.
CUresult unsafe_in_capture();
// wrong says on stderr what a GPU would not tell, and returns r.
CUresult wrong(CUresult r, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace fake

// API begins a call that needs the context.
#define API(call)                                           \
  fake::State& S = fake::state();                           \
  std::lock_guard<std::recursive_mutex> guard(S.lock);      \
  if (CUresult r = fake::ready(#call)) return r
