// Modules, functions and launches.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

namespace fake {

static const emu_kernel* kernel(const std::string& name) {
  for (const emu_kernel* k = emu_kernels(); k; k = k->next)
    if (name == k->name) return k;
  return nullptr;
}

// bytes is the size of a parameter as the emulation's letter or PTX's type tells it.
static size_t bytes(char letter) { return letter == 'p' || letter == 'l' ? 8 : 4; }

// load lists the kernels of a PTX text. It returns what a compiler would say of it.
static std::string load(const char* ptx, std::map<std::string, Function*>& into) {
  if (!strstr(ptx, ".version")) return "ptxas fatal   : Missing .version directive at start of file";
  for (const char* at = ptx; (at = strstr(at, ".entry "));) {
    at += strlen(".entry ");
    const char *open = strchr(at, '('), *close = open ? strchr(open, ')') : nullptr;
    if (!close) return "ptxas fatal   : Parsing error";
    std::string name(at, open), params(open, close), sizes, want;
    const emu_kernel* k = kernel(name);
    if (!k) return "the emulation has no " + name;
    for (size_t p = 0; (p = params.find(".param .", p)) != std::string::npos;) {
      p += strlen(".param .u");  // a letter, then bits
      sizes += (char)(atoi(&params[p]) / 8);
    }
    for (const char* c = k->params; *c; c++) want += (char)bytes(*c);
    if (sizes != want) return "the emulation has other parameters of " + name;
    into[name] = new Function{k};
  }
  return "";
}

// intact tells whether all red zones are as they were.
static CUresult intact(const char* kernel) {
  for (auto& m : state().memory)
    if (!emu_intact((void*)m.first, m.second))
      return wrong(CUDA_ERROR_ILLEGAL_ADDRESS, "%s wrote beside the %zu bytes at %#llx", kernel, m.second, m.first);
  return CUDA_SUCCESS;
}

static CUresult carry_out(const emu_kernel* k, const unsigned grid[3], unsigned block, unsigned shared, const uint64_t* args) {
  char* text = emu_run(k, grid, block, shared, (uint64_t)number("FAKE_CUDA_SEED", 0), args);
  if (!text) return intact(k->name);
  wrong(CUDA_SUCCESS, "%s: %s", k->name, text);
  free(text);
  return CUDA_ERROR_LAUNCH_FAILED;
}

}  // namespace fake

using namespace fake;

extern "C" {

CUresult cuModuleLoadDataEx(CUmodule* m, const void* image, unsigned n, CUjit_option* options, void** values) {
  API(cuModuleLoadDataEx);
  char* log = nullptr;
  size_t size = 0;
  for (unsigned i = 0; i < n; i++) {
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER) log = (char*)values[i];
    if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) size = (size_t)values[i];
  }
  std::map<std::string, Function*> functions;
  std::string why = load((const char*)image, functions);
  if (!why.empty()) {
    for (auto& f : functions) delete f.second;
    if (log) snprintf(log, size, "%s", why.c_str());
    return CUDA_ERROR_INVALID_PTX;
  }
  *m = (CUmodule) new char;
  S.modules[*m] = functions;
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule m) {
  API(cuModuleUnload);
  auto at = S.modules.find(m);
  if (at == S.modules.end()) return CUDA_ERROR_INVALID_HANDLE;
  for (auto& f : at->second) delete f.second;
  S.modules.erase(at);
  delete (char*)m;
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* f, CUmodule m, const char* name) {
  API(cuModuleGetFunction);
  auto at = S.modules.find(m);
  if (at == S.modules.end() || !at->second.count(name)) return CUDA_ERROR_NOT_FOUND;
  *f = (CUfunction)at->second[name];
  return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int* v, CUfunction_attribute a, CUfunction f) {
  API(cuFuncGetAttribute);
  switch (a) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: return *v = (int)((Function*)f)->kernel->threads, CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: return *v = 0, CUDA_SUCCESS;  // the emulation finds out while it runs
    default: return wrong(CUDA_ERROR_NOT_SUPPORTED, "function attribute %d", a);
  }
}

CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v) {
  API(cuFuncSetAttribute);
  if (a != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || v < 0 || v > 163 << 10) return CUDA_ERROR_INVALID_VALUE;
  ((Function*)f)->dynamic = (size_t)v;
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, CUstream s, void** params, void**) {
  API(cuLaunchKernel);
  const Function* fn = (Function*)f;
  if (!gx || !gy || !gz || gy > 65535 || gz > 65535 || !bx || bx > fn->kernel->threads || by != 1 || bz != 1 || shared > fn->dynamic)
    return CUDA_ERROR_INVALID_VALUE;
  std::vector<uint64_t> cells;
  for (unsigned i = 0; fn->kernel->params[i]; i++) {
    cells.push_back(0);
    memcpy(&cells.back(), params[i], bytes(fn->kernel->params[i]));
  }
  const emu_kernel* k = fn->kernel;
  return enqueue(s, [=] {
    const unsigned grid[3] = {gx, gy, gz};
    return carry_out(k, grid, bx, shared, cells.data());
  });
}

// fake_enqueue is for the fake cuBLASLt: it gives work to a stream, with the checks of any
// call. run gets a copy of the data.
CUresult fake_enqueue(CUstream s, CUresult (*run)(const void*), const void* data, size_t n) {
  API(fake_enqueue);
  std::string kept((const char*)data, n);
  return enqueue(s, [=] { return run(kept.data()); });
}

// fake_covers tells whether n bytes at p are the GPU's memory.
int fake_covers(CUdeviceptr p, size_t n) { return covers(state().memory, p, n); }

}  // extern "C"
