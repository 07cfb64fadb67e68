//go:build m2ptemu

// Fibers: stacks that switch to each other without a trip through the kernel of the host.
#include "fiber.h"
#include <stdlib.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef EMU_UCONTEXT
// emu_hop saves the callee-saved registers on the stack, leaves its pointer in *from and
// goes on from the stack `to`, left in the same way.
asm(R"(
  .text
  .globl emu_hop
  .hidden emu_hop
  .type emu_hop, @function
emu_hop:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size emu_hop, .-emu_hop
)");
#endif

extern "C" void emu_hop(void** from, void* to);

namespace emu {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const size_t kStack = 256 << 10;
#else
static const size_t kStack = 64 << 10;
#endif
static const size_t kGuard = 4096;  // a stack that overflows faults here

EMU_RAW void switch_to(Fiber* from, Fiber* to) {
  E.cur = to;
#ifdef __SANITIZE_ADDRESS__
  bool home = to == &E.main;
  __sanitizer_start_switch_fiber(from->state == Fiber::Done ? nullptr : &from->fake, home ? E.main_stack : to->stack,
                                 home ? E.main_stack_size : kStack);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(to->tsan, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef EMU_UCONTEXT
  swapcontext(&from->uc, &to->uc);
#else
  emu_hop(&from->sp, to->sp);
#endif
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(from->fake, nullptr, nullptr);
#endif
}

EMU_RAW void begin_fiber() {
#ifdef __SANITIZE_ADDRESS__
  const void* stack;
  size_t size;
  __sanitizer_finish_switch_fiber(nullptr, &stack, &size);
  if (E.fresh) E.main_stack = stack, E.main_stack_size = size, E.fresh = false;
#endif
}

EMU_RAW void reset(Fiber* f, void (*start)()) {
  // Stacks lie a power of two apart: equal tops would fight for the same sets of the cache.
  size_t stagger = (size_t)(f - E.fibers) * 576 % 16384;
  auto top = ((uintptr_t)f->stack + kStack - 64 - stagger) & ~(uintptr_t)15;
#ifdef __SANITIZE_ADDRESS__
  // A fiber that came to its end left only its first frames.
  size_t used = f->state == Fiber::Done ? 1024 : top - (uintptr_t)f->stack;
  __asan_unpoison_memory_region((char*)top - used, used);
#endif
#ifdef EMU_UCONTEXT
  getcontext(&f->uc);
  f->uc.uc_stack.ss_sp = f->stack;
  f->uc.uc_stack.ss_size = top - (uintptr_t)f->stack;
  f->uc.uc_link = nullptr;
  makecontext(&f->uc, start, 0);
#else
  auto** sp = (void**)top;
  *--sp = nullptr;  // start returns nowhere
  *--sp = (void*)start;
  for (int i = 0; i < 6; i++) *--sp = nullptr;
  f->sp = sp;
#endif
}

EMU_RAW static void drop_fibers() {
  for (unsigned i = 0; i < E.cap; i++) {
    munmap(E.fibers[i].stack - kGuard, kStack + kGuard);
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(E.fibers[i].tsan);
#endif
  }
  free(E.fibers), free(E.warps);
}

EMU_RAW void need_fibers(unsigned n) {
  if (n <= E.cap) return;
  drop_fibers();
  E.fibers = (Fiber*)calloc(n, sizeof(Fiber));
  E.warps = (Warp*)calloc((n + 31) / 32, sizeof(Warp));
  if (!E.fibers || !E.warps) abort();
  for (unsigned i = 0; i < n; i++) {
    void* p = mmap(nullptr, kStack + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) abort();
    mprotect(p, kGuard, PROT_NONE);
    E.fibers[i].stack = (char*)p + kGuard;
#ifdef __SANITIZE_THREAD__
    E.fibers[i].tsan = __tsan_create_fiber(0);
#endif
  }
  E.cap = n;
}
}  // namespace emu
