// The operations of a block and of a warp. Each remembers the line it stands on: lanes
// that meet in different lines are an error, stricter than CUDA.
#pragma once
#include <string.h>
#include <type_traits>
#include "engine.h"

#define EMU_AT const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace emu {
enum class Pick { Idx, Xor, Down, Up };
struct Shuffle { uint64_t in, out; int arg, width; };
template <Pick P> EMU_RAW void do_shuffle(void* const* slot, unsigned mask);
extern template void do_shuffle<Pick::Idx>(void* const*, unsigned);
extern template void do_shuffle<Pick::Xor>(void* const*, unsigned);
extern template void do_shuffle<Pick::Down>(void* const*, unsigned);
extern template void do_shuffle<Pick::Up>(void* const*, unsigned);
template <Pick P, class V> EMU_RAW inline V shuffle(const char* what, unsigned mask, V v, int arg, int width, const char* file, int line) {
  static_assert((sizeof(V) == 4 || sizeof(V) == 8) && std::is_trivially_copyable<V>::value, "a shuffle moves 32 or 64 bits");
  Shuffle s{0, 0, arg, width};
  memcpy(&s.in, &v, sizeof v);
  collective({what, file, line}, mask, &s, do_shuffle<P>);
  memcpy(&v, &s.out, sizeof v);
  return v;
}
unsigned vote(Site, unsigned mask, bool);
void mma(Site, float d[4], const unsigned a[4], const unsigned b[2], const float c[4]);
void ldmatrix(Site, unsigned r[4], const void* row, bool trans);
// Copies are carried out as late as the kernel allows, at the wait that covers them, so
// that a missing wait shows.
void async_copy(void* dst, const void* src, bool valid);
void async_wait(unsigned groups);
}  // namespace emu

inline void __syncthreads(EMU_AT) { emu::barrier({"__syncthreads", file, line}); }
inline void __syncwarp(unsigned mask = ~0u, EMU_AT) { emu::collective({"__syncwarp", file, line}, mask, nullptr, nullptr, true); }
template <class V> inline V __shfl_sync(unsigned mask, V v, int src, int width = 32, EMU_AT) {
  return emu::shuffle<emu::Pick::Idx>("__shfl_sync", mask, v, src, width, file, line);
}
template <class V> inline V __shfl_xor_sync(unsigned mask, V v, int x, int width = 32, EMU_AT) {
  return emu::shuffle<emu::Pick::Xor>("__shfl_xor_sync", mask, v, x, width, file, line);
}
template <class V> inline V __shfl_down_sync(unsigned mask, V v, int d, int width = 32, EMU_AT) {
  return emu::shuffle<emu::Pick::Down>("__shfl_down_sync", mask, v, d, width, file, line);
}
template <class V> inline V __shfl_up_sync(unsigned mask, V v, int d, int width = 32, EMU_AT) {
  return emu::shuffle<emu::Pick::Up>("__shfl_up_sync", mask, v, d, width, file, line);
}
inline unsigned __ballot_sync(unsigned mask, int p, EMU_AT) { return emu::vote({"__ballot_sync", file, line}, mask, p != 0); }
inline int __any_sync(unsigned mask, int p, EMU_AT) { return emu::vote({"__any_sync", file, line}, mask, p != 0) != 0; }
inline int __all_sync(unsigned mask, int p, EMU_AT) { return emu::vote({"__all_sync", file, line}, mask, p != 0) == mask; }

inline void mma_m16n8k16_bf16(float d[4], const unsigned a[4], const unsigned b[2], const float c[4], EMU_AT) {
  emu::mma({"mma_m16n8k16", file, line}, d, a, b, c);
}
inline void ldmatrix_x4(unsigned r[4], const void* row, EMU_AT) { emu::ldmatrix({"ldmatrix", file, line}, r, row, false); }
inline void ldmatrix_x4_trans(unsigned r[4], const void* row, EMU_AT) { emu::ldmatrix({"ldmatrix.trans", file, line}, r, row, true); }
inline void cp_async16(void* dst, const void* src, bool valid = true) { emu::async_copy(dst, src, valid); }
inline void cp_async_commit() { emu::E.cur->group++; }
template <int N> inline void cp_async_wait() { emu::async_wait(N); }

// Integers only: sums of float in the order of arrival would differ from run to run.
inline int atomicAdd(int* p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicAdd(unsigned* p, unsigned v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
