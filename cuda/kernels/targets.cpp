//go:build m2ptemu

#include "targets.cu"
