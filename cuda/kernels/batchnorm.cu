// Batch normalisation: its sums over rows (first stages) and what uses them.
#include "typed.h"
#include "columns.h"

// Σ (x - μ)² about the means μ = sum/rows: one value read.
template <int V>
DEVICE void squares(int lanes, long rows, long width, float* partial, const T* x, const float* sum) {
  Columns<V> c(lanes, width);
  float mu[V], sums[1][V] = {};
  numbers(mu, sum, c, 0.f);
  for (int j = 0; j < V; j++) mu[j] /= (float)rows;
  if (c.any()) {
#pragma unroll 4
    for (long r = c.row; r < rows; r += c.step) {
      float v[V];
      load(v, x + c.at(r));
      for (int j = 0; j < V; j++) sums[0][j] = fmaf(v[j] - mu[j], v[j] - mu[j], sums[0][j]);
    }
  }
  c.sum(sums, partial);
}
KERNEL(batch_norm_squares, 256, (int lanes, long rows, long width, float* partial, const T* x, const float* sum)) {
  BY_VECTOR(width, squares, lanes, rows, width, partial, x, sum);
}

// y = (x - μ)·ρ·γ + β: one value read, one written. Without γ and β these are 1 and 0.
template <int V>
DEVICE void normalise(int lanes, long rows, long width, T* __restrict__ y, const T* __restrict__ x, const float* mean,
                      const float* rstd, const float* gamma, const float* beta) {
  Columns<V> c(lanes, width);
  float mu[V], slope[V], g[V], shift[V];
  numbers(mu, mean, c, 0.f);
  numbers(slope, rstd, c, 1.f);
  numbers(g, gamma, c, 1.f);
  numbers(shift, beta, c, 0.f);
  for (int j = 0; j < V; j++) slope[j] *= g[j];
  if (!c.any()) return;
#pragma unroll 2
  for (long r = c.row; r < rows; r += c.step) {
    float v[V];
    load(v, x + c.at(r));
    for (int j = 0; j < V; j++) v[j] = fmaf(v[j] - mu[j], slope[j], shift[j]);
    store(y + c.at(r), v);
  }
}
KERNEL(batch_norm, 256,
       (int lanes, long rows, long width, T* y, const T* x, const float* mean, const float* rstd, const float* gamma,
        const float* beta)) {
  BY_VECTOR(width, normalise, lanes, rows, width, y, x, mean, rstd, gamma, beta);
}

// Σ dy·(x - μ)·ρ and Σ dy: two values read.
template <int V>
DEVICE void products(int lanes, long rows, long width, float* partial, const T* x, const float* mean, const float* rstd,
                     const T* dy) {
  Columns<V> c(lanes, width);
  float mu[V], rho[V], sums[2][V] = {};
  numbers(mu, mean, c, 0.f);
  numbers(rho, rstd, c, 0.f);
  if (c.any()) {
#pragma unroll 2
    for (long r = c.row; r < rows; r += c.step) {
      float v[V], d[V];
      load(v, x + c.at(r));
      load(d, dy + c.at(r));
      for (int j = 0; j < V; j++) {
        sums[0][j] = fmaf(d[j], (v[j] - mu[j]) * rho[j], sums[0][j]);
        sums[1][j] += d[j];
      }
    }
  }
  c.sum(sums, partial);
}
KERNEL(batch_norm_sums, 256,
       (int lanes, long rows, long width, float* partial, const T* x, const float* mean, const float* rstd,
        const T* dy)) {
  BY_VECTOR(width, products, lanes, rows, width, partial, x, mean, rstd, dy);
}

// dx = γ·ρ·(dy - dβ/M - x̂·dγ/M): two values read, one written. Without dγ and dβ, in
// evaluation, γ·ρ·dy.
template <int V>
DEVICE void gradient(int lanes, long rows, long width, T* __restrict__ dx, const T* __restrict__ x, const float* gamma,
                     const float* mean, const float* rstd, const T* __restrict__ dy, const float* dgamma,
                     const float* dbeta) {
  Columns<V> c(lanes, width);
  float mu[V], rho[V], g[V], pull[V], shift[V];
  numbers(mu, mean, c, 0.f);
  numbers(rho, rstd, c, 0.f);
  numbers(g, gamma, c, 1.f);
  numbers(pull, dgamma, c, 0.f);
  numbers(shift, dbeta, c, 0.f);
  for (int j = 0; j < V; j++) g[j] *= rho[j], pull[j] *= rho[j] / (float)rows, shift[j] /= (float)rows;
  if (!c.any()) return;
#pragma unroll 1
  for (long r = c.row; r < rows; r += c.step) {
    float v[V], d[V];
    load(d, dy + c.at(r));
    if (dgamma) {
      load(v, x + c.at(r));
      for (int j = 0; j < V; j++) d[j] -= shift[j] + (v[j] - mu[j]) * pull[j];
    }
    for (int j = 0; j < V; j++) d[j] *= g[j];
    store(dx + c.at(r), d);
  }
}
KERNEL(batch_norm_grad, 256,
       (int lanes, long rows, long width, T* dx, const T* x, const float* gamma, const float* mean, const float* rstd,
        const T* dy, const float* dgamma, const float* dbeta)) {
  BY_VECTOR(width, gradient, lanes, rows, width, dx, x, gamma, mean, rstd, dy, dgamma, dbeta);
}
