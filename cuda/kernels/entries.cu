// Kernels along the second to last dimension of tensors [groups, N, D].
#include "typed.h"
#include "tile.h"

// y[g] = scale · Σ x[g, n] over `count` entries from `from` on: a block for each TILE
// columns of y, its warps take entries in turn. Moves those entries of x.
template <class Y>
DEVICE void sum_of_entries(long N, long from, long count, long D, Y* y, const T* x, float scale) {
  long tiles = ceil_div(D, (long)TILE), g = blockIdx.x / tiles;
  Tile tile = tile_of(blockIdx.x - g * tiles, D, x, y);
  float sum[WIDE] = {};
#pragma unroll 8
  for (long n = warp(); n < count; n += blockDim.x / 32) tile.add(sum, x + (g * N + from + n) * D);
  sum_warps(sum);
#pragma unroll
  for (int k = 0; k < WIDE; k++) sum[k] *= scale;
  if (warp() == 0) tile.store(y + g * D, sum);
}
KERNEL(sum_entries, 512, (long N, long from, long count, long D, T* y, const T* x, float scale)) {
  sum_of_entries(N, from, count, D, y, x, scale);
}
KERNEL(sum_entries_full, 512, (long N, long from, long count, long D, float* y, const T* x, float scale)) {
  sum_of_entries(N, from, count, D, y, x, scale);
}

// dx[g, n] = scale·dy[g] for `count` entries from `from` on, zero for others. Moves dx.
template <int W>
DEVICE void spread_rows(long groups, long N, long from, long count, long D, T* dx, const T* dy, float scale) {
  each_in_rows(groups * N, D / W, [=](long r, long j) {
    float v[W];
    long g = r / N, n = r - g * N;
    fill(v, 0.f);
    if (from <= n && n < from + count) read(v, dy + g * D + j * W);
#pragma unroll
    for (int k = 0; k < W; k++) v[k] *= scale;
    write(dx + r * D + j * W, v);
  });
}
KERNEL(spread_entries, 256, (long groups, long N, long from, long count, long D, T* dx, const T* dy, float scale)) {
  if (multiples(WIDE, D) && aligned(16, dx, dy)) spread_rows<WIDE>(groups, N, from, count, D, dx, dy, scale);
  else spread_rows<1>(groups, N, from, count, D, dx, dy, scale);
}

// above tells whether entry n with value v comes before entry m with u: not a number is
// largest, of equal ones the first is.
DEVICE bool above(float v, int n, float u, int m) {
  if (v != v || u != u) return v != v && (u == u || n < m);
  return v > u || (v == u && n < m);
}

struct Top {
  float value[WIDE];
  int entry[WIDE];

  DEVICE void raise(const float (&v)[WIDE], const int (&n)[WIDE]) {
#pragma unroll
    for (int k = 0; k < WIDE; k++)
      if (above(v[k], n[k], value[k], entry[k])) value[k] = v[k], entry[k] = n[k];
  }
};

// max_warps finds, in the first warp, the top of those that the warps of a block have.
// Dynamic shared memory holds TILE values and entries for each.
DEVICE void max_warps(Top& top) {
  SMEM_DYN(float, values);
  int warps = blockDim.x / 32, at = lane() * WIDE;
  int* entries = reinterpret_cast<int*>(values + warps * TILE);
  if (warps == 1) return;
  store(values + warp() * TILE + at, top.value);
  store(entries + warp() * TILE + at, top.entry);
  __syncthreads();
  for (int w = 1; warp() == 0 && w < warps; w++) {
    Top other;
    load(other.value, values + w * TILE + at);
    load(other.entry, entries + w * TILE + at);
    top.raise(other.value, other.entry);
  }
}

// y[g] = max x[g, n] over `count` entries from `from` on, column by column, and index the
// first n that has it: shared among threads as for sums. Moves those entries of x.
KERNEL(max_pool, 512, (long N, long from, long count, long D, T* y, int* index, const T* x)) {
  long tiles = ceil_div(D, (long)TILE), g = blockIdx.x / tiles;
  Tile tile = tile_of(blockIdx.x - g * tiles, D, x, y, index);
  const T* group = x + g * N * D;
  Top top;
  tile.load(top.value, group + (from + warp()) * D);
  fill(top.entry, (int)from + warp());
#pragma unroll 4
  for (long n = from + warp() + blockDim.x / 32; n < from + count; n += blockDim.x / 32) {
    float v[WIDE];
    int entry[WIDE];
    tile.load(v, group + n * D);
    fill(entry, (int)n);
    top.raise(v, entry);
  }
  max_warps(top);
  if (warp() == 0) tile.store(y + g * D, top.value), tile.store(index + g * D, top.entry);
}

// dx[g, n] = dy[g] where index[g] = n, else zero, column by column; where the index is
// outside, all of the column is not a number. Moves dx.
template <int W> DEVICE void max_grad_rows(long groups, long N, long D, T* dx, const T* dy, const int* index) {
  each_in_rows(groups * N, D / W, [=](long r, long j) {
    float v[W];
    int first[W];
    long g = r / N, n = r - g * N;
    read(v, dy + g * D + j * W);
    read(first, index + g * D + j * W);
#pragma unroll
    for (int k = 0; k < W; k++) {
      if (first[k] != n) v[k] = 0.f;
      if (first[k] < 0 || first[k] >= N) v[k] = not_a_number();
    }
    write(dx + r * D + j * W, v);
  });
}
KERNEL(max_pool_grad, 256, (long groups, long N, long D, T* dx, const T* dy, const int* index)) {
  if (multiples(WIDE, D) && aligned(16, dx, dy, index)) max_grad_rows<WIDE>(groups, N, D, dx, dy, index);
  else max_grad_rows<1>(groups, N, D, dx, dy, index);
}
