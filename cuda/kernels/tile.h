// Reductions of rows, by a warp for TILE columns of them.
#pragma once
#include "typed.h"
#include "rows.h"

constexpr int TILE = 32 * WIDE;

// Tile is columns `from` to from + TILE of rows D wide, cut at D. A lane has WIDE of them:
// side by side where a vector of them can be read, else 32 apart.
struct Tile {
  long from, D;
  bool wide;

  template <class P> DEVICE void load(float (&v)[WIDE], const P* row) const {
    if (wide) {
      fill(v, 0.f);
      if (long c = from + lane() * WIDE; c < D) ::load(v, row + c);
      return;
    }
#pragma unroll
    for (int k = 0; k < WIDE; k++) {
      long c = from + lane() + 32 * k;
      v[k] = c < D ? ::load(row + c) : 0.f;
    }
  }
  template <class P, class V> DEVICE void store(P* row, const V (&v)[WIDE]) const {
    if (wide) {
      if (long c = from + lane() * WIDE; c < D) ::store(row + c, v);
      return;
    }
#pragma unroll
    for (int k = 0; k < WIDE; k++) {
      long c = from + lane() + 32 * k;
      if (c < D) ::store(row + c, v[k]);
    }
  }
  template <class P> DEVICE void add(float (&sum)[WIDE], const P* row) const {
    float v[WIDE];
    load(v, row);
#pragma unroll
    for (int k = 0; k < WIDE; k++) sum[k] += v[k];
  }
};

// tile_of tells tile number i of rows D wide that start at addresses as aligned as p's.
template <class... P> DEVICE Tile tile_of(long i, long D, const P*... p) {
  return {i * TILE, D, multiples(WIDE, D) && aligned(16, p...)};
}

// sum_warps adds up, in the first warp, what the warps of a block have. Dynamic shared
// memory holds TILE numbers for each.
DEVICE void sum_warps(float (&sum)[WIDE]) {
  SMEM_DYN(float, parts);
  int warps = blockDim.x / 32, at = lane() * WIDE;
  if (warps == 1) return;
  store(parts + warp() * TILE + at, sum);
  __syncthreads();
  for (int w = 1; warp() == 0 && w < warps; w++) {
    float v[WIDE];
    load(v, parts + w * TILE + at);
#pragma unroll
    for (int k = 0; k < WIDE; k++) sum[k] += v[k];
  }
}
