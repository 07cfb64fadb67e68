// Kernels that move tokens or add to them. A thread handles 16 bytes where sizes and
// addresses allow, else an element.
#include "typed.h"
#include "rows.h"

// Columns `from` to from + count of rows `row` wide: y [rows, count]. Moves y twice.
template <int N> DEVICE void cut_rows(long rows, long count, long row, long from, T* y, const T* x) {
  each_in_rows(rows, count / N, [=](long r, long j) {
    float v[N];
    read(v, x + r * row + from + j * N);
    write(y + r * count + j * N, v);
  });
}
KERNEL(cut, 256, (long rows, long count, long row, long from, T* y, const T* x)) {
  if (multiples(WIDE, count, row, from) && aligned(16, y, x)) cut_rows<WIDE>(rows, count, row, from, y, x);
  else cut_rows<1>(rows, count, row, from, y, x);
}

// The adjoint: x [rows, count] in columns from `from` on of rows `row` wide, elsewhere
// token [D] over and over, or zero where there is none; token is for sizes that D divides.
// Moves x and y.
template <int N>
DEVICE void pad_rows(long rows, long count, long row, long from, long D, T* y, const T* x, const float* token) {
  each_in_rows(rows, row / N, [=](long r, long j) {
    float v[N];
    long c = j * N;
    if (from <= c && c < from + count) read(v, x + r * count + c - from);
    else if (token) read(v, token + c % D);
    else fill(v, 0.f);
    write(y + r * row + c, v);
  });
}
KERNEL(pad, 256, (long rows, long count, long row, long from, long D, T* y, const T* x, const float* token)) {
  if (multiples(WIDE, count, row, from, D) && aligned(16, y, x, token))
    pad_rows<WIDE>(rows, count, row, from, D, y, x, token);
  else
    pad_rows<1>(rows, count, row, from, D, y, x, token);
}

// y[b] = x[b] + table for rows n wide. A thread keeps its part of the table for all its
// rows, every gridDim.y-th. Moves x and y; y may be x.
template <int N> DEVICE void add_table(long rows, long n, T* y, const T* x, const float* table) {
  FOR_GRID(j, n / N) {
    float p[N], v[N];
    read(p, table + j * N);
    for (long b = blockIdx.y; b < rows; b += gridDim.y) {
      read(v, x + b * n + j * N);
#pragma unroll
      for (int k = 0; k < N; k++) v[k] += p[k];
      write(y + b * n + j * N, v);
    }
  }
}
KERNEL(add_pos, 256, (long rows, long n, T* y, const T* x, const float* table)) {
  if (multiples(WIDE, n) && aligned(16, y, x, table)) add_table<WIDE>(rows, n, y, x, table);
  else add_table<1>(rows, n, y, x, table);
}

// y[g, m] = x[g, m] + r[g] for M rows of each group, D wide. Moves x and y; y may be x.
template <int N> DEVICE void add_rows(long rows, long M, long D, T* y, const T* x, const T* r) {
  each_in_rows(rows, D / N, [=](long i, long j) {
    float v[N], u[N];
    read(v, x + i * D + j * N);
    read(u, r + i / M * D + j * N);
#pragma unroll
    for (int k = 0; k < N; k++) v[k] += u[k];
    write(y + i * D + j * N, v);
  });
}
KERNEL(add_each, 256, (long rows, long M, long D, T* y, const T* x, const T* r)) {
  if (multiples(WIDE, D) && aligned(16, y, x, r)) add_rows<WIDE>(rows, M, D, y, x, r);
  else add_rows<1>(rows, M, D, y, x, r);
}

// y[j] = x[j / M, index[j]] for rows D wide, N of them in each x[b]; not a number where the
// index is outside. Moves y twice.
template <int W> DEVICE void gather_rows(long rows, long M, long N, long D, T* y, const T* x, const int* index) {
  each_in_rows(rows, D / W, [=](long r, long j) {
    float v[W];
    int i = index[r];
    if (i >= 0 && i < N) read(v, x + (r / M * N + i) * D + j * W);
    else fill(v, not_a_number());
    write(y + r * D + j * W, v);
  });
}
KERNEL(gather, 256, (long rows, long M, long N, long D, T* y, const T* x, const int* index)) {
  if (multiples(WIDE, D) && aligned(16, y, x)) gather_rows<WIDE>(rows, M, N, D, y, x, index);
  else gather_rows<1>(rows, M, N, D, y, x, index);
}
