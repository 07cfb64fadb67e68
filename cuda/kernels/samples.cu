// Sums of samples and their gradient, in float32.
#include "kernel.h"

// sum_samples is scale·Σ of the n numbers of each sample, a block for each. It reads 4 bytes
// a number.
KERNEL(sum_samples, 1024, (long n, float* y, const float* x, float scale)) {
  x += blockIdx.x * n;
  float sum = 0;
#pragma unroll 4
  for (long i = threadIdx.x; i < n; i += blockDim.x) sum += x[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) y[blockIdx.x] = sum * scale;
}

// spread_samples writes scale·x of a sample, block x, to its n numbers.
KERNEL(spread_samples, 1024, (long n, float* y, const float* x, float scale)) {
  float v = x[blockIdx.x] * scale;
  y += blockIdx.x * n;
  for (long i = (long)blockIdx.y * blockDim.x + threadIdx.x; i < n; i += (long)gridDim.y * blockDim.x) y[i] = v;
}
