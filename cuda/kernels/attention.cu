// Attention of packed qkv [B, N, 3D] for any head size, in float32: the general path
// behind attention_mma.cu. Softmax is online, so scores stay in the block.
#include "typed.h"
#include "attention.h"

// One block for 64 queries of a head and 128 of its columns: B·heads·⌈N/64⌉·⌈width/128⌉
// blocks. Reads q once and k, v ⌈N/64⌉ times (from the second-level cache), writes o, lse.
KERNEL(attention, 256, (int n, int heads, int width, float scale, T* o, float* lse, const T* qkv)) {
  ATTENTION_ROOM(room);
  Head at(n, heads, width);
  long stride = 3L * heads * width;
  auto part = [&](int p) { return Rows<T>{at.packed(qkv, n, heads, width, p), stride, n, width}; };
  float y[4][8] = {}, top[4], sum[4] = {};
#pragma unroll
  for (int u = 0; u < 4; u++) top[u] = -INFINITY;
  for (int key = 0; key < n; key += ATTENTION_TILE) {
    float s[4][4];
    scores(s, room, part(0), at.row, part(1), key);
#pragma unroll
    for (int u = 0; u < 4; u++) {
      float most = top[u], add = 0.f;
#pragma unroll
      for (int v = 0; v < 4; v++) {
        s[u][v] = key + tile_x() + 16 * v < n ? s[u][v] * scale : -INFINITY;
        most = fmaxf(most, s[u][v]);
      }
#pragma unroll
      for (int i = 8; i > 0; i >>= 1) most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, i));
#pragma unroll
      for (int v = 0; v < 4; v++) {
        float p = expf(s[u][v] - most);
        room.w[tile_y() + 16 * u][tile_x() + 16 * v] = p;
        add += p;
      }
#pragma unroll
      for (int i = 8; i > 0; i >>= 1) add += __shfl_xor_sync(ALL_LANES, add, i);
      float shrink = expf(top[u] - most);
      top[u] = most, sum[u] = sum[u] * shrink + add;
#pragma unroll
      for (int c = 0; c < 8; c++) y[u][c] *= shrink;
    }
    accumulate(y, room, part(2), key, at.col);
  }
  float factor[4];
#pragma unroll
  for (int u = 0; u < 4; u++) {
    factor[u] = 1.f / sum[u];
    int r = at.row + tile_y() + 16 * u;
    if (r < n && tile_x() == 0 && at.col == 0) lse[(at.b * heads + at.h) * n + r] = top[u] + logf(sum[u]);
  }
  write(y, factor, at.plain(o, n, heads, width), (long)heads * width, n, width, at.row, at.col);
}
