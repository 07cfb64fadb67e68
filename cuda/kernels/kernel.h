// What all kernels share. A file of kernels that are the same for every storage includes
// this; one whose kernels exist for both storages of activations includes typed.h.
//
// KERNEL(name, threads, (parameters)) { body } is a kernel for blocks of at most
// `threads` threads, a literal. Parameters are pointers, long (64 bits), int and float.
#pragma once
#include "emu.h"

#ifndef KERNEL
#define KERNEL(name, threads, params) KERNEL_ENTRY(name, threads, params)
#endif

#define ALL_LANES 0xffffffffu

template <class I> DEVICE constexpr I ceil_div(I a, I b) { return (a + b - 1) / b; }

DEVICE int lane() { return threadIdx.x & 31; }
DEVICE int warp() { return threadIdx.x >> 5; }

// FOR_GRID(i, n) { body } shares i = 0..n-1 over all threads of the grid's x.
#define FOR_GRID(i, n) \
  for (long i = grid_thread(), i##_step = grid_threads(); i < (n); i += i##_step)
DEVICE long grid_thread() { return (long)blockIdx.x * blockDim.x + threadIdx.x; }
DEVICE long grid_threads() { return (long)gridDim.x * blockDim.x; }

// Values are kept as float or bf16 and computed with as float.
DEVICE float to_float(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }
DEVICE float low_float(unsigned pair) { return __uint_as_float(pair << 16); }
DEVICE float high_float(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }
DEVICE float load(const float* p) { return *p; }
DEVICE float load(const bf16* p) { return to_float(*p); }
DEVICE void store(float* p, float v) { *p = v; }
DEVICE void store(bf16* p, float v) { *p = to_bf16(v); }

// load(v, p) and store(p, v) move N values at once, in accesses of up to 16 bytes; p is
// aligned to all N of them, or to 16 bytes where they are more.
template <int N> DEVICE void load(float (&v)[N], const float* p) {
  if constexpr (N % 4 == 0) {
#pragma unroll
    for (int i = 0; i < N; i += 4) {
      float4 w = *reinterpret_cast<const float4*>(p + i);
      v[i] = w.x, v[i + 1] = w.y, v[i + 2] = w.z, v[i + 3] = w.w;
    }
  } else {
    static_assert(N == 2, "a vector has 2 values or a multiple of 4");
    float2 w = *reinterpret_cast<const float2*>(p);
    v[0] = w.x, v[1] = w.y;
  }
}
template <int N> DEVICE void store(float* p, const float (&v)[N]) {
  if constexpr (N % 4 == 0) {
#pragma unroll
    for (int i = 0; i < N; i += 4) *reinterpret_cast<float4*>(p + i) = make_float4(v[i], v[i + 1], v[i + 2], v[i + 3]);
  } else {
    static_assert(N == 2, "a vector has 2 values or a multiple of 4");
    *reinterpret_cast<float2*>(p) = make_float2(v[0], v[1]);
  }
}
DEVICE void unpack(float* v, unsigned pair) { v[0] = low_float(pair), v[1] = high_float(pair); }
template <int N> DEVICE void load(float (&v)[N], const bf16* p) {
  if constexpr (N % 8 == 0) {
#pragma unroll
    for (int i = 0; i < N; i += 8) {
      uint4 w = *reinterpret_cast<const uint4*>(p + i);
      unpack(v + i, w.x), unpack(v + i + 2, w.y), unpack(v + i + 4, w.z), unpack(v + i + 6, w.w);
    }
  } else if constexpr (N == 4) {
    uint2 w = *reinterpret_cast<const uint2*>(p);
    unpack(v, w.x), unpack(v + 2, w.y);
  } else {
    static_assert(N == 2, "a vector has 2 or 4 values or a multiple of 8");
    unpack(v, *reinterpret_cast<const unsigned*>(p));
  }
}
template <int N> DEVICE void store(bf16* p, const float (&v)[N]) {
  if constexpr (N % 8 == 0) {
#pragma unroll
    for (int i = 0; i < N; i += 8)
      *reinterpret_cast<uint4*>(p + i) = make_uint4(pack_bf16(v[i], v[i + 1]), pack_bf16(v[i + 2], v[i + 3]),
                                                    pack_bf16(v[i + 4], v[i + 5]), pack_bf16(v[i + 6], v[i + 7]));
  } else if constexpr (N == 4) {
    *reinterpret_cast<uint2*>(p) = make_uint2(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]));
  } else {
    static_assert(N == 2, "a vector has 2 or 4 values or a multiple of 8");
    *reinterpret_cast<unsigned*>(p) = pack_bf16(v[0], v[1]);
  }
}
// aligned tells whether a vector of `bytes` (a power of two) may be read at all of p.
template <class... P> DEVICE bool aligned(int bytes, const P*... p) {
  return (((unsigned long)p | ...) & (unsigned long)(bytes - 1)) == 0;
}

// Reductions have a fixed order, hence the same bits every time. Every lane, or every
// thread of a block whose size is a multiple of 32, takes part and gets the result.
struct Sum {
  static constexpr float none = 0.f;
  DEVICE static float join(float a, float b) { return a + b; }
};
struct Max {
  static constexpr float none = -3.402823466e38f;
  DEVICE static float join(float a, float b) { return fmaxf(a, b); }
};
template <class Op> DEVICE float warp_reduce(float v) {
#pragma unroll
  for (int i = 16; i > 0; i >>= 1) v = Op::join(v, __shfl_xor_sync(ALL_LANES, v, i));
  return v;
}
template <class Op> DEVICE float block_reduce(float v) {
  SMEM(float, parts, [32]);
  v = warp_reduce<Op>(v);
  __syncthreads();  // an earlier reduction has been read
  if (lane() == 0) parts[warp()] = v;
  __syncthreads();
  return warp_reduce<Op>(lane() < (int)blockDim.x / 32 ? parts[lane()] : Op::none);
}
DEVICE float warp_sum(float v) { return warp_reduce<Sum>(v); }
DEVICE float warp_max(float v) { return warp_reduce<Max>(v); }
DEVICE float block_sum(float v) { return block_reduce<Sum>(v); }
DEVICE float block_max(float v) { return block_reduce<Max>(v); }

// philox is Block of package philox: the four words at a counter of a keyed stream
// (Philox4x32-10).
DEVICE uint4 philox(unsigned long key, uint4 c) {
  unsigned k0 = (unsigned)key, k1 = (unsigned)(key >> 32);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    unsigned long p0 = 0xD2511F53ul * c.x, p1 = 0xCD9E8D57ul * c.z;
    c = make_uint4((unsigned)(p1 >> 32) ^ c.y ^ k0, (unsigned)p1, (unsigned)(p0 >> 32) ^ c.w ^ k1, (unsigned)p0);
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return c;
}
// uniform maps a word to [0, 1) with 24 bits, exactly.
DEVICE float uniform(unsigned w) { return (float)(w >> 8) * (1.f / 16777216.f); }
