//go:build m2ptemu

#include "points.cu"
