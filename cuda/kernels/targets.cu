// Rows of targets, always in full, and patches made alike.
#include "kernel.h"
#include "rows.h"

// y[b] = λ·t[b] + (1-λ)·t[B-1-b]: rows of K.
KERNEL(mix_targets, 256, (long B, long K, float* y, const float* t, const float* lambda)) {
  each_in_rows(B, K, [=](long b, long k) {
    y[b * K + k] = lambda[b] * t[b * K + k] + (1 - lambda[b]) * t[(B - 1 - b) * K + k];
  });
}

// Rows of K with `on` at the label and `off` elsewhere, not a number for a label outside.
KERNEL(one_hot, 256, (long rows, long K, float* t, const int* labels, float on, float off)) {
  each_in_rows(rows, K, [=](long r, long k) {
    int label = labels[r];
    t[r * K + k] = label < 0 || label >= K ? not_a_number() : label == k ? on : off;
  });
}

// y = (x - mean) / (√(variance + var_eps) + std_eps), the variance unbiased, over every
// C-th of the P numbers of a patch: a warp for each. Numbers are taken from the first one,
// so that equal ones have no deviation. Moves x and y, reads x twice more from the caches;
// y may be x.
KERNEL(standardize_patches, 256, (long patches, long P, long C, float* y, const float* x, float var_eps, float std_eps)) {
  long n = P / C, warps = grid_threads() / 32;
  for (long item = grid_thread() / 32; item < patches * C; item += warps) {
    long at = item / C * P + item % C;
    const float* from = x + at;
    float zero = __shfl_sync(ALL_LANES, lane() == 0 ? *from : 0.f, 0), sum = 0, squares = 0;
    for (long i = lane(); i < n; i += 32) sum += from[i * C] - zero;
    float mean = warp_sum(sum) / (float)n;
    for (long i = lane(); i < n; i += 32) {
      float d = from[i * C] - zero - mean;
      squares += d * d;
    }
    float scale = 1.f / (sqrtf(warp_sum(squares) / (float)(n - 1) + var_eps) + std_eps);
    for (long i = lane(); i < n; i += 32) y[at + i * C] = (from[i * C] - zero - mean) * scale;
  }
}
