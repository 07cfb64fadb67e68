// The engine of the emulation: a block's threads are fibers on one thread of the host,
// blocks run one after another. All state belongs to the host's thread, so launches from
// several threads do not disturb each other.
//
// Memory is sequentially consistent, blocks that wait for each other never end, and
// shuffles order no memory, as in CUDA.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __SANITIZE_THREAD__  // detects races: each fiber is a thread to the sanitizer
#include <sanitizer/tsan_interface.h>
#define EMU_RAW __attribute__((no_sanitize("thread")))
#else
#define EMU_RAW
#endif
#if !defined(__x86_64__) && !defined(EMU_UCONTEXT)
#define EMU_UCONTEXT 1
#endif
#ifdef EMU_UCONTEXT
#include <ucontext.h>
#endif

struct uint3 { unsigned x, y, z; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

namespace emu {
struct Site { const char* what; const char* file; int line; };
struct Copy { uint4* dst; const uint4* src; bool valid; unsigned group; };  // cp.async under way
struct Warp;
struct Fiber {
#ifdef EMU_UCONTEXT
  ucontext_t uc;
#else
  void* sp;
#endif
  char* stack;
  uint3 tid;
  Warp* warp;
  unsigned lane, mask;
  Site at;  // where it waits
  enum { Live, AtBarrier, AtWarpOp, Done } state;
  void *tsan, *fake;  // of the sanitizers
  Copy copy[64];
  unsigned ncopy, group;
};
struct Warp {
  unsigned exist, runnable, waiting, gen;
  void* slot[32];  // what each waiting lane brought to the operation
  Fiber* fibers;
  char sync[2];
};
struct Fence { const void* key; size_t begin, end; };  // one array in the shared arena
using Call = void (*)(const uint64_t* args);
struct Engine {
  Fiber *cur, *fibers, main;
  Warp* warps;
  unsigned nthreads, nwarps, cap, arrived, done, gen;
  uint3 block, block_dim, grid_dim;
  char *dyn, *arena, *arena_list;
  size_t arena_cap, arena_used, static_smem;
  Fence fence[64];
  int nfence;
  Call call;
  const uint64_t* args;
  uint64_t seed, rng;  // seed 0: a fixed order; otherwise lanes, warps and blocks run in a random one
  bool failed, fresh;
  char error[1024];
  const void* main_stack;
  size_t main_stack_size;
  char sync[2], sync_start, sync_end;
};
extern __thread Engine E;

constexpr unsigned kMaxThreads = 1024;
constexpr size_t kStaticMax = 48 << 10;  // bytes of static shared memory of a block
constexpr size_t kSharedMax = 163 << 10;  // of static and dynamic together, on sm_80

// run carries out a launch. It returns "" or, valid until the thread's next launch, what
// went wrong.
const char* run(uint3 grid, unsigned block, size_t dynamic, uint64_t seed, Call call, const uint64_t* args);

// barrier is __syncthreads.
void barrier(Site);
// A warp operation: every lane of mask leaves a pointer to its arguments, the last one to
// come runs fn for all. With order it also orders memory between them.
using LaneFn = void (*)(void* const* slot, unsigned mask);
void collective(Site, unsigned mask, void* args, LaneFn fn, bool order = false);
// fail ends the launch with a message; the block's fibers are abandoned where they stand,
// so nothing that calls it may own memory.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

// static_smem is the block's array known by key, NaN until written.
void* static_smem(const void* key, size_t bytes);
bool in_smem(const void*);
}  // namespace emu
