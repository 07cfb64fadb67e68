// Elementwise kernels over n values. y may be a or b.
#include "typed.h"
#include "map.h"

KERNEL(add, 256, (long n, T* y, const T* a, const T* b)) {
  map(n, y, a, b, [](float u, float v) { return u + v; });
}

// y = s·x for one number s
KERNEL(scale, 256, (long n, T* y, const T* x, const float* s)) {
  float by = *s;
  map(n, y, x, [by](float u) { return by * u; });
}

// The storage of y tells the kernel: cast_bf16 reads float and writes bf16.
KERNEL(cast, 256, (long n, T* y, const Other* x)) {
  map(n, y, x, [](float u) { return u; });
}

KERNEL(copy, 256, (long n, T* y, const T* x)) {
  map(n, y, x, [](float u) { return u; });
}
