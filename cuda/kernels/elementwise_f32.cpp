//go:build m2ptemu

#include "elementwise.cu"
