// Features of centres carried over to points, given nearest centres and weights (points.cu).
#include "typed.h"

// y = Σ weight·f of K <= 3 centres, a warp for each point of D features; N points and G
// centres are a cloud. Writes sizeof(T) bytes an element; f comes from the cache.
template <int V> DEVICE void mix(int D, int K, T* y, const T* f, const int* index, const float* weight) {
#pragma unroll 2
  for (int i = lane() * V; i < D; i += 32 * V) {
    float sum[V] = {};
#pragma unroll
    for (int k = 0; k < 3; k++) {
      if (k >= K) break;
      float w = weight[k];
      const T* row = f + (long)index[k] * D + i;
      if constexpr (V == 1) {
        sum[0] += w * load(row);
      } else {
        float u[V];
        load(u, row);
#pragma unroll
        for (int j = 0; j < V; j++) sum[j] += w * u[j];
      }
    }
    if constexpr (V == 1)
      store(y + i, sum[0]);
    else
      store(y + i, sum);
  }
}
KERNEL(interpolate, 256, (long rows, int N, int G, int D, int K, T* y, const T* f, const int* index, const float* weight)) {
  bool wide = D % WIDE == 0 && aligned(16, y, f);
  for (long r = grid_thread() / 32; r < rows; r += grid_threads() / 32) {
    T* to = y + r * D;
    const T* from = f + r / N * G * D;
    if (wide)
      mix<WIDE>(D, K, to, from, index + r * K, weight + r * K);
    else
      mix<1>(D, K, to, from, index + r * K, weight + r * K);
  }
}

// gather_rows adds weight·dy of the entries that name centre g, in their order, for V
// columns of each thread. Of a tile of entries, one a thread, the block first lists those.
template <int V> DEVICE void gather_rows(int entries, int D, int K, int g, T* df, const T* dy, const int* index, const float* weight) {
  SMEM(int, list, [256]);
  SMEM(int, counts, [8]);
  int column = (blockIdx.y * blockDim.x + threadIdx.x) * V;
  float sum[V] = {};
  for (int base = 0; base < entries; base += blockDim.x) {
    int e = base + threadIdx.x;
    bool found = e < entries && index[e] == g;
    unsigned votes = __ballot_sync(ALL_LANES, found);
    if (lane() == 0) counts[warp()] = __popc(votes);
    __syncthreads();
    int before = 0, total = 0;
    for (int w = 0; w < (int)blockDim.x / 32; w++) {
      if (w < warp()) before += counts[w];
      total += counts[w];
    }
    // Every thread has read the last list, for it has passed the barrier above.
    if (found) list[before + __popc(votes & ((1u << lane()) - 1))] = e;
    __syncthreads();
    if (column < D) {
#pragma unroll 4
      for (int i = 0; i < total; i++) {
        const T* row = dy + (long)(list[i] / K) * D + column;
        float w = weight[list[i]];
        if constexpr (V == 1) {
          sum[0] += w * load(row);
        } else {
          float u[V];
          load(u, row);
#pragma unroll
          for (int j = 0; j < V; j++) sum[j] += w * u[j];
        }
      }
    }
  }
  if (column >= D) return;
  if constexpr (V == 1)
    store(df + column, sum[0]);
  else
    store(df + column, sum);
}

// df of each centre, block x, in strips of columns, blocks y. Each row of dy is read K times,
// an index G times per strip; writes are small.
KERNEL(interpolate_grad, 256, (int N, int G, int D, int K, int vector, T* df, const T* dy, const int* index, const float* weight)) {
  long cloud = blockIdx.x / G;
  int g = blockIdx.x % G;
  df += (long)blockIdx.x * D, dy += cloud * N * D, index += cloud * N * K, weight += cloud * N * K;
  if (vector)
    gather_rows<WIDE>(N * K, D, K, g, df, dy, index, weight);
  else
    gather_rows<1>(N * K, D, K, g, df, dy, index, weight);
}
