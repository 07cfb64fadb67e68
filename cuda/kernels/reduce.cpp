//go:build m2ptemu

#include "reduce.cu"
