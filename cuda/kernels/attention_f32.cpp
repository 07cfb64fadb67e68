//go:build m2ptemu

#include "attention.cu"
