//go:build m2ptemu

#include "scatter.cu"
