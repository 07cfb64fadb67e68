// Residual connections whose branch is dropped per sample, and dropout. A sample has n
// values and `parts` blocks; block b has part b % parts of sample b / parts.
#include "typed.h"
#include "map.h"

DEVICE Share of_sample(int parts) {
  return {(long)(blockIdx.x % parts) * blockDim.x + threadIdx.x, (long)parts * blockDim.x};
}

// Keep is what a branch is multiplied by where u decides: scale from `least` on, else 0.
DEVICE float keep(float u, float least, float scale) { return u >= least ? scale : 0.f; }

// y = x + keep(u)·r: two values read, one written. y may be x or r.
KERNEL(drop_path, 256, (int parts, long n, T* y, const T* x, const T* r, const float* u, float least, float scale)) {
  long b = blockIdx.x / parts;
  float s = keep(u[b], least, scale);
  map(of_sample(parts), b * n, b * n + n, y, x, r, [s](float v, float w) { return fmaf(s, w, v); });
}

// dr = keep(u)·dy
KERNEL(drop_path_grad, 256, (int parts, long n, T* dr, const T* dy, const float* u, float least, float scale)) {
  long b = blockIdx.x / parts;
  float s = keep(u[b], least, scale);
  map(of_sample(parts), b * n, b * n + n, dr, dy, [s](float d) { return s * d; });
}

// Mask is ops.Mask: what of values 4i to 4i+3 of a sample is multiplied by.
struct Mask {
  unsigned long key;
  unsigned least, epoch, position;
  float scale;

  DEVICE void at(float (&m)[4], long i) const {
    uint4 w = philox(key, make_uint4((unsigned)i, 0, epoch, position));
    m[0] = of(w.x), m[1] = of(w.y), m[2] = of(w.z), m[3] = of(w.w);
  }
  DEVICE float of(unsigned word) const { return word >> 8 >= least ? scale : 0.f; }
};

// y = x·mask, four values at a time: one read, one written, and about 20 instructions for
// the random number. x is the same for every sample where pitch is 0, else pitch is n.
// keys are epoch and position of each sample. y may be x.
KERNEL(dropout, 256,
       (int parts, long n, long pitch, T* y, const T* x, const int* keys, long key, int least, float scale)) {
  long b = blockIdx.x / parts;
  Mask mask = {(unsigned long)key, (unsigned)least, (unsigned)keys[2 * b], (unsigned)keys[2 * b + 1], scale};
  bool wide = n % 4 == 0 && aligned(4 * sizeof(T), y, x);
  Share s = of_sample(parts);
  for (long i = s.first; i < ceil_div(n, 4l); i += s.step) {
    float m[4], v[4];
    mask.at(m, i);
    if (wide) {
      load(v, x + (b * (pitch / 4) + i) * 4);
      for (int k = 0; k < 4; k++) v[k] *= m[k];
      store(y + (b * (n / 4) + i) * 4, v);
    } else {
      for (int k = 0; k < 4 && i * 4 + k < n; k++)
        store(y + b * n + i * 4 + k, load(x + b * pitch + i * 4 + k) * m[k]);
    }
  }
}
