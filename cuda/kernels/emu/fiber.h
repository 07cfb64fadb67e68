// How the engine's parts use each other.
#pragma once
#include "engine.h"

namespace emu {
// need_fibers makes sure of n fibers and their warps.
void need_fibers(unsigned n);
// reset lets f start anew.
void reset(Fiber* f, void (*start)());
// begin_fiber is what start calls first.
void begin_fiber();
void switch_to(Fiber* from, Fiber* to);

// begin_shared and end_shared fence a block's shared memory; end_shared tells of overruns.
// free_shared ends the launch.
void begin_shared(size_t dynamic);
void end_shared();
void free_shared();

// note adds to the text of a launch that failed.
void note(const char* format, ...) __attribute__((format(printf, 1, 2)));
// note_block begins that text.
void note_block();
}  // namespace emu
