// Attention within windows of a grid of tokens. Windows are small (16 tokens as published),
// so weights p [B, heads, windows, n, n] go through scratch memory: a warp for each query
// makes them, then a thread for each piece of the result sums.
#include "typed.h"
#include "window.h"

constexpr float PENALTY = 100.f;  // to scores of tokens from opposite ends of the grid

// Eight columns are read at once where the width of a head is a multiple of eight.
template <int V> DEVICE void read(float (&v)[V], const T* p) {
  if constexpr (V == 1) v[0] = load(p);
  else load(v, p);
}
template <int V> DEVICE void put(T* p, const float (&v)[V]) {
  if constexpr (V == 1) store(p, v[0]);
  else store(p, v);
}
template <int V> DEVICE float inner(const T* u, const T* v, int width) {
  float s = 0.f;
  for (int c = 0; c < width; c += V) {
    float a[V], b[V];
    read(a, u + c);
    read(b, v + c);
#pragma unroll
    for (int i = 0; i < V; i++) s = fmaf(a[i], b[i], s);
  }
  return s;
}
DEVICE float inner(const T* u, const T* v, int width) { return width % 8 ? inner<1>(u, v, width) : inner<8>(u, v, width); }
template <int V> DEVICE void add(float (&y)[V], float factor, const T* x) {
  float v[V];
  read(v, x);
#pragma unroll
  for (int i = 0; i < V; i++) y[i] = fmaf(factor, v[i], y[i]);
}

// p = softmax(scale·q·kᵀ + bias - penalty). Reads q, k, bias, writes p in float32.
KERNEL(window_weights, 256, (long samples, int heads, int width, int rows, int columns, int high, int wide, int shift,
                             int tables, float scale, float* p, const T* qkv, const T* bias)) {
  Windows w{heads, width, rows, columns, high, wide, shift};
  int queries = heads * w.tokens(), step = (int)(grid_threads() / 32);
  FOR_SAMPLES(b, samples)
  for (int at = (int)(grid_thread() / 32); at < queries; at += step) {
    Query q(w, at);
    float* out = p + (b * queries + at) * w.length();
    const T* u = qkv + w.packed(b, 0, w.token(q.window, q.place), q.h);
    float top = -INFINITY, sum = 0.f;
    for (int j = lane(); j < w.length(); j += 32) {
      const T* v = qkv + w.packed(b, 1, w.token(q.window, j), q.h);
      float s = inner(u, v, width) * scale + load(bias + w.pair(tables == 1 ? 0 : b, q.place, j, q.h));
      if (w.apart(q.window, q.place, j)) s -= PENALTY;
      out[j] = s;
      top = fmaxf(top, s);
    }
    top = warp_max(top);
    for (int j = lane(); j < w.length(); j += 32) sum += out[j] = expf(out[j] - top);
    sum = warp_sum(sum);
    for (int j = lane(); j < w.length(); j += 32) out[j] /= sum;
  }
}

// o = p·v, in pieces of 8 columns or 1. Reads p and v, writes o.
template <int V> DEVICE void output(const Windows& w, long samples, T* o, const float* p, const T* qkv) {
  int count = w.tokens() * w.heads * w.width / V;
  FOR_SAMPLES(b, samples)
  FOR_GRID(i, count) {
    Piece e(w, (int)i * V, 1);
    const float* weight = p + w.weight(b, e.h, e.window, e.place, 0);
    float y[V] = {};
#pragma unroll 2
    for (int j = 0; j < w.length(); j++) add(y, weight[j], qkv + w.packed(b, 2, w.token(e.window, j), e.h) + e.column);
    put(o + (b * count + i) * V, y);
  }
}
KERNEL(window_output, 256, (long samples, int heads, int width, int rows, int columns, int high, int wide, int shift,
                            T* o, const float* p, const T* qkv)) {
  Windows w{heads, width, rows, columns, high, wide, shift};
  if (width % 8) output<1>(w, samples, o, p, qkv);
  else output<8>(w, samples, o, p, qkv);
}

// ds = p·(do·vᵀ - δ), δ = Σ p·(do·vᵀ) of each query. Reads p, v, do, writes ds.
KERNEL(window_ds, 256, (long samples, int heads, int width, int rows, int columns, int high, int wide, int shift,
                        float* ds, const float* p, const T* qkv, const T* grad)) {
  Windows w{heads, width, rows, columns, high, wide, shift};
  int queries = heads * w.tokens(), step = (int)(grid_threads() / 32);
  FOR_SAMPLES(b, samples)
  for (int at = (int)(grid_thread() / 32); at < queries; at += step) {
    Query q(w, at);
    float* out = ds + (b * queries + at) * w.length();
    const float* weight = p + (b * queries + at) * w.length();
    const T* g = grad + w.plain(b, w.token(q.window, q.place), q.h);
    float delta = 0.f;
    for (int j = lane(); j < w.length(); j += 32) {
      const T* v = qkv + w.packed(b, 2, w.token(q.window, j), q.h);
      float dp = out[j] = inner(g, v, width);
      delta = fmaf(weight[j], dp, delta);
    }
    delta = warp_sum(delta);
    for (int j = lane(); j < w.length(); j += 32) out[j] = weight[j] * (out[j] - delta);
  }
}

// dq = scale·ds·k, dk = scale·dsᵀ·q, dv = pᵀ·do, in pieces of 8 columns or 1. Reads all,
// writes dqkv.
template <int V>
DEVICE void gradient(const Windows& w, long samples, float scale, T* dqkv, const float* p, const float* ds, const T* qkv,
                     const T* grad) {
  int count = w.tokens() * 3 * w.heads * w.width / V;
  FOR_SAMPLES(b, samples)
  FOR_GRID(i, count) {
    Piece e(w, (int)i * V, 3);
    float y[V] = {};
    for (int j = 0; j < w.length(); j++) {
      int token = w.token(e.window, j);
      long row = w.weight(b, e.h, e.window, e.place, j), column = w.weight(b, e.h, e.window, j, e.place);
      if (e.part == 0) add(y, ds[row] * scale, qkv + w.packed(b, 1, token, e.h) + e.column);
      if (e.part == 1) add(y, ds[column] * scale, qkv + w.packed(b, 0, token, e.h) + e.column);
      if (e.part == 2) add(y, p[column], grad + w.plain(b, token, e.h) + e.column);
    }
    put(dqkv + (b * count + i) * V, y);
  }
}
KERNEL(window_dqkv, 256, (long samples, int heads, int width, int rows, int columns, int high, int wide, int shift,
                          float scale, T* dqkv, const float* p, const float* ds, const T* qkv, const T* grad)) {
  Windows w{heads, width, rows, columns, high, wide, shift};
  if (width % 8) gradient<1>(w, samples, scale, dqkv, p, ds, qkv, grad);
  else gradient<8>(w, samples, scale, dqkv, p, ds, qkv, grad);
}

// dbias [tables, n·n, heads]: ds of a pair of places, summed over windows and over samples
// that share a table. One warp for each. Reads ds.
KERNEL(window_dbias, 256, (long samples, int heads, int width, int rows, int columns, int high, int wide, int shift,
                           int tables, T* dbias, const float* ds)) {
  Windows w{heads, width, rows, columns, high, wide, shift};
  int pairs = w.length() * w.length(), step = (int)(grid_threads() / 32);
  FOR_SAMPLES(table, tables)
  for (int at = (int)(grid_thread() / 32); at < pairs * heads; at += step) {
    float sum = 0.f;
    for (long b = table; b < samples; b += tables)
      for (int n = lane(); n < w.count(); n += 32) sum += ds[w.weight(b, at % heads, n, 0, 0) + at / heads];
    sum = warp_sum(sum);
    if (lane() == 0) store(dbias + table * pairs * heads + at, sum);
  }
}
