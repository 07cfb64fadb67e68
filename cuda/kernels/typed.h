// For files whose kernels exist once for each storage of activations. Such a file is
// compiled twice: with T = float, which names KERNEL(add, ...) add_f32, and with T_BF16
// defined and T = bf16, which names it add_bf16.
#pragma once
#ifdef T_BF16
#define KERNEL(name, threads, params) KERNEL_ENTRY(name##_bf16, threads, params)
#else
#define KERNEL(name, threads, params) KERNEL_ENTRY(name##_f32, threads, params)
#endif
#include "kernel.h"

#ifdef T_BF16
using T = bf16;
using Other = float;  // the storage that T is not
#else
using T = float;
using Other = bf16;
#endif
constexpr int WIDE = 16 / sizeof(T);  // values of an access of 16 bytes
