// The update of parameters, all in float32. Learning rates, corrections and the clip factor
// are read on the device; a clip factor that is not a number leaves everything as it is.
// Outputs may be their inputs.
#include "kernel.h"
#include "map.h"

// step replaces element i of S states, from -> to, by f(s, g), g being clip·grad. It moves
// 4 + 8·S bytes an element.
template <int S, class F>
DEVICE void step(long n, float* const (&to)[S], const float* const (&from)[S], const float* grad, const float* clip, F f) {
  float c = *clip;
  bool wide = aligned(16, grad);
#pragma unroll
  for (int k = 0; k < S; k++) {
    if (c != c && to[k] != from[k]) map(n, to[k], from[k], [](float u) { return u; });
    wide = wide && aligned(16, to[k], from[k]);
  }
  if (c != c) return;
  long m = wide ? n / 4 : 0;
  FOR_GRID(i, m) {
    float s[S][4], g[4];
    load(g, grad + i * 4);
#pragma unroll
    for (int k = 0; k < S; k++) load(s[k], from[k] + i * 4);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      float u[S];
#pragma unroll
      for (int k = 0; k < S; k++) u[k] = s[k][j];
      f(u, c * g[j]);
#pragma unroll
      for (int k = 0; k < S; k++) s[k][j] = u[k];
    }
#pragma unroll
    for (int k = 0; k < S; k++) store(to[k] + i * 4, s[k]);
  }
  FOR_GRID(i, n - m * 4) {
    float u[S];
#pragma unroll
    for (int k = 0; k < S; k++) u[k] = from[k][m * 4 + i];
    f(u, c * grad[m * 4 + i]);
#pragma unroll
    for (int k = 0; k < S; k++) to[k][m * 4 + i] = u[k];
  }
}

// adamw has the states p, m and v: 28 bytes an element. hyper is [lr, 1-β₁ᵗ, 1-β₂ᵗ]; lr
// counts scale times.
KERNEL(adamw, 256, (long n, float* p1, float* m1, float* v1, const float* p, const float* g, const float* m, const float* v,
                    const float* hyper, const float* clip, float scale, float decay, float beta1, float rest1, float beta2,
                    float rest2, float eps)) {
  float lr = scale * hyper[0], rate = lr / hyper[1], root = 1.f / sqrtf(hyper[2]), shrink = fmaf(-lr, decay, 1.f);
  step<3>(n, {p1, m1, v1}, {p, m, v}, g, clip, [=](float (&s)[3], float d) {
    s[1] = beta1 * s[1] + rest1 * d;
    s[2] = beta2 * s[2] + rest2 * d * d;
    s[0] = shrink * s[0] - __fdividef(rate * s[1], sqrtf(s[2]) * root + eps);
  });
}

// sgd has the states p and μ: 20 bytes an element. The gradient is trust·(clip·g + decay·p);
// no trust is 1.
KERNEL(sgd, 256, (long n, float* p1, float* mu1, const float* p, const float* g, const float* mu, const float* lr,
                  const float* clip, const float* trust, float scale, float decay, float momentum, int nesterov)) {
  float rate = scale * *lr, t = trust ? *trust : 1.f;
  step<2>(n, {p1, mu1}, {p, mu}, g, clip, [=](float (&s)[2], float d) {
    d = t * (d + decay * s[0]);
    s[1] = momentum * s[1] + d;
    s[0] -= rate * (nesterov ? d + momentum * s[1] : s[1]);
  });
}

// lars_squares reads 8 bytes an element; block b leaves its part of Σp² in parts[b] and of
// Σ(clip·g + decay·p)² in parts[gridDim + b].
KERNEL(lars_squares, 256, (long n, float* parts, const float* p, const float* g, const float* clip, float decay)) {
  float c = *clip, pp = 0, gg = 0;
  FOR_GRID(i, n) {
    float u = p[i], d = c * g[i] + decay * u;
    pp += u * u, gg += d * d;
  }
  pp = block_sum(pp), gg = block_sum(gg);
  if (threadIdx.x == 0) parts[blockIdx.x] = pp, parts[gridDim.x + blockIdx.x] = gg;
}

DEVICE float sum_parts(int n, const float* parts) {
  float sum = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) sum += parts[i];
  return block_sum(sum);
}

// lars_trust is factor·‖p‖/‖g‖ in one block, 1 where one of the norms is 0.
KERNEL(lars_trust, 1024, (int n, float* trust, const float* parts, float factor)) {
  float pp = sum_parts(n, parts), gg = sum_parts(n, parts + n);
  if (threadIdx.x == 0) *trust = pp == 0 || gg == 0 ? 1.f : factor * sqrtf(pp / gg);
}

// ema moves 12 bytes an element: e + rest·(p - e), which comes to rest at p.
KERNEL(ema, 256, (long n, float* y, const float* e, const float* p, const float* clip, float rest)) {
  bool bad = *clip != *clip;
  if (bad && y == e) return;
  map(n, y, e, p, [=](float u, float v) { return bad ? u : u + rest * (v - u); });
}

struct Piece {
  const float* at;
  long n;
};

// grad_squares reads 4 bytes an element: the sum of squares of a piece for each block.
KERNEL(grad_squares, 256, (float* parts, const Piece* pieces)) {
  Piece x = pieces[blockIdx.x];
  int m = aligned(16, x.at) ? (int)(x.n / 4) : 0;
  float a = 0, b = 0, c = 0, d = 0;
#pragma unroll 4
  for (int i = threadIdx.x; i < m; i += blockDim.x) {
    float4 v = reinterpret_cast<const float4*>(x.at)[i];
    a += v.x * v.x, b += v.y * v.y, c += v.z * v.z, d += v.w * v.w;
  }
  for (int i = m * 4 + threadIdx.x; i < (int)x.n; i += blockDim.x) a += x.at[i] * x.at[i];
  float sum = block_sum((a + b) + (c + d));
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// grad_norm is the root of a sum, in one block.
KERNEL(grad_norm, 1024, (int n, float* y, const float* parts)) {
  float sum = sum_parts(n, parts);
  if (threadIdx.x == 0) *y = sqrtf(sum);
}

// clip_factor is min(1, limit/(norm+1e-6)) of the first of n numbers, 1 where limit is 0,
// and NaN unless all are finite. One thread.
KERNEL(clip_factor, 32, (int n, float* y, const float* const* in, float limit)) {
  if (threadIdx.x > 0) return;
  float factor = limit > 0 ? fminf(1.f, limit / (*in[0] + 1e-6f)) : 1.f;
  for (int i = 0; i < n; i++) {
    float v = *in[i];
    if (!(v - v == 0)) factor = __uint_as_float(0x7fc00000);
  }
  *y = factor;
}
