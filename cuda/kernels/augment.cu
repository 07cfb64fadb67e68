// Augmentation of a batch of pictures [B, ..., H, W], n numbers to a sample. Boxes are top,
// bottom, left, right, the last two excluded; an empty one has no pixels.
#include "typed.h"
#include "rows.h"

struct Box {
  int4 v;
  DEVICE bool empty() const { return v.x >= v.y || v.z >= v.w; }
  // meets tells whether the box has some of columns from..to of a row.
  DEVICE bool meets(long row, long from, long to) const { return v.x <= row && row < v.y && v.z < to && from < v.w; }
  DEVICE bool has(long row, long column) const { return meets(row, column, column + 1); }
};

// y[b] = λ·x[b] + (1-λ)·x[B-1-b], or where there is a box the partner's pixels in it. A
// thread makes the same pixels of both partners. Moves x and y; y is not x.
template <int N>
DEVICE void mix_pairs(long B, long n, long H, long W, T* y, const T* x, const float* lambda, const int4* boxes) {
  each_in_rows((B + 1) / 2, n / N, [=](long b, long j) {
    long i = j * N, row = i / W, column = i - row * W, of[2] = {b, B - 1 - b};
    row %= H;
    float v[2][N], u[N];
    read(v[0], x + of[0] * n + i);
    read(v[1], x + of[1] * n + i);
#pragma unroll
    for (int s = 0; s < 2; s++) {
      Box box = {boxes[of[s]]};
      float l = lambda[of[s]];
#pragma unroll
      for (int k = 0; k < N; k++)
        u[k] = box.empty() ? l * v[s][k] + (1 - l) * v[1 - s][k] : box.has(row, column + k) ? v[1 - s][k] : v[s][k];
      if (s == 0 || of[0] != of[1]) write(y + of[s] * n + i, u);
    }
  });
}
KERNEL(mix, 256, (long B, long n, long H, long W, T* y, const T* x, const float* lambda, const int4* boxes)) {
  if (multiples(WIDE, W) && aligned(16, y, x)) mix_pairs<WIDE>(B, n, H, W, y, x, lambda, boxes);
  else mix_pairs<1>(B, n, H, W, y, x, lambda, boxes);
}

// Element i of a sample's standard normal numbers (Box-Muller).
DEVICE float noise(unsigned long key, const int* sample, long i) {
  uint4 w = philox(key, make_uint4((unsigned)i, 0, (unsigned)sample[0], (unsigned)sample[1]));
  // cos 2πv = -cos 2π(v - ½), of an angle where __cosf is good to 2⁻²¹
  return -sqrtf(-2.f * logf(1.f - uniform(w.x))) * __cosf(6.2831853071795865f * (uniform(w.y) - 0.5f));
}

// Pixels in the box of their sample become noise: 0 (mode 0), a number for every `plane`
// of them, a channel (1), or for each (2). Moves x and y; y may be x.
template <int N>
DEVICE void erase_boxes(int mode, long B, long n, long plane, long H, long W, unsigned long key, T* y, const T* x,
                        const int4* boxes, const int* samples) {
  each_in_rows(B, n / N, [=](long b, long j) {
    long i = j * N, row = i / W, column = i - row * W;
    row %= H;
    Box box = {boxes[b]};
    const T* from = x + b * n + i;
    T* to = y + b * n + i;
    if (!box.meets(row, column, column + N)) {
      float v[N];
      read(v, from);
      write(to, v);
      return;
    }
#pragma unroll 1
    for (int k = 0; k < N; k++) {
      float v = load(from + k);
      if (box.has(row, column + k)) v = mode == 0 ? 0.f : noise(key, samples + 2 * b, mode == 1 ? i / plane : i + k);
      store(to + k, v);
    }
  });
}
KERNEL(erase, 256, (int mode, long B, long n, long plane, long H, long W, long key, T* y, const T* x,
    const int4* boxes, const int* samples)) {
  if (multiples(WIDE, W) && aligned(16, y, x)) erase_boxes<WIDE>(mode, B, n, plane, H, W, key, y, x, boxes, samples);
  else erase_boxes<1>(mode, B, n, plane, H, W, key, y, x, boxes, samples);
}
