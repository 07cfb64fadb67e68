// Sums in two stages, and small kernels over numbers kept in full.
#include "kernel.h"

// The second stage: a[c] = Σ partial[p, c] over the parts, in a fixed order; columns from
// `split` on go to b. A block has 32 columns.
KERNEL(sum_parts, 1024, (long parts, long width, long split, float* a, float* b, const float* partial)) {
  SMEM(float, sums, [32][33]);
  long first = (long)blockIdx.x * 32, c = first + lane();
  float s = 0;
  if (c < width) {
#pragma unroll 8
    for (long p = warp(); p < parts; p += 32) s += partial[p * width + c];
  }
  sums[warp()][lane()] = s;
  __syncthreads();
  s = warp_sum(sums[lane()][warp()]);
  c = first + warp();
  if (lane() == 0 && c < width) (c < split ? a[c] : b[c - split]) = s;
}

// partial[block] = a part of ⟨x, y⟩; 8n bytes read.
KERNEL(dot, 256, (long n, float* partial, const float* x, const float* y)) {
  float s = 0;
  long wide = aligned(16, x, y) ? n / 4 : 0;
#pragma unroll 2
  FOR_GRID(i, wide) {
    float u[4], v[4];
    load(u, x + i * 4);
    load(v, y + i * 4);
    for (int k = 0; k < 4; k++) s = fmaf(u[k], v[k], s);
  }
  FOR_GRID(i, n - wide * 4) s = fmaf(x[wide * 4 + i], y[wide * 4 + i], s);
  s = block_sum(s);
  if (threadIdx.x == 0) partial[blockIdx.x] = s;
}

// y = [q, 0, v], n values each
KERNEL(split_bias, 256, (long n, float* y, const float* q, const float* v)) {
  FOR_GRID(i, 3 * n) y[i] = i < n ? q[i] : i < 2 * n ? 0.f : v[i - 2 * n];
}
KERNEL(split_bias_grad, 256, (long n, float* dq, float* dv, const float* dy)) {
  FOR_GRID(i, n) {
    dq[i] = dy[i];
    dv[i] = dy[2 * n + i];
  }
}

// u[b] in [0, 1) of the sample whose key is epoch and position.
KERNEL(uniform_samples, 256, (long n, float* u, const int* keys, long key)) {
  FOR_GRID(b, n) {
    uint4 w = philox((unsigned long)key, make_uint4(0, 0, (unsigned)keys[2 * b], (unsigned)keys[2 * b + 1]));
    u[b] = uniform(w.x);
  }
}

// bytes as they are, 16 at a time
KERNEL(copy_bytes, 256, (long n, char* y, const char* x)) {
  long wide = aligned(16, y, x) ? n / 16 : 0;
  FOR_GRID(i, wide) reinterpret_cast<uint4*>(y)[i] = reinterpret_cast<const uint4*>(x)[i];
  FOR_GRID(i, n - wide * 16) y[wide * 16 + i] = x[wide * 16 + i];
}

// What batch normalisation keeps of K columns: μ, ρ = 1/√(σ²+ε) and the running mean and
// variance, moved towards the batch's unless one of these is not finite. Without sums, in
// evaluation, μ and σ² are the running ones. One block.
KERNEL(batch_norm_stats, 1024,
       (long width, float* mu, float* rho, float* new_mean, float* new_variance, const float* mean,
        const float* variance, const float* sum, const float* squares, float rows, float momentum, float eps)) {
  float bad = 0;
  for (long c = threadIdx.x; c < width; c += blockDim.x) {
    float m = mean[c], v = variance[c], m2 = m, v2 = v;
    if (sum) {
      m = sum[c] / rows, v = squares[c] / rows;
      m2 += momentum * (m - m2), v2 += momentum * (squares[c] / (rows - 1) - v2);
      if (m2 - m2 != 0 || v2 - v2 != 0) bad = 1;
    }
    mu[c] = m, rho[c] = 1.f / sqrtf(v + eps);
    new_mean[c] = m2, new_variance[c] = v2;
  }
  if (block_max(bad) == 0) return;
  for (long c = threadIdx.x; c < width; c += blockDim.x) new_mean[c] = mean[c], new_variance[c] = variance[c];
}
