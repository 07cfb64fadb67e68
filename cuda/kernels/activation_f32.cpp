//go:build m2ptemu

#include "activation.cu"
