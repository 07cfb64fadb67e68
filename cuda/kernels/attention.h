// Attention of any head size and storage: a block of 256 threads multiplies tiles of 64
// rows in float32. Thread (y, x) of 16x16 has the elements (y + 16i, x + 16j) of a tile.
#pragma once
#include "kernel.h"

constexpr int ATTENTION_TILE = 64;    // queries, keys
constexpr int ATTENTION_CHUNK = 32;   // columns staged at a time
constexpr int ATTENTION_SLICE = 128;  // columns of the result that a block computes

// Rows are those of one head in q, k, v, o or a gradient; zero from n on.
template <class T> struct Rows {
  const T* at;
  long stride;
  int n, width;
};

// Head is what block blockIdx.x computes: a tile of rows and a slice of columns of head h of
// sample b.
struct Head {
  long b;
  int h, row, col;
  DEVICE Head(int n, int heads, int width) {
    int tiles = ceil_div(n, ATTENTION_TILE), slices = ceil_div(width, ATTENTION_SLICE);
    long i = blockIdx.x;
    col = (int)(i % slices) * ATTENTION_SLICE, i /= slices;
    row = (int)(i % tiles) * ATTENTION_TILE, i /= tiles;
    h = (int)(i % heads), b = i / heads;
  }
  // packed is part p (0 q, 1 k, 2 v) in a tensor like qkv, plain a head in one like o.
  template <class T> DEVICE T* packed(T* x, int n, int heads, int width, int p) const {
    return x + (b * n * 3 + p) * heads * width + h * width;
  }
  template <class T> DEVICE T* plain(T* x, int n, int heads, int width) const {
    return x + b * n * heads * width + h * width;
  }
};

// Room is the block's shared memory: two staged chunks, and weights [row, column].
struct Room {
  float (*a)[ATTENTION_CHUNK + 1], (*b)[ATTENTION_CHUNK + 1], (*w)[ATTENTION_TILE + 1];
};
#define ATTENTION_ROOM(name)                                \
  SMEM(float, name##_a, [ATTENTION_TILE][ATTENTION_CHUNK + 1]); \
  SMEM(float, name##_b, [ATTENTION_TILE][ATTENTION_CHUNK + 1]); \
  SMEM(float, name##_w, [ATTENTION_TILE][ATTENTION_TILE + 1]);  \
  Room name{name##_a, name##_b, name##_w}

DEVICE int tile_y() { return threadIdx.x >> 4; }
DEVICE int tile_x() { return threadIdx.x & 15; }

template <class T> DEVICE void stage(float (*to)[ATTENTION_CHUNK + 1], const Rows<T>& x, int row, int col) {
  for (int i = threadIdx.x; i < ATTENTION_TILE * ATTENTION_CHUNK; i += blockDim.x) {
    int r = i / ATTENTION_CHUNK, c = i % ATTENTION_CHUNK;
    bool in = row + r < x.n && col + c < x.width;
    to[r][c] = in ? load(x.at + (row + r) * x.stride + col + c) : 0.f;
  }
}

// scores is s = a·bᵀ over the whole width, of rows from i of a and from j of b. Its first
// barrier also ends the reading of the room by what came before.
template <class T> DEVICE void scores(float (&s)[4][4], const Room& room, const Rows<T>& a, int i, const Rows<T>& b, int j) {
#pragma unroll
  for (int u = 0; u < 4; u++) s[u][0] = s[u][1] = s[u][2] = s[u][3] = 0.f;
  for (int col = 0; col < a.width; col += ATTENTION_CHUNK) {
    __syncthreads();
    stage(room.a, a, i, col);
    stage(room.b, b, j, col);
    __syncthreads();
#pragma unroll 8
    for (int k = 0; k < ATTENTION_CHUNK; k++)
#pragma unroll
      for (int u = 0; u < 4; u++)
#pragma unroll
        for (int v = 0; v < 4; v++) s[u][v] = fmaf(room.a[tile_y() + 16 * u][k], room.b[tile_x() + 16 * v][k], s[u][v]);
  }
}

// accumulate is y += w·x of the weights in the room and 64 rows of x from row, for a slice
// of columns from col.
template <class T> DEVICE void accumulate(float (&y)[4][8], const Room& room, const Rows<T>& x, int row, int col) {
#pragma unroll
  for (int c = 0; c < 4; c++) {
    if (col + c * ATTENTION_CHUNK >= x.width) continue;
    __syncthreads();
    stage(room.a, x, row, col + c * ATTENTION_CHUNK);
    __syncthreads();
#pragma unroll 8
    for (int k = 0; k < ATTENTION_TILE; k++)
#pragma unroll
      for (int u = 0; u < 4; u++)
#pragma unroll
        for (int v = 0; v < 2; v++)
          y[u][2 * c + v] = fmaf(room.w[tile_y() + 16 * u][k], room.a[k][tile_x() + 16 * v], y[u][2 * c + v]);
  }
}

// write stores a slice of columns from col of the tile at row, y·factor of each row.
template <class T>
DEVICE void write(const float (&y)[4][8], const float (&factor)[4], T* at, long stride, int n, int width, int row, int col) {
#pragma unroll
  for (int u = 0; u < 4; u++)
#pragma unroll
    for (int v = 0; v < 8; v++) {
      int r = row + tile_y() + 16 * u, c = col + tile_x() + 16 * v;
      if (r < n && c < width) store(at + r * stride + c, y[u][v] * factor[u]);
    }
}
