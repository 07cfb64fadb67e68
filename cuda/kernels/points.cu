// Clouds of points [.., 3]. Coordinates are float32: neighbours would be others in less.
#include "kernel.h"

// group copies what row g of index [1+M] names, a block for each: the centre, then M
// neighbours relative to it, points of D coordinates. G rows share a cloud of N points.
KERNEL(group, 256, (int N, int D, int G, int M, float* y, float* centres, const float* x, const int* index)) {
  long g = blockIdx.x;
  const float* cloud = x + g / G * N * D;
  index += g * (1 + M);
  const float* centre = cloud + (long)index[0] * D;
  for (int i = threadIdx.x; i < D; i += blockDim.x) centres[g * D + i] = centre[i];
  for (int i = threadIdx.x; i < M * D; i += blockDim.x)
    y[g * M * D + i] = cloud[(long)index[1 + i / D] * D + i % D] - centre[i % D];
}

// Threads of the kernels below take one point of a cloud, block x, and walk over another
// cloud, of which they hold a tile of a point each in shared memory.
constexpr int TILE = 256;

DEVICE int own_point() { return blockIdx.y * blockDim.x + threadIdx.x; }

// walk calls f(j, x, y, z) for the n points of cloud.
template <class F> DEVICE void walk(int n, const float* cloud, F f) {
  SMEM(float, tile, [3 * TILE]);
  for (int base = 0; base < n; base += blockDim.x) {
    int count = min((int)blockDim.x, n - base);
    __syncthreads();
    for (int i = threadIdx.x; i < 3 * count; i += blockDim.x) tile[i] = cloud[3l * base + i];
    __syncthreads();
    for (int j = 0; j < count; j++) f(base + j, tile[3 * j], tile[3 * j + 1], tile[3 * j + 2]);
  }
}

struct Point {
  float x, y, z;
};
DEVICE Point point(const float* p) { return {p[0], p[1], p[2]}; }
DEVICE float squared(float x, float y, float z) { return x * x + y * y + z * z; }

// chamfer finds for each of S points of a cloud the first of the nearest of N others, and
// writes what it adds to the loss, times scale: its squared distance, with l1 half its
// distance. clouds of them are a sample, whose terms are `stride` apart.
KERNEL(chamfer, 256, (int S, int N, int clouds, long stride, float* term, int* index, const float* from, const float* to,
                      float scale, int l1)) {
  long cloud = blockIdx.x;
  int i = own_point();
  Point p = point(from + 3 * (cloud * S + min(i, S - 1)));
  int nearest = 0;
  float least = 0;
  walk(N, to + 3 * cloud * N, [&](int j, float x, float y, float z) {
    float d = squared(p.x - x, p.y - y, p.z - z);
    if (j == 0 || d < least) nearest = j, least = d;
  });
  if (i >= S) return;
  index[cloud * S + i] = nearest;
  term[cloud / clouds * stride + cloud % clouds * S + i] = scale * (l1 ? 0.5f * sqrtf(least) : least);
}

// pull adds d times the gradient of the term of a and b with respect to a.
DEVICE void pull(Point& sum, float d, Point a, const float* b, int l1) {
  float x = a.x - b[0], y = a.y - b[1], z = a.z - b[2];
  d *= 2;
  if (l1) {
    float length = sqrtf(squared(x, y, z));
    if (length == 0) return;
    d /= 4 * length;
  }
  sum.x += d * x, sum.y += d * y, sum.z += d * z;
}

// chamfer_grad is the gradient of S points of a cloud: the pull of the nearest of N others,
// which index names, times scale, and of those others of which back [N] tells that they
// have the point for their nearest, times back_scale.
KERNEL(chamfer_grad, 256, (int S, int N, int clouds, float* dfrom, const float* from, const float* to, const float* dloss,
                           const int* index, const int* back, float scale, float back_scale, int l1)) {
  SMEM(int, tile, [TILE]);
  long cloud = blockIdx.x;
  int i = own_point();
  from += 3 * cloud * S, to += 3 * cloud * N, back += cloud * N;
  Point p = point(from + 3l * min(i, S - 1)), sum = {0, 0, 0};
  float d = dloss[cloud / clouds];
  if (i < S) pull(sum, d * scale, p, to + 3l * index[cloud * S + i], l1);
  for (int base = 0; base < N; base += blockDim.x) {
    int count = min((int)blockDim.x, N - base);
    __syncthreads();
    if ((int)threadIdx.x < count) tile[threadIdx.x] = back[base + threadIdx.x];
    __syncthreads();
    for (int j = 0; j < count; j++)
      if (tile[j] == i) pull(sum, d * back_scale, p, to + 3l * (base + j), l1);
  }
  if (i >= S) return;
  dfrom += 3 * (cloud * S + i);
  dfrom[0] = sum.x, dfrom[1] = sum.y, dfrom[2] = sum.z;
}

// nearest finds for each of N points of a cloud the K <= 3 nearest of G centres, the nearest
// first and of equally near ones the first, and their weights 1/(d²+10⁻⁸), summing to 1.
KERNEL(nearest, 256, (int N, int G, int K, int* index, float* weight, const float* points, const float* centers)) {
  long cloud = blockIdx.x;
  int i = own_point();
  Point p = point(points + 3 * (cloud * N + min(i, N - 1)));
  float far = __uint_as_float(0x7f800000);
  float w[3] = {far, far, far};
  int at[3] = {0, 0, 0};
  walk(G, centers + 3 * cloud * G, [&](int g, float x, float y, float z) {
    float d = squared(p.x - x, p.y - y, p.z - z);
    if (!(d < w[2])) return;
    w[2] = d, at[2] = g;
#pragma unroll
    for (int j = 2; j > 0; j--)
      if (w[j] < w[j - 1]) {
        float v = w[j];
        int a = at[j];
        w[j] = w[j - 1], at[j] = at[j - 1], w[j - 1] = v, at[j - 1] = a;
      }
  });
  if (i >= N) return;
  float sum = 0;
#pragma unroll
  for (int j = 0; j < 3; j++)
    if (j < K) sum += w[j] = 1.f / (w[j] + 1e-8f);
  long first = (cloud * N + i) * K;
#pragma unroll
  for (int j = 0; j < 3; j++)
    if (j < K) index[first + j] = at[j], weight[first + j] = w[j] / sum;
}
