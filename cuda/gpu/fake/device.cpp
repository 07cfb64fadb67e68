// Start, devices, the primary context, errors.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

namespace fake {

State& state() {
  static State* s = new State;  // never destroyed: threads may outlive main
  return *s;
}

static thread_local CUcontext current;
static const CUcontext primary = reinterpret_cast<CUcontext>(0x1000);

long number(const char* name, long otherwise) {
  const char* text = getenv(name);
  return text && *text ? atol(text) : otherwise;
}

CUresult injected(const char* call) {
  static std::string known;
  static std::map<std::string, int> calls;
  const char* text = getenv("FAKE_CUDA_FAIL");
  if (!text) text = "";
  if (known != text) known = text, calls.clear();
  char name[64];
  int n = 0, code = CUDA_ERROR_LAUNCH_FAILED;
  if (sscanf(text, "%63[^:]:%d:%d", name, &n, &code) < 2 || strcmp(name, call)) return CUDA_SUCCESS;
  return ++calls[call] == n ? static_cast<CUresult>(code) : CUDA_SUCCESS;
}

CUresult ready(const char* call) {
  if (CUresult r = injected(call)) return r;
  if (!state().started) return CUDA_ERROR_NOT_INITIALIZED;
  if (current != primary || state().retained == 0) return CUDA_ERROR_INVALID_CONTEXT;
  return state().broken;
}

CUresult wrong(CUresult r, const char* format, ...) {
  va_list args;
  va_start(args, format);
  fputs("fake cuda: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return r;
}

static size_t leaks() {
  State& S = state();
  const std::pair<const char*, size_t> kinds[] = {
      {"blocks of memory", S.memory.size()}, {"blocks of pinned memory", S.pinned.size()},
      {"streams", S.streams.size()},         {"events", S.events.size()},
      {"graphs", S.graphs.size()},           {"executable graphs", S.execs.size()},
      {"modules", S.modules.size()}};
  size_t all = 0;
  for (auto& k : kinds) {
    if (k.second) wrong(CUDA_SUCCESS, "%zu %s were not freed", k.second, k.first);
    all += k.second;
  }
  return all;
}

static const struct { CUresult code; const char *name, *text; } errors[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {CUDA_ERROR_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

}  // namespace fake

using namespace fake;

extern "C" {

CUresult cuGetErrorName(CUresult r, const char** name) {
  for (auto& e : errors)
    if (e.code == r) return *name = e.name, CUDA_SUCCESS;
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult r, const char** text) {
  for (auto& e : errors)
    if (e.code == r) return *text = e.text, CUDA_SUCCESS;
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuInit(unsigned) { return state().started = true, injected("cuInit"); }

CUresult cuDriverGetVersion(int* v) { return *v = CUDA_VERSION, CUDA_SUCCESS; }

CUresult cuDeviceGetCount(int* n) { return *n = (int)number("FAKE_CUDA_DEVICES", 1), injected("cuDeviceGetCount"); }

CUresult cuDeviceGet(CUdevice* d, int i) { return *d = i, injected("cuDeviceGet"); }

CUresult cuDeviceGetName(char* name, int n, CUdevice) {
  snprintf(name, n, "Fake GPU");
  return injected("cuDeviceGetName");
}

CUresult cuDeviceGetAttribute(int* v, CUdevice_attribute a, CUdevice) {
  switch (a) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = (int)number("FAKE_CUDA_CAPABILITY", 8); break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = 0; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = 108; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = 163 << 10; break;
    default: return wrong(CUDA_ERROR_NOT_SUPPORTED, "device attribute %d", a);
  }
  return injected("cuDeviceGetAttribute");
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice, unsigned) { return injected("cuDevicePrimaryCtxSetFlags"); }

CUresult cuDevicePrimaryCtxRetain(CUcontext* c, CUdevice) {
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  if (CUresult r = injected("cuDevicePrimaryCtxRetain")) return r;
  *c = primary;
  state().retained++;
  return CUDA_SUCCESS;
}

// The last release of a context ends with its errors, and fails where it freed something.
CUresult cuDevicePrimaryCtxRelease(CUdevice) {
  State& S = state();
  std::lock_guard<std::recursive_mutex> guard(S.lock);
  if (S.retained == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (--S.retained > 0) return CUDA_SUCCESS;
  size_t n = leaks();
  S.memory.clear(), S.pinned.clear(), S.streams.clear(), S.events.clear();
  S.graphs.clear(), S.execs.clear(), S.modules.clear();
  S.broken = CUDA_SUCCESS;
  return n ? CUDA_ERROR_UNKNOWN : CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext c) { return current = c, injected("cuCtxSetCurrent"); }

CUresult cuCtxGetCurrent(CUcontext* c) { return *c = current, CUDA_SUCCESS; }

}  // extern "C"
