// Softmax over the last dimension, and its logarithm. One warp for each row; a row is read
// from memory once and again from the cache.
#include "typed.h"

// Reads x, writes y.
KERNEL(softmax, 256, (long rows, long width, int log, T* y, const T* x)) {
  long step = grid_threads() / 32;
  for (long r = grid_thread() / 32; r < rows; r += step) {
    const T* from = x + r * width;
    T* to = y + r * width;
    float top = -INFINITY, sum = 0.f;
    for (long i = lane(); i < width; i += 32) top = fmaxf(top, load(from + i));
    top = warp_max(top);
    for (long i = lane(); i < width; i += 32) sum += expf(load(from + i) - top);
    sum = warp_sum(sum);
    float lse = top + logf(sum), factor = 1.f / sum;
    for (long i = lane(); i < width; i += 32) {
      float v = load(from + i);
      store(to + i, log ? v - lse : expf(v - top) * factor);
    }
  }
}

// dx = y·(dy - ⟨y, dy⟩), or dy - exp(y)·Σdy for the logarithm. Reads y, dy, writes dx.
KERNEL(softmax_grad, 256, (long rows, long width, int log, T* dx, const T* y, const T* dy)) {
  long step = grid_threads() / 32;
  for (long r = grid_thread() / 32; r < rows; r += step) {
    long at = r * width;
    float sum = 0.f;
    for (long i = lane(); i < width; i += 32) {
      float d = load(dy + at + i);
      sum += log ? d : d * load(y + at + i);
    }
    sum = warp_sum(sum);
    for (long i = lane(); i < width; i += 32) {
      float v = load(y + at + i), d = load(dy + at + i);
      store(dx + at + i, log ? d - expf(v) * sum : v * (d - sum));
    }
  }
}
