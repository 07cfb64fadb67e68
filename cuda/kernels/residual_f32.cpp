//go:build m2ptemu

#include "residual.cu"
