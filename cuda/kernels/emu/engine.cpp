//go:build m2ptemu

// The schedule of a block: who runs next, barriers, warp operations, and what went wrong.
#include "engine.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fiber.h"

// Edges of order between threads, for the detector of races.
#ifdef __SANITIZE_THREAD__
#define RELEASE(cell) __tsan_release(&(cell))
#define ACQUIRE(cell) __tsan_acquire(&(cell))
#else
#define RELEASE(cell) (void)(cell)
#define ACQUIRE(cell) (void)(cell)
#endif

namespace emu {
__thread Engine E;

EMU_RAW static void note_args(const char* format, va_list ap) {
  size_t n = strlen(E.error);
  vsnprintf(E.error + n, sizeof E.error - n, format, ap);
}
EMU_RAW void note(const char* format, ...) {
  va_list ap;
  va_start(ap, format);
  note_args(format, ap);
  va_end(ap);
}
EMU_RAW void note_block() {
  E.error[0] = 0, E.failed = true;
  note("block (%u,%u,%u): ", E.block.x, E.block.y, E.block.z);
}
[[noreturn]] EMU_RAW static void leave() {
  switch_to(E.cur, &E.main);
  abort();
}
EMU_RAW void fail(const char* format, ...) {
  note_block();
  va_list ap;
  va_start(ap, format);
  note_args(format, ap);
  va_end(ap);
  leave();
}

EMU_RAW static bool together(const Fiber& a, const Fiber& b) {
  return a.state == b.state && a.at.line == b.at.line && a.at.what == b.at.what;
}
// stalled tells who waits where: nothing can run although threads are left.
[[noreturn]] EMU_RAW static void stalled() {
  note_block();
  note("deadlock or divergence:");
  for (unsigned i = 0; i < E.nthreads; i++) {
    const Fiber& f = E.fibers[i];
    if (f.state == Fiber::Done) continue;
    unsigned n = 0, first = i;
    for (unsigned j = E.nthreads; j-- > 0;)
      if (together(f, E.fibers[j])) n++, first = j;
    if (first == i) note(" %u threads wait in %s at %s:%d (first: thread %u);", n, f.at.what, f.at.file, f.at.line, i);
  }
  note(" %u of %u threads have returned", E.done, E.nthreads);
  leave();
}

EMU_RAW static uint64_t random_bits() {  // xorshift64*
  E.rng ^= E.rng << 13, E.rng ^= E.rng >> 7, E.rng ^= E.rng << 17;
  return E.rng * 0x2545F4914F6CDD1Dull >> 24;
}
// next takes a runnable fiber: of this warp if it can, in a random order if it shall.
EMU_RAW static Fiber* next() {
  unsigned first = E.cur == &E.main ? 0 : (unsigned)(E.cur->warp - E.warps), rot = 0;
  if (E.seed) {
    uint64_t r = random_bits();
    rot = r & 31;
    if ((r >> 5 & 3) == 0 || E.cur == &E.main) first = (unsigned)((r >> 8) % E.nwarps);
  }
  for (unsigned k = 0; k < E.nwarps; k++) {
    Warp* w = &E.warps[first + k < E.nwarps ? first + k : first + k - E.nwarps];
    unsigned m = w->runnable;
    if (!m) continue;
    unsigned lane = ((unsigned)__builtin_ctz(rot ? m >> rot | m << (32 - rot) : m) + rot) & 31;
    w->runnable &= ~(1u << lane);
    return w->fibers + lane;
  }
  if (E.done != E.nthreads) stalled();
  return &E.main;
}
EMU_RAW static void suspend() {
  Fiber *me = E.cur, *to = next();
  if (to != me) switch_to(me, to);
}
EMU_RAW static void thread() {
  begin_fiber();
  ACQUIRE(E.sync_start);
  E.call(E.args);
  if (E.cur->ncopy) fail("a thread returned with %u asynchronous copies not waited for", E.cur->ncopy);
  RELEASE(E.sync_end);
  E.cur->state = Fiber::Done;
  E.done++;
  switch_to(E.cur, next());
  abort();
}

EMU_RAW static void open_barrier(Site s) {
  for (unsigned i = 0; i < E.nthreads; i++) {
    Fiber& f = E.fibers[i];
    if (f.at.line != s.line || strcmp(f.at.file, s.file))
      fail("threads meet in different __syncthreads: thread %u at %s:%d, others at %s:%d", i, f.at.file, f.at.line, s.file,
           s.line);
    f.state = Fiber::Live;
  }
  for (unsigned w = 0; w < E.nwarps; w++) E.warps[w].runnable = E.warps[w].exist;
  E.arrived = 0;
  E.gen++;
}
// Two cells of order take turns, so that who leaves late does not inherit what is released
// to the next barrier.
EMU_RAW void barrier(Site s) {
  char& cell = E.sync[E.gen & 1];
  RELEASE(cell);
  E.cur->state = Fiber::AtBarrier;
  E.cur->at = s;
  if (++E.arrived == E.nthreads) open_barrier(s);
  suspend();
  ACQUIRE(cell);
}

// check_lanes refuses lanes that came to another operation.
EMU_RAW static void check_lanes(const Warp* w, const Site& s, unsigned mask) {
  for (unsigned m = mask; m; m &= m - 1) {
    Fiber& f = w->fibers[__builtin_ctz(m)];
    if (f.at.line != s.line || f.at.what != s.what || f.mask != mask)
      fail("lanes of one warp meet in different operations: lane %u in %s at %s:%d mask %08x, lane %u in %s at %s:%d mask %08x",
           f.lane, f.at.what, f.at.file, f.at.line, f.mask, E.cur->lane, s.what, s.file, s.line, mask);
    f.state = Fiber::Live;
  }
}
EMU_RAW void collective(Site s, unsigned mask, void* args, LaneFn fn, bool order) {
  Fiber* me = E.cur;
  Warp* w = me->warp;
  unsigned bit = 1u << me->lane, gen = w->gen & 1;
  if (!(mask & bit)) fail("%s at %s:%d: lane %u is not in its own mask %08x", s.what, s.file, s.line, me->lane, mask);
  if (mask & ~w->exist) fail("%s at %s:%d: mask %08x names lanes the block does not have", s.what, s.file, s.line, mask);
  if (order) RELEASE(w->sync[gen]);
  me->state = Fiber::AtWarpOp;
  me->at = s;
  me->mask = mask;
  w->slot[me->lane] = args;
  w->waiting |= bit;
  if ((w->waiting & mask) != mask) {
    suspend();
  } else {
    check_lanes(w, s, mask);
    if (fn) fn(w->slot, mask);
    w->waiting &= ~mask;
    w->runnable |= mask & ~bit;
    if (order) w->gen++;
    if (E.seed) {
      w->runnable |= bit;
      suspend();
    }
  }
  if (!order) return;
  ACQUIRE(w->sync[gen]);
  if (mask != ~0u) ACQUIRE(w->sync[gen ^ 1]);
}

EMU_RAW static void run_block(size_t dynamic) {
  begin_shared(dynamic);
  E.arrived = E.done = E.gen = 0;
  for (unsigned i = 0; i < E.nthreads; i++) {
    Fiber& f = E.fibers[i];
    reset(&f, thread);
    f.tid = {i, 0, 0};
    f.warp = &E.warps[i / 32], f.lane = i % 32, f.state = Fiber::Live, f.fake = nullptr;
    f.ncopy = f.group = 0;
  }
  for (unsigned w = 0; w < E.nwarps; w++) {
    unsigned n = E.nthreads - w * 32;
    Warp& p = E.warps[w];
    p.exist = p.runnable = n >= 32 ? ~0u : (1u << n) - 1;
    p.waiting = p.gen = 0, p.fibers = E.fibers + w * 32;
  }
  RELEASE(E.sync_start);
  E.cur = &E.main, E.fresh = true;
  switch_to(&E.main, next());
  end_shared();
}
EMU_RAW static void run_blocks(size_t dynamic) {
  const uint3& g = E.grid_dim;
  size_t blocks = (size_t)g.x * g.y * g.z, shift = E.seed ? random_bits() % blocks : 0;
  bool back = E.seed && (random_bits() & 1);
  for (size_t k = 0; k < blocks && !E.failed; k++) {
    size_t b = ((back ? blocks - 1 - k : k) + shift) % blocks;
    E.block = {(unsigned)(b % g.x), (unsigned)(b / g.x % g.y), (unsigned)(b / g.x / g.y)};
    run_block(dynamic);
  }
}
EMU_RAW const char* run(uint3 grid, unsigned block, size_t dynamic, uint64_t seed, Call call, const uint64_t* args) {
  E.failed = false, E.error[0] = 0;
  if (!grid.x || !grid.y || !grid.z || !block || block > kMaxThreads) {
    note("a grid of %ux%ux%u blocks of %u threads: want at least one, at most %u threads", grid.x, grid.y, grid.z, block, kMaxThreads);
    return E.error;
  }
  if (dynamic > kSharedMax) {
    note("%zu bytes of dynamic shared memory: want at most %zu", dynamic, kSharedMax);
    return E.error;
  }
  need_fibers(block);
  E.nthreads = block, E.nwarps = (block + 31) / 32, E.block_dim = {block, 1, 1}, E.grid_dim = grid;
  E.call = call, E.args = args, E.seed = seed, E.rng = seed * 0x9E3779B97F4A7C15ull | 1;
#ifdef __SANITIZE_THREAD__
  E.main.tsan = __tsan_get_current_fiber();
#endif
  run_blocks(dynamic);
  ACQUIRE(E.sync_end);
  free_shared();
  return E.error;
}
}  // namespace emu
