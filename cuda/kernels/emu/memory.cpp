//go:build m2ptemu

// Memory for kernels between two red zones, which show as NaN where they are read.
#include <stdlib.h>
#include <string.h>
#include "bridge.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

static const size_t red = 256;
static const unsigned char filled = 0xff;

static size_t whole(size_t bytes) { return 2 * red + (bytes + red - 1) / red * red; }

extern "C" void* emu_alloc(size_t bytes) {
  auto* p = (unsigned char*)aligned_alloc(red, whole(bytes));
  if (!p) return nullptr;
  memset(p, filled, whole(bytes));
  memset(p + red, 0, bytes);
  ASAN_POISON_MEMORY_REGION(p, red);
  ASAN_POISON_MEMORY_REGION(p + red + bytes, whole(bytes) - red - bytes);
  return p + red;
}

extern "C" void emu_free(void* at, size_t bytes) {
  auto* p = (unsigned char*)at - red;
  ASAN_UNPOISON_MEMORY_REGION(p, whole(bytes));
  free(p);
}

extern "C" int emu_intact(const void* at, size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  return (void)at, (void)bytes, 1;  // a write would have ended the program
#else
  auto* p = (const unsigned char*)at;
  bool ok = true;
  for (size_t i = 0; i < red; i++) ok &= (p - red)[i] == filled;
  for (size_t i = bytes; i < whole(bytes) - red; i++) ok &= p[i] == filled;
  return ok;
#endif
}

extern "C" const char* emu_sanitizer(void) {
#if defined(__SANITIZE_ADDRESS__)
  return "address";
#elif defined(__SANITIZE_THREAD__)
  return "thread";
#else
  return "";
#endif
}
