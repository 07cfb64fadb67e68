// Attention in bf16 on tensor cores: what its kernels share. A block of 4 warps owns
// 64·ROW_TILES rows of a head, each warp 16·ROW_TILES of them, and walks over the other
// rows in tiles of 64, of which shared memory holds two: while one is computed with, the
// next arrives. Scores are computed and used up in registers: the layout in which mma
// leaves them is that of its first operand.
#pragma once
#include "kernel.h"

constexpr int TILE = 64;
constexpr float LOG2_E = 1.4426950408889634f, LN_2 = 0.6931471805599453f;

template <int DH> struct Mma {
  static_assert(DH % 16 == 0 && DH <= 128, "a head has 16 to 128 columns, in sixteens");
  // With two tiles of 16 rows each value from shared memory is used twice; wider heads
  // have no registers for that.
  static constexpr int ROW_TILES = DH <= 64 ? 2 : 1;
  static constexpr int WARP_ROWS = 16 * ROW_TILES;
  static constexpr int ROWS = 4 * WARP_ROWS;
  static constexpr int STEPS = DH / 16;
  // A row in shared memory takes an odd number of 16 bytes: ldmatrix meets each bank once.
  static constexpr int LD = DH + 8;
  using Sums = float[ROW_TILES][DH / 8][4];
  using Fragments = unsigned[ROW_TILES][STEPS][4];
};

// Place is where the block works: head h of sample b, rows from row.
struct Place {
  long b;
  int h, row;
  DEVICE Place(int n, int heads, int rows) {
    int tiles = ceil_div(n, rows);
    long i = blockIdx.x;
    row = (int)(i % tiles) * rows, i /= tiles;
    h = (int)(i % heads), b = i / heads;
  }
};

// fetch starts to copy rows of a head to shared memory, zeros from n on.
template <int DH, int ROWS> DEVICE void fetch(bf16* tile, const bf16* head, long stride, int row, int n) {
  constexpr int PIECES = DH / 8;
#pragma unroll
  for (int i = 0; i < ROWS * PIECES / 128; i++) {
    int at = i * 128 + threadIdx.x, r = at / PIECES, c = at % PIECES * 8;
    bool in = row + r < n;
    cp_async16(tile + r * Mma<DH>::LD + c, head + (in ? row + r : 0) * stride + c, in);
  }
}

// Operands of mma from a tile at its row and column. first is a[16,16]; rows are two b of
// [16 columns of the tile, 8 of its rows], for products with the tile transposed; columns
// are two b of [16 rows, 8 columns], for products with the tile as it is.
template <int DH> DEVICE void first(unsigned (&r)[4], const bf16* tile, int row, int col) {
  ldmatrix_x4(r, tile + (row + (lane() & 15)) * Mma<DH>::LD + col + (lane() >> 4) * 8);
}
template <int DH> DEVICE void rows(unsigned (&r)[4], const bf16* tile, int row, int col) {
  ldmatrix_x4(r, tile + (row + (lane() & 7) + (lane() >> 4) * 8) * Mma<DH>::LD + col + (lane() & 8));
}
template <int DH> DEVICE void columns(unsigned (&r)[4], const bf16* tile, int row, int col) {
  ldmatrix_x4_trans(r, tile + (row + (lane() & 15)) * Mma<DH>::LD + col + (lane() >> 4) * 8);
}
// twice is two products beside each other, y += a·(b, b + 2).
DEVICE void twice(float (&left)[4], float (&right)[4], const unsigned (&a)[4], const unsigned (&b)[4]) {
  mma_m16n8k16_bf16(left, a, b, left);
  mma_m16n8k16_bf16(right, a, b + 2, right);
}
// narrow is two 8 columns wide results as a first operand.
DEVICE void narrow(unsigned (&a)[4], const float (&left)[4], const float (&right)[4]) {
  a[0] = pack_bf16(left[0], left[1]), a[1] = pack_bf16(left[2], left[3]);
  a[2] = pack_bf16(right[0], right[1]), a[3] = pack_bf16(right[2], right[3]);
}

// own reads a warp's rows of a head, from row on, as first operands; zeros from n on.
template <int DH> DEVICE void own(typename Mma<DH>::Fragments& a, const bf16* head, long stride, int row, int n) {
#pragma unroll
  for (int m = 0; m < Mma<DH>::ROW_TILES; m++)
#pragma unroll
    for (int k = 0; k < Mma<DH>::STEPS; k++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        int r = row + m * 16 + (e & 1) * 8 + lane() / 4, c = k * 16 + (e >> 1) * 8 + lane() % 4 * 2;
        a[m][k][e] = r < n ? *reinterpret_cast<const unsigned*>(head + r * stride + c) : 0u;
      }
}

// emit writes a warp's rows y·factor to a head, through room for them in shared memory, so
// that whole lines are written.
template <int DH>
DEVICE void emit(const typename Mma<DH>::Sums& y, const float (&factor)[Mma<DH>::ROW_TILES][2], bf16* room, bf16* head,
                 long stride, int row, int n) {
  constexpr int PIECES = DH / 8, LD = Mma<DH>::LD;
#pragma unroll
  for (int m = 0; m < Mma<DH>::ROW_TILES; m++)
#pragma unroll
    for (int c = 0; c < DH / 8; c++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        bf16* to = room + (m * 16 + half * 8 + lane() / 4) * LD + c * 8 + lane() % 4 * 2;
        float f = factor[m][half];
        *reinterpret_cast<unsigned*>(to) = pack_bf16(y[m][c][2 * half] * f, y[m][c][2 * half + 1] * f);
      }
  __syncwarp();
#pragma unroll
  for (int i = 0; i < Mma<DH>::WARP_ROWS * PIECES / 32; i++) {
    int at = i * 32 + lane(), r = at / PIECES, c = at % PIECES * 8;
    if (row + r < n)
      *reinterpret_cast<uint4*>(head + (row + r) * stride + c) = *reinterpret_cast<const uint4*>(room + r * LD + c);
  }
  __syncwarp();
}

// quad_sum and quad_max reduce over the four lanes that share rows of a result.
DEVICE float quad_sum(float v) {
  v += __shfl_xor_sync(ALL_LANES, v, 1);
  return v + __shfl_xor_sync(ALL_LANES, v, 2);
}
DEVICE float quad_max(float v) {
  v = fmaxf(v, __shfl_xor_sync(ALL_LANES, v, 1));
  return fmaxf(v, __shfl_xor_sync(ALL_LANES, v, 2));
}
