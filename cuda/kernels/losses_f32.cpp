//go:build m2ptemu

#include "losses.cu"
