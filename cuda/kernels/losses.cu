// Losses of logits and of predicted patches, which are T as their gradients are. Targets,
// probabilities, weights and losses are float32.
#include "typed.h"

// A block for each row of K logits. Logits are read three times, twice from a cache; from
// device memory it moves sizeof(T) + 8 bytes an element.
KERNEL(cross_entropy, 1024, (int K, float* loss, float* p, const T* z, const float* t)) {
  long row = (long)blockIdx.x * K;
  z += row, t += row, p += row;
  float top = Max::none, sum = 0, l = 0;
  for (int i = threadIdx.x; i < K; i += blockDim.x) top = fmaxf(top, load(z + i));
  top = block_max(top);
  for (int i = threadIdx.x; i < K; i += blockDim.x) sum += __expf(load(z + i) - top);
  sum = block_sum(sum);
  float log_sum = logf(sum), scale = 1.f / sum;
  for (int i = threadIdx.x; i < K; i += blockDim.x) {
    float d = load(z + i) - top;
    p[i] = __expf(d) * scale;
    l += t[i] * (log_sum - d);
  }
  l = block_sum(l);
  if (threadIdx.x == 0) loss[blockIdx.x] = l;
}

// dz = dloss·(p·Σt - t); moves 8 + sizeof(T) bytes an element.
KERNEL(cross_entropy_grad, 1024, (int K, T* dz, const float* p, const float* t, const float* dloss)) {
  long row = (long)blockIdx.x * K;
  dz += row, p += row, t += row;
  float sum = 0, d = dloss[blockIdx.x];
  for (int i = threadIdx.x; i < K; i += blockDim.x) sum += t[i];
  sum = block_sum(sum);
  for (int i = threadIdx.x; i < K; i += blockDim.x) store(dz + i, d * (p[i] * sum - t[i]));
}

// The mean of max(z,0) - z·t + log(1+e^-|z|); reads sizeof(T) + 4 bytes an element.
KERNEL(bce, 1024, (int K, float* loss, const T* z, const float* t)) {
  long row = (long)blockIdx.x * K;
  z += row, t += row;
  float l = 0;
  for (int i = threadIdx.x; i < K; i += blockDim.x) {
    float u = load(z + i);
    l += fmaxf(u, 0.f) - u * t[i] + log1pf(__expf(-fabsf(u)));
  }
  l = block_sum(l);
  if (threadIdx.x == 0) loss[blockIdx.x] = l / K;
}

// dz = dloss·(σ(z) - t)/K; moves 2·sizeof(T) + 4 bytes an element.
KERNEL(bce_grad, 1024, (int K, T* dz, const T* z, const float* t, const float* dloss)) {
  long row = (long)blockIdx.x * K;
  dz += row, z += row, t += row;
  float d = dloss[blockIdx.x] / K;
  for (int i = threadIdx.x; i < K; i += blockDim.x) store(dz + i, d * (1.f / (1.f + __expf(-load(z + i))) - t[i]));
}

// FOR_ROWS(r, n) shares rows over the warps of the grid.
#define FOR_ROWS(r, n) \
  for (long r = grid_thread() / 32, r##_step = grid_threads() / 32; r < (n); r += r##_step)

// part[r] = weight[r]·mean (pred - target)² of row r [P]: a warp for each. Reads
// sizeof(T) + 4 bytes an element.
KERNEL(squared_error, 256, (long rows, int P, float* part, const T* pred, const float* target, const float* weight)) {
  FOR_ROWS(r, rows) {
    const T* x = pred + r * P;
    const float* y = target + r * P;
    int wide = aligned(16, x, y) ? P / WIDE : 0;
    float sum = 0;
#pragma unroll 2
    for (int i = lane(); i < wide; i += 32) {
      float u[WIDE], v[WIDE];
      load(u, x + i * WIDE), load(v, y + i * WIDE);
#pragma unroll
      for (int k = 0; k < WIDE; k++) sum += (u[k] - v[k]) * (u[k] - v[k]);
    }
    for (int i = wide * WIDE + lane(); i < P; i += 32) {
      float e = load(x + i) - load(y + i);
      sum += e * e;
    }
    sum = warp_sum(sum);
    if (lane() == 0) part[r] = weight[r] * sum / P;
  }
}

// dpred = 2·dloss·weight·(pred - target)/P, which may be pred or target; M rows have one
// loss. Moves 2·sizeof(T) + 4 bytes an element.
KERNEL(squared_error_grad, 256, (long rows, int M, int P, T* dpred, const T* pred, const float* target, const float* weight,
                                 const float* dloss)) {
  FOR_ROWS(r, rows) {
    const T* x = pred + r * P;
    const float* y = target + r * P;
    T* dx = dpred + r * P;
    float s = 2.f * dloss[r / M] * weight[r] / P;
    int wide = aligned(16, x, y, dx) ? P / WIDE : 0;
#pragma unroll 2
    for (int i = lane(); i < wide; i += 32) {
      float u[WIDE], v[WIDE];
      load(u, x + i * WIDE), load(v, y + i * WIDE);
#pragma unroll
      for (int k = 0; k < WIDE; k++) u[k] = s * (u[k] - v[k]);
      store(dx + i * WIDE, u);
    }
    for (int i = wide * WIDE + lane(); i < P; i += 32) store(dx + i, s * (load(x + i) - load(y + i)));
  }
}
