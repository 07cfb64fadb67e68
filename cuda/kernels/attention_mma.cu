// Attention of packed qkv [B, N, 3D] in bf16 on tensor cores, in one pass with online
// softmax: o = softmax(scale·q·kᵀ)·v and lse, the logarithm of the softmax's denominator.
//
// Moves 8·B·N·D bytes (q, k, v, o) and 4·B·heads·N of lse; k and v are read once for each
// block of 64·ROW_TILES queries, after the first time from the second-level cache. Of the
// 4·B·N²·D operations those with keys beyond N are left out in sixteens.
#define ONE_BLOCK
#include "attention_mma.h"

template <int DH> struct Forward {
  using S = Mma<DH>;
  typename S::Fragments q;
  typename S::Sums y;
  float top[S::ROW_TILES][2], sum[S::ROW_TILES][2];  // of scores·unit; of 2^(score·unit - top)

  DEVICE Forward(const bf16* head, long stride, int row, int n) {
    own<DH>(q, head, stride, row, n);
#pragma unroll
    for (int m = 0; m < S::ROW_TILES; m++) {
      top[m][0] = top[m][1] = -INFINITY, sum[m][0] = sum[m][1] = 0.f;
#pragma unroll
      for (int c = 0; c < DH / 8; c++) y[m][c][0] = y[m][c][1] = y[m][c][2] = y[m][c][3] = 0.f;
    }
  }

  // tile takes 64 keys, or the first `left` where PART. unit is scale·log₂e.
  template <bool PART> DEVICE void tile(const bf16* k, const bf16* v, int left, float unit) {
    float s[S::ROW_TILES][TILE / 8][4];
#pragma unroll
    for (int m = 0; m < S::ROW_TILES; m++)
#pragma unroll
      for (int c = 0; c < TILE / 8; c++) s[m][c][0] = s[m][c][1] = s[m][c][2] = s[m][c][3] = 0.f;
#pragma unroll
    for (int j = 0; j < TILE / 16; j++) {
      if (PART && j * 16 >= left) continue;
#pragma unroll
      for (int i = 0; i < S::STEPS; i++) {
        unsigned b[4];
        rows<DH>(b, k, j * 16, i * 16);
#pragma unroll
        for (int m = 0; m < S::ROW_TILES; m++) twice(s[m][2 * j], s[m][2 * j + 1], q[m][i], b);
      }
    }
#pragma unroll
    for (int m = 0; m < S::ROW_TILES; m++) {
      if (PART) hide(s[m], left);
      weigh(s[m], m, unit);
    }
#pragma unroll
    for (int j = 0; j < TILE / 16; j++) {
      if (PART && j * 16 >= left) continue;
      unsigned p[S::ROW_TILES][4];
#pragma unroll
      for (int m = 0; m < S::ROW_TILES; m++) narrow(p[m], s[m][2 * j], s[m][2 * j + 1]);
#pragma unroll
      for (int i = 0; i < S::STEPS; i++) {
        unsigned b[4];
        columns<DH>(b, v, j * 16, i * 16);
#pragma unroll
        for (int m = 0; m < S::ROW_TILES; m++) twice(y[m][2 * i], y[m][2 * i + 1], p[m], b);
      }
    }
  }

  DEVICE static void hide(float (&s)[TILE / 8][4], int left) {
#pragma unroll
    for (int c = 0; c < TILE / 8; c++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        if (c * 8 + lane() % 4 * 2 + (e & 1) >= left) s[c][e] = -INFINITY;
  }

  // weigh makes scores the weights 2^(score·unit - top) and brings what was summed before to
  // the new top.
  DEVICE void weigh(float (&s)[TILE / 8][4], int m, float unit) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float most = -INFINITY, add = 0.f;
#pragma unroll
      for (int c = 0; c < TILE / 8; c++) most = fmaxf(most, fmaxf(s[c][2 * half], s[c][2 * half + 1]));
      float at = fmaxf(top[m][half], quad_max(most) * unit), shrink = exp2_approx(top[m][half] - at);
      top[m][half] = at;
#pragma unroll
      for (int c = 0; c < TILE / 8; c++)
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++) add += s[c][e] = exp2_approx(fmaf(s[c][e], unit, -at));
      sum[m][half] = sum[m][half] * shrink + add;
#pragma unroll
      for (int c = 0; c < DH / 8; c++) y[m][c][2 * half] *= shrink, y[m][c][2 * half + 1] *= shrink;
    }
  }
};

template <int DH> DEVICE void attend(int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv) {
  using S = Mma<DH>;
  SMEM_DYN(bf16, room);  // [2 tiles][k, v][64][LD]
  Place at(n, heads, S::ROWS);
  long stride = 3L * heads * DH;
  const bf16 *q = qkv + at.b * n * stride + at.h * DH, *k = q + heads * DH, *v = k + heads * DH;
  auto start = [&](int row) {
    bf16* to = room + row / TILE % 2 * 2 * TILE * S::LD;
    fetch<DH, TILE>(to, k, stride, row, n);
    fetch<DH, TILE>(to + TILE * S::LD, v, stride, row, n);
    cp_async_commit();
  };
  start(0);
  int row = at.row + warp() * S::WARP_ROWS;
  Forward<DH> f(q, stride, row, n);
  for (int key = 0; key < n; key += TILE) {
    cp_async_wait<0>();
    __syncthreads();  // all copies of this tile are there, and all warps have left the other one
    if (key + TILE < n) start(key + TILE);
    const bf16* tile = room + key / TILE % 2 * 2 * TILE * S::LD;
    if (row >= n) continue;
    if (n - key >= TILE) f.template tile<false>(tile, tile + TILE * S::LD, TILE, scale * LOG2_E);
    else f.template tile<true>(tile, tile + TILE * S::LD, n - key, scale * LOG2_E);
  }
  __syncthreads();
  if (row >= n) return;
  float factor[S::ROW_TILES][2];
#pragma unroll
  for (int m = 0; m < S::ROW_TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float sum = quad_sum(f.sum[m][half]);
      factor[m][half] = 1.f / sum;
      int r = row + m * 16 + half * 8 + lane() / 4;
      if (r < n && lane() % 4 == 0) lse[(at.b * heads + at.h) * n + r] = (f.top[m][half] + log2f(sum)) * LN_2;
    }
  emit<DH>(f.y, factor, room + warp() * S::WARP_ROWS * S::LD, o + at.b * n * heads * DH + at.h * DH, (long)heads * DH, row, n);
}

KERNEL(attention_mma_32, 128, (int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv)) {
  attend<32>(n, heads, scale, o, lse, qkv);
}
KERNEL(attention_mma_48, 128, (int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv)) {
  attend<48>(n, heads, scale, o, lse, qkv);
}
KERNEL(attention_mma_64, 128, (int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv)) {
  attend<64>(n, heads, scale, o, lse, qkv);
}
KERNEL(attention_mma_80, 128, (int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv)) {
  attend<80>(n, heads, scale, o, lse, qkv);
}
KERNEL(attention_mma_96, 128, (int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv)) {
  attend<96>(n, heads, scale, o, lse, qkv);
}
KERNEL(attention_mma_112, 128, (int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv)) {
  attend<112>(n, heads, scale, o, lse, qkv);
}
KERNEL(attention_mma_128, 128, (int n, int heads, float scale, bf16* o, float* lse, const bf16* qkv)) {
  attend<128>(n, heads, scale, o, lse, qkv);
}
