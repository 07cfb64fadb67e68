//go:build m2ptemu

#include "interpolate.cu"
