// Kernels that treat the columns of matrices [rows, width] alike, and sum over rows.
#pragma once
#include "typed.h"

// One value is a vector where the width is no multiple of a vector's.
DEVICE void load(float (&v)[1], const float* p) { v[0] = *p; }
DEVICE void load(float (&v)[1], const bf16* p) { v[0] = to_float(*p); }
DEVICE void store(float* p, const float (&v)[1]) { *p = v[0]; }
DEVICE void store(bf16* p, const float (&v)[1]) { *p = to_bf16(v[0]); }

// Columns says which V adjacent columns a thread has, and which rows of them. A block of 256
// threads has `lanes` (a power of two, 32 at most) vectors of each of 256/lanes rows; the
// grid's x shares the columns, its y the rows.
template <int V> struct Columns {
  int lanes, slot, slots;
  long width, first, row, step;

  DEVICE Columns(int lanes, long width) : lanes(lanes), width(width) {
    slot = threadIdx.x / lanes, slots = 256 / lanes;
    first = ((long)blockIdx.x * lanes + threadIdx.x % lanes) * V;
    row = (long)blockIdx.y * slots + slot;
    step = (long)gridDim.y * slots;
  }
  DEVICE bool any() const { return first < width; }
  // at is where row r's are: seen to be a multiple of V, or stores would be of single values.
  DEVICE long at(long r) const { return (r * (width / V) + first / V) * V; }

  // sum writes the sums over the block's rows to partial[blockIdx.y][S][width].
  template <int S> DEVICE void sum(const float (&v)[S][V], float* partial) const {
    SMEM(float, sums, [S * V * 256]);
    int tile = lanes * V;
    for (int s = 0; s < S; s++)
      for (int j = 0; j < V; j++) sums[(s * slots + slot) * tile + threadIdx.x % lanes * V + j] = v[s][j];
    __syncthreads();
    for (int i = threadIdx.x; i < S * tile; i += 256) {
      int s = i / tile, k = i % tile;
      float total = 0;
      for (int j = 0; j < slots; j++) total += sums[(s * slots + j) * tile + k];
      long c = (long)blockIdx.x * tile + k;
      if (c < width) partial[((long)blockIdx.y * S + s) * width + c] = total;
    }
  }
};

// BY_VECTOR calls f<V>(...) with the widest vectors that rows of the width consist of.
#define BY_VECTOR(width, f, ...) (width) % WIDE == 0 ? f<WIDE>(__VA_ARGS__) : f<1>(__VA_ARGS__)

// numbers are a column's numbers, all `otherwise` where there are none.
template <int V> DEVICE void numbers(float (&v)[V], const float* p, const Columns<V>& c, float otherwise) {
  if (p && c.any()) {
    load(v, p + c.first);
  } else {
    for (int j = 0; j < V; j++) v[j] = otherwise;
  }
}
