/* What gorgonia.org/cu lacks. Every function makes the context current on the calling
 * thread first, which Go may have changed since the last call, so that a call is sound on
 * any thread and costs one crossing from Go to C. */
#ifndef M2PT_NATIVE_H
#define M2PT_NATIVE_H
#include <cuda.h>
#include <stdint.h>

enum { M2PT_MAX_PARAMS = 64 };

/* m2pt_launch launches f with one cell of 8 bytes for each parameter. */
CUresult m2pt_launch(CUcontext context, CUstream stream, CUfunction f, unsigned x, unsigned y, unsigned z,
                     unsigned block, unsigned shared, uint64_t *cells, int n);

/* m2pt_replay launches a graph. */
CUresult m2pt_replay(CUcontext context, CUstream stream, CUgraphExec exec);
#endif
