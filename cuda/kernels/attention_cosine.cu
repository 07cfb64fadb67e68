// Cosine attention: the lengths of queries and keys are set before attention. One warp for
// each head of a token's q, k and v.
#include "typed.h"

// COSINE_EPS is in the place of the length of a row of none; the scale is at most
// COSINE_MAX_SCALE, τ at least COSINE_MIN_TAU.
constexpr float COSINE_EPS = 1e-12f, COSINE_MAX_SCALE = 4.6052f, COSINE_MIN_TAU = 0.01f;

// cosine_factor is the length of a head's queries, cosine_slope its derivative by s.
DEVICE float cosine_factor(float s, int tau, int width) {
  float f = tau ? 1.f / fmaxf(s, COSINE_MIN_TAU) : expf(fminf(s, COSINE_MAX_SCALE));
  return f * sqrtf((float)width);
}
DEVICE float cosine_slope(float s, int tau, int width) {
  float f = cosine_factor(s, tau, width);
  if (tau) return s >= COSINE_MIN_TAU ? -f / s : 0.f;
  return s <= COSINE_MAX_SCALE ? f : 0.f;
}
DEVICE float cosine_length(const T* u, int width) {
  float square = 0.f;
  for (int c = lane(); c < width; c += 32) square += load(u + c) * load(u + c);
  return fmaxf(sqrtf(warp_sum(square)), COSINE_EPS);
}

// y = (q/|q|·factor, k/|k|, v) of count = B·N·3·heads rows. Reads qkv, writes y.
KERNEL(cosine_qk, 256, (long count, int heads, int width, int tau, T* y, const T* qkv, const float* scale)) {
  long step = grid_threads() / 32;
  for (long i = grid_thread() / 32; i < count; i += step) {
    const T* u = qkv + i * width;
    int part = (int)(i / heads % 3);
    float f = 1.f;
    if (part < 2) f = (part == 0 ? cosine_factor(scale[i % heads], tau, width) : 1.f) / cosine_length(u, width);
    for (int c = lane(); c < width; c += 32) store(y + i * width + c, load(u + c) * f);
  }
}

// d = f/|u|·(dy - û·⟨û, dy⟩) of q and k, dy of v; along [heads, B·N] = ⟨q̂, dy⟩. Reads qkv
// and dy, writes d.
KERNEL(cosine_qk_grad, 256, (long count, long tokens, int heads, int width, int tau, T* d, float* along, const T* qkv,
                             const float* scale, const T* dy)) {
  long step = grid_threads() / 32;
  for (long i = grid_thread() / 32; i < count; i += step) {
    const T *u = qkv + i * width, *g = dy + i * width;
    int part = (int)(i / heads % 3), h = (int)(i % heads);
    float f = 1.f, pull = 0.f;  // d = f·(dy - pull·u)
    if (part < 2) {
      float inner = 0.f, length = cosine_length(u, width);
      for (int c = lane(); c < width; c += 32) inner += load(u + c) * load(g + c);
      inner = warp_sum(inner) / length;
      f = (part == 0 ? cosine_factor(scale[h], tau, width) : 1.f) / length;
      pull = inner / length;
      if (part == 0 && lane() == 0) along[h * tokens + i / heads / 3] = inner;
    }
    for (int c = lane(); c < width; c += 32) store(d + i * width + c, f * (load(g + c) - pull * load(u + c)));
  }
}

// dscale of head blockIdx.x: its slope times the sum of along.
KERNEL(cosine_scale_grad, 256, (long tokens, int width, int tau, float* dscale, const float* along, const float* scale)) {
  float sum = 0.f;
  for (long i = threadIdx.x; i < tokens; i += blockDim.x) sum += along[blockIdx.x * tokens + i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) dscale[blockIdx.x] = sum * cosine_slope(scale[blockIdx.x], tau, width);
}
