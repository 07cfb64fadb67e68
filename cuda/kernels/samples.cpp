//go:build m2ptemu

#include "samples.cu"
