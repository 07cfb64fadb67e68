//go:build m2ptemu

// The shared memory of a block: [red zone][dynamic][red zone][static 1][red zone]...
#include <stdlib.h>
#include <string.h>
#include "fiber.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

namespace emu {
// A race build fills the arena before the block starts, has no red zones, and takes fresh
// memory for each block, so that no order is implied between blocks.
#ifdef __SANITIZE_THREAD__
static const bool race = true;
#else
static const bool race = false;
#endif
static const size_t kRed = 128;              // bytes of a red zone
static const unsigned char kRedByte = 0xA5;
static const unsigned char kUnwritten = 0xFF;  // NaN in any storage
static const int kArrays = sizeof E.fence / sizeof E.fence[0];

EMU_RAW static size_t round_up(size_t n) { return (n + 15) & ~size_t(15); }

EMU_RAW static char* add_fence(const void* key, size_t bytes) {
  size_t begin = E.arena_used, end = begin + bytes;
  ASAN_UNPOISON_MEMORY_REGION(E.arena + begin, bytes);
  if (!race) memset(E.arena + begin, kUnwritten, bytes);
  E.fence[E.nfence++] = {key, begin, end};
  E.arena_used = round_up(end + kRed);
  return E.arena + begin;
}

EMU_RAW static void new_arena(size_t dynamic) {
  if (E.arena && !race) return;
  // The first 16 bytes chain the arenas.
  E.arena_cap = round_up(dynamic + kStaticMax + (kArrays + 1) * (kRed + 16));
  auto* p = (char*)aligned_alloc(16, E.arena_cap + 16);
  if (!p) abort();
  *(char**)p = E.arena_list, E.arena_list = p, E.arena = p + 16;
}

EMU_RAW void begin_shared(size_t dynamic) {
  new_arena(dynamic);
  ASAN_UNPOISON_MEMORY_REGION(E.arena, E.arena_cap);
  memset(E.arena, race ? kUnwritten : kRedByte, E.arena_cap);
  ASAN_POISON_MEMORY_REGION(E.arena, E.arena_cap);
  E.static_smem = 0, E.nfence = 0, E.arena_used = kRed;
  E.dyn = add_fence(nullptr, dynamic);
}

EMU_RAW void* static_smem(const void* key, size_t bytes) {
  for (int i = 1; i < E.nfence; i++)
    if (E.fence[i].key == key) return E.arena + E.fence[i].begin;
  size_t dynamic = E.fence[0].end - E.fence[0].begin;
  E.static_smem += round_up(bytes);
  if (E.static_smem > kStaticMax || E.static_smem + dynamic > kSharedMax || E.nfence == kArrays)
    fail("%zu bytes of shared memory in %d static arrays and %zu dynamic: want at most %zu bytes in %d static arrays, %zu in all",
         E.static_smem, E.nfence, dynamic, kStaticMax, kArrays - 1, kSharedMax);
  return add_fence(key, bytes);
}

EMU_RAW bool in_smem(const void* p) { return (const char*)p >= E.arena && (const char*)p < E.arena + E.arena_used; }

EMU_RAW static void check_red(size_t from, size_t to, const char* what) {
  for (size_t k = from; k < to && !E.failed; k++)
    if ((unsigned char)E.arena[k] != kRedByte) {
      note_block();
      note("shared memory overrun %zu bytes past %s", k - from, what);
    }
}

EMU_RAW void end_shared() {
  ASAN_UNPOISON_MEMORY_REGION(E.arena, E.arena_cap);
  if (race) return;
  check_red(0, E.fence[0].begin, "the start of the arena");
  for (int i = 0; i < E.nfence; i++)
    check_red(E.fence[i].end, i + 1 < E.nfence ? E.fence[i + 1].begin : E.arena_used,
              i == 0 ? "the dynamic array" : "a static array");
}

EMU_RAW void free_shared() {
  while (E.arena_list) {
    char* p = E.arena_list;
    E.arena_list = *(char**)p;
    free(p);
  }
  E.arena = nullptr;
}
}  // namespace emu
