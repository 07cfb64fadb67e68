// Layer normalisation: a warp per row. Rows of up to 1,024 values, a multiple of 8, stay in
// registers; others are read again from the cache.
#include "typed.h"
#include "columns.h"

// Eight values as they are kept, so that they can be on their way while others are
// computed with.
template <class E> struct Eight;
template <> struct Eight<bf16> {
  uint4 w;
  DEVICE void get(const bf16* p) { w = *reinterpret_cast<const uint4*>(p); }
  DEVICE void clear() { w = make_uint4(0, 0, 0, 0); }
  DEVICE void to(float (&v)[8]) const { unpack(v, w.x), unpack(v + 2, w.y), unpack(v + 4, w.z), unpack(v + 6, w.w); }
};
template <> struct Eight<float> {
  float v[8];
  DEVICE void get(const float* p) { load(v, p); }
  DEVICE void clear() {
    for (int j = 0; j < 8; j++) v[j] = 0;
  }
  DEVICE void to(float (&u)[8]) const {
    for (int j = 0; j < 8; j++) u[j] = v[j];
  }
};

// A lane has N vectors of 8 columns of a row of at most 256·N, from column() on; only the
// last may be beyond the width.
DEVICE int column(int k) { return (k * 32 + lane()) * 8; }

// rounded is v as it is kept.
DEVICE float rounded(float v) {
  T kept;
  store(&kept, v);
  return load(&kept);
}

// Branch is what is added to rows before they are normalised: plus, or where u is not null
// plus·scale for samples, of so many tokens, whose u is at least `least`, and nothing for the
// others (drop path).
struct Branch {
  const T* plus;
  const float* u;
  float least, scale;
  int tokens;

  DEVICE float factor(long row) const { return !u ? 1.f : u[row / tokens] >= least ? scale : 0.f; }
};

template <int N, int R>  // R rows at once, for enough bytes on their way
DEVICE void norm(long rows, int width, T* y, float* mean, float* rstd, T* sum, const T* x, Branch branch,
                 const float* __restrict__ gamma, const float* __restrict__ beta, float eps) {
  long first = (grid_thread() >> 5) * R, step = (grid_threads() >> 5) * R;
  for (long r = first; r < rows; r += step) {
    float v[R][N][8], mu[R], rho[R];
    int here = rows - r < R ? (int)(rows - r) : R;
    Eight<T> from[R][N], added[R][N];
#pragma unroll
    for (int i = 0; i < R; i++)
#pragma unroll
      for (int k = 0; k < N; k++) {
        from[i][k].clear();
        added[i][k].clear();
        if (i >= here || (k == N - 1 && column(k) >= width)) continue;
        from[i][k].get(x + (r + i) * width + column(k));
        if (branch.plus) added[i][k].get(branch.plus + (r + i) * width + column(k));
      }
#pragma unroll
    for (int i = 0; i < R; i++) {
      float factor = branch.plus && i < here ? branch.factor(r + i) : 0.f;
#pragma unroll
      for (int k = 0; k < N; k++) {
        from[i][k].to(v[i][k]);
        if (!branch.plus) continue;
        float w[8];
        added[i][k].to(w);
        for (int j = 0; j < 8; j++) v[i][k][j] = rounded(fmaf(factor, w[j], v[i][k][j]));
        if (sum && i < here && (k < N - 1 || column(k) < width)) store(sum + (r + i) * width + column(k), v[i][k]);
      }
    }
#pragma unroll
    for (int i = 0; i < R; i++) {
      float s = 0, q = 0;
#pragma unroll
      for (int k = 0; k < N; k++)
        for (int j = 0; j < 8; j++) s += v[i][k][j];
      mu[i] = warp_sum(s) / (float)width;
#pragma unroll
      for (int k = 0; k < N; k++)
        if (k < N - 1 || column(k) < width)
          for (int j = 0; j < 8; j++) q = fmaf(v[i][k][j] - mu[i], v[i][k][j] - mu[i], q);
      rho[i] = 1.f / sqrtf(warp_sum(q) / (float)width + eps);
      if (lane() == 0 && i < here) mean[r + i] = mu[i], rstd[r + i] = rho[i];
    }
#pragma unroll
    for (int k = 0; k < N; k++) {
      if (k == N - 1 && column(k) >= width) break;
      float g[8], b[8];
      load(g, gamma + column(k));
      load(b, beta + column(k));
#pragma unroll
      for (int i = 0; i < R; i++) {
        for (int j = 0; j < 8; j++) v[i][k][j] = fmaf((v[i][k][j] - mu[i]) * rho[i], g[j], b[j]);
        if (i < here) store(y + (r + i) * width + column(k), v[i][k]);
      }
    }
  }
}

// y = (x - μ)·ρ·γ + β, μ and ρ, for rows of up to so many values: one value read, one
// written. With plus, x is x and the branch, kept in sum where that is not null: two values
// read, two written. sum may be x or plus. A kernel for each number of vectors, as that decides how
// many warps there can be.
KERNEL(layer_norm_256, 256,
       (long rows, int width, T* y, float* mean, float* rstd, T* sum, const T* x, const T* plus, const float* u,
        float least, float scale, int tokens, const float* gamma, const float* beta, float eps)) {
  norm<1, 4>(rows, width, y, mean, rstd, sum, x, {plus, u, least, scale, tokens}, gamma, beta, eps);
}
KERNEL(layer_norm_512, 256,
       (long rows, int width, T* y, float* mean, float* rstd, T* sum, const T* x, const T* plus, const float* u,
        float least, float scale, int tokens, const float* gamma, const float* beta, float eps)) {
  norm<2, 2>(rows, width, y, mean, rstd, sum, x, {plus, u, least, scale, tokens}, gamma, beta, eps);
}
KERNEL(layer_norm_768, 256,
       (long rows, int width, T* y, float* mean, float* rstd, T* sum, const T* x, const T* plus, const float* u,
        float least, float scale, int tokens, const float* gamma, const float* beta, float eps)) {
  norm<3, 1>(rows, width, y, mean, rstd, sum, x, {plus, u, least, scale, tokens}, gamma, beta, eps);
}
KERNEL(layer_norm_1024, 256,
       (long rows, int width, T* y, float* mean, float* rstd, T* sum, const T* x, const T* plus, const float* u,
        float least, float scale, int tokens, const float* gamma, const float* beta, float eps)) {
  norm<4, 1>(rows, width, y, mean, rstd, sum, x, {plus, u, least, scale, tokens}, gamma, beta, eps);
}

template <int V>
DEVICE void norm_wide(long rows, long width, T* y, float* mean, float* rstd, const T* x, const float* gamma,
                      const float* beta, float eps) {
  long n = width / V;  // vectors
  for (long r = grid_thread() >> 5; r < rows; r += grid_threads() >> 5) {
    float s = 0, q = 0, v[V], g[V], b[V];
    for (long i = lane(); i < n; i += 32) {
      load(v, x + (r * n + i) * V);
      for (int j = 0; j < V; j++) s += v[j];
    }
    float mu = warp_sum(s) / (float)width;
    for (long i = lane(); i < n; i += 32) {
      load(v, x + (r * n + i) * V);
      for (int j = 0; j < V; j++) q = fmaf(v[j] - mu, v[j] - mu, q);
    }
    float rho = 1.f / sqrtf(warp_sum(q) / (float)width + eps);
    if (lane() == 0) mean[r] = mu, rstd[r] = rho;
    for (long i = lane(); i < n; i += 32) {
      load(v, x + (r * n + i) * V);
      load(g, gamma + i * V);
      load(b, beta + i * V);
      for (int j = 0; j < V; j++) v[j] = fmaf((v[j] - mu) * rho, g[j], b[j]);
      store(y + (r * n + i) * V, v);
    }
  }
}
// The same for every width.
KERNEL(layer_norm_wide, 256,
       (long rows, long width, T* y, float* mean, float* rstd, const T* x, const float* gamma, const float* beta,
        float eps)) {
  BY_VECTOR(width, norm_wide, rows, width, y, mean, rstd, x, gamma, beta, eps);
}

template <int N> struct Row {
  Eight<T> x[N], dy[N];
  float mean, rstd;

  DEVICE void get(long r, int width, const T* from, const T* grad, const float* means, const float* rstds) {
    mean = means[r], rstd = rstds[r];
#pragma unroll
    for (int k = 0; k < N; k++) {
      if (k < N - 1 || column(k) < width) {
        x[k].get(from + r * width + column(k));
        dy[k].get(grad + r * width + column(k));
      } else {
        x[k].clear();
        dy[k].clear();
      }
    }
  }
  // normal makes x̂ and dy of vector k.
  DEVICE void normal(int k, float (&xhat)[8], float (&d)[8]) const {
    x[k].to(xhat);
    dy[k].to(d);
    for (int j = 0; j < 8; j++) xhat[j] = (xhat[j] - mean) * rstd;
  }
};

// The next row is on its way while one is computed with.
template <int N>
DEVICE void norm_grad(long rows, int width, T* dx, float* partial, const T* x, const float* gamma,
                      const float* __restrict__ mean, const float* __restrict__ rstd, const T* dy, const T* plus) {
  constexpr bool early = sizeof(T) == 2;  // in float the row has the registers
  SMEM(float, sums, [N * 512]);
  float g[N][8], dgamma[N][8] = {}, dbeta[N][8] = {}, xhat[8], d[8];
  bool whole = column(N - 1) < width;
#pragma unroll
  for (int k = 0; k < N; k++) {
    if (k < N - 1 || whole) load(g[k], gamma + column(k));
    else for (int j = 0; j < 8; j++) g[k][j] = 0;
  }
  long r = grid_thread() >> 5, step = grid_threads() >> 5;
  Row<N> row;
  if (r < rows) row.get(r, width, x, dy, mean, rstd);
  for (; r < rows; r += step) {
    Row<N> next = row;
    if (r + step < rows) next.get(r + step, width, x, dy, mean, rstd);
    float h = 0, hx = 0;
#pragma unroll
    for (int k = 0; k < N; k++) {
      row.normal(k, xhat, d);
      for (int j = 0; j < 8; j++) {
        dgamma[k][j] = fmaf(d[j], xhat[j], dgamma[k][j]);
        dbeta[k][j] += d[j];
        h = fmaf(d[j], g[k][j], h);
        hx = fmaf(d[j] * g[k][j], xhat[j], hx);
      }
    }
    Eight<T> added[N];
#pragma unroll
    for (int k = 0; k < N; k++) {
      added[k].clear();
      if (early && plus && (k < N - 1 || whole)) added[k].get(plus + r * width + column(k));
    }
    h = warp_sum(h) / (float)width, hx = warp_sum(hx) / (float)width;
#pragma unroll
    for (int k = 0; k < N; k++) {
      row.normal(k, xhat, d);
      for (int j = 0; j < 8; j++) d[j] = row.rstd * (fmaf(d[j], g[k][j], -h) - xhat[j] * hx);
      if (k < N - 1 || whole) {
        if (plus) {
          float u[8];
          if (!early) added[k].get(plus + r * width + column(k));
          added[k].to(u);
          for (int j = 0; j < 8; j++) d[j] += u[j];
        }
        store(dx + r * width + column(k), d);
      }
    }
    row = next;
  }
  for (int w = 0; w < (int)blockDim.x / 32; w++) {
    if (w == warp()) {
#pragma unroll
      for (int k = 0; k < N; k++)
        for (int j = 0; j < 8 && (k < N - 1 || whole); j++) {
          float* s = sums + column(k) + j;
          s[0] = w ? s[0] + dgamma[k][j] : dgamma[k][j];
          s[width] = w ? s[width] + dbeta[k][j] : dbeta[k][j];
        }
    }
    __syncthreads();
  }
  for (int i = threadIdx.x; i < 2 * width; i += blockDim.x) partial[(long)blockIdx.x * 2 * width + i] = sums[i];
}

// dx = ρ·(h - mean(h) - x̂·mean(h·x̂)) with h = dy·γ, and Σ dy·x̂ and Σ dy of the block's
// rows to partial[block]: two values read, one written. plus, where it is not null, is added
// to dx, which may be plus or dy.
KERNEL(layer_norm_grad_256, 128,
       (long rows, int width, T* dx, float* partial, const T* x, const float* gamma, const float* mean,
        const float* rstd, const T* dy, const T* plus)) {
  norm_grad<1>(rows, width, dx, partial, x, gamma, mean, rstd, dy, plus);
}
KERNEL(layer_norm_grad_512, 128,
       (long rows, int width, T* dx, float* partial, const T* x, const float* gamma, const float* mean,
        const float* rstd, const T* dy, const T* plus)) {
  norm_grad<2>(rows, width, dx, partial, x, gamma, mean, rstd, dy, plus);
}
KERNEL(layer_norm_grad_768, 128,
       (long rows, int width, T* dx, float* partial, const T* x, const float* gamma, const float* mean,
        const float* rstd, const T* dy, const T* plus)) {
  norm_grad<3>(rows, width, dx, partial, x, gamma, mean, rstd, dy, plus);
}
KERNEL(layer_norm_grad_1024, 128,
       (long rows, int width, T* dx, float* partial, const T* x, const float* gamma, const float* mean,
        const float* rstd, const T* dy, const T* plus)) {
  norm_grad<4>(rows, width, dx, partial, x, gamma, mean, rstd, dy, plus);
}

template <int V>
DEVICE void norm_dx(long rows, long width, T* dx, const T* x, const float* gamma, const float* mean, const float* rstd,
                    const T* dy) {
  long n = width / V;  // vectors
  for (long r = grid_thread() >> 5; r < rows; r += grid_threads() >> 5) {
    float mu = mean[r], rho = rstd[r], h = 0, hx = 0, v[V], d[V], g[V];
#pragma unroll 1
    for (long i = lane(); i < n; i += 32) {
      load(v, x + (r * n + i) * V);
      load(d, dy + (r * n + i) * V);
      load(g, gamma + i * V);
      for (int j = 0; j < V; j++) h = fmaf(d[j], g[j], h), hx = fmaf(d[j] * g[j], (v[j] - mu) * rho, hx);
    }
    h = warp_sum(h) / (float)width, hx = warp_sum(hx) / (float)width;
#pragma unroll 1
    for (long i = lane(); i < n; i += 32) {
      load(v, x + (r * n + i) * V);
      load(d, dy + (r * n + i) * V);
      load(g, gamma + i * V);
      for (int j = 0; j < V; j++) d[j] = rho * (fmaf(d[j], g[j], -h) - (v[j] - mu) * rho * hx);
      store(dx + (r * n + i) * V, d);
    }
  }
}
// dx for every width.
KERNEL(layer_norm_dx, 256,
       (long rows, long width, T* dx, const T* x, const float* gamma, const float* mean, const float* rstd,
        const T* dy)) {
  BY_VECTOR(width, norm_dx, rows, width, dx, x, gamma, mean, rstd, dy);
}

// Σ dy·x̂ and Σ dy over rows for every width, the first stage.
template <int V>
DEVICE void norm_sums(int lanes, long rows, long width, float* partial, const T* x, const float* mean,
                      const float* rstd, const T* dy) {
  Columns<V> c(lanes, width);
  float sums[2][V] = {};
  if (c.any()) {
#pragma unroll 2
    for (long r = c.row; r < rows; r += c.step) {
      float v[V], d[V];
      load(v, x + c.at(r));
      load(d, dy + c.at(r));
      for (int j = 0; j < V; j++) {
        sums[0][j] = fmaf(d[j], (v[j] - mean[r]) * rstd[r], sums[0][j]);
        sums[1][j] += d[j];
      }
    }
  }
  c.sum(sums, partial);
}
KERNEL(layer_norm_sums, 256,
       (int lanes, long rows, long width, float* partial, const T* x, const float* mean, const float* rstd,
        const T* dy)) {
  BY_VECTOR(width, norm_sums, lanes, rows, width, partial, x, mean, rstd, dy);
}
