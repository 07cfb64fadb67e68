//go:build m2ptcuda

#include "native.h"

CUresult m2pt_launch(CUcontext context, CUstream stream, CUfunction f, unsigned x, unsigned y, unsigned z,
                     unsigned block, unsigned shared, uint64_t *cells, int n) {
  void *params[M2PT_MAX_PARAMS];
  CUresult r = cuCtxSetCurrent(context);
  if (r != CUDA_SUCCESS) return r;
  for (int i = 0; i < n; i++) params[i] = &cells[i];
  return cuLaunchKernel(f, x, y, z, block, 1, 1, shared, stream, params, NULL);
}

CUresult m2pt_replay(CUcontext context, CUstream stream, CUgraphExec exec) {
  CUresult r = cuCtxSetCurrent(context);
  return r == CUDA_SUCCESS ? cuGraphLaunch(exec, stream) : r;
}
