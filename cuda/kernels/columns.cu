// Sums over rows and layer scale. Sums are the first stage: sum_parts has the second.
#include "typed.h"
#include "columns.h"

// Σ x: one value read.
template <int V> DEVICE void sum_rows(int lanes, long rows, long width, float* partial, const T* x) {
  Columns<V> c(lanes, width);
  float sums[1][V] = {};
  if (c.any()) {
#pragma unroll 4
    for (long r = c.row; r < rows; r += c.step) {
      float v[V];
      load(v, x + c.at(r));
      for (int j = 0; j < V; j++) sums[0][j] += v[j];
    }
  }
  c.sum(sums, partial);
}
KERNEL(sum_rows, 256, (int lanes, long rows, long width, float* partial, const T* x)) {
  BY_VECTOR(width, sum_rows, lanes, rows, width, partial, x);
}

// y = x·γ: one value read, one written. y may be x.
template <int V> DEVICE void layer_scale(int lanes, long rows, long width, T* y, const T* x, const float* gamma) {
  Columns<V> c(lanes, width);
  float g[V];
  numbers(g, gamma, c, 1.f);
  if (!c.any()) return;
  for (long r = c.row; r < rows; r += c.step) {
    float v[V];
    load(v, x + c.at(r));
    for (int j = 0; j < V; j++) v[j] *= g[j];
    store(y + c.at(r), v);
  }
}
KERNEL(layer_scale, 256, (int lanes, long rows, long width, T* y, const T* x, const float* gamma)) {
  BY_VECTOR(width, layer_scale, lanes, rows, width, y, x, gamma);
}

// dx = dy·γ and Σ dy·x: two values read, one written.
template <int V>
DEVICE void layer_scale_grad(int lanes, long rows, long width, T* __restrict__ dx, float* partial,
                             const T* __restrict__ x, const float* gamma, const T* __restrict__ dy) {
  Columns<V> c(lanes, width);
  float g[V], sums[1][V] = {};
  numbers(g, gamma, c, 1.f);
  if (c.any()) {
#pragma unroll 2
    for (long r = c.row; r < rows; r += c.step) {
      float u[V], d[V];
      load(u, x + c.at(r));
      load(d, dy + c.at(r));
      for (int j = 0; j < V; j++) {
        sums[0][j] = fmaf(d[j], u[j], sums[0][j]);
        d[j] *= g[j];
      }
      store(dx + c.at(r), d);
    }
  }
  c.sum(sums, partial);
}
KERNEL(layer_scale_grad, 256,
       (int lanes, long rows, long width, T* dx, float* partial, const T* x, const float* gamma, const T* dy)) {
  BY_VECTOR(width, layer_scale_grad, lanes, rows, width, dx, partial, x, gamma, dy);
}
