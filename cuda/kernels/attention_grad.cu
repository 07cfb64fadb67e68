// The gradient of attention for any head size, in float32: the general path behind
// attention_grad_mma.cu. With p = exp(scale·q·kᵀ - lse) and δ = ⟨do, o⟩ of each query,
// ds = p·(do·vᵀ - δ); dq = scale·ds·k, dk = scale·dsᵀ·q, dv = pᵀ·do. Nothing is summed
// across blocks: one kernel owns tiles of queries, one tiles of keys.
#include "typed.h"
#include "attention.h"

// delta [B, heads, N] = ⟨do, o⟩; one warp for each token's head. Reads o and do once.
KERNEL(attention_delta, 256, (long count, int n, int heads, int width, float* delta, const T* o, const T* grad)) {
  long step = grid_threads() / 32;
  for (long i = grid_thread() / 32; i < count; i += step) {  // i = (b·n + token)·heads + h
    float d = 0.f;
    for (int c = lane(); c < width; c += 32) d += load(o + i * width + c) * load(grad + i * width + c);
    d = warp_sum(d);
    long b = i / heads / n;
    if (lane() == 0) delta[(b * heads + i % heads) * n + i / heads % n] = d;
  }
}

// dq of 64 queries and 128 columns; blocks as in attention.
KERNEL(attention_dq, 256, (int n, int heads, int width, float scale, T* dqkv, const T* qkv, const float* lse,
                           const float* delta, const T* grad)) {
  ATTENTION_ROOM(room);
  Head at(n, heads, width);
  long stride = 3L * heads * width, stats = (at.b * heads + at.h) * n;
  auto part = [&](int p) { return Rows<T>{at.packed(qkv, n, heads, width, p), stride, n, width}; };
  Rows<T> g{at.plain(grad, n, heads, width), (long)heads * width, n, width};
  float dq[4][8] = {};
  for (int key = 0; key < n; key += ATTENTION_TILE) {
    float s[4][4], dp[4][4];
    scores(s, room, part(0), at.row, part(1), key);
    scores(dp, room, g, at.row, part(2), key);
#pragma unroll
    for (int u = 0; u < 4; u++)
#pragma unroll
      for (int v = 0; v < 4; v++) {
        int r = at.row + tile_y() + 16 * u, k = key + tile_x() + 16 * v;
        bool in = r < n && k < n;
        room.w[tile_y() + 16 * u][tile_x() + 16 * v] =
            in ? expf(s[u][v] * scale - lse[stats + r]) * (dp[u][v] - delta[stats + r]) : 0.f;
      }
    accumulate(dq, room, part(1), key, at.col);
  }
  float factor[4] = {scale, scale, scale, scale};
  write(dq, factor, at.packed(dqkv, n, heads, width, 0), stride, n, width, at.row, at.col);
}

// dk and dv of 64 keys and 128 columns; blocks as in attention.
KERNEL(attention_dkdv, 256, (int n, int heads, int width, float scale, T* dqkv, const T* qkv, const float* lse,
                             const float* delta, const T* grad)) {
  ATTENTION_ROOM(room);
  Head at(n, heads, width);
  long stride = 3L * heads * width, stats = (at.b * heads + at.h) * n;
  auto part = [&](int p) { return Rows<T>{at.packed(qkv, n, heads, width, p), stride, n, width}; };
  Rows<T> g{at.plain(grad, n, heads, width), (long)heads * width, n, width};
  float dk[4][8] = {}, dv[4][8] = {};
  for (int query = 0; query < n; query += ATTENTION_TILE) {
    float p[4][4], dp[4][4];
    scores(p, room, part(1), at.row, part(0), query);
#pragma unroll
    for (int u = 0; u < 4; u++)
#pragma unroll
      for (int v = 0; v < 4; v++) {
        int k = at.row + tile_y() + 16 * u, q = query + tile_x() + 16 * v;
        p[u][v] = k < n && q < n ? expf(p[u][v] * scale - lse[stats + q]) : 0.f;
        room.w[tile_y() + 16 * u][tile_x() + 16 * v] = p[u][v];
      }
    accumulate(dv, room, g, query, at.col);
    scores(dp, room, part(2), at.row, g, query);
#pragma unroll
    for (int u = 0; u < 4; u++)
#pragma unroll
      for (int v = 0; v < 4; v++) {
        int q = query + tile_x() + 16 * v;
        float d = q < n ? delta[stats + q] : 0.f;
        room.w[tile_y() + 16 * u][tile_x() + 16 * v] = p[u][v] * (dp[u][v] - d);
      }
    accumulate(dk, room, part(0), query, at.col);
  }
  float one[4] = {1.f, 1.f, 1.f, 1.f}, factor[4] = {scale, scale, scale, scale};
  write(dk, factor, at.packed(dqkv, n, heads, width, 1), stride, n, width, at.row, at.col);
  write(dv, one, at.packed(dqkv, n, heads, width, 2), stride, n, width, at.row, at.col);
}
