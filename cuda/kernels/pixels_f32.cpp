//go:build m2ptemu

#include "pixels.cu"
