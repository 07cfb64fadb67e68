//go:build m2ptemu

#include "primitives.cu"
