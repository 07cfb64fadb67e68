//go:build m2ptemu

// The bodies of the warp operations: each runs once for a warp, by the last lane to come.
#include "device.h"

namespace emu {
template <Pick P> EMU_RAW void do_shuffle(void* const* slot, unsigned mask) {
  for (unsigned m = mask; m; m &= m - 1) {
    int l = __builtin_ctz(m);
    auto* s = (Shuffle*)slot[l];
    int base = l & ~(s->width - 1), src = 0;
    switch (P) {
      case Pick::Idx: src = base + (s->arg & (s->width - 1)); break;
      case Pick::Xor: src = l ^ s->arg; break;
      case Pick::Down: src = l + s->arg; break;
      case Pick::Up: src = l - s->arg; break;
    }
    bool in = P == Pick::Xor ? src < base + s->width : src >= base && src < base + s->width;
    if (!in) src = l;
    if (!(mask >> src & 1)) fail("shuffle: lane %d reads lane %d, which is not in mask %08x", l, src, mask);
    s->out = ((Shuffle*)slot[src])->in;
  }
}
template void do_shuffle<Pick::Idx>(void* const*, unsigned);
template void do_shuffle<Pick::Xor>(void* const*, unsigned);
template void do_shuffle<Pick::Down>(void* const*, unsigned);
template void do_shuffle<Pick::Up>(void* const*, unsigned);

struct Vote { unsigned in, out; };
EMU_RAW static void do_vote(void* const* slot, unsigned mask) {
  unsigned yes = 0;
  for (unsigned m = mask; m; m &= m - 1) yes |= ((Vote*)slot[__builtin_ctz(m)])->in << __builtin_ctz(m);
  for (unsigned m = mask; m; m &= m - 1) ((Vote*)slot[__builtin_ctz(m)])->out = yes;
}
EMU_RAW unsigned vote(Site at, unsigned mask, bool in) {
  Vote v{in, 0};
  collective(at, mask, &v, do_vote);
  return v.out;
}

static inline float half_of(unsigned pair, int high) { return __uint_as_float(high ? pair & 0xffff0000u : pair << 16); }
struct Mma { float* d; const unsigned *a, *b; const float* c; };
// D[16,8] = A[16,16]·B[16,8] + C in float32, k ascending; see emu.h for who holds what.
EMU_RAW static void do_mma(void* const* slot, unsigned) {
  typedef float Four __attribute__((vector_size(16), may_alias));
  float A[16][16];
  alignas(16) float B[16][8], D[16][8];
  for (int t = 0; t < 32; t++) {
    auto* m = (const Mma*)slot[t];
    int g = t >> 2, q = (t & 3) * 2;
    for (int e = 0; e < 2; e++) {
      A[g][q + e] = half_of(m->a[0], e), A[g + 8][q + e] = half_of(m->a[1], e);
      A[g][q + 8 + e] = half_of(m->a[2], e), A[g + 8][q + 8 + e] = half_of(m->a[3], e);
      B[q + e][g] = half_of(m->b[0], e), B[q + 8 + e][g] = half_of(m->b[1], e);
      D[g][q + e] = m->c[e], D[g + 8][q + e] = m->c[2 + e];
    }
  }
  for (int i = 0; i < 16; i++) {
    Four *d = (Four*)D[i], lo = d[0], hi = d[1];
    for (int k = 0; k < 16; k++) {
      auto* b = (const Four*)B[k];
      lo += A[i][k] * b[0], hi += A[i][k] * b[1];
    }
    d[0] = lo, d[1] = hi;
  }
  for (int t = 0; t < 32; t++) {
    auto* m = (const Mma*)slot[t];
    int g = t >> 2, q = (t & 3) * 2;
    for (int e = 0; e < 2; e++) m->d[e] = D[g][q + e], m->d[2 + e] = D[g + 8][q + e];
  }
}
EMU_RAW void mma(Site at, float d[4], const unsigned a[4], const unsigned b[2], const float c[4]) {
  Mma m{d, a, b, c};
  collective(at, ~0u, &m, do_mma);
}

struct LoadMatrix { const char* mine; const char* row[4][2]; bool trans; };
EMU_RAW static void do_ldmatrix(void* const* slot, unsigned) {
  for (int t = 0; t < 32; t++) {
    auto* a = (LoadMatrix*)slot[t];
    if (!in_smem(a->mine) || (uintptr_t)a->mine % 16)
      fail("ldmatrix: lane %d's row is not in shared memory or not 16-byte aligned", t);
    for (int i = 0; i < 4; i++)  // lanes 8i..8i+7 name the rows of matrix i
      for (int e = 0; e < 2; e++)
        a->row[i][e] = ((LoadMatrix*)slot[i * 8 + (a->trans ? (t & 3) * 2 + e : t >> 2)])->mine;
  }
}
void ldmatrix(Site at, unsigned r[4], const void* row, bool trans) {
  LoadMatrix a{(const char*)row, {}, trans};
  unsigned t = E.cur->lane, col = trans ? t >> 2 : (t & 3) * 2;
  collective(at, ~0u, &a, do_ldmatrix);
  for (int i = 0; i < 4; i++) {
    unsigned lo = ((const uint16_t*)a.row[i][0])[col], hi = ((const uint16_t*)a.row[i][1])[trans ? col : col + 1];
    r[i] = lo | hi << 16;
  }
}

EMU_RAW void async_copy(void* dst, const void* src, bool valid) {
  Fiber* f = E.cur;
  if (f->ncopy == sizeof f->copy / sizeof f->copy[0]) fail("more than %u asynchronous copies under way", f->ncopy);
  if (!in_smem(dst) || (uintptr_t)dst % 16 || (uintptr_t)src % 16)
    fail("cp.async to %p from %p: the one must lie in shared memory, both be 16-byte aligned", dst, src);
  f->copy[f->ncopy++] = {(uint4*)dst, (const uint4*)src, valid, f->group};
}
void async_wait(unsigned groups) {  // sanitizers see the accesses here
  Fiber* f = E.cur;
  unsigned kept = 0;
  for (unsigned i = 0; i < f->ncopy; i++) {
    Copy c = f->copy[i];
    if (c.group + groups >= f->group) f->copy[kept++] = c;
    else *c.dst = c.valid ? *c.src : uint4{0, 0, 0, 0};
  }
  f->ncopy = kept;
}
}  // namespace emu
