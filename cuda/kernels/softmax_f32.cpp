//go:build m2ptemu

#include "softmax.cu"
