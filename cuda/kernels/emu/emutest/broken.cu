// Kernels that are wrong, each in one way that the emulation or a sanitizer must notice.
#include "../../kernel.h"

// Reverses 256 values through shared memory, with and without the barrier between.
KERNEL(reverse, 256, (float* y, const float* x)) {
  SMEM(float, buf, [256]);
  buf[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = buf[255 - threadIdx.x];
}
KERNEL(no_syncthreads, 256, (float* y, const float* x)) {
  SMEM(float, buf, [256]);
  buf[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = buf[255 - threadIdx.x];
}
KERNEL(no_syncwarp, 32, (float* y, const float* x)) {
  SMEM(float, buf, [32]);
  buf[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = buf[threadIdx.x ^ 1];
}
// The tile is written anew while slower threads still read it.
KERNEL(reused_tile, 64, (float* y, const float* x)) {
  SMEM(float, buf, [64]);
  float s = 0.f;
  for (int i = 0; i < 4; i++) {
    buf[threadIdx.x] = x[i * 64 + threadIdx.x];
    __syncthreads();
    for (int k = 0; k < 64; k++) s += buf[k] * (k + 1);
  }
  y[threadIdx.x] = s;
}
// Blocks write the same cell.
KERNEL(racing_blocks, 64, (float* y)) {
  if (threadIdx.x == blockIdx.x) y[0] = y[0] * 2.f + blockIdx.x;
}

KERNEL(past_static, 32, (float* y)) {
  SMEM(float, a, [33]);
  a[threadIdx.x + 2] = 1.f;
  __syncthreads();
  y[threadIdx.x] = a[threadIdx.x];
}
KERNEL(past_dynamic, 32, (float* y)) {
  SMEM_DYN(float, a);
  a[threadIdx.x + 1] = 1.f;
  __syncthreads();
  y[threadIdx.x] = a[threadIdx.x];
}
KERNEL(past_global, 32, (float* y, const float* x)) { y[threadIdx.x] = x[threadIdx.x + 1]; }
KERNEL(before_global, 32, (float* y)) { *(y + threadIdx.x - 1) = 1.f; }
KERNEL(misaligned, 32, (float* y, const float* x)) { y[threadIdx.x] = reinterpret_cast<const float4*>(x + 1)->x; }
KERNEL(too_much_static, 32, (float* y)) {
  SMEM(float, a, [12 * 1024 + 1]);
  a[threadIdx.x] = 1.f;
  y[threadIdx.x] = a[threadIdx.x];
}
// Reads 4 floats of 64 that nobody wrote.
KERNEL(unwritten, 64, (float* y)) {
  SMEM(float, a, [64]);
  if (threadIdx.x < 60) a[threadIdx.x] = 1.f;
  __syncthreads();
  y[threadIdx.x] = a[threadIdx.x];
}

KERNEL(missing_thread, 64, (float* y)) {
  if (threadIdx.x == 40) return;
  __syncthreads();
  y[threadIdx.x] = 1.f;
}
KERNEL(two_barriers, 64, (float* y)) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  y[threadIdx.x] = 1.f;
}
KERNEL(missing_lane, 32, (float* y)) {
  float v = threadIdx.x;
  if (threadIdx.x < 20) v += __shfl_xor_sync(ALL_LANES, v, 1);
  y[threadIdx.x] = v;
}
KERNEL(foreign_mask, 32, (float* y)) { y[threadIdx.x] = __shfl_xor_sync(0xffffu, (float)threadIdx.x, 1); }
KERNEL(outside_mask, 32, (float* y)) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_xor_sync(0xffffu, (float)threadIdx.x, 16);
}

// Two copies under way of which the wait covers the older; and one that nobody waits for.
KERNEL(short_wait, 32, (float* y, const float* x)) {
  SMEM(float, a, [2][128]);
  cp_async16(&a[0][threadIdx.x * 4], x + threadIdx.x * 4);
  cp_async_commit();
  cp_async16(&a[1][threadIdx.x * 4], x + threadIdx.x * 4);
  cp_async_commit();
  cp_async_wait<1>();
  y[threadIdx.x] = a[0][threadIdx.x * 4];
  y[32 + threadIdx.x] = a[1][threadIdx.x * 4];
  cp_async_wait<0>();
}
KERNEL(no_wait, 32, (const float* x)) {
  SMEM(float, a, [128]);
  cp_async16(&a[threadIdx.x * 4], x + threadIdx.x * 4);
  cp_async_commit();
}
