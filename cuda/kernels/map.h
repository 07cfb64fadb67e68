// Elementwise loops: y[i] = f(a[i], ...), eight values at a time where the addresses allow.
#pragma once
#include "kernel.h"

// Share is the part of a loop that a thread does: every step-th turn, from `first` on.
struct Share { long first, step; };
DEVICE Share of_grid() { return {grid_thread(), grid_threads()}; }

// map does i = from..to-1. The compiler stores a vector at once only where it sees that the
// index is a multiple of its length.
template <class F, class Y, class A> DEVICE void map(Share s, long from, long to, Y* y, const A* a, F f) {
  bool wide = from % 8 == 0 && aligned(16, y, a);
  for (long i = from / 8 + s.first; wide && i < to / 8; i += s.step) {
    float u[8];
    load(u, a + i * 8);
#pragma unroll
    for (int k = 0; k < 8; k++) u[k] = f(u[k]);
    store(y + i * 8, u);
  }
#pragma unroll 1
  for (long k = (wide ? to / 8 * 8 : from) + s.first; k < to; k += s.step) store(y + k, f(load(a + k)));
}

template <class F, class Y, class A, class B>
DEVICE void map(Share s, long from, long to, Y* y, const A* a, const B* b, F f) {
  bool wide = from % 8 == 0 && aligned(16, y, a, b);
  for (long i = from / 8 + s.first; wide && i < to / 8; i += s.step) {
    float u[8], v[8];
    load(u, a + i * 8);
    load(v, b + i * 8);
#pragma unroll
    for (int k = 0; k < 8; k++) u[k] = f(u[k], v[k]);
    store(y + i * 8, u);
  }
#pragma unroll 1
  for (long k = (wide ? to / 8 * 8 : from) + s.first; k < to; k += s.step) store(y + k, f(load(a + k), load(b + k)));
}

// The same for all of n values, shared over the whole grid.
template <class F, class Y, class A> DEVICE void map(long n, Y* y, const A* a, F f) { map(of_grid(), 0, n, y, a, f); }
template <class F, class Y, class A, class B> DEVICE void map(long n, Y* y, const A* a, const B* b, F f) {
  map(of_grid(), 0, n, y, a, b, f);
}
