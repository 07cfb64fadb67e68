//go:build m2ptemu

#define T_BF16
#include "attention.cu"
