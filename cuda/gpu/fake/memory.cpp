// Memory, copies, pinned host memory.
#include <string.h>

#include "fake.h"

namespace fake {

bool covers(const std::map<CUdeviceptr, size_t>& memory, CUdeviceptr p, size_t n) {
  auto next = memory.upper_bound(p);
  if (next == memory.begin()) return false;
  auto block = std::prev(next);
  return p + n <= block->first + block->second;
}

static size_t used() {
  size_t n = 0;
  for (auto& m : state().memory) n += m.second;
  return n;
}

// take and give are between red zones; what was written there shows when it is freed.
static CUresult take(std::map<CUdeviceptr, size_t>& memory, CUdeviceptr* p, size_t n) {
  *p = (CUdeviceptr)emu_alloc(n);
  if (!*p) return CUDA_ERROR_OUT_OF_MEMORY;
  memory[*p] = n;
  return CUDA_SUCCESS;
}

static CUresult give(std::map<CUdeviceptr, size_t>& memory, CUdeviceptr p) {
  auto block = memory.find(p);
  if (block == memory.end()) return wrong(CUDA_ERROR_INVALID_VALUE, "%#llx is freed and was not allocated", p);
  bool intact = emu_intact((void*)p, block->second);
  emu_free((void*)p, block->second);
  memory.erase(block);
  return intact ? CUDA_SUCCESS : wrong(CUDA_ERROR_ILLEGAL_ADDRESS, "something was written beside %#llx", p);
}

static CUresult copy(CUdeviceptr to, CUdeviceptr from, size_t n) {
  State& S = state();
  if (!covers(S.memory, to, n) && !covers(S.pinned, to, n))
    return wrong(CUDA_ERROR_ILLEGAL_ADDRESS, "%zu bytes are copied to %#llx, which is not all memory", n, to);
  if (!covers(S.memory, from, n) && !covers(S.pinned, from, n))
    return wrong(CUDA_ERROR_ILLEGAL_ADDRESS, "%zu bytes are copied from %#llx, which is not all memory", n, from);
  memcpy((void*)to, (void*)from, n);
  return CUDA_SUCCESS;
}

}  // namespace fake

using namespace fake;

extern "C" {

CUresult cuMemGetInfo(size_t* free, size_t* total) {
  API(cuMemGetInfo);
  *total = (size_t)number("FAKE_CUDA_MEMORY", 1 << 30);
  *free = *total - std::min(*total, used());
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr* p, size_t n) {
  API(cuMemAlloc);
  if (CUresult r = unsafe_in_capture()) return r;
  if (n == 0) return CUDA_ERROR_INVALID_VALUE;
  if (n > (size_t)number("FAKE_CUDA_MEMORY", 1 << 30) || used() + n > (size_t)number("FAKE_CUDA_MEMORY", 1 << 30))
    return CUDA_ERROR_OUT_OF_MEMORY;
  if (CUresult r = take(S.memory, p, n)) return r;
  memset((void*)*p, 0xff, n);  // NaN until written
  return CUDA_SUCCESS;
}

CUresult cuMemFree(CUdeviceptr p) {
  API(cuMemFree);
  if (CUresult r = unsafe_in_capture()) return r;
  return give(S.memory, p);
}

CUresult cuMemHostAlloc(void** p, size_t n, unsigned) {
  API(cuMemHostAlloc);
  if (CUresult r = unsafe_in_capture()) return r;
  CUdeviceptr at;
  if (CUresult r = take(S.pinned, &at, n)) return r;
  *p = (void*)at;
  return CUDA_SUCCESS;
}

CUresult cuMemFreeHost(void* p) {
  API(cuMemFreeHost);
  return give(S.pinned, (CUdeviceptr)p);
}

// On the null stream, which waits for no stream of ours.
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, size_t n) {
  API(cuMemcpyDtoH);
  if (CUresult r = unsafe_in_capture()) return r;
  if (!covers(S.memory, from, n)) return S.broken = wrong(CUDA_ERROR_ILLEGAL_ADDRESS, "%zu bytes are read from %#llx, which is not all memory", n, from);
  memcpy(to, (void*)from, n);
  return CUDA_SUCCESS;
}

// Pinned memory is read when the copy is done, other memory at once.
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t n, CUstream s) {
  API(cuMemcpyHtoDAsync);
  if (covers(S.pinned, (CUdeviceptr)from, n)) return enqueue(s, [=] { return copy(to, (CUdeviceptr)from, n); });
  std::string kept((const char*)from, n);
  return enqueue(s, [=, &S] {
    if (!covers(S.memory, to, n)) return wrong(CUDA_ERROR_ILLEGAL_ADDRESS, "%zu bytes are written to %#llx, which is not all memory", n, to);
    memcpy((void*)to, kept.data(), n);
    return CUDA_SUCCESS;
  });
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s) {
  API(cuMemcpyDtoDAsync);
  return enqueue(s, [=] { return copy(to, from, n); });
}

CUresult cuMemsetD8Async(CUdeviceptr p, unsigned char v, size_t n, CUstream s) {
  API(cuMemsetD8Async);
  return enqueue(s, [=, &S] {
    if (!covers(S.memory, p, n)) return wrong(CUDA_ERROR_ILLEGAL_ADDRESS, "%zu bytes are set at %#llx, which is not all memory", n, p);
    memset((void*)p, v, n);
    return CUDA_SUCCESS;
  });
}

}  // extern "C"
