// Loops over matrices by rows, one value or a vector at a time.
#pragma once
#include "kernel.h"

// each_in_rows calls f(row, column) for the elements of a [rows, width] matrix, shared over
// the threads of the grid's x.
template <class F> DEVICE void each_in_rows(long rows, long width, F f) {
  FOR_GRID(i, rows * width) {
    long r = i / width;
    f(r, i - r * width);
  }
}

// Bytes as numbers, 4 or 8 in a vector.
DEVICE float load(const unsigned char* p) { return *p; }
DEVICE void unpack_bytes(float* v, unsigned w) {
  v[0] = w & 255, v[1] = w >> 8 & 255, v[2] = w >> 16 & 255, v[3] = w >> 24;
}
template <int N> DEVICE void load(float (&v)[N], const unsigned char* p) {
  if constexpr (N == 8) {
    uint2 w = *reinterpret_cast<const uint2*>(p);
    unpack_bytes(v, w.x), unpack_bytes(v + 4, w.y);
  } else {
    static_assert(N == 4, "a vector of bytes has 4 or 8");
    unpack_bytes(v, *reinterpret_cast<const unsigned*>(p));
  }
}

// Indices.
DEVICE int load(const int* p) { return *p; }
DEVICE void store(int* p, int v) { *p = v; }
template <int N> DEVICE void load(int (&v)[N], const int* p) {
#pragma unroll
  for (int i = 0; i < N; i += 4) {
    int4 w = *reinterpret_cast<const int4*>(p + i);
    v[i] = w.x, v[i + 1] = w.y, v[i + 2] = w.z, v[i + 3] = w.w;
  }
}
template <int N> DEVICE void store(int* p, const int (&v)[N]) {
#pragma unroll
  for (int i = 0; i < N; i += 4) *reinterpret_cast<int4*>(p + i) = make_int4(v[i], v[i + 1], v[i + 2], v[i + 3]);
}

// read and write are load and store of N values, 1 among them.
template <int N, class V, class P> DEVICE void read(V (&v)[N], const P* p) {
  if constexpr (N == 1) v[0] = load(p);
  else load(v, p);
}
template <int N, class V, class P> DEVICE void write(P* p, const V (&v)[N]) {
  if constexpr (N == 1) store(p, v[0]);
  else store(p, v);
}
template <int N, class V> DEVICE void fill(V (&v)[N], V s) {
#pragma unroll
  for (int k = 0; k < N; k++) v[k] = s;
}

// multiples tells whether n, a power of two, divides all sizes.
template <class... L> DEVICE bool multiples(long n, L... sizes) { return ((sizes | ...) & (n - 1)) == 0; }

// What an index outside its range gives, so that the step's check for numbers that are not
// finite finds it: nothing outside is read or written.
DEVICE float not_a_number() { return __uint_as_float(0x7fc00000u); }
