/* Lets gorgonia.org/cu, written against CUDA 10 and 11, compile with the headers of
 * CUDA 13 too. There five names stand for newer functions with other parameters; drivers
 * keep the older ones, which this header binds by the names they have in the library.
 * It must come before CUDA's own folder among the include folders. */
#ifndef M2PT_CUDA_SHIM_H
#define M2PT_CUDA_SHIM_H
#include_next <cuda.h>

#if CUDA_VERSION >= 13000
#undef cuCtxCreate
#undef cuMemAdvise
#undef cuMemPrefetchAsync
#undef cuGraphAddDependencies
#undef cuGraphGetEdges

CUresult m2pt_cuCtxCreate(CUcontext *context, unsigned int flags, CUdevice device) __asm__("cuCtxCreate_v2");
CUresult m2pt_cuMemAdvise(CUdeviceptr p, size_t n, CUmem_advise advice, CUdevice device) __asm__("cuMemAdvise");
CUresult m2pt_cuMemPrefetchAsync(CUdeviceptr p, size_t n, CUdevice device, CUstream stream) __asm__("cuMemPrefetchAsync");
CUresult m2pt_cuGraphAddDependencies(CUgraph g, const CUgraphNode *from, const CUgraphNode *to, size_t n) __asm__("cuGraphAddDependencies");
CUresult m2pt_cuGraphGetEdges(CUgraph g, CUgraphNode *from, CUgraphNode *to, size_t *n) __asm__("cuGraphGetEdges");

#define cuCtxCreate m2pt_cuCtxCreate
#define cuMemAdvise m2pt_cuMemAdvise
#define cuMemPrefetchAsync m2pt_cuMemPrefetchAsync
#define cuGraphAddDependencies m2pt_cuGraphAddDependencies
#define cuGraphGetEdges m2pt_cuGraphGetEdges
#endif
#endif
