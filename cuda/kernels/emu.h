// The device as kernels see it, in two meanings: for NVRTC and nvcc thin wrappers over PTX,
// for g++ an emulation on the host (emu/device.h). No header of the CUDA toolkit is needed.
//
// Shared memory is declared with SMEM and SMEM_DYN only, so that the emulation can place
// it where overruns and reads of unwritten values show.
#pragma once
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

#define DEVICE __device__ __forceinline__
// SMEM(float, tile, [32][33]) is a static array of the block.
#define SMEM(type, name, dims) __shared__ __align__(16) type name dims
// SMEM_DYN(float, tile) is the dynamic shared memory of the launch.
#define SMEM_DYN(type, name)                                           \
  extern __shared__ __align__(128) unsigned char dynamic_shared_[]; \
  type* name = reinterpret_cast<type*>(dynamic_shared_)

// bf16 is the upper half of a float32. It is storage only: arithmetic is float32.
struct bf16 { unsigned short bits; };

// to_bf16 rounds to nearest even; NaN becomes 0x7fff.
DEVICE bf16 to_bf16(float x) {
  bf16 y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
}
// pack_bf16 rounds two numbers into the low and the high half of a word.
DEVICE unsigned pack_bf16(float lo, float hi) {
  unsigned y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(hi), "f"(lo));
  return y;
}

#define INFINITY __uint_as_float(0x7f800000u)
// exp2_approx is one instruction, to 2 ulp; results below 2^-126 are 0.
DEVICE float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
// rcp_approx is 1/x in one instruction, to 1 ulp; that of x below 2^-126 is infinite.
DEVICE float rcp_approx(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

DEVICE unsigned shared_address(const void* p) { return (unsigned)__cvta_generic_to_shared(p); }

// mma_m16n8k16_bf16 is d[16,8] = a[16,16]·b[16,8] + c by one warp. Lane l holds, with
// g = l/4 and q = 2(l%4): of a rows g and g+8 in columns q, q+1 (a[0], a[1]) and q+8, q+9
// (a[2], a[3]); of b rows q, q+1 (b[0]) and q+8, q+9 (b[1]) of column g; of c and d
// columns q, q+1 of row g ([0], [1]) and of row g+8 ([2], [3]).
DEVICE void mma_m16n8k16_bf16(float d[4], const unsigned a[4], const unsigned b[2], const float c[4]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
}
// ldmatrix_x4 reads four 8x8 matrices of bf16 from shared memory: lane 8i+j gives the
// address of row j of matrix i, 16-byte aligned, and lane l gets of matrix i the elements
// q, q+1 of row g, as mma wants them.
DEVICE void ldmatrix_x4(unsigned r[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
// ldmatrix_x4_trans transposes each matrix on the way.
DEVICE void ldmatrix_x4_trans(unsigned r[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
// cp_async16 copies 16 bytes to shared memory asynchronously, zeros where !valid (src must
// still be a good address). Both are 16-byte aligned.
DEVICE void cp_async16(void* dst, const void* src, bool valid = true) {
  asm volatile("cp.async.cg.shared.global [%0],[%1],16,%2;" ::"r"(shared_address(dst)),
               "l"(__cvta_generic_to_global(src)), "r"(valid ? 16 : 0) : "memory");
}
DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// cp_async_wait waits until at most N committed groups of this thread are under way.
template <int N> DEVICE void cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

#ifdef ONE_BLOCK  // a file that wants registers rather than several blocks on a processor
#define KERNEL_ENTRY(name, threads, params) extern "C" __global__ void __launch_bounds__(threads, 1) name params
#else
#define KERNEL_ENTRY(name, threads, params) extern "C" __global__ void __launch_bounds__(threads) name params
#endif

#else
#include "emu/device.h"
#include "emu/table.h"
#endif
