//go:build m2ptemu

#include "table.h"

static const emu_kernel* first;

emu::Entry::Entry(const char* name, unsigned threads, const char* params, Call call)
    : emu_kernel{name, threads, params, call, first} {
  first = this;
}

extern "C" const emu_kernel* emu_kernels(void) { return first; }

extern "C" char* emu_run(const emu_kernel* k, const unsigned grid[3], unsigned block, size_t dynamic, uint64_t seed,
                         const uint64_t* args) {
  const char* wrong = emu::run({grid[0], grid[1], grid[2]}, block, dynamic, seed, k->call, args);
  return *wrong ? strdup(wrong) : nullptr;
}
