// The emulated kernels as C sees them.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct emu_kernel {
  const char* name;
  unsigned threads;  // of a block, at most
  const char* params;  // a letter for each: p pointer, l 64 and i 32 bits of integer, f float
  void (*call)(const uint64_t* args);
  const struct emu_kernel* next;
} emu_kernel;

// emu_kernels is the first kernel of the table, which has no order.
const emu_kernel* emu_kernels(void);
// emu_run launches k; args has a cell for each parameter. It returns null, or what went
// wrong, for free.
char* emu_run(const emu_kernel* k, const unsigned grid[3], unsigned block, size_t dynamic, uint64_t seed, const uint64_t* args);

// emu_alloc returns zeroed memory aligned to 256 bytes between two red zones, or null.
void* emu_alloc(size_t bytes);
void emu_free(void* p, size_t bytes);
// emu_intact tells whether nothing was written to the red zones of p.
int emu_intact(const void* p, size_t bytes);
// emu_sanitizer is "address", "thread" or "": with which the kernels were compiled.
const char* emu_sanitizer(void);

#ifdef __cplusplus
}
#endif
