// The subset of CUDA that kernels use, for g++.
#pragma once
#include <math.h>
#include <string.h>
#include "warp.h"

#define DEVICE inline __attribute__((always_inline))
#define SMEM(type, name, dims)         \
  using name##_shape_ = type dims;     \
  static const char name##_key_ = 0;   \
  name##_shape_& name = *(name##_shape_*)emu::static_smem(&name##_key_, sizeof(name##_shape_))
#define SMEM_DYN(type, name) type* name = (type*)emu::E.dyn

struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
inline int2 make_int2(int a, int b) { return {a, b}; }
inline int4 make_int4(int a, int b, int c, int d) { return {a, b, c, d}; }
inline uint2 make_uint2(unsigned a, unsigned b) { return {a, b}; }
inline uint4 make_uint4(unsigned a, unsigned b, unsigned c, unsigned d) { return {a, b, c, d}; }
inline float2 make_float2(float a, float b) { return {a, b}; }
inline float4 make_float4(float a, float b, float c, float d) { return {a, b, c, d}; }

inline unsigned __float_as_uint(float f) { unsigned u; memcpy(&u, &f, 4); return u; }
inline int __float_as_int(float f) { return (int)__float_as_uint(f); }
inline float __uint_as_float(unsigned u) { float f; memcpy(&f, &u, 4); return f; }
inline float __int_as_float(int i) { return __uint_as_float((unsigned)i); }

struct bf16 { uint16_t bits; };
inline bf16 to_bf16(float x) {
  unsigned u = __float_as_uint(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return {0x7fff};
  return {(uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
}
inline unsigned pack_bf16(float lo, float hi) { return to_bf16(lo).bits | (unsigned)to_bf16(hi).bits << 16; }

// Scalar functions. Those that CUDA approximates are exact here.
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float exp2_approx(float x) { return exp2f(x); }
inline float rcp_approx(float x) { return 1 / x; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
template <class I> inline I min(I a, I b) { return b < a ? b : a; }
template <class I> inline I max(I a, I b) { return a < b ? b : a; }

// Accesses with hints for the caches.
template <class V> inline V __ldg(const V* p) { return *p; }
template <class V> inline V __ldcs(const V* p) { return *p; }
template <class V> inline V __ldcg(const V* p) { return *p; }
template <class V> inline void __stcs(V* p, V v) { *p = v; }
template <class V> inline void __stcg(V* p, V v) { *p = v; }
inline void __threadfence() {}

#define threadIdx (emu::E.cur->tid)
#define blockIdx (emu::E.block)
#define blockDim (emu::E.block_dim)
#define gridDim (emu::E.grid_dim)
