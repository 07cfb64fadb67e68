// The table of kernels: each enters itself when the program starts.
#pragma once
#include <string.h>
#include <type_traits>
#include <utility>
#include "bridge.h"
#include "engine.h"

namespace emu {
template <class P> constexpr char kind() {
  if (std::is_pointer<P>::value) return 'p';
  if (std::is_same<P, float>::value) return 'f';
  return sizeof(P) == 8 ? 'l' : 'i';
}
template <class P> P cell(uint64_t bits) {
  static_assert(std::is_pointer<P>::value || std::is_same<P, float>::value ||
                    (std::is_integral<P>::value && (sizeof(P) == 4 || sizeof(P) == 8)),
                "a parameter is a pointer, an integer of 32 or 64 bits, or a float");
  P v;
  memcpy(&v, &bits, sizeof v);
  return v;
}
template <auto F> struct Unpack;
template <class... P, void (*F)(P...)> struct Unpack<F> {
  static constexpr char params[] = {kind<P>()..., 0};
  template <size_t... I> static void call(const uint64_t* args, std::index_sequence<I...>) { F(cell<P>(args[I])...); }
  static void call(const uint64_t* args) { call(args, std::index_sequence_for<P...>{}); }
};
struct Entry : emu_kernel {
  Entry(const char* name, unsigned threads, const char* params, Call call);
};
}  // namespace emu

#define KERNEL_ENTRY(name, threads, parameters)                                                        \
  static void name##_kernel parameters;                                                                \
  [[maybe_unused]] static const emu::Entry name##_entry(#name, threads, emu::Unpack<&name##_kernel>::params, \
                                                        emu::Unpack<&name##_kernel>::call);            \
  static void name##_kernel parameters
