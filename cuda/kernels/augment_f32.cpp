//go:build m2ptemu

#include "augment.cu"
